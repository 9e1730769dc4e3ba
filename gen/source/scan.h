#ifndef SOURCE_SCAN_H
#define SOURCE_SCAN_H

#include "base/os.h"

struct config;

enum source_flag {
    SOURCE_TEST =
        1, /* pytest would collect it as a test module (python_files, testpaths, norecursedirs, --ignore) */
    SOURCE_CONFTEST = 2, /* conftest.py */
    SOURCE_INIT = 4,     /* __init__.py */
    SOURCE_DOCTEST = 8,  /* collected by --doctest-modules alone */
};

/* A .py file of the tree. */
struct source_file {
    const char *path; /* relative to rootdir, '/' between, byte for byte as on disk */
    uint32_t flags;   /* enum source_flag */
    struct os_stat st;
};

/* Everything found under rootdir, sorted by the bytes of its path. */
struct scan {
    ARRAY(struct source_file) files;
    struct strs dirs; /* every folder that was listed, relative to rootdir; rootdir is "." */
};

/*
 * Lists the tree. Left out: version-control folders, virtual environments (a folder with pyvenv.cfg or
 * conda-meta), `bazel-*` links at the root, __pycache__, folders whose name starts with a dot (unless a
 * source root lies in them), node_modules, and links that lead back to a folder above them. norecursedirs and
 * --ignore only decide which files are tests. A name that no build file can hold (a newline) is reported and
 * left out. False when rootdir cannot be listed.
 */
bool scan_tree(struct arena *a, const struct config *c, struct scan *s);

#endif
