#include "base/map.h"
#include "base/array.h"
#include "base/hash.h"

#include <string.h>

struct map_slot {
    const char *key;
    uint64_t hash;
    uint32_t len, value;
};

static struct map_slot *map_slot(const struct map *m, const char *key, size_t n, uint64_t hash) {
    uint32_t mask = m->cap - 1;
    for (uint32_t i = (uint32_t)hash & mask;; i = (i + 1) & mask) {
        struct map_slot *s = &m->slots[i];
        if (!s->key || (s->hash == hash && s->len == n && memcmp(s->key, key, n) == 0))
            return s;
    }
}

static void map_grow(struct map *m) {
    struct map old = *m;
    m->cap = old.cap ? old.cap * 2 : 64;
    m->slots = arena_alloc(m->arena, m->cap * sizeof *m->slots);
    for (uint32_t i = 0; i < old.cap; i++)
        if (old.slots[i].key)
            *map_slot(m, old.slots[i].key, old.slots[i].len, old.slots[i].hash) = old.slots[i];
}

uint32_t map_get(const struct map *m, const char *key, size_t n) {
    if (!m->len)
        return MAP_NONE;
    const struct map_slot *s = map_slot(m, key, n, hash_bytes(key, n));
    return s->key ? s->value : MAP_NONE;
}

static struct map_slot *map_claim(struct map *m, const char *key, size_t n, uint32_t value) {
    if (m->len * 4 >= m->cap * 3)
        map_grow(m);
    uint64_t hash = hash_bytes(key, n);
    struct map_slot *s = map_slot(m, key, n, hash);
    if (!s->key) {
        *s = (struct map_slot){arena_strndup(m->arena, key, n), hash, (uint32_t)n, value};
        m->len++;
    }
    return s;
}

uint32_t map_add(struct map *m, const char *key, size_t n, uint32_t value) {
    return map_claim(m, key, n, value)->value;
}

void map_set(struct map *m, const char *key, size_t n, uint32_t value) {
    map_claim(m, key, n, value)->value = value;
}

struct intern intern_new(struct arena *a) {
    return (struct intern){.map = {.arena = a}};
}

uint32_t intern_add(struct intern *in, const char *s, size_t n) {
    struct map_slot *slot = map_claim(&in->map, s, n, in->strings.len);
    if (slot->value == in->strings.len)
        array_push(in->map.arena, &in->strings, slot->key);
    return slot->value;
}

uint32_t intern_find(const struct intern *in, const char *s, size_t n) {
    return map_get(&in->map, s, n);
}

const char *intern_str(const struct intern *in, uint32_t id) {
    return in->strings.items[id];
}
