#ifndef RUN_NINJA_H
#define RUN_NINJA_H

#include "base/str.h"

#include <stdbool.h>

/* One call of ninja in the current folder. */
struct ninja_call {
    const char *file;           /* the build file */
    const struct strs *targets; /* none: the file's default */
    long jobs;                  /* -1: ninja's own choice */
    bool verbose;               /* pass on what the targets print */
    bool live; /* standard error is a terminal: one line that is rewritten; else a line per target */
};

/*
 * Runs ninja ($NINJA or `ninja` on PATH) and shows its progress on standard error; what a failing verdict
 * prints is left out, since the summary says it better. Returns ninja's exit status; 2 when it was
 * interrupted; 127 when there is no ninja, which has been reported.
 */
int ninja_run(struct arena *a, const struct ninja_call *call);

#endif
