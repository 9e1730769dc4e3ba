#include "source/toml.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tree_sitter/api.h>

extern const TSLanguage *tree_sitter_toml(void);

/* What tomllib remembers of a table, so as to reject that it is defined or extended twice. */
enum {
    DECLARED = 1, /* by a [header] or, in an earlier section, by a dotted key */
    FROZEN = 2,   /* an inline table or array: nothing comes into it any more */
};

enum { DEPTH_MAX = 200 };

struct building {
    struct arena *arena;
    const char *text;
    struct toml *root;
    ARRAY(struct toml *) pending; /* made by dotted keys of the section being read */
    const char *error;
    uint32_t line;
};

struct nodes {
    TSNode *items;
    uint32_t len, cap;
};

static bool fail(struct building *b, TSNode node, const char *error) {
    if (!b->error) {
        b->error = error;
        b->line = ts_node_start_point(node).row + 1;
    }
    return false;
}

static struct nodes children(struct building *b, TSNode node) {
    struct nodes list = {0};
    TSTreeCursor c = ts_tree_cursor_new(node);
    if (ts_tree_cursor_goto_first_child(&c)) {
        do {
            TSNode child = ts_tree_cursor_current_node(&c);
            if (ts_node_is_named(child) && strcmp(ts_node_type(child), "comment") != 0)
                array_push(b->arena, &list, child);
        } while (ts_tree_cursor_goto_next_sibling(&c));
    }
    ts_tree_cursor_delete(&c);
    return list;
}

static const char *text_of(const struct building *b, TSNode node, size_t *n) {
    *n = ts_node_end_byte(node) - ts_node_start_byte(node);
    return b->text + ts_node_start_byte(node);
}

static bool is_type(TSNode node, const char *type) {
    return strcmp(ts_node_type(node), type) == 0;
}

