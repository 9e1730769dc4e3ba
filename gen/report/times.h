#ifndef REPORT_TIMES_H
#define REPORT_TIMES_H

#include "base/array.h"

#include <stdbool.h>

struct summary;

#define TIMES_FILE ".testfan/times.json"

struct file_time {
    const char *file;
    double seconds;
};

/*
 * How long each target took, kept from run to run so that the longest can start first:
 * {"version": 1, "targets": {"tests/test_a.py": 1.25}}, in seconds, sorted by bytes.
 */
struct times {
    ARRAY(struct file_time) files; /* sorted, each file once */
};

/* A file that is missing or cannot be understood counts as empty. */
void times_read(struct arena *a, const char *path, struct times *times);
/* The seconds of a file, or -1. */
double times_find(const struct times *times, const char *file);

/*
 * Takes over the times of the summary's targets that ran. Others keep theirs, and so does one that moved by
 * no more than 10 % or no more than 50 ms; those that are not among `all`, where that is known (else NULL),
 * go. Written only when something changed; false when that failed, which has been reported.
 */
bool times_update(const char *path, const struct summary *s, const struct strs *all);

#endif
