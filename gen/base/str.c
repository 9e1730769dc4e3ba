#include "base/str.h"
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void buf_reserve(struct buf *b, size_t more) {
    if (b->len + more + 1 <= b->cap)
        return;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < b->len + more + 1)
        cap *= 2;
    char *s = realloc(b->s, cap);
    if (!s)
        die("out of memory");
    b->s = s;
    b->cap = cap;
}

void buf_add(struct buf *b, const void *bytes, size_t n) {
    buf_reserve(b, n);
    if (n)
        memcpy(b->s + b->len, bytes, n);
    b->len += n;
    b->s[b->len] = 0;
}

void buf_str(struct buf *b, const char *s) {
    buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c) {
    buf_add(b, &c, 1);
}

void buf_fmt(struct buf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    buf_reserve(b, (size_t)n);
    va_start(ap, fmt);
    vsnprintf(b->s + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

void buf_reset(struct buf *b) {
    b->len = 0;
    if (b->s)
        b->s[0] = 0;
}

void buf_free(struct buf *b) {
    free(b->s);
    *b = (struct buf){0};
}

bool str_eq(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_starts(const char *s, const char *prefix) {
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix) {
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

/* The length of the character at s, of which n bytes are left; 0 when it is none. */
static size_t utf8_length(const unsigned char *s, size_t n) {
    if (*s < 0x80)
        return 1;
    size_t len = *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : 2;
    if (*s < 0xc2 || *s > 0xf4 || len > n)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (*s == 0xe0 && s[1] < 0xa0) || (*s == 0xf0 && s[1] < 0x90);
    bool outside = (*s == 0xed && s[1] >= 0xa0) || (*s == 0xf4 && s[1] >= 0x90);
    return overlong || outside ? 0 : len;
}

bool str_is_utf8(const char *s, size_t n) {
    for (size_t i = 0, len; i < n; i += len)
        if (!(len = utf8_length((const unsigned char *)s + i, n - i)))
            return false;
    return true;
}

struct strs str_words(struct arena *a, const char *s) {
    static const char space[] = " \t\r\n\f\v";
    struct strs words = {0};
    for (s += strspn(s, space); *s; s += strspn(s, space)) {
        size_t n = strcspn(s, space);
        array_push(a, &words, arena_strndup(a, s, n));
        s += n;
    }
    return words;
}

bool strs_has(const struct strs *list, const char *s) {
    for (uint32_t i = 0; i < list->len; i++)
        if (strcmp(list->items[i], s) == 0)
            return true;
    return false;
}

char *strs_join(struct arena *a, const struct strs *list, const char *between) {
    struct buf b = {0};
    buf_str(&b, "");
    for (uint32_t i = 0; i < list->len; i++)
        buf_fmt(&b, "%s%s", i ? between : "", list->items[i]);
    char *text = arena_strndup(a, b.s, b.len);
    buf_free(&b);
    return text;
}

void strs_split(struct arena *a, struct strs *list, const char *s, char separator) {
    const char stop[] = {separator, 0};
    while (*s) {
        size_t n = strcspn(s, stop);
        array_push(a, list, arena_strndup(a, s, n));
        s += n + (s[n] != 0);
    }
}

static int compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void strs_sort(struct strs *list) {
    if (list->len > 1)
        qsort(list->items, list->len, sizeof *list->items, compare);
}

enum { NEAR_MAX = 64 };

static unsigned edit_distance(const char *a, size_t n, const char *b, size_t m) {
    unsigned row[NEAR_MAX + 1];
    for (size_t j = 0; j <= m; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
        }
    }
    return row[m];
}

const char *str_nearest(const char *s, const struct strs *list) {
    size_t n = strlen(s);
    if (n > NEAR_MAX)
        return NULL;
    const char *nearest = NULL;
    unsigned least = (unsigned)(n / 3) + 1;
    for (uint32_t i = 0; i < list->len; i++) {
        size_t m = strlen(list->items[i]);
        if (m > NEAR_MAX || m > n + least || n > m + least)
            continue;
        unsigned d = edit_distance(s, n, list->items[i], m);
        if (d < least) {
            least = d;
            nearest = list->items[i];
        }
    }
    return nearest;
}

/* The character at s and its length: a byte that is no UTF-8 stands for itself, apart from every character,
 * as in Python. */
static uint32_t char_at(const char *s, size_t *len) {
    const unsigned char *u = (const unsigned char *)s;
    size_t n = *s ? utf8_length(u, strnlen(s, 4)) : 1;
    *len = n ? n : 1;
    if (n == 0)
        return 0xdc00u + *u;
    uint32_t c = n == 1 ? *u : *u & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (u[i] & 0x3fu);
    return c;
}

/* `p` is behind the '[' or "[!", `end` at the ']'. */
static bool in_class(const char *p, const char *end, uint32_t c) {
    while (p < end) {
        size_t n, m;
        uint32_t low = char_at(p, &n), high = low;
        p += n;
        if (*p == '-' && p + 1 < end) {
            high = char_at(p + 1, &m);
            p += 1 + m;
        }
        if (low <= c && c <= high)
            return true;
    }
    return false;
}

/* Matches one character at *s against one part of the pattern that is no star; moves both on. */
static bool match_one(const char **pattern, const char **s) {
    size_t n, m;
    uint32_t c = char_at(*s, &n), want = char_at(*pattern, &m);
    const char *first = *pattern + 1 + ((*pattern)[0] == '[' && (*pattern)[1] == '!');
    const char *end = want == '[' && *first ? strchr(first + 1, ']') : NULL;
    bool ok = end ? in_class(first, end, c) != (first[-1] == '!') : want == '?' || want == c;
    *pattern = end ? end + 1 : *pattern + m;
    *s += n;
    return ok;
}

bool str_fnmatch(const char *pattern, const char *s) {
    const char *star = NULL, *retry = NULL;
    for (;;) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = s;
            continue;
        }
        if (!*s && !*pattern)
            return true;
        if (*s && *pattern && match_one(&pattern, &s))
            continue;
        if (!star || !*retry)
            return false;
        size_t n;
        char_at(retry, &n);
        pattern = star;
        s = retry += n;
    }
}

void escape_shell(struct buf *b, const char *s) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+./,:@%=";
    if (*s && *s != '=' && strspn(s, plain) == strlen(s)) {
        buf_str(b, s);
        return;
    }
    buf_char(b, '\'');
    for (; *s; s++) {
        if (*s == '\'')
            buf_str(b, "'\\''");
        else
            buf_char(b, *s);
    }
    buf_char(b, '\'');
}

bool shell_split(struct arena *a, const char *s, struct strs *out) {
    struct buf word = {0};
    bool in_word = false, closed = true;
    for (char quote = 0;; s++) {
        bool space = *s && strchr(" \t\r\n", *s);
        if (!*s || (!quote && space)) {
            closed = !quote;
            if (in_word && closed)
                array_push(a, out, arena_strndup(a, word.s ? word.s : "", word.len));
            buf_reset(&word);
            in_word = false;
            if (!*s)
                break;
        } else if (quote ? *s == quote : *s == '"' || *s == '\'') {
            quote = quote ? 0 : *s;
            in_word = true;
        } else if (*s == '\\' && quote != '\'' && (!quote || !s[1] || s[1] == '"' || s[1] == '\\')) {
            closed = s[1];
            if (!closed)
                break;
            buf_char(&word, *++s);
            in_word = true;
        } else {
            buf_char(&word, *s);
            in_word = true;
        }
    }
    buf_free(&word);
    return closed;
}
