#include "base/glob.h"
#include "base/os.h"
#include "base/str.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

struct glob {
    struct arena *arena;
    const char *base;
    struct strs *found;
};

struct above {
    const struct above *next;
    uint64_t dev, ino;
};

static bool has_magic(const char *s) {
    return strpbrk(s, "*?[") != NULL;
}

static void expand(const struct glob *g, const char *dir, const char *pattern);

static const char *on_disk(const struct glob *g, const char *path) {
    return os_join(g->arena, g->base, *path ? path : ".");
}

static struct strs list(const struct glob *g, const char *dir, bool hidden) {
    struct strs names = {0};
    DIR *d = opendir(on_disk(g, dir));
    if (!d)
        return names;
    for (struct dirent *e; (e = readdir(d));) {
        bool self = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
        if (!self && (hidden || *e->d_name != '.'))
            array_push(g->arena, &names, arena_strdup(g->arena, e->d_name));
    }
    closedir(d);
    return names;
}

static void expand_below(const struct glob *g, const char *dir, const char *rest, const struct above *above) {
    struct os_stat st;
    if (!os_stat(on_disk(g, dir), &st) || !S_ISDIR(st.mode))
        return;
    for (const struct above *up = above; up; up = up->next)
        if (up->ino == st.ino && up->dev == st.dev)
            return;
    struct above here = {above, st.dev, st.ino};
    if (rest)
        expand(g, dir, rest);
    else if (*dir)
        array_push(g->arena, g->found, dir);
    struct strs names = list(g, dir, false);
    for (uint32_t i = 0; i < names.len; i++) {
        const char *path = os_join(g->arena, dir, names.items[i]);
        if (!rest && !os_is_dir(on_disk(g, path)))
            array_push(g->arena, g->found, path);
        else
            expand_below(g, path, rest, &here);
    }
}

/* `pattern` is what is left of it, below `dir`, which is "" for the base. */
static void expand(const struct glob *g, const char *dir, const char *pattern) {
    size_t n = strcspn(pattern, "/");
    const char *part = arena_strndup(g->arena, pattern, n);
    const char *rest = pattern[n] ? pattern + n + strspn(pattern + n, "/") : NULL;
    if (strcmp(part, "**") == 0) {
        expand_below(g, dir, rest, NULL);
        return;
    }
    if (!has_magic(part)) {
        const char *path = os_join(g->arena, dir, part);
        struct stat st;
        if (rest)
            *rest ? expand(g, path, rest) : expand(g, os_join(g->arena, path, "."), "");
        else if (lstat(on_disk(g, path), &st) == 0)
            array_push(g->arena, g->found, path);
        return;
    }
    struct strs names = list(g, dir, *part == '.');
    for (uint32_t i = 0; i < names.len; i++) {
        if (!str_fnmatch(part, names.items[i]))
            continue;
        const char *path = os_join(g->arena, dir, names.items[i]);
        if (!rest)
            array_push(g->arena, g->found, path);
        else if (os_is_dir(on_disk(g, path)))
            expand(g, path, rest);
    }
}

void glob_expand(struct arena *a, const char *base, const char *pattern, struct strs *found) {
    struct strs mine = {0};
    struct glob g = {a, base, &mine};
    bool absolute = *pattern == '/';
    expand(&g, absolute ? "/" : "", pattern + strspn(pattern, "/"));
    strs_sort(&mine);
    for (uint32_t i = 0; i < mine.len; i++)
        if (i == 0 || strcmp(mine.items[i], mine.items[i - 1]) != 0)
            array_push(a, found, mine.items[i]);
}
