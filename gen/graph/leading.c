#include "graph/leading.h"
#include "base/os.h"
#include "graph/dists.h"
#include "graph/graph.h"
#include "graph/modules.h"
#include "graph/plan.h"
#include "source/facts.h"
#include "source/python.h"

#include <stdlib.h>
#include <string.h>

enum {
    STEPS_MOST = 256, /* of a target */
    DEPTH_MOST = 200, /* of imports in imports */
};

#define INIT "/__init__.py"

/* What a file imports first, by itself. */
struct leads {
    struct lead {
        uint32_t name, node;
        bool acts; /* when it lies outside the tree */
    } * items;
    uint32_t len, cap;
    uint32_t name; /* of the module; FACT_NONE: not known */
    bool made, certain, acts;
};

/* A file whose leads are being found. */
struct reader {
    struct leading *l;
    struct leads *leads;
    uint32_t node;
    struct arena scratch;
};

void leading_new(struct leading *l, struct arena *a) {
    uint32_t n = l->g->nodes + 1;
    l->arena = a;
    l->names = intern_new(a);
    l->outside = (struct map){.arena = a};
    l->leads = arena_alloc(a, n * sizeof *l->leads);
    l->visited = arena_alloc(a, n * sizeof *l->visited);
}

static void add_lead(struct reader *r, const char *name, uint32_t node, bool acts) {
    uint32_t id = intern_add(&r->l->names, name, strlen(name));
    array_push(r->l->arena, r->leads, (struct lead){id, node, acts});
}

/* Whether a file is what a module name means: below a root that is on sys.path in every process. */
static bool answers(struct reader *r, const char *path, const char *name) {
    size_t n = strlen(path), m = strlen(name), end = str_ends(path, INIT) ? strlen(INIT) : strlen(".py");
    if (n < end + m || !str_ends(path, ".py"))
        return false;
    const char *at = path + n - end - m;
    if (at > path && at[-1] != '/')
        return false;
    for (size_t i = 0; i < m; i++)
        if (at[i] != (name[i] == '.' ? '/' : name[i]))
            return false;
    const char *root = at > path ? arena_strndup(&r->scratch, path, (size_t)(at - path) - 1) : "";
    return modules_is_sure(r->l->modules, root);
}

/* The file that is imported by that name: FACT_NONE when there is none. False when it cannot be told. */
static bool find_file(struct reader *r, const char *name, uint32_t *file) {
    const struct graph *g = r->l->g;
    *file = FACT_NONE;
    if (answers(r, graph_path(g, r->node), name))
        return false;
    ARRAY_FOR (const struct edge, e, &g->edges[r->node]) {
        if (e->kind != EDGE_IMPORT || !answers(r, graph_path(g, e->to), name))
            continue;
        if (*file != FACT_NONE || e->to >= r->l->files)
            return false;
        *file = e->to;
    }
    return true;
}

/* Whether a package surely has no attribute of that name but a submodule. */
static bool lacks(const struct facts *f, const char *name) {
    if (f->flags)
        return false;
    FACTS_FOR(struct fact_def, d, f, defs)
    if (d->parent == FACT_NONE && strcmp(facts_str(f, d->name), name) == 0)
        return false;
    FACTS_FOR(struct fact_binding, b, f, bindings)
    if (strcmp(facts_str(f, b->name), name) == 0)
        return false;
    FACTS_FOR(struct fact_import, i, f, imports)
    if (facts_binds(f, i, name) || strcmp(facts_str(f, i->name), "*") == 0)
        return false;
    return true;
}

/* The packages on the way to a module, and the module; `last` is its file, FACT_NONE for a namespace. */
static bool read_module(struct reader *r, const char *name, uint32_t *last) {
    *last = FACT_NONE;
    for (const char *end = name; *end;) {
        end += *end == '.';
        end += strcspn(end, ".");
        const char *part = arena_strndup(&r->scratch, name, (size_t)(end - name));
        if (!find_file(r, part, last))
            return false;
        if (*last != FACT_NONE)
            add_lead(r, part, *last, false);
    }
    return true;
}

