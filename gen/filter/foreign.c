#include "filter/foreign.h"
#include "base/os.h"
#include "source/facts.h"
#include "source/parse.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 12 };

void foreign_new(struct foreign *f, struct arena *a, const struct strs *sites) {
    *f = (struct foreign){.arena = a, .sites = sites, .modules = {.arena = a}};
}

void foreign_free(struct foreign *f) {
    if (f->parser)
        parser_free(f->parser);
    f->parser = NULL;
}

static char *read_module(struct foreign *f, const char *dotted, size_t *n) {
    char *path = arena_strdup(f->arena, dotted);
    for (char *s = path; *s; s++)
        *s = *s == '.' ? '/' : *s;
    for (uint32_t i = 0; i < f->sites->len; i++) {
        char *base = os_join(f->arena, f->sites->items[i], path);
        char *text = os_read(NULL, arena_printf(f->arena, "%s/__init__.py", base), n);
        if (!text)
            text = os_read(NULL, arena_printf(f->arena, "%s.py", base), n);
        if (text)
            return text;
    }
    return NULL;
}

static bool is_package(const struct foreign *f, const char *dotted) {
    char *path = arena_strdup(f->arena, dotted);
    for (char *s = path; *s; s++)
        *s = *s == '.' ? '/' : *s;
    for (uint32_t i = 0; i < f->sites->len; i++)
        if (os_is_dir(os_join(f->arena, f->sites->items[i], path)))
            return true;
    return false;
}

static const struct facts *load(struct foreign *f, const char *dotted) {
    uint32_t at = map_get(&f->modules, dotted, strlen(dotted));
    if (at != MAP_NONE)
        return f->loaded.items[at];
    size_t n = 0;
    char *text = read_module(f, dotted, &n);
    if (text && !f->parser)
        f->parser = parser_new();
    const struct facts *facts = text ? parse_file(f->parser, f->arena, text, n) : NULL;
    free(text);
    map_add(&f->modules, dotted, strlen(dotted), f->loaded.len);
    array_push(f->arena, &f->loaded, facts);
    return facts;
}

/* The module that an import of `module` takes from, as a dotted name. */
static const char *source_of(const struct foreign *f, const struct facts *facts, const char *module,
                             bool package, const struct fact_import *i) {
    const char *name = facts_str(facts, i->module);
    if (!i->level)
        return name;
    char *up = arena_strdup(f->arena, module);
    for (unsigned level = package; level < i->level; level++) {
        char *dot = strrchr(up, '.');
        if (!dot)
            return NULL;
        *dot = 0;
    }
    return *name ? arena_printf(f->arena, "%s.%s", up, name) : up;
}

/* What the name is at module level: *def its definition, or the dotted name that an import takes it from. */
static const char *look_up(struct foreign *f, const struct facts *facts, const char *module, bool package,
                           const char *name, uint32_t *def) {
    const char *from = NULL;
    unsigned found = 0;
    *def = FACT_NONE;
    FACTS_FOR(struct fact_def, d, facts, defs)
    if (d->parent == FACT_NONE && facts_is_global(d->place) && strcmp(facts_str(facts, d->name), name) == 0) {
        *def = (uint32_t)(d - (const struct fact_def *)facts_at(facts, facts->defs.at));
        found++;
    }
    FACTS_FOR(struct fact_import, i, facts, imports)
    if (facts_is_global(i->place) && facts_binds(facts, i, name)) {
        const char *source = source_of(f, facts, module, package, i);
        found++;
        from = !source   ? NULL
               : i->name ? arena_printf(f->arena, "%s.%s", source, facts_str(facts, i->name))
               : i->as   ? source
                         : name;
    }
    FACTS_FOR(struct fact_binding, b, facts, bindings)
    found += strcmp(facts_str(facts, b->name), name) == 0;
    if (found != 1)
        *def = FACT_NONE;
    return found == 1 ? from : found ? NULL : "";
}

static struct foreign_def find(struct foreign *f, const char *dotted, unsigned depth) {
    const char *dot = strrchr(dotted, '.');
    if (!dot || depth > DEEPEST)
        return (struct foreign_def){0};
    const char *module = arena_strndup(f->arena, dotted, (size_t)(dot - dotted));
    const struct facts *facts = load(f, module);
    if (!facts)
        return (struct foreign_def){0};
    bool package = is_package(f, module);
    uint32_t def;
    const char *from = look_up(f, facts, module, package, dot + 1, &def);
    if (def != FACT_NONE)
        return (struct foreign_def){facts, def, module, package};
    return from && *from ? find(f, from, depth + 1) : (struct foreign_def){0};
}

struct foreign_def foreign_find(struct foreign *f, const char *dotted) {
    return find(f, dotted, 0);
}

const char *foreign_absolute(struct foreign *f, const struct foreign_def *where, const char *name) {
    size_t n = strcspn(name, ".");
    const char *first = arena_strndup(f->arena, name, n);
    uint32_t def;
    const char *from = look_up(f, where->facts, where->module, where->package, first, &def);
    if (def != FACT_NONE)
        return arena_printf(f->arena, "%s.%s", where->module, name);
    if (!from)
        return NULL;
    return *from ? arena_printf(f->arena, "%s%s", from, name + n)
                 : arena_printf(f->arena, "builtins.%s", name);
}
