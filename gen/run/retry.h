#ifndef RUN_RETRY_H
#define RUN_RETRY_H

#include "run/attempt.h"

/*
 * Runs again what failed in an attempt, up to t->retries times: the tests that failed, or the whole file
 * where it crashed or could not be collected. The attempt becomes what came of all (report/retried.h). False
 * when something could not be started; reported.
 */
bool retry_failed(struct target_run *t, struct attempt *attempt);

#endif
