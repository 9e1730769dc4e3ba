#include "run/attempt.h"
#include "base/diag.h"
#include "base/os.h"
#include "graph/plan.h"
#include "run/crash.h"
#include "run/environment.h"
#include "run/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NO_PASS_NO_TESTS = 5, OUTPUT_IN_REPORT = 8000 };

/* pytest's arguments that are this target's own. */
static struct strs own_arguments(struct target_run *t) {
    struct strs args = {0};
    array_push(&t->arena, &args, arena_printf(&t->arena, "--junitxml=%s", t->tmp_xml));
    if (t->failures_left)
        array_push(&t->arena, &args, arena_printf(&t->arena, "--maxfail=%ld", t->failures_left));
    return args;
}

static bool run_cold(struct target_run *t, const struct strs *nodes, const struct strs *env,
                     const struct strs *own, struct child *c) {
    struct arena *a = &t->arena;
    struct strs argv = {0};
    const char *const words[] = {t->python,
                                 t->worker,
                                 t->file,
                                 t->tmp_log,
                                 t->trace ? t->tmp_trace : "",
                                 arena_printf(a, "%.17g", t->limit),
                                 t->timeout > 0 ? "timed" : "",
                                 strs_join(a, &t->before, ","),
                                 t->shard};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        array_push(a, &argv, words[i]);
    for (uint32_t i = 0; i < nodes->len; i++)
        array_push(a, &argv, nodes->items[i]);
    array_push(a, &argv, "--");
    for (uint32_t i = 0; i < t->args.len; i++)
        array_push(a, &argv, t->args.items[i]);
    for (uint32_t i = 0; i < own->len; i++)
        array_push(a, &argv, own->items[i]);
    array_push(a, &argv, NULL);
    if (child_run(argv.items, env->items, t->timeout, c))
        return true;
    diag(DIAG_IO, t->python, 0, 0, "cannot be started: %s", strerror(errno));
    return false;
}

static bool run_served(struct target_run *t, const struct strs *nodes, const struct strs *env,
                       const struct strs *own, struct child *c) {
    const struct server server = {&t->arena, t->server, t->python, &t->args, env};
    const struct request request = {.file = t->file,
                                    .log = t->tmp_log,
                                    .trace = t->trace ? t->tmp_trace : NULL,
                                    .xml = t->tmp_xml,
                                    .nodes = nodes,
                                    .before = &t->before,
                                    .preload = &t->preload,
                                    .paths = &t->preload_paths,
                                    .args = *own,
                                    .shard = t->shard,
                                    .limit = t->limit,
                                    .timeout = t->timeout,
                                    .maxfail = t->failures_left,
                                    .share = t->share,
                                    .group = t->group,
                                    .result = os_join(&t->arena, t->rootdir, t->result)};
    const char *why = NULL;
    if (server_run(&server, &request, t->timeout, c, &why))
        return true;
    if (getenv("TESTFAN_VERBOSE"))
        printf("%s runs in a process of its own: %s\n", t->file, why);
    unlink(t->tmp_xml);
    unlink(t->tmp_log);
    if (!t->traced)
        unlink(t->tmp_trace);
    return false;
}

/* Whether faulthandler has printed the stacks of a test that took too long. */
static bool has_stacks(const char *output) {
    const char *timeout = strstr(output, "Timeout (");
    return timeout && strstr(timeout, " (most recent call first):");
}

