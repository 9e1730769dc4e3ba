#ifndef SOURCE_SLICE_H
#define SOURCE_SLICE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How far from s[from] on may be parsed at once. tree-sitter 0.20 counts a node's children in 16 bits and
 * frees what it must not when a syntax error makes one node of more tokens than that, so what may hold more
 * is parsed in slices: up to a statement at the left margin where there is one, else in the middle of
 * anything; unless `balanced`: then up to the next such statement, however far, since an error stays small
 * where all brackets are known to be closed.
 */
size_t slice_end(const char *s, size_t n, size_t from, bool balanced);

#endif
