#ifndef RUN_SCHEDULE_H
#define RUN_SCHEDULE_H

#include "base/array.h"

#include <stdbool.h>

struct plan;
struct times;

/* A target, and how long it took last. */
struct scheduled {
    const char *name; /* of the target, as exec tells it: schedule_name() */
    uint32_t index;   /* in the plan */
    double seconds;   /* -1: never seen */
    uint64_t size;    /* of its file, in bytes, with what it sleeps */
    bool serial;
};

/* The targets of a plan in the order in which they shall start. */
struct schedule {
    struct scheduled *items;
    uint32_t len, cap;
    uint32_t known; /* how many have been seen */
};

/* Longest first, for what starts last decides when all is done; those never seen may be the longest, of
 * them first the largest and those that sleep. What runs alone comes last, when nothing has to wait for it.
 */
void schedule_make(struct arena *a, const struct plan *plan, const struct times *times,
                   struct schedule *schedule);

/* "tests/test_a.py", or "tests/test_a.py (1 of 3)" for a shard, which is "1/3" or "". */
const char *schedule_name(struct arena *a, const char *file, const char *shard);

#endif
