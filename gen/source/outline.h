#ifndef SOURCE_OUTLINE_H
#define SOURCE_OUTLINE_H

#include "source/walk.h"
#include "base/str.h"

#include <stdbool.h>

struct outline_comment {
    uint32_t at, len; /* in the source, from '#' on */
    uint32_t line;    /* from 1 */
};

/*
 * The few lines of a file that can hold facts, cut out by a scanner that knows only strings, comments,
 * brackets, continuations and indentation: imports, decorators, headers of compound statements, the
 * assignments and calls that source/facts.h names. A block of which nothing is left is `...`, as is a
 * function in which nothing of interest stands. Lines are copied whole, with their indentation; `origins`
 * tells where each stood.
 */
struct outline {
    struct buf text;
    struct origins origins;
    struct {
        struct outline_comment *items;
        uint32_t len, cap;
    } comments; /* those that say `testfan:` */
    struct arena arena;
};

/* False where the scanner is not sure that it reads the file as Python would; the outline is then of no use.
 */
bool outline_cut(struct outline *o, const char *s, size_t n);
void outline_free(struct outline *o);

#endif
