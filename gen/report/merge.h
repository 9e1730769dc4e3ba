#ifndef REPORT_MERGE_H
#define REPORT_MERGE_H

#include "base/array.h"

#include <stdbool.h>
#include <stdint.h>

struct merge_input {
    const char
        *target; /* the test file, or NULL: then suites say it by the property testfan.target, or not */
    const char *report;  /* the path of a JUnit XML file */
    const char *log;     /* the worker's log of that run, or NULL; gives the node ids */
    const char *missing; /* why there is no report to read, or NULL */
};

/* A test that failed, or an error. */
struct problem {
    const char *target;         /* NULL when unknown */
    const char *id;             /* node id where a log knew it, else classname::name */
    bool error;                 /* an <error>, not a <failure> */
    const char *message, *text; /* as in the report; cut at 64 KiB */
};

struct target_time {
    const char *target;
    double seconds;
};

struct slow_test {
    const char *id;
    double seconds;
};

enum { SLOW_TESTS = 100, PROBLEM_TEXTS = 50 };

/* What reports hold together. Strings live in the arena given to merge_reports. */
struct summary {
    /* As pytest counts: a test that passed and whose teardown failed is a pass and an error, in one test
     * case. */
    unsigned long tests, passed, failed, errors, skipped, xfailed;
    unsigned long flaky;   /* tests that passed only when they were run again */
    unsigned long not_run; /* reports with the property testfan.not-run */
    double time;           /* the sum of the suites' times */
    ARRAY(struct problem)
    problems; /* in input order; beyond PROBLEM_TEXTS without text, messages cut at 1 KiB */
    ARRAY(struct target_time) targets;
    struct strs flaky_ids;                /* of these, node ids */
    struct strs failed_ids;               /* node ids of failed tests and errors, from the logs */
    struct slow_test slowest[SLOW_TESTS]; /* longest first */
    uint32_t n_slowest;
};

/*
 * Merges the reports, in this order, into one file, or only sums up where out_path is NULL. Each <testsuite>
 * becomes one, with its counts taken anew, and its property testfan.target. Test cases keep everything they
 * had. A report that is missing or damaged, or a target's that has no suite, gives what is whole in it, then
 * a test case with an <error>.
 *
 * Memory grows with the number of suites and problems only, not with their test cases. False when the file
 * could not be written, which has been reported; the summary is complete all the same.
 */
bool merge_reports(struct arena *a, const struct merge_input *in, uint32_t n, const char *out_path,
                   struct summary *s);

/* pytest's code: 0, 1 with any failure or error or a file that did not run, 5 without a test case. */
int summary_exit(const struct summary *s);

/* Sums up a merged report. False when it is missing or damaged, which has been reported. */
bool merge_verdict(struct arena *a, const char *report, struct summary *totals);

#endif
