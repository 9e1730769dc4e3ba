#ifndef EMIT_BAZEL_H
#define EMIT_BAZEL_H

#include "emit/packages.h"

struct config;
struct dists;
struct python;

/* What is written from. */
struct bazel_input {
    const struct scan *scan;
    const struct plan *plan;
    const struct graph *graph;
    const struct config *config;
    const struct python *python;
    const struct dists *dists;
    struct strs pythonpath; /* further folders on sys.path, relative to rootdir */
};

/* A file as it shall be. */
struct bazel_file {
    const char *path; /* relative to rootdir */
    const char *old;  /* NULL: there is none */
    const char *text; /* NULL: it is removed */
};

struct bazel_files {
    struct bazel_file *items; /* only those that change, sorted by folder */
    uint32_t len, cap;
    const char *plain; /* what shall stand in PLAIN_FILES */
};

/* The BUILD files of the tree: a rule for every Python file, edges from file to file, in one go over the
 * graph. */
void emit_bazel(struct arena *a, const struct bazel_input *in, struct bazel_files *out);

/* The one file of Bazel's that belongs to the machine: its interpreter and what is installed. */
#define BAZEL_HOST_FILE RULES_FOLDER "/host/host.bzl"
void emit_bazel_host(struct buf *b, const struct bazel_input *in, const char *stamp);

/* The label of a test file's target, or NULL: `packages` is made for a plan that has it. */
const char *bazel_label(const struct packages *packages, uint32_t node);

#endif
