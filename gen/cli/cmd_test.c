#include "cli/commands.h"
#include "cli/options.h"
#include "cli/project.h"
#include "cli/suite.h"

int cmd_test(struct invocation *in) {
    struct project p;
    struct plan plan;
    if (!project_load(in->arena, in, PROJECT_RUNS | PROJECT_STARTS, &p))
        return EXIT_USAGE;
    int code = suite_run(in, &p, &plan);
    project_free(&p);
    return code;
}
