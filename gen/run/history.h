#ifndef RUN_HISTORY_H
#define RUN_HISTORY_H

#include <stdbool.h>

/*
 * How the last complete run of a target ended, beside its result: RESULT.failed stands from its start until
 * it passes, RESULT.passed once it has ever passed. `xml` is RESULT.xml. They are second names of `file`, any
 * file, where it has one to give: that costs less than a file of their own.
 */
void history_begin(const char *xml, const char *file);
void history_passed(const char *xml);

/* `result` is RESULT, relative to `rootdir`. */
bool history_is_failed(const char *rootdir, const char *result);
bool history_is_new(const char *rootdir, const char *result);

#endif
