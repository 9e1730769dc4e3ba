#ifndef GRAPH_RESOLVER_H
#define GRAPH_RESOLVER_H

#include "base/diag.h"
#include "base/map.h"
#include "base/str.h"
#include "graph/graph.h"

#include <stdbool.h>
#include <stdint.h>

struct config;
struct dists;
struct fact_import;
struct facts;
struct findings;
struct modules;
struct shadows;

/* One file at work: what resolve.c, imports.c and strings.c share. */
struct resolver {
    struct arena *arena; /* for this file alone */
    struct graph *g;
    struct modules *m;
    struct dists *d;
    const struct shadows *shadows;
    const struct config *c;
    const char *path;
    uint32_t file, flags; /* its node, and enum source_flag */
    const struct facts *facts;
    struct strs roots; /* where this file's absolute imports are looked for, in sys.path's order */
    const char *own;   /* the one that pytest puts there for this file, or NULL */
    const struct facts *const *all;
    struct findings *findings;
    bool late; /* its edges are */
};

/* What answers a dotted name. */
struct answer {
    bool found;            /* a file answers the whole name, or its longest part where `prefix` allows that */
    uint32_t first, other; /* the files that answer it: sys.path's choice and the next candidate */
    uint32_t target;       /* the module that is meant: the first, or what a from import takes out of it */
    bool sure;             /* the first lies below a root that is on sys.path for certain */
};

/* Keeps what is wrong with the file at work, and then its cure. */
__attribute__((format(printf, 5, 6))) void resolver_note(const struct resolver *r, enum diag_code code,
                                                         uint32_t line, uint32_t col, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void resolver_cure(const struct resolver *r, const char *fmt, ...);
void resolver_edge(const struct resolver *r, uint32_t to, enum edge_kind kind, uint32_t line);

/* imports.c: looks a dotted name up in every root, with an edge to every file on the way; `name` is what a
   from import takes out of it. */
struct answer imports_look_up(const struct resolver *r, const struct strs *roots, const char *module,
                              const char *name, bool prefix, enum edge_kind kind, uint32_t line);
/* The same where no root has it: in every folder of the tree that does, since a test may put any on sys.path.
 */
struct answer imports_search(const struct resolver *r, const char *module, const char *name,
                             enum edge_kind kind, uint32_t line);
/* The edges of the import statements and of the strings that name modules in calls. */
void imports_resolve(const struct resolver *r);

/* strings.c: the edges of the words in string literals. */
void strings_resolve(const struct resolver *r);

#endif
