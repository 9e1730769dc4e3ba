#include "graph/forget.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/os.h"
#include "graph/contents.h"
#include "graph/dists.h"
#include "graph/graph.h"
#include "graph/inputs.h"
#include "graph/plan.h"
#include "source/python.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct memory {
    struct arena arena;
    const char *rootdir;
    struct contents contents;
    struct map lists; /* folder -> index into `sums` */
    ARRAY(struct digest) sums;
    ARRAY(uint32_t) fresh; /* nodes of Python files that gen first saw after the oldest pass */
    int64_t oldest;
};

static const struct content *look_at(struct memory *m, const char *path) {
    return contents_at(&m->contents, path);
}

static struct digest look_at_list(struct memory *m, const char *dir, const struct map *written) {
    if (written->len)
        return inputs_list(m->rootdir, dir, written);
    uint32_t i = map_get(&m->lists, dir, strlen(dir));
    if (i == MAP_NONE) {
        i = m->sums.len;
        array_push(&m->arena, &m->sums, inputs_list(m->rootdir, dir, NULL));
        map_add(&m->lists, dir, strlen(dir), i);
    }
    return m->sums.items[i];
}

static bool list_differs(struct memory *m, const struct input *i, const struct inputs *all) {
    struct map written = {.arena = &m->arena};
    ARRAY_FOR (const struct input, w, all)
        if (w->kind == INPUT_WRITTEN)
            map_add(&written, w->path, strlen(w->path), 1);
    char hex[33];
    digest_hex(look_at_list(m, i->path, &written), hex);
    return strcmp(hex, i->digest) != 0;
}

static bool dist_differs(const struct dists *d, const struct input *i) {
    uint32_t dist = dists_find(d, i->path);
    return dist == MAP_NONE || strcmp(d->python->dists.items[dist].digest, i->digest) != 0;
}

static bool content_differs(struct memory *m, const struct input *i) {
    char hex[33];
    const struct content *c = look_at(m, i->path);
    digest_hex(c->digest, hex);
    return !c->there || strcmp(hex, i->digest) != 0;
}

/* Whether something that a pass needed beyond the graph is not as it was. */
static bool extra_differs(struct memory *m, const struct dists *d, const char *result) {
    struct inputs extra;
    bool differs = false;
    inputs_read(&m->arena, os_join(&m->arena, m->rootdir, arena_printf(&m->arena, "%s.extra", result)),
                &extra);
    ARRAY_FOR (const struct input, i, &extra) {
        const char *full = os_join(&m->arena, m->rootdir, i->path);
        struct os_stat st;
        switch (i->kind) {
        case INPUT_READ:
        case INPUT_STAT:
            differs |= content_differs(m, i);
            break;
        case INPUT_LIST:
            differs |= list_differs(m, i, &extra);
            break;
        case INPUT_ABSENT:
        case INPUT_VAIN:
            differs |= os_stat(full, &st);
            break;
        case INPUT_DIST:
            differs |= dist_differs(d, i);
            break;
        default:
            break;
        }
    }
    return differs;
}

/* The last change of what a target depends on, but for what its own run wrote. */
static int64_t changed_by_others(struct memory *m, const struct graph *g, const struct target *t) {
    struct map written = {.arena = &m->arena};
    struct inputs trace;
    inputs_read(&m->arena, os_join(&m->arena, m->rootdir, arena_printf(&m->arena, "%s.trace", t->result)),
                &trace);
    ARRAY_FOR (const struct input, w, &trace)
        if (w->kind == INPUT_WRITTEN)
            map_add(&written, w->path, strlen(w->path), 1);
    if (!written.len)
        return INT64_MAX;
    unsigned char *seen = arena_alloc(&m->arena, g->units + 1);
    struct unit_edges forward = graph_forward(g);
    int64_t last = 0;
    graph_reach(g, &forward, g->unit_of[t->node], seen);
    for (uint32_t i = 0; i < g->nodes; i++) {
        const char *path = graph_path(g, i);
        if (!seen[g->unit_of[i]] || str_ends(path, "/") || map_get(&written, path, strlen(path)) != MAP_NONE)
            continue;
        const struct content *c = look_at(m, path);
        last = c->there && c->since > last ? c->since : last;
    }
    return last;
}

