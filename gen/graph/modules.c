#include "graph/modules.h"
#include "base/os.h"
#include "source/config.h"
#include "source/python.h"
#include "source/scan.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

uint32_t modules_file(const struct modules *m, const char *path) {
    return map_get(&m->files, path, strlen(path));
}

static bool has_dir(const struct modules *m, const char *dir) {
    return !*dir || map_get(&m->dirs, dir, strlen(dir)) != MAP_NONE;
}

static bool path_in(char *out, const char *dir, const char *name, size_t n, const char *suffix) {
    int len = snprintf(out, PATH_MAX, "%s%s%.*s%s", dir, *dir ? "/" : "", (int)n, name, suffix);
    return len > 0 && len < PATH_MAX;
}

/* A place of an editable finder is a package's folder or a module's file. */
static enum module_kind lookup_alias(const struct modules *m, const char *name, size_t n, uint32_t *file,
                                     char *sub) {
    uint32_t i = map_get(&m->aliases, name, n);
    if (i == MAP_NONE)
        return MODULE_NONE;
    const char *place = m->alias_places.items[i];
    char init[PATH_MAX];
    snprintf(sub, PATH_MAX, "%s", place);
    if ((*file = modules_file(m, place)) != NO_FILE)
        return MODULE_FILE;
    snprintf(init, sizeof init, "%s/__init__.py", place);
    *file = modules_file(m, init);
    return *file != NO_FILE ? MODULE_PACKAGE : has_dir(m, place) ? MODULE_NAMESPACE : MODULE_NONE;
}

enum module_kind modules_lookup(const struct modules *m, const char *dir, const char *name, size_t n,
                                uint32_t *file, char *sub) {
    char path[PATH_MAX];
    *file = NO_FILE;
    if (strcmp(dir, ALIAS_ROOT) == 0)
        return lookup_alias(m, name, n, file, sub);
    bool folder = path_in(sub, dir, name, n, "") && has_dir(m, sub);
    if (folder && path_in(path, dir, name, n, "/__init__.py") && (*file = modules_file(m, path)) != NO_FILE)
        return MODULE_PACKAGE;
    if (path_in(path, dir, name, n, ".py") && (*file = modules_file(m, path)) != NO_FILE)
        return MODULE_FILE;
    return folder ? MODULE_NAMESPACE : MODULE_NONE;
}

const char *modules_base(const struct modules *m, const char *path) {
    char *dir = os_dirname(m->arena, path);
    char init[PATH_MAX];
    while (*dir) {
        snprintf(init, sizeof init, "%s/__init__.py", dir);
        if (modules_file(m, init) == NO_FILE)
            break;
        dir = os_dirname(m->arena, dir);
    }
    return dir;
}

static void add_once(struct arena *a, struct strs *list, const char *s) {
    if (!strs_has(list, s))
        array_push(a, list, s);
}

/* The part of an absolute path below rootdir, "" for rootdir itself, NULL when it lies elsewhere. */
static const char *below_root(const char *rootdir, const char *path) {
    size_t n = strlen(rootdir);
    if (strncmp(path, rootdir, n) != 0 || (path[n] && path[n] != '/' && n > 1))
        return NULL;
    return path[n] == '/' ? path + n + 1 : path + n;
}

/* False when the folder is not part of the tree as it was scanned: elsewhere, or in a virtual environment. */
static bool add_root(struct modules *m, const struct config *c, const char *path) {
    const char *dir = below_root(c->rootdir, os_normalize(m->arena, os_join(m->arena, c->rootdir, path)));
    if (!dir || !has_dir(m, dir))
        return false;
    add_once(m->arena, &m->roots, dir);
    return true;
}

static void index_files(struct modules *m) {
    for (uint32_t i = 0; i < m->scan->files.len; i++) {
        const char *path = m->scan->files.items[i].path;
        map_add(&m->files, path, strlen(path), i);
        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
            map_add(&m->dirs, path, (size_t)(slash - path), 1);
    }
}

static void add_holder(struct modules *m, const char *name, size_t n, const char *dir) {
    uint32_t i = map_add(&m->named, name, n, m->holders.len);
    if (i == m->holders.len)
        array_push(m->arena, &m->holders, (struct strs){0});
    array_push(m->arena, &m->holders.items[i], dir);
}

static void add_namesake(struct modules *m, const char *path) {
    const char *name = os_basename(path);
    uint32_t i = map_add(&m->basenames, name, strlen(name), m->namesakes.len);
    if (i == m->namesakes.len)
        array_push(m->arena, &m->namesakes, (struct strs){0});
    array_push(m->arena, &m->namesakes.items[i], path);
}

static void index_folders(struct modules *m) {
    for (uint32_t i = 0; i < m->scan->dirs.len; i++)
        map_add(&m->folders, m->scan->dirs.items[i], strlen(m->scan->dirs.items[i]), 1);
    for (uint32_t i = 0; i < m->scan->files.len; i++) {
        const char *dir = os_dirname(m->arena, m->scan->files.items[i].path);
        if (m->scan->files.items[i].flags & (SOURCE_TEST | SOURCE_CONFTEST))
            map_add(&m->test_dirs, dir, strlen(dir), 1);
    }
}

static void index_names(struct modules *m) {
    for (uint32_t i = 0; i < m->scan->files.len; i++) {
        const char *path = m->scan->files.items[i].path, *name = os_basename(path);
        char *dir = os_dirname(m->arena, path);
        if (strcmp(name, "__init__.py") == 0 && *dir)
            add_holder(m, os_basename(dir), strlen(os_basename(dir)), os_dirname(m->arena, dir));
        else
            add_holder(m, name, strlen(name) - 3, dir);
    }
    for (uint32_t i = 0; i < m->scan->others.len; i++) {
        const char *path = m->scan->others.items[i];
        add_namesake(m, path);
        size_t stem = (size_t)(os_basename(path) - path) + strcspn(os_basename(path), ".");
        if (str_ends(path, ".so"))
            map_add(&m->extensions, path, stem, i);
    }
}

