#ifndef SOURCE_PARAMS_H
#define SOURCE_PARAMS_H

#include <stdint.h>
#include <tree_sitter/api.h>

struct bound_values;
struct facts_builder;

/*
 * What a pattern of an id holds beside the text as pytest makes it. Control characters never stand in an id
 * (pytest escapes them).
 */
enum hole {
    HOLE_VALUE = 1, /* the id of a value: HOLE_VALUE name HOLE_FALLBACK fallback HOLE_END. The name is
                       dotted, or "dotted()" for what a call of it returns; the fallback is what pytest
                       takes for an object without an id of its own, like "arg0" */
    HOLE_FALLBACK = 2,
    HOLE_END = 3,
    HOLE_ANY = 4,   /* any text */
    HOLE_CLOSE = 5, /* text of numbers and escapes alone: the characters of HOLE_CLOSE_CHARACTERS */
    HOLE_MAYBE = 7, /* HOLE_MAYBE words HOLE_FALLBACK texts HOLE_END: text like HOLE_CLOSE, or in the words,
                       or in one of the texts of filter/pattern.h, by their numbers between spaces */
    HOLE_MARKS = 6, /* at the end: the marks of the parameter set, separated by ','; '?' where not known */
};
#define HOLE_CLOSE_CHARACTERS "0123456789abcdefABCDEFijnrtuxUNT+-._\\()y"

/*
 * The ids that pytest makes for the parameter sets of one `parametrize(argnames, argvalues, ids=…)` (IdMaker
 * in _pytest/python.py), or with a `fixture` name of that fixture's `params=…, ids=…`: appended to b->ids,
 * their number in *n. Returns an enum fact_ids. IDS_EXACT only where all come from literals and no two are
 * alike. `values` finds what a name is bound to.
 */
uint32_t params_ids(struct facts_builder *b, TSNode arguments, const char *text, const char *fixture,
                    struct bound_values *values, uint32_t *n);

#endif