static bool read_ours(struct reader *r, const char *module, const char *name) {
    uint32_t file, sub;
    if (!read_module(r, module, &file))
        return false;
    if (strcmp(name, "*") == 0)
        return file != FACT_NONE && !str_ends(graph_path(r->l->g, file), INIT);
    if (!*name)
        return file != FACT_NONE;
    const char *dotted = arena_printf(&r->scratch, "%s.%s", module, name);
    if (!find_file(r, dotted, &sub))
        return false;
    if (sub == FACT_NONE)
        return file != FACT_NONE;
    if (file != FACT_NONE && !lacks(r->l->facts[file], name))
        return false;
    add_lead(r, dotted, sub, false);
    return true;
}

/* The whole name of the module that a relative import means; NULL when that is not known. */
static const char *absolute(struct reader *r, unsigned level, const char *module) {
    if (r->leads->name == FACT_NONE)
        return NULL;
    const char *own = intern_str(&r->l->names, r->leads->name);
    size_t n = strlen(own);
    for (unsigned up = str_ends(graph_path(r->l->g, r->node), INIT); up < level; up++) {
        while (n && own[n - 1] != '.')
            n--;
        if (!n)
            return NULL;
        n--;
    }
    return arena_printf(&r->scratch, "%.*s%s%s", (int)n, own, *module ? "." : "", module);
}

enum outside { NOTHING, STANDARD, INSTALLED, PYTEST };

static enum outside find_outside(struct leading *l, const char *top, size_t n) {
    uint32_t known = map_get(&l->outside, top, n);
    if (known != MAP_NONE)
        return (enum outside)known;
    enum outside found = strcmp(top, "pytest") == 0 || strcmp(top, "_pytest") == 0 ? PYTEST
                         : map_get(&l->dists->python->stdlib, top, n) != MAP_NONE  ? STANDARD
                         : dists_has(l->dists, top)                                ? INSTALLED
                                                                                   : NOTHING;
    map_set(&l->outside, top, n, found);
    return found;
}

static bool read_import(struct reader *r, const struct facts *f, const struct fact_import *i) {
    const char *module = facts_str(f, i->module), *name = facts_str(f, i->name);
    if (i->level) {
        module = absolute(r, i->level, module);
        return module && read_ours(r, module, name);
    }
    size_t n = strcspn(module, ".");
    enum outside outside = find_outside(r->l, arena_strndup(&r->scratch, module, n), n);
    if (map_get(&r->l->modules->tops, module, n) != MAP_NONE)
        return outside == NOTHING && read_ours(r, module, name);
    bool plain = !*name || strcmp(name, "*") == 0, installed = outside == INSTALLED;
    if (installed || outside == STANDARD)
        add_lead(r, plain ? module : arena_printf(&r->scratch, "%s:%s", module, name), FACT_NONE, installed);
    return outside != NOTHING;
}

