#include "emit/bazel.h"
#include "base/diag.h"
#include "base/hash.h"
#include "base/os.h"
#include "graph/dists.h"
#include "graph/graph.h"
#include "graph/plan.h"
#include "source/config.h"
#include "source/python.h"
#include "source/scan.h"

#include <stdlib.h>
#include <string.h>

#define HOST_FOLDER RULES_FOLDER "/host"
#define CONFIG_RULE "pytest_config"

/* The rules at work. */
struct writer {
    struct arena *arena;
    const struct bazel_input *in;
    struct packages packages;
    struct map configured; /* paths that every test has by it */
    struct map exists;     /* paths of files: 1 */
    struct map entries;    /* folder -> index into lists: what stands in it, or stands for a folder there */
    ARRAY(struct strs) lists;
    struct place *folders; /* by node: the rule that holds a folder's entries */
};

static const char *in_rootdir(const struct writer *w, const char *path) {
    size_t n = strlen(w->in->config->rootdir);
    bool below = strncmp(path, w->in->config->rootdir, n) == 0 && path[n] == '/';
    return below ? path + n + 1 : NULL;
}

static void put(struct writer *w, struct wanted_rule *rule, const char *name, struct strs values, bool list) {
    array_push(w->arena, &rule->rule, (struct attribute){.name = name, .list = list, .values = values});
}

static struct strs one(struct writer *w, const char *value) {
    struct strs list = {0};
    array_push(w->arena, &list, value);
    return list;
}

static const char *kind_file(const struct writer *w, const char *kind) {
    const struct strs *kinds = &w->in->config->testfan.bazel.kinds;
    for (uint32_t i = 1; i < kinds->len; i += 2) {
        const char *percent = strchr(kinds->items[i], '%');
        if (strcmp(percent + 1, kind) == 0)
            return arena_strndup(w->arena, kinds->items[i], (size_t)(percent - kinds->items[i]));
    }
    return RULES_FILE;
}

static struct wanted_rule new_rule(struct writer *w, const char *kind, const char *name) {
    struct wanted_rule rule = {.rule = {.kind = kind, .name = name}, .bzl = kind_file(w, kind)};
    array_push(w->arena, &rule.grown, "tags");
    array_push(w->arena, &rule.once, "visibility");
    return rule;
}

static void finish_rule(struct writer *w, struct package *package, struct wanted_rule *rule,
                        struct strs *deps, bool serial) {
    struct strs tags = {0};
    if (serial)
        array_push(w->arena, &tags, "exclusive");
    array_push(w->arena, &tags, RULE_TAG);
    put(w, rule, "tags", tags, true);
    if (strcmp(rule->rule.kind, w->packages.test_kind) != 0)
        put(w, rule, "visibility", one(w, "//:__subpackages__"), true);
    starlark_sort(deps);
    put(w, rule, "deps", *deps, true);
    array_push(w->arena, &package->wanted, *rule);
}

static void note_entry(struct writer *w, const char *dir, const char *path) {
    uint32_t i = map_add(&w->entries, dir, strlen(dir), w->lists.len);
    if (i == w->lists.len)
        array_push(w->arena, &w->lists, (struct strs){0});
    array_push(w->arena, &w->lists.items[i], path);
}

/* A file stands in its folder's list, and the first one below a folder stands for it in the list of the
   folder above. Only folders that are nodes have a list. */
static void note_file(struct writer *w, const char *path) {
    map_add(&w->exists, path, strlen(path), 1);
    bool direct = true;
    for (size_t n = strlen(path); n;) {
        size_t end = n;
        while (n && path[n - 1] != '/')
            n--;
        const char *dir = n ? arena_strndup(w->arena, path, n) : "/";
        bool first = direct || map_get(&w->exists, path, end + 1) == MAP_NONE;
        if (!direct && first)
            map_add(&w->exists, path, end + 1, 1);
        if (first && graph_find(w->in->graph, dir) != MAP_NONE)
            note_entry(w, dir, path);
        if (!first)
            break;
        direct = false;
        n -= n > 0;
    }
}

static void note_files(struct writer *w) {
    const struct scan *scan = w->in->scan;
    for (uint32_t i = 0; i < scan->files.len; i++)
        if (!(scan->files.items[i].flags & SOURCE_GONE) && !packages_own(scan->files.items[i].path))
            note_file(w, scan->files.items[i].path);
    for (uint32_t i = 0; i < scan->others.len; i++)
        if (!packages_own(scan->others.items[i]))
            note_file(w, scan->others.items[i]);
}

