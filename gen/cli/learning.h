#ifndef CLI_LEARNING_H
#define CLI_LEARNING_H

#include <stdbool.h>

struct audit;
struct invocation;
struct plan;
struct project;

/* For audit and learn: runs what has no up-to-date trace, without second opinions; what the run prints goes
   to standard error. False: reported. */
bool run_and_audit(struct invocation *in, struct project *p, struct plan *plan, struct audit *audit);

#endif
