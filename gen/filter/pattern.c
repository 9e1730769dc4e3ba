#include "filter/pattern.h"
#include "source/params.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_hole(char c) {
    return c == HOLE_ANY || c == HOLE_CLOSE;
}

static bool same_letter(char a, char b) {
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static bool fits(char hole, char c) {
    return hole == HOLE_ANY || (c && strchr(HOLE_CLOSE_CHARACTERS, c)) || (c && strchr(HOLE_CLOSE_CHARACTERS, toupper((unsigned char)c)));
}

/* Whether the word stands in one piece in the text between two holes. */
static bool surely_contains(const char *pattern, const char *word) {
    size_t n = strlen(word);
    for (const char *p = pattern; *p; p++) {
        size_t i = 0;
        while (i < n && p[i] && !is_hole(p[i]) && same_letter(p[i], word[i]))
            i++;
        if (i == n)
            return true;
    }
    return n == 0;
}

/* `reach[i]`: the first i characters of the word can end at this place of the pattern. */
static bool may_contain(const char *pattern, const char *word) {
    size_t n = strlen(word);
    unsigned char *reach = calloc(n + 1, 1);
    bool found = !reach;
    for (const char *p = pattern; *p && !found; p++) {
        reach[0] = 1;
        if (is_hole(*p)) {
            for (size_t i = 0; i < n; i++)
                reach[i + 1] |= reach[i] && fits(*p, word[i]);
        } else {
            for (size_t i = n; i > 0; i--)
                reach[i] = reach[i - 1] && same_letter(*p, word[i - 1]);
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

enum answer3 pattern_contains(const char *pattern, const char *word) {
    if (surely_contains(pattern, word))
        return ANSWER_YES;
    if (!is_ascii(word) && !is_ascii(pattern))
        return ANSWER_UNKNOWN;
    return strpbrk(pattern, (char[]){HOLE_ANY, HOLE_CLOSE, 0}) && may_contain(pattern, word) ? ANSWER_UNKNOWN : ANSWER_NO;
}
