#include "cli/outcome.h"
#include "base/diag.h"
#include "base/os.h"
#include "base/out.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "graph/plan.h"
#include "report/lastfailed.h"
#include "report/merge.h"
#include "report/terminal.h"
#include "report/times.h"
#include "run/log.h"
#include "run/opinion.h"
#include "run/screen.h"
#include "run/shared.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char report_path[] = ".testfan/report.xml";

void outcome_judge(struct arena *a, const char *python, const struct plan *plan) {
    if (python && !plan->strict && !opinion_is_unwanted())
        opinions_take(a, python, plan);
}

bool outcome_merge(struct arena *a, const struct plan *plan, const char *out, struct summary *s) {
    struct merge_input *in = arena_alloc(a, (plan->targets.len + 1) * sizeof *in);
    for (uint32_t i = 0; i < plan->targets.len; i++) {
        const struct target *t = &plan->targets.items[i];
        in[i] = (struct merge_input){.target = t->file,
                                     .report = arena_printf(a, "%s.xml", t->result),
                                     .log = arena_printf(a, "%s.log", t->result)};
    }
    return merge_reports(a, in, plan->targets.len, out, s);
}

static void copy_file(struct arena *a, const char *from, const char *to) {
    size_t n = 0;
    const char *text = os_read(a, from, &n);
    if (text)
        out_write(to, text, n, NULL);
}

/* The file, or where --maxfail ended it before its last test or only some were asked for, the tests that it
 * did run; then false. */
static bool add_run(struct arena *a, const struct target *t, bool filtered, struct strs *run) {
    struct run_log log;
    bool whole = !filtered && os_is_file(arena_printf(a, "%s.ok", t->result));
    if (!whole)
        log_read(a, arena_printf(a, "%s.log", t->result), &log);
    if (whole || (!filtered && log_is_whole(&log))) {
        array_push(a, run, t->file);
        return true;
    }
    ARRAY_FOR (const struct logged_test, test, &log.tests)
        array_push(a, run, test->id);
    return false;
}

void outcome_keep(struct arena *a, const struct plan *plan, const struct summary *s, bool whole) {
    struct strs files = {0}, run = {0}, stopped = {0};
    struct summary timed = {0};
    ARRAY_FOR (const struct target, t, &plan->targets) {
        array_push(a, &files, t->file);
        if (!add_run(a, t, plan->filtered, &run))
            array_push(a, &stopped, t->file);
    }
    ARRAY_FOR (const struct target_time, time, &s->targets)
        if (!strs_has(&stopped, time->target))
            array_push(a, &timed.targets, *time);
    if (plan->junitxml)
        copy_file(a, plan->report, plan->junitxml);
    if (!plan->filtered)
        times_update(TIMES_FILE, &timed, whole ? &files : NULL);
    if (plan->cache_dir)
        lastfailed_update(a, plan->cache_dir, &run, &s->failed_ids);
}

static bool is_new(const char *path, int64_t started) {
    struct os_stat st;
    return os_stat(path, &st) && st.mtime_ns >= started;
}

bool outcome_is_new(const struct target *t, int64_t started) {
    char report[PATH_MAX];
    snprintf(report, sizeof report, "%s.xml", t->result);
    return is_new(report, started);
}

static struct terminal_options terminal_of(const struct invocation *in) {
    return (struct terminal_options){
        .color = options_color(in, 1), .width = screen_columns(1), .told = in->live && !in->verbose};
}

void outcome_show(struct invocation *in, const struct target *t) {
    struct plan one = {0};
    struct summary s = {0};
    struct terminal_options options = terminal_of(in);
    array_push(in->arena, &one.targets, *t);
    if (outcome_merge(in->arena, &one, NULL, &s))
        terminal_problems(stdout, &s, &options);
    fflush(stdout);
}

/* Of a run that was interrupted the reports that it made; the others may be those of older files. */
static struct plan came_to_its_end(struct arena *a, const struct outcome *o) {
    struct plan plan = *o->plan;
    plan.targets.items = arena_alloc(a, (o->plan->targets.len + 1) * sizeof *plan.targets.items);
    plan.targets.len = 0;
    ARRAY_FOR (const struct target, t, &o->plan->targets)
        if (outcome_is_new(t, o->started))
            plan.targets.items[plan.targets.len++] = *t;
    return plan;
}

/* ninja's merge edge has made the report of a whole run that came to its end; all else is merged here, as
 * when a target could not leave a report. */
static bool merge_run(struct arena *a, const struct outcome *o, struct summary *s) {
    bool ended = o->ninja_status == 0 || o->ninja_status == 1, interrupted = o->ninja_status == 2;
    if (!o->part && (o->ninja_status == 0 || (ended && is_new(report_path, o->started))))
        return outcome_merge(a, o->plan, NULL, s);
    const struct plan plan = interrupted ? came_to_its_end(a, o) : *o->plan;
    unlink(".testfan/merged");
    shared_end(a, o->plan);
    if (ended)
        outcome_judge(a, o->python, o->plan);
    if (!outcome_merge(a, &plan, report_path, s))
        return false;
    if (!plan.filtered || !ended)
        outcome_keep(a, &plan, s, !o->part && !interrupted);
    return true;
}

long outcome_durations(const struct plan *plan) {
    return plan->durations < 0 ? 0 : plan->durations == 0 ? SLOW_TESTS : plan->durations;
}

int outcome_report(struct invocation *in, const struct outcome *o) {
    struct summary s = {0};
    if (!merge_run(in->arena, o, &s))
        return EXIT_INTERNAL;
    struct terminal_options options = terminal_of(in);
    options.durations = outcome_durations(o->plan);
    options.wall = o->seconds;
    options.targets = o->plan->targets.len;
    ARRAY_FOR (const struct target, t, &o->plan->targets) {
        bool ran = outcome_is_new(t, o->started);
        options.ran += ran;
        options.passed += !ran && os_is_file(arena_printf(in->arena, "%s.ok", t->result));
    }
    options.cached = o->cached < options.ran ? o->cached : options.ran;
    options.ran -= options.cached;
    terminal_summary(stdout, &s, &options);
    if (in->stats)
        fprintf(stderr, "ran %u\ncached %u\n", options.ran, options.cached);
    if (o->ninja_status == 2) {
        fputs("testfan: interrupted\n", stderr);
        return EXIT_INTERRUPTED;
    }
    if (o->ninja_status != 0 && o->ninja_status != 1)
        return EXIT_INTERNAL;
    return in->fail_on_flaky && s.flaky ? EXIT_FAILED : summary_exit(&s);
}
