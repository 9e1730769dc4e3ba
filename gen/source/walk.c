#include "source/walk.h"
#include "source/directive.h"
#include "source/facts.h"
#include "source/params.h"
#include "source/place.h"
#include "source/syntax.h"

#include <string.h>

/* What the children of a node inherit. */
struct context {
    uint32_t class;                       /* the enclosing class definition, or FACT_NONE */
    uint16_t place;                       /* enum fact_place */
    struct place_branches branches;       /* of an if or try: what they add to it */
    uint32_t first_decorator, decorators; /* of a decorated definition */
};

struct walk {
    struct facts_builder *b;
    const char *text;
    const struct origins *origins;
    struct bound_values *values;
    struct buf scratch;
};

struct position {
    uint32_t line, col; /* from 1 */
};

static const struct origin *origin_of(const struct walk *w, uint32_t at) {
    uint32_t low = 0, high = w->origins->len;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (w->origins->items[middle].at <= at)
            low = middle;
        else
            high = middle;
    }
    return &w->origins->items[low];
}

static struct position position_of(const struct walk *w, TSNode node) {
    if (!w->origins) {
        TSPoint p = ts_node_start_point(node);
        return (struct position){p.row + 1, p.column + 1};
    }
    uint32_t at = ts_node_start_byte(node);
    const struct origin *o = origin_of(w, at);
    return (struct position){o->line + 1, at - o->at + 1};
}

static bool is_bare_function(const struct walk *w, TSNode statement) {
    return w->origins && origin_of(w, ts_node_start_byte(statement))->function;
}

static fact_str keep(struct walk *w) {
    return facts_add_text(w->b, w->scratch.s, (uint32_t)w->scratch.len);
}

static fact_str keep_node(const struct walk *w, TSNode node) {
    uint32_t from = ts_node_start_byte(node);
    return facts_add_text(w->b, w->text + from, ts_node_end_byte(node) - from);
}

static fact_str keep_dotted(struct walk *w, TSNode node) {
    buf_reset(&w->scratch);
    if (!syntax_dotted(node, w->text, &w->scratch))
        return 0;
    return keep(w);
}

static void add_import(struct walk *w, struct fact_import i, TSNode node) {
    if (syntax_is(node, KIND_ALIASED)) {
        i.as = keep_dotted(w, syntax_field(node, "alias"));
        node = syntax_field(node, "name");
    }
    fact_str name = syntax_is(node, KIND_WILDCARD) ? facts_add_text(w->b, "*", 1) : keep_dotted(w, node);
    if (i.module || i.level)
        i.name = name;
    else
        i.module = name;
    if (name)
        array_push(w->b->arena, &w->b->imports, i);
}

static void take_import(struct walk *w, TSNode node, enum kind kind, const struct context *c) {
    struct position at = position_of(w, node);
    struct fact_import i = {.place = c->place, .line = at.line, .col = at.col};
    TSNode module = syntax_field(node, "module_name");
    if (kind == KIND_IMPORT_FUTURE)
        i.module = facts_add_text(w->b, "__future__", 10);
    uint32_t n = ts_node_named_child_count(node);
    for (uint32_t j = 0; j < n; j++) {
        TSNode child = ts_node_named_child(node, j);
        enum kind child_kind = syntax_kind(child);
        bool is_module = kind == KIND_IMPORT_FROM && ts_node_eq(child, module);
        if (is_module && child_kind == KIND_RELATIVE) {
            for (uint32_t k = ts_node_start_byte(child); k < ts_node_end_byte(child); k++)
                if (w->text[k] == '.')
                    i.level++;
                else if (!strchr(" \t\f\\\n\r", w->text[k]))
                    break;
            uint32_t parts = ts_node_named_child_count(child);
            for (uint32_t k = 0; k < parts; k++)
                if (syntax_is(ts_node_named_child(child, k), KIND_DOTTED))
                    i.module = keep_dotted(w, ts_node_named_child(child, k));
        } else if (is_module) {
            i.module = keep_dotted(w, child);
        } else if (child_kind == KIND_DOTTED || child_kind == KIND_ALIASED || child_kind == KIND_WILDCARD) {
            add_import(w, i, child);
        }
    }
}

