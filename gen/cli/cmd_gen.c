#include "cli/commands.h"
#include "cli/options.h"
#include "cli/project.h"
#include "base/diag.h"

int cmd_gen(struct invocation *in) {
    struct project p;
    struct plan plan;
    if (!project_load(in->arena, in, 0, &p))
        return EXIT_USAGE;
    const struct filter all = {.maxfail = -1};
    bool ok = plan_targets(in->arena, &p.sure, &p.scan, &p.config, p.store.facts, &all, &plan) &&
              project_write(&p, &plan);
    if (ok && in->stats)
        project_stats(&p, &plan);
    project_free(&p);
    return !ok ? EXIT_USAGE : diag_errors() ? EXIT_FAILED : EXIT_PASSED;
}
