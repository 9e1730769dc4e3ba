#ifndef GRAPH_CHAIN_H
#define GRAPH_CHAIN_H

#include "graph/graph.h"

struct chain_step {
    uint32_t from;
    const struct edge *edge;
};

/* A shortest way along edges, from its start on; empty where there is none, or the start is a goal. */
struct chain {
    struct chain_step *items;
    uint32_t len, cap;
};

/* From a node to the nearest that is marked in `goals` (a byte a node); *end is that node, or MAP_NONE. */
struct chain chain_find(struct arena *a, const struct graph *g, uint32_t from, const unsigned char *goals,
                        uint32_t *end);

/* One step as people read it: `path:line: kind target`. */
const char *chain_text(struct arena *a, const struct graph *g, const struct chain_step *step);

#endif