static void put_utf8(struct buf *out, uint32_t c) {
    if (c < 0x80) {
        buf_char(out, (char)c);
        return;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    buf_char(out, (char)(lead[more] | (c >> (6 * more))));
    while (more-- > 0)
        buf_char(out, (char)(0x80 | ((c >> (6 * more)) & 0x3f)));
}

/* The escape after the backslash at *p; moves *p behind it. */
static bool decode_escape(struct buf *out, const char **p, const char *end, bool lines) {
    static const char simple[] = "b\bt\tn\nf\fr\r\"\"\\\\";
    const char *s = *p + 1;
    if (s == end)
        return false;
    if (lines && (*s == ' ' || *s == '\t' || *s == '\n')) {
        s += strspn(s, " \t");
        if (*s != '\n')
            return false;
        *p = s + strspn(s, " \t\n");
        return true;
    }
    for (const char *e = simple; *e; e += 2) {
        if (*e != *s)
            continue;
        buf_char(out, e[1]);
        *p = s + 1;
        return true;
    }
    size_t digits = *s == 'u' ? 4 : *s == 'U' ? 8 : 0;
    char hex[9] = {0};
    if (!digits || (size_t)(end - s) <= digits)
        return false;
    memcpy(hex, s + 1, digits);
    unsigned long c = strtoul(hex, NULL, 16);
    if (strspn(hex, "0123456789abcdefABCDEF") != digits || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return false;
    put_utf8(out, (uint32_t)c);
    *p = s + 1 + digits;
    return true;
}

static const char *decode_string(struct building *b, TSNode node, size_t *len) {
    size_t n;
    const char *p = text_of(b, node, &n);
    char quote = *p;
    bool lines = n >= 6 && p[1] == quote && p[2] == quote, basic = quote == '"';
    const char *end = p + n - (lines ? 3 : 1);
    p += lines ? 3 : 1;
    if (lines && *p == '\n')
        p++;
    struct buf out = {0};
    buf_str(&out, "");
    bool ok = true;
    while (ok && p < end) {
        if (basic && *p == '\\')
            ok = decode_escape(&out, &p, end, lines);
        else if (lines && end - p >= 3 && p[0] == quote && p[1] == quote && p[2] == quote)
            ok = false;
        else
            buf_char(&out, *p++);
    }
    if (!ok)
        fail(b, node, "a string with an invalid escape or end");
    char *s = arena_strndup(b->arena, out.s, out.len);
    *len = out.len;
    buf_free(&out);
    return s;
}

static bool read_key(struct building *b, TSNode node, struct strs *key, int depth) {
    if (is_type(node, "dotted_key")) {
        struct nodes parts = children(b, node);
        for (uint32_t i = 0; i < parts.len; i++)
            if (depth == 0 || !read_key(b, parts.items[i], key, depth - 1))
                return fail(b, node, "a key with too many parts");
        return true;
    }
    size_t n;
    const char *s = text_of(b, node, &n);
    if (*s == '"' || *s == '\'')
        s = decode_string(b, node, &n);
    if (memchr(s, 0, n))
        return fail(b, node, "a NUL character in a key");
    array_push(b->arena, key, arena_strndup(b->arena, s, n));
    return !b->error;
}

static struct toml *find(const struct toml *table, const char *key) {
    for (uint32_t i = 0; i < table->items.len; i++)
        if (strcmp(table->items.items[i]->key, key) == 0)
            return table->items.items[i];
    return NULL;
}

static struct toml *make(struct building *b, TSNode node, enum toml_type type, const char *key) {
    struct toml *v = arena_alloc(b->arena, sizeof *v);
    v->type = type;
    v->key = key;
    v->line = ts_node_start_point(node).row + 1;
    return v;
}

/* The table under a key, made when it is missing; of an array of tables the last one. NULL when something
   else is there or it is frozen. */
static struct toml *enter(struct building *b, TSNode node, struct toml *table, const char *key) {
    struct toml *t = find(table, key);
    if (!t) {
        t = make(b, node, TOML_TABLE, key);
        array_push(b->arena, &table->items, t);
    }
    if (t->flags & FROZEN)
        return NULL;
    if (t->type == TOML_ARRAY)
        t = t->items.items[t->items.len - 1];
    return t->type == TOML_TABLE ? t : NULL;
}

static struct toml *read_value(struct building *b, TSNode node, const char *key, int depth);

/* `inner = value` in a table; a table of a section remembers which tables its dotted keys made. */
static bool read_pair(struct building *b, TSNode pair, struct toml *table, bool in_section, int depth) {
    struct nodes sides = children(b, pair);
    struct strs key = {0};
    if (sides.len != 2 || !read_key(b, sides.items[0], &key, DEPTH_MAX) || !key.len)
        return fail(b, pair, "a key that cannot be read");
    for (uint32_t i = 0; i + 1 < key.len; i++) {
        struct toml *t = find(table, key.items[i]);
        if (t && in_section && (t->flags & DECLARED))
            return fail(b, pair, arena_printf(b->arena, "'%s' is defined elsewhere", key.items[i]));
        struct toml *inner = enter(b, pair, table, key.items[i]);
        if (!inner)
            return fail(b, pair,
                        arena_printf(b->arena, "'%s' is no table that can be extended", key.items[i]));
        if (in_section)
            array_push(b->arena, &b->pending, inner);
        table = inner;
    }
    const char *name = key.items[key.len - 1];
    if (find(table, name))
        return fail(b, pair, arena_printf(b->arena, "'%s' stands twice", name));
    struct toml *v = read_value(b, sides.items[1], name, depth);
    if (v)
        array_push(b->arena, &table->items, v);
    return v != NULL;
}

static bool read_items(struct building *b, TSNode node, struct toml *v, int depth) {
    struct nodes items = children(b, node);
    for (uint32_t i = 0; i < items.len; i++) {
        if (v->type == TOML_TABLE) {
            if (!read_pair(b, items.items[i], v, false, depth))
                return false;
            continue;
        }
        struct toml *item = read_value(b, items.items[i], NULL, depth);
        if (!item)
            return false;
        array_push(b->arena, &v->items, item);
    }
    v->flags |= FROZEN;
    return true;
}

static bool is_leap(int year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* A date or time that the grammar lets pass by its form alone. */
static bool is_moment(const char *s) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offset_hour = 0, offset_minute = 0;
    if (s[2] != ':') {
        if (!str_fnmatch("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*", s))
            return false;
        sscanf(s, "%4d-%2d-%2d", &year, &month, &day);
        if (year < 1 || month < 1 || month > 12 || day < 1 ||
            day > days[month - 1] + (month == 2 && is_leap(year)))
            return false;
        s += 10;
        s += *s != 0;
    }
    if (*s && sscanf(s, "%2d:%2d:%2d", &hour, &minute, &second) != 3)
        return false;
    const char *offset = strpbrk(s, "+-");
    if (offset && sscanf(offset + 1, "%2d:%2d", &offset_hour, &offset_minute) != 2)
        return false;
    return hour < 24 && minute < 60 && second < 60 && offset_hour < 24 && offset_minute < 60;
}

static struct toml *read_value(struct building *b, TSNode node, const char *key, int depth) {
    static const struct {
        const char *node;
        enum toml_type type;
    } types[] = {{"string", TOML_STRING},
                 {"integer", TOML_INTEGER},
                 {"float", TOML_FLOAT},
                 {"boolean", TOML_BOOLEAN},
                 {"offset_date_time", TOML_DATE_TIME},
                 {"local_date_time", TOML_DATE_TIME},
                 {"local_date", TOML_DATE_TIME},
                 {"local_time", TOML_DATE_TIME},
                 {"array", TOML_ARRAY},
                 {"inline_table", TOML_TABLE}};
    size_t i = 0, n = sizeof types / sizeof *types;
    while (i < n && !is_type(node, types[i].node))
        i++;
    if (i == n || depth == 0) {
        fail(b, node, depth ? "no value" : "nested too deeply");
        return NULL;
    }
    struct toml *v = make(b, node, types[i].type, key);
    if (v->type == TOML_ARRAY || v->type == TOML_TABLE)
        return read_items(b, node, v, depth - 1) ? v : NULL;
    if (v->type == TOML_STRING) {
        v->text = decode_string(b, node, &v->len);
    } else {
        const char *s = text_of(b, node, &v->len);
        v->text = arena_strndup(b->arena, s, v->len);
    }
    if (v->type == TOML_DATE_TIME && !is_moment(v->text))
        fail(b, node, "no such date or time");
    return b->error ? NULL : v;
}

/* `[a.b]` or `[[a.b]]`: the table that the section fills. */
static struct toml *read_header(struct building *b, TSNode header, TSNode name, bool in_array) {
    struct strs key = {0};
    if (!read_key(b, name, &key, DEPTH_MAX) || !key.len)
        return NULL;
    struct toml *table = b->root;
    for (uint32_t i = 0; table && i + 1 < key.len; i++)
        table = enter(b, header, table, key.items[i]);
    const char *last = key.items[key.len - 1];
    struct toml *t = table ? find(table, last) : NULL;
    if (!table || (t && ((t->flags & FROZEN) || (!in_array && (t->flags & DECLARED))))) {
        fail(b, header, arena_printf(b->arena, "'%s' is defined elsewhere", last));
        return NULL;
    }
    if (in_array && !t) {
        t = make(b, header, TOML_ARRAY, last);
        array_push(b->arena, &table->items, t);
    }
    if (in_array && t->type == TOML_ARRAY)
        array_push(b->arena, &t->items, make(b, header, TOML_TABLE, NULL));
    struct toml *section = t && in_array && t->type != TOML_ARRAY ? NULL : enter(b, header, table, last);
    if (!section) {
        fail(b, header, arena_printf(b->arena, "'%s' is defined elsewhere", last));
        return NULL;
    }
    find(table, last)->flags |= DECLARED;
    return section;
}

static void declare_pending(struct building *b) {
    ARRAY_FOR (struct toml *, t, &b->pending)
        (*t)->flags |= DECLARED;
    b->pending.len = 0;
}

static bool read_section(struct building *b, TSNode node, bool in_array) {
    declare_pending(b);
    struct nodes parts = children(b, node);
    struct toml *table = parts.len ? read_header(b, node, parts.items[0], in_array) : NULL;
    for (uint32_t i = 1; table && i < parts.len; i++)
        if (!read_pair(b, parts.items[i], table, true, DEPTH_MAX))
            return false;
    return table != NULL;
}

static bool read_document(struct building *b, TSNode root) {
    struct nodes parts = children(b, root);
    for (uint32_t i = 0; i < parts.len; i++) {
        TSNode part = parts.items[i];
        bool ok = is_type(part, "pair") ? read_pair(b, part, b->root, true, DEPTH_MAX)
                                        : read_section(b, part, is_type(part, "table_array_element"));
        if (!ok)
            return false;
    }
    return true;
}

static TSNode first_error(TSNode node) {
    for (uint32_t i = 0; i < ts_node_child_count(node); i++) {
        TSNode child = ts_node_child(node, i);
        if (ts_node_is_missing(child) || is_type(child, "ERROR"))
            return child;
        if (ts_node_has_error(child)) {
            node = child;
            i = UINT32_MAX; /* start over, one level down */
        }
    }
    return node;
}

/* A copy with "\r\n" as "\n"; *bad is the line of a character that may stand nowhere (a BOM too), or 0. */
static char *normalize(struct arena *a, const char *bytes, size_t *n, uint32_t *bad) {
    char *text = arena_alloc(a, *n + 1);
    size_t len = 0;
    uint32_t line = 1;
    *bad = *n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0;
    for (size_t i = 0; i < *n; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '\r' && i + 1 < *n && bytes[i + 1] == '\n')
            continue;
        if (((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f) && !*bad)
            *bad = line;
        line += c == '\n';
        text[len++] = (char)c;
    }
    *n = len;
    return text;
}

/* The text for the parser: its grammar does not know blanks between a backslash and the end of the line, so
   the first becomes a second backslash. */
static char *shape_of(struct arena *a, const char *text, size_t n) {
    char *shape = arena_strndup(a, text, n);
    for (char *p = shape; (p = memchr(p, '\\', (size_t)(shape + n - p)));) {
        size_t blanks = strspn(p + 1, " \t");
        if (blanks && p[1 + blanks] == '\n')
            p[1] = '\\';
        p += p + 2 <= shape + n ? 2 : 1;
    }
    return shape;
}

const struct toml *toml_parse(struct arena *a, const char *bytes, size_t n, uint32_t *line,
                              const char **error) {
    struct building b = {.arena = a};
    uint32_t bad;
    b.text = normalize(a, bytes, &n, &bad);
    TSParser *parser = ts_parser_new();
    ts_parser_set_language(parser, tree_sitter_toml());
    TSTree *tree = ts_parser_parse_string(parser, NULL, shape_of(a, b.text, n), (uint32_t)n);
    TSNode root = ts_tree_root_node(tree);
    b.root = make(&b, root, TOML_TABLE, NULL);
    if (bad) {
        b.line = bad;
        b.error = "a control character or byte order mark";
    } else if (ts_node_has_error(root)) {
        fail(&b, first_error(root), "invalid TOML");
    } else {
        read_document(&b, root);
    }
    ts_tree_delete(tree);
    ts_parser_delete(parser);
    *line = b.line;
    *error = b.error;
    return b.error ? NULL : b.root;
}

const struct toml *toml_get(const struct toml *table, const char *key) {
    return table && table->type == TOML_TABLE ? find(table, key) : NULL;
}

const char *toml_type_name(const struct toml *value) {
    static const char *const names[] = {
        [TOML_STRING] = "str", [TOML_INTEGER] = "int",        [TOML_FLOAT] = "float", [TOML_BOOLEAN] = "bool",
        [TOML_ARRAY] = "list", [TOML_DATE_TIME] = "datetime", [TOML_TABLE] = "dict",
    };
    return names[value->type];
}
