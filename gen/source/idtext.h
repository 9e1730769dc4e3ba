#ifndef SOURCE_IDTEXT_H
#define SOURCE_IDTEXT_H

#include "base/str.h"
#include "source/params.h"

#include <stdbool.h>

/* The id of a parameter set as it grows; `exact` as long as it has no hole and comes from literals alone. */
struct idtext {
    struct buf id;
    bool exact;
};

void idtext_hole(struct idtext *t, enum hole hole);
/* Appends what pytest makes of one value (IdMaker._idval), as far as its expression tells; `fallback` is what
 * it takes for an object. */
void idtext_value(struct idtext *t, TSNode node, const char *text, const char *fallback);

/* Whether a number is printed as it is written. */
bool idtext_same_when_printed(const char *s, size_t n);

#endif
