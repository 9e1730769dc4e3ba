#include "graph/preload.h"
#include "base/str.h"
#include "graph/dists.h"
#include "graph/graph.h"
#include "graph/leading.h"
#include "graph/plan.h"
#include "source/facts.h"
#include "source/scan.h"

#include <stdlib.h>
#include <string.h>

/* Costs are in what a file of the project takes to be imported, not quite a millisecond. */
enum {
    BRANCHES_MOST = 4, /* as rules/testfan_preload.py has it */
    TARGETS_LEAST = 3, /* that have a branch */
    BRANCH_COST = 30,
    DIST_COST = 30,
    PIVOTS_MOST = 6,       /* modules that are tried, of those that not all targets of a group import */
    EFFORT_MOST = 10000000 /* steps looked at in all */
};

/* What of the standard library is dear to import, when pytest has not done so. */
static const struct {
    const char *name;
    uint32_t cost;
} dear[] = {
    {"asyncio", 45},
    {"concurrent.futures", 4},
    {"configparser", 4},
    {"ctypes", 3},
    {"curses", 4},
    {"decimal", 3},
    {"distutils", 10},
    {"doctest", 4},
    {"email", 10},
    {"http", 12},
    {"multiprocessing", 8},
    {"sqlite3", 5},
    {"ssl", 9},
    {"tkinter", 12},
    {"unittest", 45},
    {"urllib.request", 15},
    {"xml", 8},
    {"xmlrpc", 20},
};

/* A target, and what it imports first. */
struct member {
    struct target *target;
    struct steps steps;
    const uint32_t *acting; /* of these, the names of those that act; `acts` of them */
    uint32_t acts, saved;   /* by its branch */
};

struct finder {
    struct arena *a;
    struct leading leading;
    struct member *members; /* those that act alike side by side */
    uint32_t n_members;
    bool *loaded;               /* by node: the server has imported it */
    uint32_t *marks, mark;      /* by node */
    uint32_t *counts, *counted; /* by name; of the members looked at, in the round `mark` */
    uint64_t effort;
};

/* Modules, and the members that may have them imported. */
struct choice {
    uint32_t first, end; /* members */
    uint32_t acts;       /* so many of their acting modules */
    uint32_t pivot;      /* and only those that import this, or FACT_NONE */
    int64_t gain;
};

static bool is_dist(const struct graph *g, uint32_t node) {
    return str_starts(graph_path(g, node), DIST_FOLDER);
}

/* Marks what importing `node` may import; returns what that costs beyond what was marked before. */
static uint32_t mark_reached(struct finder *f, uint32_t node) {
    const struct graph *g = f->leading.g;
    struct {
        uint32_t *items;
        uint32_t len, cap;
    } stack = {0};
    uint32_t cost = 0;
    array_push(f->a, &stack, node);
    while (stack.len) {
        uint32_t n = stack.items[--stack.len];
        if (f->marks[n] == f->mark || f->loaded[n])
            continue;
        f->marks[n] = f->mark;
        f->effort++;
        cost += is_dist(g, n) ? DIST_COST : n < f->leading.files;
        ARRAY_FOR (const struct edge, e, &g->edges[n])
            if (e->kind == EDGE_IMPORT || e->kind == EDGE_DIST || e->kind == EDGE_PLUGIN)
                array_push(f->a, &stack, e->to);
    }
    return cost;
}

static uint32_t cost_outside(struct finder *f, const char *name) {
    size_t top = strcspn(name, ".:");
    uint32_t node = graph_find(f->leading.g, arena_printf(f->a, DIST_FOLDER "%.*s", (int)top, name));
    if (node != MAP_NONE)
        return mark_reached(f, node);
    for (size_t i = 0; i < sizeof dear / sizeof *dear; i++) {
        size_t n = strlen(dear[i].name);
        bool same = strncmp(name, dear[i].name, n) == 0 && (!name[n] || name[n] == '.' || name[n] == ':');
        if (same && (strcmp(dear[i].name, "unittest") != 0 || strstr(name, "mock")))
            return dear[i].cost;
    }
    return 0;
}

static uint32_t cost_of(struct finder *f, const struct step *step) {
    return step->node == FACT_NONE ? cost_outside(f, intern_str(&f->leading.names, step->name))
                                   : mark_reached(f, step->node);
}

/* How many steps come before the one that acts as the first after `acts` of them. */
static uint32_t count_early(const struct member *m, uint32_t acts) {
    uint32_t i = 0;
    for (uint32_t n = 0; i < m->steps.len; i++)
        if (m->steps.items[i].acts && n++ == acts)
            break;
    return i;
}