static bool takes_ids(const struct walk *w, const struct fact_decorator *d, const char **fixture,
                      TSNode definition, struct buf *name) {
    const char *callee = d->callee ? w->b->text.items + d->callee : "";
    *fixture = NULL;
    if (str_ends(callee, "parametrize"))
        return true;
    if (!str_ends(callee, "fixture") || !d->args || !strstr(w->b->text.items + d->args, "params"))
        return false;
    TSNode defined = syntax_field(definition, "name");
    if (ts_node_is_null(defined))
        return false;
    buf_add(name, w->text + ts_node_start_byte(defined),
            ts_node_end_byte(defined) - ts_node_start_byte(defined));
    *fixture = name->s;
    return true;
}

static void take_decorator(struct walk *w, TSNode node, TSNode definition) {
    TSNode what = ts_node_named_child(node, 0);
    for (uint32_t i = 1; syntax_is(what, KIND_COMMENT); i++)
        what = ts_node_named_child(node, i);
    struct fact_decorator d = {.line = position_of(w, node).line};
    TSNode args = {0};
    if (syntax_is(what, KIND_CALL)) {
        d.called = 1;
        args = syntax_field(what, "arguments");
        what = syntax_field(what, "function");
    }
    d.callee = keep_dotted(w, what);
    if (d.called && !ts_node_is_null(args)) {
        uint32_t from = ts_node_start_byte(args), to = ts_node_end_byte(args);
        if (to - from > 2 && w->text[from] == '(')
            d.args = facts_add_text(w->b, w->text + from + 1, to - from - 2);
    }
    d.first_id = w->b->ids.len;
    const char *fixture;
    struct buf name = {0};
    if (takes_ids(w, &d, &fixture, definition, &name))
        d.ids_known = params_ids(w->b, args, w->text, fixture, w->values, &d.ids);
    buf_free(&name);
    array_push(w->b->arena, &w->b->decorators, d);
}

static void take_bases(struct walk *w, TSNode node, struct fact_def *d) {
    d->first_base = w->b->bases.len;
    TSNode list = syntax_field(node, "superclasses");
    uint32_t n = ts_node_is_null(list) ? 0 : ts_node_named_child_count(list);
    for (uint32_t i = 0; i < n; i++) {
        TSNode base = ts_node_named_child(list, i);
        if (syntax_is(base, KIND_KEYWORD) || syntax_is(base, KIND_COMMENT))
            continue;
        fact_base name = keep_dotted(w, base);
        array_push(w->b->arena, &w->b->bases, name);
    }
    d->bases = w->b->bases.len - d->first_base;
}

static uint32_t take_definition(struct walk *w, TSNode node, enum kind kind, const struct context *c) {
    TSNode name = kind == KIND_STATEMENT ? ts_node_named_child(node, 0) : syntax_field(node, "name");
    if (ts_node_is_null(name))
        return FACT_NONE;
    struct position at = position_of(w, node);
    struct fact_def d = {.name = keep_node(w, name),
                         .parent = c->class,
                         .kind = kind == KIND_CLASS ? DEF_CLASS : DEF_FUNCTION,
                         .place = c->place,
                         .line = at.line,
                         .col = at.col,
                         .first_decorator = c->decorators ? c->first_decorator : w->b->decorators.len,
                         .decorators = c->decorators,
                         .first_base = w->b->bases.len};
    if (kind == KIND_CLASS)
        take_bases(w, node, &d);
    array_push(w->b->arena, &w->b->defs, d);
    return w->b->defs.len - 1;
}

static void take_ref(struct walk *w, TSNode string, enum fact_ref_kind kind, const struct context *c) {
    buf_reset(&w->scratch);
    bool plain = syntax_plain_string(string, w->text, &w->scratch);
    if (!plain && kind == REF_IMPORT_MODULE) {
        uint32_t from = ts_node_start_byte(string);
        buf_reset(&w->scratch);
        buf_add(&w->scratch, w->text + from, ts_node_end_byte(string) - from);
        kind = REF_COMPUTED;
    }
    if (!w->scratch.len || (!plain && kind != REF_COMPUTED))
        return;
    struct position at = position_of(w, string);
    struct fact_ref ref = {.value = keep(w), .kind = kind, .place = c->place, .line = at.line, .col = at.col};
    array_push(w->b->arena, &w->b->refs, ref);
}

static void take_plugins(struct walk *w, TSNode value, const struct context *c) {
    take_ref(w, value, REF_PLUGINS, c);
    if (!syntax_is(value, KIND_LIST) && !syntax_is(value, KIND_TUPLE) && !syntax_is(value, KIND_EXPRESSIONS))
        return;
    uint32_t n = ts_node_named_child_count(value);
    for (uint32_t i = 0; i < n; i++)
        take_ref(w, ts_node_named_child(value, i), REF_PLUGINS, c);
}

