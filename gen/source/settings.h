#ifndef SOURCE_SETTINGS_H
#define SOURCE_SETTINGS_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct toml;

/* How often what failed in a file that is known to be flaky is run again, unless more is asked for. */
enum { FLAKY_RETRIES = 2 };

/* What only so many targets can have at once: a GPU, a database. */
struct resources {
    struct resource {
        const char *name;
        long limit;
    } * items;
    uint32_t len, cap;
};

#define SECONDS_AUTO (-1.0) /* as `timeout = "auto"` has it */

/* [tool.testfan] in pyproject.toml; what it says of diagnostics goes to base/diag.h. */
struct testfan_settings {
    const char *python;               /* the interpreter, or NULL */
    struct strs env;                  /* names of environment variables that count */
    struct strs data;                 /* globs, relative to rootdir: data of every target */
    struct strs sources;              /* further source roots, relative to rootdir */
    bool trace;                       /* note what a run reads; true unless said */
    bool workers;                     /* fork targets from one started pytest; true unless said */
    bool strict_isolation;            /* what fails alone has failed */
    long shards;                      /* workers that long files are split for; -1: not said */
    long retries;                     /* how often what failed is run again */
    struct strs flaky;                /* globs of files of which what failed is run again even so */
    const char *isolation;            /* "file", "session" or "auto"; NULL: not said */
    struct strs isolations;           /* a folder, then what it has instead, and so on */
    struct strs together;             /* a glob of files, then the name of their group, and so on */
    struct strs serial;               /* globs of files that run alone */
    struct strs resources;            /* a glob of files, then the name of what they need, and so on */
    struct resources limits;          /* of resources; else one target at a time has it */
    double timeout, timeout_per_file; /* seconds that a test, and a whole file, may take; 0: no limit,
                                         SECONDS_AUTO: by history */
    bool cache;                       /* keep what passed; true unless said */
    const char *cache_dir;            /* where, relative to rootdir; NULL: CACHE_FOLDER (run/cache.h) */
    uint64_t cache_size;              /* bytes that it may hold */
    const char *remote_cache;         /* the URL of a server that keeps it for all, or NULL */
    bool remote_cache_write;          /* results may be sent there */
    long string_imports;              /* a string with so many dots may name a module; 0: none does */
    struct bazel_settings {
        struct strs kinds;  /* for each of testfan's kinds that is replaced: KIND, then FILE.bzl%KIND */
        const char *dists;  /* "@pypi": what is installed comes from there; NULL: from the machine */
        const char *python; /* the label of an interpreter, or NULL */
    } bazel;                /* [tool.testfan.bazel] */
};

/* Reads the table over what `settings` has. A key that means nothing is reported; false when a value cannot
 * be taken, which has been reported. */
bool settings_read(struct arena *a, const char *path, const struct toml *table,
                   struct testfan_settings *settings);

#endif
