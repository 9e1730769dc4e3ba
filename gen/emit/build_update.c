#include "base/diag.h"
#include "emit/build_file.h"
#include "emit/build_syntax.h"
#include "source/syntax.h"

#include <stdlib.h>
#include <string.h>

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
        bool keep = build_is_keep(u->f, c);
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
        buf_fmt(b, "%s%s\n", indent, build_text(u->f, *c));
}

static void put_behind(struct update *u, struct buf *b, TSNode comment) {
    if (!ts_node_is_null(comment))
        buf_fmt(b, "  %s", build_text(u->f, comment));
    buf_char(b, '\n');
}

static const struct element *element_of(struct update *u, const struct elements *list, const char *value) {
    for (uint32_t i = 0; i + 1 < list->len; i++)
        if (str_eq(build_string(u->f, list->items[i].node), value))
            return &list->items[i];
    return NULL;
}

/* What is wanted and what is kept, sorted. *same: it is what stands there. */
static struct strs merged_values(struct update *u, const struct elements *list,
                                 const struct attribute *wanted, bool grown, bool *same) {
    struct strs values = {0};
    uint32_t found = 0;
    for (uint32_t i = 0; i < wanted->values.len; i++) {
        array_push(u->arena, &values, wanted->values.items[i]);
        found += element_of(u, list, wanted->values.items[i]) != NULL;
    }
    *same = found == values.len;
    for (uint32_t i = 0; i + 1 < list->len; i++) {
        const char *s = build_string(u->f, list->items[i].node);
        bool is_wanted = s && strs_has(&wanted->values, s);
        bool keep = grown || list->items[i].keep;
        if (keep && s && !is_wanted)
            array_push(u->arena, &values, s);
        *same &= is_wanted || keep;
    }
    if (!wanted->ordered)
        starlark_sort(&values);
    for (uint32_t i = 0; wanted->ordered && *same && i < wanted->values.len; i++)
        *same = strcmp(build_string(u->f, list->items[i].node), wanted->values.items[i]) == 0;
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
    const char *name =
        syntax_is(e->node, KIND_KEYWORD) ? build_text(u->f, syntax_field(e->node, "name")) : "";
    const struct attribute *wanted = NULL;
    ARRAY_FOR (const struct attribute, attribute, &w->rule)
        if (strcmp(attribute->name, name) == 0)
            wanted = attribute;
    TSNode value = syntax_field(e->node, "value");
    bool fixed = !wanted || e->keep || has_once(w, name) ||
                 (wanted->list ? !syntax_is(value, KIND_LIST) : !build_string(u->f, value));
    struct elements list = {0};
    if (!fixed && wanted->list) {
        list = elements_of(u, value);
        for (uint32_t i = 0; i + 1 < list.len; i++)
            fixed |= !build_string(u->f, list.items[i].node);
        fixed |= list.keep;
    }
    bool same = true;
    struct strs values = {0};
    if (!fixed && wanted->list)
        values = merged_values(u, &list, wanted, strs_has(&w->grown, name), &same);
    else if (!fixed)
        same = wanted->values.len && strcmp(build_string(u->f, value), wanted->values.items[0]) == 0;
    put_above(u, b, e, "    ");
    if (!same && !values.len && wanted->list && !list.comments)
        return true;
    if (fixed || same) {
        buf_fmt(b, "    %s,", build_text(u->f, e->node));
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
        if (done[i] || !attribute->values.len ||
            !ts_node_is_null(build_value(u->f, r->call, attribute->name)))
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
            changed |= put_missing(u, &b, r, w, done, build_text(u->f, syntax_field(e->node, "name")));
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
        TSNode statement = ts_node_child(root, i), call = build_call(u->f, statement, &kind);
        if (ts_node_is_null(call) || !build_is_our_exports(u->f, statement, kind))
            continue;
        found = true;
        struct strs now = build_strings(u->f, build_first_argument(call));
        bool same = now.len == wanted.len;
        for (uint32_t j = 0; j < now.len && same; j++)
            same = strs_has(&wanted, now.items[j]);
        if (!wanted.len)
            remove_statement(u, start_of(build_comment_above(statement)), end_of(statement));
        else if (!same)
            replace(u, start_of(call), end_of(call), arena_strndup(u->arena, b.s, b.len - 1));
    }
    if (!found && wanted.len)
        buf_fmt(&u->added, "\n%s\n%s", EXPORTS_MARK, b.s);
    buf_free(&b);
}

