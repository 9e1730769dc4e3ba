#ifndef RUN_OPINION_H
#define RUN_OPINION_H

#include "base/array.h"

#include <stdbool.h>

struct plan;
struct run_log;
struct target_run;

/*
 * A second opinion on the files that failed by themselves: plain pytest imports every test file before it
 * runs the first test, and some files lean on what another imports. They are run once more among all others
 * (run/company.h), and where that passes once more alone. Failing both times alone, a file is
 * order-dependent: its report becomes the one that it left among the others, with a property
 * `testfan.order-dependent`, and it makes no pass to be remembered (RESULT.ok). Passing the second time alone
 * it is flaky, and stays failed.
 *
 * A file that fails among the others too is not asked about again while the same tests of it fail
 * (RESULT.asked names them). Runs in rootdir, on the results of a plan's run. Above OPINIONS_MOST failed
 * files there is none. What was found is reported, as order-dependent and flaky.
 */
enum { OPINIONS_MOST = 20 };

/* Whether the run was asked to do without. */
bool opinion_is_unwanted(void);

/* exec's part, when a target has failed that has this log: where an opinion will be wanted, a fork server
 * that runs collects the suite meanwhile. */
void opinion_prepare(struct target_run *t, const struct run_log *log);

void opinions_take(struct arena *a, const char *python, const struct plan *plan);

#endif
