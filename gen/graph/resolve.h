#ifndef GRAPH_RESOLVE_H
#define GRAPH_RESOLVE_H

#include "base/diag.h"
#include "base/str.h"

struct config;
struct dists;
struct facts;
struct graph;
struct learned;
struct modules;
struct scan;

/* What is wrong with a file, and its cure. */
struct finding {
    uint32_t file; /* its node in the graph */
    enum diag_code code;
    uint32_t line, col;
    const char *text, *hint; /* hint may be NULL */
};

struct findings {
    struct finding *items;
    uint32_t len, cap;
    struct arena *arena;
};

/*
 * Turns what the files say (facts) into edges of the graph, whose first nodes are the files of the scan and
 * then its texts, in order. Per file: its imports and string references by CPython's rules over the source
 * roots, every
 * __init__.py above it, the conftest chain for tests and conftests, `# testfan: data=`; for each test also
 * what every target needs: the conftests that pytest loads at start, -p plugins, the configuration file,
 * [tool.testfan] data, and the imports that were learned. What is wrong with a file is kept for
 * resolve_report.
 */
void resolve_imports(struct graph *g, struct modules *m, struct dists *d, const struct config *c,
                     const struct facts *const *facts, const struct strs *initial,
                     const struct learned *learned, struct findings *findings);

/* Reports what is kept in the order of the files, and then cycles: of the files that a test reaches (by the
   finished graph), since nobody waits for the others. */
void resolve_report(const struct findings *findings, const struct graph *g, const struct scan *scan);

/* The conftest.py files that pytest loads before it collects, for every target alike: of the folders above
   each argument (testpaths, or rootdir), and of their folders named test*. Paths, in the order of loading. */
struct strs resolve_initial_conftests(struct arena *a, const struct scan *scan, const struct config *c);

#endif
