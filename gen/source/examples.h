#ifndef SOURCE_EXAMPLES_H
#define SOURCE_EXAMPLES_H

#include "base/str.h"
#include "source/walk.h"

#include <stdbool.h>

/*
 * The code of doctest examples: what follows `>>> ` on a line, and `... ` on the lines after it, in a text or
 * in the docstrings of a file (no line of Python begins so elsewhere). Only examples that speak of an import
 * are given, each by itself, since each is compiled by itself.
 */
struct examples {
    const char *s;
    size_t n, at;
    uint32_t line; /* of what is at `at`, from 0 */
    struct buf text;
    struct origins origins;
    struct arena arena;
};

void examples_begin(struct examples *e, const char *s, size_t n);
/* The next one, in `text` and `origins`; false when there is none. */
bool examples_next(struct examples *e);
void examples_free(struct examples *e);

#endif
