#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

#include <stddef.h>

/* A file of templates/ or rules/ that the binary carries. */
struct embedded_file {
    const char *name; /* without its folder */
    const char *text; /* ends with a NUL that `len` does not count */
    size_t len;
};

/* Every embedded file, sorted as named by the Makefile; the last one has no name. */
extern const struct embedded_file embedded_files[];

/* The text of one that must be there. */
const char *embedded_text(const char *name);

#endif