/* Behind the line on which a statement ends; before the statement when more follows there. */
static uint32_t line_end(const char *text, uint32_t start, uint32_t end) {
    end += (uint32_t)strspn(text + end, " \t\r");
    if (text[end] == '#')
        end += (uint32_t)strcspn(text + end, "\n");
    return text[end] == '\n' ? end + 1 : text[end] ? start : end;
}

/* Where a first load statement belongs: behind a comment or string that heads the file. */
static uint32_t load_place(const struct build_file *f) {
    uint32_t at = 0;
    TSNode root = f->tree ? ts_tree_root_node(f->tree) : (TSNode){0};
    for (uint32_t i = 0; f->tree && i < ts_node_child_count(root); i++) {
        TSNode n = ts_node_child(root, i);
        const char *kind = "";
        TSNode call = build_call(f, n, &kind);
        bool heads = syntax_is(n, KIND_COMMENT) ||
                     (syntax_is(n, KIND_STATEMENT) && syntax_is(ts_node_named_child(n, 0), KIND_STRING));
        if (!ts_node_is_null(call) && strcmp(kind, "load") == 0) {
            at = line_end(f->text, start_of(n), end_of(n));
        } else if (heads && (i == 0 || syntax_is(ts_node_child(root, i - 1), KIND_COMMENT))) {
            uint32_t end = end_of(n);
            if (f->text[end] == '\n' && (f->text[end + 1] == '\n' || !f->text[end + 1]))
                at = end;
        }
    }
    bool inside = at && f->text[at - 1] != '\n';
    return inside && f->text[at] == '\n' ? at + 1 : at;
}

static bool is_used(const struct update *u, const char *symbol) {
    return strs_has(&u->used, symbol);
}

static bool is_symbol(const char *s) {
    for (const char *c = s; s && *c; c++)
        if (!(*c == '_' || (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z')))
            return false;
    return s && *s;
}

/* The load of that .bzl file with plain symbols, or a null node. */
static TSNode find_load(const struct build_file *f, const char *bzl) {
    TSNode none = {0}, root = f->tree ? ts_tree_root_node(f->tree) : none;
    for (uint32_t i = 0; f->tree && i < ts_node_child_count(root); i++) {
        const char *kind;
        TSNode call = build_call(f, ts_node_child(root, i), &kind), e;
        if (ts_node_is_null(call) || strcmp(kind, "load") != 0 ||
            !str_eq(build_string(f, build_first_argument(call)), bzl))
            continue;
        bool plain = true;
        for (struct syntax_items j = syntax_items(syntax_field(call, "arguments")); syntax_next(&j, &e);)
            plain &= is_symbol(build_string(f, e)) || start_of(e) == start_of(build_first_argument(call));
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
        const char *s = build_string(u->f, e);
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
    bool keep = build_is_keep(u->f, build_comment_above(ts_node_parent(call)));
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
        TSNode call = build_call(u->f, ts_node_child(root, i), &kind);
        const char *bzl = ts_node_is_null(call) || strcmp(kind, "load") != 0
                              ? NULL
                              : build_string(u->f, build_first_argument(call));
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
        bool inside = place && text[place - 1] != '\n';
        const char *before =
            inside || (place && !str_starts(text, "load(") && !strstr(text, "\nload(")) ? "\n" : "";
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

static bool parses(const struct buf *text) {
    TSTree *tree = build_parse(text->s);
    bool ok = !ts_node_has_error(ts_tree_root_node(tree));
    ts_tree_delete(tree);
    return ok;
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
    if (f->exists && !parses(out)) {
        diag(DIAG_BUILD_FILE, f->path, 1, 0, "cannot be changed without breaking it; it is left as it is");
        hint("write its rules in a plainer way, without backslashes at the ends of lines");
        buf_reset(out);
        buf_str(out, f->text);
    }
    buf_free(&fresh);
    buf_free(&u.added);
}
