#include "graph/resolve.h"
#include "base/diag.h"
#include "base/os.h"
#include "graph/data.h"
#include "graph/dists.h"
#include "graph/graph.h"
#include "graph/modules.h"
#include "source/config.h"
#include "source/facts.h"
#include "source/python.h"
#include "source/scan.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One file at work. */
struct resolver {
    struct arena *arena;
    struct graph *g;
    struct modules *m;
    struct dists *d;
    const struct config *c;
    const char *path;
    uint32_t file;
    const struct facts *facts;
    struct strs roots; /* where this file's absolute imports are looked for, nearest first */
    const struct facts *const *all;
    struct findings *findings;
};

/* What a dotted name came to. */
struct found {
    enum module_kind kind; /* of the last part that was found */
    uint32_t file;         /* its file, or NO_FILE for a namespace */
    uint32_t parts;        /* how many parts were found */
    uint32_t files;        /* how many files that is */
    char dir[PATH_MAX];    /* where its submodules lie */
};

__attribute__((format(printf, 5, 6))) static void note(const struct resolver *r, enum diag_code code,
                                                       uint32_t line, uint32_t col, const char *fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    array_push(r->findings->arena, r->findings,
               (struct finding){r->file, code, line, col, arena_strdup(r->findings->arena, text), NULL});
}

__attribute__((format(printf, 2, 3))) static void cure(const struct resolver *r, const char *fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    r->findings->items[r->findings->len - 1].hint = arena_strdup(r->findings->arena, text);
}

static void add_edge(const struct resolver *r, uint32_t to, enum edge_kind kind, uint32_t line) {
    graph_edge(r->g, r->file, to, kind, line);
}

/* Follows the parts of a dotted name down from `dir`, with an edge to every file on the way. */
static struct found follow(const struct resolver *r, const char *dir, const char *name, enum edge_kind kind,
                           uint32_t line) {
    struct found found = {.kind = MODULE_NAMESPACE, .file = NO_FILE};
    char sub[PATH_MAX];
    snprintf(found.dir, sizeof found.dir, "%s", dir);
    while (*name) {
        size_t n = strcspn(name, ".");
        uint32_t file;
        enum module_kind part = modules_lookup(r->m, found.dir, name, n, &file, sub);
        if (part == MODULE_NONE)
            break;
        if (file != NO_FILE) {
            add_edge(r, file, kind, line);
            found.files++;
        }
        found.kind = part;
        found.file = file;
        found.parts++;
        memcpy(found.dir, sub, sizeof sub);
        name += n + (name[n] == '.');
        if (part == MODULE_FILE)
            break;
    }
    return found;
}

static uint32_t count_parts(const char *name) {
    uint32_t n = *name != 0;
    for (; *name; name++)
        n += *name == '.';
    return n;
}

/* `from package import *` imports the submodules that the package's __all__ names. */
static void follow_all(const struct resolver *r, const struct found *package, enum edge_kind kind,
                       uint32_t line) {
    if (package->kind != MODULE_PACKAGE)
        return;
    const struct facts *facts = r->all[package->file];
    FACTS_FOR(struct fact_assign, assign, facts, assigns) {
        if (strcmp(facts_str(facts, assign->name), "__all__") != 0)
            continue;
        for (const char *s = facts_str(facts, assign->value); (s = strpbrk(s, "'\"")) != NULL;) {
            const char *end = strchr(s + 1, *s);
            if (!end)
                break;
            char name[256];
            snprintf(name, sizeof name, "%.*s", (int)(end - s - 1), s + 1);
            if (*name && !strchr(name, '.'))
                follow(r, package->dir, name, kind, line);
            s = end + 1;
        }
    }
}

static void follow_names(const struct resolver *r, const struct found *module, const char *name,
                         enum edge_kind kind, uint32_t line) {
    if (module->kind == MODULE_FILE || !*name)
        return;
    if (strcmp(name, "*") == 0)
        follow_all(r, module, kind, line);
    else
        follow(r, module->dir, name, kind, line);
}

struct answer {
    bool found;            /* a file answers the whole name, or its longest part where `prefix` allows that */
    uint32_t first, other; /* the files that answer it: sys.path's choice and the next candidate */
};

