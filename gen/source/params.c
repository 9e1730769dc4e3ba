#include "source/params.h"
#include "source/bindings.h"
#include "source/facts.h"
#include "source/idtext.h"
#include "source/syntax.h"

#include <stdlib.h>
#include <string.h>

enum { IDS_MOST = 4096, NAMES_DEEPEST = 4 };

/* A node and the text that it lies in. */
struct place {
    TSNode node;
    const char *text;
};

/* The parameter sets as they are written. */
struct sets {
    struct arena arena;
    struct place *items;
    uint32_t len, cap;
    bool partial; /* there are others that cannot be told */
};

struct maker {
    struct facts_builder *b;
    struct bound_values *values;
    struct strs names; /* of the parameters */
    bool bare;         /* a set is a value by itself */
    struct arena arena;
    struct sets sets;
    struct idtext text;
    struct buf marks;
};

static bool keyword_value(TSNode arguments, const char *text, const char *name, TSNode *value) {
    TSNode item;
    for (struct syntax_items i = syntax_items(arguments); syntax_next(&i, &item);) {
        TSNode key = syntax_is(item, KIND_KEYWORD) ? syntax_field(item, "name") : (TSNode){0};
        if (ts_node_is_null(key) || syntax_length(key) != strlen(name) ||
            memcmp(text + ts_node_start_byte(key), name, strlen(name)) != 0)
            continue;
        *value = syntax_field(item, "value");
        return true;
    }
    return false;
}

static bool is_param_call(TSNode node, const char *text) {
    struct buf callee = {0};
    bool is = syntax_is(node, KIND_CALL) && syntax_dotted(syntax_field(node, "function"), text, &callee) &&
              (strcmp(callee.s, "pytest.param") == 0 || strcmp(callee.s, "param") == 0);
    buf_free(&callee);
    return is;
}

static const char *fallback_of(struct maker *m, uint32_t name, uint32_t set) {
    return arena_printf(&m->arena, "%s%u", name < m->names.len ? m->names.items[name] : "", set);
}

/* Appends the ids of a set's values joined by '-'; keywords are passed over. */
static void put_joined(struct maker *m, TSNode list, const char *text, uint32_t set) {
    TSNode item;
    uint32_t taken = 0;
    size_t from = m->text.id.len;
    for (struct syntax_items i = syntax_items(list); syntax_next(&i, &item);) {
        if (syntax_is(item, KIND_KEYWORD))
            continue;
        buf_str(&m->text.id, taken ? "-" : "");
        idtext_value(&m->text, item, text, fallback_of(m, taken, set));
        taken += syntax_is(item, KIND_LIST_SPLAT) || syntax_has_type(item, "dictionary_splat") ? 1000 : 1;
    }
    if (taken == m->names.len)
        return;
    m->text.id.len = from;
    idtext_hole(&m->text, HOLE_ANY);
}

static void put_set(struct maker *m, struct place set, uint32_t index) {
    if (is_param_call(set.node, set.text))
        put_joined(m, syntax_field(set.node, "arguments"), set.text, index);
    else if (m->bare)
        idtext_value(&m->text, set.node, set.text, fallback_of(m, 0, index));
    else if (syntax_is_sequence(syntax_unwrapped(set.node)))
        put_joined(m, syntax_unwrapped(set.node), set.text, index);
    else
        idtext_hole(&m->text, HOLE_ANY);
}

static void put_mark(struct maker *m, TSNode node, const char *text) {
    struct buf name = {0};
    TSNode mark = syntax_is(node, KIND_CALL) ? syntax_field(node, "function") : node;
    const char *at = syntax_dotted(mark, text, &name) ? strstr(name.s, "mark.") : NULL;
    buf_str(&m->marks, m->marks.len ? "," : "");
    buf_str(&m->marks, at && (at == name.s || at[-1] == '.') ? at + 5 : "?");
    buf_free(&name);
}

static void put_marks(struct maker *m, struct place set) {
    TSNode marks, item;
    buf_reset(&m->marks);
    if (!is_param_call(set.node, set.text) ||
        !keyword_value(syntax_field(set.node, "arguments"), set.text, "marks", &marks))
        return;
    marks = syntax_unwrapped(marks);
    if (syntax_is_sequence(marks))
        for (struct syntax_items i = syntax_items(marks); syntax_next(&i, &item);)
            put_mark(m, item, set.text);
    else
        put_mark(m, marks, set.text);
    if (m->marks.len) {
        buf_char(&m->text.id, HOLE_MARKS);
        buf_add(&m->text.id, m->marks.s, m->marks.len);
    }
}

