#ifndef SOURCE_SCANNER_H
#define SOURCE_SCANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIRECTIVES_MOST = 16 };

/* One logical line of Python: what stands up to the line break that ends a statement. */
struct logical_line {
    size_t end;                         /* the byte after its line break, or the end of the source */
    size_t code_end;                    /* the byte after its last token */
    size_t first_open, first_close;     /* the first pair of brackets, or 0 */
    uint32_t breaks;                    /* how many line breaks it holds, its own included */
    size_t directives[DIRECTIVES_MOST]; /* where comments that say `testfan:` begin */
    unsigned n_directives;
    bool opens_block; /* its last token is a ':' outside brackets */
    bool has_import;  /* an import, or an assignment that is a fact, begins after a ';', ':' or '=' */
    bool has_call;    /* a call that is a fact, with a string literal first */
};

/* Reads the logical line that begins at s[at]; false where it is not sure. s[n] is a NUL. */
bool scan_line(const char *s, size_t n, size_t at, struct logical_line *line);

/* How many line breaks stand between two places. */
uint32_t count_breaks(const char *from, const char *to);
/* Whether the comment at s says `testfan:`. */
bool starts_directive(const char *s);
/* Whether a statement that begins at s is an import. */
bool starts_import(const char *s);
/* Whether it begins with a name whose assignment is a fact. */
bool starts_assignment(const char *s);
/* The place after the blanks and continuations, or after the letters and digits, that stand at s[at]. */
size_t skip_blank(const char *s, size_t at);
size_t skip_word(const char *s, size_t at);
/* Whether the word `word` stands at s, and ends there. */
bool starts_word(const char *s, const char *word);
/* The same for any word of a list that ends in NULL. */
bool starts_any(const char *s, const char *const *words);
/* Whether the statement is a further branch of a compound statement. */
bool continues_compound(const char *s);

#endif
