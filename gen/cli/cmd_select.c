#include "cli/commands.h"
#include "cli/options.h"
#include "cli/project.h"
#include "cli/selection.h"
#include "cli/workspace.h"
#include "base/diag.h"
#include "emit/bazel.h"

#include <cJSON.h>
#include <stdio.h>
#include <string.h>

static cJSON *strings_json(const struct strs *list) {
    cJSON *array = cJSON_CreateArray();
    for (uint32_t i = 0; i < list->len; i++)
        cJSON_AddItemToArray(array, cJSON_CreateString(list->items[i]));
    return array;
}

static void print_json(const struct plan *plan, const struct reasons *reasons) {
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < plan->targets.len; i++) {
        const struct target *t = &plan->targets.items[i];
        const struct reason *r = &reasons->items[i];
        cJSON *target = cJSON_CreateObject(), *reason = cJSON_CreateObject();
        cJSON_AddStringToObject(target, "file", t->file);
        if (t->nodes.len)
            cJSON_AddItemToObject(target, "nodes", strings_json(&t->nodes));
        cJSON_AddStringToObject(reason, "kind", reason_name(r->kind));
        if (r->text)
            cJSON_AddStringToObject(reason, "text", r->text);
        if (r->chain.len)
            cJSON_AddItemToObject(reason, "chain", strings_json(&r->chain));
        cJSON_AddItemToObject(target, "reason", reason);
        cJSON_AddItemToArray(list, target);
    }
    char *text = cJSON_Print(list);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(list);
}

static void print_target(const struct target *t, const char *format) {
    if (strcmp(format, "ninja") == 0)
        printf("%s.test\n", t->file);
    else if (!t->nodes.len)
        puts(t->file);
    for (uint32_t i = 0; i < t->nodes.len && strcmp(format, "ninja") != 0; i++)
        puts(t->nodes.items[i]);
}

/* Every file has its label, also where only some of its tests are selected. */
static void print_labels(struct project *p, const struct plan *plan) {
    struct packages packages;
    workspace_packages(p, plan, &packages);
    ARRAY_FOR (const struct target, t, &plan->targets) {
        const char *label = bazel_label(&packages, t->node);
        if (label)
            puts(label);
    }
    packages_free(&packages);
}

static void print_reason(const struct reason *r) {
    printf("    %s%s%s\n", reason_name(r->kind), r->text ? ": " : "", r->text ? r->text : "");
    for (uint32_t i = 0; i < r->chain.len; i++)
        printf("        %s\n", r->chain.items[i]);
}

/* A file of which some parts are selected is told once. */
static void join_shards(struct plan *plan, struct reasons *reasons) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < plan->targets.len; i++) {
        const struct target *t = &plan->targets.items[i];
        if (kept && strcmp(plan->targets.items[kept - 1].file, t->file) == 0)
            continue;
        if (reasons && i < reasons->len)
            reasons->items[kept] = reasons->items[i];
        plan->targets.items[kept++] = *t;
    }
    plan->targets.len = kept;
    if (reasons && reasons->len > kept)
        reasons->len = kept;
}

static bool select_targets(struct invocation *in, struct project *p, struct plan *plan,
                           struct reasons *reasons) {
    struct filter filter;
    if (!selection_read(in, p, &filter) ||
        !plan_targets(in->arena, &p->graph, &p->scan, &p->config, p->store.facts, &filter, plan))
        return false;
    project_refine(p, plan, true, false);
    bool ok = selection_apply(in, p, &filter, plan, reasons);
    if (ok)
        join_shards(plan, reasons);
    return ok;
}

int cmd_select(struct invocation *in) {
    struct project p;
    struct plan plan;
    struct reasons reasons = {0};
    bool json = strcmp(in->format, "json") == 0, bazel = strcmp(in->format, "bazel") == 0;
    if (!project_load(in->arena, in, bazel || selection_needs_edges(in) ? 0 : PROJECT_NO_EDGES, &p))
        return EXIT_USAGE;
    bool ok = select_targets(in, &p, &plan, json || in->explain ? &reasons : NULL);
    if (ok && json)
        print_json(&plan, &reasons);
    if (ok && bazel)
        print_labels(&p, &plan);
    for (uint32_t i = 0; ok && !json && !bazel && i < plan.targets.len; i++) {
        print_target(&plan.targets.items[i], in->format);
        if (in->explain && i < reasons.len)
            print_reason(&reasons.items[i]);
    }
    if (ok && in->stats)
        project_stats(&p, &plan);
    project_free(&p);
    return !ok ? EXIT_USAGE : diag_errors() ? EXIT_FAILED : plan.targets.len ? EXIT_PASSED : EXIT_NO_TESTS;
}
