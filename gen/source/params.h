#ifndef SOURCE_PARAMS_H
#define SOURCE_PARAMS_H

#include <stdint.h>
#include <tree_sitter/api.h>

struct facts_builder;

/*
 * The ids that pytest makes for the parameter sets of one `parametrize(argnames, argvalues, ids=…)`, from
 * literals alone (IdMaker in _pytest/python.py): appended to b->ids, their number in *n. Returns 1 when all
 * are known; 0, with nothing appended, where a value is no literal, where versions of pytest differ
 * (duplicates), or an id has to be escaped.
 */
uint32_t params_ids(struct facts_builder *b, TSNode arguments, const char *text, uint32_t *n);

#endif
