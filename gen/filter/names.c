#include "filter/names.h"
#include "base/os.h"
#include "base/str.h"
#include "graph/modules.h"
#include "source/facts.h"
#include "source/scan.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { DEEPEST = 40, AMBIGUOUS = 1, IN_PROGRESS = 2 };

static const struct named unknown = {.kind = NAME_UNKNOWN, .file = NO_FILE, .rest = ""};

void names_new(struct names *n, struct arena *a, const struct modules *m, const struct facts *const *facts,
               const struct strs *sites, const char *rootdir) {
    *n = (struct names){.arena = a,
                        .modules = m,
                        .facts = facts,
                        .known = {.arena = a},
                        .rootdir = rootdir,
                        .text_of = {.arena = a},
                        .imports = {.arena = a}};
    foreign_new(&n->foreign, a, sites);
}

void names_free(struct names *n) {
    foreign_free(&n->foreign);
}

uint32_t names_text(struct names *n, const char *path) {
    uint32_t at = map_add(&n->text_of, path, strlen(path), n->texts.len);
    if (at == n->texts.len) {
        char *text = os_read(n->arena, os_join(n->arena, n->rootdir, path), NULL);
        for (char *s = text; s && *s; s++)
            *s = (char)tolower((unsigned char)*s);
        array_push(n->arena, &n->texts, text ? text : "");
    }
    return at;
}

static struct named foreign(const struct names *n, const char *path) {
    return (struct named){NAME_FOREIGN, NO_FILE, 0, arena_strdup(n->arena, path), ""};
}

