#ifndef RUN_SHARED_H
#define RUN_SHARED_H

#include "base/arena.h"

struct plan;
struct run_log;

/*
 * Session isolation (rules/testfan_session.py): files that follow each other in one process, so that what a
 * session sets up is set up once.
 */

/* What is asked for, "file", "session" or "auto", as what the fork server is asked: "", "session", "auto".
 * By itself a file shares unless its last run set up nothing dear, or had to be set apart. */
const char *shared_choose(const char *isolation, const struct run_log *last);

/*
 * Has the shared processes end, and takes over what went wrong then, or between two files: RESULT.torn tells
 * it of the file that had run last, whose report gets an <error> more and which is no pass any more. In
 * rootdir, when all targets of the plan have run.
 */
void shared_end(struct arena *a, const struct plan *plan);
/* Takes back the passes of targets that ran in a process with others: their traces have what the others read,
 * too. In rootdir. */
void shared_forget(struct arena *a, const struct plan *plan);

#endif
