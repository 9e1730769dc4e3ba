#include "emit/packages.h"
#include "base/diag.h"
#include "base/hash.h"
#include "base/os.h"
#include "graph/graph.h"
#include "graph/plan.h"
#include "source/scan.h"

#include <stdlib.h>
#include <string.h>

static bool is_build_name(const char *name) {
    return strcmp(name, "BUILD") == 0 || strcmp(name, "BUILD.bazel") == 0;
}

static bool in_rules(const char *path) {
    return str_starts(path, RULES_FOLDER "/");
}

bool packages_own(const char *path) {
    return is_build_name(os_basename(path)) || in_rules(path);
}

/* Of what Bazel allows in a target's name, without spaces, which its runfiles can't hold before Bazel 7. */
static bool label_holds(const char *path) {
    for (const char *s = path; *s; s++)
        if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == ':' || *s == '\\')
            return false;
    return true;
}

static bool package_holds(const char *dir) {
    for (const char *s = dir; *s; s++) {
        bool word = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9');
        if (!word && !strchr("/-._", *s))
            return false;
    }
    return true;
}

static struct package *find_package(const struct packages *p, const char *dir, size_t n) {
    uint32_t i = map_get(&p->by_dir, dir, n);
    return i == MAP_NONE ? NULL : p->all.items[i];
}

static struct package *add_package(struct packages *p, const char *dir) {
    struct package *package = find_package(p, dir, strlen(dir));
    if (package)
        return package;
    package = arena_alloc(p->arena, sizeof *package);
    package->dir = dir;
    package->wanted.kinds = &p->kinds;
    package->taken.arena = p->arena;
    map_add(&p->by_dir, dir, strlen(dir), p->all.len);
    array_push(p->arena, &p->all, package);
    return package;
}

/* Sources and the folders that are packages for them. */
static void find_sources(struct packages *p) {
    add_package(p, "")->python = true;
    uint32_t n = p->scan->files.len;
    for (uint32_t i = 0; i < n + p->scan->texts.len; i++) {
        const struct source_file *f = i < n ? &p->scan->files.items[i] : &p->scan->texts.items[i - n];
        if (f->flags & SOURCE_GONE || in_rules(f->path))
            continue;
        if (!label_holds(f->path)) {
            diag(DIAG_BAD_LABEL, f->path, 0, 0, "Bazel has no label for this path");
            hint("rename it without spaces, ':' and '\\'");
            continue;
        }
        p->source[i] = 1;
        char *dir = os_dirname(p->arena, f->path);
        while (!package_holds(dir))
            dir = os_dirname(p->arena, dir);
        add_package(p, dir)->python = true;
    }
}

/* Path -> where its digest stands in `text`. */
static struct map read_plain(struct packages *p, const char **text) {
    struct map plain = {.arena = p->arena};
    size_t n = 0;
    *text = os_read(p->arena, os_join(p->arena, p->rootdir, PLAIN_FILES), &n);
    for (const char *s = *text; s && *s;) {
        size_t line = strcspn(s, "\n");
        if (line > 33)
            map_set(&plain, s + 33, line - 33, (uint32_t)(s - *text));
        s += line + (s[line] == '\n');
    }
    return plain;
}

static void read_build_file(struct packages *p, struct build_file *f, const char *path,
                            const struct map *plain, const char *digests) {
    size_t n = 0;
    char *text = os_read(p->arena, os_join(p->arena, p->rootdir, path), &n), hex[33];
    if (!text)
        return;
    uint32_t at = map_get(plain, path, strlen(path));
    digest_hex(digest_bytes(text, n), hex);
    if (f->path)
        build_file_free(f);
    if (at != MAP_NONE && strncmp(digests + at, hex, 32) == 0)
        *f = (struct build_file){
            .arena = p->arena, .path = path, .text = text, .exists = true, .unread = true};
    else
        build_file_read(f, p->arena, path, text);
}

static void read_build_files(struct packages *p) {
    const char *digests;
    struct map plain = read_plain(p, &digests);
    for (uint32_t i = 0; i < p->scan->others.len; i++) {
        const char *path = p->scan->others.items[i];
        if (!is_build_name(os_basename(path)) || in_rules(path))
            continue;
        struct package *package = add_package(p, os_dirname(p->arena, path));
        bool better = strcmp(os_basename(path), "BUILD.bazel") == 0;
        if (!package->file.path || better)
            read_build_file(p, &package->file, path, &plain, digests);
    }
    for (uint32_t i = 0; i < p->all.len; i++) {
        struct package *package = p->all.items[i];
        if (!package->file.path)
            build_file_read(&package->file, p->arena, os_join(p->arena, package->dir, "BUILD.bazel"), NULL);
    }
}

