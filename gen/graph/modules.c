#include "graph/modules.h"
#include "base/os.h"
#include "source/config.h"
#include "source/python.h"
#include "source/scan.h"

#include <ctype.h>
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

/* A place of an editable finder is a package's folder, or a module's file with or without its suffix; or,
   below ALIAS_ROOT, a namespace that only mapped names make. */
static enum module_kind lookup_alias(const struct modules *m, const char *dir, const char *name, size_t n,
                                     uint32_t *file, char *sub) {
    char path[PATH_MAX];
    const char *inside = dir + strlen(ALIAS_ROOT);
    uint32_t i = path_in(path, inside, name, n, "") ? map_get(&m->aliases, path, strlen(path)) : MAP_NONE;
    if (i == MAP_NONE)
        return MODULE_NONE;
    const char *place = m->alias_places.items[i];
    snprintf(sub, PATH_MAX, "%s", place);
    if ((*file = modules_file(m, place)) != NO_FILE)
        return MODULE_FILE;
    if (path_in(path, "", place, strlen(place), ".py") && (*file = modules_file(m, path)) != NO_FILE)
        return MODULE_FILE;
    if (path_in(path, place, "__init__.py", 11, "") && (*file = modules_file(m, path)) != NO_FILE)
        return MODULE_PACKAGE;
    return has_dir(m, place) || str_starts(place, ALIAS_ROOT) ? MODULE_NAMESPACE : MODULE_NONE;
}

enum module_kind modules_lookup(const struct modules *m, const char *dir, const char *name, size_t n,
                                uint32_t *file, char *sub) {
    char path[PATH_MAX];
    *file = NO_FILE;
    if (str_starts(dir, ALIAS_ROOT))
        return lookup_alias(m, dir, name, n, file, sub);
    bool folder = path_in(sub, dir, name, n, "") && has_dir(m, sub);
    if (folder && path_in(path, dir, name, n, "/__init__.py") && (*file = modules_file(m, path)) != NO_FILE)
        return MODULE_PACKAGE;
    if (path_in(path, dir, name, n, ".py") && (*file = modules_file(m, path)) != NO_FILE)
        return MODULE_FILE;
    return folder ? MODULE_NAMESPACE : MODULE_NONE;
}

bool modules_is_package(const struct modules *m, const char *dir) {
    char init[PATH_MAX];
    return path_in(init, dir, "__init__.py", 11, "") && modules_file(m, init) != NO_FILE;
}

bool modules_answers(const struct modules *m, const char *path) {
    char file[PATH_MAX];
    return modules_is_package(m, path) || modules_extension(m, "", path, strlen(path)) != NO_FILE ||
           modules_extension(m, path, "__init__", 8) != NO_FILE ||
           (path_in(file, "", path, strlen(path), ".py") && modules_file(m, file) != NO_FILE);
}

bool modules_is_sure(const struct modules *m, const char *root) {
    return map_get(&m->sure, root, strlen(root)) != MAP_NONE;
}

/* pytest takes a folder for a package only if its name can be written in an import statement. */
static bool is_identifier(const char *name) {
    for (const char *s = name; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '_' && !(*s & 0x80))
            return false;
    return !isdigit((unsigned char)*name);
}

const char *modules_base(const struct modules *m, const char *path) {
    char *base = os_dirname(m->arena, path);
    while (*base && modules_is_package(m, base) && is_identifier(os_basename(base)))
        base = os_dirname(m->arena, base);
    for (char *dir = base; m->namespaces; dir = os_dirname(m->arena, dir)) {
        if (strs_has(&m->roots, dir))
            return dir;
        if (!*dir)
            break;
    }
    return base;
}

