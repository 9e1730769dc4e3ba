#ifndef SOURCE_COLLECT_H
#define SOURCE_COLLECT_H

#include "base/str.h"

#include <stdint.h>

struct config;

/*
 * What pytest collects when it is started in rootdir without arguments: the rules of Session.collect,
 * Dir.collect, pytest_ignore_collect and pytest_collect_file (_pytest/main.py, _pytest/python.py,
 * _pytest/doctest.py), without those that only a conftest.py knows (collect_ignore, hooks).
 */
struct collect {
    const struct config *config;
    struct strs given; /* what collecting starts from, relative to rootdir ("." is rootdir itself) */
    struct strs ignore, ignore_glob; /* absolute */
};

/* The path of an argument: what stands before "::". */
const char *collect_path(struct arena *a, const char *arg);
/* Expands testpaths, or takes the paths given in addopts. False when one does not exist, which has been
 * reported. */
bool collect_init(struct arena *a, const struct config *c, struct collect *k);
/* Whether collecting starts from this path, relative to rootdir; such a path is never ignored. */
bool collect_is_given(const struct collect *k, const char *path);
/* Whether the path is a folder above one that collecting starts from. */
bool collect_leads_to_given(const struct collect *k, const char *path);
/* Whether the file or folder, an absolute path, is passed over for its name; virtual environments are not
 * looked at. */
bool collect_ignores(const struct collect *k, const char *path, bool is_dir);
/* Whether python_files has a file of this absolute path. */
bool collect_names(const struct config *c, const char *path);
/* The flags of a .py file that is not passed over, an absolute path: SOURCE_TEST, SOURCE_DOCTEST, both not or
 * one. */
uint32_t collect_flags(const struct collect *k, const char *path, bool given);
/* Whether a file that is no .py file is collected for its doctests. */
bool collect_is_text(const struct collect *k, const char *path, bool given);

/* Whether a function or class of that name is collected by python_functions or python_classes. */
bool collect_matches(const struct strs *patterns, const char *name);

#endif