static bool imports(struct finder *f, const struct member *m, uint32_t acts, uint32_t name) {
    uint32_t n = name == FACT_NONE ? 0 : count_early(m, acts);
    f->effort += n;
    for (uint32_t i = 0; i < n; i++)
        if (m->steps.items[i].name == name)
            return true;
    return name == FACT_NONE;
}

/* Counts by how many members of a choice each module is imported; returns how many members there are. */
static uint32_t count_imports(struct finder *f, const struct choice *c) {
    uint32_t members = 0;
    f->mark++;
    for (uint32_t i = c->first; i < c->end; i++) {
        const struct member *m = &f->members[i];
        if (!imports(f, m, c->acts, c->pivot))
            continue;
        members++;
        uint32_t early = count_early(m, c->acts);
        f->effort += early;
        for (uint32_t s = 0; s < early; s++) {
            uint32_t name = m->steps.items[s].name;
            f->counts[name] = f->counted[name] == f->mark ? f->counts[name] + 1 : 1;
            f->counted[name] = f->mark;
        }
    }
    return members;
}

static const struct member *first_of(struct finder *f, const struct choice *c) {
    for (uint32_t i = c->first; i < c->end; i++)
        if (imports(f, &f->members[i], c->acts, c->pivot))
            return &f->members[i];
    return NULL;
}

/* The steps that all members of a choice take, in the order of the first, and what they cost. */
static uint32_t take_steps(struct finder *f, const struct choice *c, struct steps *taken) {
    uint32_t members = count_imports(f, c), cost = 0;
    const struct member *m = first_of(f, c);
    uint32_t early = m ? count_early(m, c->acts) : 0;
    for (uint32_t i = 0; i < early && members >= TARGETS_LEAST; i++) {
        const struct step *step = &m->steps.items[i];
        if (f->counts[step->name] != members)
            continue;
        uint32_t more = cost_of(f, step);
        cost += more;
        if (more || step->acts || step->node != FACT_NONE)
            array_push(f->a, taken, *step);
    }
    return cost;
}

/* Of the members that gain by it, how much, if they are enough. After take_steps: what is marked runs in the
 * branch, and no target may be among it. */
static int64_t count_gain(struct finder *f, const struct choice *c, uint32_t cost) {
    int64_t gain = -(int64_t)cost - BRANCH_COST;
    uint32_t gaining = 0;
    for (uint32_t i = c->first; i < c->end; i++) {
        const struct member *m = &f->members[i];
        if (cost <= m->saved || f->marks[m->target->node] == f->mark || !imports(f, m, c->acts, c->pivot))
            continue;
        gain += cost - m->saved;
        gaining++;
    }
    return gaining >= TARGETS_LEAST ? gain : -1;
}

static void try_choice(struct finder *f, struct choice c, struct choice *best) {
    struct steps taken = {0};
    uint32_t cost = take_steps(f, &c, &taken);
    c.gain = taken.len ? count_gain(f, &c, cost) : -1;
    if (c.gain > best->gain)
        *best = c;
}

struct pivot {
    uint32_t name;
    uint64_t worth;
};

static int by_worth(const void *a, const void *b) {
    const struct pivot *x = a, *y = b;
    return x->worth != y->worth ? (x->worth < y->worth) - (x->worth > y->worth)
                                : (x->name > y->name) - (x->name < y->name);
}

/* Tries what a group has in common, and what those have that import something dear. */
static void try_group(struct finder *f, uint32_t first, uint32_t end, uint32_t acts, struct choice *best) {
    struct choice c = {.first = first, .end = end, .acts = acts, .pivot = FACT_NONE};
    if (end - first < TARGETS_LEAST || f->effort > EFFORT_MOST)
        return;
    try_choice(f, c, best);
    uint32_t members = count_imports(f, &c);
    ARRAY(struct pivot) pivots = {0};
    for (uint32_t i = first; i < end; i++) {
        const struct member *m = &f->members[i];
        uint32_t early = count_early(m, acts);
        for (uint32_t s = 0; s < early; s++) {
            const struct step *step = &m->steps.items[s];
            uint32_t n = f->counted[step->name] == f->mark ? f->counts[step->name] : 0;
            f->counts[step->name] = 0;
            if (n >= TARGETS_LEAST && n < members)
                array_push(f->a, &pivots, (struct pivot){step->name, n});
        }
    }
    for (uint32_t i = 0; i < pivots.len; i++) {
        const char *name = intern_str(&f->leading.names, pivots.items[i].name);
        f->mark++;
        pivots.items[i].worth *= 1 + cost_outside(f, name);
    }
    if (pivots.len)
        qsort(pivots.items, pivots.len, sizeof *pivots.items, by_worth);
    for (uint32_t i = 0; i < pivots.len && i < PIVOTS_MOST; i++) {
        c.pivot = pivots.items[i].name;
        try_choice(f, c, best);
    }
}

