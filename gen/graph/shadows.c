#include "graph/shadows.h"
#include "base/array.h"
#include "base/os.h"
#include "graph/dists.h"
#include "graph/modules.h"
#include "source/python.h"
#include "source/scan.h"

#include <string.h>

static bool known_outside(const struct dists *d, const char *name, size_t n) {
    return map_get(&d->python->stdlib, name, n) != MAP_NONE || map_get(&d->providers, name, n) != MAP_NONE;
}

static void add(struct shadows *s, const char *folder, uint32_t file) {
    uint32_t i = map_add(&s->folders, folder, strlen(folder), s->lists.len);
    if (i == s->lists.len)
        array_push(s->arena, &s->lists, (struct shadow_list){0});
    array_push(s->arena, &s->lists.items[i], file);
}

void shadows_index(struct shadows *s, struct arena *a, const struct modules *m, const struct dists *d) {
    *s = (struct shadows){.arena = a, .folders = {.arena = a}};
    for (uint32_t i = 0; i < m->scan->files.len; i++) {
        const char *path = m->scan->files.items[i].path, *folder = os_dirname(a, path);
        const char *name = os_basename(path);
        size_t n = strlen(name) - 3;
        if (strcmp(name, "__init__.py") == 0) {
            name = os_basename(folder);
            n = strlen(name);
            folder = os_dirname(a, folder);
        }
        bool searched =
            map_get(&m->base_of, folder, strlen(folder)) != MAP_NONE || strs_has(&m->roots, folder);
        if (n && searched && known_outside(d, name, n))
            add(s, folder, i);
    }
}

const struct shadow_list *shadows_in(const struct shadows *s, const char *folder) {
    uint32_t i = map_get(&s->folders, folder, strlen(folder));
    return i == MAP_NONE ? NULL : &s->lists.items[i];
}
