#ifndef FILTER_HOOKS_H
#define FILTER_HOOKS_H

#include "base/map.h"
#include "base/str.h"

#include <stdbool.h>

struct config;
struct dists;
struct facts;
struct modules;
struct names;

/*
 * What conftest.py files and plugins may do to the names and marks of tests when pytest collects:
 * pytest_generate_tests, pytest_collection_modifyitems and their like, and fixtures with params.
 */
struct hooks {
    struct arena *arena;
    const char *rootdir;
    const struct modules *modules;
    const struct config *config;
    struct names *names;
    ARRAY(struct hook_file) files;
};

struct hook_file {
    const char *path;     /* relative to rootdir, or absolute for what is installed */
    const char *folder;   /* the tests that it is about lie below it; "" for all */
    const char *keyword;  /* a plugin's short name: it is about tests that speak of it; or NULL for all */
    struct strs marks;    /* that it may add */
    struct strs when;     /* only to tests that have one of these keywords; none: to all */
    struct strs params;   /* fixtures that it gives parameters to */
    struct strs ids;      /* patterns of their ids, where that is known */
    struct strs id_marks; /* marks of their parameter sets */
    bool any_mark, any_name, any_params, any_ids;
};

/* Reads what has hooks: the conftests, plugins in the tree, and those that are installed. */
void hooks_read(struct hooks *h, struct arena *a, const struct modules *m, const struct dists *d,
                const struct config *c, struct names *names);

/* What may come to every test of one file. */
struct hooked {
    struct strs marks;            /* maybe */
    struct strs when_marks, when; /* further marks, that tests with one of the keywords `when` may have */
    struct strs ids;              /* patterns of parts of parameter ids, maybe */
    bool any_mark, any_name, any_params;
    const char *why;
};
struct hooked hooks_of(struct hooks *h, uint32_t file);

#endif
