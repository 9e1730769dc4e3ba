#include "graph/modules.h"
#include "base/os.h"
#include "source/config.h"
#include "source/python.h"
#include "source/scan.h"

#include <dirent.h>
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

enum module_kind modules_lookup(const struct modules *m, const char *dir, const char *name, size_t n,
                                uint32_t *file, char *sub) {
    char path[PATH_MAX];
    *file = NO_FILE;
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
            if (map_get(&m->tops, at, n) != MAP_NONE)
                continue;
            map_add(&m->tops, at, n, 1);
            array_push(m->arena, &m->top_names, arena_strndup(m->arena, at, n));
        }
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
                          .outside = {.arena = a},
                          .python = py};
    index_files(m);
    index_bases(m);
    for (uint32_t i = initial->len; i-- > 0;)
        add_once(a, &m->roots, modules_base(m, initial->items[i]));
    for (uint32_t i = 0; i < c->pythonpath.len; i++)
        add_root(m, c, c->pythonpath.items[i]);
    add_once(a, &m->roots, "");
    for (uint32_t i = 0; i < c->testfan.sources.len; i++)
        add_root(m, c, c->testfan.sources.items[i]);
    add_root(m, c, "src");
    for (uint32_t i = 0; i < py->sys_path.len; i++) {
        if (!add_root(m, c, py->sys_path.items[i]))
            array_push(a, &m->site_dirs, py->sys_path.items[i]);
    }
    index_tops(m);
}

static bool entry_names(const char *entry, const char *name, size_t n) {
    if (strncmp(entry, name, n) != 0)
        return false;
    return !entry[n] || strcmp(entry + n, ".py") == 0 || (entry[n] == '.' && str_ends(entry, ".so"));
}

static bool dir_answers(const char *dir, const char *name) {
    DIR *d = opendir(dir);
    bool found = false;
    for (struct dirent *e; d && !found && (e = readdir(d));)
        found = entry_names(e->d_name, name, strlen(name));
    if (d)
        closedir(d);
    return found;
}

bool modules_outside(struct modules *m, const char *name) {
    size_t n = strlen(name);
    if (map_get(&m->python->stdlib, name, n) != MAP_NONE)
        return true;
    uint32_t known = map_get(&m->outside, name, n);
    if (known != MAP_NONE)
        return known;
    bool found = false;
    for (uint32_t i = 0; i < m->site_dirs.len && !found; i++)
        found = dir_answers(m->site_dirs.items[i], name);
    map_set(&m->outside, name, n, found);
    return found;
}
