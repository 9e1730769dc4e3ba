#ifndef RUN_COMPANY_H
#define RUN_COMPANY_H

#include "base/array.h"

#include <stdbool.h>

/*
 * What running each file by itself changes, told by one run of the whole suite in one process
 * (rules/testfan_company.py): files whose test ids are not the same in two runs, and files that fail alone
 * and pass in company, with the import that they lean on.
 */
struct company_file {
    const char *file;
    bool unstable;        /* its ids changed from the last run to this one */
    const char *id;       /* one of them */
    bool order_dependent; /* it fails alone and passes in company */
    const char *leans_on; /* the module whose import makes it pass alone; NULL when none does by itself */
};

struct company {
    struct company_file *items;
    uint32_t len, cap;
};

struct plan;

/* Runs in rootdir, with the results of the plan's last run. False when the whole suite cannot be collected;
   reported. */
bool company_check(struct arena *a, const char *python, const struct plan *plan, struct company *out);

#endif