static bool is_there(const struct writer *w, const char *path) {
    return map_get(&w->exists, path, strlen(path)) != MAP_NONE ||
           os_is_file(os_join(w->arena, w->in->config->rootdir, path));
}

/* The rule with what stands in a folder, made when first asked for. */
static const char *folder_label(struct writer *w, const struct package *from, uint32_t node) {
    const char *path = graph_path(w->in->graph, node), *rest;
    struct package *package = packages_of(&w->packages, path, &rest);
    struct place *place = &w->folders[node];
    if (!place->package) {
        size_t n = strlen(rest);
        char *name = arena_printf(w->arena, "%.*sentries", (int)n, rest);
        for (char *s = name; *s; s++)
            *s = *s == '/' ? '_' : *s;
        *place = (struct place){package, packages_name(&w->packages, package, name, path)};
        uint32_t i = map_get(&w->entries, path, strlen(path));
        struct wanted_rule rule = new_rule(w, w->packages.files_kind, place->name);
        struct strs data = {0}, deps = {0};
        for (uint32_t j = 0; i != MAP_NONE && j < w->lists.items[i].len; j++) {
            const char *label = packages_file(&w->packages, package, w->lists.items[i].items[j], path);
            if (label)
                array_push(w->arena, &data, label);
        }
        starlark_sort(&data);
        put(w, &rule, "data", data, true);
        finish_rule(w, package, &rule, &deps, false);
    }
    return starlark_label(w->arena, from->dir, place->package->dir, place->name);
}

static void add_dist(struct writer *w, const char *import, struct strs *deps) {
    const char *repository = w->in->config->testfan.bazel.dists;
    if (!repository) {
        array_push(w->arena, deps, arena_printf(w->arena, "//" HOST_FOLDER ":%s", import));
        return;
    }
    struct strs names = dists_direct(w->in->dists, import);
    for (uint32_t i = 0; i < names.len; i++) {
        char *name = arena_strdup(w->arena, names.items[i]);
        for (char *s = name; *s; s++)
            *s = *s == '-' ? '_' : *s;
        array_push(w->arena, deps, arena_printf(w->arena, "%s//%s", repository, name));
    }
}

/* What one node needs that is no source: an installed module, a folder's entries, a file. */
static void add_other(struct writer *w, const struct package *package, uint32_t node, const char *user,
                      struct strs *data, struct strs *deps) {
    const char *path = graph_path(w->in->graph, node);
    size_t n = strlen(path);
    if (str_starts(path, DIST_FOLDER)) {
        add_dist(w, path + strlen(DIST_FOLDER), deps);
    } else if (packages_own(path) || map_get(&w->configured, path, n) != MAP_NONE) {
        return;
    } else if (n && path[n - 1] == '/') {
        array_push(w->arena, data, folder_label(w, package, node));
    } else if (is_there(w, path)) {
        const char *label = packages_file(&w->packages, package, path, user);
        if (label)
            array_push(w->arena, data, label);
    }
}

/* What a unit needs, each once. */
static void add_needs(struct writer *w, const struct package *package, uint32_t unit, const char *user,
                      struct strs *data, struct strs *deps) {
    const struct graph *g = w->in->graph;
    for (uint32_t i = g->unit_edges_first[unit]; i < g->unit_edges_first[unit + 1]; i++) {
        uint32_t to = g->unit_edges[i];
        const struct place *library = &w->packages.library[to];
        if (library->package)
            array_push(w->arena, deps,
                       starlark_label(w->arena, package->dir, library->package->dir, library->name));
        else
            add_other(w, package, g->unit_nodes[g->unit_first[to]], user, data, deps);
    }
}

static void put_needs(struct writer *w, struct wanted_rule *rule, struct strs *data) {
    starlark_sort(data);
    put(w, rule, "data", *data, true);
}

static void write_library(struct writer *w, uint32_t unit) {
    const struct graph *g = w->in->graph;
    const struct place *place = &w->packages.library[unit];
    struct wanted_rule rule = new_rule(w, w->packages.files_kind, place->name);
    struct strs srcs = {0}, data = {0}, deps = {0};
    const char *user = graph_path(g, g->unit_nodes[g->unit_first[unit]]);
    for (uint32_t i = g->unit_first[unit]; i < g->unit_first[unit + 1]; i++) {
        uint32_t node = g->unit_nodes[i];
        const struct place *owner = &w->packages.owner[node];
        if (owner->package && owner->name == place->name && owner->package == place->package)
            return;
        if (owner->package)
            array_push(w->arena, &deps,
                       starlark_label(w->arena, place->package->dir, owner->package->dir, owner->name));
        else
            array_push(w->arena, &srcs,
                       packages_file(&w->packages, place->package, graph_path(g, node), user));
    }
    starlark_sort(&srcs);
    put(w, &rule, "srcs", srcs, true);
    add_needs(w, place->package, unit, user, &data, &deps);
    put_needs(w, &rule, &data);
    finish_rule(w, place->package, &rule, &deps, false);
}

