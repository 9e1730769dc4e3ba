#include "emit/build_file.h"
#include "base/diag.h"
#include "source/syntax.h"

#include <stdlib.h>
#include <string.h>

static const char exports_mark[] = "# " RULE_TAG;

static uint32_t start_of(TSNode n) {
    return ts_node_start_byte(n);
}

static uint32_t end_of(TSNode n) {
    return ts_node_end_byte(n);
}

static uint32_t row_of(TSNode n) {
    return ts_node_start_point(n).row;
}

static uint32_t end_row_of(TSNode n) {
    return ts_node_end_point(n).row;
}

static char *text_of(const struct build_file *f, TSNode n) {
    return arena_strndup(f->arena, f->text + start_of(n), end_of(n) - start_of(n));
}

static bool is_keep(const struct build_file *f, TSNode n) {
    if (!syntax_is(n, KIND_COMMENT))
        return false;
    const char *s = text_of(f, n);
    s += strspn(s, "# ");
    return str_starts(s, "keep") && (!s[4] || s[4] == ' ' || s[4] == ':');
}

/* The value of a string literal without prefix, or NULL. */
static const char *string_of(const struct build_file *f, TSNode n) {
    struct buf b = {0};
    buf_str(&b, "");
    bool ok = syntax_is(n, KIND_STRING) && syntax_plain_string(n, f->text, &b);
    const char *s = ok ? arena_strdup(f->arena, b.s) : NULL;
    buf_free(&b);
    return s;
}

static struct strs strings_of(const struct build_file *f, TSNode list) {
    struct strs out = {0};
    TSNode e;
    if (!syntax_is(list, KIND_LIST))
        return out;
    for (struct syntax_items i = syntax_items(list); syntax_next(&i, &e);) {
        const char *s = string_of(f, e);
        if (s)
            array_push(f->arena, &out, s);
    }
    return out;
}

static TSNode value_of(const struct build_file *f, TSNode call, const char *name) {
    TSNode e, none = {0};
    for (struct syntax_items i = syntax_items(syntax_field(call, "arguments")); syntax_next(&i, &e);)
        if (syntax_is(e, KIND_KEYWORD) && str_eq(text_of(f, syntax_field(e, "name")), name))
            return syntax_field(e, "value");
    return none;
}

/* The call that a statement of the file is, with the name of what is called; else a null node. */
static TSNode call_of(const struct build_file *f, TSNode statement, const char **kind) {
    *kind = "";
    TSNode none = {0};
    if (!syntax_is(statement, KIND_STATEMENT) || ts_node_named_child_count(statement) != 1)
        return none;
    TSNode call = ts_node_named_child(statement, 0);
    if (!syntax_is(call, KIND_CALL) || !syntax_is(syntax_field(call, "function"), KIND_IDENTIFIER))
        return none;
    *kind = text_of(f, syntax_field(call, "function"));
    return call;
}

/* The comment that stands on the line above, or a null node. */
static TSNode comment_above(TSNode n) {
    TSNode before = ts_node_prev_sibling(n), none = {0};
    bool above = syntax_is(before, KIND_COMMENT) && end_row_of(before) + 1 == row_of(n);
    return above ? before : none;
}

static bool is_our_exports(const struct build_file *f, TSNode statement, const char *kind) {
    TSNode comment = comment_above(statement);
    return strcmp(kind, "exports_files") == 0 && !ts_node_is_null(comment) &&
           strcmp(text_of(f, comment), exports_mark) == 0;
}

static TSNode first_argument(TSNode call) {
    TSNode e, none = {0};
    struct syntax_items i = syntax_items(syntax_field(call, "arguments"));
    return syntax_next(&i, &e) ? e : none;
}

