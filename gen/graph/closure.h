#ifndef GRAPH_CLOSURE_H
#define GRAPH_CLOSURE_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct graph;

/* The graph of what a target needs for certain, and the whole one. */
#define CLOSURE_SURE ".testfan/cache/graph"
#define CLOSURE_ALL ".testfan/cache/graph.all"

/* The finished graph on disk, for those who have to know what one file depends on without making the graph
 * again: `testfan exec`, for each target. */
bool closure_write(const struct graph *g, const char *path);

struct closure {
    struct arena arena;
    void *map;
    const struct closure_file *file; /* what is mapped there */
    size_t size;
    unsigned char *seen; /* by unit */
};

/* Opens what closure_write made and finds all that `from` reaches; false when it cannot be read or does not
 * know the file. closure_close in either case. */
bool closure_open(struct closure *c, const char *path, const char *from);
bool closure_has(const struct closure *c, const char *path);
/* Calls `each` with every path of the closure that begins with `prefix`. */
void closure_each(const struct closure *c, const char *prefix, void (*each)(void *ctx, const char *path),
                  void *ctx);
void closure_close(struct closure *c);

#endif
