#include "cli/commands.h"
#include "cli/options.h"
#include "cli/outcome.h"
#include "base/diag.h"
#include "base/out.h"
#include "graph/plan.h"
#include "report/bep.h"
#include "report/merge.h"
#include "report/terminal.h"
#include "report/times.h"
#include "run/screen.h"
#include "run/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_summary(const struct invocation *in, const struct summary *s, long durations,
                          uint32_t targets) {
    const struct terminal_options options = {.color = options_color(in, 1),
                                             .width = screen_columns(1),
                                             .durations = durations,
                                             .wall = s->time,
                                             .targets = targets,
                                             .ran = targets};
    terminal_summary(stdout, s, &options);
}

/* The merge edge of a ninja build: whatever the tests say, it has done its work when the report is written.
 */
static int merge_plan(struct invocation *in) {
    struct plan plan;
    struct summary s = {0};
    out_set_tmp(".testfan/tmp");
    if (!plan_read(in->arena, in->plan, &plan))
        return EXIT_INTERNAL;
    shared_end(in->arena, &plan);
    outcome_judge(in->arena, in->python, &plan);
    if (!outcome_merge(in->arena, &plan, plan.report, &s))
        return EXIT_INTERNAL;
    outcome_keep(in->arena, &plan, &s, !plan.filtered);
    if (!getenv("TESTFAN_QUIET"))
        print_summary(in, &s, outcome_durations(&plan), plan.targets.len);
    return in->stamp && !out_stamp(in->stamp, "merged\n") ? EXIT_INTERNAL : EXIT_PASSED;
}

int cmd_merge(struct invocation *in) {
    if (strcmp(in->dir, ".") != 0 && chdir(in->dir) != 0)
        die("cannot enter %s:", in->dir);
    if (in->plan)
        return merge_plan(in);
    if (!in->output || (!in->words.len && !in->bep)) {
        diag(DIAG_USAGE, NULL, 0, 0,
             in->output ? "merge takes the reports to merge" : "merge takes -o OUT.xml");
        hint("testfan merge -o all.xml one.xml two.xml");
        return EXIT_USAGE;
    }
    struct merge_inputs inputs = {0};
    if (in->bep && !bep_read(in->arena, in->bep, &inputs))
        return EXIT_USAGE;
    for (uint32_t i = 0; i < in->words.len; i++)
        array_push(in->arena, &inputs, (struct merge_input){.report = in->words.items[i]});
    struct summary s = {0};
    if (!merge_reports(in->arena, inputs.items, inputs.len, in->output, &s))
        return EXIT_INTERNAL;
    if (in->durations)
        times_keep(TIMES_KEPT, in->output);
    print_summary(in, &s, 0, inputs.len);
    return in->fail_on_flaky && s.flaky ? EXIT_FAILED : summary_exit(&s);
}
