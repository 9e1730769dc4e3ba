#ifndef CLI_CACHING_H
#define CLI_CACHING_H

#include "run/cache.h"
#include "run/remote.h"

#include <stdbool.h>

struct config;
struct plan;
struct project;

/* Where the configuration and the environment want results to be kept. */
void caching_place(struct arena *a, const struct config *c, struct cache *cache, struct remote *remote);

/* Whether results may come from there: something has been kept, or there is a server. */
bool caching_may_answer(struct arena *a, const struct config *c);

/* Writes what `testfan exec` has to know of it (run/recall.h), or removes it where no results are wanted.
   `rules` is the digest of what runs the tests. False: reported. */
bool caching_write(const struct project *p, const struct plan *plan, const char *rules);

#endif
