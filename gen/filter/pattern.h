#ifndef FILTER_PATTERN_H
#define FILTER_PATTERN_H

#include "filter/expr.h"
#include "base/str.h"

/*
 * Whether the text that a pattern stands for contains `word`, letters compared without case as far as ASCII
 * goes. A pattern is text with the holes HOLE_ANY, HOLE_CLOSE and HOLE_MAYBE (source/params.h), each of which
 * may stand for no text too; `texts`, in lower case, are those that HOLE_MAYBE numbers.
 */
enum answer3 pattern_contains(const char *pattern, const char *word, const struct strs *texts);

#endif
