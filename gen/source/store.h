#ifndef SOURCE_STORE_H
#define SOURCE_STORE_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct facts;
struct scan;

/* The facts of every file of a scan, by the same index, and then of its texts. */
struct store {
    const struct facts **facts;
    uint32_t parsed, reused;
    void *map; /* the cache file, mapped: facts point into it */
    uint64_t map_size;
    struct arena arenas[16]; /* one per thread: what was parsed */
};

/*
 * Parses what is new and takes the rest from the cache file, then writes the cache file where anything
 * changed. The file is flat and checksummed; an entry answers only for the same path, size, time stamps,
 * inode and device, and only when the file was not touched so shortly before the cache was written that a
 * second change could hide in the same time stamp (as git's index treats "racily clean" entries). Any doubt
 * means parse again. A file that cannot be read gets empty facts and has been reported. `cache` NULL means
 * without one.
 */
void store_load(struct store *s, const char *rootdir, const struct scan *scan, const char *cache);
void store_free(struct store *s);

#endif
