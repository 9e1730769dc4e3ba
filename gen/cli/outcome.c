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
#include "run/opinion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char report_path[] = ".testfan/report.xml";

void outcome_judge(struct arena *a, const char *python, const struct plan *plan) {
    if (python && !plan->strict && !getenv("TESTFAN_STRICT_ISOLATION"))
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

void outcome_keep(struct arena *a, const struct plan *plan, const struct summary *s, bool whole) {
    struct strs files = {0};
    ARRAY_FOR (const struct target, t, &plan->targets)
        array_push(a, &files, t->file);
    if (plan->junitxml)
        copy_file(a, plan->report, plan->junitxml);
    if (!plan->filtered)
        times_update(TIMES_FILE, s, whole ? &files : NULL);
    if (plan->cache_dir)
        lastfailed_update(a, plan->cache_dir, &files, &s->failed_ids);
}

static unsigned count_ran(struct arena *a, const struct outcome *o) {
    unsigned n = 0;
    ARRAY_FOR (const struct target, t, &o->plan->targets) {
        struct os_stat st;
        n += os_stat(arena_printf(a, "%s.xml", t->result), &st) && st.mtime_ns >= o->started - 20000000;
    }
    return n;
}

static bool wants_color(const struct invocation *in) {
    const char *no_color = getenv("NO_COLOR");
    return strcmp(in->color, "yes") == 0 ||
           (strcmp(in->color, "auto") == 0 && isatty(1) && !(no_color && *no_color));
}

/* ninja's merge edge has made the report of a whole run that came to its end; all else is merged here. */
static bool merge_run(struct arena *a, const struct outcome *o, struct summary *s) {
    bool ended = o->ninja_status == 0 || o->ninja_status == 1;
    if (!o->part && ended)
        return outcome_merge(a, o->plan, NULL, s);
    unlink(".testfan/merged");
    if (ended)
        outcome_judge(a, o->python, o->plan);
    if (!outcome_merge(a, o->plan, report_path, s))
        return false;
    if (!o->plan->filtered || !ended)
        outcome_keep(a, o->plan, s, !o->part);
    return true;
}

long outcome_durations(const struct plan *plan) {
    return plan->durations < 0 ? 0 : plan->durations == 0 ? SLOW_TESTS : plan->durations;
}

int outcome_report(struct invocation *in, const struct outcome *o) {
    struct summary s = {0};
    if (!merge_run(in->arena, o, &s))
        return EXIT_INTERNAL;
    const char *columns = getenv("COLUMNS");
    int width = columns ? atoi(columns) : 0;
    struct terminal_options options = {
        .color = wants_color(in),
        .width = width > 20 ? width : 80,
        .durations = outcome_durations(o->plan),
        .wall = o->seconds,
        .targets = o->plan->targets.len,
        .ran = count_ran(in->arena, o),
    };
    terminal_summary(stdout, &s, &options);
    if (o->ninja_status == 2) {
        fputs("testfan: interrupted\n", stderr);
        return EXIT_INTERRUPTED;
    }
    if (o->ninja_status != 0 && o->ninja_status != 1)
        return EXIT_INTERNAL;
    return in->fail_on_flaky && s.flaky ? EXIT_FAILED : summary_exit(&s);
}
