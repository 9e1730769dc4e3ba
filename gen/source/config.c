#include "source/config.h"
#include "source/inifile.h"
#include "source/toml.h"
#include "base/diag.h"
#include "base/os.h"

#include <errno.h>
#include <math.h>
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

static bool wrong_setting(const char *path, const struct toml *v, const char *wanted) {
    diag(DIAG_CONFIG, path, v->line, 0, "'%s' in [tool.testfan] wants %s", v->key, wanted);
    return false;
}

static bool unknown_setting(struct arena *a, const char *path, const struct toml *v, const char *known) {
    struct strs keys = list_of(a, known);
    const char *near = str_nearest(v->key, &keys);
    diag(DIAG_UNKNOWN_KEY, path, v->line, 0, "[tool.testfan] has no '%s'", v->key);
    if (near)
        hint("did you mean '%s'?", near);
    return true;
}

/* Diagnostics to be left out or made errors below a folder. */
static bool read_codes(const char *path, const struct toml *v, const char *folder) {
    bool ignore = strcmp(v->key, "ignore") == 0;
    for (uint32_t i = 0; v->type == TOML_ARRAY && i < v->items.len; i++) {
        const struct toml *code = v->items.items[i];
        if (code->type != TOML_STRING)
            return wrong_setting(path, v, "a list of strings");
        if (!diag_set_below(folder, code->text, ignore)) {
            diag(DIAG_CONFIG, path, v->line, 0, "there is no diagnostic '%s'", code->text);
            return false;
        }
    }
    return v->type == TOML_ARRAY || wrong_setting(path, v, "a list of strings");
}

static bool read_folders(struct arena *a, const char *path, const struct toml *folders) {
    if (folders->type != TOML_TABLE)
        return wrong_setting(path, folders, "a table");
    for (uint32_t i = 0; i < folders->items.len; i++) {
        const struct toml *folder = folders->items.items[i];
        if (folder->type != TOML_TABLE)
            return wrong_setting(path, folder, "a table");
        for (uint32_t j = 0; j < folder->items.len; j++) {
            const struct toml *v = folder->items.items[j];
            if (strcmp(v->key, "ignore") != 0 && strcmp(v->key, "error") != 0)
                unknown_setting(a, path, v, "error ignore");
            else if (!read_codes(path, v, folder->key))
                return false;
        }
    }
    return true;
}

static bool read_seconds(const char *path, const struct toml *v, double *seconds) {
    bool number = v->type == TOML_INTEGER || v->type == TOML_FLOAT;
    *seconds = number ? strtod(v->text, NULL) : 0;
    return (*seconds > 0 && isfinite(*seconds)) || wrong_setting(path, v, "a number of seconds above 0");
}

static bool read_kinds(struct arena *a, const char *path, const struct toml *v, struct strs *kinds) {
    bool ok = v->type == TOML_TABLE;
    for (uint32_t i = 0; ok && i < v->items.len; i++) {
        const struct toml *kind = v->items.items[i];
        ok = kind->type == TOML_STRING && strchr(kind->text, '%');
        array_push(a, kinds, kind->key);
        array_push(a, kinds, kind->text);
    }
    return ok || wrong_setting(path, v, "a table of kind = \"//FILE.bzl%KIND\"");
}

static bool read_bazel(const struct loading *l, const char *path, const struct toml *table) {
    struct bazel_settings *b = &l->config->testfan.bazel;
    if (table->type != TOML_TABLE)
        return wrong_setting(path, table, "a table");
    for (uint32_t i = 0; i < table->items.len; i++) {
        const struct toml *v = table->items.items[i];
        bool dists = strcmp(v->key, "dists") == 0;
        if (strcmp(v->key, "map_kind") == 0) {
            if (!read_kinds(l->arena, path, v, &b->kinds))
                return false;
        } else if (dists || strcmp(v->key, "python") == 0) {
            if (v->type != TOML_STRING || (dists && v->text[0] != '@'))
                return wrong_setting(path, v, dists ? "a repository, as \"@pypi\"" : "a label");
            *(dists ? &b->dists : &b->python) = v->text;
        } else {
            unknown_setting(l->arena, path, v, "dists map_kind python");
        }
    }
    return true;
}

static bool read_setting(const struct loading *l, const char *path, const struct toml *v) {
    static const char known[] =
        "bazel data env error folders ignore python sources strict-isolation string-imports timeout "
        "timeout-per-file trace workers";
    struct testfan_settings *t = &l->config->testfan;
    const struct {
        const char *key;
        struct strs *list;
    } lists[] = {{"data", &t->data}, {"env", &t->env}, {"sources", &t->sources}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(v->key, lists[i].key) == 0)
            return (v->type == TOML_ARRAY && add_strings(l->arena, v, lists[i].list)) ||
                   wrong_setting(path, v, "a list of strings");
    if (strcmp(v->key, "python") == 0) {
        t->python = v->text;
        return v->type == TOML_STRING || wrong_setting(path, v, "a string");
    }
    bool strict = strcmp(v->key, "strict-isolation") == 0;
    if (strict || strcmp(v->key, "trace") == 0 || strcmp(v->key, "workers") == 0) {
        *(strict ? &t->strict_isolation : *v->key == 't' ? &t->trace : &t->workers) = str_eq(v->text, "true");
        return v->type == TOML_BOOLEAN || wrong_setting(path, v, "true or false");
    }
    if (strcmp(v->key, "timeout") == 0)
        return read_seconds(path, v, &t->timeout);
    if (strcmp(v->key, "timeout-per-file") == 0)
        return read_seconds(path, v, &t->timeout_per_file);
    if (strcmp(v->key, "string-imports") == 0) {
        t->string_imports = v->type == TOML_INTEGER ? strtol(v->text, NULL, 10) : 0;
        return t->string_imports > 0 ||
               wrong_setting(path, v, "how many dots a string must have, at least 1");
    }
    if (strcmp(v->key, "ignore") == 0 || strcmp(v->key, "error") == 0)
        return read_codes(path, v, "");
    if (strcmp(v->key, "folders") == 0)
        return read_folders(l->arena, path, v);
    if (strcmp(v->key, "bazel") == 0)
        return read_bazel(l, path, v);
    return unknown_setting(l->arena, path, v, known);
}

static bool read_testfan(const struct loading *l) {
    const char *path = os_join(l->arena, l->config->rootdir, "pyproject.toml");
    if (!os_is_file(path))
        return true;
    if (!strs_has(&l->config->inputs, path))
        array_push(l->arena, &l->config->inputs, path);
    const struct toml *root = inifile_read_toml(l->arena, path);
    const struct toml *table = toml_get(toml_get(root, "tool"), "testfan");
    for (uint32_t i = 0; table && i < table->items.len; i++)
        if (!read_setting(l, path, table->items.items[i]))
            return false;
    return root != NULL;
}

bool config_load(struct arena *a, const char *dir, unsigned pytest_major, struct config *c) {
    *c = (struct config){.pytest_major = pytest_major ? pytest_major : 9,
                         .testfan = {.trace = true, .workers = true}};
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
