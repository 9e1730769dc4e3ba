#ifndef RUN_ATTEMPT_H
#define RUN_ATTEMPT_H

#include "base/arena.h"
#include "base/str.h"
#include "run/child.h"
#include "run/log.h"

#include <limits.h>
#include <stdbool.h>
#include <time.h>

/* One target at work. */
struct target_run {
    struct arena arena;
    const char *python, *run_file, *shard, *fingerprint; /* shard: "1/3", or "" */
    long expect;                                         /* test functions, or EXPECT_MADE (graph/plan.h) */
    const char *file, *xml, *ok, *log, *result;          /* where things end up: RESULT.xml … */
    char tmp_xml[PATH_MAX], tmp_log[PATH_MAX], tmp_trace[PATH_MAX]; /* where they are made, absolute */
    const char *rootdir;
    const char *worker, *server;        /* server: NULL when every target is to have a process of its own */
    struct strs args, nodes, before;    /* before: modules to import first */
    struct strs preload, preload_paths; /* modules that the fork server may import before it forks */
    bool filtered, trace;
    bool late;               /* nothing is collected beside the run for opinions on what fails */
    bool takes_turns, alone; /* some targets of the run are to be alone; this one is */
    long retries;
    long maxfail;          /* failures after which the whole run ends; 0: none */
    long failures_left;    /* after which this target is not to go on; 0: none */
    double limit, timeout; /* seconds for a test, and for the whole file; 0: none */
    struct timespec started;
    bool traced;               /* a trace of an earlier attempt stands at tmp_trace */
    const char *isolation;     /* "file", "session", "auto"; NULL: not said */
    const char *share, *group; /* as for the fork server: whether it may run in a process with other files */
};

/* One run of a target, and what is to be said of it. */
struct attempt {
    struct child child;
    struct run_log log;
    struct buf output;
    const char *report; /* pytest's own, with the crash in it, or one made from the log; `size` bytes */
    size_t size;
    const char *log_text;     /* what the worker logged */
    bool own_report, own_log; /* these are what stands at t->tmp_xml and t->tmp_log, byte for byte */
    const char *crash;        /* what is wrong beyond failing tests, in one line; NULL when nothing is */
    int exit;                 /* the status of the interpreter; -1 when a signal ended it */
    bool passed;
    bool flaky; /* it took more than one attempt */
    bool
        shared; /* its process ran other files before it, or runs more: the pass counts until that one ends */
};

/*
 * Runs the target, or only `nodes` of it, by the fork server where there is one and cold otherwise; what is
 * made lies at t->tmp_*, the trace of every attempt in one file. False when nothing could be started;
 * reported.
 */
bool attempt_run(struct target_run *t, const struct strs *nodes, struct attempt *attempt);
void attempt_free(struct attempt *attempt);

#endif
