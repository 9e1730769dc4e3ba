#include "cli/commands.h"
#include "cli/options.h"
#include "cli/project.h"
#include "cli/workspace.h"
#include "base/diag.h"

#include <string.h>

int cmd_gen(struct invocation *in) {
    struct project p;
    struct plan plan;
    if (!project_load(in->arena, in, 0, &p))
        return EXIT_USAGE;
    const struct filter all = {.maxfail = -1};
    bool bazel = strcmp(in->engine, "bazel") == 0, stale = false;
    bool ok =
        plan_targets(in->arena, bazel ? &p.graph : &p.sure, &p.scan, &p.config, p.store.facts, &all, &plan);
    if (ok)
        project_refine(&p, &plan, !bazel, true);
    if (ok && bazel)
        ok = workspace_write(&p, &plan, in->check, &stale);
    else if (ok)
        ok = in->check ? project_check(&p, &plan, &stale) : project_write(&p, &plan);
    if (ok && in->stats)
        project_stats(&p, &plan);
    project_free(&p);
    return !ok ? EXIT_USAGE : diag_errors() || (in->check && stale) ? EXIT_FAILED : EXIT_PASSED;
}
