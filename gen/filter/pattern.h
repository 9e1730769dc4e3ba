#ifndef FILTER_PATTERN_H
#define FILTER_PATTERN_H

#include "filter/expr.h"

/*
 * Whether the text that a pattern stands for contains `word`, letters compared without case as far as ASCII
 * goes. A pattern is text with the holes HOLE_ANY and HOLE_CLOSE (source/params.h), each of which stands for
 * any text, also none.
 */
enum answer3 pattern_contains(const char *pattern, const char *word);

#endif
