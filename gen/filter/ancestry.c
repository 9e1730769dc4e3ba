#include "filter/ancestry.h"
#include "source/collect.h"
#include "source/config.h"
#include "source/facts.h"
#include "source/python.h"

#include <string.h>
#include <strings.h>

enum { DEEPEST = 24 };

static const struct facts *facts_of(const struct items_of *o, uint32_t file) {
    return o->names->facts[file];
}

bool ancestry_speaks_of_tests(const char *name) {
    for (; *name; name++)
        if (strncasecmp(name, "test", 4) == 0 || strncasecmp(name, "case", 4) == 0)
            return true;
    return false;
}

static void climb_foreign(const struct items_of *o, struct ancestry *up, const char *path, uint32_t line,
                          unsigned depth);

bool ancestry_is_standard(const struct items_of *o, const char *path) {
    return str_starts(path, "builtins.") ||
           (o->python->stdlib.len && map_get(&o->python->stdlib, path, strcspn(path, ".")) != MAP_NONE);
}

static void climb(const struct items_of *o, struct ancestry *up, struct named class, unsigned depth) {
    for (uint32_t i = 0; i < up->classes.len; i++)
        if (up->classes.items[i].file == class.file && up->classes.items[i].index == class.index)
            return;
    array_push(o->arena, &up->classes, class);
    const struct facts *facts = facts_of(o, class.file);
    const struct fact_def *d = (const struct fact_def *)facts_at(facts, facts->defs.at) + class.index;
    const fact_base *bases = facts_at(facts, facts->bases.at);
    for (uint32_t i = 0; i < d->bases; i++) {
        const char *name = facts_str(facts, bases[d->first_base + i]);
        struct named base =
            *name ? names_find(o->names, class.file, name) : (struct named){.kind = NAME_UNKNOWN, .rest = ""};
        const struct facts *of = base.kind == NAME_DEF ? facts_of(o, base.file) : NULL;
        bool is_class = of &&
                        ((const struct fact_def *)facts_at(of, of->defs.at))[base.index].kind == DEF_CLASS &&
                        !*base.rest;
        if (is_class && depth < DEEPEST) {
            climb(o, up, base, depth + 1);
        } else if (base.kind == NAME_FOREIGN) {
            climb_foreign(o, up, base.path, d->line, depth + 1);
        } else if (!up->unknown) {
            up->unknown = *name ? name : "...";
            up->line = d->line;
        }
    }
}

static bool brings_tests(const struct items_of *o, const struct foreign_def *class) {
    FACTS_FOR(struct fact_def, d, class->facts, defs) {
        const char *name = facts_str(class->facts, d->name);
        if (d->parent == class->index &&
            (str_starts(name, "test") || collect_matches(&o->config->python_functions, name)))
            return true;
    }
    return false;
}

/* A base class outside the tree: of what is installed the source tells. */
static void climb_foreign(const struct items_of *o, struct ancestry *up, const char *path, uint32_t line,
                          unsigned depth) {
    if (ancestry_is_standard(o, path)) {
        up->testcase |= str_starts(path, "unittest.") && ancestry_speaks_of_tests(strrchr(path, '.'));
        return;
    }
    struct foreign_def class =
        depth < DEEPEST ? foreign_find(&o->names->foreign, path) : (struct foreign_def){0};
    const struct fact_def *d =
        class.facts ? (const struct fact_def *)facts_at(class.facts, class.facts->defs.at) + class.index
                    : NULL;
    if (!d || d->kind != DEF_CLASS || d->decorators || brings_tests(o, &class)) {
        if (!up->unknown) {
            up->unknown = path;
            up->line = line;
        }
        return;
    }
    const fact_base *bases = facts_at(class.facts, class.facts->bases.at);
    for (uint32_t i = 0; i < d->bases; i++) {
        const char *name = facts_str(class.facts, bases[d->first_base + i]);
        const char *base = *name ? foreign_absolute(&o->names->foreign, &class, name) : NULL;
        climb_foreign(o, up, base ? base : "?", line, depth + 1);
    }
}

struct ancestry ancestry_find(const struct items_of *o, struct named class) {
    struct ancestry up = {0};
    climb(o, &up, class, 0);
    return up;
}
