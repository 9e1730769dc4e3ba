#define _GNU_SOURCE /* for memmem */

#include "source/words.h"
#include "base/map.h"
#include "source/facts.h"

#include <stdbool.h>
#include <string.h>

enum { WORD_LONGEST = 200, NAME_LONGEST = 64, WORDS_MOST = 20000 };

struct scan {
    struct facts_builder *b;
    const char *s, *end;
    const char *line_start;
    uint32_t line;
    unsigned depth;
    bool first;                 /* nothing of the statement has been seen yet */
    bool run;                   /* the last literal was "-m" */
    uint32_t about_line, about; /* a line, and the enum fact_word_flag of its words */
    struct arena scratch;
    struct map seen;
};

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool is_letter(char c) {
    return is_name(c) && !(c >= '0' && c <= '9');
}

static bool is_word(char c) {
    return is_name(c) || c == '.' || c == '/' || c == '-' || c == '+' || c == '@';
}

static bool has(const char *s, size_t n, const char *part) {
    return memmem(s, n, part, strlen(part)) != NULL;
}

/* What the words of the line at work are about. */
static uint32_t line_flags(struct scan *w) {
    static const char *const places[] = {"path", "Path", "__file__", "dir", "Dir",
                                         "load", "Load", "join",     " / "};
    if (w->about_line == w->line)
        return w->about;
    const char *s = w->line_start, *end = memchr(s, '\n', (size_t)(w->end - s));
    size_t n = (size_t)((end ? end : w->end) - s);
    w->about_line = w->line;
    w->about = has(s, n, "sys.path") || has(s, n, "syspath") ? WORD_SEARCHED : 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        w->about |= has(s, n, places[i]) ? WORD_PLACE : 0;
    return w->about;
}

static void add_word(struct scan *w, const char *s, size_t n, uint32_t flags) {
    if (w->b->words.len >= WORDS_MOST || !n || n > WORD_LONGEST)
        return;
    flags |= line_flags(w);
    uint32_t before = map_get(&w->seen, s, n);
    if (before != MAP_NONE && (before | flags) == before)
        return;
    map_set(&w->seen, s, n, before == MAP_NONE ? flags : before | flags);
    fact_str text = facts_add_text(w->b, s, (uint32_t)n);
    array_push(w->b->arena, &w->b->words, (struct fact_word){text, w->line, flags});
}

/* A part of a literal between characters that no path or dotted name has. */
static void take_part(struct scan *w, const char *s, size_t n) {
    bool joined = false, letter = false;
    while (n && (s[n - 1] == '.' || s[n - 1] == '/' || s[n - 1] == '-'))
        n--;
    while (n && (*s == '/' || *s == '-' || (*s == '.' && s[1] == '/' && n > 1))) {
        size_t skip = *s == '.' ? 2 : 1;
        s += skip;
        n -= skip;
    }
    for (size_t i = 0; i < n; i++) {
        joined |= s[i] == '.' || s[i] == '/';
        letter |= is_letter(s[i]);
    }
    if (joined && letter && n > 2 && (is_letter(*s) || memchr(s, '/', n) || *s == '.'))
        add_word(w, s, n, 0);
}

static void take_literal(struct scan *w, const char *s, const char *end, bool raw) {
    size_t n = (size_t)(end - s);
    bool plain = n >= 2 && n <= NAME_LONGEST && is_letter(*s);
    for (size_t i = 0; i < n && plain; i++)
        plain = is_name(s[i]) || s[i] == '-';
    bool run = w->run;
    w->run = n == 2 && s[0] == '-' && s[1] == 'm';
    if (plain || run) {
        add_word(w, s, n, run ? WORD_RUN : 0);
        return;
    }
    for (const char *p = s; p < end;) {
        if (*p == '\\' && !raw) {
            p += 2;
            continue;
        }
        const char *from = p;
        while (p < end && is_word(*p))
            p++;
        if (p > from)
            take_part(w, from, (size_t)(p - from));
        else
            p++;
    }
}

/* Reads the string whose first quote is at `s`; returns what follows it. */
static const char *take_string(struct scan *w, const char *s, bool raw) {
    char quote = *s;
    bool triple = s[1] == quote && s[2] == quote, statement = w->first && !w->depth;
    const char *from = s + (triple ? 3 : 1), *p = from;
    uint32_t lines = 0;
    const char *line_start = w->line_start;
    for (; p < w->end; p++) {
        if (*p == '\\' && p + 1 < w->end)
            p++;
        else if (*p == quote && (!triple || (p[1] == quote && p[2] == quote)))
            break;
        if (*p == '\n') {
            if (!triple && p[-1] != '\\')
                break;
            lines++;
            line_start = p + 1;
        }
    }
    if (p > w->end)
        p = w->end;
    if (!statement)
        take_literal(w, from, p, raw);
    w->first = false;
    w->line += lines;
    w->line_start = line_start;
    if (p < w->end && *p == quote)
        p += triple ? 3 : 1;
    return p < w->end ? p : w->end;
}

static bool is_prefix(const char *s, size_t n) {
    if (n > 2)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!strchr("rRbBuUfFtT", s[i]))
            return false;
    return true;
}

static bool is(const char *s, size_t n, const char *word) {
    return strlen(word) == n && memcmp(s, word, n) == 0;
}

static const char *take_name(struct scan *w, const char *s) {
    const char *p = s;
    while (p < w->end && is_name(*p))
        p++;
    size_t n = (size_t)(p - s);
    if ((*p == '"' || *p == '\'') && is_prefix(s, n))
        return take_string(w, p, memchr(s, 'r', n) || memchr(s, 'R', n));
    if (is(s, n, "shared_datadir"))
        add_word(w, "data", 4, 0);
    if (is(s, n, "__getattr__") && s - w->line_start == 4 && memcmp(w->line_start, "def ", 4) == 0)
        w->b->flags |= FACT_LAZY;
    w->first = false;
    return p;
}

void words_scan(struct facts_builder *b, const char *s, size_t n) {
    struct scan w = {.b = b, .s = s, .end = s + n, .line_start = s, .line = 1, .first = true};
    w.seen.arena = &w.scratch;
    for (const char *p = s; p < w.end;) {
        char c = *p;
        if (c == '\n') {
            w.line++;
            w.line_start = p + 1;
            w.first |= !w.depth;
        } else if (c == '#') {
            const char *end = memchr(p, '\n', (size_t)(w.end - p));
            p = end ? end : w.end;
            continue;
        } else if (c == '"' || c == '\'') {
            p = take_string(&w, p, false);
            continue;
        } else if (is_name(c)) {
            p = take_name(&w, p);
            continue;
        } else if (c == '\\' && p[1] == '\n') {
            p++;
            w.line++;
            w.line_start = p + 1;
        } else if (c != ' ' && c != '\t') {
            w.depth += c == '(' || c == '[' || c == '{';
            w.depth -= w.depth && (c == ')' || c == ']' || c == '}');
            w.first = c == ';' && !w.depth;
        }
        p++;
    }
    arena_free(&w.scratch);
}
