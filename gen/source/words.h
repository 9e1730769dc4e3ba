#ifndef SOURCE_WORDS_H
#define SOURCE_WORDS_H

#include <stddef.h>

struct facts_builder;

/*
 * Gathers the words of string literals that may name a file, a folder or a module: each part of a literal
 * that has a '.' or a '/' between letters, and whole literals that are one plain name. Strings that stand as
 * statements (docstrings) are left out, comments too. Knows strings, brackets and comments alone, so that it
 * gives the same for a file with syntax errors. s[n] is a NUL.
 */
void words_scan(struct facts_builder *b, const char *s, size_t n);

#endif
