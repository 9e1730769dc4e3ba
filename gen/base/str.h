#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/array.h"

#include <stdbool.h>
#include <stddef.h>

/* A growing text on the heap, always ended by a NUL that `len` does not count; `struct buf b = {0}` is empty.
 */
struct buf {
    char *s;
    size_t len, cap;
};

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
__attribute__((format(printf, 2, 3))) void buf_fmt(struct buf *b, const char *fmt, ...);
/* Empties it and keeps the memory. */
void buf_reset(struct buf *b);
void buf_free(struct buf *b);

bool str_eq(const char *a, const char *b); /* either may be NULL; NULL equals only NULL */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* Whether the n bytes are UTF-8 as Python decodes it: no overlong form, no surrogate, nothing above U+10FFFF.
 */
bool str_is_utf8(const char *s, size_t n);
/* The words of s between white space, copied into the arena. */
struct strs str_words(struct arena *a, const char *s);
bool strs_has(const struct strs *list, const char *s);
char *strs_join(struct arena *a, const struct strs *list, const char *between);
/* Appends what stands between the separators; nothing where s is empty. */
void strs_split(struct arena *a, struct strs *list, const char *s, char separator);
/* Sorts by bytes. */
void strs_sort(struct strs *list);
/* The entry of `list` that s was most likely meant to be, or NULL when none is near (at most a third of its
 * letters). */
const char *str_nearest(const char *s, const struct strs *list);

/* Python's fnmatch.fnmatchcase: `*` also matches '/', `?`, `[seq]`, `[!seq]`. */
bool str_fnmatch(const char *pattern, const char *s);

/* Appends s as one word of a POSIX shell, quoted only where it must be. */
void escape_shell(struct buf *b, const char *s);
/* Splits as Python's shlex.split(s) does (POSIX mode, no comments); false when a quote is
   not closed or a backslash ends it. */
bool shell_split(struct arena *a, const char *s, struct strs *out);

#endif
