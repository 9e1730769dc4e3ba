#include "source/params.h"
#include "source/bindings.h"
#include "source/facts.h"
#include "source/syntax.h"

#include <ctype.h>
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
    bool exact;
    struct arena arena;
    struct sets sets;
    struct buf id, marks;
};

/* The named children that are no comments. */
struct items {
    TSNode node;
    uint32_t at, n;
};

static struct items items_of(TSNode node) {
    return (struct items){node, 0, ts_node_is_null(node) ? 0 : ts_node_named_child_count(node)};
}

static bool next_item(struct items *i, TSNode *out) {
    while (i->at < i->n) {
        *out = ts_node_named_child(i->node, i->at++);
        if (!syntax_is(*out, KIND_COMMENT))
            return true;
    }
    return false;
}

static bool is_type(TSNode node, const char *type) {
    return !ts_node_is_null(node) && strcmp(ts_node_type(node), type) == 0;
}

static bool is_sequence(TSNode node) {
    return syntax_is(node, KIND_LIST) || syntax_is(node, KIND_TUPLE);
}

static TSNode unwrapped(TSNode node) {
    while (syntax_is(node, KIND_PARENTHESIZED))
        node = ts_node_named_child(node, 0);
    return node;
}

static size_t node_length(TSNode node) {
    return ts_node_end_byte(node) - ts_node_start_byte(node);
}

/* How Python prints a number as it is written here: only forms that it prints unchanged. */
static bool same_when_printed(const char *s, size_t n) {
    const char *dot = memchr(s, '.', n);
    size_t whole = dot ? (size_t)(dot - s) : n;
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)s[i]) && s + i != dot)
            return false;
    if (whole == 0 || n > 15 || (s[0] == '0' && whole > 1))
        return false;
    if (!dot)
        return true;
    size_t after = n - whole - 1;
    return after == 1 || (after > 1 && s[n - 1] != '0' && (s[0] != '0' || s[2] != '0'));
}

static void put_hole(struct maker *m, enum hole hole) {
    buf_char(&m->id, (char)hole);
    m->exact = false;
}

static void put_number(struct maker *m, const char *s, size_t n, bool negative) {
    if (!same_when_printed(s, n) || (negative && strspn(s, "0.") >= n)) {
        put_hole(m, HOLE_CLOSE);
        return;
    }
    buf_str(&m->id, negative ? "-" : "");
    buf_add(&m->id, s, n);
}

