#ifndef GRAPH_LEADING_H
#define GRAPH_LEADING_H

#include "base/map.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct dists;
struct facts;
struct graph;
struct modules;
struct target;

/* One module that a target imports: `import NAME` runs it, or where the name has a colon, `MODULE:NAME`, the
 * statement `from MODULE import NAME`. */
struct step {
    uint32_t name; /* in the finder's names */
    uint32_t node; /* its file; FACT_NONE: it lies outside the tree */
    bool acts;     /* it does more than import and bind names, so that others may see whether it has run */
};

struct steps {
    struct step *items;
    uint32_t len, cap;
};

/* Tells what is imported first of all; what it needs of the project, and what it keeps from one to the next.
 */
struct leading {
    struct arena *arena;
    const struct graph *g; /* without late edges */
    const struct modules *modules;
    const struct dists *dists;
    const struct facts *const *facts; /* by node, of the first `files` nodes */
    uint32_t files;
    const bool *initial; /* by node: a conftest that is loaded before anything is collected */

    struct intern names;
    struct leads *leads; /* by node: what it imports itself */
    struct map outside;  /* top-level names that were looked for outside the tree -> what they are */
    uint32_t *visited, round, depth;
    struct steps *steps;
};

void leading_new(struct leading *l, struct arena *a);

/*
 * Adds what a target imports, in the order in which it is run, as far as all of that is certain and nothing
 * of the target's own runs before: by import statements at module level, with nothing but such statements,
 * definitions and plain values before them, in its file and, step by step, in what they import. Modules that
 * import each other are one step each, by whichever name they are entered. It ends early where it cannot
 * tell.
 */
void leading_find(struct leading *l, const struct target *t, struct steps *steps);

#endif