static bool same_id(const char *a, const char *b) {
    static const char marks[] = {HOLE_MARKS, 0};
    size_t n = strcspn(a, marks);
    return n == strcspn(b, marks) && memcmp(a, b, n) == 0;
}

static void keep_id(struct maker *m) {
    for (uint32_t i = m->b->ids.len; i-- > 0 && m->text.exact && m->b->ids.len - i <= m->sets.len;)
        m->text.exact = !same_id(m->b->text.items + m->b->ids.items[i], m->text.id.s);
    fact_str kept = facts_add_text(m->b, m->text.id.s, (uint32_t)m->text.id.len);
    array_push(m->b->arena, &m->b->ids, kept);
}

static bool literal_number(TSNode node, const char *text, long *n) {
    if (!syntax_is(node, KIND_INTEGER) ||
        !idtext_same_when_printed(text + ts_node_start_byte(node), syntax_length(node)))
        return false;
    *n = strtol(text + ts_node_start_byte(node), NULL, 10);
    return true;
}

/* `range(2, 5)`: true when the call is one, with the ids kept as far as they are known. */
static bool take_range(struct maker *m, TSNode node, const char *text, uint32_t *known) {
    struct buf callee = {0};
    bool is = syntax_is(node, KIND_CALL) && syntax_dotted(syntax_field(node, "function"), text, &callee) &&
              strcmp(callee.s, "range") == 0;
    buf_free(&callee);
    if (!is || !m->bare)
        return false;
    TSNode arguments = syntax_field(node, "arguments"), item;
    long bounds[2] = {0}, given = 0;
    bool literal = true;
    for (struct syntax_items i = syntax_items(arguments); syntax_next(&i, &item); given++)
        literal = literal && given < 2 && literal_number(item, text, &bounds[given]);
    if (given == 1) {
        bounds[1] = bounds[0];
        bounds[0] = 0;
    }
    literal = literal && given && bounds[1] > bounds[0] && bounds[1] - bounds[0] < IDS_MOST;
    buf_reset(&m->text.id);
    if (!literal) {
        idtext_hole(&m->text, HOLE_CLOSE);
        keep_id(m);
        *known = IDS_SOME;
        return true;
    }
    for (long n = bounds[0]; n < bounds[1]; n++) {
        buf_reset(&m->text.id);
        buf_fmt(&m->text.id, "%ld", n);
        keep_id(m);
    }
    *known = IDS_PATTERNS;
    return true;
}

/* The sets of a list, of a name bound to one, and of sums of these. */
static void gather_sets(struct maker *m, struct place values, unsigned depth) {
    TSNode node = syntax_unwrapped(values.node), item;
    const char *text = values.text;
    if (syntax_is_sequence(node)) {
        for (struct syntax_items i = syntax_items(node); syntax_next(&i, &item);)
            if (syntax_is(item, KIND_LIST_SPLAT))
                gather_sets(m, (struct place){ts_node_named_child(item, 0), text}, depth + 1);
            else
                array_push(&m->sets.arena, &m->sets, (struct place){item, text});
    } else if (syntax_is(node, KIND_IDENTIFIER) && depth < NAMES_DEEPEST) {
        char *name = arena_strndup(&m->arena, text + ts_node_start_byte(node), syntax_length(node));
        node = bound_values_find(m->values, name, &text);
        if (ts_node_is_null(node))
            m->sets.partial = true;
        else
            gather_sets(m, (struct place){node, text}, depth + 1);
    } else if (syntax_has_type(node, "binary_operator") &&
               text[ts_node_start_byte(syntax_field(node, "operator"))] == '+') {
        gather_sets(m, (struct place){syntax_field(node, "left"), text}, depth + 1);
        gather_sets(m, (struct place){syntax_field(node, "right"), text}, depth + 1);
    } else {
        m->sets.partial = true;
    }
}

static bool read_names(struct maker *m, TSNode names, const char *text) {
    struct buf b = {0};
    TSNode item;
    bool ok = true, sequence = syntax_is_sequence(names);
    if (sequence) {
        for (struct syntax_items i = syntax_items(names); ok && syntax_next(&i, &item);) {
            buf_reset(&b);
            ok = syntax_plain_string(item, text, &b);
            array_push(&m->arena, &m->names, arena_strdup(&m->arena, ok ? b.s : ""));
        }
    } else if ((ok = syntax_plain_string(names, text, &b))) {
        for (char *s = b.s; *s; s++)
            *s = *s == ',' ? ' ' : *s;
        m->names = str_words(&m->arena, b.s);
    }
    buf_free(&b);
    m->bare = m->names.len == 1 && !sequence;
    return ok && m->names.len > 0;
}

