#ifndef GRAPH_AUDIT_H
#define GRAPH_AUDIT_H

#include "graph/inputs.h"
#include "graph/learned.h"

#include <stdbool.h>
#include <stdint.h>

struct dists;
struct graph;
struct plan;

/* The static view of one target beside what its run was seen to need. */
struct audit_target {
    const char *file;
    bool traced;          /* its last run left a trace */
    struct inputs missed; /* needed, and not in the graph */
    struct strs unused;   /* Python files of the graph that were not read */
    uint32_t pairs;       /* Python files of the graph */
    struct strs started;  /* programs that it ran and that could not be watched */
};

struct audit {
    struct audit_target *items;
    uint32_t len, cap;
    uint32_t pairs, missed, unused, untraced;
};

/* Compares each target of the plan with the trace beside its result. `learned` is what the graph was made
 * with, or NULL. */
void audit_targets(struct arena *a, const struct plan *plan, const struct graph *g, const struct dists *d,
                   const struct learned *learned, struct audit *out);
/* What a target has to learn: its misses, less what others of them bring along. */
struct learned_target audit_lesson(struct arena *a, const struct audit_target *t, const struct graph *g,
                                   const struct dists *d);

#endif
