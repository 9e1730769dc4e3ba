#ifndef SOURCE_SCAN_H
#define SOURCE_SCAN_H

#include "base/array.h"
#include "base/os.h"

struct config;

enum source_flag {
    SOURCE_TEST = 1,     /* pytest would collect it as a test module (source/collect.h has the rules) */
    SOURCE_CONFTEST = 2, /* conftest.py */
    SOURCE_INIT = 4,     /* __init__.py */
    SOURCE_DOCTEST = 8,  /* collected by --doctest-modules alone */
    SOURCE_GONE = 16,    /* not there any more: added by scan_add_gone */
    SOURCE_HOOKED = 32,  /* only a hook of a conftest.py or a plugin makes tests of it (scan_add_collected) */
};

/* A file of the tree. */
struct source_file {
    const char *path; /* relative to rootdir, '/' between, byte for byte as on disk */
    uint32_t flags;   /* enum source_flag */
    struct os_stat st;
};

/* Everything found under rootdir, sorted by the bytes of its path. */
struct scan {
    ARRAY(struct source_file) files; /* the .py files */
    ARRAY(struct source_file)
    texts;              /* no Python: files of which pytest makes tests (test*.txt, --doctest-glob, hooks) */
    struct strs others; /* everything else that is no folder: paths relative to rootdir, sorted */
    struct strs given;  /* what collecting starts from, relative to rootdir; rootdir is "." */
    struct strs dirs;   /* every folder that was listed, relative to rootdir; rootdir is "." */
};

/*
 * Lists the tree. Which files are tests is what pytest would collect when it is started in rootdir without
 * arguments. Left out, unless pytest would collect in them or a source root lies in them: folders whose name
 * starts with a dot, CVS, _darcs, node_modules and virtual environments (a folder with pyvenv.cfg or
 * conda-meta/history). Left out always:
 * __pycache__, .testfan, `bazel-*` links at the root, and links that lead back to a folder above them. A
 * folder that cannot be listed and a name that no build file can hold (with a line break) are reported and
 * left out. False when rootdir cannot be listed or a path to collect from does not exist, which has been
 * reported.
 */
bool scan_tree(struct arena *a, const struct config *c, struct scan *s);

/* Whether a file or a folder is not as it was found, or was changed since `started` (nanoseconds since 1970):
 * what was read of the tree may then be of two states. */
bool scan_changed(const struct scan *s, const char *rootdir, int64_t started);

/* Adds paths that were there once and are not now, as files that say nothing and are no tests: what names
 * them still leads to them. */
void scan_add_gone(struct arena *a, const struct strs *paths, struct scan *s);

/* Makes tests of these files, relative to rootdir, where they are none. True when any was none before. */
bool scan_add_collected(struct arena *a, const struct strs *paths, const char *rootdir, struct scan *s);

#endif
