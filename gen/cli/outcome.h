#ifndef CLI_OUTCOME_H
#define CLI_OUTCOME_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct invocation;
struct plan;
struct summary;
struct target;

/* A run that has ended, in the rootdir, which is the current folder. */
struct outcome {
    const struct plan *plan;
    const char *python; /* the interpreter that ran it */
    bool part;          /* only some targets were asked for, or some tests of them */
    int ninja_status;   /* 2: interrupted */
    unsigned cached;    /* how many results came from the cache */
    double seconds;     /* wall time */
    int64_t started;    /* nanoseconds since 1970 */
};

/* Takes a second opinion on what failed (run/opinion.h), unless it is not wanted. */
void outcome_judge(struct arena *a, const char *python, const struct plan *plan);

/* Merges the reports of a plan into `out` (NULL: only sums up). False when that could not be written. */
bool outcome_merge(struct arena *a, const struct plan *plan, const char *out, struct summary *s);

/* What comes of a merged run besides its report: the copy that --junitxml in addopts asks for, the durations
   in .testfan/times.json, pytest's own list of what failed last. `whole`: the plan has all targets of the
   tree. */
void outcome_keep(struct arena *a, const struct plan *plan, const struct summary *s, bool whole);

/* How many slowest tests the summary is to list. */
long outcome_durations(const struct plan *plan);

/* Whether a target has run since `started`, nanoseconds since 1970. */
bool outcome_is_new(const struct target *t, int64_t started);
/* Prints what failed of one target to standard output. */
void outcome_show(struct invocation *in, const struct target *t);

/* Sums a run up on standard output and leaves its report in .testfan/report.xml; returns pytest's exit code.
 */
int outcome_report(struct invocation *in, const struct outcome *o);

#endif
