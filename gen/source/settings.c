#include "source/settings.h"
#include "source/directive.h"
#include "source/toml.h"
#include "base/diag.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static bool wrong_setting(const char *path, const struct toml *v, const char *wanted) {
    diag(DIAG_CONFIG, path, v->line, 0, "'%s' in [tool.testfan] wants %s", v->key, wanted);
    return false;
}

static bool unknown_setting(struct arena *a, const char *path, const struct toml *v, const char *known) {
    struct strs keys = str_words(a, known);
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

static bool read_isolation(const char *path, const struct toml *v, const char **isolation) {
    *isolation = v->text;
    return (v->type == TOML_STRING && directive_is_isolation(v->text)) ||
           wrong_setting(path, v, "\"file\", \"session\" or \"auto\"");
}

static bool read_folder(struct arena *a, const char *path, const struct toml *v, const char *folder,
                        struct testfan_settings *t) {
    if (strcmp(v->key, "isolation") == 0) {
        array_push(a, &t->isolations, folder);
        array_push(a, &t->isolations, v->text);
        return read_isolation(path, v, &t->isolations.items[t->isolations.len - 1]);
    }
    if (strcmp(v->key, "ignore") == 0 || strcmp(v->key, "error") == 0)
        return read_codes(path, v, folder);
    return unknown_setting(a, path, v, "error ignore isolation");
}

static bool read_folders(struct arena *a, const char *path, const struct toml *folders,
                         struct testfan_settings *t) {
    if (folders->type != TOML_TABLE)
        return wrong_setting(path, folders, "a table");
    for (uint32_t i = 0; i < folders->items.len; i++) {
        const struct toml *folder = folders->items.items[i];
        if (folder->type != TOML_TABLE)
            return wrong_setting(path, folder, "a table");
        for (uint32_t j = 0; j < folder->items.len; j++) {
            if (!read_folder(a, path, folder->items.items[j], folder->key, t))
                return false;
        }
    }
    return true;
}

static bool read_seconds(const char *path, const struct toml *v, double *seconds) {
    bool number = v->type == TOML_INTEGER || v->type == TOML_FLOAT;
    bool by_history = v->type == TOML_STRING && str_eq(v->text, "auto");
    *seconds = by_history ? SECONDS_AUTO : number ? strtod(v->text, NULL) : 0;
    return by_history || (*seconds > 0 && isfinite(*seconds)) ||
           wrong_setting(path, v, "a number of seconds above 0, or \"auto\"");
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

static bool read_bazel(struct arena *a, const char *path, const struct toml *table,
                       struct bazel_settings *b) {
    if (table->type != TOML_TABLE)
        return wrong_setting(path, table, "a table");
    for (uint32_t i = 0; i < table->items.len; i++) {
        const struct toml *v = table->items.items[i];
        bool dists = strcmp(v->key, "dists") == 0;
        if (strcmp(v->key, "map_kind") == 0) {
            if (!read_kinds(a, path, v, &b->kinds))
                return false;
        } else if (dists || strcmp(v->key, "python") == 0) {
            if (v->type != TOML_STRING || (dists && v->text[0] != '@'))
                return wrong_setting(path, v, dists ? "a repository, as \"@pypi\"" : "a label");
            *(dists ? &b->dists : &b->python) = v->text;
        } else {
            unknown_setting(a, path, v, "dists map_kind python");
        }
    }
    return true;
}

static bool read_count(const char *path, const struct toml *v, long least, const char *wanted, long *count) {
    *count = v->type == TOML_INTEGER ? strtol(v->text, NULL, 10) : -1;
    return *count >= least || wrong_setting(path, v, wanted);
}

/* "500M": a number of bytes, kibi-, mebi- or gibibytes. */
static bool read_size(const char *path, const struct toml *v, uint64_t *size) {
    static const char units[] = "KMG";
    char *end = NULL;
    errno = 0;
    uint64_t n = v->type == TOML_STRING || v->type == TOML_INTEGER ? strtoull(v->text, &end, 10) : 0;
    const char *unit = end && *end ? strchr(units, *end) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    bool ok = end && end > v->text && *v->text != '-' && !errno && n && n <= UINT64_MAX >> shift &&
              (!*end || (unit && !end[1]));
    *size = n << shift;
    return ok || wrong_setting(path, v, "a size such as \"500M\" or \"2G\"");
}

enum kind { LIST, TEXT, FLAG, SECONDS, SIZE };

#define FIELD(f) offsetof(struct testfan_settings, f)
static const struct {
    const char *key;
    enum kind kind;
    size_t field;
} plain[] = {{"cache", FLAG, FIELD(cache)},
             {"cache-dir", TEXT, FIELD(cache_dir)},
             {"cache-size", SIZE, FIELD(cache_size)},
             {"remote-cache", TEXT, FIELD(remote_cache)},
             {"remote-cache-write", FLAG, FIELD(remote_cache_write)},
             {"data", LIST, FIELD(data)},
             {"env", LIST, FIELD(env)},
             {"flaky", LIST, FIELD(flaky)},
             {"python", TEXT, FIELD(python)},
             {"serial", LIST, FIELD(serial)},
             {"sources", LIST, FIELD(sources)},
             {"strict-isolation", FLAG, FIELD(strict_isolation)},
             {"timeout", SECONDS, FIELD(timeout)},
             {"timeout-per-file", SECONDS, FIELD(timeout_per_file)},
             {"trace", FLAG, FIELD(trace)},
             {"workers", FLAG, FIELD(workers)}};

static const char known[] =
    "bazel cache cache-dir cache-size data env error flaky folders ignore isolation python remote-cache "
    "remote-cache-write resource-limits resources retries serial shards sources strict-isolation "
    "string-imports timeout timeout-per-file together trace workers";

static bool read_resources(struct arena *a, const char *path, const struct toml *v, struct strs *resources) {
    bool ok = v->type == TOML_TABLE;
    for (uint32_t i = 0; ok && i < v->items.len; i++) {
        const struct toml *name = v->items.items[i];
        ok = name->type == TOML_STRING && directive_is_name(name->text);
        array_push(a, resources, name->key);
        array_push(a, resources, name->text);
    }
    return ok || wrong_setting(path, v,
                               "a table of \"tests/gpu/*\" = \"NAME\", in letters, digits, '_', '-' and '.'");
}

static bool read_limits(struct arena *a, const char *path, const struct toml *v, struct resources *limits) {
    for (uint32_t i = 0; v->type == TOML_TABLE && i < v->items.len; i++) {
        long limit;
        if (!read_count(path, v->items.items[i], 1, "a number of targets, at least 1", &limit))
            return false;
        array_push(a, limits, (struct resource){v->items.items[i]->key, limit});
    }
    return v->type == TOML_TABLE || wrong_setting(path, v, "a table of NAME = NUMBER");
}

static bool read_list(struct arena *a, const struct toml *v, struct strs *list) {
    for (uint32_t i = 0; v->type == TOML_ARRAY && i < v->items.len; i++) {
        if (v->items.items[i]->type != TOML_STRING)
            return false;
        array_push(a, list, v->items.items[i]->text);
    }
    return v->type == TOML_ARRAY;
}

/* The globs are kept as pairs with the group's name. */
static bool read_together(struct arena *a, const char *path, const struct toml *v, struct strs *together) {
    bool ok = v->type == TOML_TABLE;
    for (uint32_t i = 0; ok && i < v->items.len; i++) {
        struct strs globs = {0};
        ok = directive_is_name(v->items.items[i]->key) && read_list(a, v->items.items[i], &globs);
        for (uint32_t j = 0; j < globs.len; j++) {
            array_push(a, together, globs.items[j]);
            array_push(a, together, v->items.items[i]->key);
        }
    }
    return ok ||
           wrong_setting(path, v, "a table of NAME = [\"tests/db/*\"], in letters, digits, '_', '-' and '.'");
}

static bool read_plain(struct arena *a, const char *path, const struct toml *v, enum kind kind, void *field) {
    if (kind == LIST)
        return read_list(a, v, field) || wrong_setting(path, v, "a list of strings");
    if (kind == SECONDS)
        return read_seconds(path, v, field);
    if (kind == SIZE)
        return read_size(path, v, field);
    if (kind == FLAG) {
        *(bool *)field = str_eq(v->text, "true");
        return v->type == TOML_BOOLEAN || wrong_setting(path, v, "true or false");
    }
    *(const char **)field = v->text;
    return v->type == TOML_STRING || wrong_setting(path, v, "a string");
}

static bool read_setting(struct arena *a, const char *path, const struct toml *v,
                         struct testfan_settings *t) {
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(v->key, plain[i].key) == 0)
            return read_plain(a, path, v, plain[i].kind, (char *)t + plain[i].field);
    if (strcmp(v->key, "retries") == 0)
        return read_count(path, v, 0, "how often what failed is run again", &t->retries);
    if (strcmp(v->key, "shards") == 0)
        return read_count(path, v, 0, "a number of workers", &t->shards);
    if (strcmp(v->key, "string-imports") == 0)
        return read_count(path, v, 1, "how many dots a string must have, at least 1", &t->string_imports);
    if (strcmp(v->key, "resources") == 0)
        return read_resources(a, path, v, &t->resources);
    if (strcmp(v->key, "resource-limits") == 0)
        return read_limits(a, path, v, &t->limits);
    if (strcmp(v->key, "ignore") == 0 || strcmp(v->key, "error") == 0)
        return read_codes(path, v, "");
    if (strcmp(v->key, "folders") == 0)
        return read_folders(a, path, v, t);
    if (strcmp(v->key, "isolation") == 0)
        return read_isolation(path, v, &t->isolation);
    if (strcmp(v->key, "together") == 0)
        return read_together(a, path, v, &t->together);
    if (strcmp(v->key, "bazel") == 0)
        return read_bazel(a, path, v, &t->bazel);
    return unknown_setting(a, path, v, known);
}

bool settings_read(struct arena *a, const char *path, const struct toml *table,
                   struct testfan_settings *settings) {
    for (uint32_t i = 0; i < table->items.len; i++)
        if (!read_setting(a, path, table->items.items[i], settings))
            return false;
    return true;
}
