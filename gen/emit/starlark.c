#include "emit/starlark.h"
#include "base/os.h"

#include <stdlib.h>
#include <string.h>

void escape_starlark(struct buf *b, const char *s) {
    buf_char(b, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') {
            buf_char(b, '\\');
            buf_char(b, *s);
        } else if (*s == '\n') {
            buf_str(b, "\\n");
        } else if (*s == '\t') {
            buf_str(b, "\\t");
        } else if (*s == '\r') {
            buf_str(b, "\\r");
        } else if ((unsigned char)*s < 0x20) {
            buf_fmt(b, "\\%03o", (unsigned)*s);
        } else {
            buf_char(b, *s);
        }
    }
    buf_char(b, '"');
}

static int phase_of(const char *s) {
    return *s == ':' ? 1 : s[0] == '/' && s[1] == '/' ? 2 : *s == '@' ? 3 : 0;
}

/* buildifier compares the parts between '.' and ':', as words. */
int starlark_compare(const char *a, const char *b) {
    int order = phase_of(a) - phase_of(b);
    for (const char *x = a, *y = b; !order;) {
        size_t n = strcspn(x, ".:"), m = strcspn(y, ".:");
        order = strncmp(x, y, n < m ? n : m);
        if (!order)
            order = n < m ? -1 : n > m;
        if (order || (!x[n] && !y[m]))
            break;
        if (!x[n] || !y[m])
            return !x[n] ? -1 : 1;
        x += n + 1;
        y += m + 1;
    }
    return order ? order : strcmp(a, b);
}

static int compare_labels(const void *a, const void *b) {
    return starlark_compare(*(const char *const *)a, *(const char *const *)b);
}

void starlark_sort(struct strs *labels) {
    if (labels->len > 1)
        qsort(labels->items, labels->len, sizeof *labels->items, compare_labels);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < labels->len; i++)
        if (!kept || strcmp(labels->items[kept - 1], labels->items[i]) != 0)
            labels->items[kept++] = labels->items[i];
    labels->len = kept;
}

int starlark_place(const char *attribute) {
    static const char *const first[] = {"name", "size", "timeout", "testonly", "src", "srcs"};
    enum { FIRST = sizeof first / sizeof *first };
    for (int i = 0; i < FIRST; i++)
        if (strcmp(attribute, first[i]) == 0)
            return i - FIRST;
    return strcmp(attribute, "deps") == 0;
}

static void put_list(struct buf *b, const struct strs *values, const char *indent) {
    if (values->len < 2) {
        buf_char(b, '[');
        if (values->len)
            escape_starlark(b, values->items[0]);
        buf_char(b, ']');
        return;
    }
    buf_str(b, "[\n");
    for (uint32_t i = 0; i < values->len; i++) {
        buf_fmt(b, "%s    ", indent);
        escape_starlark(b, values->items[i]);
        buf_str(b, ",\n");
    }
    buf_fmt(b, "%s]", indent);
}

void starlark_attribute(struct buf *b, const struct attribute *attribute) {
    buf_fmt(b, "    %s = ", attribute->name);
    if (attribute->list)
        put_list(b, &attribute->values, "    ");
    else
        escape_starlark(b, attribute->values.items[0]);
    buf_str(b, ",\n");
}

void starlark_rule(struct buf *b, const struct rule *rule) {
    buf_fmt(b, "%s(\n    name = ", rule->kind);
    escape_starlark(b, rule->name);
    buf_str(b, ",\n");
    ARRAY_FOR (const struct attribute, attribute, rule)
        if (attribute->values.len)
            starlark_attribute(b, attribute);
    buf_str(b, ")\n");
}

void starlark_load(struct buf *b, const char *bzl, const struct strs *symbols) {
    buf_str(b, "load(");
    escape_starlark(b, bzl);
    for (uint32_t i = 0; i < symbols->len; i++) {
        buf_str(b, ", ");
        escape_starlark(b, symbols->items[i]);
    }
    buf_str(b, ")\n");
}

void starlark_exports(struct buf *b, const struct strs *files) {
    buf_str(b, "exports_files(");
    put_list(b, files, "");
    buf_str(b, ")\n");
}

const char *starlark_label(struct arena *a, const char *from, const char *to, const char *name) {
    if (strcmp(from, to) == 0)
        return arena_printf(a, ":%s", name);
    if (*to && strcmp(os_basename(to), name) == 0)
        return arena_printf(a, "//%s", to);
    return arena_printf(a, "//%s:%s", to, name);
}