/* What is wrong beyond failing tests, in one line; NULL when nothing is. */
static const char *find_crash(struct target_run *t, const struct child *c, const struct run_log *log,
                              const char *output, bool whole) {
    struct arena *a = &t->arena;
    const char *during = log->running ? arena_printf(a, " while running %s", log->running) : "";
    if (c->given_up)
        return arena_printf(a, "%s%s", c->given_up, during);
    if (c->timed_out)
        return arena_printf(a, "timed out after %g s%s", t->timeout, during);
    if (WIFSIGNALED(c->status))
        return arena_printf(a, "killed by %s%s", crash_signal_name(WTERMSIG(c->status)), during);
    int exit = WEXITSTATUS(c->status);
    if (t->limit > 0 && exit == 1 && log->running && has_stacks(output))
        return arena_printf(a, "timed out after %g s%s", t->limit, during);
    if (!log->finished)
        return arena_printf(a, "the interpreter ended with status %d%s", exit,
                            *during ? during : " before pytest had finished");
    if (exit != log->exit)
        return arena_printf(a, "the interpreter ended with status %d after pytest had finished with %d", exit,
                            log->exit);
    if (exit > 2 && exit != NO_PASS_NO_TESTS)
        return arena_printf(a, "pytest ended with status %d", exit);
    if (!whole)
        return "pytest left no complete report";
    if ((exit == 1 || exit == 2) && !log->failed)
        return arena_printf(a, "pytest ended with status %d though no test failed", exit);
    return NULL;
}

/* A hook may take all items away, told or not; but the tests that the file surely holds must have been seen.
 */
static bool misses_its_tests(const struct target_run *t, const struct run_log *log, int exit) {
    bool none = (exit == 0 || exit == NO_PASS_NO_TESTS) && !log->collected && !log->skipped && !t->filtered;
    return none && (t->expect == EXPECT_MADE ? !log->made : t->expect > 0 && !log->ignored);
}

/* Where the last lines begin that are `most` bytes together. */
static size_t last_part(const char *text, size_t n, size_t most) {
    if (n <= most)
        return 0;
    const char *line = memchr(text + n - most, '\n', most);
    return line ? (size_t)(line + 1 - text) : n - most;
}

/* The report with the crash in it. */
static void tell_crash(struct target_run *t, struct attempt *at) {
    size_t from = last_part(at->output.s, at->output.len, OUTPUT_IN_REPORT);
    struct crash crash = {t->file, at->crash, at->output.s + from, at->output.len - from};
    struct buf b = {0};
    if (!at->report || !crash_append(&b, &crash, &at->log, at->report, at->size)) {
        buf_reset(&b);
        crash_report(&b, &crash, &at->log);
    }
    at->report = arena_strndup(&t->arena, b.s, b.len);
    at->size = b.len;
    at->own_report = false;
    buf_free(&b);
}

static void judge(struct target_run *t, struct attempt *at) {
    const struct child *c = &at->child;
    size_t size = 0;
    const char *text = os_read(&t->arena, t->tmp_log, &size);
    at->log_text = text ? text : "";
    at->own_log = text != NULL;
    log_parse(&t->arena, at->log_text, &at->log);
    at->report = os_read(&t->arena, t->tmp_xml, &at->size);
    if (at->report && !crash_is_whole(at->report, at->size))
        at->report = NULL;
    at->own_report = at->report != NULL;
    buf_str(&at->output, "");
    capture_text(&c->output, &at->output);
    at->exit = WIFEXITED(c->status) ? WEXITSTATUS(c->status) : -1;
    at->crash = find_crash(t, c, &at->log, at->output.s, at->report != NULL);
    if (!at->crash && misses_its_tests(t, &at->log, at->exit))
        at->crash =
            t->expect == EXPECT_MADE
                ? "no hook makes tests of this file, as one did when pytest was asked [no-tests]"
                : arena_printf(&t->arena, "pytest collected none of the %ld tests of this file [no-tests]",
                               t->expect);
    at->shared = at->log.after > 0 || at->log.kept;
    at->passed = !at->crash && !at->log.failed && (at->exit == 0 || at->exit == NO_PASS_NO_TESTS);
    if (at->crash)
        tell_crash(t, at);
}

bool attempt_run(struct target_run *t, const struct strs *nodes, struct attempt *at) {
    *at = (struct attempt){0};
    struct strs own = own_arguments(t), env = run_environment(&t->arena);
    if (!(t->server && run_served(t, nodes, &env, &own, &at->child)) &&
        !run_cold(t, nodes, &env, &own, &at->child))
        return false;
    t->traced = true;
    if (!at->child.interrupted)
        judge(t, at);
    return true;
}

void attempt_free(struct attempt *at) {
    capture_free(&at->child.output);
    buf_free(&at->output);
}