static void take_assignment(struct walk *w, TSNode node, const struct context *c) {
    static const char *const names[] = {"pytestmark", "pytest_plugins", "__test__",
                                        "__all__",    "collect_ignore", "collect_ignore_glob"};
    TSNode left = syntax_field(node, "left"), right = syntax_field(node, "right");
    if (!syntax_is(left, KIND_IDENTIFIER) || ts_node_is_null(right) || c->place & PLACE_FUNCTION)
        return;
    uint32_t from = ts_node_start_byte(left), n = ts_node_end_byte(left) - from;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) != n || memcmp(names[i], w->text + from, n) != 0)
            continue;
        struct position at = position_of(w, node);
        struct fact_assign assign = {.name = keep_node(w, left),
                                     .value = keep_node(w, right),
                                     .parent = c->class,
                                     .place = c->place,
                                     .line = at.line,
                                     .col = at.col};
        array_push(w->b->arena, &w->b->assigns, assign);
        if (i == 1)
            take_plugins(w, right, c);
    }
}

/* What a call gives first, also by the name that the functions of take_call have for it. */
static TSNode first_argument(const struct walk *w, TSNode arguments) {
    static const char *const names[] = {"name", "modname", "target"};
    TSNode first = ts_node_is_null(arguments) ? arguments : ts_node_named_child(arguments, 0);
    for (uint32_t i = 1; syntax_is(first, KIND_COMMENT); i++)
        first = ts_node_named_child(arguments, i);
    if (!syntax_is(first, KIND_KEYWORD))
        return syntax_unwrapped(first);
    TSNode name = syntax_field(first, "name");
    uint32_t from = ts_node_start_byte(name), n = ts_node_end_byte(name) - from;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && memcmp(names[i], w->text + from, n) == 0)
            return syntax_unwrapped(syntax_field(first, "value"));
    return first;
}

static void take_call(struct walk *w, TSNode node, const struct context *c) {
    static const struct {
        const char *callee;
        enum fact_ref_kind kind;
        bool dotted; /* the string must have a dot */
    } calls[] = {{"import_module", REF_IMPORT_MODULE, false},
                 {"__import__", REF_IMPORT_MODULE, false},
                 {"importorskip", REF_IMPORTORSKIP, false},
                 {"find_spec", REF_FIND_SPEC, false},
                 {"patch", REF_PATCH, true},
                 {"patch.dict", REF_PATCH, true},
                 {"patch.multiple", REF_PATCH, false},
                 {"setattr", REF_PATCH, true},
                 {"delattr", REF_PATCH, true}};
    TSNode first = first_argument(w, syntax_field(node, "arguments"));
    if (ts_node_is_null(first))
        return;
    struct buf callee = {0};
    TSNode function = syntax_field(node, "function");
    if (!syntax_dotted(function, w->text, &callee) && syntax_is(function, KIND_ATTRIBUTE))
        syntax_dotted(syntax_field(function, "attribute"), w->text, &callee);
    for (size_t i = 0; callee.s && i < sizeof calls / sizeof *calls; i++) {
        if (!syntax_ends(callee.s, calls[i].callee))
            continue;
        uint32_t from = ts_node_start_byte(first), to = ts_node_end_byte(first);
        if (!calls[i].dotted || memchr(w->text + from, '.', to - from))
            take_ref(w, first, calls[i].kind, c);
    }
    buf_free(&callee);
}

/* The places that a branch adds: the body of its parent, or one of its clauses. */
static uint16_t branch_place(const struct context *parent, enum kind parent_kind, enum kind kind) {
    if (parent_kind == KIND_IF || parent_kind == KIND_ELIF || parent_kind == KIND_TRY)
        return kind == KIND_BLOCK                       ? parent->branches.consequence
               : kind == KIND_ELIF || kind == KIND_ELSE ? parent->branches.alternative
                                                        : 0;
    return 0;
}

