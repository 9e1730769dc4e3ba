#include "source/config.h"
#include "source/inifile.h"
#include "source/settings.h"
#include "source/toml.h"
#include "base/diag.h"
#include "base/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct loading {
    struct arena *arena;
    struct config *config;
    struct inifile file;
};

/* A value of the file, or of an -o in addopts, which wins from pytest 9 on. */
static bool find_value(const struct loading *l, const char *name, struct inivalue *v) {
    const struct strs *overrides = &l->config->options.overrides;
    size_t n = strlen(name);
    for (uint32_t i = overrides->len; i-- > 0 && l->config->pytest_major >= 9;) {
        const char *o = overrides->items[i];
        if (strncmp(o, name, n) != 0 || o[n] != '=')
            continue;
        *v = (struct inivalue){.text = o + n + 1};
        return true;
    }
    return inifile_find(&l->file, name, v);
}

static bool wrong(const struct loading *l, const char *name, const struct inivalue *v, const char *wanted) {
    diag(DIAG_CONFIG, l->config->inipath, v->line, 0, "'%s' wants %s%s%s", name, wanted,
         v->toml ? ", not " : "", v->toml ? toml_type_name(v->toml) : "");
    return false;
}

/* In INI mode pytest takes str() of a scalar of TOML. */
static const char *scalar_text(const struct loading *l, const struct inivalue *v) {
    if (!v->toml)
        return v->text;
    if (v->toml->type == TOML_BOOLEAN)
        return strcmp(v->toml->text, "true") == 0 ? "True" : "False";
    if (v->toml->type == TOML_INTEGER)
        return arena_printf(l->arena, "%lld", strtoll(v->toml->text, NULL, 0));
    return v->toml->text ? v->toml->text : "";
}

static bool add_strings(struct arena *a, const struct toml *list, struct strs *out) {
    for (uint32_t i = 0; i < list->items.len; i++) {
        if (list->items.items[i]->type != TOML_STRING)
            return false;
        array_push(a, out, list->items.items[i]->text);
    }
    return true;
}

/* The types "args" and "paths" of getini(). */
static bool read_args(const struct loading *l, const char *name, struct strs *out) {
    struct inivalue v;
    if (!find_value(l, name, &v))
        return true;
    *out = (struct strs){0};
    if (v.toml && v.toml->type == TOML_ARRAY)
        return add_strings(l->arena, v.toml, out) || wrong(l, name, &v, "a list of strings");
    if (v.native)
        return wrong(l, name, &v, "a list of strings");
    return shell_split(l->arena, scalar_text(l, &v), out) || wrong(l, name, &v, "its quotes closed");
}

static bool read_string(const struct loading *l, const char *name, const char **out) {
    struct inivalue v;
    if (!find_value(l, name, &v))
        return true;
    if (v.toml && (v.toml->type == TOML_ARRAY || (v.native && v.toml->type != TOML_STRING)))
        return wrong(l, name, &v, "a string");
    *out = scalar_text(l, &v);
    return true;
}

static bool read_bool(const struct loading *l, const char *name, bool *out) {
    static const char *const words[] = {"n", "no",  "f", "false", "off", "0",
                                        "y", "yes", "t", "true",  "on",  "1"};
    struct inivalue v;
    if (!find_value(l, name, &v))
        return true;
    if (v.native && v.toml->type != TOML_BOOLEAN)
        return wrong(l, name, &v, "true or false");
    struct strs word = str_words(l->arena, scalar_text(l, &v));
    for (size_t i = 0; word.len == 1 && i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(word.items[0], words[i]) != 0)
            continue;
        *out = i >= sizeof words / sizeof *words / 2;
        return true;
    }
    return wrong(l, name, &v, "true or false");
}

static struct strs list_of(struct arena *a, const char *words) {
    return str_words(a, words);
}

static bool read_values(const struct loading *l) {
    struct config *c = l->config;
    c->python_files = list_of(l->arena, "test_*.py *_test.py");
    c->python_classes = list_of(l->arena, "Test");
    c->python_functions = list_of(l->arena, "test");
    c->norecursedirs = list_of(l->arena, "*.egg .* _darcs build CVS dist node_modules venv {arch}");
    c->cache_dir = ".pytest_cache";
    return read_args(l, "testpaths", &c->testpaths) && read_args(l, "python_files", &c->python_files) &&
           read_args(l, "python_classes", &c->python_classes) &&
           read_args(l, "python_functions", &c->python_functions) &&
           read_args(l, "norecursedirs", &c->norecursedirs) && read_args(l, "pythonpath", &c->pythonpath) &&
           read_string(l, "cache_dir", &c->cache_dir) &&
           (c->pytest_major < 8 || read_bool(l, "consider_namespace_packages", &c->namespace_packages));
}

static bool read_testfan(const struct loading *l) {
    const char *path = os_join(l->arena, l->config->rootdir, "pyproject.toml");
    if (!os_is_file(path))
        return true;
    if (!strs_has(&l->config->inputs, path))
        array_push(l->arena, &l->config->inputs, path);
    const struct toml *root = inifile_read_toml(l->arena, path);
    const struct toml *table = toml_get(toml_get(root, "tool"), "testfan");
    return root && (!table || settings_read(l->arena, path, table, &l->config->testfan));
}

bool config_load(struct arena *a, const char *dir, unsigned pytest_major, struct config *c) {
    *c = (struct config){
        .pytest_major = pytest_major ? pytest_major : 9,
        .testfan = {.trace = true, .workers = true, .shards = -1, .cache = true, .cache_size = 1 << 30}};
    struct loading l = {.arena = a, .config = c};
    const char *real = os_realpath(a, dir);
    if (!real) {
        diag(DIAG_IO, dir, 0, 0, "no such folder: %s", strerror(errno));
        return false;
    }
    if (!inifile_locate(a, real, c, &l.file) || !read_args(&l, "addopts", &c->addopts) ||
        !options_parse(a, &c->addopts, c->rootdir, "addopts", &c->options))
        return false;
    return read_values(&l) && read_testfan(&l);
}
