#ifndef SOURCE_OUTLINE_H
#define SOURCE_OUTLINE_H

#include "source/walk.h"
#include "base/str.h"

#include <stdbool.h>

/* A logical line outside of functions. */
struct outline_line {
    uint32_t at, len;   /* in the source, from its first letter on */
    uint32_t line, col; /* from 1 */
};

struct outline_comment {
    uint32_t at, len; /* in the source, from '#' on */
    uint32_t line;    /* from 1 */
};

/*
 * The few lines of a file that can hold facts, cut out by a scanner that knows only strings, comments,
 * brackets, continuations and indentation: imports, decorators, definitions, the assignments and calls that
 * source/facts.h names, and the headers of the compound statements around them. A statement in which no fact
 * stands is left out, a block of which nothing is left is `...`, and a function in which no fact stands is
 * its bare name, or `def name():...` where it is decorated. A line keeps its indentation and loses the
 * comment after it. Two things that Python takes and the grammar does not are put in other words: the type
 * parameters of a class, which may have defaults (PEP 696), go, and `except* A, B` (PEP 758) gets brackets.
 * `origins` tells where each line stood.
 */
struct outline {
    struct buf text;
    struct origins origins;
    struct {
        struct outline_comment *items;
        uint32_t len, cap;
    } comments; /* those that say `testfan:` */
    struct {
        struct outline_line *items;
        uint32_t len, cap;
    } lines;
    struct arena arena;
};

/* False where the scanner is not sure that it reads the file as Python would; the outline is then of no use.
 */
bool outline_cut(struct outline *o, const char *s, size_t n);
/* The line of the first statement outside of functions that may do more than bind names in its own module, of
 * a file that was cut from `s`; FACT_NONE where there is none. */
uint32_t outline_first_code(const struct outline *o, const char *s);
void outline_free(struct outline *o);

#endif
