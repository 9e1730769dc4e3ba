#ifndef SOURCE_PARSE_H
#define SOURCE_PARSE_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

struct facts;

/* What one thread needs for parsing: tree-sitter's parser and buffers that are used again for each file. */
struct parser;

struct parser *parser_new(void);
void parser_free(struct parser *p);

/*
 * The facts of a file's bytes, in the arena. Parses the outline (source/outline.h); where the outline is not
 * sure of something, the whole file. Never fails: broken syntax gives what tree-sitter's recovery still
 * yields, and the flag.
 */
const struct facts *parse_file(struct parser *p, struct arena *a, const char *bytes, size_t n);
/* The facts of a text that is no Python: the imports of its doctest examples. */
const struct facts *parse_text(struct parser *p, struct arena *a, const char *bytes, size_t n);
/* The same as parse_file, and whether the outline was enough. */
const struct facts *parse_file_how(struct parser *p, struct arena *a, const char *bytes, size_t n,
                                   bool *by_outline);
/* The same from the whole file, always: what parse_file must equal. */
const struct facts *parse_file_full(struct parser *p, struct arena *a, const char *bytes, size_t n);

#endif
