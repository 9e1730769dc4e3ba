#include "graph/chain.h"
#include "base/str.h"
#include "graph/dists.h"
#include "graph/learned.h"

/* Which edge a node was first reached by. */
struct reached {
    uint32_t from; /* MAP_NONE: not reached */
    const struct edge *edge;
};

static uint32_t walk_breadth_first(struct arena *scratch, const struct graph *g, uint32_t from,
                                   const unsigned char *goals, struct reached *steps) {
    uint32_t *queue = arena_alloc(scratch, (g->nodes + 1) * sizeof *queue), head = 0, tail = 0;
    for (uint32_t i = 0; i < g->nodes; i++)
        steps[i].from = MAP_NONE;
    steps[from].from = from;
    queue[tail++] = from;
    while (head < tail) {
        uint32_t node = queue[head++];
        if (goals[node])
            return node;
        ARRAY_FOR (const struct edge, e, &g->edges[node]) {
            if (steps[e->to].from != MAP_NONE)
                continue;
            steps[e->to] = (struct reached){node, e};
            queue[tail++] = e->to;
        }
    }
    return MAP_NONE;
}

struct chain chain_find(struct arena *a, const struct graph *g, uint32_t from, const unsigned char *goals,
                        uint32_t *end) {
    struct arena scratch = {0};
    struct chain chain = {0};
    struct reached *steps = arena_alloc(&scratch, (g->nodes + 1) * sizeof *steps);
    *end = walk_breadth_first(&scratch, g, from, goals, steps);
    for (uint32_t node = *end; node != MAP_NONE && node != from; node = steps[node].from)
        array_push(a, &chain, (struct chain_step){steps[node].from, steps[node].edge});
    for (uint32_t i = 0; i < chain.len / 2; i++) {
        struct chain_step step = chain.items[i];
        chain.items[i] = chain.items[chain.len - 1 - i];
        chain.items[chain.len - 1 - i] = step;
    }
    arena_free(&scratch);
    return chain;
}

const char *chain_text(struct arena *a, const struct graph *g, const struct chain_step *s) {
    const char *to = graph_path(g, s->edge->to);
    const char *from = s->edge->kind == EDGE_LEARNED ? LEARNED_FILE : graph_path(g, s->from);
    if (str_starts(to, DIST_FOLDER))
        to += strlen(DIST_FOLDER);
    if (!s->edge->line)
        return arena_printf(a, "%s: %s %s", from, edge_kind_name(s->edge->kind), to);
    return arena_printf(a, "%s:%u: %s %s", from, s->edge->line, edge_kind_name(s->edge->kind), to);
}
