#include "emit/build_syntax.h"
#include "source/syntax.h"

#include <string.h>

TSTree *build_parse(const char *text) {
    TSParser *parser = ts_parser_new();
    ts_parser_set_language(parser, syntax_language());
    TSTree *tree = ts_parser_parse_string(parser, NULL, text, (uint32_t)strlen(text));
    ts_parser_delete(parser);
    return tree;
}

char *build_text(const struct build_file *f, TSNode n) {
    return arena_strndup(f->arena, f->text + start_of(n), end_of(n) - start_of(n));
}

bool build_is_keep(const struct build_file *f, TSNode n) {
    if (!syntax_is(n, KIND_COMMENT))
        return false;
    const char *s = build_text(f, n);
    s += strspn(s, "# ");
    return str_starts(s, "keep") && (!s[4] || s[4] == ' ' || s[4] == ':');
}

const char *build_string(const struct build_file *f, TSNode n) {
    struct buf b = {0};
    buf_str(&b, "");
    bool ok = syntax_is(n, KIND_STRING) && syntax_plain_string(n, f->text, &b);
    const char *s = ok ? arena_strdup(f->arena, b.s) : NULL;
    buf_free(&b);
    return s;
}

struct strs build_strings(const struct build_file *f, TSNode list) {
    struct strs out = {0};
    TSNode e;
    if (!syntax_is(list, KIND_LIST))
        return out;
    for (struct syntax_items i = syntax_items(list); syntax_next(&i, &e);) {
        const char *s = build_string(f, e);
        if (s)
            array_push(f->arena, &out, s);
    }
    return out;
}

TSNode build_value(const struct build_file *f, TSNode call, const char *name) {
    TSNode e, none = {0};
    for (struct syntax_items i = syntax_items(syntax_field(call, "arguments")); syntax_next(&i, &e);)
        if (syntax_is(e, KIND_KEYWORD) && str_eq(build_text(f, syntax_field(e, "name")), name))
            return syntax_field(e, "value");
    return none;
}

TSNode build_call(const struct build_file *f, TSNode statement, const char **kind) {
    *kind = "";
    TSNode none = {0};
    if (!syntax_is(statement, KIND_STATEMENT) || ts_node_named_child_count(statement) != 1)
        return none;
    TSNode call = ts_node_named_child(statement, 0);
    if (!syntax_is(call, KIND_CALL) || !syntax_is(syntax_field(call, "function"), KIND_IDENTIFIER))
        return none;
    *kind = build_text(f, syntax_field(call, "function"));
    return call;
}

TSNode build_comment_above(TSNode n) {
    TSNode before = ts_node_prev_sibling(n), none = {0};
    bool above = syntax_is(before, KIND_COMMENT) && end_row_of(before) + 1 == row_of(n);
    return above ? before : none;
}

bool build_is_our_exports(const struct build_file *f, TSNode statement, const char *kind) {
    TSNode comment = build_comment_above(statement);
    return strcmp(kind, "exports_files") == 0 && !ts_node_is_null(comment) &&
           strcmp(build_text(f, comment), EXPORTS_MARK) == 0;
}

TSNode build_first_argument(TSNode call) {
    TSNode e, none = {0};
    struct syntax_items i = syntax_items(syntax_field(call, "arguments"));
    return syntax_next(&i, &e) ? e : none;
}
