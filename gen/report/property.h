#ifndef REPORT_PROPERTY_H
#define REPORT_PROPERTY_H

#include "base/str.h"

#include <stdbool.h>

/* Appends the report of n bytes with a property in its first suite; false, and nothing, when it has none. */
bool report_mark(struct buf *b, const char *report, size_t n, const char *name, const char *value);

#endif
