#ifndef GRAPH_RESOLVE_H
#define GRAPH_RESOLVE_H

#include "base/str.h"

struct config;
struct facts;
struct graph;
struct modules;
struct scan;

/*
 * Turns what the files say (facts) into edges of the graph, whose first nodes are the files of the scan and
 * then its texts, in order. Per file: its imports and string references by CPython's rules over the source
 * roots, every
 * __init__.py above it, the conftest chain for tests and conftests, `# testfan: data=`; for each test also
 * what every target needs: the conftests that pytest loads at start, -p plugins, the configuration file,
 * [tool.testfan] data. Reports unresolved-import, ambiguous-import, data and syntax, in the order of the
 * files.
 */
void resolve_imports(struct graph *g, struct modules *m, const struct config *c,
                     const struct facts *const *facts, const struct strs *initial);

/* The conftest.py files that pytest loads before it collects, for every target alike: of the folders above
   each argument (testpaths, or rootdir), and of their folders named test*. Paths, in the order of loading. */
struct strs resolve_initial_conftests(struct arena *a, const struct scan *scan, const struct config *c);

#endif
