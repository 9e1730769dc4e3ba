#include "source/idtext.h"
#include "source/syntax.h"

#include <ctype.h>
#include <string.h>

/* How Python prints a number as it is written here: only forms that it prints unchanged. */
bool idtext_same_when_printed(const char *s, size_t n) {
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

void idtext_hole(struct idtext *t, enum hole hole) {
    buf_char(&t->id, (char)hole);
    t->exact = false;
}

static void put_number(struct idtext *t, const char *s, size_t n, bool negative) {
    if (!idtext_same_when_printed(s, n) || (negative && strspn(s, "0.") >= n)) {
        idtext_hole(t, HOLE_CLOSE);
        return;
    }
    buf_str(&t->id, negative ? "-" : "");
    buf_add(&t->id, s, n);
}

/* A character as pytest's escaping writes it (str.encode("unicode_escape")). */
static void put_character(struct idtext *t, uint32_t c) {
    t->exact &= c >= ' ' && c <= '~' && c != '\\';
    if (c >= ' ' && c <= '~')
        buf_str(&t->id, c == '\\' ? "\\\\" : (char[]){(char)c, 0});
    else if (c == '\n' || c == '\t' || c == '\r')
        buf_str(&t->id, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
    else if (c < 0x100)
        buf_fmt(&t->id, "\\x%02x", c);
    else if (c < 0x10000)
        buf_fmt(&t->id, "\\u%04x", c);
    else
        buf_fmt(&t->id, "\\U%08x", c);
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
static const char *put_escape(struct idtext *t, const char *s, const char *end, bool bytes) {
    static const char letters[] = "abfnrtv'\"\\", values[] = "\a\b\f\n\r\t\v'\"\\";
    const char *letter = strchr(letters, *s);
    uint32_t value;
    if (*s == '\n')
        return s + 1;
    if (letter) {
        put_character(t, (uint32_t)values[letter - letters]);
        return s + 1;
    }
    if (*s >= '0' && *s <= '7') {
        s = take_digits(s, end, 8, 3, &value);
    } else if (*s == 'x' || (!bytes && (*s == 'u' || *s == 'U'))) {
        s = take_digits(s + 1, end, 16, *s == 'x' ? 2 : *s == 'u' ? 4 : 8, &value);
    } else if (*s == 'N' && !bytes) {
        const char *close = memchr(s, '}', (size_t)(end - s)), *latin = strstr(s, "LATIN ");
        idtext_hole(t, latin && close && latin < close ? HOLE_ANY : HOLE_CLOSE);
        return close ? close + 1 : end;
    } else {
        put_character(t, '\\');
        return s;
    }
    put_character(t, value);
    return s;
}

static const char *put_utf8(struct idtext *t, const char *s, const char *end) {
    unsigned n = (*s & 0xe0) == 0xc0 ? 2 : (*s & 0xf0) == 0xe0 ? 3 : (*s & 0xf8) == 0xf0 ? 4 : 1;
    uint32_t c = n == 1 ? (unsigned char)*s : (uint32_t)(unsigned char)*s & (0xffu >> (n + 1));
    for (unsigned i = 1; i < n && s + i < end; i++)
        c = c << 6 | (s[i] & 0x3f);
    put_character(t, c);
    return s + n < end ? s + n : end;
}

static void put_characters(struct idtext *t, const char *s, size_t n, bool raw, bool bytes) {
    for (const char *end = s + n; s < end;)
        s = *s == '\\' && !raw && s + 1 < end ? put_escape(t, s + 1, end, bytes) : put_utf8(t, s, end);
}

static void put_string(struct idtext *t, TSNode node, const char *text) {
    const char *s = text + ts_node_start_byte(node), *prefix = s;
    size_t n = syntax_length(node);
    while (isalpha((unsigned char)*s))
        s++;
    size_t flags = (size_t)(s - prefix), quotes = n - flags >= 6 && s[1] == *s && s[2] == *s ? 3 : 1;
    if (memchr(prefix, 'f', flags) || memchr(prefix, 'F', flags) || n < flags + 2 * quotes) {
        idtext_hole(t, HOLE_ANY);
        return;
    }
    if (n == flags + 2 * quotes)
        idtext_hole(t, HOLE_CLOSE); /* pytest's versions differ for an empty text */
    bool raw = memchr(prefix, 'r', flags) || memchr(prefix, 'R', flags);
    bool bytes = memchr(prefix, 'b', flags) || memchr(prefix, 'B', flags);
    put_characters(t, s + quotes, n - flags - 2 * quotes, raw, bytes);
}

static void put_strings(struct idtext *t, TSNode node, const char *text) {
    TSNode part;
    for (struct syntax_items i = syntax_items(node); syntax_next(&i, &part);)
        put_string(t, part, text);
}

static void put_value_hole(struct idtext *t, TSNode node, const char *text, bool call, const char *fallback) {
    size_t from = t->id.len;
    idtext_hole(t, HOLE_VALUE);
    if (!syntax_dotted(node, text, &t->id)) {
        t->id.len = from;
        idtext_hole(t, HOLE_ANY);
        return;
    }
    buf_str(&t->id, call ? "()" : "");
    buf_char(&t->id, HOLE_FALLBACK);
    buf_str(&t->id, fallback);
    buf_char(&t->id, HOLE_END);
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

static bool is_number(TSNode node) {
    return syntax_is(node, KIND_INTEGER) || syntax_is(node, KIND_FLOAT);
}

/* What an operator gives that takes no text beside a number: a number, or an object. */
static bool is_arithmetic(TSNode node, const char *text) {
    if (!syntax_has_type(node, "binary_operator"))
        return false;
    char operator= text[ts_node_start_byte(syntax_field(node, "operator"))];
    return strchr("+-/", operator) &&
           (is_number(syntax_field(node, "left")) || is_number(syntax_field(node, "right")));
}

static void put_maybe(struct idtext *t, const char *words) {
    idtext_hole(t, HOLE_MAYBE);
    buf_str(&t->id, words);
    buf_char(&t->id, HOLE_FALLBACK);
    buf_char(&t->id, HOLE_END);
}

/* The id of what a call returns; of a compiled expression its pattern. */
static void put_call(struct idtext *t, TSNode call, const char *text, const char *fallback) {
    call = without_replace(call, text);
    TSNode function = syntax_field(call, "function"), first = {0};
    struct syntax_items arguments = syntax_items(syntax_field(call, "arguments"));
    if (is_dotted(function, text, "re.compile") && syntax_next(&arguments, &first) &&
        syntax_is(first, KIND_STRING))
        idtext_value(t, first, text, fallback);
    else
        put_value_hole(t, function, text, true, fallback);
    t->exact = false;
}

static bool is_object(TSNode node) {
    static const char *const types[] = {
        "dictionary",        "set",      "list_comprehension",  "dictionary_comprehension",
        "set_comprehension", "ellipsis", "generator_expression"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (syntax_has_type(node, types[i]))
            return true;
    return syntax_is_sequence(node);
}

/* Appends the id of one value. */
void idtext_value(struct idtext *t, TSNode node, const char *text, const char *fallback) {
    node = syntax_unwrapped(node);
    if (ts_node_is_null(node)) {
        idtext_hole(t, HOLE_ANY);
        return;
    }
    const char *s = text + ts_node_start_byte(node);
    TSNode number = syntax_is(node, KIND_UNARY) ? syntax_field(node, "argument") : node;
    bool numeric = syntax_is(number, KIND_INTEGER) || syntax_is(number, KIND_FLOAT);
    enum kind kind = syntax_kind(node);
    if (kind == KIND_TRUE || kind == KIND_FALSE || kind == KIND_NONE) {
        buf_add(&t->id, s, syntax_length(node));
    } else if (numeric && (kind != KIND_UNARY || *s == '-')) {
        put_number(t, text + ts_node_start_byte(number), syntax_length(number), kind == KIND_UNARY);
    } else if (numeric) {
        idtext_hole(t, HOLE_CLOSE);
    } else if (kind == KIND_STRING) {
        put_string(t, node, text);
    } else if (kind == KIND_CONCATENATED) {
        put_strings(t, node, text);
    } else if (is_object(node)) {
        t->exact = false;
        buf_str(&t->id, fallback);
    } else if (syntax_has_type(node, "lambda")) {
        t->exact = false;
        buf_str(&t->id, "<lambda>");
    } else if (kind == KIND_CALL) {
        put_call(t, node, text, fallback);
    } else if (is_arithmetic(node, text)) {
        put_maybe(t, fallback);
    } else if (syntax_has_type(node, "binary_operator") &&
               text[ts_node_start_byte(syntax_field(node, "operator"))] == '/' &&
               syntax_is(syntax_field(node, "right"), KIND_STRING)) {
        t->exact = false;
        buf_str(&t->id, fallback);
    } else {
        put_value_hole(t, node, text, false, fallback);
    }
}
