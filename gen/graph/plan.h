#ifndef GRAPH_PLAN_H
#define GRAPH_PLAN_H

#include "base/str.h"
#include "base/hash.h"
#include "source/settings.h"

#include <stdbool.h>
#include <stdint.h>

struct config;
struct facts;
struct graph;
struct learned;
struct scan;

/* Where gen puts the fork server's program, relative to rootdir. */
#define SERVER_PROGRAM ".testfan/rules/testfan_server.py"

/* What a target is expected to collect, for exec, where a hook makes its tests: anything. */
enum { EXPECT_MADE = -1 };

/* What the build system runs: one test file. */
struct target {
    const char *file; /* relative to rootdir; also its name */
    uint32_t node;    /* in the graph */
    uint64_t size;    /* of the file, in bytes */
    uint32_t waits;   /* what it says to sleep, in milliseconds */
    uint32_t tests;   /* test functions that pytest is sure to collect from it; 0 when that cannot be told */
    bool hooked;      /* a hook of a conftest.py or a plugin makes its tests */
    struct digest digest;    /* of the paths of everything it depends on */
    const char *result;      /* its results are named RESULT.xml, .ok and .log; relative to rootdir */
    struct strs nodes;       /* the node ids to run of it; none: all */
    long retries;            /* how often what failed is run again */
    uint32_t shard, shards;  /* of so many parts of the file this one, from 1; 0: it is whole */
    const char *fingerprint; /* of the split; NULL when it is whole */
    struct strs before;      /* modules to import first, by testfan.learned.json */
    uint32_t branch;         /* of the plan's branches the one it is forked from, from 1; 0: none */
    const char *isolation;   /* "file", "session" or "auto"; NULL: not said */
    const char *together;    /* the group whose files run one after the other in one process, or NULL */
    bool serial;             /* nothing else of the suite runs at the same time */
    const char *resource; /* what it needs that few can have at once, one of the plan's; NULL: nothing, or it
                             runs alone */
};

/* Modules that the fork server imports before it forks some of the targets (graph/preload.h). */
struct branch {
    struct strs modules; /* NAME for `import NAME`, MODULE:NAME for `from MODULE import NAME` */
    struct strs paths;   /* where each lies, relative to rootdir; "" for what lies outside */
};

/* What is to be run, and how: what emit and merge read. Sorted by file. */
struct plan {
    ARRAY(struct target) targets;
    const char *dir; /* where results, plan and report go: ".testfan" or, filtered, ".testfan/runs/DIGEST" */
    const char *report; /* the merged report */
    bool filtered;      /* some tests of a target may be left out: nothing here makes a lasting pass */
    bool trace;         /* note what the run reads */
    bool workers;       /* fork targets from one started pytest */
    bool strict;        /* no second opinion on what failed alone */
    bool limited;       /* some targets are not to run beside others */
    double timeout, timeout_per_file; /* in seconds; 0: none */
    struct strs args;                 /* pytest's arguments, the same for every target */
    ARRAY(struct branch) branches;    /* of the fork server */
    long maxfail;                     /* 0: none */
    const char *junitxml;             /* a second place for the report, or NULL */
    long durations;                   /* as struct whole_run */
    const char *cache_dir;            /* pytest's, or NULL when its cache is turned off */
    struct resources resources;       /* that its targets need, sorted by name */
};

struct filter {
    struct strs args;  /* arguments for pytest beyond the configured ones: -k, -m, what stands after `--` */
    struct strs paths; /* PATH or PATH::NODE, relative to rootdir; none: all */
    const char *keyword, *markexpr; /* the -k and -m among them, or NULL */
    long maxfail;                   /* overrides the configured one when not negative */
};

/* pytest's arguments for every target: the configured ones, but for those that mean the whole run, and
 * `further` ones. */
struct strs plan_arguments(struct arena *a, const struct config *c, const struct strs *further);

/* Makes the plan of the whole tree, or of what the filter leaves. False when a path of the filter names
 * nothing; reported. */
bool plan_targets(struct arena *a, struct graph *g, const struct scan *scan, const struct config *c,
                  const struct facts *const *facts, const struct filter *filter, struct plan *plan);

/* Test functions that exec has to see collected, or EXPECT_MADE. */
long plan_expected(const struct target *t);
/* "1/3", or "" for a whole file. */
const char *plan_shard(struct arena *a, const struct target *t);

/* Takes over what was learned of the targets. */
void plan_learned(struct plan *plan, const struct learned *learned);

/* plan.json: the targets, for merge; run.json: what `testfan exec` needs. Deterministic; written only when
 * changed. */
bool plan_write(const struct plan *plan, const char *rootdir);
/* Reads plan.json back, as far as merging needs it; false when it is not there or broken (reported). */
bool plan_read(struct arena *a, const char *path, struct plan *plan);

#endif
