#ifndef GRAPH_SHADOWS_H
#define GRAPH_SHADOWS_H

#include "base/map.h"

#include <stdint.h>

struct dists;
struct modules;

/*
 * Modules of the tree that lie in a folder of sys.path and have the name of a standard or installed one. The
 * standard library, pytest and every distribution may import them in place of what they mean, so that every
 * test with that folder on its path depends on them, whatever it imports itself.
 */
struct shadows {
    struct arena *arena;
    struct map folders; /* folder -> index into lists */
    struct {
        struct shadow_list {
            uint32_t *items; /* files of the scan */
            uint32_t len, cap;
        } * items;
        uint32_t len, cap;
    } lists;
};

void shadows_index(struct shadows *s, struct arena *a, const struct modules *m, const struct dists *d);
/* The files that shadow something in a folder, or NULL. */
const struct shadow_list *shadows_in(const struct shadows *s, const char *folder);

#endif
