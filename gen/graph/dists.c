#include "graph/dists.h"
#include "graph/data.h"
#include "base/diag.h"
#include "base/hash.h"
#include "base/os.h"
#include "base/out.h"
#include "graph/graph.h"
#include "source/config.h"
#include "source/python.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { LOOSE_DEEPEST = 32 };

uint32_t dists_find(const struct dists *d, const char *name) {
    return map_get(&d->by_name, name, strlen(name));
}

bool dists_has(const struct dists *d, const char *name) {
    size_t n = strlen(name);
    if (map_get(&d->python->stdlib, name, n) != MAP_NONE || map_get(&d->providers, name, n) != MAP_NONE)
        return true;
    for (uint32_t i = 0; i < d->sites.len; i++)
        if (data_exists_like(os_join(d->arena, d->sites.items[i], name)))
            return true;
    return false;
}

bool dists_is_own(const struct dists *d, const struct dist *dist) {
    return (dist->editable && os_lies_in(dist->editable, d->rootdir)) ||
           (os_lies_in(dist->info, d->rootdir) && !os_lies_in(dist->info, d->python->prefix));
}

static void provide(struct dists *d, const char *import, const char *name) {
    uint32_t i = map_add(&d->providers, import, strlen(import), d->lists.len);
    if (i == d->lists.len)
        array_push(d->arena, &d->lists, (struct strs){0});
    array_push(d->arena, &d->lists.items[i], name);
}

/* What the settings put on sys.path and what lies elsewhere. */
static void add_elsewhere(struct dists *d, const struct strs *folders) {
    for (uint32_t i = 0; i < folders->len; i++) {
        const char *dir = os_normalize(d->arena, os_join(d->arena, d->rootdir, folders->items[i]));
        if (!os_lies_in(dir, d->rootdir) && !strs_has(&d->sites, dir))
            array_push(d->arena, &d->sites, dir);
    }
}

static void find_sites(struct dists *d, const struct config *c) {
    add_elsewhere(d, &c->pythonpath);
    add_elsewhere(d, &c->testfan.sources);
    const char *stdlib = d->python->stdlib_dir;
    for (uint32_t i = 0; i < d->python->sys_path.len; i++) {
        const char *dir = d->python->sys_path.items[i];
        bool ours = os_lies_in(dir, d->rootdir) && !os_lies_in(dir, d->python->prefix);
        bool standard = strcmp(dir, stdlib) == 0 || str_ends(dir, "/lib-dynload") || str_ends(dir, ".zip");
        if (!ours && !standard && !strs_has(&d->sites, dir))
            array_push(d->arena, &d->sites, dir);
    }
}

void dists_index(struct dists *d, struct arena *a, const struct python *py, const struct config *c) {
    *d = (struct dists){.arena = a,
                        .python = py,
                        .rootdir = c->rootdir,
                        .by_name = {.arena = a},
                        .providers = {.arena = a},
                        .loose = {.arena = a}};
    for (uint32_t i = 0; i < py->dists.len; i++) {
        const struct dist *dist = &py->dists.items[i];
        map_add(&d->by_name, dist->name, strlen(dist->name), i);
        if (dists_is_own(d, dist))
            continue;
        if (!dist->recorded && !dist->editable) {
            diag(DIAG_NO_RECORD, dist->info, 0, 0, "the distribution '%s' does not tell its files",
                 dist->name);
            hint(
                "the state of its files counts in their place; to be rid of this, install it again with pip");
        }
        for (uint32_t j = 0; j < dist->names.len; j++)
            provide(d, dist->names.items[j], dist->name);
        for (uint32_t j = 0; j < dist->mapped.len; j++)
            provide(d, dist->mapped.items[j], dist->name);
    }
    find_sites(d, c);
}

static bool entry_names(const char *entry, const char *name, size_t n) {
    if (strncmp(entry, name, n) != 0)
        return false;
    return !entry[n] || strcmp(entry + n, ".py") == 0 || (entry[n] == '.' && str_ends(entry, ".so"));
}

/* The module or package of that name in a sys.path folder outside the tree, or NULL. */
static const char *find_loose(struct dists *d, const char *module, size_t n) {
    const char *found = NULL;
    for (uint32_t i = 0; i < d->sites.len && !found; i++) {
        DIR *dir = opendir(d->sites.items[i]);
        for (struct dirent *e; dir && !found && (e = readdir(dir));)
            if (entry_names(e->d_name, module, n))
                found = os_join(d->arena, d->sites.items[i], e->d_name);
        if (dir)
            closedir(dir);
    }
    return found;
}

static bool is_loose(struct dists *d, const char *module, size_t n) {
    uint32_t i = map_get(&d->loose, module, n);
    if (i == MAP_NONE) {
        const char *place = find_loose(d, module, n);
        i = place ? d->loose_places.len : MAP_NONE - 1;
        if (place)
            array_push(d->arena, &d->loose_places, place);
        map_add(&d->loose, module, n, i);
    }
    return i < d->loose_places.len;
}

