#ifndef REPORT_SUM_H
#define REPORT_SUM_H

#include "base/array.h"
#include "base/map.h"

#include <stdbool.h>

struct junit_case;
struct merge_input;
struct summary;

/* Gathers the summary of the reports of one input. Its log is read only when a test failed. */
struct sum {
    struct arena *arena; /* of the summary */
    struct summary *summary;
    struct arena scratch;
    const char *log;    /* NULL when there is none, or it has been read */
    struct map by_name; /* "classname::name" of what failed -> place in `ids` */
    struct strs ids;
};

/* `log` may be NULL. */
void sum_begin(struct sum *sum, struct arena *a, struct summary *s, const char *log);
/* `target` may be NULL. */
void sum_test(struct sum *sum, const char *target, const struct junit_case *test);
/* Adds seconds to the time of the target that came last, or to a new one. */
void sum_time(struct sum *sum, const char *target, double seconds);
void sum_end(struct sum *sum);

#endif
