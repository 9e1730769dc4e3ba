#ifndef RUN_COMPANY_H
#define RUN_COMPANY_H

#include "base/array.h"

#include <stdbool.h>

struct plan;

/*
 * What running each file by itself changes, told by collecting the whole suite in one process, as plain
 * pytest does (rules/testfan_company.py).
 */
struct company {
    struct arena *arena;
    const char *python;
    const struct plan *plan;
};

/* A file to run among all others; its results are made at `xml` and `log`. */
struct guest {
    const char *file, *shard, *xml, *log; /* shard: "1/3", or "" */
    bool ran, passed;                     /* what fails ends it */
};

struct guests {
    struct guest *items;
    uint32_t len, cap;
};

/* Run in rootdir, some guests at a time. Where a fork server runs its child has collected the suite, or does
 * it now; else, and where that fails, a process is started for it. False when the suite cannot be collected;
 * reported. */
bool company_ask(const struct company *c, struct guests *guests);
/* Whether a file, or a shard of it, passes by itself, when `modules` are imported before it. */
bool company_alone(const struct company *c, const char *file, const char *shard, const struct strs *modules);

struct company_file {
    const char *file;
    bool unstable;        /* its ids changed from the last run to this one */
    const char *id;       /* one of them */
    bool order_dependent; /* it fails alone and passes in company */
    const char *leans_on; /* the module whose import makes it pass alone; NULL when none does by itself */
};

struct company_files {
    struct company_file *items;
    uint32_t len, cap;
};

/* Compares with the results of the plan's last run: files whose test ids are not the same in two runs, and
 * files that fail alone and pass in company, with the import that they lean on. */
bool company_check(const struct company *c, struct company_files *out);

#endif