static void index_bases(struct modules *m) {
    struct map seen = {.arena = m->arena};
    for (uint32_t i = 0; i < m->scan->files.len; i++) {
        const struct source_file *f = &m->scan->files.items[i];
        if (!(f->flags & (SOURCE_TEST | SOURCE_CONFTEST)))
            continue;
        const char *base = modules_base(m, f->path);
        if (map_get(&seen, base, strlen(base)) != MAP_NONE)
            continue;
        map_add(&seen, base, strlen(base), 1);
        array_push(m->arena, &m->bases, base);
    }
    strs_sort(&m->bases);
    for (uint32_t i = 0; i < m->bases.len; i++)
        map_add(&m->base_of, m->bases.items[i], strlen(m->bases.items[i]), i);
}

static void add_top(struct modules *m, const char *name, size_t n) {
    if (map_get(&m->tops, name, n) != MAP_NONE)
        return;
    map_add(&m->tops, name, n, 1);
    array_push(m->arena, &m->top_names, arena_strndup(m->arena, name, n));
}

/* Notes the names that `dir` answers, were it a source root. */
static void index_tops(struct modules *m) {
    struct map is_root = {.arena = m->arena};
    for (uint32_t i = 0; i < m->roots.len; i++)
        map_add(&is_root, m->roots.items[i], strlen(m->roots.items[i]), 1);
    for (uint32_t i = 0; i < m->bases.len; i++)
        map_add(&is_root, m->bases.items[i], strlen(m->bases.items[i]), 1);
    for (uint32_t i = 0; i < m->scan->files.len; i++) {
        const char *path = m->scan->files.items[i].path;
        for (const char *at = path; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
            if (map_get(&is_root, path, at == path ? 0 : (size_t)(at - path) - 1) == MAP_NONE)
                continue;
            size_t n = strcspn(at, "/");
            if (!at[n])
                n -= 3;
            add_top(m, at, n);
        }
    }
}

/* What editable finders map: a package that does not lie in a folder of its own name. */
static void index_aliases(struct modules *m, const struct config *c, const struct python *py) {
    ARRAY_FOR (const struct dist, dist, &py->dists)
        for (uint32_t i = 0; i < dist->mapped.len; i++) {
            const char *name = dist->mapped.items[i], *place = below_root(c->rootdir, dist->at.items[i]);
            if (!place || map_get(&m->aliases, name, strlen(name)) != MAP_NONE)
                continue;
            map_add(&m->aliases, name, strlen(name), m->alias_places.len);
            array_push(m->arena, &m->alias_places, place);
        }
    if (!m->alias_places.len)
        return;
    array_push(m->arena, &m->roots, ALIAS_ROOT);
    for (uint32_t i = 0; i < py->dists.len; i++) {
        const struct strs *names = &py->dists.items[i].mapped;
        for (uint32_t j = 0; j < names->len; j++)
            add_top(m, names->items[j], strcspn(names->items[j], "."));
    }
}

void modules_index(struct modules *m, struct arena *a, const struct scan *scan, const struct config *c,
                   const struct python *py, const struct strs *initial) {
    *m = (struct modules){.arena = a,
                          .scan = scan,
                          .files = {.arena = a},
                          .dirs = {.arena = a},
                          .base_of = {.arena = a},
                          .tops = {.arena = a},
                          .named = {.arena = a},
                          .folders = {.arena = a},
                          .test_dirs = {.arena = a},
                          .basenames = {.arena = a},
                          .extensions = {.arena = a},
                          .aliases = {.arena = a}};
    index_files(m);
    index_names(m);
    index_folders(m);
    index_bases(m);
    for (uint32_t i = initial->len; i-- > 0;)
        add_once(a, &m->roots, modules_base(m, initial->items[i]));
    for (uint32_t i = 0; i < c->pythonpath.len; i++)
        add_root(m, c, c->pythonpath.items[i]);
    add_once(a, &m->roots, "");
    for (uint32_t i = 0; i < c->testfan.sources.len; i++)
        add_root(m, c, c->testfan.sources.items[i]);
    add_root(m, c, "src");
    for (uint32_t i = 0; i < py->sys_path.len; i++)
        add_root(m, c, py->sys_path.items[i]);
    index_aliases(m, c, py);
    index_tops(m);
}

static bool lies_below(const char *path, const char *dir) {
    size_t n = strlen(dir);
    return !n || (strncmp(path, dir, n) == 0 && (!path[n] || path[n] == '/'));
}

struct strs modules_holding(struct modules *m, struct arena *a, const char *name, size_t n,
                            const char *path) {
    enum { MOST = 8 };
    struct strs near = {0};
    uint32_t i = map_get(&m->named, name, n);
    for (char *dir = os_dirname(a, path); i != MAP_NONE && !near.len; dir = os_dirname(a, dir)) {
        const struct strs *all = &m->holders.items[i];
        for (uint32_t j = 0; j < all->len && near.len < MOST; j++)
            if (lies_below(all->items[j], dir))
                array_push(a, &near, all->items[j]);
        if (!*dir)
            break;
    }
    return near;
}

const char *modules_extension(const struct modules *m, const char *dir, const char *name, size_t n) {
    char path[PATH_MAX];
    if (!m->extensions.len || !path_in(path, dir, name, n, ""))
        return NULL;
    uint32_t i = map_get(&m->extensions, path, strlen(path));
    return i == MAP_NONE ? NULL : m->scan->others.items[i];
}
