#ifndef REPORT_LASTFAILED_H
#define REPORT_LASTFAILED_H

#include "base/str.h"

/*
 * Brings pytest's own list of what failed last (CACHE_DIR/v/cache/lastfailed, what `pytest --lf` reads) up to
 * date: for the test files that were run, `failed` replaces what it held; other files keep theirs. Written
 * only when it changes.
 */
void lastfailed_update(struct arena *a, const char *cache_dir, const struct strs *files,
                       const struct strs *failed);

#endif
