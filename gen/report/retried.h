#ifndef REPORT_RETRIED_H
#define REPORT_RETRIED_H

#include "base/str.h"

#include <stdbool.h>

struct report_text {
    const char *xml;
    size_t size;
};

/*
 * One report of two attempts at a target, in the words of Maven Surefire's reports: a test that failed and
 * then passed is a pass with a <flakyFailure> or <flakyError>; one that failed again has its first failure
 * and a <rerunFailure> or <rerunError>. `part`: only what had failed was run again, and the first report has
 * the rest; else the second one has all. What failed and is no test of the second report becomes a property
 * `testfan.flaky` of its suite. False when one of them cannot be read.
 */
bool report_retried(struct buf *out, struct report_text first, struct report_text again, bool part);

#endif