struct package *packages_of(const struct packages *p, const char *path, const char **rest) {
    size_t n = strlen(path);
    for (;;) {
        while (n && path[n - 1] != '/')
            n--;
        n -= n > 0;
        struct package *package = find_package(p, path, n);
        if (package || !n) {
            *rest = path + n + (n > 0);
            return package;
        }
    }
}

const char *packages_name(struct packages *p, struct package *package, const char *name, const char *file) {
    const struct build_rule *taken = build_file_find(&package->file, name);
    if (taken && !(taken->ours && strs_has(&p->kinds, taken->kind))) {
        diag(DIAG_RULE_NAME, package->file.path, taken->line, 0,
             "the name '%s' is taken; the rule for %s gets another", name, file);
        hint("rename that rule, or keep the other name");
    }
    while (map_get(&package->taken, name, strlen(name)) != MAP_NONE ||
           ((taken = build_file_find(&package->file, name)) &&
            !(taken->ours && strs_has(&p->kinds, taken->kind)))) {
        name = arena_printf(p->arena, "%s_", name);
        package->named = true;
    }
    map_add(&package->taken, name, strlen(name), 1);
    return name;
}

static bool is_test_kind(const struct packages *p, const char *kind) {
    return strcmp(kind, p->test_kind) == 0 || str_ends(kind, "_test");
}

/* Kinds that can stand for a Python file among deps. */
static bool is_library_kind(const struct packages *p, const char *kind) {
    return strcmp(kind, p->files_kind) == 0 || str_ends(kind, "_library");
}

/* The source that a rule names in its srcs, or MAP_NONE. */
static uint32_t source_of(const struct packages *p, const struct package *package, const char *src) {
    if (*src == ':')
        src++;
    uint32_t node = graph_find(p->graph, os_join(p->arena, package->dir, src));
    return node < p->scan->files.len + p->scan->texts.len && p->source[node] ? node : MAP_NONE;
}

/* Hand-written rules that hold a file, and the names that testfan's own rules have been given. */
static void take_rules(struct packages *p, struct place *named_library, struct place *named_test) {
    for (uint32_t i = 0; i < p->all.len; i++) {
        struct package *package = p->all.items[i];
        ARRAY_FOR (const struct build_rule, r, &package->file.rules) {
            bool test = is_test_kind(p, r->kind), ours = r->ours && strs_has(&p->kinds, r->kind);
            for (uint32_t j = 0; j < r->srcs.len; j++) {
                uint32_t node = source_of(p, package, r->srcs.items[j]);
                if (node == MAP_NONE)
                    continue;
                struct place place = {package, r->name};
                if (ours && j == 0)
                    (test ? named_test : named_library)[node] = place;
                if (ours || (!test && !is_library_kind(p, r->kind)))
                    continue;
                (test ? p->test : p->owner)[node] = place;
                diag(DIAG_OWNED_FILE, package->file.path, r->line, 0,
                     "'%s' is hand-written and holds %s: testfan makes no rule for it", r->name,
                     graph_path(p->graph, node));
                hint("to hand it over to testfan, add: tags = [\"" RULE_TAG "\"]");
            }
        }
    }
}

static const char *stem_of(struct arena *a, const char *path) {
    if (str_ends(path, ".py"))
        return arena_strndup(a, path, strlen(path) - 3);
    char *name = arena_strdup(a, path);
    for (char *s = name; *s; s++)
        *s = *s == '.' ? '_' : *s;
    return name;
}

static struct place take_place(struct packages *p, uint32_t node, const char *suffix, struct place named) {
    const char *rest, *path = graph_path(p->graph, node);
    struct package *package = packages_of(p, path, &rest);
    const char *usual = arena_printf(p->arena, "%s%s", stem_of(p->arena, rest), suffix);
    if (named.package == package && map_get(&package->taken, named.name, strlen(named.name)) == MAP_NONE) {
        map_add(&package->taken, named.name, strlen(named.name), 1);
        package->named |= strcmp(named.name, usual) != 0;
        return named;
    }
    return (struct place){package, packages_name(p, package, usual, path)};
}

/* The first source of a unit, and how many it has. */
static uint32_t first_source(const struct packages *p, uint32_t unit, uint32_t *n) {
    const struct graph *g = p->graph;
    uint32_t first = MAP_NONE, sources = p->scan->files.len + p->scan->texts.len;
    *n = 0;
    for (uint32_t i = g->unit_first[unit]; i < g->unit_first[unit + 1]; i++)
        if (g->unit_nodes[i] < sources && p->source[g->unit_nodes[i]]) {
            first = first == MAP_NONE ? g->unit_nodes[i] : first;
            ++*n;
        }
    return first;
}

static unsigned flags_of(const struct packages *p, uint32_t node) {
    uint32_t n = p->scan->files.len;
    return node < n ? p->scan->files.items[node].flags : SOURCE_TEST;
}

