#ifndef FILTER_SINCE_H
#define FILTER_SINCE_H

#include "graph/graph.h"

#include <stdbool.h>

struct facts;
struct git_changes;
struct learned;
struct plan;
struct scan;
struct reason;

/*
 * What a change of the tree reaches. The graph is that of the tree with what was deleted put back
 * (scan_add_gone), so that who named a deleted file still leads to it.
 */
struct since {
    struct arena *arena;
    const struct graph *graph;
    const char *rootdir;
    const struct git_changes *changes;
    unsigned char *nodes; /* 1: changed */
    unsigned char *units; /* 1: reaches something changed */
    const char *all;      /* a change that is about every target, or NULL */
};

void since_find(struct since *s, struct arena *a, const struct graph *g, const struct git_changes *changes,
                const struct scan *scan, const struct facts *const *facts, const struct learned *learned,
                const char *rootdir);
/* Whether a target of the plan is selected. Its reason's chain is looked for only where `explain`. */
bool since_selects(struct since *s, uint32_t node, const char *result, bool explain, struct reason *reason);

#endif
