#ifndef RUN_RECALL_H
#define RUN_RECALL_H

#include "run/attempt.h"
#include "run/cache.h"
#include "run/key.h"
#include "run/remote.h"
#include "run/witness.h"

/*
 * What passed once for the same inputs need not run again: `testfan exec` asks here before it runs a target
 * and brings here what passed. In two steps: the key, made of what is known before a run, names a manifest of
 * results with what their runs were seen to need besides; the first all of whose inputs are the same now is
 * the answer. docs/cache.md says what is never kept.
 *
 * RECALL_FILE is what gen leaves for it, a line each: `base DIGEST`, `environment DIGEST`, `env NAME` for
 * what the latter is made of, `site DIGEST PATH`, and where results are kept: `dir`, `size`, `remote`,
 * `write`. Where it is missing there is no cache.
 */
#define RECALL_FILE ".testfan/cache/key"

struct recall {
    struct target_run *t;
    const char *base; /* NULL: the cache has no say about this run */
    const char *session;
    struct cache cache;
    struct remote remote;
    struct contents contents;
    struct witness witness;
    char key[65];
};

/* The files that a run leaves, by their suffixes, in the order in which they are put in place. */
enum { KEPT_REPORT, KEPT_LOG, KEPT_TRACE, KEPT_EXTRA, KEPT_DEPFILE, KEPT_PARTS };
extern const char *const recall_suffixes[KEPT_PARTS];

struct kept {
    const char *part[KEPT_PARTS]; /* NULL: there is no such file */
    size_t size[KEPT_PARTS];
};

/* In rootdir, with `t` ready to run; `session` is $TESTFAN_SESSION or NULL. recall_end in any case. */
void recall_begin(struct recall *r, struct target_run *t, const char *session);
/* Whether there is a result; in the arena of the target. */
bool recall_find(struct recall *r, struct kept *kept);
/* How many targets of a session have been answered. */
unsigned recall_count(const char *session);
/* Keeps what has just passed and lies in its place, unless there is a reason not to: that is returned. */
const char *recall_keep(struct recall *r, const struct attempt *at, const struct inputs *seen);
void recall_end(struct recall *r);

/* Overrides by the environment: TESTFAN_CACHE_DIR, TESTFAN_REMOTE_CACHE, TESTFAN_REMOTE_CACHE_WRITE,
   TESTFAN_REMOTE_CACHE_TOKEN. */
void recall_environment(struct cache *cache, struct remote *remote);

#endif
