#include "source/scanner.h"

#include <string.h>

enum { DEEPEST_BRACKET = 200, DEEPEST_STRING = 32 };

enum byte_class {
    PLAIN,
    QUOTE,
    HASH,
    BREAK,
    OPEN,
    CLOSE,
    BACKSLASH,
    COLON,
    SEMICOLON,
    EQUALS,
    SPACE,
    UNSURE
};

static const unsigned char classes[256] = {
    ['\''] = QUOTE,    ['"'] = QUOTE,  ['#'] = HASH,   ['\n'] = BREAK, ['('] = OPEN,       ['['] = OPEN,
    ['{'] = OPEN,      [')'] = CLOSE,  [']'] = CLOSE,  ['}'] = CLOSE,  ['\\'] = BACKSLASH, [':'] = COLON,
    [';'] = SEMICOLON, [' '] = SPACE,  ['\t'] = SPACE, ['\f'] = SPACE, ['\r'] = SPACE,     [0] = UNSURE,
    ['='] = EQUALS,    ['$'] = UNSURE, ['?'] = UNSURE, ['`'] = UNSURE,
};

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

bool starts_word(const char *s, const char *word) {
    size_t n = strlen(word);
    return strncmp(s, word, n) == 0 && !is_word(s[n]);
}

bool starts_any(const char *s, const char *const *words) {
    for (; *words; words++)
        if (*s == **words && starts_word(s, *words))
            return true;
    return false;
}

bool continues_compound(const char *s) {
    static const char *const words[] = {"elif", "else", "except", "finally", NULL};
    return (*s == 'e' || *s == 'f') && starts_any(s, words);
}

bool starts_directive(const char *s) {
    for (s++; *s == ' ' || *s == '\t'; s++) {
    }
    return strncmp(s, "testfan:", 8) == 0;
}

bool starts_import(const char *s) {
    return (*s == 'i' && starts_word(s, "import")) || (*s == 'f' && starts_word(s, "from"));
}

bool starts_assignment(const char *s) {
    static const char *const names[] = {"pytestmark", "pytest_plugins", "__test__",
                                        "__all__",    "collect_ignore", "collect_ignore_glob"};
    if (*s != 'p' && *s != '_' && *s != 'c')
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (starts_word(s, names[i]))
            return true;
    return false;
}

struct scanner {
    const char *s;
    size_t n;
    bool has_call; /* in a replacement field */
};

uint32_t count_breaks(const char *from, const char *to) {
    uint32_t n = 0;
    while ((from = memchr(from, '\n', (size_t)(to - from)))) {
        n++;
        from++;
    }
    return n;
}

size_t skip_blank(const char *s, size_t at) {
    for (;; at++) {
        if (s[at] == '\\' && s[at + 1] == '\n')
            at++;
        else if (s[at] == '\\' && s[at + 1] == '\r' && s[at + 2] == '\n')
            at += 2;
        else if (s[at] != ' ' && s[at] != '\t' && s[at] != '\f' && s[at] != '\r')
            return at;
    }
}

size_t skip_word(const char *s, size_t at) {
    while (is_word(s[at]))
        at++;
    return at;
}

/* Whether the arguments that begin at s[at] may begin with a string literal. */
static bool begins_string(const char *s, size_t at) {
    while (s[at] == ' ' || s[at] == '\t' || s[at] == '\n' || s[at] == '\r' || s[at] == '\f')
        at++;
    if (s[at] == '#' || s[at] == '\\' || s[at] == '(')
        return true;
    at = skip_word(s, at);
    return s[at] == '\'' || s[at] == '"' || s[skip_blank(s, at)] == '=';
}

/* The place after the last thing before s[at] that is no blank. */
static size_t skip_back(const char *s, size_t at) {
    while (at > 0 && strchr(" \t\f\r\n\\", s[at - 1]))
        at--;
    return at;
}

/* Whether the '(' at s[at], before which `end` is the end of what is no blank, opens a call that
 * source/facts.h calls a reference. */
