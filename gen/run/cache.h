#ifndef RUN_CACHE_H
#define RUN_CACHE_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The folder of passed results, which several trees and processes may share: `ac/` has what was seen of a
 * key with its newest result, `cas/` has older results by their SHA-256; a file each. Nothing here reports
 * anything: what cannot be written is not kept, what is damaged is removed and counts as missing.
 */
struct cache {
    struct arena *arena;
    const char *dir; /* absolute, or relative to the current folder */
    uint64_t limit;  /* bytes; what was used longest ago is removed above it */
};

#define CACHE_FOLDER ".testfan/cache/results"

/* The bytes of a name (64 hexadecimal digits), which then was used last; NULL when there are none. Those of
 * `cas` are sure to be what the name says. */
char *cache_get(const struct cache *c, const char *kind, const char *name, size_t *n);
bool cache_put(const struct cache *c, const char *kind, const char *name, const void *bytes, size_t n);
void cache_remove(const struct cache *c, const char *kind, const char *name);

/* Counts a question that was answered, or not. */
void cache_count(const struct cache *c, bool hit);

struct cache_sums {
    uint64_t manifests, results, bytes, hits, misses;
};
void cache_sum(const struct cache *c, struct cache_sums *sums);
/* Removes all of it, and nothing else that lies in the folder. */
bool cache_clear(const struct cache *c);
/* Removes what was used longest ago until a fifth of the limit is free. cache_put does it by itself. */
void cache_trim(const struct cache *c);

#endif
