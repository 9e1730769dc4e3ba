#ifndef RUN_LOG_H
#define RUN_LOG_H

#include "base/array.h"

#include <stdbool.h>

/* One test that has ended, as the worker logged it. */
struct logged_test {
    const char *id, *outcome; /* passed, failed, skipped, error, xfailed, xpassed */
    double seconds;
};

/* The worker's log of one target (rules/testfan_worker.py has the format). */
struct run_log {
    ARRAY(struct logged_test) tests;
    const char *running; /* the last test that started and did not end, or NULL */
    bool finished;       /* pytest came to the end of its session; what follows is known only then */
    int exit;            /* pytest's exit code */
    long collected, deselected, skipped,
        failed;   /* items before deselection; reports that skipped or failed */
    long made;    /* collectors that hooks of pytest_collect_file made of the file */
    bool traced;  /* all that the run did was noted */
    bool ignored; /* pytest, asked for all its arguments, would not have looked at the file */
    double setup; /* seconds that fixtures of the session and of packages took to be set up; -1: not known */
    long after;   /* so many other files had run in its process before */
    bool apart;   /* it fails after others in their process, and passes in one of its own */
    bool kept;    /* its process went on: what the session set up has yet to be torn down */
};

/* Whether every test that pytest was to run has been run. */
bool log_is_whole(const struct run_log *log);

/* A log that is missing or cut short gives what there is. */
void log_parse(struct arena *a, const char *text, struct run_log *log);
void log_read(struct arena *a, const char *path, struct run_log *log);

#endif
