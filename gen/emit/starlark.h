#ifndef EMIT_STARLARK_H
#define EMIT_STARLARK_H

#include "base/str.h"

#include <stdbool.h>

/* An attribute of a rule: a list of strings, or one string. */
struct attribute {
    const char *name;
    bool list;
    bool ordered; /* a list whose order counts; any other is sorted by starlark_sort */
    struct strs values;
};

/* A rule that testfan wants in a package. */
struct rule {
    const char *kind, *name;
    struct attribute *items; /* in buildifier's order; empty lists are left out when written */
    uint32_t len, cap;
};

/* The tag by which testfan knows its own rules. */
#define RULE_TAG "testfan"

/* Appends s as a Starlark string literal: the only place where one is made. */
void escape_starlark(struct buf *b, const char *s);

/* Sorts as buildifier sorts labels: files, then :names, //labels and @labels; each once. */
void starlark_sort(struct strs *labels);
int starlark_compare(const char *a, const char *b);
/* Where an attribute stands among others, as buildifier orders them: lower comes first, the same by name. */
int starlark_place(const char *attribute);

/* All of these give the text that buildifier leaves alone. */
void starlark_attribute(struct buf *b, const struct attribute *attribute);
void starlark_rule(struct buf *b, const struct rule *rule);
void starlark_load(struct buf *b, const char *bzl, const struct strs *symbols);
void starlark_exports(struct buf *b, const struct strs *files);

/* A label of `name` in package `to`, written in package `from` ("" is the root's). */
const char *starlark_label(struct arena *a, const char *from, const char *to, const char *name);

#endif
