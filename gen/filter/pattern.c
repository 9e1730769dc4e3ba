#include "filter/pattern.h"
#include "source/params.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_hole(char c) {
    return c == HOLE_ANY || c == HOLE_CLOSE || c == HOLE_MAYBE;
}

static bool same_letter(char a, char b) {
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static bool fits(char hole, char c) {
    return hole == HOLE_ANY || (c && strchr(HOLE_CLOSE_CHARACTERS, c)) ||
           (c && strchr(HOLE_CLOSE_CHARACTERS, toupper((unsigned char)c)));
}

/* Behind the hole at p. */
static const char *skip_hole(const char *p) {
    const char *end = *p == HOLE_MAYBE ? strchr(p, HOLE_END) : p;
    return end ? end + 1 : p + strlen(p);
}

/* Whether the word stands in one piece in the text between two holes. */
static bool surely_contains(const char *pattern, const char *word) {
    size_t n = strlen(word);
    for (const char *p = pattern; *p;) {
        size_t i = 0;
        while (i < n && p[i] && !is_hole(p[i]) && same_letter(p[i], word[i]))
            i++;
        if (i == n)
            return true;
        p = is_hole(*p) ? skip_hole(p) : p + 1;
    }
    return n == 0;
}

static bool in_words(const char *text, size_t n, const char *word) {
    size_t m = strlen(word);
    for (size_t i = 0; i + m <= n; i++)
        if (same_letter(text[i], *word) && strncasecmp(text + i, word, m) == 0)
            return true;
    return false;
}

static bool in_text(const char *text, const char *word) {
    char lower[256];
    size_t n = strlen(word);
    if (n >= sizeof lower)
        return true;
    for (size_t i = 0; i <= n; i++)
        lower[i] = (char)tolower((unsigned char)word[i]);
    return strstr(text, lower) != NULL;
}

/* Whether the hole at p may hold the whole word. */
static bool hole_holds(const char *p, const char *word, const struct strs *texts) {
    const char *middle = strchr(p, HOLE_FALLBACK), *end = skip_hole(p) - 1;
    if (!middle || in_words(p + 1, (size_t)(middle - p) - 1, word))
        return true;
    for (const char *s = middle + 1; s < end;) {
        char *next;
        unsigned long i = strtoul(s, &next, 10);
        if (next == s)
            break;
        if (i >= texts->len || in_text(texts->items[i], word))
            return true;
        s = next;
    }
    return false;
}

/* A value stands between brackets and dashes, so that a word without these lies in it or not at all. */
static bool lies_in_one(const char *word) {
    return !strpbrk(word, "[]-");
}

static enum hole kind_of(const char *p, const char *word, const struct strs *texts) {
    if (*p != HOLE_MAYBE)
        return *p == HOLE_ANY ? HOLE_ANY : HOLE_CLOSE;
    return !lies_in_one(word) || hole_holds(p, word, texts) ? HOLE_ANY : HOLE_CLOSE;
}

/* `reach[i]`: the first i characters of the word can end at this place of the pattern. */
static bool may_contain(const char *pattern, const char *word, const struct strs *texts) {
    size_t n = strlen(word);
    unsigned char *reach = calloc(n + 1, 1);
    bool found = !reach;
    for (const char *p = pattern; *p && !found;) {
        reach[0] = 1;
        if (is_hole(*p)) {
            enum hole kind = kind_of(p, word, texts);
            for (size_t i = 0; i < n; i++)
                reach[i + 1] |= reach[i] && fits((char)kind, word[i]);
            p = skip_hole(p);
        } else {
            for (size_t i = n; i > 0; i--)
                reach[i] = reach[i - 1] && same_letter(*p, word[i - 1]);
            p++;
        }
        found = reach[n];
    }
    free(reach);
    return found;
}

static bool is_ascii(const char *s) {
    for (; *s; s++)
        if (*s & 0x80)
            return false;
    return true;
}

enum answer3 pattern_contains(const char *pattern, const char *word, const struct strs *texts) {
    if (surely_contains(pattern, word))
        return ANSWER_YES;
    if (!is_ascii(word) && !is_ascii(pattern))
        return ANSWER_UNKNOWN;
    return strpbrk(pattern, (char[]){HOLE_ANY, HOLE_CLOSE, HOLE_MAYBE, 0}) &&
                   may_contain(pattern, word, texts)
               ? ANSWER_UNKNOWN
               : ANSWER_NO;
}