static bool is_reference(const char *s, size_t at, size_t end) {
    static const char *const names[] = {"import_module", "__import__", "importorskip", "patch",   "setattr",
                                        "delattr",       "find_spec",  "dict",         "multiple"};
    if (end == 0 || !strchr("e_phrtc", s[end - 1]))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (end >= n && memcmp(s + end - n, names[i], n) == 0 && (end == n || !is_word(s[end - n - 1])) &&
            (i < 7 || (end > n && strchr(". \t\n\\", s[end - n - 1]))))
            return i < 2 ? s[at + 1] != ')' : begins_string(s, at + 1);
    }
    return false;
}

/* The letters before a quote that belong to the string: r, b, u, f, t in any mixture. */
struct prefix {
    bool raw, fields;
};

static bool read_prefix(const char *s, size_t quote, struct prefix *p) {
    *p = (struct prefix){false, false};
    size_t from = quote;
    while (from > 0 && is_word(s[from - 1]) && quote - from < 3)
        from--;
    if (quote - from > 2)
        return true;
    for (size_t i = from; i < quote; i++) {
        char c = (char)(s[i] | 32);
        p->raw |= c == 'r';
        p->fields |= c == 'f' || c == 't';
        if (!strchr("rbuft", c)) {
            *p = (struct prefix){false, false};
            return true;
        }
    }
    return true;
}

static size_t skip_string(struct scanner *sc, size_t at, unsigned depth);

/* A replacement field, from after its '{' to after its '}'; 0 where it is not sure. */
static size_t skip_field(struct scanner *sc, size_t at, char quote, bool triple, unsigned depth) {
    char open[DEEPEST_BRACKET];
    unsigned brackets = 0;
    bool spec = false;
    if (depth > DEEPEST_STRING)
        return 0;
    while (at < sc->n) {
        char c = sc->s[at];
        if (spec) {
            if (c == '{') {
                if (!(at = skip_field(sc, at + 1, quote, triple, depth + 1)))
                    return 0;
                continue;
            }
            if (c == '}')
                return at + 1;
            if ((c == quote && !triple) || c == '\\' || (c == '\n' && !triple) ||
                (c == quote && sc->s[at + 1] == quote))
                return 0;
            at++;
            continue;
        }
        switch (classes[(unsigned char)c]) {
        case QUOTE:
            if (!(at = skip_string(sc, at, depth + 1)))
                return 0;
            continue;
        case OPEN:
            if (brackets == DEEPEST_BRACKET)
                return 0;
            open[brackets++] = c;
            sc->has_call |= c == '(' && is_reference(sc->s, at, skip_back(sc->s, at));
            break;
        case CLOSE:
            if (!brackets)
                return c == '}' ? at + 1 : 0;
            if (open[--brackets] != (c == ')' ? '(' : c == ']' ? '[' : '{'))
                return 0;
            break;
        case COLON:
            spec = !brackets && sc->s[at + 1] != '=';
            break;
        case HASH:
        case BACKSLASH:
        case UNSURE:
            return 0;
        case BREAK:
            if (!triple)
                return 0;
            break;
        default:
            break;
        }
        at++;
    }
    return 0;
}

/* The bytes that can mean something in a string. */
static const bool stops[256] = {
    ['\''] = true, ['"'] = true, ['\\'] = true, ['\n'] = true, ['{'] = true, [0] = true};

/* From the opening quote to after the closing one; 0 where it is not sure. */
static size_t skip_string(struct scanner *sc, size_t at, unsigned depth) {
    const char *s = sc->s;
    char quote = s[at];
    bool triple = s[at + 1] == quote && s[at + 2] == quote;
    struct prefix prefix;
    if (!read_prefix(s, at, &prefix))
        return 0;
    if (!triple && s[at + 1] == quote)
        return at + 2;
    at += triple ? 3 : 1;
    while (at < sc->n) {
        while (!stops[(unsigned char)s[at]])
            at++;
        char c = s[at];
        if (c == '\\') {
            if (prefix.fields && !prefix.raw && s[at + 1] == 'N' && s[at + 2] == '{') {
                const char *end = memchr(s + at, '}', sc->n - at);
                if (!end || memchr(s + at, '\n', (size_t)(end - s) - at))
                    return 0;
                at = (size_t)(end - s) + 1;
                continue;
            }
            if (prefix.fields && s[at + 1] == '{') {
                at++;
                continue;
            }
            at += s[at + 1] == '\r' && s[at + 2] == '\n' ? 3 : 2;
        } else if (c == quote) {
            if (!triple)
                return at + 1;
            if (s[at + 1] == quote && s[at + 2] == quote)
                return at + 3;
            at++;
        } else if (c == '\n' && !triple) {
            return 0;
        } else if (c == '{' && prefix.fields) {
            if (s[at + 1] == '{')
                at += 2;
            else if (!(at = skip_field(sc, at + 1, quote, triple, depth)))
                return 0;
        } else if (c == 0) {
            return 0;
        } else {
            at++;
        }
    }
    return 0;
}

