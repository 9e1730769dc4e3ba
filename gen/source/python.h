#ifndef SOURCE_PYTHON_H
#define SOURCE_PYTHON_H

#include "base/map.h"
#include "base/str.h"

#include <stdbool.h>

/* An installed distribution: a *.dist-info or *.egg-info folder on sys.path. */
struct dist {
    const char *name; /* normalised: lower case, '-' for '_' and '.' */
    const char *version;
    const char *digest;     /* of its RECORD, METADATA and entry points */
    bool recorded;          /* it has a RECORD */
    const char *site;       /* the sys.path folder it lies in, absolute */
    const char *info;       /* its *.dist-info or *.egg-info, absolute */
    const char *editable;   /* the project's folder when it was installed with `pip install -e`, or NULL */
    struct strs names;      /* what is imported from it: packages, modules; dotted inside a namespace */
    struct strs requires;   /* names of distributions that it cannot do without */
    struct strs extras;     /* and of those that it can use */
    struct strs plugins;    /* modules of its pytest11 entry points */
    bool collects;          /* which may make tests of other files than pytest does */
    struct strs mapped, at; /* import names and the places that an editable finder finds them at */
};

/* The interpreter that will run the tests, as it described itself. */
struct python {
    const char *path;    /* sys.executable: absolute; a virtual environment's own link, not its target */
    const char *version; /* "3.11.7" */
    const char *build;   /* in one line: what tells it from another one of that version, wherever it lies */
    const char *pytest;  /* the version of the installed pytest, or NULL */
    unsigned pytest_major;
    struct strs sys_path;     /* absolute, in order, without the current folder */
    struct strs pth;          /* the .pth and .egg-link files in them */
    const char *stdlib_dir;   /* where the standard library lies */
    struct map stdlib;        /* the standard library's top-level module names */
    const char *prefix;       /* sys.prefix: of a virtual environment its folder */
    ARRAY(struct dist) dists; /* sorted by name */
};

/* The path of the interpreter: `wanted` (from --python or [tool.testfan] python) when not NULL, then
 * $VIRTUAL_ENV, .venv in `rootdir`, python3 on PATH; NULL when there is none. */
const char *python_locate(struct arena *a, const char *rootdir, const char *wanted);

/*
 * Asks the interpreter at `command` (of python_locate, may be NULL). The answer is kept in the file `cache`
 * (may be NULL) and asked again when the interpreter, one of its site folders or .pth files, or PYTHONPATH
 * has changed. False when it does not run; reported as an error when `must`, else as nothing.
 */
bool python_find(struct arena *a, const char *command, const char *wanted, const char *cache, bool must,
                 struct python *py);

/* Whether this interpreter can tell what a run reads (sys.addaudithook, 3.8). */
bool python_traces(const struct python *py);

/* What outside the tree decides every result, as text for the stamp file, a line each: first the interpreter,
   by its path, then the environment (python_environment). */
char *python_stamp(struct arena *a, const struct python *py, const struct strs *also);

/* The names of the environment variables that count: a fixed list in python.c and `also`. */
struct strs python_variables(struct arena *a, const struct strs *also);
/* These variables by their values, the time zone of the machine and whether root is at work: a line each. */
char *python_environment(struct arena *a, const struct strs *variables);

#endif
