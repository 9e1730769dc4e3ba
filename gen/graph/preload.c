#include "graph/preload.h"
#include "base/str.h"
#include "graph/dists.h"
#include "graph/graph.h"
#include "graph/plan.h"
#include "source/facts.h"
#include "source/scan.h"

#include <stdlib.h>
#include <string.h>

enum {
    MODULES_MOST = 4,      /* that are imported early */
    CANDIDATES_MOST = 6,   /* that are tried, of those that most targets name */
    TARGETS_LEAST = 3,     /* that must gain by it */
    GAIN_LEAST = 100,      /* files times targets */
    DIST_WEIGHT = 30,      /* an installed distribution counts as so many files */
    STEPS_MOST = 20000000, /* of all walks together */
    DEPTH_MOST = 2000,     /* of imports in imports */
};

struct candidate {
    uint32_t node, named; /* by so many targets */
    const char *module;
};

struct finder {
    struct arena *a;
    const struct graph *g;
    const struct scan *scan;
    const struct facts *const *facts;
    struct edge_list *leading; /* by node, in the order in which Python imports them; see `ordered` */
    bool *ordered;
    bool *loaded;  /* the server has imported it */
    bool *allowed; /* it may run before the last of the wanted ones */
    uint32_t *visited, round;
    uint32_t wanted[MODULES_MOST], n_wanted, found;
    uint32_t weight; /* of what is allowed */
    uint32_t steps, depth;
};

static bool is_file(const struct finder *f, uint32_t node) {
    return node < f->scan->files.len;
}

static bool is_dist(const struct finder *f, uint32_t node) {
    return str_starts(graph_path(f->g, node), DIST_FOLDER);
}

/* Packages before what lies in them. */
static int by_line(const void *a, const void *b) {
    const struct edge *x = a, *y = b;
    return x->line != y->line ? (x->line > y->line) - (x->line < y->line) : (int)x->kind - (int)y->kind;
}

static int by_depth(const struct finder *f, const struct edge *x, const struct edge *y) {
    const char *first = graph_path(f->g, x->to), *second = graph_path(f->g, y->to);
    bool init = str_ends(first, "/__init__.py");
    size_t n = strlen(first) - (init ? strlen("__init__.py") : 0);
    return init && strncmp(first, second, n) == 0 ? -1 : 1;
}

/* What a module imports before anything else of it runs: the conftests around it, its packages, then line by
 * line. */
static const struct edge_list *leading_edges(struct finder *f, uint32_t node) {
    struct edge_list *list = &f->leading[node];
    if (f->ordered[node] || !is_file(f, node))
        return list;
    f->ordered[node] = true;
    ARRAY_FOR (const struct edge, e, &f->g->edges[node]) {
        bool imported = e->kind == EDGE_IMPORT || e->kind == EDGE_DIST;
        if (!e->late && ((imported && e->line < f->facts[node]->first_code) || e->kind == EDGE_CONFTEST))
            array_push(f->a, list, *e);
    }
    ARRAY_FOR (struct edge, e, list)
        if (e->kind == EDGE_CONFTEST)
            e->line = 0;
    if (list->len)
        qsort(list->items, list->len, sizeof *list->items, by_line);
    for (uint32_t i = 1; i < list->len; i++)
        for (uint32_t j = i; j && list->items[j].line == list->items[j - 1].line &&
                             by_depth(f, &list->items[j], &list->items[j - 1]) < 0;
             j--) {
            struct edge other = list->items[j];
            list->items[j] = list->items[j - 1];
            list->items[j - 1] = other;
        }
    return list;
}

static bool is_wanted(const struct finder *f, uint32_t node) {
    for (uint32_t i = 0; i < f->n_wanted; i++)
        if (f->wanted[i] == node)
            return true;
    return false;
}

enum walked { GOES_ON, HAS_ALL, BLOCKED };

/* Goes through what would be executed, in order, until all that is wanted was or something else comes first.
 */
