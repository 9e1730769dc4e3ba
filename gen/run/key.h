#ifndef RUN_KEY_H
#define RUN_KEY_H

#include "graph/contents.h"

#include <stdbool.h>

struct target_run;

/*
 * The first name under which a result is kept: the SHA-256 of all that is known to decide it before it runs.
 * That is `base` (what every target shares: cli/caching.h), the target with its shard and limits, and of each
 * file that it needs for certain the path and what stands there, of each folder the names in it. Of the files
 * that it may need, only the paths count: what it reads of them, its trace tells.
 */
/* In rootdir. False when the graph does not know the target. */
bool key_make(const struct target_run *t, const char *base, struct contents *contents, char key[65]);

#endif
