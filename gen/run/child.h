#ifndef RUN_CHILD_H
#define RUN_CHILD_H

#include "run/capture.h"

/* One process in a session of its own, watched until it ends. */
struct child {
    int status;      /* as waitpid gives it */
    int interrupted; /* the signal that told us to stop, or 0 */
    bool timed_out;
    struct capture output; /* its standard output and error */
};

/*
 * Runs argv with the environment `env`, standard input from /dev/null, and waits for it; `timeout` in
 * seconds, 0: none. When it ends, is told to end, or this process is, everything left in its session's group
 * is ended too: TERM, and KILL two seconds later. False when it could not be started (errno).
 */
bool child_run(const char *const *argv, const char *const *env, double timeout, struct child *c);

#endif
