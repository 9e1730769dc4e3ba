#ifndef SOURCE_PYTHON_H
#define SOURCE_PYTHON_H

#include "base/map.h"
#include "base/str.h"

#include <stdbool.h>

/* The interpreter that will run the tests, as it described itself. */
struct python {
    const char *path;    /* sys.executable: absolute; a virtual environment's own link, not its target */
    const char *version; /* "3.11.7" */
    const char *pytest;  /* the version of the installed pytest, or NULL */
    unsigned pytest_major;
    struct strs sys_path;   /* absolute, in order, without the current folder */
    struct strs pth;        /* the .pth and .egg-link files in them */
    const char *stdlib_dir; /* where the standard library lies */
    struct map stdlib;      /* the standard library's top-level module names */
    struct strs dists;      /* "name version" of every installed distribution, sorted */
};

/*
 * Finds the interpreter (`wanted` from --python or [tool.testfan] python when not NULL, then $VIRTUAL_ENV,
 * .venv in `rootdir`, python3 on PATH) and asks it. The answer is kept in the file `cache` (may be NULL) and
 * asked again when the interpreter, one of its site folders or .pth files, or PYTHONPATH has changed. False
 * when there is none that runs; reported as an error when `must`, else as nothing.
 */
bool python_find(struct arena *a, const char *rootdir, const char *wanted, const char *cache, bool must,
                 struct python *py);

/* What outside the tree decides a result: the interpreter, the distributions, and the environment variables
   that count (a fixed list in python.c and `also`), as text for the stamp file. */
char *python_stamp(struct arena *a, const struct python *py, const struct strs *also);

#endif
