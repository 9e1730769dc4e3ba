#include "emit/build_file.h"
#include "base/diag.h"
#include "emit/build_syntax.h"
#include "source/syntax.h"

#include <string.h>

/* By a comment above or behind it; what is continued by backslashes is not ours to write either. */
static bool is_kept(const struct build_file *f, TSNode statement) {
    TSNode next = ts_node_next_sibling(statement);
    bool behind = !ts_node_is_null(next) && row_of(next) == end_row_of(statement);
    return build_is_keep(f, build_comment_above(statement)) || (behind && build_is_keep(f, next)) ||
           strstr(build_text(f, statement), "\\\n");
}

static void read_statement(struct build_file *f, TSNode statement) {
    const char *kind;
    TSNode call = build_call(f, statement, &kind);
    if (ts_node_is_null(call))
        return;
    if (strcmp(kind, "package") == 0)
        f->default_visibility |= !ts_node_is_null(build_value(f, call, "default_visibility"));
    if (strcmp(kind, "exports_files") == 0 && !build_is_our_exports(f, statement, kind)) {
        struct strs files = build_strings(f, build_first_argument(call));
        for (uint32_t i = 0; i < files.len; i++)
            array_push(f->arena, &f->exported, files.items[i]);
    }
    const char *name = build_string(f, build_value(f, call, "name"));
    if (!name)
        return;
    struct strs tags = build_strings(f, build_value(f, call, "tags"));
    array_push(f->arena, &f->rules,
               (struct build_rule){.kind = kind,
                                   .name = name,
                                   .srcs = build_strings(f, build_value(f, call, "srcs")),
                                   .ours = strs_has(&tags, RULE_TAG),
                                   .keep = is_kept(f, statement),
                                   .line = row_of(call) + 1,
                                   .statement = statement,
                                   .call = call});
}

static uint32_t error_line(TSNode n) {
    if (ts_node_is_missing(n) || strcmp(ts_node_type(n), "ERROR") == 0)
        return row_of(n) + 1;
    for (uint32_t i = 0; i < ts_node_child_count(n); i++)
        if (ts_node_has_error(ts_node_child(n, i)))
            return error_line(ts_node_child(n, i));
    return row_of(n) + 1;
}

void build_file_read(struct build_file *f, struct arena *a, const char *path, const char *text) {
    *f = (struct build_file){.arena = a, .path = path, .text = text ? text : "", .exists = text};
    if (!text)
        return;
    f->tree = build_parse(text);
    TSNode root = ts_tree_root_node(f->tree);
    f->broken = ts_node_has_error(root);
    if (f->broken) {
        diag(DIAG_BUILD_FILE, path, error_line(root), 0, "does not parse; it is left as it is");
        hint("mend it, then run: testfan gen --engine bazel");
        return;
    }
    for (uint32_t i = 0; i < ts_node_child_count(root); i++)
        read_statement(f, ts_node_child(root, i));
}

void build_file_free(struct build_file *f) {
    ts_tree_delete(f->tree);
}

const struct build_rule *build_file_find(const struct build_file *f, const char *name) {
    ARRAY_FOR (const struct build_rule, r, &f->rules)
        if (strcmp(r->name, name) == 0)
            return r;
    return NULL;
}
