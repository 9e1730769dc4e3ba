#include "filter/since.h"
#include "base/os.h"
#include "filter/reasons.h"
#include "graph/chain.h"
#include "graph/inputs.h"
#include "graph/learned.h"
#include "source/directive.h"
#include "source/facts.h"
#include "source/git.h"
#include "source/scan.h"

#include <string.h>

static bool has(const struct strs *sorted, const char *path) {
    uint32_t low = 0, high = sorted->len;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(sorted->items[middle], path);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static void mark(struct since *s, const char *path) {
    uint32_t node = graph_find(s->graph, path);
    if (node != MAP_NONE)
        s->nodes[node] = 1;
}

/* The lists of names of the folders that a path came to or went from. */
static void mark_folders(struct since *s, const char *path) {
    for (const char *dir = os_dirname(s->arena, path);; dir = os_dirname(s->arena, dir)) {
        mark(s, arena_printf(s->arena, "%s/", dir));
        if (!*dir)
            return;
    }
}

/* What says which distributions are installed, or configures pytest: by what it is called. */
static bool is_about_all(const char *path) {
    static const char *const names[] = {
        "pytest.ini",      ".pytest.ini",      "pytest.toml",    ".pytest.toml",    "tox.ini",
        "setup.cfg",       "pyproject.toml",   "setup.py",       "poetry.lock",     "uv.lock",
        "pdm.lock",        "Pipfile",          "Pipfile.lock",   "pixi.lock",       "pylock.toml",
        "environment.yml", "environment.yaml", "conda-lock.yml", ".python-version", LEARNED_FILE};
    static const char *const patterns[] = {"requirements*.txt", "requirements*.in", "*-requirements.txt",
                                           "constraints*.txt", "pylock.*.toml"};
    static const char *const folders[] = {"tools/testfan/", "requirements/"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(os_basename(path), names[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (str_fnmatch(patterns[i], os_basename(path)))
            return true;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (str_starts(path, folders[i]))
            return true;
    return false;
}

/* A deleted file that a pattern of `# testfan: data=` may have meant. */
static void mark_patterns(struct since *s, const char *path, const struct scan *scan,
                          const struct facts *const *facts) {
    for (uint32_t i = 0; i < scan->files.len; i++)
        FACTS_FOR(struct fact_directive, d, facts[i], directives) {
            const char *globs = directive_value(facts_str(facts[i], d->text), "data");
            if (!globs)
                continue;
            struct strs words = str_words(s->arena, globs);
            for (uint32_t j = 0; j < words.len; j++)
                if (str_fnmatch(os_basename(words.items[j]), os_basename(path)) ||
                    strcmp(os_basename(words.items[j]), "**") == 0)
                    s->nodes[i] = 1;
        }
}

static void mark_learned(struct since *s, const char *path, const struct learned *learned) {
    for (uint32_t i = 0; i < learned->len; i++) {
        const struct learned_target *t = &learned->targets[i];
        if (strs_has(&t->lists[LEARNED_READS], path) || strs_has(&t->lists[LEARNED_ABSENT], path))
            mark(s, t->file);
    }
}

/* A folder in git's list is a submodule, or a repository inside this one. */
static void mark_below(struct since *s, const char *dir) {
    for (uint32_t i = 0; i < s->graph->nodes; i++)
        if (str_starts(graph_path(s->graph, i), dir))
            s->nodes[i] = 1;
}

static void take(struct since *s, const struct strs *paths, bool appeared_or_went,
                 const struct learned *learned) {
    for (uint32_t i = 0; i < paths->len; i++) {
        const char *path = paths->items[i];
        mark(s, path);
        if (is_about_all(path))
            s->all = path;
        const char *full = os_join(s->arena, s->rootdir, path);
        if (os_is_dir(full))
            mark_below(s, str_ends(path, "/") ? path : arena_printf(s->arena, "%s/", path));
        if (appeared_or_went) {
            mark_folders(s, path);
            mark_learned(s, path, learned);
        }
    }
}

/* units are numbered so that each comes after what it depends on. */
static void spread(struct since *s) {
    const struct graph *g = s->graph;
    for (uint32_t i = 0; i < g->nodes; i++)
        s->units[g->unit_of[i]] |= s->nodes[i];
    for (uint32_t u = 0; u < g->units; u++)
        for (uint32_t e = g->unit_edges_first[u]; e < g->unit_edges_first[u + 1] && !s->units[u]; e++)
            s->units[u] = s->units[g->unit_edges[e]];
}

void since_find(struct since *s, struct arena *a, const struct graph *g, const struct git_changes *changes,
                const struct scan *scan, const struct facts *const *facts, const struct learned *learned,
                const char *rootdir) {
    *s = (struct since){.arena = a, .graph = g, .rootdir = rootdir, .changes = changes};
    s->nodes = arena_alloc(a, g->nodes + 1);
    s->units = arena_alloc(a, g->units + 1);
    take(s, &changes->changed, false, learned);
    take(s, &changes->added, true, learned);
    take(s, &changes->deleted, true, learned);
    for (uint32_t i = 0; i < changes->deleted.len; i++)
        if (!str_ends(changes->deleted.items[i], ".py"))
            mark_patterns(s, changes->deleted.items[i], scan, facts);
    spread(s);
}

static bool has_changed(const struct since *s, const struct input *in) {
    const struct git_changes *c = s->changes;
    if (in->kind != INPUT_LIST && (has(&c->changed, in->path) || has(&c->deleted, in->path)))
        return true;
    if (in->kind != INPUT_LIST && in->kind != INPUT_VAIN)
        return false;
    const struct strs *lists[] = {&c->added, &c->deleted};
    const char *dir = strcmp(in->path, ".") == 0 ? "" : in->path;
    for (int i = 0; i < 2; i++)
        for (uint32_t j = 0; j < lists[i]->len; j++)
            if (!*dir || str_starts(lists[i]->items[j], arena_printf(s->arena, "%s/", dir)))
                return true;
    return false;
}

/* What its last run was seen to read beyond the graph. */
static bool extra_changed(struct since *s, const char *result, struct reason *reason) {
    struct inputs extra = {0};
    inputs_read(s->arena, os_join(s->arena, s->rootdir, arena_printf(s->arena, "%s.extra", result)), &extra);
    ARRAY_FOR (const struct input, in, &extra) {
        bool input = in->kind == INPUT_READ || in->kind == INPUT_STAT || in->kind == INPUT_LIST ||
                     in->kind == INPUT_ABSENT || in->kind == INPUT_VAIN;
        if (!input || !has_changed(s, in))
            continue;
        reason->text = in->path;
        array_push(s->arena, &reason->chain,
                   arena_printf(s->arena, "its last run: %s %s", input_kind_name(in->kind), in->path));
        return true;
    }
    return false;
}

bool since_selects(struct since *s, uint32_t node, const char *result, bool explain, struct reason *reason) {
    *reason = (struct reason){.kind = REASON_CHANGED, .text = s->all};
    if (!s->units[s->graph->unit_of[node]])
        return s->all || extra_changed(s, result, reason);
    if (!explain)
        return true;
    uint32_t end;
    struct chain chain = chain_find(s->arena, s->graph, node, s->nodes, &end);
    reason->text = end == MAP_NONE ? s->all : graph_path(s->graph, end);
    ARRAY_FOR (const struct chain_step, step, &chain)
        array_push(s->arena, &reason->chain, chain_text(s->arena, s->graph, step));
    return true;
}
