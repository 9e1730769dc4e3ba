#ifndef REPORT_LASTFAILED_H
#define REPORT_LASTFAILED_H

#include "base/str.h"

/*
 * Brings pytest's own list of what failed last (CACHE_DIR/v/cache/lastfailed, what `pytest --lf` reads) up to
 * date: for what was run, test files and the node ids of further tests, `failed` replaces what it held; all
 * else keeps its place. Written only when it changes.
 */
void lastfailed_update(struct arena *a, const char *cache_dir, const struct strs *run,
                       const struct strs *failed);

#endif
