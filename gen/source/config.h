#ifndef SOURCE_CONFIG_H
#define SOURCE_CONFIG_H

#include "base/str.h"
#include "source/settings.h"

#include <stdbool.h>

/* Options of pytest that mean the whole run. They are taken out of addopts (and out of what is given after
   `--`), and testfan does once what they ask. */
struct whole_run {
    long maxfail;         /* -x, --maxfail=N; 0: no limit */
    const char *junitxml; /* --junitxml=PATH: where a copy of the merged report goes; or NULL */
    long durations;       /* --durations=N: how many slowest tests the summary lists; -1: not asked, 0: all */
    bool last_failed;     /* --lf, --last-failed */
    bool failed_first;    /* --ff, --failed-first */
    struct strs dropped;  /* what else was taken out, without effect: -n, --dist, --cov…, --pdb, -f, … */
};

/* A pytest command line, sorted. */
struct options {
    struct strs positional; /* paths given as arguments, ::NODE included */
    struct strs ignore, ignore_glob, deselect;
    struct strs plugins;                        /* -p NAME, without no:NAME */
    struct strs overrides;                      /* -o NAME=VALUE */
    const char *rootdir, *inifile, *confcutdir; /* --rootdir, -c, --confcutdir; or NULL */
    const char *import_mode;                    /* "prepend" unless said */
    bool doctest_modules, collect_in_virtualenv, keep_duplicates, pyargs, noconftest;
    struct strs doctest_glob;
    const char *keyword, *markexpr; /* -k, -m; or NULL */
    /* Every argument that each target gets, in order, positional ones included; --rootdir, -c and
       --confcutdir are not among them: the plan gives its own. */
    struct strs kept;
    struct whole_run whole;
};

/* How pytest would be configured in this folder, and what [tool.testfan] adds. Paths are absolute unless
 * said. */
struct config {
    unsigned pytest_major; /* as given to config_load, 9 when that was 0 */
    const char *rootdir;   /* real path */
    const char *inipath;   /* the file that the options came from, or NULL */
    struct strs inputs;    /* every file that was looked at and exists: a change of one can change all this */

    struct strs testpaths;  /* as written, relative to rootdir */
    struct strs pythonpath; /* as written, relative to the folder of inipath, or to rootdir */
    struct strs python_files, python_classes, python_functions, norecursedirs;
    const char *cache_dir;   /* as written; ".pytest_cache" unless said */
    bool namespace_packages; /* consider_namespace_packages */
    struct strs addopts;     /* split into words */
    struct options options;  /* from addopts; rootdir and inifile in them come too late to have an effect */

    struct testfan_settings testfan;
};

/*
 * Reads the configuration as `pytest` started in the folder `dir` without arguments would: rootdir and
 * ini-file as documented under "Rootdir and configfile" (pytest 9: pytest.toml, .pytest.toml, pytest.ini,
 * .pytest.ini, pyproject.toml with [tool.pytest] or [tool.pytest.ini_options], tox.ini, setup.cfg).
 * `pytest_major` below 9 leaves out what only 9 knows; 0 means unknown, taken as 9. False when a file could
 * not be read as pytest would; that has been reported.
 */
bool config_load(struct arena *a, const char *dir, unsigned pytest_major, struct config *c);

/* Sorts the arguments of a pytest command line into options; false when one is not complete, which has been
   reported. `base` is the folder that pytest runs in, `what` names the arguments in messages ("addopts",
   "PYTEST_ADDOPTS", "arguments after --"). */
bool options_parse(struct arena *a, const struct strs *args, const char *base, const char *what,
                   struct options *o);

#endif