static bool lies_below(const char *path, const char *dir) {
    size_t n = strlen(dir);
    return !n || (strncmp(path, dir, n) == 0 && (!path[n] || path[n] == '/'));
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

/* Nothing when the folder is not part of the tree as it was scanned: elsewhere, or in a virtual environment.
 */
static void add_root(struct modules *m, const struct config *c, const char *path, bool sure) {
    const char *dir = below_root(c->rootdir, os_normalize(m->arena, os_join(m->arena, c->rootdir, path)));
    if (!dir || !has_dir(m, dir))
        return;
    add_once(m->arena, &m->roots, dir);
    if (sure)
        map_add(&m->sure, dir, strlen(dir), 1);
}

/* sys.path as it is before pytest imports anything. */
static void index_roots(struct modules *m, const struct config *c, const struct python *py) {
    for (uint32_t i = 0; i < c->pythonpath.len; i++)
        add_root(m, c, c->pythonpath.items[i], true);
    add_root(m, c, "", true);
    for (uint32_t i = 0; i < c->testfan.sources.len; i++)
        add_root(m, c, c->testfan.sources.items[i], true);
    add_root(m, c, "src", false);
    for (uint32_t i = 0; i < py->sys_path.len; i++)
        add_root(m, c, py->sys_path.items[i], true);
}

static void add_dirs(struct modules *m, const char *path) {
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
        map_add(&m->dirs, path, (size_t)(slash - path), 1);
}

static void index_files(struct modules *m) {
    for (uint32_t i = 0; i < m->scan->files.len; i++) {
        const char *path = m->scan->files.items[i].path;
        map_add(&m->files, path, strlen(path), i);
        add_dirs(m, path);
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

static void add_entry(struct modules *m, const char *path) {
    map_add(&m->entries, os_basename(path), strlen(os_basename(path)), 1);
}

static void index_folders(struct modules *m) {
    for (uint32_t i = 0; i < m->scan->dirs.len; i++) {
        map_add(&m->folders, m->scan->dirs.items[i], strlen(m->scan->dirs.items[i]), 1);
        add_entry(m, m->scan->dirs.items[i]);
    }
    for (uint32_t i = 0; i < m->scan->others.len; i++)
        add_entry(m, m->scan->others.items[i]);
    for (uint32_t i = 0; i < m->scan->files.len; i++) {
        const char *dir = os_dirname(m->arena, m->scan->files.items[i].path);
        add_entry(m, m->scan->files.items[i].path);
        if (m->scan->files.items[i].flags & (SOURCE_TEST | SOURCE_CONFTEST))
            map_add(&m->test_dirs, dir, strlen(dir), 1);
    }
}

/* What CPython imports beside .py: compiled from C or, without its source, from Python. */
static bool is_extension(const char *path) {
    return str_ends(path, ".so") || str_ends(path, ".pyc");
}

static size_t stem_of(const char *path) {
    return (size_t)(os_basename(path) - path) + strcspn(os_basename(path), ".");
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
        if (!is_extension(path))
            continue;
        map_add(&m->extensions, path, stem_of(path), i);
        add_dirs(m, path);
    }
}

bool modules_loads_conftest(const struct config *c, const char *dir) {
    if (c->options.noconftest || !c->options.confcutdir)
        return !c->options.noconftest;
    struct arena scratch = {0};
    const char *cut = os_normalize(&scratch, os_join(&scratch, c->rootdir, c->options.confcutdir));
    const char *here = os_normalize(&scratch, os_join(&scratch, c->rootdir, dir));
    bool above = strcmp(cut, here) != 0 && lies_below(cut, here);
    arena_free(&scratch);
    return !above;
}

static void index_bases(struct modules *m, const struct config *c) {
    for (uint32_t i = 0; i < m->scan->files.len && m->mode != IMPORT_IMPORTLIB; i++) {
        const struct source_file *f = &m->scan->files.items[i];
        const char *dir = os_dirname(m->arena, f->path);
        bool conftest = f->flags & SOURCE_CONFTEST && modules_loads_conftest(c, dir);
        if (!(f->flags & (SOURCE_TEST | SOURCE_DOCTEST)) && !conftest)
            continue;
        const char *base = modules_base(m, f->path);
        if (conftest)
            map_add(&m->sure, base, strlen(base), 1);
        if (map_get(&m->base_of, base, strlen(base)) == MAP_NONE)
            array_push(m->arena, &m->bases, base);
        map_add(&m->base_of, base, strlen(base), 1);
    }
    strs_sort(&m->bases);
}

/* The folders that conftests put on sys.path at the start, one after the other. */
static void index_initial(struct modules *m, const struct strs *initial) {
    bool first = m->mode == IMPORT_PREPEND;
    struct strs found = {0}, rest = m->roots;
    for (uint32_t i = 0; i < initial->len && m->mode != IMPORT_IMPORTLIB; i++) {
        const char *base = modules_base(m, initial->items[first ? initial->len - 1 - i : i]);
        add_once(m->arena, &found, base);
        map_add(&m->sure, base, strlen(base), 1);
    }
    m->roots = (struct strs){0};
    for (uint32_t i = 0; first && i < found.len; i++)
        add_once(m->arena, &m->roots, found.items[i]);
    for (uint32_t i = 0; i < rest.len; i++)
        add_once(m->arena, &m->roots, rest.items[i]);
    for (uint32_t i = 0; !first && i < found.len; i++)
        add_once(m->arena, &m->roots, found.items[i]);
}

static void add_top(struct modules *m, const char *name, size_t n) {
    if (map_get(&m->tops, name, n) != MAP_NONE)
        return;
    map_add(&m->tops, name, n, 1);
    array_push(m->arena, &m->top_names, arena_strndup(m->arena, name, n));
}

/* The names that a file answers to in the roots above it; `n` is its path without its suffix. */
static void add_tops(struct modules *m, const struct map *is_root, const char *path, size_t n) {
    for (const char *at = path; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
        if (map_get(is_root, path, at == path ? 0 : (size_t)(at - path) - 1) == MAP_NONE)
            continue;
        const char *slash = strchr(at, '/');
        add_top(m, at, (size_t)((slash ? slash : path + n) - at));
    }
}

static void index_tops(struct modules *m) {
    struct map is_root = {.arena = m->arena};
    for (uint32_t i = 0; i < m->roots.len; i++)
        map_add(&is_root, m->roots.items[i], strlen(m->roots.items[i]), 1);
    for (uint32_t i = 0; i < m->bases.len; i++)
        map_add(&is_root, m->bases.items[i], strlen(m->bases.items[i]), 1);
    for (uint32_t i = 0; i < m->scan->files.len; i++) {
        const char *path = m->scan->files.items[i].path;
        add_tops(m, &is_root, path, strlen(path) - 3);
    }
    for (uint32_t i = 0; i < m->scan->others.len; i++) {
        const char *path = m->scan->others.items[i];
        if (is_extension(path))
            add_tops(m, &is_root, path, stem_of(path));
    }
}

/* A dotted name makes namespaces of the names above it, where these are not mapped themselves. */
static void add_alias(struct modules *m, const char *name, const char *place) {
    char *key = arena_strdup(m->arena, name);
    for (char *s = key; *s; s++)
        *s = *s == '.' ? '/' : *s;
    add_top(m, key, strcspn(key, "/"));
    for (; *key; key = os_dirname(m->arena, key)) {
        if (map_add(&m->aliases, key, strlen(key), m->alias_places.len) == m->alias_places.len)
            array_push(m->arena, &m->alias_places, place);
        place = arena_printf(m->arena, ALIAS_ROOT "%s", os_dirname(m->arena, key));
    }
}

/* Packages that do not lie in a folder of their own name below a root: what editable finders map, and the
   rootdir where it is a package. */
static void index_aliases(struct modules *m, const struct config *c, const struct python *py) {
    ARRAY_FOR (const struct dist, dist, &py->dists)
        for (uint32_t i = 0; i < dist->mapped.len; i++) {
            const char *place = below_root(c->rootdir, dist->at.items[i]);
            if (place)
                add_alias(m, dist->mapped.items[i], place);
        }
    if (modules_is_package(m, ""))
        add_alias(m, os_basename(c->rootdir), "");
    if (m->alias_places.len)
        array_push(m->arena, &m->roots, ALIAS_ROOT);
}

static enum import_mode mode_of(const struct config *c) {
    const char *mode = c->options.import_mode;
    return str_eq(mode, "append")      ? IMPORT_APPEND
           : str_eq(mode, "importlib") ? IMPORT_IMPORTLIB
                                       : IMPORT_PREPEND;
}

void modules_index(struct modules *m, struct arena *a, const struct scan *scan, const struct config *c,
                   const struct python *py, const struct strs *initial) {
    *m = (struct modules){.arena = a,
                          .scan = scan,
                          .mode = mode_of(c),
                          .namespaces = c->namespace_packages,
                          .files = {.arena = a},
                          .dirs = {.arena = a},
                          .sure = {.arena = a},
                          .base_of = {.arena = a},
                          .tops = {.arena = a},
                          .named = {.arena = a},
                          .folders = {.arena = a},
                          .test_dirs = {.arena = a},
                          .entries = {.arena = a},
                          .basenames = {.arena = a},
                          .extensions = {.arena = a},
                          .aliases = {.arena = a}};
    index_files(m);
    index_names(m);
    index_folders(m);
    index_roots(m, c, py);
    index_initial(m, initial);
    index_bases(m, c);
    index_aliases(m, c, py);
    index_tops(m);
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

uint32_t modules_extension(const struct modules *m, const char *dir, const char *name, size_t n) {
    char path[PATH_MAX];
    if (!m->extensions.len || !path_in(path, dir, name, n, ""))
        return NO_FILE;
    return map_get(&m->extensions, path, strlen(path));
}

uint32_t modules_next_extension(const struct modules *m, uint32_t i) {
    const struct strs *others = &m->scan->others;
    const char *path = others->items[i];
    size_t n = stem_of(path) + 1;
    for (i++; i < others->len && strncmp(path, others->items[i], n) == 0; i++)
        if (is_extension(others->items[i]))
            return i;
    return NO_FILE;
}
