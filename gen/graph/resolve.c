#include "graph/resolve.h"
#include "base/diag.h"
#include "base/os.h"
#include "graph/cycles.h"
#include "graph/data.h"
#include "graph/dists.h"
#include "graph/graph.h"
#include "graph/learned.h"
#include "graph/modules.h"
#include "graph/resolver.h"
#include "graph/shadows.h"
#include "source/config.h"
#include "source/directive.h"
#include "source/facts.h"
#include "source/python.h"
#include "source/scan.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void resolver_note(const struct resolver *r, enum diag_code code, uint32_t line, uint32_t col,
                   const char *fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    array_push(r->findings->arena, r->findings,
               (struct finding){r->file, code, line, col, arena_strdup(r->findings->arena, text), NULL});
}

void resolver_cure(const struct resolver *r, const char *fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    r->findings->items[r->findings->len - 1].hint = arena_strdup(r->findings->arena, text);
}

void resolver_edge(const struct resolver *r, uint32_t to, enum edge_kind kind, uint32_t line) {
    if (r->late)
        graph_late_edge(r->g, r->file, to, kind, line);
    else
        graph_edge(r->g, r->file, to, kind, line);
}

static void add_roots(struct resolver *r, struct map *seen, const struct strs *roots, bool backwards) {
    for (uint32_t i = 0; i < roots->len; i++) {
        const char *root = roots->items[backwards ? roots->len - 1 - i : i];
        if (map_get(seen, root, strlen(root)) != MAP_NONE)
            continue;
        map_add(seen, root, strlen(root), 1);
        array_push(r->arena, &r->roots, root);
    }
}

/* sys.path as this file sees it: its own base folder, those of the conftests above it and the roots of all,
   in the order of the import mode. A file that pytest does not import may be run as a script. */
static void find_roots(struct resolver *r) {
    struct map seen = {.arena = r->arena};
    struct strs near = {0};
    bool collected = r->flags & (SOURCE_TEST | SOURCE_DOCTEST | SOURCE_CONFTEST);
    bool inserted = collected && r->m->mode != IMPORT_IMPORTLIB;
    const char *own = modules_base(r->m, r->path);
    r->own = inserted ? own : NULL;
    if (inserted || !collected)
        array_push(r->arena, &near, own);
    for (char *dir = os_dirname(r->arena, r->path);; dir = os_dirname(r->arena, dir)) {
        if (map_get(&r->m->base_of, dir, strlen(dir)) != MAP_NONE)
            array_push(r->arena, &near, dir);
        if (!*dir)
            break;
    }
    if (r->m->mode == IMPORT_PREPEND)
        add_roots(r, &seen, &near, false);
    add_roots(r, &seen, &r->m->roots, false);
    add_roots(r, &seen, &near, true);
}

/* An edge to the file named `name` in every folder from the file's own up to rootdir. */
static void add_upward(const struct resolver *r, const char *name, enum edge_kind kind) {
    char *dir = os_dirname(r->arena, r->path);
    for (;; dir = os_dirname(r->arena, dir)) {
        uint32_t file = modules_file(r->m, os_join(r->arena, dir, name));
        if (file != NO_FILE && (kind != EDGE_CONFTEST || modules_loads_conftest(r->c, dir)))
            resolver_edge(r, file, kind, 0);
        if (!*dir)
            return;
    }
}

static void resolve_directives(const struct resolver *r) {
    FACTS_FOR(struct fact_directive, d, r->facts, directives) {
        const char *text = facts_str(r->facts, d->text), *cure;
        if (!directive_check(r->arena, text, &cure)) {
            resolver_note(r, DIAG_DATA, d->line, 0, "'# testfan: %s' cannot be followed", text);
            resolver_cure(r, "%s", cure);
            continue;
        }
        const char *globs = directive_value(text, "data");
        if (!globs)
            continue;
        char *dir = os_dirname(r->arena, r->path);
        for (struct strs words = str_words(r->arena, globs); words.len; words.len--) {
            const char *glob = words.items[words.len - 1];
            if (!data_edges(r->g, r->file, r->c->rootdir, *glob == '/' ? "" : dir, glob + (*glob == '/'),
                            d->line)) {
                resolver_note(r, DIAG_DATA, d->line, 0, "'%s' matches no file", glob);
                resolver_cure(
                    r, "the pattern is relative to the file's folder; with a leading '/' to the rootdir");
            }
        }
    }
}

static void resolve_plugins(const struct resolver *r, const struct strs *modules) {
    for (uint32_t i = 0; i < modules->len; i++) {
        imports_look_up(r, &r->roots, modules->items[i], "", false, EDGE_PLUGIN, 0);
    }
}

/* pytest asks every distribution for its entry points, the project's own too. */
static void resolve_entry_points(const struct resolver *r, const char *info) {
    size_t n = strlen(r->c->rootdir);
    const char *path = os_join(r->arena, info, "entry_points.txt");
    if (strncmp(path, r->c->rootdir, n) == 0 && path[n] == '/' && os_is_file(path))
        resolver_edge(r, graph_node(r->g, path + n + 1), EDGE_PLUGIN, 0);
}

static void resolve_shadows(const struct resolver *of) {
    struct resolver late = *of, *r = &late;
    late.late = true;
    for (uint32_t i = 0; i < r->roots.len; i++) {
        const struct shadow_list *list = shadows_in(r->shadows, r->roots.items[i]);
        for (uint32_t j = 0; list && j < list->len; j++)
            resolver_edge(r, list->items[j], EDGE_IMPORT, 0);
    }
}