/* The module `dotted` below the folder `dir`. */
static struct named find_below(const struct names *n, const char *dir, const char *dotted) {
    char folder[PATH_MAX], sub[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", dir);
    struct named found = unknown;
    while (*dotted) {
        size_t len = strcspn(dotted, ".");
        uint32_t file;
        enum module_kind kind = modules_lookup(n->modules, folder, dotted, len, &file, sub);
        dotted += len + (dotted[len] == '.');
        if (kind == MODULE_NONE || (kind == MODULE_FILE && *dotted))
            return unknown;
        found = (struct named){NAME_MODULE, file, 0, kind == MODULE_FILE ? NULL : arena_strdup(n->arena, sub),
                               ""};
        snprintf(folder, sizeof folder, "%s", sub);
    }
    return found;
}

/* `a` and `b` with a NUL between, as a key. */
static size_t make_key(char *key, const void *a, size_t n, const char *b) {
    size_t m = strlen(b);
    if (n + m + 1 > PATH_MAX)
        return 0;
    memcpy(key, a, n);
    key[n] = 0;
    memcpy(key + n + 1, b, m);
    return n + m + 1;
}

/* What several roots answer differently cannot be told. */
static struct named search_roots(const struct names *n, const char *own, const char *dotted) {
    const struct modules *m = n->modules;
    struct named found = find_below(n, own, dotted);
    const struct strs *lists[] = {&m->roots, &m->bases};
    for (int i = 0; i < 2; i++)
        for (uint32_t j = 0; j < lists[i]->len; j++) {
            struct named other = find_below(n, lists[i]->items[j], dotted);
            if (other.kind == NAME_UNKNOWN)
                continue;
            if (found.kind != NAME_UNKNOWN && other.file != found.file)
                return unknown;
            found = other;
        }
    return found.kind == NAME_UNKNOWN ? foreign(n, dotted) : found;
}

static struct named find_absolute(struct names *n, uint32_t file, const char *dotted) {
    const struct modules *m = n->modules;
    if (map_get(&m->tops, dotted, strcspn(dotted, ".")) == MAP_NONE)
        return foreign(n, dotted);
    const char *own = modules_base(m, m->scan->files.items[file].path);
    char key[PATH_MAX + 1];
    size_t len = make_key(key, own, strlen(own), dotted);
    if (!len)
        return unknown;
    uint32_t at = map_add(&n->imports, key, len, n->found.len);
    if (at == n->found.len) {
        struct named found = search_roots(n, own, dotted);
        array_push(n->arena, &n->found, found);
    }
    return n->found.items[at];
}

struct named names_module(struct names *n, uint32_t file, const struct fact_import *import) {
    const struct facts *f = n->facts[file];
    const char *module = facts_str(f, import->module);
    if (!import->level)
        return find_absolute(n, file, module);
    const char *dir = os_dirname(n->arena, n->modules->scan->files.items[file].path);
    for (unsigned level = 1; level < import->level; level++) {
        if (!*dir)
            return unknown;
        dir = os_dirname(n->arena, dir);
    }
    if (*module)
        return find_below(n, dir, module);
    const char *init = os_join(n->arena, dir, "__init__.py");
    return (struct named){NAME_MODULE, modules_file(n->modules, init), 0, dir, ""};
}

static struct named find_in(struct names *n, uint32_t file, const char *name);

/* An attribute of a module: what its file binds, else a submodule. */
static struct named find_attribute(struct names *n, const struct named *module, const char *name) {
    if (module->kind == NAME_FOREIGN)
        return foreign(n, arena_printf(n->arena, "%s.%s", module->path, name));
    struct named found = unknown;
    if (module->kind != NAME_MODULE)
        return unknown;
    if (module->file != NO_FILE)
        found = find_in(n, module->file, name);
    if (found.index == AMBIGUOUS && found.kind == NAME_UNKNOWN)
        return found;
    bool none =
        found.kind == NAME_UNKNOWN || (found.kind == NAME_FOREIGN && str_starts(found.path, "builtins."));
    struct named sub = none && module->path ? find_below(n, module->path, name) : unknown;
    return sub.kind != NAME_UNKNOWN ? sub : none ? unknown : found;
}

static struct named find_import(struct names *n, uint32_t file, const struct fact_import *import) {
    const struct facts *f = n->facts[file];
    const char *module = facts_str(f, import->module), *name = facts_str(f, import->name);
    if (*name) {
        struct named from = names_module(n, file, import);
        return find_attribute(n, &from, name);
    }
    if (import->as)
        return find_absolute(n, file, module);
    return find_absolute(n, file, arena_strndup(n->arena, module, strcspn(module, ".")));
}

static bool same(const struct named *a, const struct named *b) {
    return a->kind == b->kind && a->kind != NAME_UNKNOWN && a->file == b->file && a->index == b->index &&
           str_eq(a->path, b->path);
}

struct candidates {
    struct named first;
    unsigned n;
    bool unlike;
};

static void add_candidate(struct candidates *c, struct named named) {
    if (!c->n++)
        c->first = named;
    else
        c->unlike |= !same(&c->first, &named);
}

static void add_imported(struct names *n, uint32_t file, const char *name, struct candidates *c) {
    const struct facts *f = n->facts[file];
    FACTS_FOR(struct fact_import, i, f, imports)
    if (facts_is_global(i->place) && facts_binds(f, i, name))
        add_candidate(c, find_import(n, file, i));
}

/* Whether `from module import *` takes the name: by __all__ where that is a list of literals. */
static bool exports(const struct facts *f, const char *name) {
    bool listed = false;
    FACTS_FOR(struct fact_assign, assign, f, assigns) {
        const char *value = facts_str(f, assign->value);
        if (strcmp(facts_str(f, assign->name), "__all__") != 0)
            continue;
        listed = true;
        if (strpbrk(value, "+(*") && *value != '(')
            return true;
        size_t n = strlen(name);
        for (const char *s = value; (s = strstr(s, name)) != NULL; s += n)
            if (s > value && (s[-1] == '"' || s[-1] == '\'') && s[n] == s[-1])
                return true;
    }
    return !listed && *name != '_';
}

static void add_starred(struct names *n, uint32_t file, const char *name, struct candidates *c) {
    const struct facts *f = n->facts[file];
    FACTS_FOR(struct fact_import, i, f, imports) {
        if (!facts_is_global(i->place) || strcmp(facts_str(f, i->name), "*") != 0)
            continue;
        struct named module = names_module(n, file, i);
        if (module.kind != NAME_MODULE || module.file == NO_FILE) {
            c->unlike = true;
            return;
        }
        if (!exports(n->facts[module.file], name))
            continue;
        struct named found = find_in(n, module.file, name);
        bool going_round = found.kind == NAME_UNKNOWN && found.index == IN_PROGRESS;
        if (going_round)
            continue;
        if (found.kind != NAME_FOREIGN || !str_starts(found.path, "builtins."))
            add_candidate(c, found);
    }
}

static struct named look_up(struct names *n, uint32_t file, const char *name) {
    const struct facts *f = n->facts[file];
    struct candidates c = {.first = unknown};
    if (f->flags & (FACT_SYNTAX_ERROR | FACT_ENCODING))
        return unknown;
    FACTS_FOR(struct fact_def, d, f, defs)
    if (d->parent == FACT_NONE && facts_is_global(d->place) && strcmp(facts_str(f, d->name), name) == 0)
        add_candidate(&c, (struct named){NAME_DEF, file,
                                         (uint32_t)(d - (const struct fact_def *)facts_at(f, f->defs.at)),
                                         NULL, ""});
    FACTS_FOR(struct fact_binding, b, f, bindings)
    if (strcmp(facts_str(f, b->name), name) == 0)
        add_candidate(&c,
                      (struct named){NAME_BINDING, file,
                                     (uint32_t)(b - (const struct fact_binding *)facts_at(f, f->bindings.at)),
                                     NULL, ""});
    add_imported(n, file, name, &c);
    if (!c.n)
        add_starred(n, file, name, &c);
    if (c.unlike)
        return (struct named){.kind = NAME_UNKNOWN, .file = NO_FILE, .index = AMBIGUOUS, .rest = ""};
    if (!c.n && f->flags & FACT_LAZY)
        return unknown;
    return c.n ? c.first : foreign(n, arena_printf(n->arena, "builtins.%s", name));
}

static struct named find_in(struct names *n, uint32_t file, const char *name) {
    char key[PATH_MAX + 1];
    size_t len = make_key(key, &file, sizeof file, name);
    if (!len || n->depth >= DEEPEST)
        return unknown;
    uint32_t at = map_get(&n->known, key, len);
    if (at != MAP_NONE)
        return n->found.items[at];
    at = n->found.len;
    array_push(n->arena, &n->found,
               (struct named){.kind = NAME_UNKNOWN, .file = NO_FILE, .index = IN_PROGRESS, .rest = ""});
    map_add(&n->known, key, len, at);
    n->depth++;
    struct named found = look_up(n, file, name);
    n->depth--;
    n->found.items[at] = found;
    return found;
}

struct named names_find(struct names *n, uint32_t file, const char *dotted) {
    size_t len = strcspn(dotted, ".");
    struct named found = find_in(n, file, arena_strndup(n->arena, dotted, len));
    dotted += len;
    while (*dotted == '.' && (found.kind == NAME_MODULE || found.kind == NAME_FOREIGN)) {
        len = strcspn(dotted + 1, ".");
        found = find_attribute(n, &found, arena_strndup(n->arena, dotted + 1, len));
        dotted += 1 + len;
    }
    found.rest = *dotted == '.' ? dotted + 1 : "";
    return found;
}
