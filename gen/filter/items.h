#ifndef FILTER_ITEMS_H
#define FILTER_ITEMS_H

#include "filter/names.h"
#include "base/str.h"

struct config;
struct python;

/* A mark that a test has, or may have. */
struct item_mark {
    const char *name;
    const char *args; /* as written, or NULL where not known */
    bool sure;
};

struct item_marks {
    struct item_mark *items;
    uint32_t len, cap;
};

/* The parameter sets of one parametrize: patterns of ids (source/params.h) in the file that wrote them. */
struct item_params {
    uint32_t file;
    const char **ids;
    uint32_t n;
};

/*
 * What pytest collects from a file as one function or method, as far as the facts tell: of each name, mark
 * and attribute whether it is there, and whether there may be others.
 */
struct item {
    const char *id;    /* "TestA::test_b" */
    struct strs names; /* of its classes, and last its own without parameters */
    struct item_marks marks;
    struct strs attributes; /* names that decorators leave on the function, maybe */
    ARRAY(struct item_params) params;
    bool sure;       /* pytest collects it for certain */
    bool any_name;   /* it may have any other name or attribute */
    bool any_mark;   /* it may have any other mark */
    bool any_params; /* it may have any parameters */
    const char *why; /* what makes any of these unsure, or NULL */
    uint32_t line;
};

struct items {
    struct item *items;
    uint32_t len, cap;
};

struct items_of {
    struct arena *arena;
    struct names *names;
    const struct config *config;
    const struct python *python;
};

/* The tests of a file that pytest collects as a module (SOURCE_TEST). */
struct items items_find(const struct items_of *o, uint32_t file);
/* Its doctests: names that examples may have. */
struct items items_doctests(const struct items_of *o, uint32_t file, const char *path);

#endif
