#ifndef FILTER_ANCESTRY_H
#define FILTER_ANCESTRY_H

#include "filter/items.h"

/* A class and what it inherits from, as far as that lies in the tree; in the order of reading. */
struct ancestry {
    ARRAY(struct named) classes;
    bool testcase;       /* of unittest */
    const char *unknown; /* a base that may bring tests */
    uint32_t line;
};

struct ancestry ancestry_find(const struct items_of *o, struct named class);

/* Whether a name outside the tree is a builtin's or the standard library's. */
bool ancestry_is_standard(const struct items_of *o, const char *path);
/* Whether it speaks of tests or cases, as all base classes of tests do. */
bool ancestry_speaks_of_tests(const char *name);

#endif
