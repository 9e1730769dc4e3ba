#ifndef GRAPH_PRELOAD_H
#define GRAPH_PRELOAD_H

#include "base/arena.h"

struct facts;
struct graph;
struct plan;
struct scan;
struct strs;

/*
 * The modules that the fork server imports once, before it forks the targets that would each import them: the
 * plan's `preload`, and which targets that are. A target is one of them only where importing them earlier
 * changes nothing: in its file and in what that imports, nothing but imports, definitions and plain values
 * stands before them, and of the project only what they need themselves runs before. `initial` are the
 * conftests that the server has loaded anyway. None, where too few targets would gain.
 */
void preload_find(struct arena *a, const struct graph *g, const struct scan *scan,
                  const struct facts *const *facts, const struct strs *initial, struct plan *plan);

#endif