static void add_edge(struct dists *d, struct graph *g, uint32_t from, const char *name, size_t n,
                     uint32_t line) {
    graph_edge(g, from, graph_node(g, arena_printf(d->arena, DIST_FOLDER "%.*s", (int)n, name)), EDGE_DIST,
               line);
}

bool dists_import(struct dists *d, struct graph *g, uint32_t from, const char *module, const char *name,
                  bool absent, uint32_t line) {
    size_t top = strcspn(module, ".");
    if (!top || map_get(&d->python->stdlib, module, top) != MAP_NONE)
        return false;
    bool found = false;
    char *dotted = *name && strcmp(name, "*") != 0 ? arena_printf(d->arena, "%s.%s", module, name)
                                                   : arena_strdup(d->arena, module);
    for (size_t n = top;; n += 1 + strcspn(dotted + n + 1, ".")) {
        if (map_get(&d->providers, dotted, n) != MAP_NONE) {
            add_edge(d, g, from, dotted, n, line);
            found = true;
        }
        if (!dotted[n])
            break;
    }
    if (found)
        return true;
    found = is_loose(d, module, top);
    if (absent || found)
        add_edge(d, g, from, module, top, line);
    return found;
}

/* Text about distributions, each of them once. */
struct listing {
    const struct dists *dists;
    struct arena arena;
    struct map seen;
    struct buf lines;
    struct strs *paths; /* where the files and folders go whose state counts; may be NULL */
};

/* A folder that is being listed, and those above it. */
struct above {
    const struct above *next;
    struct os_stat st;
    unsigned depth;
};

static bool leads_back(const struct above *above, const struct os_stat *st) {
    for (const struct above *up = above; up; up = up->next)
        if (up->st.ino == st->ino && up->st.dev == st->dev)
            return true;
    return false;
}

static bool is_counted(const char *name) {
    return name[0] != '.' && strcmp(name, "__pycache__") != 0 && !str_ends(name, ".pyc");
}

/* The state of what lies at the path: each file's size and time. Links that lead back do not count. */
static struct digest digest_loose(struct listing *l, const char *path, const struct above *above) {
    struct above here = {.next = above, .depth = above->depth + 1};
    struct digest sum = {0};
    if (!os_stat(path, &here.st) || leads_back(above, &here.st))
        return sum;
    if (l->paths && !strchr(path, '\n'))
        array_push(l->dists->arena, l->paths, arena_strdup(l->dists->arena, path));
    DIR *dir = S_ISDIR(here.st.mode) && here.depth <= LOOSE_DEEPEST ? opendir(path) : NULL;
    if (!dir) {
        int64_t state[2] = {(int64_t)here.st.size, here.st.mtime_ns};
        return digest_chain(digest_bytes(path, strlen(path)), digest_bytes(state, sizeof state));
    }
    for (struct dirent *e; (e = readdir(dir));)
        if (is_counted(e->d_name))
            digest_add(&sum, digest_loose(l, os_join(&l->arena, path, e->d_name), &here));
    closedir(dir);
    return sum;
}

/* The state of a module that no RECORD tells of. What lies in it and is watched in its own way does not
 * count. */
static struct digest digest_module(struct listing *l, const char *path) {
    struct above prefix = {0}, rootdir = {.next = &prefix};
    os_stat(l->dists->python->prefix, &prefix.st);
    os_stat(l->dists->rootdir, &rootdir.st);
    return digest_loose(l, path, &rootdir);
}

static void list_files(struct listing *l, const char *what, const char *path) {
    char hex[33];
    digest_hex(digest_module(l, path), hex);
    buf_fmt(&l->lines, "files %s %s\n", what, hex);
}

static void list_dist(struct listing *l, const char *name) {
    const struct dists *d = l->dists;
    uint32_t i = dists_find(d, name);
    if (i == MAP_NONE || map_get(&l->seen, name, strlen(name)) != MAP_NONE)
        return;
    map_add(&l->seen, name, strlen(name), 1);
    const struct dist *dist = &d->python->dists.items[i];
    bool own = dists_is_own(d, dist);
    buf_fmt(&l->lines, "%s %s %s\n", dist->name, dist->version, dist->digest);
    for (uint32_t j = 0; j < dist->extras.len; j++)
        if (dists_find(d, dist->extras.items[j]) != MAP_NONE)
            buf_fmt(&l->lines, "with %s\n", dist->extras.items[j]);
    if (dist->editable && !own)
        list_files(l, dist->name, dist->editable);
    for (uint32_t j = 0; j < dist->names.len && !dist->recorded && !own; j++)
        list_files(l, dist->names.items[j], os_join(&l->arena, dist->site, dist->names.items[j]));
    for (uint32_t j = 0; j < dist->requires.len && !own; j++)
        list_dist(l, dist->requires.items[j]);
}