static void end_line(const char *s, size_t at, struct logical_line *line) {
    if (!line->code_end)
        line->code_end = at;
    while (strchr(" \t\f\r", s[line->code_end - 1]))
        line->code_end--;
}

bool scan_line(const char *s, size_t n, size_t at, struct logical_line *line) {
    struct scanner sc = {s, n, false};
    char open[DEEPEST_BRACKET];
    unsigned depth = 0;
    size_t start = at, hash = 0, hash_end = 0;
    bool multi = false;
    line->code_end = line->first_open = line->first_close = 0;
    line->n_directives = 0;
    line->opens_block = line->has_import = line->has_call = false;
    for (;;) {
        while (classes[(unsigned char)s[at]] == PLAIN || s[at] == ' ') {
            line->opens_block &= s[at] == ' ';
            at++;
        }
        switch (classes[(unsigned char)s[at]]) {
        case QUOTE:
            line->opens_block = false;
            size_t after = skip_string(&sc, at, 0);
            if (!after)
                return false;
            multi |= memchr(s + at, '\n', after - at) != NULL;
            line->has_call |= sc.has_call;
            at = after;
            break;
        case HASH: {
            const char *end = memchr(s + at, '\n', n - at);
            if (starts_directive(s + at)) {
                if (line->n_directives == DIRECTIVES_MOST)
                    return false;
                line->directives[line->n_directives++] = at;
            }
            if (!depth)
                line->code_end = at;
            hash = at;
            at = hash_end = end ? (size_t)(end - s) : n;
            break;
        }
        case BREAK:
            at++;
            if (depth == 0) {
                end_line(s, at - 1, line);
                line->end = at;
                line->breaks = multi ? count_breaks(s + start, s + at) : 1;
                return true;
            }
            multi = true;
            break;
        case OPEN:
            line->opens_block = false;
            if (depth == DEEPEST_BRACKET)
                return false;
            open[depth++] = s[at];
            if (!line->first_open)
                line->first_open = at;
            if (s[at] == '(' && !line->has_call) {
                size_t before = skip_back(s, at);
                if (before == hash_end && hash_end)
                    before = skip_back(s, hash);
                line->has_call = is_reference(s, at, before);
            }
            at++;
            break;
        case CLOSE:
            line->opens_block = false;
            if (!depth || open[--depth] != (s[at] == ')' ? '(' : s[at] == ']' ? '[' : '{'))
                return false;
            if (!depth && !line->first_close)
                line->first_close = at;
            at++;
            break;
        case BACKSLASH: {
            size_t step = s[at + 1] == '\n' ? 2 : s[at + 1] == '\r' && s[at + 2] == '\n' ? 3 : 0;
            line->opens_block = false;
            at += step;
            if (!step || at >= n)
                return false;
            multi = true;
            break;
        }
        case EQUALS:
            line->opens_block = false;
            line->has_import |= depth == 0 && starts_assignment(s + skip_blank(s, at + 1));
            at++;
            break;
        case COLON:
        case SEMICOLON:
            if (depth == 0) {
                const char *next = s + skip_blank(s, at + 1);
                line->opens_block = s[at] == ':';
                line->has_import |= starts_import(next) || starts_assignment(next);
            }
            at++;
            break;
        case SPACE:
            at++;
            break;
        default:
            if (at < n || depth)
                return false;
            end_line(s, n, line);
            line->end = n;
            line->breaks = multi ? count_breaks(s + start, s + n) : 0;
            return true;
        }
    }
}
