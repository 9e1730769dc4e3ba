#include "graph/data.h"
#include "base/glob.h"
#include "base/os.h"
#include "graph/graph.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct search {
    struct graph *g;
    struct arena *arena;
    const char *rootdir;
    uint32_t from, line;
    bool found;
};

static struct strs list_names(struct search *s, const char *dir) {
    struct strs names = {0};
    DIR *d = opendir(os_join(s->arena, s->rootdir, dir));
    for (struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            strcmp(e->d_name, "__pycache__") != 0 && strcmp(e->d_name, ".testfan") != 0 &&
            !strchr(e->d_name, '\n'))
            array_push(s->arena, &names, arena_strdup(s->arena, e->d_name));
    if (d)
        closedir(d);
    strs_sort(&names);
    return names;
}

static bool is_dir(const struct search *s, const char *path) {
    return os_is_dir(os_join(s->arena, s->rootdir, path));
}

static void add_path(struct search *s, const char *path, unsigned depth) {
    s->found = true;
    if (!is_dir(s, path)) {
        graph_edge(s->g, s->from, graph_node(s->g, path), EDGE_DATA, s->line);
        return;
    }
    graph_edge(s->g, s->from, graph_node(s->g, arena_printf(s->arena, "%s/", path)), EDGE_DATA, s->line);
    struct strs names = list_names(s, path);
    for (uint32_t i = 0; i < names.len && depth < 64; i++)
        add_path(s, os_join(s->arena, path, names.items[i]), depth + 1);
}

bool data_edges(struct graph *g, uint32_t from, const char *rootdir, const char *dir, const char *pattern,
                uint32_t line) {
    struct arena scratch = {0};
    struct search s = {.g = g, .arena = &scratch, .rootdir = rootdir, .from = from, .line = line};
    struct strs found = {0};
    glob_expand(&scratch, os_join(&scratch, rootdir, dir), pattern, &found);
    for (uint32_t i = 0; i < found.len; i++) {
        const char *path = os_normalize(&scratch, os_join(&scratch, dir, found.items[i]));
        if (!str_starts(path, "../"))
            add_path(&s, path, 0);
    }
    arena_free(&scratch);
    return s.found;
}

bool data_exists_like(const char *path) {
    char dir[PATH_MAX];
    snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (!slash)
        return false;
    *slash = 0;
    size_t n = strlen(slash + 1);
    DIR *d = opendir(dir);
    bool found = false;
    for (struct dirent *e; d && !found && (e = readdir(d));)
        found = str_starts(e->d_name, slash + 1) && (!e->d_name[n] || e->d_name[n] == '.') &&
                faccessat(dirfd(d), e->d_name, F_OK, 0) == 0;
    if (d)
        closedir(d);
    return found;
}
