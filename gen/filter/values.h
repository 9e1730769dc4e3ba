#ifndef FILTER_VALUES_H
#define FILTER_VALUES_H

#include "filter/names.h"

/* An id as source/params.h makes it, with each HOLE_VALUE turned into the text that pytest makes of what the
 * name stands for, or into another hole where that cannot be told; without its marks. n->texts are those of
 * HOLE_MAYBE. */
const char *values_fill(struct names *n, uint32_t file, const char *pattern);

#endif
