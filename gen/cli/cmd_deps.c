#include "cli/commands.h"
#include "cli/options.h"
#include "cli/project.h"
#include "base/diag.h"

#include <cJSON.h>
#include <stdio.h>
#include <string.h>

static void mark_direct(const struct project *p, uint32_t node, bool reverse, unsigned char *marked) {
    const struct graph *g = &p->graph;
    for (uint32_t from = 0; from < g->nodes; from++)
        ARRAY_FOR (const struct edge, e, &g->edges[from]) {
            if (reverse && e->to == node)
                marked[from] = 1;
            else if (!reverse && from == node)
                marked[e->to] = 1;
        }
}

static void mark_all(const struct project *p, uint32_t node, bool reverse, unsigned char *marked) {
    const struct graph *g = &p->graph;
    struct unit_edges edges = reverse ? graph_reverse(g, p->arena) : graph_forward(g);
    unsigned char *seen = arena_alloc(p->arena, g->units + 1);
    graph_reach(g, &edges, g->unit_of[node], seen);
    for (uint32_t i = 0; i < g->nodes; i++)
        marked[i] = seen[g->unit_of[i]] && i != node;
}

static void print_paths(const struct strs *paths, bool json) {
    if (!json) {
        for (uint32_t i = 0; i < paths->len; i++)
            puts(paths->items[i]);
        return;
    }
    cJSON *list = cJSON_CreateStringArray(paths->items, (int)paths->len);
    char *text = cJSON_Print(list);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(list);
}

static int run_deps(struct invocation *in, bool reverse) {
    struct project p;
    uint32_t node;
    if (in->words.len != 1) {
        diag(DIAG_USAGE, NULL, 0, 0, "%s takes one FILE", in->command->name);
        return EXIT_USAGE;
    }
    if (!project_load(in->arena, in, 0, &p))
        return EXIT_USAGE;
    bool ok = project_node(&p, in->words.items[0], &node);
    if (ok) {
        unsigned char *marked = arena_alloc(in->arena, p.graph.nodes + 1);
        (in->direct ? mark_direct : mark_all)(&p, node, reverse, marked);
        struct strs paths = {0};
        for (uint32_t i = 0; i < p.graph.nodes; i++)
            if (marked[i] && !str_starts(graph_path(&p.graph, i), DIST_FOLDER))
                array_push(in->arena, &paths,
                           strcmp(graph_path(&p.graph, i), "/") == 0 ? "./" : graph_path(&p.graph, i));
        strs_sort(&paths);
        print_paths(&paths, strcmp(in->format, "json") == 0);
        if (in->stats)
            project_stats(&p, NULL);
    }
    project_free(&p);
    return ok ? EXIT_PASSED : EXIT_USAGE;
}

int cmd_deps(struct invocation *in) {
    return run_deps(in, false);
}

int cmd_rdeps(struct invocation *in) {
    return run_deps(in, true);
}
