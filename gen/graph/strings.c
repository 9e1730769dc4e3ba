#include "base/os.h"
#include "graph/dists.h"
#include "graph/graph.h"
#include "graph/modules.h"
#include "graph/resolver.h"
#include "source/config.h"
#include "source/facts.h"
#include "source/scan.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDER_MOST = 500, NAMESAKES_MOST = 4 };

static const char *extend(const struct resolver *r, const char *dir, const char *word) {
    return os_normalize(r->arena, os_join(r->arena, dir, word));
}

static uint32_t files_from(const struct scan *scan, const char *path) {
    uint32_t low = 0, high = scan->files.len;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(scan->files.items[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first path of a sorted list that is not before `path`. */
static uint32_t others_from(const struct strs *others, const char *path) {
    uint32_t low = 0, high = others->len;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(others->items[middle], path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_other(const struct scan *scan, const char *path) {
    uint32_t i = others_from(&scan->others, path);
    return i < scan->others.len && strcmp(scan->others.items[i], path) == 0;
}

static void add_data(const struct resolver *r, const char *path, uint32_t line) {
    resolver_edge(r, graph_node(r->g, path), EDGE_DATA, line);
}

/* Everything below a folder, and the names in it; of Python files only those that are no tests, and none for
   a source file: its folders hold its package. */
static void add_folder(const struct resolver *of, const char *dir, bool python, uint32_t line) {
    struct resolver late = *of, *r = &late;
    late.late = true; /* each test reads few of them */
    const struct scan *scan = r->m->scan;
    const char *prefix = arena_printf(r->arena, "%s/", dir);
    uint32_t first = others_from(&scan->others, prefix), last = first;
    while (last < scan->others.len && str_starts(scan->others.items[last], prefix))
        last++;
    uint32_t sources = files_from(scan, prefix), end = sources;
    while (python && end < scan->files.len && str_starts(scan->files.items[end].path, prefix))
        end++;
    if (last - first > FOLDER_MOST || end - sources > FOLDER_MOST)
        return;
    for (uint32_t i = first; i < last; i++)
        if (!str_ends(scan->others.items[i], ".pyc"))
            add_data(r, scan->others.items[i], line);
    for (uint32_t i = sources; i < end; i++)
        if (!(scan->files.items[i].flags & SOURCE_TEST) && i != r->file)
            resolver_edge(r, i, EDGE_DATA, line);
}

static bool is_folder(const struct resolver *r, const char *path) {
    return *path && strcmp(path, ".") != 0 && map_get(&r->m->folders, path, strlen(path)) != MAP_NONE;
}

/* A file or folder of that name beside the file or in a folder above it. */
static bool name_path(const struct resolver *r, const struct fact_word *w, const char *word, bool test) {
    for (char *dir = os_dirname(r->arena, r->path);; dir = os_dirname(r->arena, dir)) {
        const char *path = extend(r, dir, word);
        uint32_t file = modules_file(r->m, path);
        if (file != NO_FILE && file != r->file) {
            resolver_edge(r, file, EDGE_DATA, w->line);
            return true;
        }
        if (has_other(r->m->scan, path)) {
            add_data(r, path, w->line);
            return true;
        }
        if (is_folder(r, path) && !str_starts(r->path, arena_printf(r->arena, "%s/", path))) {
            if (!(w->flags & WORD_SEARCHED))
                add_folder(r, path, test, w->line);
            return true;
        }
        if (!*dir)
            return false;
    }
}

/* `__file__ + '/../x'` stands beside the file. */
static bool name_below_file(const struct resolver *r, const struct fact_word *w, const char *word,
                            bool test) {
    return str_starts(word, "../") && name_path(r, w, word + 3, test);
}

/* Files elsewhere that end in the word: it may be joined to a folder that another literal names. */
static void name_joined(const struct resolver *r, const struct fact_word *w, const char *word) {
    uint32_t i = map_get(&r->m->basenames, os_basename(word), strlen(os_basename(word)));
    if (i == MAP_NONE || r->m->namesakes.items[i].len > 64)
        return;
    const struct strs *all = &r->m->namesakes.items[i];
    for (char *dir = os_dirname(r->arena, r->path);; dir = os_dirname(r->arena, dir)) {
        struct strs near = {0};
        for (uint32_t j = 0; j < all->len; j++) {
            size_t n = strlen(all->items[j]), m = strlen(word);
            bool ends = n >= m && strcmp(all->items[j] + n - m, word) == 0 &&
                        (n == m || all->items[j][n - m - 1] == '/');
            if (ends && (!*dir || str_starts(all->items[j], arena_printf(r->arena, "%s/", dir))))
                array_push(r->arena, &near, all->items[j]);
        }
        for (uint32_t j = 0; j < near.len && near.len <= NAMESAKES_MOST; j++)
            add_data(r, near.items[j], w->line);
        if (near.len || !*dir)
            return;
    }
}

static bool is_dotted(const char *word) {
    if (strchr(word, '/') || strstr(word, "..") || strpbrk(word, "-+@"))
        return false;
    return *word != '.';
}

static unsigned count_dots(const char *word) {
    unsigned n = 0;
    for (; *word; word++)
        n += *word == '.';
    return n;
}

/* A word that names a module, or something in one. */
static void name_module(const struct resolver *r, const struct fact_word *w, const char *word) {
    size_t top = strcspn(word, ".");
    const char *last = strrchr(word, '.');
    const char *module = last ? arena_strndup(r->arena, word, (size_t)(last - word)) : word;
    bool ours = map_get(&r->m->tops, word, top) != MAP_NONE;
    struct answer answer = {0};
    if (ours && last && top < strlen(module))
        answer = imports_look_up(r, &r->roots, module, last + 1, false, EDGE_IMPORT, w->line);
    else if (ours)
        answer = imports_look_up(r, &r->roots, word, "", false, EDGE_IMPORT, w->line);
    if (!answer.found && !ours && last)
        imports_search(r, word, "", EDGE_IMPORT, w->line);
}

/* `__getattr__` at module level imports what a table names: submodules, with or without a leading dot. */
static void name_lazy(const struct resolver *r, const struct fact_word *w, const char *word) {
    struct strs own = {0};
    array_push(r->arena, &own, os_dirname(r->arena, r->path));
    while (*word == '.')
        word++;
    if (*word && !strchr(word, '/'))
        imports_look_up(r, &own, word, "", true, EDGE_IMPORT, w->line);
}

static void name_run(const struct resolver *r, const struct fact_word *w, const char *module) {
    imports_look_up(r, &r->roots, module, "__main__", false, EDGE_IMPORT, w->line);
    dists_import(r->d, r->g, r->file, module, "", false, w->line);
}

/* Whether the file belongs to tests: it is one, or lies in a folder with tests. */
static bool is_test_side(const struct resolver *r) {
    const char *dir = os_dirname(r->arena, r->path);
    return (r->flags & (SOURCE_TEST | SOURCE_CONFTEST)) ||
           map_get(&r->m->test_dirs, dir, strlen(dir)) != MAP_NONE;
}

/* pytest-datadir and its kin read from a folder named like the test file. */
static void name_datadir(const struct resolver *r) {
    size_t n = strlen(r->path);
    const char *dir = n > 3 ? arena_strndup(r->arena, r->path, n - 3) : "";
    if (r->flags & SOURCE_TEST && str_ends(r->path, ".py") && is_folder(r, dir))
        add_folder(r, dir, false, 0);
}

void strings_resolve(const struct resolver *r) {
    bool test = is_test_side(r), lazy = r->facts->flags & FACT_LAZY;
    long least = r->c->testfan.string_imports;
    name_datadir(r);
    FACTS_FOR(struct fact_word, w, r->facts, words) {
        const char *word = facts_str(r->facts, w->text);
        unsigned dots = count_dots(word);
        bool plain = !dots && !strchr(word, '/');
        if (w->flags & WORD_RUN)
            name_run(r, w, word);
        if (lazy)
            name_lazy(r, w, word);
        if (!plain && is_dotted(word) && (test || (least && dots >= (unsigned long)least)))
            name_module(r, w, word);
        const char *name = os_basename(word);
        if (map_get(&r->m->entries, name, strlen(name)) == MAP_NONE)
            continue;
        if (plain) {
            const char *beside = extend(r, os_dirname(r->arena, r->path), word);
            if (is_folder(r, beside) && (w->flags & (WORD_PLACE | WORD_SEARCHED)) == WORD_PLACE)
                add_folder(r, beside, test, w->line);
            else if (has_other(r->m->scan, beside))
                add_data(r, beside, w->line);
        } else if (!name_path(r, w, word, test) && !name_below_file(r, w, word, test) && test) {
            name_joined(r, w, word);
        }
    }
}
