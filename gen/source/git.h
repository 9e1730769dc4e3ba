#ifndef SOURCE_GIT_H
#define SOURCE_GIT_H

#include "base/str.h"

#include <stdbool.h>

/* What differs between a revision and the work tree, below a folder; paths relative to it, sorted. Renames
 * count as a path that went and one that came. */
struct git_changes {
    struct strs changed; /* there now: edited, new in the index, or not tracked and not ignored */
    struct strs added;   /* those of them that the revision does not have */
    struct strs deleted; /* there in the revision only */
};

/* Asks git (`diff` and `ls-files`). False when there is no git, no repository or no such revision; reported,
 * with what a shallow clone lacks. */
bool git_diff(struct arena *a, const char *dir, const char *revision, struct git_changes *out);

#endif
