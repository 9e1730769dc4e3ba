#include "graph/cycles.h"
#include "base/diag.h"
#include "base/str.h"
#include "graph/graph.h"

struct search {
    struct arena arena;
    const struct graph *g;
    uint32_t *parent, *length; /* by node; length 0: not reached */
    uint32_t *queue;
};

struct circle {
    uint32_t *nodes, length; /* the first one is not repeated at the end */
};

/* An edge without a line is that to a package above the module. */
static bool counts(const struct graph *g, uint32_t from, const struct edge *e) {
    return e->kind == EDGE_IMPORT && e->line && g->unit_of[from] == g->unit_of[e->to];
}

/* The shortest way from `start` back to it in fewer than `most` steps: its last node, or MAP_NONE. */
static uint32_t walk_back(struct search *s, uint32_t start, uint32_t most) {
    uint32_t first = 0, n = 0, last = MAP_NONE;
    s->queue[n++] = start;
    s->length[start] = 1;
    for (; first < n && last == MAP_NONE && s->length[s->queue[first]] < most; first++) {
        uint32_t node = s->queue[first];
        ARRAY_FOR (const struct edge, e, &s->g->edges[node]) {
            if (!counts(s->g, node, e))
                continue;
            if (e->to == start) {
                last = node;
                break;
            }
            if (s->length[e->to])
                continue;
            s->length[e->to] = s->length[node] + 1;
            s->parent[e->to] = node;
            s->queue[n++] = e->to;
        }
    }
    return last;
}

static void shortest_circle(struct search *s, uint32_t unit, struct circle *c) {
    const struct graph *g = s->g;
    c->length = UINT32_MAX;
    for (uint32_t i = g->unit_first[unit]; i < g->unit_first[unit + 1] && c->length > 2; i++) {
        for (uint32_t j = g->unit_first[unit]; j < g->unit_first[unit + 1]; j++)
            s->length[g->unit_nodes[j]] = 0;
        uint32_t start = g->unit_nodes[i], last = walk_back(s, start, c->length);
        if (last == MAP_NONE)
            continue;
        c->length = s->length[last];
        for (uint32_t j = c->length; j-- > 0; last = s->parent[last])
            c->nodes[j] = last;
    }
}

static uint32_t line_of(const struct graph *g, uint32_t from, uint32_t to) {
    ARRAY_FOR (const struct edge, e, &g->edges[from])
        if (e->to == to && counts(g, from, e))
            return e->line;
    return 0;
}

static void report(const struct graph *g, const struct circle *c) {
    struct buf b = {0};
    for (uint32_t i = 0; i < c->length; i++)
        buf_fmt(&b, "%s -> ", graph_path(g, c->nodes[i]));
    diag(DIAG_CYCLE, graph_path(g, c->nodes[0]), line_of(g, c->nodes[0], c->nodes[1]), 0,
         "modules import each other: %s%s", b.s, graph_path(g, c->nodes[0]));
    buf_free(&b);
}

void cycles_report(const struct graph *g, const unsigned char *seen) {
    if (!diag_is_heard(DIAG_CYCLE))
        return;
    struct search s = {.g = g};
    uint32_t *memory = arena_alloc(&s.arena, ((size_t)g->nodes + 1) * 4 * sizeof *memory);
    s.parent = memory;
    s.length = memory + g->nodes;
    s.queue = memory + 2 * (size_t)g->nodes;
    struct circle circle = {.nodes = memory + 3 * (size_t)g->nodes};
    for (uint32_t u = g->units; u-- > 0;) {
        if (!seen[u] || g->unit_first[u + 1] - g->unit_first[u] < 2)
            continue;
        shortest_circle(&s, u, &circle);
        if (circle.length != UINT32_MAX)
            report(g, &circle);
    }
    arena_free(&s.arena);
}