static enum walked walk(struct finder *f, uint32_t node) {
    if (f->loaded[node] || f->visited[node] == f->round)
        return GOES_ON;
    f->visited[node] = f->round;
    f->steps++;
    if (is_wanted(f, node))
        return ++f->found == f->n_wanted ? HAS_ALL : GOES_ON;
    if (is_dist(f, node))
        return GOES_ON;
    const struct edge_list *edges = leading_edges(f, node);
    enum walked walked = f->depth++ < DEPTH_MOST ? GOES_ON : BLOCKED;
    for (uint32_t i = 0; i < edges->len && walked == GOES_ON; i++)
        walked = walk(f, edges->items[i].to);
    f->depth--;
    bool harmless = is_file(f, node) && f->facts[node]->first_code == FACT_NONE;
    return walked != GOES_ON || f->allowed[node] || harmless ? walked : BLOCKED;
}

/* What learned edges import before the file comes first of all. */
static bool gains(struct finder *f, const struct target *t) {
    if (!is_file(f, t->node) || t->before.len || f->allowed[t->node] || f->steps > STEPS_MOST)
        return false;
    f->round++;
    f->found = 0;
    return walk(f, t->node) == HAS_ALL;
}

static uint32_t count_gaining(struct finder *f, const struct plan *plan) {
    uint32_t n = 0;
    ARRAY_FOR (const struct target, t, &plan->targets)
        n += gains(f, t);
    return n;
}

/* Marks what importing `node` may import; returns what that weighs beyond what was marked before. */
static uint32_t mark_reached(struct finder *f, bool *marks, uint32_t node) {
    struct {
        uint32_t *items;
        uint32_t len, cap;
    } stack = {0};
    uint32_t weight = 0;
    array_push(f->a, &stack, node);
    while (stack.len) {
        uint32_t n = stack.items[--stack.len];
        if (marks[n] || (marks != f->loaded && f->loaded[n]))
            continue;
        marks[n] = true;
        weight += is_dist(f, n) ? DIST_WEIGHT : is_file(f, n);
        ARRAY_FOR (const struct edge, e, &f->g->edges[n])
            if (!e->late && (e->kind == EDGE_IMPORT || e->kind == EDGE_DIST || e->kind == EDGE_PLUGIN))
                array_push(f->a, &stack, e->to);
    }
    return weight;
}

/* Whether `path` is where a module of that name lies, below some source root. */
static bool answers(const char *path, const char *module) {
    struct arena scratch = {0};
    char *name = arena_strdup(&scratch, module);
    for (char *s = name; *s; s++)
        *s = *s == '.' ? '/' : *s;
    const char *const forms[] = {arena_printf(&scratch, "/%s.py", name),
                                 arena_printf(&scratch, "/%s/__init__.py", name)};
    const char *below = arena_printf(&scratch, "/%s", path);
    bool ok = str_ends(below, forms[0]) || str_ends(below, forms[1]);
    arena_free(&scratch);
    return ok;
}

/* The module that an import statement names and an edge of the same line leads to, or NULL. */
static const char *imported_module(const struct finder *f, const struct facts *facts,
                                   const struct fact_import *i, uint32_t node) {
    const char *module = facts_str(facts, i->module);
    if (i->level || i->place)
        return NULL;
    if (is_dist(f, node))
        return str_starts(module, "pytest") || str_starts(module, "_pytest") ? NULL : module;
    const char *name = arena_printf(f->a, "%s.%s", module, facts_str(facts, i->name));
    return i->name && answers(graph_path(f->g, node), name) ? name
           : answers(graph_path(f->g, node), module)        ? module
                                                            : NULL;
}

struct candidates {
    struct candidate *items;
    uint32_t len, cap;
};

static void add_candidate(struct finder *f, struct candidates *list, uint32_t *index, uint32_t node,
                          const char *module) {
    if (!index[node]) {
        array_push(f->a, list, (struct candidate){.node = node, .module = module});
        index[node] = list->len;
    }
    struct candidate *c = &list->items[index[node] - 1];
    c->named += strcmp(c->module, module) == 0;
}

