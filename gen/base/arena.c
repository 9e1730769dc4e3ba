#include "base/arena.h"
#include "base/diag.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 2 * 1024, BLOCK = 64 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) char data[];
};

/* What is larger than a block has one of its own, which is zero from the start. */
static struct arena_block *new_block(size_t room, bool zeroed) {
    struct arena_block *b = zeroed ? calloc(1, sizeof *b + room) : malloc(sizeof *b + room);
    if (!b)
        die("out of memory");
    *b = (struct arena_block){.size = room};
    return b;
}

void *arena_alloc(struct arena *a, size_t size) {
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct arena_block *b = a->head;
    size_t next = !b ? FIRST_BLOCK : b->size < BLOCK / 4 ? b->size * 4 : BLOCK;
    bool fits = b && b->size - b->used >= size, large = !fits && size > next;
    if (!fits) {
        b = new_block(large ? size : next, large);
        struct arena_block **at = a->head && large ? &a->head->next : &a->head;
        b->next = *at;
        *at = b;
    }
    void *p = b->data + b->used;
    b->used += size;
    return large ? p : memset(p, 0, size); /* now, for much of a block may never be touched */
}

char *arena_strndup(struct arena *a, const char *s, size_t n) {
    char *p = arena_alloc(a, n + 1);
    if (n)
        memcpy(p, s, n);
    return p;
}

char *arena_strdup(struct arena *a, const char *s) {
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

void arena_free(struct arena *a) {
    for (struct arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    a->head = NULL;
}
