#include "run/opinion.h"
#include "base/diag.h"
#include "base/os.h"
#include "base/out.h"
#include "base/str.h"
#include "graph/plan.h"
#include "report/property.h"
#include "run/attempt.h"
#include "run/company.h"
#include "run/environment.h"
#include "run/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What failed of a target that came to its end by itself, or NULL. */
static const char *failures_in(struct arena *a, const struct run_log *log) {
    struct strs ids = {0};
    ARRAY_FOR (const struct logged_test, test, &log->tests)
        if (str_eq(test->outcome, "failed") || str_eq(test->outcome, "error"))
            array_push(a, &ids, test->id);
    return log->finished && log->failed
               ? arena_printf(a, "%ld failed\n%s\n", log->failed, strs_join(a, &ids, "\n"))
               : NULL;
}

static const char *failures_of(struct arena *a, const struct target *t) {
    struct run_log log;
    struct os_stat st;
    if (os_stat(arena_printf(a, "%s.ok", t->result), &st))
        return NULL;
    log_read(a, arena_printf(a, "%s.log", t->result), &log);
    return failures_in(a, &log);
}

static const char *asked_file(struct arena *a, const char *result) {
    return arena_printf(a, "%s.asked", result);
}

static bool was_asked(struct arena *a, const char *result, const char *failures) {
    size_t n = 0;
    return str_eq(os_read(a, asked_file(a, result), &n), failures);
}

bool opinion_is_unwanted(void) {
    return getenv("TESTFAN_STRICT_ISOLATION") != NULL;
}

/* The process that will take the opinion, or that will start it: ninja. */
static pid_t run_of(void) {
    const char *run = getenv("TESTFAN_RUN");
    return run ? (pid_t)strtol(run, NULL, 10) : getppid();
}

void opinion_prepare(struct target_run *t, const struct run_log *log) {
    struct arena *a = &t->arena;
    const char *failures = failures_in(a, log), *result = arena_strndup(a, t->xml, strlen(t->xml) - 4);
    if (!t->server || t->late || opinion_is_unwanted() || !failures || was_asked(a, result, failures))
        return;
    struct strs env = run_environment(a);
    const struct server server = {a, t->server, t->python, &t->args, &env};
    server_gather(&server, run_of(), OPINIONS_MOST);
}

/* The report with what says where it comes from. */
static bool marked(struct arena *a, const struct target *t, const char *report, size_t n, struct buf *out) {
    struct buf b = {0};
    bool ok = report_mark(&b, report, n, "testfan.order-dependent", "true");
    if (ok && t->shards)
        ok = report_mark(out, b.s, b.len, "testfan.shard",
                         arena_printf(a, "%s %s", plan_shard(a, t), t->fingerprint ? t->fingerprint : ""));
    else if (ok)
        buf_add(out, b.s, b.len);
    buf_free(&b);
    return ok;
}

static void take_over(struct arena *a, const struct target *t, const struct guest *g) {
    size_t n = 0, m = 0;
    const char *report = os_read(a, g->xml, &n), *log = os_read(a, g->log, &m);
    struct buf b = {0};
    if (report && log && marked(a, t, report, n, &b) &&
        out_replace(arena_printf(a, "%s.log", t->result), log, m))
        out_replace(arena_printf(a, "%s.xml", t->result), b.s, b.len);
    buf_free(&b);
}

/* Whether the tests that failed alone, of which there are `failures`, have run among the others. */
static bool ran_all(struct arena *a, const char *failures, const struct guest *g) {
    struct run_log log;
    log_read(a, g->log, &log);
    if (!log.collected && !log.skipped)
        return false;
    struct strs ids = {0};
    ARRAY_FOR (const struct logged_test, test, &log.tests)
        array_push(a, &ids, test->id);
    char *list = arena_strdup(a, failures + strcspn(failures, "\n")), *rest = NULL;
    for (char *id = strtok_r(list, "\n", &rest); id; id = strtok_r(NULL, "\n", &rest))
        if (!strs_has(&ids, id))
            return false;
    return true;
}

static void judge(const struct company *c, const struct target *t, const struct guest *g) {
    const char *failures = failures_of(c->arena, t);
    if (!g->passed || !ran_all(c->arena, failures, g)) {
        out_write(asked_file(c->arena, t->result), failures, strlen(failures), NULL);
        return;
    }
    if (company_alone(c, t->file, g->shard, &(struct strs){0})) {
        diag(DIAG_FLAKY, t->file, 0, 0, "failed, and passed when it was run again");
        hint("retry what is known to be flaky: testfan test --retries 1");
        return;
    }
    take_over(c->arena, t, g);
    diag(DIAG_ORDER_DEPENDENT, t->file, 0, 0, "fails alone and passes among the other test files");
    hint("it is run again every time, unless testfan learn finds the import that it leans on");
}

void opinions_take(struct arena *a, const char *python, const struct plan *plan) {
    const struct company c = {a, python, plan};
    struct guests guests = {0};
    const struct target **failed = arena_alloc(a, (plan->targets.len + 1) * sizeof *failed);
    const char *dir = ".testfan/tmp/opinion";
    ARRAY_FOR (const struct target, t, &plan->targets) {
        const char *failures = failures_of(a, t);
        if (!failures || was_asked(a, t->result, failures))
            continue;
        failed[guests.len] = t;
        array_push(a, &guests,
                   (struct guest){.file = t->file,
                                  .shard = plan_shard(a, t),
                                  .xml = arena_printf(a, "%s/%u.xml", dir, guests.len),
                                  .log = arena_printf(a, "%s/%u.log", dir, guests.len)});
    }
    if (guests.len > OPINIONS_MOST)
        fprintf(stderr, "testfan: %u files failed: no second opinion above %d\n", guests.len, OPINIONS_MOST);
    if (!guests.len || guests.len > OPINIONS_MOST)
        return;
    os_remove_tree(dir);
    os_mkdirs(dir);
    if (company_ask(&c, &guests))
        for (uint32_t i = 0; i < guests.len; i++)
            judge(&c, failed[i], &guests.items[i]);
    os_remove_tree(dir);
}
