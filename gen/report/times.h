#ifndef REPORT_TIMES_H
#define REPORT_TIMES_H

#include "base/array.h"

#include <stdbool.h>

struct summary;

/* What this machine has seen, and what is checked in: by that, long files are split. */
#define TIMES_FILE ".testfan/times.json"
#define TIMES_KEPT "testfan.times.json"

/* A class, or a function with all its parameters. */
struct group_time {
    const char *name;
    double seconds;
};

struct file_time {
    const char *file;
    double seconds;
    ARRAY(struct group_time) groups; /* sorted; of long files in TIMES_KEPT, else none */
};

/*
 * How long each target took, kept from run to run so that the longest can start first:
 * {"version": 1, "targets": {"tests/test_a.py": 1.25}}, in seconds, sorted by bytes. A file that took more
 * than a second has, in TIMES_KEPT, {"seconds": 4.5, "groups": {"TestA": 3.0, "test_b": 1.5}}.
 */
struct times {
    ARRAY(struct file_time) files; /* sorted, each file once */
};

/* A file that is missing or cannot be understood counts as empty. */
void times_read(struct arena *a, const char *path, struct times *times);
/* A file's entry, or NULL; its seconds, or -1. */
const struct file_time *times_entry(const struct times *times, const char *file);
double times_find(const struct times *times, const char *file);

/*
 * Takes over the times of the summary's targets that ran. Others keep theirs, and so does one that moved by
 * no more than 10 % or no more than 50 ms; those that are not among `all`, where that is known (else NULL),
 * go. Written only when something changed; false when that failed, which has been reported.
 */
bool times_update(const char *path, const struct summary *s, const struct strs *all);
/* The same for TIMES_KEPT, out of a merged report, which says how long each test took. */
bool times_keep(const char *path, const char *report);

#endif
