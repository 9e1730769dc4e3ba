#ifndef RUN_CRASH_H
#define RUN_CRASH_H

#include "base/str.h"

#include <stdbool.h>

struct run_log;

/* What went wrong with a target beyond what its tests say. */
struct crash {
    const char *file;    /* the test file */
    const char *message; /* one line: "killed by SIGSEGV while running tests/test_a.py::test_x" */
    const char *output;  /* the last lines that were printed: any bytes */
    size_t output_len;
};

/* The text of a JUnit report made from the log: the tests that had ended, without their texts, and one
 * <error>. */
void crash_report(struct buf *out, const struct crash *crash, const struct run_log *log);
/* Puts the <error> into a complete report that pytest wrote; false when the text is no such report. */
bool crash_append(struct buf *out, const struct crash *crash, const struct run_log *log, const char *report,
                  size_t n);
/* Whether the text is a report that was written to its end. */
bool crash_is_whole(const char *report, size_t n);
/* "SIGSEGV" for 11. */
const char *crash_signal_name(int sig);

#endif
