#ifndef GRAPH_PRELOAD_H
#define GRAPH_PRELOAD_H

#include "base/arena.h"

struct dists;
struct facts;
struct graph;
struct modules;
struct plan;
struct scan;
struct strs;

/*
 * Finds the plan's branches: modules that the fork server imports once, before it forks the targets that
 * would each import them, and which targets these are. A target has a branch only where that changes nothing:
 * all of its modules it imports itself, and of those that do more than bind names the same ones run in the
 * same order before anything else of the target does (graph/leading.h). `initial` are the conftests that the
 * server has loaded anyway; `g` has no late edges. There are few branches, and each saves more than it costs,
 * as far as that can be guessed.
 */
void preload_find(struct arena *a, const struct graph *g, const struct scan *scan,
                  const struct modules *modules, const struct dists *dists, const struct facts *const *facts,
                  const struct strs *initial, struct plan *plan);

#endif
