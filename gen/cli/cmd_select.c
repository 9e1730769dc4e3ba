#include "cli/commands.h"
#include "cli/options.h"
#include "cli/project.h"
#include "base/diag.h"

#include <cJSON.h>
#include <stdio.h>
#include <string.h>

static void print_json(const struct plan *plan) {
    cJSON *list = cJSON_CreateArray();
    ARRAY_FOR (const struct target, t, &plan->targets) {
        cJSON *target = cJSON_CreateObject();
        cJSON_AddStringToObject(target, "file", t->file);
        cJSON_AddItemToArray(list, target);
    }
    char *text = cJSON_Print(list);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(list);
}

static bool select_targets(struct invocation *in, const struct project *p, struct graph *g,
                           struct plan *plan) {
    struct filter filter = {.maxfail = -1};
    for (uint32_t i = 0; i < in->words.len; i++) {
        const char *path = project_path(p, in->words.items[i]);
        if (!path)
            return false;
        array_push(in->arena, &filter.paths, path);
    }
    if (!filter.paths.len && *p->below)
        array_push(in->arena, &filter.paths, p->below);
    return plan_targets(in->arena, g, &p->scan, &p->config, p->store.facts, &filter, plan);
}

int cmd_select(struct invocation *in) {
    struct project p;
    struct plan plan;
    if (!project_load(in->arena, in, 0, &p))
        return EXIT_USAGE;
    bool ok = select_targets(in, &p, &p.graph, &plan);
    if (ok && strcmp(in->format, "json") == 0)
        print_json(&plan);
    else if (ok)
        ARRAY_FOR (const struct target, t, &plan.targets)
            puts(t->file);
    if (ok && in->stats)
        project_stats(&p, &plan);
    project_free(&p);
    return !ok ? EXIT_USAGE : diag_errors() ? EXIT_FAILED : plan.targets.len ? EXIT_PASSED : EXIT_NO_TESTS;
}
