#ifndef FILTER_MATCH_H
#define FILTER_MATCH_H

#include "filter/expr.h"
#include "filter/hooks.h"
#include "filter/items.h"

struct dists;

/* An expression at work on files. */
struct match {
    struct arena *arena;
    const struct dists *dists;
    struct items_of items;
    struct hooks *hooks;
    const struct expr *keyword, *marks; /* -k and -m; NULL: not asked */
    unsigned pytest_major;
    bool doctests; /* of every module too */
};

/* What is said of one file. */
struct match_result {
    enum answer3 answer;
    const char *item; /* the test that matches, or that may; NULL where any may */
    const char *why;  /* where that is not sure: what makes it so */
    uint32_t line;
};

/* Whether some test of a file matches. `flags` are its enum source_flag, `path` its path. */
struct match_result match_file(struct match *m, uint32_t file, const char *path, uint32_t flags);

#endif
