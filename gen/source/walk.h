#ifndef SOURCE_WALK_H
#define SOURCE_WALK_H

#include "base/array.h"

#include <stdbool.h>
#include <tree_sitter/api.h>

struct bound_values;
struct facts_builder;

/* Where a line of a parsed text stood in the file that it was cut from: the byte `at` of the text began line
   `line` (from 0), and what follows it up to the next origin followed it there. Sorted by `at`. */
struct origin {
    uint32_t at, line;
    bool function; /* the line was a function in which no fact stands, and its name is all that was kept */
};

struct origins {
    struct origin *items;
    uint32_t len, cap;
};

/*
 * Gathers the facts of a syntax tree. `text` is what was parsed; `origins` tells where its lines stand in the
 * file, or is NULL when the text is the file itself; `values` finds what its names are bound to. Comments are
 * not looked at (directive_take is for them).
 */
void walk_tree(struct facts_builder *b, TSTree *tree, const char *text, const struct origins *origins,
               struct bound_values *values);

#endif
