#ifndef FILTER_DECORATORS_H
#define FILTER_DECORATORS_H

#include "filter/names.h"
#include "base/str.h"

struct fact_decorator;

/* What a decorator, or an element of pytestmark, does to what -k and -m see of a test. */
struct effect {
    enum {
        EFFECT_UNKNOWN,
        EFFECT_NONE,
        EFFECT_MARK,       /* adds the mark `name` */
        EFFECT_FIXTURE,    /* makes it a fixture, which is no test */
        EFFECT_ATTRIBUTES, /* leaves the attributes `name`, separated by spaces, on the function */
    } kind;
    const char *name;
};

/* `callee` is a dotted name as a file writes it, without the call. */
struct effect decorator_effect(struct names *n, uint32_t file, const char *callee);

#endif
