#include "source/collect.h"
#include "source/config.h"
#include "source/scan.h"
#include "base/diag.h"
#include "base/glob.h"
#include "base/os.h"

#include <stdlib.h>
#include <string.h>

/* _pytest.pathlib.fnmatch_ex for an absolute path. */
static bool matches(const char *pattern, const char *path) {
    if (!strchr(pattern, '/'))
        return str_fnmatch(pattern, os_basename(path));
    if (*pattern == '/')
        return str_fnmatch(pattern, path);
    struct buf anywhere = {0};
    buf_str(&anywhere, "*/");
    buf_str(&anywhere, pattern);
    bool ok = str_fnmatch(anywhere.s, path);
    buf_free(&anywhere);
    return ok;
}

static bool matches_any(const struct strs *patterns, const char *path) {
    for (uint32_t i = 0; i < patterns->len; i++)
        if (matches(patterns->items[i], path))
            return true;
    return false;
}

static bool is_below(const char *path, const char *dir) {
    size_t n = strlen(dir);
    return strcmp(dir, ".") == 0 || (strncmp(path, dir, n) == 0 && path[n] == '/');
}

/* `path` is relative to rootdir or absolute; `origin` names where it was given. */
static bool give(struct arena *a, struct collect *k, const char *path, const char *origin) {
    const char *rootdir = k->config->rootdir;
    const char *full = os_normalize(a, os_join(a, rootdir, path));
    size_t n = strcmp(rootdir, "/") == 0 ? 0 : strlen(rootdir);
    if (strcmp(full, rootdir) == 0) {
        array_push(a, &k->given, ".");
    } else if (strncmp(full, rootdir, n) == 0 && full[n] == '/') {
        array_push(a, &k->given, full + n + 1);
    } else {
        diag(DIAG_CONFIG, k->config->inipath, 0, 0, "'%s' in %s lies outside of the rootdir '%s'", path,
             origin, rootdir);
        return false;
    }
    return true;
}

const char *collect_path(struct arena *a, const char *arg) {
    const char *node = strstr(arg, "::");
    return node ? arena_strndup(a, arg, (size_t)(node - arg)) : arg;
}

static bool give_positional(struct arena *a, struct collect *k) {
    const struct strs *args = &k->config->options.positional;
    for (uint32_t i = 0; i < args->len; i++) {
        const char *path = collect_path(a, args->items[i]);
        struct os_stat st;
        if (!os_stat(os_join(a, k->config->rootdir, path), &st)) {
            diag(DIAG_CONFIG, k->config->inipath, 0, 0, "file or directory not found: '%s' in addopts", path);
            return false;
        }
        if (!give(a, k, path, "addopts"))
            return false;
    }
    return true;
}

static bool give_testpaths(struct arena *a, struct collect *k) {
    const struct strs *testpaths = &k->config->testpaths;
    struct strs found = {0};
    for (uint32_t i = 0; i < testpaths->len; i++)
        glob_expand(a, k->config->rootdir, testpaths->items[i], &found);
    for (uint32_t i = 0; i < found.len; i++)
        if (!give(a, k, found.items[i], "testpaths"))
            return false;
    if (found.len == 0)
        array_push(a, &k->given, ".");
    return true;
}

/* Of arguments that overlap, pytest 9 takes the outer one (and forgets that the inner one must not be
   ignored), pytest 8 the inner one, and pytest 7 both. */
static void drop_overlaps(struct arena *a, struct collect *k) {
    struct strs kept = {0};
    for (uint32_t i = 0; i < k->given.len; i++) {
        const char *path = k->given.items[i];
        bool dropped = false;
        for (uint32_t j = 0; j < k->given.len; j++) {
            const char *other = k->given.items[j];
            const char *inner = k->config->pytest_major >= 9 ? path : other;
            const char *outer = inner == path ? other : path;
            dropped |= strcmp(inner, outer) != 0 && is_below(inner, outer);
        }
        if (!dropped)
            array_push(a, &kept, path);
    }
    k->given = kept;
}

static struct strs make_absolute(struct arena *a, const struct config *c, const struct strs *paths) {
    struct strs out = {0};
    for (uint32_t i = 0; i < paths->len; i++)
        array_push(a, &out, os_normalize(a, os_join(a, c->rootdir, paths->items[i])));
    return out;
}

bool collect_init(struct arena *a, const struct config *c, struct collect *k) {
    *k = (struct collect){.config = c};
    k->ignore = make_absolute(a, c, &c->options.ignore);
    k->ignore_glob = make_absolute(a, c, &c->options.ignore_glob);
    if (!(c->options.positional.len ? give_positional(a, k) : give_testpaths(a, k)))
        return false;
    if (c->pytest_major >= 8 && !c->options.keep_duplicates)
        drop_overlaps(a, k);
    return true;
}

bool collect_is_given(const struct collect *k, const char *path) {
    return strs_has(&k->given, path);
}

bool collect_leads_to_given(const struct collect *k, const char *path) {
    for (uint32_t i = 0; i < k->given.len; i++)
        if (is_below(k->given.items[i], path))
            return true;
    return false;
}

bool collect_ignores(const struct collect *k, const char *path, bool is_dir) {
    if (strs_has(&k->ignore, path))
        return true;
    for (uint32_t i = 0; i < k->ignore_glob.len; i++)
        if (str_fnmatch(k->ignore_glob.items[i], path))
            return true;
    return is_dir && matches_any(&k->config->norecursedirs, path);
}

static bool is_setup_script(const char *path) {
    if (strcmp(os_basename(path), "setup.py") != 0)
        return false;
    char *text = os_read(NULL, path, NULL);
    bool is = text && (strstr(text, "setuptools") || strstr(text, "distutils"));
    free(text);
    return is;
}

bool collect_names(const struct config *c, const char *path) {
    return matches_any(&c->python_files, path);
}

uint32_t collect_flags(const struct collect *k, const char *path, bool given) {
    if (given || collect_names(k->config, path))
        return SOURCE_TEST;
    if (!k->config->options.doctest_modules || strcmp(os_basename(path), "__main__.py") == 0)
        return 0;
    return is_setup_script(path) ? 0 : SOURCE_DOCTEST;
}

bool collect_is_text(const struct collect *k, const char *path, bool given) {
    const struct strs *globs = &k->config->options.doctest_glob;
    if (given && (str_ends(path, ".txt") || str_ends(path, ".rst")))
        return true;
    return globs->len ? matches_any(globs, path) : matches("test*.txt", path);
}

bool collect_matches(const struct strs *patterns, const char *name) {
    for (uint32_t i = 0; i < patterns->len; i++) {
        const char *p = patterns->items[i];
        if (str_starts(name, p) || (strpbrk(p, "*?[") && str_fnmatch(p, name)))
            return true;
    }
    return false;
}
