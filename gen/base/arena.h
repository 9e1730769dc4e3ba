#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdarg.h>

/*
 * Memory that is given back all at once. Two arenas serve a whole run: one for what lives until the end, one
 * for what a stage needs meanwhile. Not safe between threads: a thread has an arena of its own.
 */
struct arena {
    struct arena_block *head;
};

/* Zeroed memory, aligned for any type; never NULL: ends the program when there is none left. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy of the n bytes at s, with a NUL after them. */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s);
__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *a, const char *fmt, ...);
/* Gives everything back; the arena is empty and can be used again. */
void arena_free(struct arena *a);

#endif
