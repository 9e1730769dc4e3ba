#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include "base/array.h"

/*
 * Appends what Python's sorted(glob.glob(pattern, root_dir=base, recursive=True)) finds, in the arena: `*`,
 * `?` and `[…]` within one part of the path, `**` for any number of folders, names with a leading dot only
 * when the pattern has the dot. Unlike Python's, `**` does not follow a link back to a folder above it.
 */
void glob_expand(struct arena *a, const char *base, const char *pattern, struct strs *found);

#endif
