#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/str.h"

/* The length of the UTF-8 character at s, 0 where there is none that a terminal would show. */
size_t text_char(const char *s);
/* Appends one line of s as a terminal can show it (#x1B for what controls it), at most `max` characters;
 * returns how many. */
size_t text_put(struct buf *b, const char *s, size_t n, size_t max);
/* How many characters UTF-8 text has. */
size_t text_columns(const char *s);
/* How many columns of a terminal the text takes at most: any letter that may be wide counts as two. */
size_t text_width(const char *s);

#endif