static int by_named(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    return x->named != y->named ? (x->named < y->named) - (x->named > y->named)
                                : strcmp(x->module, y->module);
}

static struct candidates find_candidates(struct finder *f, const struct plan *plan) {
    struct candidates list = {0};
    uint32_t *index = arena_alloc(f->a, (f->g->nodes + 1) * sizeof *index);
    ARRAY_FOR (const struct target, t, &plan->targets) {
        if (!is_file(f, t->node))
            continue;
        const struct facts *facts = f->facts[t->node];
        const struct edge_list *edges = leading_edges(f, t->node);
        ARRAY_FOR (const struct edge, e, edges)
            FACTS_FOR(struct fact_import, i, facts, imports) {
                const char *module =
                    i->line == e->line && !f->loaded[e->to] ? imported_module(f, facts, i, e->to) : NULL;
                if (module) {
                    add_candidate(f, &list, index, e->to, module);
                    break;
                }
            }
    }
    if (list.len)
        qsort(list.items, list.len, sizeof *list.items, by_named);
    return list;
}

/* Takes one more candidate where that makes more of it in all; the sum is files times targets. */
static bool extend(struct finder *f, const struct plan *plan, const struct candidates *list, uint64_t *best,
                   struct strs *modules, struct strs *paths) {
    const struct candidate *chosen = NULL;
    bool *kept = f->allowed;
    for (uint32_t i = 0; i < list->len && i < CANDIDATES_MOST; i++) {
        const struct candidate *c = &list->items[i];
        if (c->named < TARGETS_LEAST || is_wanted(f, c->node) || kept[c->node])
            continue;
        f->allowed = arena_alloc(f->a, f->g->nodes + 1);
        memcpy(f->allowed, kept, f->g->nodes);
        uint32_t weight = f->weight + mark_reached(f, f->allowed, c->node);
        f->wanted[f->n_wanted++] = c->node;
        uint32_t gaining = count_gaining(f, plan);
        f->n_wanted--;
        if (gaining < TARGETS_LEAST || (uint64_t)gaining * weight <= *best)
            continue;
        *best = (uint64_t)gaining * weight;
        chosen = c;
    }
    f->allowed = kept;
    if (!chosen)
        return false;
    f->weight += mark_reached(f, f->allowed, chosen->node);
    f->wanted[f->n_wanted++] = chosen->node;
    array_push(f->a, modules, chosen->module);
    array_push(f->a, paths, is_dist(f, chosen->node) ? "" : graph_path(f->g, chosen->node));
    return true;
}

void preload_find(struct arena *a, const struct graph *g, const struct scan *scan,
                  const struct facts *const *facts, const struct strs *initial, struct plan *plan) {
    struct finder f = {.a = a, .g = g, .scan = scan, .facts = facts};
    uint32_t n = g->nodes + 1;
    f.leading = arena_alloc(a, n * sizeof *f.leading);
    f.ordered = arena_alloc(a, n * sizeof *f.ordered);
    f.loaded = arena_alloc(a, n * sizeof *f.loaded);
    f.allowed = arena_alloc(a, n * sizeof *f.allowed);
    f.visited = arena_alloc(a, n * sizeof *f.visited);
    for (uint32_t i = 0; i < initial->len; i++) {
        uint32_t node = graph_find(g, initial->items[i]);
        if (node != MAP_NONE)
            mark_reached(&f, f.loaded, node);
    }
    struct candidates list = find_candidates(&f, plan);
    uint64_t best = GAIN_LEAST;
    while (f.n_wanted < MODULES_MOST &&
           extend(&f, plan, &list, &best, &plan->preload, &plan->preload_paths)) {
    }
    ARRAY_FOR (struct target, t, &plan->targets)
        t->preloads = f.n_wanted && gains(&f, t);
}