static void list_name(struct listing *l, const char *name) {
    const struct dists *d = l->dists;
    size_t n = strlen(name);
    uint32_t providers = map_get(&d->providers, name, n), loose = map_get(&d->loose, name, n);
    for (uint32_t i = 0; providers != MAP_NONE && i < d->lists.items[providers].len; i++)
        list_dist(l, d->lists.items[providers].items[i]);
    if (providers != MAP_NONE)
        return;
    const char *place = loose < d->loose_places.len ? d->loose_places.items[loose] : NULL;
    if (!place)
        buf_str(&l->lines, "absent\n");
    else
        list_files(l, name, place);
    ARRAY_FOR (const struct dist, dist, &d->python->dists)
        if (place && dist->editable && os_lies_in(place, dist->editable))
            list_dist(l, dist->name);
}

static void listing_new(const struct dists *d, struct listing *l) {
    *l = (struct listing){.dists = d};
    l->seen.arena = &l->arena;
    buf_str(&l->lines, "");
}

static void listing_free(struct listing *l) {
    buf_free(&l->lines);
    arena_free(&l->arena);
}

static void list_everywhere(struct listing *l) {
    list_dist(l, "pytest");
    ARRAY_FOR (const struct dist, dist, &l->dists->python->dists)
        if (dist->plugins.len || dists_is_own(l->dists, dist))
            list_dist(l, dist->name);
}

void dists_names(const struct dists *d, const char *import, struct map *names) {
    struct listing l;
    listing_new(d, &l);
    if (import)
        list_name(&l, import);
    else
        list_everywhere(&l);
    for (const char *s = l.lines.s; *s; s += strcspn(s, "\n") + 1)
        if (!str_starts(s, "with ") && !str_starts(s, "files "))
            map_add(names, s, strcspn(s, " "), 1);
    listing_free(&l);
}

char *dists_stamp(const struct dists *d) {
    struct listing l;
    listing_new(d, &l);
    list_everywhere(&l);
    char *text = arena_strndup(d->arena, l.lines.s, l.lines.len);
    listing_free(&l);
    return text;
}

char *dists_text(const struct dists *d, const char *import) {
    struct listing l;
    listing_new(d, &l);
    list_name(&l, import);
    char *text = arena_strndup(d->arena, l.lines.s, l.lines.len);
    listing_free(&l);
    return text;
}

void dists_watched(const struct dists *d, const struct graph *g, struct strs *paths) {
    struct listing l;
    listing_new(d, &l);
    l.paths = paths;
    list_everywhere(&l);
    for (uint32_t node = 0; node < g->nodes; node++)
        if (str_starts(graph_path(g, node), DIST_FOLDER))
            list_name(&l, graph_path(g, node) + strlen(DIST_FOLDER));
    listing_free(&l);
}

struct strs dists_direct(const struct dists *d, const char *import) {
    struct strs out = {0};
    if (import) {
        uint32_t i = map_get(&d->providers, import, strlen(import));
        return i == MAP_NONE ? out : d->lists.items[i];
    }
    array_push(d->arena, &out, "pytest");
    ARRAY_FOR (const struct dist, dist, &d->python->dists)
        if (dist->plugins.len && !dists_is_own(d, dist) && strcmp(dist->name, "pytest") != 0)
            array_push(d->arena, &out, dist->name);
    return out;
}

bool dists_write_sites(const struct dists *d) {
    struct buf b = {0};
    buf_fmt(&b, "prefix %s\n", d->python->prefix);
    for (uint32_t i = 0; i < d->sites.len; i++)
        buf_fmt(&b, "site %s\n", d->sites.items[i]);
    ARRAY_FOR (const struct dist, dist, &d->python->dists) {
        buf_fmt(&b, "dist %s %s\n", dist->name, dist->digest);
        for (uint32_t i = 0; i < dist->names.len && !dists_is_own(d, dist); i++)
            buf_fmt(&b, "name %s %s\n", dist->name, dist->names.items[i]);
    }
    bool ok = out_write(os_join(d->arena, d->rootdir, ".testfan/cache/sites"), b.s, b.len, NULL);
    buf_free(&b);
    return ok;
}

bool dists_write(struct dists *d, const struct graph *g) {
    bool ok = true;
    for (uint32_t node = 0; node < g->nodes && ok; node++) {
        const char *path = graph_path(g, node);
        if (!str_starts(path, DIST_FOLDER))
            continue;
        struct listing l;
        listing_new(d, &l);
        list_name(&l, path + strlen(DIST_FOLDER));
        ok = out_write(os_join(d->arena, d->rootdir, path), l.lines.s, l.lines.len, NULL);
        listing_free(&l);
    }
    return ok;
}