/* A character as pytest's escaping writes it (str.encode("unicode_escape")). */
static void put_character(struct maker *m, uint32_t c) {
    m->exact &= c >= ' ' && c <= '~' && c != '\\';
    if (c >= ' ' && c <= '~')
        buf_str(&m->id, c == '\\' ? "\\\\" : (char[]){(char)c, 0});
    else if (c == '\n' || c == '\t' || c == '\r')
        buf_str(&m->id, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
    else if (c < 0x100)
        buf_fmt(&m->id, "\\x%02x", c);
    else if (c < 0x10000)
        buf_fmt(&m->id, "\\u%04x", c);
    else
        buf_fmt(&m->id, "\\U%08x", c);
}

static const char *take_digits(const char *s, const char *end, unsigned base, unsigned most,
                               uint32_t *value) {
    *value = 0;
    for (unsigned i = 0;
         i < most && s < end && (base == 16 ? isxdigit((unsigned char)*s) : *s >= '0' && *s <= '7'); i++, s++)
        *value = *value * base + (uint32_t)(*s <= '9' ? *s - '0' : (*s | 32) - 'a' + 10);
    return s;
}

/* The escape after the backslash at s - 1. */
static const char *put_escape(struct maker *m, const char *s, const char *end, bool bytes) {
    static const char letters[] = "abfnrtv'\"\\", values[] = "\a\b\f\n\r\t\v'\"\\";
    const char *letter = strchr(letters, *s);
    uint32_t value;
    if (*s == '\n')
        return s + 1;
    if (letter) {
        put_character(m, (uint32_t)values[letter - letters]);
        return s + 1;
    }
    if (*s >= '0' && *s <= '7') {
        s = take_digits(s, end, 8, 3, &value);
    } else if (*s == 'x' || (!bytes && (*s == 'u' || *s == 'U'))) {
        s = take_digits(s + 1, end, 16, *s == 'x' ? 2 : *s == 'u' ? 4 : 8, &value);
    } else if (*s == 'N' && !bytes) {
        const char *close = memchr(s, '}', (size_t)(end - s)), *latin = strstr(s, "LATIN ");
        put_hole(m, latin && close && latin < close ? HOLE_ANY : HOLE_CLOSE);
        return close ? close + 1 : end;
    } else {
        put_character(m, '\\');
        return s;
    }
    put_character(m, value);
    return s;
}

static const char *put_utf8(struct maker *m, const char *s, const char *end) {
    unsigned n = (*s & 0xe0) == 0xc0 ? 2 : (*s & 0xf0) == 0xe0 ? 3 : (*s & 0xf8) == 0xf0 ? 4 : 1;
    uint32_t c = n == 1 ? (unsigned char)*s : (uint32_t)(unsigned char)*s & (0xffu >> (n + 1));
    for (unsigned i = 1; i < n && s + i < end; i++)
        c = c << 6 | (s[i] & 0x3f);
    put_character(m, c);
    return s + n < end ? s + n : end;
}

static void put_characters(struct maker *m, const char *s, size_t n, bool raw, bool bytes) {
    for (const char *end = s + n; s < end;)
        s = *s == '\\' && !raw && s + 1 < end ? put_escape(m, s + 1, end, bytes) : put_utf8(m, s, end);
}

static void put_string(struct maker *m, TSNode node, const char *text) {
    const char *s = text + ts_node_start_byte(node), *prefix = s;
    size_t n = node_length(node);
    while (isalpha((unsigned char)*s))
        s++;
    size_t flags = (size_t)(s - prefix), quotes = n - flags >= 6 && s[1] == *s && s[2] == *s ? 3 : 1;
    if (memchr(prefix, 'f', flags) || memchr(prefix, 'F', flags) || n < flags + 2 * quotes) {
        put_hole(m, HOLE_ANY);
        return;
    }
    if (n == flags + 2 * quotes)
        put_hole(m, HOLE_CLOSE); /* pytest's versions differ for an empty text */
    bool raw = memchr(prefix, 'r', flags) || memchr(prefix, 'R', flags);
    bool bytes = memchr(prefix, 'b', flags) || memchr(prefix, 'B', flags);
    put_characters(m, s + quotes, n - flags - 2 * quotes, raw, bytes);
}

static void put_strings(struct maker *m, TSNode node, const char *text) {
    TSNode part;
    for (struct items i = items_of(node); next_item(&i, &part);)
        put_string(m, part, text);
}

static void put_value_hole(struct maker *m, TSNode node, const char *text, bool call, const char *fallback) {
    size_t from = m->id.len;
    put_hole(m, HOLE_VALUE);
    if (!syntax_dotted(node, text, &m->id)) {
        m->id.len = from;
        put_hole(m, HOLE_ANY);
        return;
    }
    buf_str(&m->id, call ? "()" : "");
    buf_char(&m->id, HOLE_FALLBACK);
    buf_str(&m->id, fallback);
    buf_char(&m->id, HOLE_END);
}

static bool is_dotted(TSNode node, const char *text, const char *name) {
    struct buf dotted = {0};
    bool is = syntax_dotted(node, text, &dotted) && strcmp(dotted.s, name) == 0;
    buf_free(&dotted);
    return is;
}

/* `x().replace(…)` is of the kind that `x()` is, for times, paths and texts alike. */
static TSNode without_replace(TSNode call, const char *text) {
    TSNode function = syntax_field(call, "function");
    TSNode owner = syntax_is(function, KIND_ATTRIBUTE) ? syntax_field(function, "object") : (TSNode){0};
    TSNode method = syntax_is(function, KIND_ATTRIBUTE) ? syntax_field(function, "attribute") : (TSNode){0};
    return syntax_is(owner, KIND_CALL) && is_dotted(method, text, "replace") ? owner : call;
}

static void put_value(struct maker *m, TSNode node, const char *text, const char *fallback);

static bool is_number(TSNode node) {
    return syntax_is(node, KIND_INTEGER) || syntax_is(node, KIND_FLOAT);
}

/* What an operator gives that takes no text beside a number: a number, or an object. */
static bool is_arithmetic(TSNode node, const char *text) {
    if (!is_type(node, "binary_operator"))
        return false;
    char operator= text[ts_node_start_byte(syntax_field(node, "operator"))];
    return strchr("+-/", operator) &&
           (is_number(syntax_field(node, "left")) || is_number(syntax_field(node, "right")));
}

static void put_maybe(struct maker *m, const char *words) {
    put_hole(m, HOLE_MAYBE);
    buf_str(&m->id, words);
    buf_char(&m->id, HOLE_FALLBACK);
    buf_char(&m->id, HOLE_END);
}

/* The id of what a call returns; of a compiled expression its pattern. */
static void put_call(struct maker *m, TSNode call, const char *text, const char *fallback) {
    call = without_replace(call, text);
    TSNode function = syntax_field(call, "function"), first = {0};
    struct items arguments = items_of(syntax_field(call, "arguments"));
    if (is_dotted(function, text, "re.compile") && next_item(&arguments, &first) &&
        syntax_is(first, KIND_STRING))
        put_value(m, first, text, fallback);
    else
        put_value_hole(m, function, text, true, fallback);
    m->exact = false;
}

static bool is_object(TSNode node) {
    static const char *const types[] = {
        "dictionary",        "set",      "list_comprehension",  "dictionary_comprehension",
        "set_comprehension", "ellipsis", "generator_expression"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (is_type(node, types[i]))
            return true;
    return is_sequence(node);
}

/* Appends the id of one value. */
static void put_value(struct maker *m, TSNode node, const char *text, const char *fallback) {
    node = unwrapped(node);
    if (ts_node_is_null(node)) {
        put_hole(m, HOLE_ANY);
        return;
    }
    const char *s = text + ts_node_start_byte(node);
    TSNode number = syntax_is(node, KIND_UNARY) ? syntax_field(node, "argument") : node;
    bool numeric = syntax_is(number, KIND_INTEGER) || syntax_is(number, KIND_FLOAT);
    enum kind kind = syntax_kind(node);
    if (kind == KIND_TRUE || kind == KIND_FALSE || kind == KIND_NONE) {
        buf_add(&m->id, s, node_length(node));
    } else if (numeric && (kind != KIND_UNARY || *s == '-')) {
        put_number(m, text + ts_node_start_byte(number), node_length(number), kind == KIND_UNARY);
    } else if (numeric) {
        put_hole(m, HOLE_CLOSE);
    } else if (kind == KIND_STRING) {
        put_string(m, node, text);
    } else if (kind == KIND_CONCATENATED) {
        put_strings(m, node, text);
    } else if (is_object(node)) {
        m->exact = false;
        buf_str(&m->id, fallback);
    } else if (is_type(node, "lambda")) {
        m->exact = false;
        buf_str(&m->id, "<lambda>");
    } else if (kind == KIND_CALL) {
        put_call(m, node, text, fallback);
    } else if (is_arithmetic(node, text)) {
        put_maybe(m, fallback);
    } else if (is_type(node, "binary_operator") &&
               text[ts_node_start_byte(syntax_field(node, "operator"))] == '/' &&
               syntax_is(syntax_field(node, "right"), KIND_STRING)) {
        m->exact = false;
        buf_str(&m->id, fallback);
    } else {
        put_value_hole(m, node, text, false, fallback);
    }
}

static bool keyword_value(TSNode arguments, const char *text, const char *name, TSNode *value) {
    TSNode item;
    for (struct items i = items_of(arguments); next_item(&i, &item);) {
        TSNode key = syntax_is(item, KIND_KEYWORD) ? syntax_field(item, "name") : (TSNode){0};
        if (ts_node_is_null(key) || node_length(key) != strlen(name) ||
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
    size_t from = m->id.len;
    for (struct items i = items_of(list); next_item(&i, &item);) {
        if (syntax_is(item, KIND_KEYWORD))
            continue;
        buf_str(&m->id, taken ? "-" : "");
        put_value(m, item, text, fallback_of(m, taken, set));
        taken += syntax_is(item, KIND_LIST_SPLAT) || is_type(item, "dictionary_splat") ? 1000 : 1;
    }
    if (taken == m->names.len)
        return;
    m->id.len = from;
    put_hole(m, HOLE_ANY);
}

static void put_set(struct maker *m, struct place set, uint32_t index) {
    if (is_param_call(set.node, set.text))
        put_joined(m, syntax_field(set.node, "arguments"), set.text, index);
    else if (m->bare)
        put_value(m, set.node, set.text, fallback_of(m, 0, index));
    else if (is_sequence(unwrapped(set.node)))
        put_joined(m, unwrapped(set.node), set.text, index);
    else
        put_hole(m, HOLE_ANY);
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
    marks = unwrapped(marks);
    if (is_sequence(marks))
        for (struct items i = items_of(marks); next_item(&i, &item);)
            put_mark(m, item, set.text);
    else
        put_mark(m, marks, set.text);
    if (m->marks.len) {
        put_hole(m, HOLE_MARKS);
        buf_add(&m->id, m->marks.s, m->marks.len);
    }
}

static void keep_id(struct maker *m) {
    for (uint32_t i = m->b->ids.len; i-- > 0 && m->exact && m->b->ids.len - i <= m->sets.len;)
        m->exact = strcmp(m->b->text.items + m->b->ids.items[i], m->id.s) != 0;
    fact_str kept = facts_add_text(m->b, m->id.s, (uint32_t)m->id.len);
    array_push(m->b->arena, &m->b->ids, kept);
}

static bool literal_number(TSNode node, const char *text, long *n) {
    if (!syntax_is(node, KIND_INTEGER) ||
        !same_when_printed(text + ts_node_start_byte(node), node_length(node)))
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
    for (struct items i = items_of(arguments); next_item(&i, &item); given++)
        literal = literal && given < 2 && literal_number(item, text, &bounds[given]);
    if (given == 1) {
        bounds[1] = bounds[0];
        bounds[0] = 0;
    }
    literal = literal && given && bounds[1] > bounds[0] && bounds[1] - bounds[0] < IDS_MOST;
    buf_reset(&m->id);
    if (!literal) {
        put_hole(m, HOLE_CLOSE);
        keep_id(m);
        *known = IDS_SOME;
        return true;
    }
    for (long n = bounds[0]; n < bounds[1]; n++) {
        buf_reset(&m->id);
        buf_fmt(&m->id, "%ld", n);
        keep_id(m);
    }
    *known = IDS_PATTERNS;
    return true;
}

/* The sets of a list, of a name bound to one, and of sums of these. */
static void gather_sets(struct maker *m, struct place values, unsigned depth) {
    TSNode node = unwrapped(values.node), item;
    const char *text = values.text;
    if (is_sequence(node)) {
        for (struct items i = items_of(node); next_item(&i, &item);)
            if (syntax_is(item, KIND_LIST_SPLAT))
                gather_sets(m, (struct place){ts_node_named_child(item, 0), text}, depth + 1);
            else
                array_push(&m->sets.arena, &m->sets, (struct place){item, text});
    } else if (syntax_is(node, KIND_IDENTIFIER) && depth < NAMES_DEEPEST) {
        char *name = arena_strndup(&m->arena, text + ts_node_start_byte(node), node_length(node));
        node = bound_values_find(m->values, name, &text);
        if (ts_node_is_null(node))
            m->sets.partial = true;
        else
            gather_sets(m, (struct place){node, text}, depth + 1);
    } else if (is_type(node, "binary_operator") &&
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
    bool ok = true, sequence = is_sequence(names);
    if (sequence) {
        for (struct items i = items_of(names); ok && next_item(&i, &item);) {
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
            put_value(m, own, set.text, "");
        else
            put_hole(m, HOLE_ANY);
        return true;
    }
    if (ts_node_is_null(given.node) || syntax_is(given.node, KIND_NONE))
        return false;
    put_value(m, given.node, given.text, "");
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
        buf_reset(&m->id);
        if (!put_given(m, sets.items[i], listed ? given.items[i] : (struct place){.text = NULL})) {
            if (called && !listed)
                put_hole(m, HOLE_ANY);
            else
                put_set(m, sets.items[i], i);
        }
        put_marks(m, sets.items[i]);
        keep_id(m);
    }
    arena_free(&given.arena);
    if (sets.partial) {
        buf_reset(&m->id);
        put_hole(m, HOLE_ANY);
        keep_id(m);
        return IDS_SOME;
    }
    return m->exact ? IDS_EXACT : IDS_PATTERNS;
}

static bool find_values(struct maker *m, TSNode arguments, const char *text, const char *fixture,
                        TSNode *values) {
    struct items all = items_of(arguments);
    TSNode first;
    if (fixture) {
        m->bare = true;
        array_push(&m->arena, &m->names, fixture);
        return keyword_value(arguments, text, "params", values);
    }
    if (!next_item(&all, &first))
        return false;
    if (syntax_is(first, KIND_KEYWORD))
        return keyword_value(arguments, text, "argnames", &first) && read_names(m, first, text) &&
               keyword_value(arguments, text, "argvalues", values);
    if (!read_names(m, first, text) || !next_item(&all, values))
        return false;
    return !syntax_is(*values, KIND_KEYWORD) || keyword_value(arguments, text, "argvalues", values);
}

static uint32_t take_ids(struct maker *m, TSNode arguments, const char *text, const char *fixture) {
    TSNode values, ids = {0};
    uint32_t known = IDS_UNKNOWN;
    if (!find_values(m, arguments, text, fixture, &values))
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
    struct maker m = {.b = b, .values = values, .exact = true};
    if (!ts_node_is_null(arguments))
        known = take_ids(&m, arguments, text, fixture);
    if (known == IDS_UNKNOWN)
        b->ids.len = first;
    *n = b->ids.len - first;
    buf_free(&m.id);
    buf_free(&m.marks);
    arena_free(&m.sets.arena);
    arena_free(&m.arena);
    return known;
}
