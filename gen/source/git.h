#ifndef SOURCE_GIT_H
#define SOURCE_GIT_H

#include "base/str.h"

#include <stdbool.h>
#include <sys/types.h>

/* What differs between a revision and the work tree, below a folder; paths relative to it, sorted. Renames
 * count as a path that went and one that came. */
struct git_changes {
    struct strs changed; /* there now: edited, new in the index, or not tracked and not ignored */
    struct strs added;   /* those of them that the revision does not have */
    struct strs deleted; /* there in the revision only */
};

/* git at work, while others are. */
struct git_question {
    const char *dir, *revision;
    pid_t diff, files;
    int diff_out, files_out;
};

/* Asks git (`diff` and `ls-files`). git_finish must follow; false when there is no git, no repository or no
 * such revision; reported, with what a shallow clone lacks. */
void git_start(struct arena *a, const char *dir, const char *revision, struct git_question *q);
bool git_finish(struct arena *a, struct git_question *q, struct git_changes *out);

#endif
