#ifndef SOURCE_BINDINGS_H
#define SOURCE_BINDINGS_H

#include "base/array.h"

#include <stddef.h>
#include <tree_sitter/api.h>

struct facts_builder;
struct outline_line;

/*
 * Takes the names that a source binds by assignment outside of functions: `x = …`, `x: T = …`, `x = y = …`,
 * `x, y = …`, `x += …`, and at the left margin `x.attribute = …`. `lines` are the logical lines outside of
 * functions; where they are not known (NULL) the file counts as one that makes names. Sets FACT_MAKES_NAMES
 * where such a line calls globals(), vars(), locals(), exec or setattr, or any writes into globals().
 */
void bindings_scan(struct facts_builder *b, const char *s, size_t n, const struct outline_line *lines,
                   uint32_t n_lines);

/* The values of names that one source binds, parsed when they are asked for. */
struct bound_values {
    TSParser *ts;
    const char *s; /* the source, NUL-ended */
    size_t n;
    struct {
        struct bound_value {
            TSTree *tree;
            char *text; /* the statement, on the heap */
        } * items;
        uint32_t len, cap;
    } asked;
    struct arena arena;
};

/* The right side of the one assignment to the name at the left margin, and the text that it lies in; a null
 * node where there is none, or where the name seems to be bound or changed elsewhere too. Lasts until
 * bound_values_free. */
TSNode bound_values_find(struct bound_values *v, const char *name, const char **text);
void bound_values_free(struct bound_values *v);

#endif
