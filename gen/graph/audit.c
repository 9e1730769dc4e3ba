#include "graph/audit.h"
#include "base/os.h"
#include "base/str.h"
#include "graph/dists.h"
#include "graph/graph.h"
#include "graph/plan.h"
#include "source/python.h"

#include <string.h>

struct auditing {
    struct arena *a;
    const struct graph *g;
    const struct dists *d;
    const struct learned *learned;
    const char *file;    /* the target's */
    unsigned char *seen; /* units that the target reaches */
    struct map dists;    /* distributions that it reaches */
};

static bool reaches(const struct auditing *au, const char *path) {
    uint32_t node = graph_find(au->g, path);
    return node != MAP_NONE && au->seen[au->g->unit_of[node]];
}

static bool covers(const struct auditing *au, const struct input *i) {
    switch (i->kind) {
    case INPUT_READ:
    case INPUT_STAT:
        return reaches(au, i->path);
    case INPUT_LIST:
        return reaches(au, arena_printf(au->a, "%s/", i->path));
    case INPUT_DIST:
        return map_get(&au->dists, i->path, strlen(i->path)) != MAP_NONE;
    case INPUT_ABSENT:
        return learned_has(au->learned, au->file, LEARNED_ABSENT, i->path);
    default:
        return true;
    }
}

static void prepare(struct auditing *au, const struct target *t) {
    const struct graph *g = au->g;
    struct unit_edges forward = graph_forward(g);
    au->seen = arena_alloc(au->a, g->units + 1);
    au->dists = (struct map){.arena = au->a};
    graph_reach(g, &forward, g->unit_of[t->node], au->seen);
    for (uint32_t node = 0; node < g->nodes; node++) {
        if (!au->seen[g->unit_of[node]])
            continue;
        if (str_starts(graph_path(g, node), DIST_FOLDER))
            dists_names(au->d, graph_path(g, node) + strlen(DIST_FOLDER), &au->dists);
    }
    dists_names(au->d, NULL, &au->dists);
}

static void find_unused(struct auditing *au, const struct inputs *in, struct audit_target *t) {
    struct map read = {.arena = au->a};
    ARRAY_FOR (const struct input, i, in)
        if (i->kind == INPUT_READ)
            map_add(&read, i->path, strlen(i->path), 1);
    for (uint32_t node = 0; node < au->g->nodes; node++) {
        const char *path = graph_path(au->g, node);
        if (!au->seen[au->g->unit_of[node]] || !str_ends(path, ".py"))
            continue;
        t->pairs++;
        if (map_get(&read, path, strlen(path)) == MAP_NONE)
            array_push(au->a, &t->unused, path);
    }
    strs_sort(&t->unused);
}

static struct audit_target audit_one(struct auditing *au, const struct target *target) {
    struct audit_target t = {.file = target->file};
    struct inputs in;
    inputs_read(au->a, os_join(au->a, au->d->rootdir, arena_printf(au->a, "%s.trace", target->result)), &in);
    t.traced = in.len > 0;
    if (!t.traced)
        return t;
    au->file = target->file;
    prepare(au, target);
    ARRAY_FOR (const struct input, i, &in) {
        if (i->kind == INPUT_STARTED)
            array_push(au->a, &t.started, i->path);
        else if (!covers(au, i))
            array_push(au->a, &t.missed, *i);
    }
    find_unused(au, &in, &t);
    return t;
}

void audit_targets(struct arena *a, const struct plan *plan, const struct graph *g, const struct dists *d,
                   const struct learned *learned, struct audit *out) {
    *out = (struct audit){0};
    struct auditing au = {.a = a, .g = g, .d = d, .learned = learned};
    ARRAY_FOR (const struct target, target, &plan->targets) {
        struct audit_target t = audit_one(&au, target);
        array_push(a, out, t);
        out->pairs += t.pairs;
        out->missed += t.missed.len;
        out->unused += t.unused.len;
        out->untraced += !t.traced;
    }
}

/* Misses that other misses lead to in the graph need not be learned. */
static bool brought_along(struct arena *a, const struct audit_target *t, const struct graph *g,
                          const struct input *which) {
    uint32_t node = graph_find(g, which->path);
    struct unit_edges forward = graph_forward(g);
    if (node == MAP_NONE)
        return false;
    ARRAY_FOR (const struct input, i, &t->missed) {
        uint32_t other = graph_find(g, i->path);
        if (i == which || i->kind != INPUT_READ || other == MAP_NONE)
            continue;
        unsigned char *seen = arena_alloc(a, g->units + 1);
        graph_reach(g, &forward, g->unit_of[other], seen);
        if (seen[g->unit_of[node]] && (g->unit_of[node] != g->unit_of[other] || i < which))
            return true;
    }
    return false;
}

/* A file that is read need not be learned as one that is looked at. */
static bool said_already(const struct audit_target *t, const struct input *look) {
    ARRAY_FOR (const struct input, i, &t->missed)
        if (i->kind == INPUT_READ && strcmp(i->path, look->path) == 0)
            return true;
    return false;
}

static const char *import_name(const struct dists *d, const char *dist) {
    uint32_t i = dists_find(d, dist);
    const struct strs *names = i == MAP_NONE ? NULL : &d->python->dists.items[i].names;
    return names && names->len ? names->items[0] : NULL;
}

struct learned_target audit_lesson(struct arena *a, const struct audit_target *t, const struct graph *g,
                                   const struct dists *d) {
    struct learned_target lesson = {.file = t->file};
    ARRAY_FOR (const struct input, i, &t->missed) {
        enum learned_list list = LEARNED_READS;
        const char *entry = i->path;
        if (i->kind == INPUT_READ && brought_along(a, t, g, i))
            continue;
        if (i->kind == INPUT_STAT && said_already(t, i))
            continue;
        if (i->kind == INPUT_LIST) {
            list = LEARNED_LISTS;
            entry = *i->path ? i->path : ".";
        }
        if (i->kind == INPUT_ABSENT)
            list = LEARNED_ABSENT;
        if (i->kind == INPUT_DIST) {
            list = LEARNED_DISTS;
            entry = import_name(d, i->path);
        }
        if (entry)
            array_push(a, &lesson.lists[list], entry);
    }
    return lesson;
}
