#ifndef GRAPH_FORGET_H
#define GRAPH_FORGET_H

struct dists;
struct graph;
struct plan;

/*
 * Takes back the passes that ninja's time stamps cannot see through: removes RESULT.ok where
 *  - the content of something that the target depends on changed after the pass, though its time stamp is
 *    older (`cp -p`, `tar x`), or another file stands in its place (a folder moved, a link turned);
 *  - what the run was seen to need beyond the graph (RESULT.extra) is not as it was: a file's content, the
 *    names in a folder, a path that was looked for in vain and is there now, a distribution.
 *  - a Python file came that the target may need (by the graph `all`, which has late edges too) and that goes
 *    by a name that the run imported, or looked for in vain.
 * Contents are remembered between runs (graph/contents.h), so that only what was touched is read again, and
 * what has the same bytes as before counts as unchanged.
 */
void forget_stale(const struct plan *plan, const struct graph *g, const struct graph *all,
                  const struct dists *d, const char *rootdir);

#endif
