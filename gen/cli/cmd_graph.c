#include "cli/commands.h"
#include "cli/options.h"
#include "cli/project.h"
#include "emit/graphs.h"

#include <stdio.h>
#include <string.h>

int cmd_graph(struct invocation *in) {
    struct project p;
    struct plan plan;
    const struct filter all = {.maxfail = -1};
    if (!project_load(in->arena, in, 0, &p))
        return EXIT_USAGE;
    bool ok = plan_targets(in->arena, &p.graph, &p.scan, &p.config, p.store.facts, &all, &plan);
    struct buf b = {0};
    if (ok && strcmp(in->format, "dot") == 0)
        emit_dot(&b, &plan, &p.graph);
    else if (ok)
        emit_json(&b, &plan, &p.graph);
    if (b.len)
        fwrite(b.s, 1, b.len, stdout);
    buf_free(&b);
    project_free(&p);
    return ok ? EXIT_PASSED : EXIT_USAGE;
}