static void resolve_test(const struct resolver *r, const struct strs *initial,
                         const struct learned *learned) {
    const struct learned_target *known = learned_find(learned, r->path);
    if (known)
        resolve_plugins(r, &known->lists[LEARNED_IMPORTS]);
    for (uint32_t i = 0; i < initial->len; i++)
        resolver_edge(r, modules_file(r->m, initial->items[i]), EDGE_CONFTEST, 0);
    resolve_shadows(r);
    resolve_plugins(r, &r->c->options.plugins);
    for (uint32_t i = 0; i < r->c->options.plugins.len; i++)
        dists_import(r->d, r->g, r->file, r->c->options.plugins.items[i], "", false, 0);
    ARRAY_FOR (const struct dist, dist, &r->d->python->dists) {
        resolve_plugins(r, &dist->plugins);
        if (dists_is_own(r->d, dist))
            resolve_entry_points(r, dist->info);
    }
    size_t n = strlen(r->c->rootdir);
    for (uint32_t i = 0; i < r->c->inputs.len; i++)
        if (strncmp(r->c->inputs.items[i], r->c->rootdir, n) == 0 && r->c->inputs.items[i][n] == '/')
            resolver_edge(r, graph_node(r->g, r->c->inputs.items[i] + n + 1), EDGE_CONFIG, 0);
    for (uint32_t i = 0; i < r->c->testfan.data.len; i++)
        data_edges(r->g, r->file, r->c->rootdir, "", r->c->testfan.data.items[i], 0);
}

static void resolve_file(struct resolver *r, const struct source_file *f, const struct strs *initial,
                         const struct learned *learned) {
    if (r->facts->flags & FACT_SYNTAX_ERROR)
        resolver_note(r, DIAG_SYNTAX, r->facts->error_line, r->facts->error_col,
                      "not valid Python; its imports may be incomplete");
    if (r->facts->flags & FACT_ENCODING)
        resolver_note(r, DIAG_SYNTAX, 1, 0, "in an encoding that cannot be read; its imports are unknown");
    find_roots(r);
    imports_resolve(r);
    strings_resolve(r);
    resolve_directives(r);
    add_upward(r, "__init__.py", EDGE_IMPORT);
    if (f->flags & (SOURCE_TEST | SOURCE_DOCTEST | SOURCE_CONFTEST))
        add_upward(r, "conftest.py", EDGE_CONFTEST);
    if (f->flags & (SOURCE_TEST | SOURCE_DOCTEST))
        resolve_test(r, initial, learned);
}

void resolve_imports(struct graph *g, struct modules *m, struct dists *d, const struct config *c,
                     const struct facts *const *facts, const struct strs *initial,
                     const struct learned *learned, struct findings *findings) {
    struct arena scratch = {0};
    const struct scan *scan = m->scan;
    struct shadows shadows;
    shadows_index(&shadows, findings->arena, m, d);
    for (uint32_t i = 0; i < scan->files.len + scan->texts.len; i++) {
        const struct source_file *f =
            i < scan->files.len ? &scan->files.items[i] : &scan->texts.items[i - scan->files.len];
        struct resolver r = {.arena = &scratch,
                             .g = g,
                             .m = m,
                             .d = d,
                             .shadows = &shadows,
                             .c = c,
                             .path = f->path,
                             .file = i,
                             .flags = f->flags,
                             .facts = facts[i],
                             .all = facts,
                             .findings = findings};
        resolve_file(&r, f, initial, learned);
        arena_free(&scratch);
    }
}

void resolve_report(const struct findings *findings, const struct graph *g, const struct scan *scan) {
    struct arena scratch = {0};
    unsigned char *seen = arena_alloc(&scratch, g->units + 1);
    struct unit_edges forward = graph_forward(g);
    for (uint32_t i = 0; i < scan->files.len; i++)
        if (scan->files.items[i].flags & (SOURCE_TEST | SOURCE_DOCTEST))
            graph_reach(g, &forward, g->unit_of[i], seen);
    ARRAY_FOR (const struct finding, f, findings) {
        if (!seen[g->unit_of[f->file]])
            continue;
        diag(f->code, graph_path(g, f->file), f->line, f->col, "%s", f->text);
        if (f->hint)
            hint("%s", f->hint);
    }
    cycles_report(g, seen);
    arena_free(&scratch);
}

static void add_conftests_down(struct arena *a, const struct config *c, const struct map *files,
                               const char *dir, struct strs *out) {
    struct strs chain = {0};
    for (const char *d = dir;; d = os_dirname(a, d)) {
        const char *path = os_join(a, d, "conftest.py");
        if (map_get(files, path, strlen(path)) != MAP_NONE && modules_loads_conftest(c, d) &&
            !strs_has(out, path))
            array_push(a, &chain, path);
        if (!*d)
            break;
    }
    while (chain.len)
        array_push(a, out, chain.items[--chain.len]);
}

struct strs resolve_initial_conftests(struct arena *a, const struct scan *scan, const struct config *c) {
    struct strs out = {0}, anchors = scan->given;
    struct map files = {.arena = a};
    for (uint32_t i = 0; i < scan->files.len; i++)
        map_add(&files, scan->files.items[i].path, strlen(scan->files.items[i].path), i);
    if (!anchors.len)
        array_push(a, &anchors, "");
    for (uint32_t i = 0; i < anchors.len; i++) {
        const char *anchor = strcmp(anchors.items[i], ".") == 0 ? "" : anchors.items[i];
        bool folder = !*anchor || os_is_dir(os_join(a, c->rootdir, anchor));
        add_conftests_down(a, c, &files, folder ? anchor : os_dirname(a, anchor), &out);
        for (uint32_t j = 0; folder && j < scan->dirs.len; j++) {
            const char *dir = scan->dirs.items[j];
            if (str_eq(os_dirname(a, dir), anchor) && str_starts(os_basename(dir), "test"))
                add_conftests_down(a, c, &files, dir, &out);
        }
    }
    return out;
}