/* Looks a dotted name up in every root; `name` is what a from import takes out of it. */
static struct answer look_up(const struct resolver *r, const struct strs *roots, const char *module,
                             const char *name, bool prefix, enum edge_kind kind, uint32_t line) {
    struct answer answer = {.first = NO_FILE, .other = NO_FILE};
    uint32_t parts = count_parts(module);
    for (uint32_t i = 0; i < roots->len; i++) {
        struct found found = follow(r, roots->items[i], module, kind, line);
        bool whole = found.parts == parts;
        if (whole)
            follow_names(r, &found, name, kind, line);
        bool here = (whole || (prefix && found.parts)) && (found.files || found.kind == MODULE_NAMESPACE);
        answer.found |= here && found.parts > 0;
        if (!here || found.file == NO_FILE)
            continue;
        if (answer.first == NO_FILE)
            answer.first = found.file;
        else if (found.file != answer.first && answer.other == NO_FILE)
            answer.other = found.file;
    }
    return answer;
}

static bool quiet_place(uint32_t place) {
    return place & (PLACE_TRY_IMPORT | PLACE_TYPE_CHECKING | PLACE_CONDITIONAL);
}

/* A compiled or generated module is no .py file: something else of that name may stand in the folder. */
static bool stands_otherwise(const struct resolver *r, const char *module) {
    for (uint32_t i = 0; i < r->roots.len; i++) {
        char *path = os_join(r->arena, r->c->rootdir, os_join(r->arena, r->roots.items[i], module));
        for (char *p = path + strlen(r->c->rootdir); *p; p++)
            if (*p == '.')
                *p = '/';
        if (data_exists_like(path))
            return true;
    }
    return false;
}

static bool already_noted(const struct resolver *r, const char *text) {
    for (uint32_t i = r->findings->len; i-- > 0 && r->findings->items[i].file == r->file;)
        if (strcmp(r->findings->items[i].text, text) == 0)
            return true;
    return false;
}

static void report_unresolved(const struct resolver *r, const char *module, uint32_t line, uint32_t col) {
    size_t n = strcspn(module, ".");
    char *top = arena_strndup(r->arena, module, n);
    bool ours = map_get(&r->m->tops, top, n) != MAP_NONE;
    bool standard = map_get(&r->d->python->stdlib, top, n) != MAP_NONE;
    if ((!ours && (!r->d->python->path || standard)) || stands_otherwise(r, module))
        return;
    const char *text = arena_printf(r->arena, "nothing provides import '%s'", module);
    if (already_noted(r, text))
        return;
    note(r, DIAG_UNRESOLVED_IMPORT, line, col, "%s", text);
    const char *near = ours ? NULL : str_nearest(top, &r->m->top_names);
    if (near)
        cure(r, "did you mean '%s%s'?", near, module + n);
    else
        cure(r, "install it, or add the folder that holds it: [tool.testfan] sources = [\"FOLDER\"]");
}

static void report_ambiguous(const struct resolver *r, const struct answer *answer, const char *module,
                             const struct fact_import *i) {
    note(r, DIAG_AMBIGUOUS_IMPORT, i->line, i->col, "import '%s' has two providers: %s, %s", module,
         graph_path(r->g, answer->first), graph_path(r->g, answer->other));
    cure(r, "sys.path takes %s; both count as inputs", graph_path(r->g, answer->first));
}

static void resolve_absolute(const struct resolver *r, const struct fact_import *i) {
    const char *module = facts_str(r->facts, i->module), *name = facts_str(r->facts, i->name);
    struct answer answer = {.first = NO_FILE, .other = NO_FILE};
    if (map_get(&r->m->tops, module, strcspn(module, ".")) != MAP_NONE) {
        answer = look_up(r, &r->roots, module, name, false, EDGE_IMPORT, i->line);
        if (!answer.found)
            answer = look_up(r, &r->m->bases, module, name, false, EDGE_IMPORT, i->line);
    }
    if (answer.other != NO_FILE)
        report_ambiguous(r, &answer, module, i);
    bool installed = dists_import(r->d, r->g, r->file, module, name, !answer.found, i->line);
    if (!answer.found && !installed && !quiet_place(i->place))
        report_unresolved(r, module, i->line, i->col);
}