/* Appends the id that a set gives itself, or that `ids` has for it; false where neither does. */
static bool put_given(struct maker *m, struct place set, struct place given) {
    TSNode own;
    if (is_param_call(set.node, set.text) &&
        keyword_value(syntax_field(set.node, "arguments"), set.text, "id", &own) &&
        !syntax_is(own, KIND_NONE)) {
        if (syntax_is(own, KIND_STRING) || syntax_is(own, KIND_CONCATENATED))
            idtext_value(&m->text, own, set.text, "");
        else
            idtext_hole(&m->text, HOLE_ANY);
        return true;
    }
    if (ts_node_is_null(given.node) || syntax_is(given.node, KIND_NONE))
        return false;
    idtext_value(&m->text, given.node, given.text, "");
    return true;
}

/* `ids` is a list of them, or a function, or nothing. */
static uint32_t take_sets(struct maker *m, struct place ids) {
    struct sets given = {0}, sets = m->sets;
    bool listed = false, called = !ts_node_is_null(ids.node) && !syntax_is(ids.node, KIND_NONE);
    if (called) {
        m->sets = (struct sets){0};
        gather_sets(m, ids, 0);
        given = m->sets;
        m->sets = sets;
        listed = !given.partial && given.len >= sets.len;
    }
    for (uint32_t i = 0; i < sets.len; i++) {
        buf_reset(&m->text.id);
        if (!put_given(m, sets.items[i], listed ? given.items[i] : (struct place){.text = NULL})) {
            if (called && !listed)
                idtext_hole(&m->text, HOLE_ANY);
            else
                put_set(m, sets.items[i], i);
        }
        put_marks(m, sets.items[i]);
        keep_id(m);
    }
    arena_free(&given.arena);
    if (sets.partial) {
        buf_reset(&m->text.id);
        idtext_hole(&m->text, HOLE_ANY);
        keep_id(m);
        return IDS_SOME;
    }
    return m->text.exact ? IDS_EXACT : IDS_PATTERNS;
}

/* At most two arguments without a keyword, and none spread out. */
static bool is_plain_call(TSNode arguments) {
    TSNode item;
    unsigned positional = 0;
    for (struct syntax_items i = syntax_items(arguments); syntax_next(&i, &item);) {
        if (syntax_is(item, KIND_LIST_SPLAT) || syntax_has_type(item, "dictionary_splat"))
            return false;
        positional += !syntax_is(item, KIND_KEYWORD);
    }
    return positional <= 2;
}

static bool find_values(struct maker *m, TSNode arguments, const char *text, const char *fixture,
                        TSNode *values) {
    struct syntax_items all = syntax_items(arguments);
    TSNode first;
    if (fixture) {
        m->bare = true;
        array_push(&m->arena, &m->names, fixture);
        return keyword_value(arguments, text, "params", values);
    }
    if (!syntax_next(&all, &first))
        return false;
    if (syntax_is(first, KIND_KEYWORD))
        return keyword_value(arguments, text, "argnames", &first) && read_names(m, first, text) &&
               keyword_value(arguments, text, "argvalues", values);
    if (!read_names(m, first, text) || !syntax_next(&all, values))
        return false;
    return !syntax_is(*values, KIND_KEYWORD) || keyword_value(arguments, text, "argvalues", values);
}

static uint32_t take_ids(struct maker *m, TSNode arguments, const char *text, const char *fixture) {
    TSNode values, ids = {0};
    uint32_t known = IDS_UNKNOWN;
    if (!is_plain_call(arguments) || !find_values(m, arguments, text, fixture, &values))
        return IDS_UNKNOWN;
    if (!keyword_value(arguments, text, "ids", &ids) && take_range(m, values, text, &known))
        return known;
    gather_sets(m, (struct place){values, text}, 0);
    if (m->sets.len > IDS_MOST || !m->sets.len)
        return IDS_UNKNOWN;
    return take_sets(m, (struct place){ids, text});
}

uint32_t params_ids(struct facts_builder *b, TSNode arguments, const char *text, const char *fixture,
                    struct bound_values *values, uint32_t *n) {
    uint32_t first = b->ids.len, known = IDS_UNKNOWN;
    struct maker m = {.b = b, .values = values, .text = {.exact = true}};
    if (!ts_node_is_null(arguments))
        known = take_ids(&m, arguments, text, fixture);
    if (known == IDS_UNKNOWN)
        b->ids.len = first;
    *n = b->ids.len - first;
    buf_free(&m.text.id);
    buf_free(&m.marks);
    arena_free(&m.sets.arena);
    arena_free(&m.arena);
    return known;
}