static void write_test(struct writer *w, const struct target *t) {
    const struct graph *g = w->in->graph;
    const struct place *place = &w->packages.test[t->node];
    if (!place->package)
        return;
    const struct build_rule *there = build_file_find(&place->package->file, place->name);
    if (there && !(there->ours && strs_has(&w->packages.kinds, there->kind)))
        return;
    uint32_t unit = g->unit_of[t->node];
    const struct place *library = &w->packages.library[unit];
    struct wanted_rule rule = new_rule(w, w->packages.test_kind, place->name);
    struct strs data = {0}, deps = {0};
    put(w, &rule, "srcs", one(w, packages_file(&w->packages, place->package, t->file, t->file)), true);
    if (library->package)
        array_push(w->arena, &deps,
                   starlark_label(w->arena, place->package->dir, library->package->dir, library->name));
    else
        add_needs(w, place->package, unit, t->file, &data, &deps);
    const char *config = *place->package->dir ? "//:" CONFIG_RULE : ":" CONFIG_RULE;
    put(w, &rule, "config", one(w, config), false);
    put_needs(w, &rule, &data);
    put(w, &rule, "imports_first", t->before, true);
    finish_rule(w, place->package, &rule, &deps, t->serial);
}

/* Without the rootdir: alone it is ".". */
static const char *portable(const struct writer *w, const char *arg) {
    const char *root = w->in->config->rootdir, *from = arg, *at;
    size_t n = strlen(root);
    struct buf b = {0};
    for (; (at = strstr(from, root)); from = at) {
        buf_add(&b, from, (size_t)(at - from));
        at += n;
        if (*at && !strchr("/ '", *at)) {
            buf_str(&b, root);
            continue;
        }
        at += *at == '/';
        buf_str(&b, strchr(" '", *at) ? "." : "");
    }
    buf_str(&b, from);
    arg = arena_strndup(w->arena, b.s, b.len);
    buf_free(&b);
    return arg;
}

/* pytest's arguments without paths of this machine. */
static struct strs portable_args(struct writer *w) {
    struct strs out = {0};
    for (uint32_t i = 0; i < w->in->plan->args.len; i++)
        array_push(w->arena, &out, portable(w, w->in->plan->args.items[i]));
    return out;
}

static void find_configured(struct writer *w) {
    w->configured.arena = w->arena;
    for (uint32_t i = 0; i < w->in->config->inputs.len; i++) {
        const char *path = in_rootdir(w, w->in->config->inputs.items[i]);
        if (path)
            map_add(&w->configured, path, strlen(path), 1);
    }
}

static void write_config(struct writer *w) {
    const char *rest;
    struct package *root = packages_of(&w->packages, "x", &rest);
    const struct bazel_settings *settings = &w->in->config->testfan.bazel;
    struct wanted_rule rule = new_rule(w, CONFIG_RULE, CONFIG_RULE);
    struct strs srcs = {0}, deps = {0};
    for (uint32_t i = 0; i < w->in->config->inputs.len; i++) {
        const char *path = in_rootdir(w, w->in->config->inputs.items[i]);
        const char *label = path ? packages_file(&w->packages, root, path, "pytest") : NULL;
        if (label)
            array_push(w->arena, &srcs, label);
    }
    starlark_sort(&srcs);
    put(w, &rule, "srcs", srcs, true);
    put(w, &rule, "pytest_args", portable_args(w), true);
    rule.rule.items[rule.rule.len - 1].ordered = true;
    const char *python = settings->python ? settings->python : "//" HOST_FOLDER ":python";
    put(w, &rule, "python", one(w, python), false);
    put(w, &rule, "pythonpath", w->in->pythonpath, true);
    rule.rule.items[rule.rule.len - 1].ordered = true;
    if (settings->dists)
        add_dist(w, NULL, &deps);
    finish_rule(w, root, &rule, &deps, false);
}

static int compare_rules(const void *a, const void *b) {
    const struct wanted_rule *x = a, *y = b;
    int order = (strcmp(y->rule.kind, CONFIG_RULE) == 0) - (strcmp(x->rule.kind, CONFIG_RULE) == 0);
    return order ? order : strcmp(x->rule.name, y->rule.name);
}