static int by_acts(const void *a, const void *b) {
    const struct member *x = a, *y = b;
    for (uint32_t i = 0; i < x->acts && i < y->acts; i++)
        if (x->acting[i] != y->acting[i])
            return x->acting[i] < y->acting[i] ? -1 : 1;
    return x->acts != y->acts ? (x->acts > y->acts) - (x->acts < y->acts)
                              : strcmp(x->target->file, y->target->file);
}

static uint32_t count_common(const struct member *x, const struct member *y) {
    uint32_t n = 0;
    while (n < x->acts && n < y->acts && x->acting[n] == y->acting[n])
        n++;
    return n;
}

/* Goes through all groups of members that begin alike: whatever more they have in common, they have it all.
 */
static struct choice choose(struct finder *f) {
    struct choice best = {0};
    struct group {
        uint32_t first, acts;
    } *open = arena_alloc(f->a, (f->n_members + 1) * sizeof *open);
    uint32_t depth = 0;
    for (uint32_t i = 0; i < f->n_members; i++) {
        uint32_t common = i + 1 < f->n_members ? count_common(&f->members[i], &f->members[i + 1]) : 0;
        uint32_t first = i;
        while (depth && open[depth - 1].acts > common) {
            first = open[--depth].first;
            try_group(f, first, i + 1, open[depth].acts, &best);
        }
        if (!depth || open[depth - 1].acts < common)
            open[depth++] = (struct group){first, common};
    }
    while (depth--)
        try_group(f, open[depth].first, f->n_members, open[depth].acts, &best);
    return best;
}

static void add_branch(struct finder *f, struct plan *plan, const struct choice *c) {
    struct branch branch = {0};
    struct steps taken = {0};
    uint32_t cost = take_steps(f, c, &taken);
    ARRAY_FOR (const struct step, step, &taken) {
        array_push(f->a, &branch.modules, intern_str(&f->leading.names, step->name));
        array_push(f->a, &branch.paths, step->node == FACT_NONE ? "" : graph_path(f->leading.g, step->node));
    }
    array_push(f->a, &plan->branches, branch);
    for (uint32_t i = c->first; i < c->end; i++) {
        struct member *m = &f->members[i];
        if (cost <= m->saved || f->marks[m->target->node] == f->mark || !imports(f, m, c->acts, c->pivot))
            continue;
        m->saved = cost;
        m->target->branch = plan->branches.len;
    }
}

static void add_members(struct finder *f, struct plan *plan) {
    f->members = arena_alloc(f->a, (plan->targets.len + 1) * sizeof *f->members);
    ARRAY_FOR (struct target, t, &plan->targets) {
        struct member m = {.target = t};
        leading_find(&f->leading, t, &m.steps);
        if (!m.steps.len)
            continue;
        uint32_t *acting = arena_alloc(f->a, m.steps.len * sizeof *acting);
        ARRAY_FOR (const struct step, step, &m.steps)
            if (step->acts)
                acting[m.acts++] = step->name;
        m.acting = acting;
        f->members[f->n_members++] = m;
    }
    if (f->n_members)
        qsort(f->members, f->n_members, sizeof *f->members, by_acts);
}

void preload_find(struct arena *a, const struct graph *g, const struct scan *scan,
                  const struct modules *modules, const struct dists *dists, const struct facts *const *facts,
                  const struct strs *initial, struct plan *plan) {
    struct finder f = {.a = a};
    uint32_t n = g->nodes + 1;
    bool *conftests = arena_alloc(a, n);
    f.loaded = arena_alloc(a, n);
    f.marks = arena_alloc(a, n * sizeof *f.marks);
    f.leading = (struct leading){.g = g, .modules = modules, .dists = dists, .facts = facts};
    f.leading.files = scan->files.len;
    f.leading.initial = conftests;
    leading_new(&f.leading, a);
    f.mark = 1;
    for (uint32_t i = 0; i < initial->len; i++) {
        uint32_t node = graph_find(g, initial->items[i]);
        if (node == MAP_NONE)
            continue;
        conftests[node] = true;
        mark_reached(&f, node);
    }
    for (uint32_t i = 0; i < g->nodes; i++)
        f.loaded[i] = f.marks[i] == f.mark;
    add_members(&f, plan);
    f.counts = arena_alloc(a, (f.leading.names.strings.len + 1) * sizeof *f.counts);
    f.counted = arena_alloc(a, (f.leading.names.strings.len + 1) * sizeof *f.counted);
    while (plan->branches.len < BRANCHES_MOST) {
        struct choice c = choose(&f);
        if (c.gain <= 0)
            break;
        add_branch(&f, plan, &c);
    }
}
