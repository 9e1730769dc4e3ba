#ifndef RUN_CHILD_H
#define RUN_CHILD_H

#include "run/capture.h"

#include <stdbool.h>

enum { CHILD_TIME_IS_UP = 63 }; /* a signal that nobody else uses; rules/testfan_worker.py has it, too */

/* One process in a session of its own, watched until it ends. */
struct child {
    int status;      /* as waitpid gives it */
    int interrupted; /* the signal that told us to stop, or 0 */
    bool timed_out;
    const char *given_up;  /* why it was ended before its time: "stopped by a signal"; else NULL */
    struct capture output; /* its standard output and error */
};

/*
 * Runs argv with the environment `env`, standard input from /dev/null, and waits for it; `timeout` in
 * seconds, 0: none. When its time is up it gets CHILD_TIME_IS_UP, on which a worker prints its stacks and
 * ends; else, as when we are told to stop, its group gets TERM, and KILL two seconds later; when it has
 * ended, or this process has, all that it started is ended too, in whatever session (run/keeper.h). False
 * when it could not be started (errno).
 */
bool child_run(const char *const *argv, const char *const *env, double timeout, struct child *c);

/* What the fork server says of a request (rules/testfan_server.py): pairs of int32_t, this and a value. */
enum served {
    SERVED_CHILD = 1, /* its pid */
    SERVED_END,       /* its status, when nothing is left of it */
    SERVED_STALE,     /* something that the server has read has changed: it wants to be started again */
    SERVED_COLD,      /* a fork could differ from a process of its own */
    SERVED_DONE,      /* its status; the process is the server's business, and may go on */
    SERVED_LOST,      /* not said: the server has ended when the child had begun */
    SERVED_NOT,       /* not said: the server has ended before */
    SERVED_LATE       /* not said for a minute */
};

/*
 * The same for a process that the fork server forks: `line` is the connection to it, on which the request has
 * been sent, and `out` the reading end of the child's output; both are closed. `start` is how long the server
 * may take to fork it. SERVED_END when it ran, or when we were told to stop; else it did not run to its end,
 * and nothing of it is left.
 */
enum served child_served(int line, int out, double start, double timeout, struct child *c);

/* In a forked process: signals as they are by default, a session of its own, standard input from /dev/null
   and output to `out`. */
void child_detach(int out);

#endif
