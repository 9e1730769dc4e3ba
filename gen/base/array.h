#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include "base/arena.h"

#include <stdint.h>
#include <string.h>

/*
 * A typed array that grows inside an arena: `ARRAY(struct edge) edges = {0}; array_push(&arena, &edges, e);`.
 * Growing copies, so pointers into it last only until the next push; what was outgrown stays in the arena.
 */
#define ARRAY(T)           \
    struct {               \
        T *items;          \
        uint32_t len, cap; \
    }

struct strs {
    const char **items;
    uint32_t len, cap;
};

#define array_push(arena, a, ...)                                                        \
    do {                                                                                 \
        if ((a)->len == (a)->cap)                                                        \
            (a)->items = array_grow((arena), (a)->items, &(a)->cap, sizeof *(a)->items); \
        (a)->items[(a)->len++] = (__VA_ARGS__);                                          \
    } while (0)

#define ARRAY_FOR(T, p, a) for (T *p = (a)->items; p && p < (a)->items + (a)->len; p++)

static inline void *array_grow(struct arena *arena, const void *items, uint32_t *cap, size_t size) {
    uint32_t grown = *cap ? *cap * 2 : 8;
    void *p = arena_alloc(arena, grown * size);
    if (items)
        memcpy(p, items, *cap * size);
    *cap = grown;
    return p;
}

#endif
