#ifndef REPORT_BEP_H
#define REPORT_BEP_H

#include "report/merge.h"

#include <stdbool.h>

struct merge_inputs {
    struct merge_input *items;
    uint32_t len, cap;
};

/*
 * The reports that a build event file of `bazel test` names (--build_event_json_file): of each run and shard
 * of a target the last attempt's, sorted by label. A target that was to run and has no report, or one that
 * Bazel made in pytest's place, is there with the reason. False when the file cannot be read; reported.
 */
bool bep_read(struct arena *a, const char *path, struct merge_inputs *inputs);

#endif