static bool may_change(const struct writer *w, const struct build_file *f) {
    struct os_stat st;
    if (!f->exists || !os_stat(os_join(w->arena, w->in->config->rootdir, f->path), &st) || st.mode & 0222)
        return true;
    diag(DIAG_BUILD_FILE, f->path, 0, 0, "is read-only and not up to date");
    hint("make it writable: chmod u+w %s", f->path);
    return false;
}

static void note_plain(struct buf *plain, const struct build_file *f, const struct buf *text) {
    char hex[33];
    digest_hex(digest_bytes(text->s, text->len), hex);
    buf_fmt(plain, "%s %s\n", hex, f->path);
}

/* What testfan alone would write is compared first: where that stands there, nothing has to be parsed. */
static void update_package(struct writer *w, struct package *package, struct bazel_files *out,
                           struct buf *plain) {
    struct build_file *f = &package->file, none;
    if (f->broken)
        return;
    if (package->wanted.len)
        qsort(package->wanted.items, package->wanted.len, sizeof *package->wanted.items, compare_rules);
    starlark_sort(&package->wanted.exports);
    struct buf alone = {0}, b = {0};
    build_file_read(&none, w->arena, f->path, NULL);
    build_file_update(&none, &package->wanted, &alone);
    bool same = strcmp(alone.s, f->text) == 0;
    if (!same && f->unread)
        build_file_read(f, w->arena, f->path, f->text);
    if (!same)
        build_file_update(f, &package->wanted, &b);
    const char *text = same ? f->text : b.s;
    if (strcmp(text, f->text) != 0 && may_change(w, f))
        array_push(w->arena, out,
                   (struct bazel_file){.path = f->path,
                                       .old = f->exists ? f->text : NULL,
                                       .text = *text ? arena_strdup(w->arena, text) : NULL});
    if (!package->named && alone.len && strcmp(text, alone.s) == 0)
        note_plain(plain, f, &alone);
    buf_free(&alone);
    buf_free(&b);
}

void emit_bazel(struct arena *a, const struct bazel_input *in, struct bazel_files *out) {
    struct writer w = {.arena = a, .in = in, .exists = {.arena = a}, .entries = {.arena = a}};
    const struct graph *g = in->graph;
    *out = (struct bazel_files){0};
    w.folders = arena_alloc(a, (g->nodes + 1) * sizeof *w.folders);
    packages_make(&w.packages, a, in->config->rootdir, in->scan, in->plan, g,
                  &in->config->testfan.bazel.kinds);
    find_configured(&w);
    note_files(&w);
    for (uint32_t unit = 0; unit < g->units; unit++)
        if (w.packages.library[unit].package)
            write_library(&w, unit);
    ARRAY_FOR (const struct target, t, &in->plan->targets)
        write_test(&w, t);
    write_config(&w);
    struct buf plain = {0};
    buf_str(&plain, "");
    for (uint32_t i = 0; i < w.packages.all.len; i++)
        update_package(&w, w.packages.all.items[i], out, &plain);
    out->plain = arena_strdup(a, plain.s);
    buf_free(&plain);
    packages_free(&w.packages);
}

static void put_constant(struct buf *b, const char *name, const char *value) {
    buf_fmt(b, "%s = ", name);
    escape_starlark(b, value);
    buf_str(b, "\n\n");
}

void emit_bazel_host(struct buf *b, const struct bazel_input *in, const char *stamp) {
    struct arena scratch = {0};
    struct strs names = {0};
    for (uint32_t i = 0; i < in->graph->nodes; i++) {
        const char *path = graph_path(in->graph, i);
        if (str_starts(path, DIST_FOLDER))
            array_push(&scratch, &names, path + strlen(DIST_FOLDER));
    }
    strs_sort(&names);
    buf_str(b, "\"\"\"What belongs to this machine; made by testfan, ignored by git.\"\"\"\n\n");
    put_constant(b, "PYTHON", in->python->path ? in->python->path : "/usr/bin/python3");
    put_constant(b, "STAMP", stamp);
    buf_str(b, "DISTS = {\n");
    for (uint32_t i = 0; i < names.len; i++) {
        buf_str(b, "    ");
        escape_starlark(b, names.items[i]);
        buf_str(b, ": ");
        escape_starlark(b, dists_text(in->dists, names.items[i]));
        buf_str(b, ",\n");
    }
    buf_str(b, "}\n");
    arena_free(&scratch);
}

const char *bazel_label(const struct packages *packages, uint32_t node) {
    const struct place *place = &packages->test[node];
    return place->package ? starlark_label(packages->arena, "//", place->package->dir, place->name) : NULL;
}
