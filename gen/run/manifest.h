#ifndef RUN_MANIFEST_H
#define RUN_MANIFEST_H

#include "base/str.h"
#include "graph/inputs.h"

#include <stdbool.h>

struct witness;

/*
 * What is known of a key: results, each with the inputs that its run needed beyond what the key says. A list
 * of (input, how it is hashed): graph/inputs.h has the kinds. As text: a first line with the key, the digest
 * of the rest, and for each result a line `result SHA256` and a line for each input.
 */
struct manifest_entry {
    const char *result; /* the SHA-256 of its bytes */
    struct inputs inputs;
};

struct manifest {
    struct manifest_entry *items; /* the newest first */
    uint32_t len, cap;
};

enum { MANIFEST_ENTRIES = 32 };

/* False, and an empty manifest, when the text is damaged or of another key. Strings point into `text`, which
 * is changed. */
bool manifest_read(struct arena *a, char *text, size_t n, const char *key, struct manifest *m);
void manifest_write(struct buf *b, const struct manifest *m, const char *key);
/* Puts a result in front; one with the same inputs goes, and so does the last of too many. */
void manifest_add(struct arena *a, struct manifest *m, const struct manifest_entry *entry);
/* The first result all of whose inputs are as they were, or NULL. */
const struct manifest_entry *manifest_find(const struct manifest *m, struct witness *w);

#endif
