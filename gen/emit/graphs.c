#include "emit/graphs.h"
#include "graph/dists.h"
#include "graph/graph.h"
#include "graph/plan.h"

#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

static const struct graph *sorting; /* qsort has no context */

static int compare_nodes(const void *a, const void *b) {
    return strcmp(graph_path(sorting, *(const uint32_t *)a), graph_path(sorting, *(const uint32_t *)b));
}

static uint32_t *sorted_nodes(struct arena *a, const struct graph *g) {
    uint32_t *order = arena_alloc(a, (g->nodes + 1) * sizeof *order);
    for (uint32_t i = 0; i < g->nodes; i++)
        order[i] = i;
    sorting = g;
    qsort(order, g->nodes, sizeof *order, compare_nodes);
    return order;
}

static int compare_edges(const void *a, const void *b) {
    const struct edge *x = a, *y = b;
    int order = strcmp(graph_path(sorting, x->to), graph_path(sorting, y->to));
    return order ? order : x->kind < y->kind ? -1 : x->kind > y->kind;
}

static struct edge *sorted_edges(struct arena *a, const struct graph *g, uint32_t node) {
    uint32_t n = g->edges[node].len;
    struct edge *edges = arena_alloc(a, (n + 1) * sizeof *edges);
    if (n)
        memcpy(edges, g->edges[node].items, n * sizeof *edges);
    qsort(edges, n, sizeof *edges, compare_edges);
    return edges;
}

static const char *name_of(struct arena *a, const struct graph *g, uint32_t node) {
    const char *path = graph_path(g, node);
    return str_starts(path, DIST_FOLDER) ? arena_printf(a, "dist:%s", path + strlen(DIST_FOLDER)) : path;
}

static void put_json(struct buf *b, const char *s) {
    cJSON *string = cJSON_CreateString(s);
    char *text = cJSON_PrintUnformatted(string);
    buf_str(b, text);
    cJSON_free(text);
    cJSON_Delete(string);
}

void emit_json(struct buf *b, const struct plan *plan, const struct graph *g) {
    struct arena scratch = {0};
    uint32_t *order = sorted_nodes(&scratch, g);
    buf_str(b, "{\"targets\": [");
    ARRAY_FOR (const struct target, t, &plan->targets) {
        buf_str(b, t == plan->targets.items ? "\n  " : ",\n  ");
        put_json(b, t->file);
    }
    buf_str(b, "\n], \"nodes\": [");
    for (uint32_t i = 0; i < g->nodes; i++) {
        buf_str(b, i ? ",\n  " : "\n  ");
        put_json(b, name_of(&scratch, g, order[i]));
    }
    buf_str(b, "\n], \"edges\": [");
    const char *separator = "\n  ";
    for (uint32_t i = 0; i < g->nodes; i++) {
        const struct edge *edges = sorted_edges(&scratch, g, order[i]);
        for (uint32_t j = 0; j < g->edges[order[i]].len; j++) {
            buf_fmt(b, "%s{\"from\": ", separator);
            put_json(b, name_of(&scratch, g, order[i]));
            buf_str(b, ", \"to\": ");
            put_json(b, name_of(&scratch, g, edges[j].to));
            buf_fmt(b, ", \"kind\": \"%s\", \"line\": %u}", edge_kind_name(edges[j].kind), edges[j].line);
            separator = ",\n  ";
        }
    }
    buf_str(b, "\n]}\n");
    arena_free(&scratch);
}

void escape_dot(struct buf *b, const char *s) {
    buf_char(b, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            buf_char(b, '\\');
        buf_char(b, *s);
    }
    buf_char(b, '"');
}

void emit_dot(struct buf *b, const struct plan *plan, const struct graph *g) {
    struct arena scratch = {0};
    uint32_t *order = sorted_nodes(&scratch, g);
    buf_str(b, "digraph testfan {\n  rankdir=LR;\n  node [shape=box, fontname=sans];\n");
    ARRAY_FOR (const struct target, t, &plan->targets) {
        buf_str(b, "  ");
        escape_dot(b, t->file);
        buf_str(b, " [style=bold];\n");
    }
    for (uint32_t i = 0; i < g->nodes; i++) {
        const struct edge *edges = sorted_edges(&scratch, g, order[i]);
        for (uint32_t j = 0; j < g->edges[order[i]].len; j++) {
            buf_str(b, "  ");
            escape_dot(b, name_of(&scratch, g, order[i]));
            buf_str(b, " -> ");
            escape_dot(b, name_of(&scratch, g, edges[j].to));
            if (edges[j].kind != EDGE_IMPORT)
                buf_fmt(b, " [label=%s]", edge_kind_name(edges[j].kind));
            buf_str(b, ";\n");
        }
    }
    buf_str(b, "}\n");
    arena_free(&scratch);
}
