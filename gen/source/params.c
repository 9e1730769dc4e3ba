#include "source/params.h"
#include "source/facts.h"
#include "source/syntax.h"

#include <ctype.h>
#include <string.h>

enum { IDS_MOST = 4096 };

/* What parametrize is given first: how many names, and whether each parameter set is a value by itself. */
struct names {
    uint32_t count;
    bool bare;
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

static bool is_sequence(TSNode node) {
    return syntax_is(node, KIND_LIST) || syntax_is(node, KIND_TUPLE);
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

static bool printable(const struct buf *b, size_t from) {
    for (size_t i = from; i < b->len; i++)
        if (b->s[i] < ' ' || b->s[i] > '~' || b->s[i] == '\\')
            return false;
    return true;
}

/* Appends the id of one value. */
static bool value_id(TSNode node, const char *text, struct buf *out) {
    size_t from = out->len;
    if (syntax_is(node, KIND_UNARY) && text[ts_node_start_byte(node)] == '-') {
        buf_char(out, '-');
        node = syntax_field(node, "argument");
        if (!syntax_is(node, KIND_INTEGER) && !syntax_is(node, KIND_FLOAT))
            return false;
    }
    if (ts_node_is_null(node))
        return false;
    const char *s = text + ts_node_start_byte(node);
    size_t n = ts_node_end_byte(node) - ts_node_start_byte(node);
    switch (syntax_kind(node)) {
    case KIND_TRUE:
    case KIND_FALSE:
    case KIND_NONE:
        buf_add(out, s, n);
        return true;
    case KIND_INTEGER:
    case KIND_FLOAT:
        buf_add(out, s, n);
        return same_when_printed(s, n) && !(out->s[from] == '-' && strcmp(out->s + from, "-0") == 0);
    case KIND_STRING:
        return syntax_plain_string(node, text, out) && out->len > from && printable(out, from);
    default:
        return false;
    }
}

static bool keyword_value(TSNode arguments, const char *text, const char *name, TSNode *value) {
    TSNode item;
    for (struct items i = items_of(arguments); next_item(&i, &item);) {
        TSNode key = syntax_is(item, KIND_KEYWORD) ? syntax_field(item, "name") : (TSNode){0};
        if (ts_node_is_null(key))
            continue;
        uint32_t from = ts_node_start_byte(key), n = ts_node_end_byte(key) - from;
        if (n != strlen(name) || memcmp(text + from, name, n) != 0)
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

/* Appends the ids of `count` values joined by '-'; keywords are passed over. */
static bool joined_ids(TSNode list, const char *text, uint32_t count, struct buf *out) {
    TSNode item;
    uint32_t taken = 0;
    for (struct items i = items_of(list); next_item(&i, &item);) {
        if (syntax_is(item, KIND_KEYWORD))
            continue;
        if (taken++)
            buf_char(out, '-');
        if (!value_id(item, text, out))
            return false;
    }
    return taken == count;
}

/* The id that a parameter set gives itself: pytest.param(…, id=…). */
static bool own_id(TSNode set, const char *text, TSNode *id) {
    return is_param_call(set, text) && keyword_value(syntax_field(set, "arguments"), text, "id", id) &&
           !syntax_is(*id, KIND_NONE);
}

static bool set_id(TSNode set, const char *text, struct names names, struct buf *out) {
    if (is_param_call(set, text))
        return joined_ids(syntax_field(set, "arguments"), text, names.count, out);
    if (names.bare)
        return value_id(set, text, out);
    return is_sequence(set) && joined_ids(set, text, names.count, out);
}

static struct names read_names(TSNode names, const char *text) {
    struct buf b = {0};
    uint32_t n = 0;
    bool sequence = is_sequence(names);
    TSNode item;
    if (sequence) {
        for (struct items i = items_of(names); next_item(&i, &item);)
            n++;
    } else if (syntax_plain_string(names, text, &b)) {
        bool word = false;
        for (const char *s = b.s; *s; s++) {
            bool in = *s != ',' && *s != ' ';
            n += in && !word;
            word = in;
        }
    }
    buf_free(&b);
    return (struct names){n, n == 1 && !sequence};
}

static bool duplicate(const struct facts_builder *b, uint32_t first, const char *id) {
    for (uint32_t i = first; i < b->ids.len; i++)
        if (strcmp(b->text.items + b->ids.items[i], id) == 0)
            return true;
    return false;
}

static bool only_keywords(struct items rest) {
    TSNode item;
    while (next_item(&rest, &item))
        if (!syntax_is(item, KIND_KEYWORD))
            return false;
    return true;
}

static bool all_ids(struct facts_builder *b, TSNode arguments, const char *text, struct buf *id) {
    struct items all = items_of(arguments);
    TSNode first = {0}, values = {0}, ids = {0}, set, given = {0}, own;
    if (!next_item(&all, &first) || syntax_is(first, KIND_KEYWORD) || !next_item(&all, &values) ||
        !is_sequence(values) || !only_keywords(all))
        return false;
    struct names names = read_names(first, text);
    uint32_t first_id = b->ids.len;
    bool has_ids = keyword_value(arguments, text, "ids", &ids) && !syntax_is(ids, KIND_NONE);
    if (!names.count || (has_ids && !is_sequence(ids)))
        return false;
    struct items given_ids = items_of(ids);
    for (struct items sets = items_of(values); next_item(&sets, &set);) {
        buf_reset(id);
        if (has_ids && !next_item(&given_ids, &given))
            return false;
        bool known = own_id(set, text, &own) ? syntax_is(own, KIND_STRING) && value_id(own, text, id)
                     : has_ids && !syntax_is(given, KIND_NONE) ? value_id(given, text, id)
                                                               : set_id(set, text, names, id);
        if (!known || duplicate(b, first_id, id->s) || b->ids.len - first_id >= IDS_MOST)
            return false;
        fact_str kept = facts_add_text(b, id->s, (uint32_t)id->len);
        array_push(b->arena, &b->ids, kept);
    }
    return b->ids.len > first_id;
}

uint32_t params_ids(struct facts_builder *b, TSNode arguments, const char *text, uint32_t *n) {
    struct buf id = {0};
    uint32_t first = b->ids.len, kept_text = b->text.len;
    bool known = !ts_node_is_null(arguments) && all_ids(b, arguments, text, &id);
    buf_free(&id);
    if (!known) {
        b->ids.len = first;
        b->text.len = kept_text;
    }
    *n = b->ids.len - first;
    return known;
}