static void resolve_relative(const struct resolver *r, const struct fact_import *i) {
    const char *module = facts_str(r->facts, i->module), *name = facts_str(r->facts, i->name);
    char *dir = os_dirname(r->arena, r->path);
    bool inside = true;
    for (unsigned level = 1; level < i->level && inside; level++) {
        inside = *dir != 0;
        dir = os_dirname(r->arena, dir);
    }
    if (inside) {
        char init[PATH_MAX];
        snprintf(init, sizeof init, "%s%s__init__.py", dir, *dir ? "/" : "");
        uint32_t package = modules_file(r->m, init);
        if (package != NO_FILE)
            add_edge(r, package, EDGE_IMPORT, i->line);
        struct found found = follow(r, dir, module, EDGE_IMPORT, i->line);
        if (!*module && package != NO_FILE) {
            found.kind = MODULE_PACKAGE;
            found.file = package;
        }
        inside = found.parts == count_parts(module);
        if (inside)
            follow_names(r, &found, name, EDGE_IMPORT, i->line);
        else
            inside = data_exists_like(os_join(
                r->arena, r->c->rootdir,
                os_join(r->arena, found.dir, strrchr(module, '.') ? strrchr(module, '.') + 1 : module)));
    }
    if (inside || quiet_place(i->place))
        return;
    note(r, DIAG_UNRESOLVED_IMPORT, i->line, i->col, "nothing provides import '%.*s%s'", (int)i->level,
         "................................", module);
}

static void resolve_refs(const struct resolver *r) {
    FACTS_FOR(struct fact_ref, ref, r->facts, refs) {
        if (ref->place & PLACE_TYPE_CHECKING)
            continue;
        const char *name = facts_str(r->facts, ref->value);
        if (!*name || *name == '.' || strchr(name, '/'))
            continue;
        enum edge_kind kind = ref->kind == REF_PLUGINS ? EDGE_PLUGIN : EDGE_IMPORT;
        bool found = look_up(r, &r->roots, name, "", ref->kind == REF_PATCH, kind, ref->line).found;
        dists_import(r->d, r->g, r->file, name, "", !found, ref->line);
    }
}

/* sys.path as this file sees it: its own base folder, those of the conftests above it, then the roots of all.
 */
static void find_roots(struct resolver *r) {
    struct map seen = {.arena = r->arena};
    const char *own = modules_base(r->m, r->path);
    map_add(&seen, own, strlen(own), 1);
    array_push(r->arena, &r->roots, own);
    for (char *dir = os_dirname(r->arena, r->path);; dir = os_dirname(r->arena, dir)) {
        if (map_get(&r->m->base_of, dir, strlen(dir)) != MAP_NONE &&
            map_get(&seen, dir, strlen(dir)) == MAP_NONE) {
            map_add(&seen, dir, strlen(dir), 1);
            array_push(r->arena, &r->roots, arena_strdup(r->arena, dir));
        }
        if (!*dir)
            break;
    }
    for (uint32_t i = 0; i < r->m->roots.len; i++) {
        const char *root = r->m->roots.items[i];
        if (map_get(&seen, root, strlen(root)) == MAP_NONE)
            array_push(r->arena, &r->roots, root);
    }
}

/* An edge to the file named `name` in every folder from the file's own up to rootdir. */
static void add_upward(const struct resolver *r, const char *name, enum edge_kind kind) {
    char *dir = os_dirname(r->arena, r->path);
    for (;; dir = os_dirname(r->arena, dir)) {
        uint32_t file = modules_file(r->m, os_join(r->arena, dir, name));
        if (file != NO_FILE)
            add_edge(r, file, kind, 0);
        if (!*dir)
            return;
    }
}

static void resolve_directives(const struct resolver *r) {
    FACTS_FOR(struct fact_directive, d, r->facts, directives) {
        const char *text = facts_str(r->facts, d->text);
        if (!str_starts(text, "data="))
            continue;
        char *dir = os_dirname(r->arena, r->path);
        for (struct strs words = str_words(r->arena, text + 5); words.len; words.len--) {
            const char *glob = words.items[words.len - 1];
            if (!data_edges(r->g, r->file, r->c->rootdir, *glob == '/' ? "" : dir, glob + (*glob == '/'),
                            d->line)) {
                note(r, DIAG_DATA, d->line, 0, "'%s' matches no file", glob);
                cure(r, "the pattern is relative to the file's folder; with a leading '/' to the rootdir");
            }
        }
    }
}

static void resolve_plugins(const struct resolver *r, const struct strs *modules) {
    for (uint32_t i = 0; i < modules->len; i++) {
        look_up(r, &r->roots, modules->items[i], "", false, EDGE_PLUGIN, 0);
    }
}