static void read_statement(struct build_file *f, TSNode statement) {
    const char *kind;
    TSNode call = call_of(f, statement, &kind);
    if (ts_node_is_null(call))
        return;
    if (strcmp(kind, "package") == 0)
        f->default_visibility |= !ts_node_is_null(value_of(f, call, "default_visibility"));
    if (strcmp(kind, "exports_files") == 0 && !is_our_exports(f, statement, kind)) {
        struct strs files = strings_of(f, first_argument(call));
        for (uint32_t i = 0; i < files.len; i++)
            array_push(f->arena, &f->exported, files.items[i]);
    }
    const char *name = string_of(f, value_of(f, call, "name"));
    if (!name)
        return;
    struct strs tags = strings_of(f, value_of(f, call, "tags"));
    array_push(f->arena, &f->rules,
               (struct build_rule){.kind = kind,
                                   .name = name,
                                   .srcs = strings_of(f, value_of(f, call, "srcs")),
                                   .ours = strs_has(&tags, RULE_TAG),
                                   .keep = is_keep(f, comment_above(statement)),
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
    TSParser *parser = ts_parser_new();
    ts_parser_set_language(parser, syntax_language());
    f->tree = ts_parser_parse_string(parser, NULL, text, (uint32_t)strlen(text));
    ts_parser_delete(parser);
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

/* A part of the old text that is replaced. */
struct edit {
    uint32_t from, to;
    const char *text;
};

struct update {
    const struct build_file *f;
    const struct build_wanted *wanted;
    struct arena *arena;
    ARRAY(struct edit) edits;
    struct strs used; /* kinds of the rules that are there afterwards */
    bool *placed;     /* by wanted rule: one is there */
    struct buf added; /* what comes at the end */
};

static void replace(struct update *u, uint32_t from, uint32_t to, const char *text) {
    array_push(u->arena, &u->edits, (struct edit){from, to, text});
}

/* A whole statement goes, with its line and a blank line before it. */
static void remove_statement(struct update *u, uint32_t from, uint32_t to) {
    const char *text = u->f->text;
    while (text[to] && text[to] != '\n')
        to++;
    to += text[to] == '\n';
    while (from > 1 && text[from - 1] == '\n' && text[from - 2] == '\n')
        from--;
    while (from == 0 && text[to] == '\n')
        to++;
    replace(u, from, to, "");
}

/* An element of a list or of arguments, with the comments that belong to it. */
struct element {
    TSNode node;
    ARRAY(TSNode) above;
    TSNode behind;
    bool keep;
};

struct elements {
    struct element *items;
    uint32_t len, cap;
    TSNode opening; /* the comment behind the bracket that opens it, or null */
    bool keep;      /* that comment is `# keep` */
    bool comments;  /* there are any */
};

/* The elements between the brackets of `node`; the last one has no node and holds the comments after all. */
static struct elements elements_of(struct update *u, TSNode node) {
    struct elements out = {0};
    struct element next = {0};
    for (uint32_t i = 0; i < ts_node_named_child_count(node); i++) {
        TSNode c = ts_node_named_child(node, i);
        if (!syntax_is(c, KIND_COMMENT)) {
            next.node = c;
            array_push(u->arena, &out, next);
            next = (struct element){0};
            continue;
        }
        out.comments = true;
        bool keep = is_keep(u->f, c);
        if (out.len && row_of(c) == end_row_of(out.items[out.len - 1].node)) {
            out.items[out.len - 1].behind = c;
            out.items[out.len - 1].keep |= keep;
        } else if (!out.len && row_of(c) == row_of(node)) {
            out.opening = c;
            out.keep = keep;
        } else {
            array_push(u->arena, &next.above, c);
            next.keep |= keep;
        }
    }
    array_push(u->arena, &out, next);
    return out;
}

static void put_above(struct update *u, struct buf *b, const struct element *e, const char *indent) {
    ARRAY_FOR (const TSNode, c, &e->above)
        buf_fmt(b, "%s%s\n", indent, text_of(u->f, *c));
}

static void put_behind(struct update *u, struct buf *b, TSNode comment) {
    if (!ts_node_is_null(comment))
        buf_fmt(b, "  %s", text_of(u->f, comment));
    buf_char(b, '\n');
}

static const struct element *element_of(struct update *u, const struct elements *list, const char *value) {
    for (uint32_t i = 0; i + 1 < list->len; i++)
        if (str_eq(string_of(u->f, list->items[i].node), value))
            return &list->items[i];
    return NULL;
}

/* What is wanted and what is kept, sorted. *same: it is what stands there. */
static struct strs merged_values(struct update *u, const struct elements *list,
                                 const struct attribute *wanted, bool *same) {
    struct strs values = {0};
    uint32_t found = 0;
    for (uint32_t i = 0; i < wanted->values.len; i++) {
        array_push(u->arena, &values, wanted->values.items[i]);
        found += element_of(u, list, wanted->values.items[i]) != NULL;
    }
    *same = found == values.len;
    for (uint32_t i = 0; i + 1 < list->len; i++) {
        const char *s = string_of(u->f, list->items[i].node);
        bool is_wanted = s && strs_has(&wanted->values, s);
        if (list->items[i].keep && s && !is_wanted)
            array_push(u->arena, &values, s);
        *same &= is_wanted || list->items[i].keep;
    }
    if (!wanted->ordered)
        starlark_sort(&values);
    for (uint32_t i = 0; wanted->ordered && *same && i < wanted->values.len; i++)
        *same = strcmp(string_of(u->f, list->items[i].node), wanted->values.items[i]) == 0;
    return values;
}

static void put_merged(struct update *u, struct buf *b, const struct elements *list,
                       const struct strs *values) {
    if (!list->comments && values->len < 2) {
        buf_char(b, '[');
        if (values->len)
            escape_starlark(b, values->items[0]);
        buf_char(b, ']');
        return;
    }
    buf_char(b, '[');
    put_behind(u, b, list->opening);
    for (uint32_t i = 0; i < values->len; i++) {
        const struct element *e = element_of(u, list, values->items[i]);
        if (e)
            put_above(u, b, e, "        ");
        buf_str(b, "        ");
        escape_starlark(b, values->items[i]);
        buf_char(b, ',');
        put_behind(u, b, e ? e->behind : (TSNode){0});
    }
    put_above(u, b, &list->items[list->len - 1], "        ");
    buf_str(b, "    ]");
}

static bool has_once(const struct wanted_rule *w, const char *name) {
    return strs_has(&w->once, name);
}

/* Writes one argument of a rule. True when it is not what stands there. */
static bool put_argument(struct update *u, struct buf *b, const struct element *e,
                         const struct wanted_rule *w) {
    const char *name = syntax_is(e->node, KIND_KEYWORD) ? text_of(u->f, syntax_field(e->node, "name")) : "";
    const struct attribute *wanted = NULL;
    ARRAY_FOR (const struct attribute, attribute, &w->rule)
        if (strcmp(attribute->name, name) == 0)
            wanted = attribute;
    TSNode value = syntax_field(e->node, "value");
    bool fixed = !wanted || e->keep || has_once(w, name) ||
                 (wanted->list ? !syntax_is(value, KIND_LIST) : !string_of(u->f, value));
    struct elements list = {0};
    if (!fixed && wanted->list) {
        list = elements_of(u, value);
        for (uint32_t i = 0; i + 1 < list.len; i++)
            fixed |= !string_of(u->f, list.items[i].node);
        fixed |= list.keep;
    }
    bool same = true;
    struct strs values = {0};
    if (!fixed && wanted->list)
        values = merged_values(u, &list, wanted, &same);
    else if (!fixed)
        same = wanted->values.len && strcmp(string_of(u->f, value), wanted->values.items[0]) == 0;
    put_above(u, b, e, "    ");
    if (!same && !values.len && wanted->list && !list.comments)
        return true;
    if (fixed || same) {
        buf_fmt(b, "    %s,", text_of(u->f, e->node));
    } else {
        buf_fmt(b, "    %s = ", name);
        if (wanted->list)
            put_merged(u, b, &list, &values);
        else
            escape_starlark(b, wanted->values.items[0]);
        buf_char(b, ',');
    }
    put_behind(u, b, e->behind);
    return !same;
}

/* Wanted attributes that the rule does not have yet and that stand before `name` (NULL: at the end). */
static bool put_missing(struct update *u, struct buf *b, const struct build_rule *r,
                        const struct wanted_rule *w, bool *done, const char *name) {
    bool any = false;
    for (uint32_t i = 0; i < w->rule.len; i++) {
        const struct attribute *attribute = &w->rule.items[i];
        if (done[i] || !attribute->values.len || !ts_node_is_null(value_of(u->f, r->call, attribute->name)))
            continue;
        if (name) {
            int order = starlark_place(attribute->name) - starlark_place(name);
            if (order > 0 || (order == 0 && strcmp(attribute->name, name) > 0))
                continue;
        }
        done[i] = any = true;
        starlark_attribute(b, attribute);
    }
    return any;
}

/* The rule as it stands, with testfan's attributes as they are wanted. */
static void update_rule(struct update *u, const struct build_rule *r, const struct wanted_rule *w) {
    struct elements arguments = elements_of(u, syntax_field(r->call, "arguments"));
    bool *done = arena_alloc(u->arena, w->rule.len + 1);
    for (uint32_t i = 0; i < w->rule.len; i++)
        done[i] = u->f->default_visibility && strcmp(w->rule.items[i].name, "visibility") == 0;
    struct buf b = {0};
    bool changed = strcmp(r->kind, w->rule.kind) != 0;
    buf_fmt(&b, "%s(", w->rule.kind);
    put_behind(u, &b, arguments.opening);
    for (uint32_t i = 0; i + 1 < arguments.len; i++) {
        const struct element *e = &arguments.items[i];
        if (syntax_is(e->node, KIND_KEYWORD))
            changed |= put_missing(u, &b, r, w, done, text_of(u->f, syntax_field(e->node, "name")));
        changed |= put_argument(u, &b, e, w);
    }
    changed |= put_missing(u, &b, r, w, done, NULL);
    put_above(u, &b, &arguments.items[arguments.len - 1], "    ");
    buf_char(&b, ')');
    if (changed)
        replace(u, start_of(r->call), end_of(r->call), arena_strdup(u->arena, b.s));
    buf_free(&b);
}

static void update_rules(struct update *u) {
    const struct build_wanted *wanted = u->wanted;
    ARRAY_FOR (const struct build_rule, r, &u->f->rules) {
        struct wanted_rule *w = NULL;
        for (uint32_t i = 0; i < wanted->len; i++)
            if (strcmp(wanted->items[i].rule.name, r->name) == 0) {
                w = &wanted->items[i];
                u->placed[i] = true;
            }
        bool mine = r->ours && strs_has(wanted->kinds, r->kind);
        if (mine && !r->keep && !w) {
            remove_statement(u, start_of(r->statement), end_of(r->statement));
            continue;
        }
        if (mine && !r->keep)
            update_rule(u, r, w);
        array_push(u->arena, &u->used, mine && !r->keep ? w->rule.kind : r->kind);
    }
    for (uint32_t i = 0; i < wanted->len; i++) {
        if (u->placed[i])
            continue;
        array_push(u->arena, &u->used, wanted->items[i].rule.kind);
        buf_char(&u->added, '\n');
        struct rule rule = {.kind = wanted->items[i].rule.kind, .name = wanted->items[i].rule.name};
        ARRAY_FOR (const struct attribute, attribute, &wanted->items[i].rule)
            if (!u->f->default_visibility || strcmp(attribute->name, "visibility") != 0)
                array_push(u->arena, &rule, *attribute);
        starlark_rule(&u->added, &rule);
    }
}

static void update_exports(struct update *u) {
    struct strs wanted = {0};
    for (uint32_t i = 0; i < u->wanted->exports.len; i++)
        if (!strs_has(&u->f->exported, u->wanted->exports.items[i]))
            array_push(u->arena, &wanted, u->wanted->exports.items[i]);
    struct buf b = {0};
    starlark_exports(&b, &wanted);
    TSNode root = u->f->tree ? ts_tree_root_node(u->f->tree) : (TSNode){0};
    bool found = false;
    for (uint32_t i = 0; u->f->tree && i < ts_node_child_count(root) && !found; i++) {
        const char *kind;
        TSNode statement = ts_node_child(root, i), call = call_of(u->f, statement, &kind);
        if (ts_node_is_null(call) || !is_our_exports(u->f, statement, kind))
            continue;
        found = true;
        struct strs now = strings_of(u->f, first_argument(call));
        bool same = now.len == wanted.len;
        for (uint32_t j = 0; j < now.len && same; j++)
            same = strs_has(&wanted, now.items[j]);
        if (!wanted.len)
            remove_statement(u, start_of(comment_above(statement)), end_of(statement));
        else if (!same)
            replace(u, start_of(call), end_of(call), arena_strndup(u->arena, b.s, b.len - 1));
    }
    if (!found && wanted.len)
        buf_fmt(&u->added, "\n%s\n%s", exports_mark, b.s);
    buf_free(&b);
}

/* Where a first load statement belongs: behind a comment or string that heads the file. */
static uint32_t load_place(const struct build_file *f) {
    uint32_t at = 0;
    TSNode root = f->tree ? ts_tree_root_node(f->tree) : (TSNode){0};
    for (uint32_t i = 0; f->tree && i < ts_node_child_count(root); i++) {
        TSNode n = ts_node_child(root, i);
        const char *kind = "";
        TSNode call = call_of(f, n, &kind);
        bool heads = syntax_is(n, KIND_COMMENT) ||
                     (syntax_is(n, KIND_STATEMENT) && syntax_is(ts_node_named_child(n, 0), KIND_STRING));
        if (!ts_node_is_null(call) && strcmp(kind, "load") == 0) {
            at = end_of(n);
        } else if (heads && (i == 0 || syntax_is(ts_node_child(root, i - 1), KIND_COMMENT))) {
            uint32_t end = end_of(n);
            if (f->text[end] == '\n' && (f->text[end + 1] == '\n' || !f->text[end + 1]))
                at = end;
        }
    }
    return at && f->text[at] == '\n' ? at + 1 : at;
}

static bool is_used(const struct update *u, const char *symbol) {
    return strs_has(&u->used, symbol);
}

/* The load of that .bzl file with plain symbols, or a null node. */
static TSNode find_load(const struct build_file *f, const char *bzl) {
    TSNode none = {0}, root = f->tree ? ts_tree_root_node(f->tree) : none;
    for (uint32_t i = 0; f->tree && i < ts_node_child_count(root); i++) {
        const char *kind;
        TSNode call = call_of(f, ts_node_child(root, i), &kind), e;
        if (ts_node_is_null(call) || strcmp(kind, "load") != 0 ||
            !str_eq(string_of(f, first_argument(call)), bzl))
            continue;
        bool plain = true;
        for (struct syntax_items j = syntax_items(syntax_field(call, "arguments")); syntax_next(&j, &e);)
            plain &= string_of(f, e) != NULL;
        if (plain)
            return call;
    }
    return none;
}

/* Adds what is missing and takes out kinds of testfan that nothing uses any more. */
static void update_load(struct update *u, const char *bzl, struct strs *symbols, struct buf *fresh) {
    TSNode call = find_load(u->f, bzl), e;
    struct buf b = {0};
    if (ts_node_is_null(call)) {
        strs_sort(symbols);
        if (symbols->len)
            starlark_load(fresh, bzl, symbols);
        return;
    }
    uint32_t missing = symbols->len, stale = 0, n = 0;
    for (struct syntax_items i = syntax_items(syntax_field(call, "arguments")); syntax_next(&i, &e); n++) {
        const char *s = string_of(u->f, e);
        if (!n)
            continue;
        if (strs_has(symbols, s))
            missing--;
        else if (strs_has(u->wanted->kinds, s) && !is_used(u, s))
            stale++;
        else
            array_push(u->arena, symbols, s);
    }
    strs_sort(symbols);
    bool keep = is_keep(u->f, comment_above(ts_node_parent(call)));
    starlark_load(&b, bzl, symbols);
    if (!symbols->len && stale && u->edits.len && !keep)
        remove_statement(u, start_of(call), end_of(call));
    else if (missing || (stale && u->edits.len && symbols->len && !keep))
        replace(u, start_of(call), end_of(call), arena_strndup(u->arena, b.s, b.len - 1));
    buf_free(&b);
}

static void update_loads(struct update *u, struct buf *fresh) {
    struct strs done = {0};
    for (uint32_t i = 0; i < u->wanted->len; i++) {
        const char *bzl = u->wanted->items[i].bzl;
        if (strs_has(&done, bzl))
            continue;
        array_push(u->arena, &done, bzl);
        struct strs symbols = {0};
        for (uint32_t j = 0; j < u->wanted->len; j++) {
            const struct wanted_rule *w = &u->wanted->items[j];
            if (strcmp(w->bzl, bzl) == 0 && is_used(u, w->rule.kind) && !strs_has(&symbols, w->rule.kind))
                array_push(u->arena, &symbols, w->rule.kind);
        }
        update_load(u, bzl, &symbols, fresh);
    }
    TSNode root = u->f->tree ? ts_tree_root_node(u->f->tree) : (TSNode){0};
    for (uint32_t i = 0; u->f->tree && i < ts_node_child_count(root); i++) {
        const char *kind;
        TSNode call = call_of(u->f, ts_node_child(root, i), &kind);
        const char *bzl =
            ts_node_is_null(call) || strcmp(kind, "load") != 0 ? NULL : string_of(u->f, first_argument(call));
        if (bzl && !strs_has(&done, bzl) && !ts_node_is_null(find_load(u->f, bzl)))
            update_load(u, bzl, &(struct strs){0}, fresh);
    }
}

static int compare_edits(const void *a, const void *b) {
    const struct edit *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

/* Blank lines that are left at the end where something went. */
static void trim(const struct update *u, struct buf *out) {
    while (u->edits.len && out->len > 1 && out->s[out->len - 1] == '\n' && out->s[out->len - 2] == '\n')
        out->s[--out->len] = 0;
    if (u->edits.len && out->len == 1 && out->s[0] == '\n')
        out->s[--out->len] = 0;
}

static void apply(struct update *u, const struct buf *fresh, struct buf *out) {
    uint32_t place = load_place(u->f), at = 0;
    const char *text = u->f->text;
    if (fresh->len) {
        bool blank = place && text[place - 1] == '\n' && text[place] == '\n';
        bool loads = place > 1 && !blank && text[place] && text[place] != '\n';
        const char *before = place && !str_starts(text, "load(") && !strstr(text, "\nload(") ? "\n" : "";
        const char *after = text[place] && text[place] != '\n' && !loads ? "\n" : "";
        replace(u, place, place, arena_printf(u->arena, "%s%s%s", before, fresh->s, after));
    }
    if (u->edits.len)
        qsort(u->edits.items, u->edits.len, sizeof *u->edits.items, compare_edits);
    ARRAY_FOR (const struct edit, e, &u->edits) {
        if (e->from > at)
            buf_add(out, text + at, e->from - at);
        buf_str(out, e->text);
        at = e->to > at ? e->to : at;
    }
    buf_str(out, text + at);
    if (!u->added.len)
        return;
    trim(u, out);
    if (out->len && out->s[out->len - 1] != '\n')
        buf_char(out, '\n');
    buf_str(out, out->len ? u->added.s : u->added.s + 1);
}

void build_file_update(const struct build_file *f, const struct build_wanted *wanted, struct buf *out) {
    struct update u = {.f = f, .wanted = wanted, .arena = f->arena};
    u.placed = arena_alloc(f->arena, wanted->len + 1);
    struct buf fresh = {0};
    buf_str(out, "");
    update_exports(&u);
    update_rules(&u);
    update_loads(&u, &fresh);
    apply(&u, &fresh, out);
    trim(&u, out);
    buf_free(&fresh);
    buf_free(&u.added);
}
