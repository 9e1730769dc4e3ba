#ifndef RUN_WITNESS_H
#define RUN_WITNESS_H

#include "graph/contents.h"
#include "graph/inputs.h"

#include <stdbool.h>

/* Tells what inputs are now, in the current folder, which is rootdir. */
struct witness {
    struct arena *arena;
    struct contents *contents;
    struct map dists; /* distribution -> index into dist_digests; empty until one is asked for */
    struct strs dist_digests;
    bool asked;
    const char *host; /* NULL until it is asked for */
};

void witness_new(struct witness *w, struct arena *a, struct contents *contents);
/* The digest of an input as it is now; "-" for what is not there. Lasts as long as the arena. */
const char *witness_now(struct witness *w, enum input_kind kind, const char *path);

/*
 * What a run needed beyond its key, each input with the digest of what it is now; with `host` the machine,
 * too. NULL when all is as the run saw it; else what is not, in the arena.
 */
const char *witness_take(struct witness *w, const struct inputs *seen, bool host, struct inputs *out);

/* Files to which tests of this run gave another time, and nothing else: a set of paths. TOUCHED_FILE has
 * them, absolute, a line each, from rules/testfan_trace.py. */
#define TOUCHED_FILE ".testfan/tmp/touched"
struct map witness_touched(struct arena *a, const char *rootdir);
/* Whether a file that the witness has looked at was written to, or replaced, after `started`, though it may
 * hold by now what it held `before`. NULL, or the path. */
const char *witness_disturbed(struct witness *w, struct contents *before, const char *rootdir,
                              int64_t started);

#endif