static void resolve_test(const struct resolver *r, const struct strs *initial) {
    for (uint32_t i = 0; i < initial->len; i++)
        add_edge(r, modules_file(r->m, initial->items[i]), EDGE_CONFTEST, 0);
    resolve_plugins(r, &r->c->options.plugins);
    for (uint32_t i = 0; i < r->c->options.plugins.len; i++)
        dists_import(r->d, r->g, r->file, r->c->options.plugins.items[i], "", false, 0);
    ARRAY_FOR (const struct dist, dist, &r->d->python->dists)
        resolve_plugins(r, &dist->plugins);
    size_t n = strlen(r->c->rootdir);
    for (uint32_t i = 0; i < r->c->inputs.len; i++)
        if (strncmp(r->c->inputs.items[i], r->c->rootdir, n) == 0 && r->c->inputs.items[i][n] == '/')
            add_edge(r, graph_node(r->g, r->c->inputs.items[i] + n + 1), EDGE_CONFIG, 0);
    for (uint32_t i = 0; i < r->c->testfan.data.len; i++)
        data_edges(r->g, r->file, r->c->rootdir, "", r->c->testfan.data.items[i], 0);
}

static void resolve_file(struct resolver *r, const struct source_file *f, const struct strs *initial) {
    if (r->facts->flags & FACT_SYNTAX_ERROR)
        note(r, DIAG_SYNTAX, r->facts->error_line, r->facts->error_col,
             "not valid Python; its imports may be incomplete");
    if (r->facts->flags & FACT_ENCODING)
        note(r, DIAG_SYNTAX, 1, 0, "in an encoding that cannot be read; its imports are unknown");
    find_roots(r);
    FACTS_FOR(struct fact_import, i, r->facts, imports) {
        if (i->place & PLACE_TYPE_CHECKING)
            continue;
        if (i->level)
            resolve_relative(r, i);
        else
            resolve_absolute(r, i);
    }
    resolve_refs(r);
    resolve_directives(r);
    add_upward(r, "__init__.py", EDGE_IMPORT);
    if (f->flags & (SOURCE_TEST | SOURCE_DOCTEST | SOURCE_CONFTEST))
        add_upward(r, "conftest.py", EDGE_CONFTEST);
    if (f->flags & (SOURCE_TEST | SOURCE_DOCTEST))
        resolve_test(r, initial);
}

void resolve_imports(struct graph *g, struct modules *m, struct dists *d, const struct config *c,
                     const struct facts *const *facts, const struct strs *initial,
                     struct findings *findings) {
    struct arena scratch = {0};
    for (uint32_t i = 0; i < m->scan->files.len; i++) {
        const struct source_file *f = &m->scan->files.items[i];
        struct resolver r = {.arena = &scratch,
                             .g = g,
                             .m = m,
                             .d = d,
                             .c = c,
                             .path = f->path,
                             .file = i,
                             .facts = facts[i],
                             .all = facts,
                             .findings = findings};
        resolve_file(&r, f, initial);
        arena_free(&scratch);
    }
    static const struct facts none;
    for (uint32_t i = 0; i < m->scan->texts.len; i++) {
        const struct source_file *f = &m->scan->texts.items[i];
        struct resolver r = {.arena = &scratch,
                             .g = g,
                             .m = m,
                             .d = d,
                             .c = c,
                             .path = f->path,
                             .file = m->scan->files.len + i,
                             .facts = &none,
                             .all = facts,
                             .findings = findings};
        resolve_file(&r, f, initial);
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
    arena_free(&scratch);
}

static void add_conftests_down(struct arena *a, const struct map *files, const char *dir, struct strs *out) {
    struct strs chain = {0};
    for (const char *d = dir;; d = os_dirname(a, d)) {
        const char *path = os_join(a, d, "conftest.py");
        if (map_get(files, path, strlen(path)) != MAP_NONE && !strs_has(out, path))
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
    if (c->options.noconftest)
        return out;
    if (!anchors.len)
        array_push(a, &anchors, "");
    for (uint32_t i = 0; i < anchors.len; i++) {
        const char *anchor = strcmp(anchors.items[i], ".") == 0 ? "" : anchors.items[i];
        bool folder = !*anchor || os_is_dir(os_join(a, c->rootdir, anchor));
        add_conftests_down(a, &files, folder ? anchor : os_dirname(a, anchor), &out);
        for (uint32_t j = 0; folder && j < scan->dirs.len; j++) {
            const char *dir = scan->dirs.items[j];
            if (str_eq(os_dirname(a, dir), anchor) && str_starts(os_basename(dir), "test"))
                add_conftests_down(a, &files, dir, &out);
        }
    }
    return out;
}
