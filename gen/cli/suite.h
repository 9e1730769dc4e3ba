#ifndef CLI_SUITE_H
#define CLI_SUITE_H

struct invocation;
struct plan;
struct project;

/* Makes the build file, runs on ninja what has to run of the selection, merges and sums up: all of
 * `testfan test`. *plan is what was run. Returns the exit status; enters rootdir. */
int suite_run(struct invocation *in, struct project *p, struct plan *plan);

#endif