/* Whether a module's name is one that the file at `path` can be imported by: the end of its path, with dots.
 */
static bool names_file(const char *name, const char *path) {
    size_t n = strlen(path) - 3, m = strlen(name);
    if (str_ends(path, "/__init__.py"))
        n -= 9;
    if (m > n || (m < n && path[n - m - 1] != '/'))
        return false;
    for (size_t i = 0; i < m; i++)
        if (name[i] != path[n - m + i] && !(name[i] == '.' && path[n - m + i] == '/'))
            return false;
    return true;
}

/* Whether a Python file came after the pass that the target needs by late edges alone, and that goes by a
   name that the run imported. */
static bool late_came(struct memory *m, const struct graph *g, const struct graph *all,
                      const struct target *t, int64_t passed) {
    struct inputs trace = {0};
    bool read = false, came = false;
    unsigned char *seen = NULL, *sure = NULL;
    for (uint32_t i = 0; i < m->fresh.len && !came; i++) {
        uint32_t node = m->fresh.items[i];
        const char *path = graph_path(all, node);
        const struct content *c = look_at(m, path);
        if (c->since <= passed || c->seen <= passed)
            continue;
        if (!seen) {
            struct unit_edges far = graph_forward(all), near = graph_forward(g);
            seen = arena_alloc(&m->arena, all->units + 1);
            sure = arena_alloc(&m->arena, g->units + 1);
            graph_reach(all, &far, all->unit_of[t->node], seen);
            graph_reach(g, &near, g->unit_of[t->node], sure);
        }
        if (!seen[all->unit_of[node]] || sure[g->unit_of[node]])
            continue;
        if (!read)
            inputs_read(&m->arena,
                        os_join(&m->arena, m->rootdir, arena_printf(&m->arena, "%s.trace", t->result)),
                        &trace);
        read = true;
        came = !trace.len;
        ARRAY_FOR (const struct input, in, &trace)
            came |= in->kind == INPUT_NAME && names_file(in->path, path);
    }
    return came;
}

static void find_fresh(struct memory *m, const struct graph *all) {
    for (uint32_t i = 0; i < all->nodes; i++) {
        const char *name = graph_path(all, i);
        if (str_ends(name, ".py") && look_at(m, name)->seen > m->oldest)
            array_push(&m->arena, &m->fresh, i);
    }
}

static int64_t oldest_pass(struct memory *m, const struct plan *plan) {
    int64_t oldest = INT64_MAX;
    ARRAY_FOR (const struct target, t, &plan->targets) {
        struct os_stat st;
        if (os_stat(os_join(&m->arena, m->rootdir, arena_printf(&m->arena, "%s.ok", t->result)), &st) &&
            st.mtime_ns < oldest)
            oldest = st.mtime_ns;
    }
    return oldest;
}

void forget_stale(const struct plan *plan, const struct graph *g, const struct graph *all,
                  const struct dists *d, const char *rootdir) {
    struct memory m = {.rootdir = rootdir};
    m.lists.arena = &m.arena;
    contents_open(&m.contents, rootdir);
    int64_t *since = arena_alloc(&m.arena, (g->units + 1) * sizeof *since);
    for (uint32_t i = 0; i < g->nodes; i++) {
        const char *name = graph_path(g, i);
        const struct content *c = str_ends(name, "/") ? NULL : look_at(&m, name);
        if (c && c->there && c->since > since[g->unit_of[i]])
            since[g->unit_of[i]] = c->since;
    }
    graph_max(g, since);
    m.oldest = oldest_pass(&m, plan);
    find_fresh(&m, all);
    ARRAY_FOR (const struct target, t, &plan->targets) {
        struct os_stat st;
        const char *ok = os_join(&m.arena, rootdir, arena_printf(&m.arena, "%s.ok", t->result));
        bool extra = extra_differs(&m, d, t->result);
        bool there = os_stat(ok, &st);
        if (there &&
            (extra || late_came(&m, g, all, t, st.mtime_ns) ||
             (since[g->unit_of[t->node]] > st.mtime_ns && changed_by_others(&m, g, t) > st.mtime_ns)))
            unlink(ok);
    }
    contents_write(&m.contents);
    contents_close(&m.contents);
    arena_free(&m.arena);
}