/* What the children of a node see; the node itself stands at `c`. */
static struct context enter(struct walk *w, TSNode node, enum kind kind, const struct context *c) {
    struct context in = *c;
    const struct place_reader reader = {w->text, &w->scratch};
    in.decorators = 0;
    switch (kind) {
    case KIND_FUNCTION:
        if (!(c->place & PLACE_FUNCTION))
            take_definition(w, node, kind, c);
        in.place |= PLACE_FUNCTION;
        break;
    case KIND_STATEMENT:
        if (is_bare_function(w, node))
            take_definition(w, node, kind, c);
        break;
    case KIND_CLASS:
        if (!(c->place & PLACE_FUNCTION))
            in.class = take_definition(w, node, kind, c);
        in.place |= PLACE_CLASS;
        break;
    case KIND_DECORATED:
        in.first_decorator = w->b->decorators.len;
        for (uint32_t i = 0, n = ts_node_named_child_count(node); i < n && !(c->place & PLACE_FUNCTION); i++)
            if (syntax_is(ts_node_named_child(node, i), KIND_DECORATOR))
                take_decorator(w, ts_node_named_child(node, i), syntax_field(node, "definition"));
        in.decorators = w->b->decorators.len - in.first_decorator;
        break;
    case KIND_IF:
    case KIND_ELIF:
        in.branches = place_of_if(&reader, node);
        break;
    case KIND_TRY:
        in.branches = place_of_try(&reader, node);
        break;
    case KIND_EXCEPT:
    case KIND_EXCEPT_GROUP:
        in.place |= place_of_except(&reader, node);
        break;
    case KIND_WITH:
        in.place |= place_of_with(&reader, node);
        break;
    case KIND_FOR:
    case KIND_WHILE:
    case KIND_MATCH:
    case KIND_FINALLY:
    case KIND_ELSE:
        in.place |= PLACE_CONDITIONAL;
        break;
    case KIND_IMPORT:
    case KIND_IMPORT_FROM:
    case KIND_IMPORT_FUTURE:
        take_import(w, node, kind, c);
        break;
    case KIND_ASSIGNMENT:
    case KIND_AUGMENTED:
        take_assignment(w, node, c);
        break;
    case KIND_CALL:
        take_call(w, node, c);
        break;
    default:
        break;
    }
    return in;
}

static void note_error(struct walk *w, TSNode node) {
    if (w->b->flags & FACT_SYNTAX_ERROR)
        return;
    struct position at = position_of(w, node);
    w->b->flags |= FACT_SYNTAX_ERROR;
    w->b->error_line = at.line;
    w->b->error_col = at.col;
}

static bool is_error(TSNode node) {
    return ts_node_is_missing(node) || strcmp(ts_node_type(node), "ERROR") == 0;
}

void walk_tree(struct facts_builder *b, TSTree *tree, const char *text, const struct origins *origins,
               struct bound_values *values) {
    struct walk w = {.b = b, .text = text, .origins = origins, .values = values};
    struct arena scratch = {0};
    struct level {
        struct context at, in;
        enum kind kind;
    };
    ARRAY(struct level) levels = {0};
    ARRAY(TSNode) comments = {0};
    TSNode root = ts_tree_root_node(tree);
    bool errors = ts_node_has_error(root);
    TSTreeCursor cursor = ts_tree_cursor_new(root);
    struct context top = {.class = FACT_NONE};
    array_push(&scratch, &levels, (struct level){top, top, KIND_OTHER});
    bool going = ts_tree_cursor_goto_first_child(&cursor);
    while (going) {
        TSNode node = ts_tree_cursor_current_node(&cursor);
        const struct level *parent = &levels.items[levels.len - 1];
        enum kind kind = syntax_kind(node);
        if (errors && is_error(node))
            note_error(&w, node);
        struct context at = parent->in;
        at.place |= branch_place(&parent->in, parent->kind, kind);
        if (kind == KIND_COMMENT && !origins)
            array_push(&scratch, &comments, node);
        struct context in = enter(&w, node, kind, &at);
        if (ts_tree_cursor_goto_first_child(&cursor)) {
            array_push(&scratch, &levels, (struct level){at, in, kind});
            continue;
        }
        while (!(going = ts_tree_cursor_goto_next_sibling(&cursor)) && ts_tree_cursor_goto_parent(&cursor))
            if (--levels.len == 0)
                break;
    }
    if (errors)
        note_error(&w, root);
    ARRAY_FOR (const TSNode, comment, &comments) {
        uint32_t from = ts_node_start_byte(*comment);
        directive_take(b, text + from, ts_node_end_byte(*comment) - from, position_of(&w, *comment).line);
    }
    ts_tree_cursor_delete(&cursor);
    buf_free(&w.scratch);
    arena_free(&scratch);
}
