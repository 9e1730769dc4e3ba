#ifndef RUN_NINJA_H
#define RUN_NINJA_H

#include "base/str.h"

#include <stdbool.h>

struct screen_options;

/* One call of ninja in the current folder. */
struct ninja_call {
    const char *file;           /* the build file, in the folder where ninja keeps its logs */
    const struct strs *targets; /* none: the file's default */
    long jobs;                  /* -1: ninja's own choice */
    long load;                  /* start nothing while the machine's load is above that; -1: whatever it is */
    int lock; /* descriptor that ninja and its commands hold open until the last of them ends; or -1 */
    const struct screen_options *screen;
};

/*
 * Runs ninja ($NINJA or `ninja` on PATH), in rootdir, and shows its progress as call->screen says; what a
 * failing verdict prints is left out, since the summary says it better. Where ninja itself crashes, as it
 * does on a damaged .ninja_deps, it is run once more without that file, which is said. Returns ninja's exit
 * status; 2 when it was interrupted; 127 when there is no ninja, which has been reported.
 */
int ninja_run(struct arena *a, const struct ninja_call *call);

/* In a command that ninja runs: what the command starts does not get the lock. */
void ninja_own_lock(void);

#endif