static bool is_any(const char *const *names, const char *name) {
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

/* Whether to define a class on that base does no more than that: it is well known, or the file's own. */
static bool is_quiet_base(const struct facts *f, const char *base) {
    static const char *const quiet[] = {"object",   "Exception", "ABC",        "abc.ABC",
                                        "Enum",     "enum.Enum", "IntEnum",    "enum.IntEnum",
                                        "str",      "int",       "dict",       "list",
                                        "tuple",    "type",      "TestCase",   "unittest.TestCase",
                                        "Protocol", "TypedDict", "NamedTuple", "typing.NamedTuple",
                                        NULL};
    static const char *const errors[] = {"ArithmeticError", "AssertionError", "AttributeError",
                                         "ImportError",     "IndexError",     "KeyError",
                                         "LookupError",     "NameError",      "NotImplementedError",
                                         "OSError",         "RuntimeError",   "SyntaxError",
                                         "TypeError",       "UserWarning",    "ValueError",
                                         "Warning",         "BaseException",  NULL};
    if (is_any(quiet, base) || is_any(errors, base))
        return true;
    bool own = false;
    FACTS_FOR(struct fact_def, d, f, defs) {
        const char *name = facts_str(f, d->name);
        if (strcmp(name, "__init_subclass__") == 0)
            return false;
        own |= d->kind == DEF_CLASS && d->parent == FACT_NONE && strcmp(name, base) == 0;
    }
    return own;
}

static bool is_quiet_decorator(const char *callee) {
    static const char *const quiet[] = {"staticmethod",    "classmethod",
                                        "property",        "wraps",
                                        "functools.wraps", "lru_cache",
                                        "cached_property", "functools.lru_cache",
                                        "cache",           "functools.cached_property",
                                        "functools.cache", "functools.total_ordering",
                                        "contextmanager",  "contextlib.contextmanager",
                                        "dataclass",       "dataclasses.dataclass",
                                        "abstractmethod",  "abc.abstractmethod",
                                        "overload",        "typing.overload",
                                        "fixture",         "pytest.fixture",
                                        "pytest.hookimpl", "pytest.yield_fixture",
                                        "total_ordering",  NULL};
    return is_any(quiet, callee) || str_starts(callee, "pytest.mark.") || str_ends(callee, ".setter") ||
           str_ends(callee, ".deleter") || str_ends(callee, ".getter");
}

static bool is_quiet(const struct facts *f, const struct fact_def *d) {
    const struct fact_decorator *decorators = facts_at(f, f->decorators.at);
    const fact_base *bases = facts_at(f, f->bases.at);
    for (uint32_t i = 0; i < d->decorators; i++)
        if (!is_quiet_decorator(facts_str(f, decorators[d->first_decorator + i].callee)))
            return false;
    for (uint32_t i = 0; i < d->bases; i++)
        if (!is_quiet_base(f, facts_str(f, bases[d->first_base + i])))
            return false;
    return true;
}

/* The line of the first statement that may do more than to import and to bind names: a decorator and a base
 * class of another module may note, somewhere, what they are for. */
static uint32_t first_act(const struct facts *f) {
    uint32_t line = f->first_code;
    FACTS_FOR(struct fact_def, d, f, defs)
    if (d->line < line && !is_quiet(f, d))
        line = d->line;
    return line;
}

/* False where it cannot be told what comes next. */
static bool read_imports(struct reader *r) {
    enum { ELSEWHERE = PLACE_FUNCTION | PLACE_TYPE_CHECKING | PLACE_EXAMPLE };
    const struct facts *f = r->l->facts[r->node];
    const uint32_t first = first_act(f);
    r->leads->acts = first != FACT_NONE || f->flags & (FACT_SYNTAX_ERROR | FACT_ENCODING);
    ARRAY_FOR (const struct edge, e, &r->l->g->edges[r->node])
        if (e->kind == EDGE_IMPORT && e->to >= r->l->files)
            return false;
    FACTS_FOR(struct fact_import, i, f, imports) {
        if (i->place & ELSEWHERE)
            continue;
        if (i->line >= first)
            break;
        if (i->place) {
            r->leads->acts = true;
            break;
        }
        if (!read_import(r, f, i))
            return false;
    }
    return true;
}

static const struct leads *leads_of(struct leading *l, uint32_t node, uint32_t name) {
    struct leads *leads = &l->leads[node];
    if (leads->made)
        return leads;
    struct reader r = {.l = l, .leads = leads, .node = node};
    *leads = (struct leads){.name = name, .made = true};
    leads->certain = read_imports(&r);
    arena_free(&r.scratch);
    return leads;
}

static bool add_step(struct leading *l, uint32_t name, uint32_t node, bool acts) {
    for (uint32_t i = 0; node == FACT_NONE && i < l->steps->len; i++)
        if (l->steps->items[i].name == name)
            return true;
    if (l->steps->len == STEPS_MOST)
        return false;
    array_push(l->arena, l->steps, (struct step){name, node, acts});
    return true;
}

static bool is_in_cycle(const struct graph *g, uint32_t node) {
    uint32_t unit = g->unit_of[node];
    return g->unit_first[unit + 1] - g->unit_first[unit] > 1;
}

static bool visit(struct leading *l, uint32_t node, uint32_t name);

static bool visit_leads(struct leading *l, const struct leads *leads) {
    for (uint32_t i = 0; i < leads->len; i++) {
        const struct lead *lead = &leads->items[i];
        if (lead->node == FACT_NONE ? !add_step(l, lead->name, FACT_NONE, lead->acts)
                                    : !visit(l, lead->node, lead->name))
            return false;
    }
    return leads->certain;
}

static bool visit(struct leading *l, uint32_t node, uint32_t name) {
    const struct leads *leads = leads_of(l, node, name);
    if (leads->name != name || l->visited[node] == l->round)
        return leads->name == name;
    l->visited[node] = l->round;
    bool cycle = is_in_cycle(l->g, node);
    bool certain = cycle || (l->depth++ < DEPTH_MOST && visit_leads(l, leads));
    l->depth -= !cycle;
    return certain && add_step(l, name, node, cycle || leads->acts);
}

static int by_length(const void *a, const void *b) {
    size_t x = strlen(*(const char *const *)a), y = strlen(*(const char *const *)b);
    return (x > y) - (x < y);
}

/* The packages that a test file lies in, which are imported before it. */
static bool visit_packages(struct leading *l, const struct target *t) {
    struct strs inits = {0};
    ARRAY_FOR (const struct edge, e, &l->g->edges[t->node]) {
        const char *path = graph_path(l->g, e->to);
        if (e->kind != EDGE_IMPORT || e->line)
            continue;
        const char *folder = arena_printf(l->arena, "%s/", os_dirname(l->arena, path));
        if (!str_ends(path, INIT) || !str_starts(t->file, folder))
            return false;
        array_push(l->arena, &inits, path);
    }
    if (inits.len)
        qsort(inits.items, inits.len, sizeof *inits.items, by_length);
    const char *base = modules_base(l->modules, t->file);
    size_t skip = *base ? strlen(base) + 1 : 0;
    for (uint32_t i = 0; i < inits.len; i++) {
        const char *path = inits.items[i];
        uint32_t node = graph_find(l->g, path);
        const struct facts *f = l->facts[node];
        if (first_act(f) == FACT_NONE && !f->imports.len && !f->flags)
            continue;
        if (strlen(path) < skip + strlen(INIT) || !modules_is_sure(l->modules, base))
            return false;
        char *name = arena_strndup(l->arena, path + skip, strlen(path) - skip - strlen(INIT));
        for (char *s = name; *s; s++)
            *s = *s == '/' ? '.' : *s;
        if (!visit(l, node, intern_add(&l->names, name, strlen(name))))
            return false;
    }
    return true;
}

/* The conftests that are loaded only for files such as this one: they may do nothing but import and define.
 */
static bool visit_conftests(struct leading *l, const struct target *t) {
    struct strs conftests = {0};
    ARRAY_FOR (const struct edge, e, &l->g->edges[t->node])
        if (e->kind == EDGE_CONFTEST && !l->initial[e->to])
            array_push(l->arena, &conftests, graph_path(l->g, e->to));
    if (conftests.len)
        qsort(conftests.items, conftests.len, sizeof *conftests.items, by_length);
    bool packages = l->steps->len > 0;
    for (uint32_t i = 0; i < conftests.len; i++) {
        uint32_t node = graph_find(l->g, conftests.items[i]);
        ARRAY_FOR (const struct edge, e, &l->g->edges[node])
            if (e->kind == EDGE_PLUGIN)
                return false;
        const struct leads *leads = leads_of(l, node, FACT_NONE);
        if (leads->acts || (packages && leads->len) || !visit_leads(l, leads))
            return false;
    }
    return true;
}

void leading_find(struct leading *l, const struct target *t, struct steps *steps) {
    *steps = (struct steps){0};
    l->steps = steps;
    l->round++;
    if (t->node >= l->files || t->before.len)
        return;
    l->visited[t->node] = l->round;
    if (visit_packages(l, t) && visit_conftests(l, t))
        visit_leads(l, leads_of(l, t->node, FACT_NONE));
}