/* Two rounds: names that rules already have come before those that new ones would like. */
static void name_all(struct packages *p, const struct place *named_library, const struct place *named_test) {
    const struct graph *g = p->graph;
    unsigned char *needed = arena_alloc(p->arena, g->units + 1),
                  *target = arena_alloc(p->arena, g->nodes + 1);
    for (uint32_t i = 0; i < g->units; i++)
        for (uint32_t j = g->unit_edges_first[i]; j < g->unit_edges_first[i + 1]; j++)
            needed[g->unit_edges[j]] = 1;
    ARRAY_FOR (const struct target, t, &p->plan->targets)
        target[t->node] = 1;
    uint32_t sources = p->scan->files.len + p->scan->texts.len;
    for (int round = 0; round < 2; round++) {
        for (uint32_t node = 0; node < sources; node++)
            if (p->source[node] && target[node] && !p->test[node].package &&
                (round || named_test[node].package))
                p->test[node] =
                    take_place(p, node, flags_of(p, node) & SOURCE_TEST ? "" : "_doctest", named_test[node]);
        for (uint32_t unit = 0; unit < g->units; unit++) {
            uint32_t n, first = first_source(p, unit, &n);
            if (!n || p->library[unit].package)
                continue;
            if (n == 1 && p->owner[first].package)
                p->library[unit] = p->owner[first];
            else if ((n > 1 || needed[unit] || !target[first]) && (round || named_library[first].package))
                p->library[unit] =
                    take_place(p, first, target[first] && flags_of(p, first) & SOURCE_TEST ? "_lib" : "",
                               named_library[first]);
        }
    }
}

static int compare_packages(const void *a, const void *b) {
    const struct package *const *x = a, *const *y = b;
    return strcmp((*x)->dir, (*y)->dir);
}

static void sort_packages(struct packages *p) {
    qsort(p->all.items, p->all.len, sizeof *p->all.items, compare_packages);
    for (uint32_t i = 0; i < p->all.len; i++)
        map_set(&p->by_dir, p->all.items[i]->dir, strlen(p->all.items[i]->dir), i);
}

void packages_make(struct packages *p, struct arena *a, const char *rootdir, const struct scan *scan,
                   const struct plan *plan, const struct graph *g, const struct strs *map_kind) {
    *p = (struct packages){.arena = a,
                           .rootdir = rootdir,
                           .scan = scan,
                           .plan = plan,
                           .graph = g,
                           .files_kind = "py_files",
                           .test_kind = "pytest_test",
                           .by_dir = {.arena = a}};
    static const char *const made[] = {"py_files", "pytest_config", "pytest_test"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        array_push(a, &p->kinds, made[i]);
    for (uint32_t i = 0; i + 1 < map_kind->len; i += 2) {
        const char *kind = strchr(map_kind->items[i + 1], '%') + 1;
        if (strcmp(map_kind->items[i], "py_files") == 0)
            p->files_kind = kind;
        if (strcmp(map_kind->items[i], "pytest_test") == 0)
            p->test_kind = kind;
        array_push(a, &p->kinds, kind);
    }
    p->source = arena_alloc(a, g->nodes + 1);
    p->library = arena_alloc(a, (g->units + 1) * sizeof *p->library);
    p->test = arena_alloc(a, (g->nodes + 1) * sizeof *p->test);
    p->owner = arena_alloc(a, (g->nodes + 1) * sizeof *p->owner);
    find_sources(p);
    read_build_files(p);
    sort_packages(p);
    struct place *libraries = arena_alloc(a, (g->nodes + 1) * sizeof *libraries);
    struct place *tests = arena_alloc(a, (g->nodes + 1) * sizeof *tests);
    take_rules(p, libraries, tests);
    name_all(p, libraries, tests);
}

void packages_free(struct packages *p) {
    for (uint32_t i = 0; i < p->all.len; i++)
        build_file_free(&p->all.items[i]->file);
}

const char *packages_file(struct packages *p, const struct package *from, const char *path,
                          const char *user) {
    const char *rest;
    struct package *owner = packages_of(p, path, &rest);
    if (!label_holds(path)) {
        diag(DIAG_BAD_LABEL, path, 0, 0, "Bazel has no label for this path, which %s needs", user);
        hint("rename it without spaces, ':' and '\\'");
        return NULL;
    }
    if (owner == from)
        return rest;
    const char *label = starlark_label(p->arena, from->dir, owner->dir, rest);
    if (strs_has(&owner->file.exported, rest) || strs_has(&owner->wanted.exports, rest))
        return label;
    if (owner->python) {
        array_push(p->arena, &owner->wanted.exports, rest);
        return label;
    }
    diag(DIAG_PACKAGE_BOUNDARY, owner->file.path, 0, 0, "%s needs %s, which this package does not export",
         user, path);
    hint("add to it: exports_files([\"%s\"])", rest);
    array_push(p->arena, &owner->file.exported, rest);
    return label;
}
