#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/arena.h"

#include <stddef.h>
#include <stdint.h>

enum { MAP_NONE = UINT32_MAX };

/* Byte strings to numbers. Keys are copied into the arena; `struct map m = {.arena = &a}` is empty. */
struct map {
    struct arena *arena;
    struct map_slot *slots;
    uint32_t len, cap;
};

/* The value of the key, or MAP_NONE. */
uint32_t map_get(const struct map *m, const char *key, size_t n);
/* Sets the value unless the key is there already; returns the value that now stands. */
uint32_t map_add(struct map *m, const char *key, size_t n, uint32_t value);
/* Sets the value, whatever stood before. */
void map_set(struct map *m, const char *key, size_t n, uint32_t value);

/* Strings, each kept once and known by a number from 0 on, in the order of their first coming. */
struct intern {
    struct map map;
    struct {
        const char **items;
        uint32_t len, cap;
    } strings;
};

struct intern intern_new(struct arena *a);
uint32_t intern_add(struct intern *in, const char *s, size_t n);
uint32_t intern_find(const struct intern *in, const char *s, size_t n); /* MAP_NONE when it never came */
const char *intern_str(const struct intern *in, uint32_t id);

#endif
