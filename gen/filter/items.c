#include "filter/items.h"
#include "base/map.h"
#include "filter/ancestry.h"
#include "filter/decorators.h"
#include "graph/modules.h"
#include "source/collect.h"
#include "source/config.h"
#include "source/facts.h"
#include "source/scan.h"

#include <ctype.h>
#include <string.h>

enum { DEEPEST = 24 };

/* One file at work. */
struct finder {
    const struct items_of *o;
    struct items *out;
    uint32_t module; /* the file that is collected */
};

/* What an item takes over from what it stands in. */
struct scope {
    struct strs names;
    struct item_marks marks;
    ARRAY(struct item_params) params;
    bool sure, any_name, any_mark, any_params;
    bool testcase, maybe_testcase; /* of unittest */
    const char *why;
    uint32_t line;
};

static const struct facts *facts_of(const struct finder *f, uint32_t file) {
    return f->o->names->facts[file];
}

static void doubt(struct scope *s, const char *why, uint32_t line) {
    if (s->why)
        return;
    s->why = why;
    s->line = line;
}

static bool executed(uint32_t place) {
    return !(place & (PLACE_FUNCTION | PLACE_EXAMPLE | PLACE_TYPE_CHECKING));
}

/* Copies what grows, so that siblings do not share it. */
static struct scope inner(const struct finder *f, const struct scope *outer) {
    struct arena *a = f->o->arena;
    struct scope s = *outer;
    s.names = (struct strs){0};
    s.marks = (struct item_marks){0};
    s.params.items = NULL;
    s.params.len = s.params.cap = 0;
    for (uint32_t i = 0; i < outer->names.len; i++)
        array_push(a, &s.names, outer->names.items[i]);
    for (uint32_t i = 0; i < outer->marks.len; i++)
        array_push(a, &s.marks, outer->marks.items[i]);
    for (uint32_t i = 0; i < outer->params.len; i++)
        array_push(a, &s.params, outer->params.items[i]);
    return s;
}

static struct item *add_item(struct finder *f, const struct scope *s) {
    struct item item = {.names = s->names,
                        .marks = s->marks,
                        .sure = s->sure,
                        .any_name = s->any_name,
                        .any_mark = s->any_mark,
                        .any_params = s->any_params,
                        .why = s->why,
                        .line = s->line};
    struct buf id = {0};
    for (uint32_t i = 0; i < s->names.len; i++)
        buf_fmt(&id, "%s%s", i ? "::" : "", s->names.items[i]);
    item.id = arena_strdup(f->o->arena, id.s ? id.s : "");
    buf_free(&id);
    for (uint32_t i = 0; i < s->params.len; i++)
        array_push(f->o->arena, &item.params, s->params.items[i]);
    array_push(f->o->arena, f->out, item);
    return &f->out->items[f->out->len - 1];
}

/* Something that may hold tests of any name. */
static void add_opaque(struct finder *f, const struct scope *outer, const char *why, uint32_t line) {
    struct scope s = *outer;
    s.sure = false;
    s.any_name = s.any_mark = s.any_params = true;
    doubt(&s, why, line);
    add_item(f, &s);
}

static void add_params(const struct finder *f, struct scope *s, uint32_t file,
                       const struct fact_decorator *d) {
    const struct facts *facts = facts_of(f, file);
    if (d->ids_known == IDS_UNKNOWN) {
        s->any_params = true;
        doubt(s, "parameters that cannot be told", d->line);
        return;
    }
    const fact_str *ids = (const fact_str *)facts_at(facts, facts->ids.at) + d->first_id;
    struct item_params params = {file, arena_alloc(f->o->arena, (d->ids + 1) * sizeof(char *)), d->ids};
    for (uint32_t i = 0; i < d->ids; i++)
        params.ids[i] = facts_str(facts, ids[i]);
    array_push(f->o->arena, &s->params, params);
    if (d->ids_known != IDS_EXACT)
        doubt(s, "a parameter whose id cannot be told", d->line);
}

enum taken { TAKEN, TAKEN_FIXTURE, TAKEN_UNKNOWN };

static enum taken take_decorator(const struct finder *f, struct scope *s, uint32_t file,
                                 const struct fact_decorator *d, struct strs *attributes) {
    const struct facts *facts = facts_of(f, file);
    const char *callee = facts_str(facts, d->callee);
    struct effect e = decorator_effect(f->o->names, file, callee);
    if (e.kind == EFFECT_MARK) {
        struct item_mark mark = {e.name, facts_str(facts, d->args), true};
        array_push(f->o->arena, &s->marks, mark);
        if (strcmp(e.name, "parametrize") == 0)
            add_params(f, s, file, d);
    } else if (e.kind == EFFECT_ATTRIBUTES && attributes) {
        struct strs words = str_words(f->o->arena, e.name);
        for (uint32_t i = 0; i < words.len; i++)
            array_push(f->o->arena, attributes, words.items[i]);
    } else if (e.kind == EFFECT_UNKNOWN) {
        doubt(s, arena_printf(f->o->arena, "the decorator @%s", *callee ? callee : "..."), d->line);
        return TAKEN_UNKNOWN;
    }
    return e.kind == EFFECT_FIXTURE ? TAKEN_FIXTURE : TAKEN;
}

static void add_function(struct finder *f, const struct scope *outer, uint32_t file, const struct fact_def *d,
                         const char *name) {
    const struct facts *facts = facts_of(f, file);
    const struct fact_decorator *decorators = facts_at(facts, facts->decorators.at);
    struct scope s = inner(f, outer);
    struct strs attributes = {0};
    array_push(f->o->arena, &s.names, name);
    s.sure &= !(d->place & (PLACE_CONDITIONAL | PLACE_TRY_IMPORT));
    for (uint32_t i = d->decorators; i-- > 0;) {
        enum taken taken = take_decorator(f, &s, file, &decorators[d->first_decorator + i], &attributes);
        if (taken == TAKEN_FIXTURE)
            return;
        if (taken == TAKEN_UNKNOWN)
            s.any_name = s.any_mark = s.any_params = !(s.sure = false);
    }
    /* The parameters of the function come before those of its classes and its module. */
    uint32_t own = s.params.len - outer->params.len;
    struct item *item = add_item(f, &s);
    for (uint32_t i = 0; i < own; i++)
        item->params.items[i] = s.params.items[outer->params.len + i];
    for (uint32_t i = 0; i < outer->params.len; i++)
        item->params.items[own + i] = s.params.items[i];
    item->attributes = attributes;
    const char *prefix = arena_printf(f->o->arena, "%s.", name);
    FACTS_FOR(struct fact_binding, b, facts, bindings)
    if (str_starts(facts_str(facts, b->name), prefix))
        array_push(f->o->arena, &item->attributes, facts_str(facts, b->name) + strlen(prefix));
}

/* Each top-level element of the list that pytestmark is, as the dotted name it begins with. */
static void take_pytestmark(const struct finder *f, struct scope *s, uint32_t file,
                            const struct fact_assign *assign) {
    const char *text = facts_str(facts_of(f, file), assign->value);
    int depth = 0, list = *text == '[' || *text == '(';
    bool start = true;
    for (text += list; *text; text++) {
        if (*text == '#') {
            text += strcspn(text, "\n");
            text -= !*text;
        } else if (start && (isalpha((unsigned char)*text) || *text == '_')) {
            size_t n = 0;
            while (isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == '.')
                n++;
            struct effect e = decorator_effect(f->o->names, file, arena_strndup(f->o->arena, text, n));
            struct item_mark mark = {e.name, NULL, !(assign->place & PLACE_CONDITIONAL)};
            if (e.kind == EFFECT_MARK)
                array_push(f->o->arena, &s->marks, mark);
            if (e.kind != EFFECT_MARK) {
                s->any_mark = s->any_params = true;
                doubt(s, "a pytestmark that cannot be told", assign->line);
            } else if (strcmp(e.name, "parametrize") == 0) {
                s->any_params = true;
                doubt(s, "a pytestmark with parameters", assign->line);
            }
            start = false;
            text += n - 1;
        } else if (*text == '"' || *text == '\'') {
            const char *end = strchr(text + 1, *text);
            text = end ? end : text + strlen(text) - 1;
        } else if (strchr("([{", *text)) {
            depth++;
        } else if (strchr(")]}", *text)) {
            depth--;
        } else if (depth == 0 && *text == ',') {
            start = true;
        } else if (depth == 0 && !strchr(" \t\n\r\\", *text)) {
            s->any_mark = s->any_params = true;
            doubt(s, "a pytestmark that cannot be told", assign->line);
        }
    }
}

static void take_pytestmarks(const struct finder *f, struct scope *s, uint32_t file, uint32_t class) {
    const struct facts *facts = facts_of(f, file);
    FACTS_FOR(struct fact_assign, assign, facts, assigns)
    if (assign->parent == class && executed(assign->place) &&
        strcmp(facts_str(facts, assign->name), "pytestmark") == 0)
        take_pytestmark(f, s, file, assign);
}

static bool is_switched_off(const struct finder *f, const struct named *class) {
    const struct facts *facts = facts_of(f, class->file);
    FACTS_FOR(struct fact_assign, assign, facts, assigns)
    if (assign->parent == class->index && strcmp(facts_str(facts, assign->name), "__test__") == 0 &&
        strcmp(facts_str(facts, assign->value), "False") == 0)
        return true;
    return false;
}

static bool has_tests(const struct finder *f, const struct named *class) {
    const struct facts *facts = facts_of(f, class->file);
    FACTS_FOR(struct fact_def, d, facts, defs)
    if (d->parent == class->index && str_starts(facts_str(facts, d->name), "test"))
        return true;
    return false;
}

static void add_class(struct finder *f, const struct scope *outer, struct named class, const char *name,
                      unsigned depth);

static bool is_test_method(const struct finder *f, const struct scope *s, const char *name) {
    bool unittest = str_starts(name, "test") || strcmp(name, "runTest") == 0;
    bool pytest = collect_matches(&f->o->config->python_functions, name);
    return s->testcase ? unittest : pytest || (s->maybe_testcase && unittest);
}

/* The class in whose body an assignment stands, or FACT_NONE. */
static uint32_t class_around(const struct facts *facts, const struct fact_binding *b) {
    const struct fact_def *defs = facts_at(facts, facts->defs.at);
    uint32_t found = FACT_NONE;
    for (uint32_t i = 0; i < facts->defs.len && defs[i].line < b->line; i++) {
        if (defs[i].kind == DEF_CLASS && defs[i].col < b->col)
            found = i;
        else if (found != FACT_NONE && defs[i].col <= defs[found].col)
            found = FACT_NONE;
    }
    return found;
}

static bool may_be_function(const struct finder *f, uint32_t file, const struct fact_binding *b) {
    const char *value = facts_str(facts_of(f, file), b->value);
    if (strcmp(value, "0") == 0 || strcmp(value, "[]") == 0)
        return false;
    if (!str_ends(value, "()"))
        return true;
    struct named named = names_find(f->o->names, file, arena_strndup(f->o->arena, value, strlen(value) - 2));
    if (named.kind != NAME_DEF || *named.rest)
        return true;
    const struct facts *of = facts_of(f, named.file);
    return ((const struct fact_def *)facts_at(of, of->defs.at))[named.index].kind != DEF_CLASS;
}

static void add_member_bindings(struct finder *f, const struct scope *s, const struct named *class) {
    const struct facts *facts = facts_of(f, class->file);
    FACTS_FOR(struct fact_binding, b, facts, bindings) {
        const char *name = facts_str(facts, b->name);
        if (b->col == 1 || !is_test_method(f, s, name) || class_around(facts, b) != class->index ||
            !may_be_function(f, class->file, b))
            continue;
        struct scope maybe = inner(f, s);
        array_push(f->o->arena, &maybe.names, name);
        add_opaque(f, &maybe, arena_printf(f->o->arena, "'%s', of which nothing is known", name), b->line);
    }
}

static void add_members(struct finder *f, const struct scope *s, const struct ancestry *up, unsigned depth) {
    struct map seen = {.arena = f->o->arena}; /* name -> the class that has it first */
    ARRAY_FOR (const struct named, class, &up->classes) {
        const struct facts *facts = facts_of(f, class->file);
        uint32_t index = 0, ordinal = (uint32_t)(class - up->classes.items);
        FACTS_FOR(struct fact_def, d, facts, defs) {
            const char *name = facts_str(facts, d->name);
            struct named member = {.kind = NAME_DEF, .file = class->file, .index = index++, .rest = ""};
            if (d->parent != class->index || d->place & PLACE_FUNCTION ||
                map_add(&seen, name, strlen(name), ordinal) != ordinal)
                continue;
            if (d->kind == DEF_CLASS)
                add_class(f, s, member, name, depth + 1);
            else if (is_test_method(f, s, name))
                add_function(f, s, class->file, d, name);
        }
        add_member_bindings(f, s, class);
    }
}

static void add_class(struct finder *f, const struct scope *outer, struct named class, const char *name,
                      unsigned depth) {
    if (depth > DEEPEST)
        return;
    struct ancestry up = ancestry_find(f->o, class);
    bool named = collect_matches(&f->o->config->python_classes, name);
    bool maybe = up.unknown && (ancestry_speaks_of_tests(up.unknown) || has_tests(f, &class));
    if ((!named && !up.testcase && !maybe) || is_switched_off(f, &class))
        return;
    const struct facts *facts = facts_of(f, class.file);
    const struct fact_def *d = (const struct fact_def *)facts_at(facts, facts->defs.at) + class.index;
    struct scope s = inner(f, outer);
    array_push(f->o->arena, &s.names, name);
    s.sure &= (named || up.testcase) && !(d->place & (PLACE_CONDITIONAL | PLACE_TRY_IMPORT));
    s.testcase = up.testcase;
    s.maybe_testcase = maybe && !up.testcase;
    bool opaque = false;
    ARRAY_FOR (const struct named, c, &up.classes) {
        const struct facts *of = facts_of(f, c->file);
        const struct fact_def *def = (const struct fact_def *)facts_at(of, of->defs.at) + c->index;
        const struct fact_decorator *decorators = facts_at(of, of->decorators.at);
        for (uint32_t i = def->decorators; i-- > 0;)
            opaque |=
                take_decorator(f, &s, c->file, &decorators[def->first_decorator + i], NULL) == TAKEN_UNKNOWN;
        take_pytestmarks(f, &s, c->file, c->index);
    }
    if (opaque)
        s.any_name = s.any_mark = s.any_params = !(s.sure = false);
    if (opaque || up.unknown)
        add_opaque(f, &s, arena_printf(f->o->arena, "the base class %s", up.unknown ? up.unknown : "..."),
                   d->line);
    add_members(f, &s, &up, depth);
}

/* A name of the module that may be a test. */
static void add_named(struct finder *f, const struct scope *s, struct named named, const char *name,
                      uint32_t line, bool imported) {
    const struct facts *facts = named.kind == NAME_DEF ? facts_of(f, named.file) : NULL;
    const struct fact_def *d =
        facts ? (const struct fact_def *)facts_at(facts, facts->defs.at) + named.index : NULL;
    bool function = collect_matches(&f->o->config->python_functions, name),
         class = collect_matches(&f->o->config->python_classes, name);
    if (d && !*named.rest && d->kind == DEF_CLASS) {
        add_class(f, s, named, name, 0);
    } else if (d && !*named.rest && function) {
        add_function(f, s, named.file, d, name);
    } else if ((function || class) && named.kind != NAME_MODULE && (!d || *named.rest)) {
        bool standard = named.kind == NAME_FOREIGN && ancestry_is_standard(f->o, named.path);
        struct scope maybe = inner(f, s);
        array_push(f->o->arena, &maybe.names, name);
        if (!standard && (class || !imported || named.kind == NAME_UNKNOWN))
            add_opaque(f, &maybe, arena_printf(f->o->arena, "'%s', of which nothing is known", name), line);
        else if (!standard) {
            maybe.sure = false;
            doubt(&maybe, "an imported name", line);
            add_item(f, &maybe);
        }
    } else if (named.kind == NAME_UNKNOWN && imported && ancestry_speaks_of_tests(name) &&
               isupper((unsigned char)*name)) {
        add_opaque(f, s, arena_printf(f->o->arena, "'%s', of which nothing is known", name), line);
    }
}

static void add_stars(struct finder *f, const struct scope *s, uint32_t file, unsigned depth);

static void add_imports(struct finder *f, const struct scope *s, uint32_t file, unsigned depth) {
    const struct facts *facts = facts_of(f, file);
    FACTS_FOR(struct fact_import, i, facts, imports) {
        const char *name = facts_str(facts, i->as ? i->as : i->name);
        if (!executed(i->place) || i->place & PLACE_CLASS || !*name || strcmp(name, "*") == 0)
            continue;
        bool function = collect_matches(&f->o->config->python_functions, name),
             class = collect_matches(&f->o->config->python_classes, name);
        if (!function && !class && !isupper((unsigned char)*name))
            continue;
        struct scope maybe = *s;
        maybe.sure &= !(i->place & (PLACE_CONDITIONAL | PLACE_TRY_IMPORT));
        add_named(f, &maybe, names_find(f->o->names, file, name), name, i->line, true);
    }
    add_stars(f, s, file, depth);
}

static void add_bindings(struct finder *f, const struct scope *s, uint32_t file) {
    const struct facts *facts = facts_of(f, file);
    FACTS_FOR(struct fact_binding, b, facts, bindings) {
        const char *name = facts_str(facts, b->name), *value = facts_str(facts, b->value);
        if (strchr(name, '.') || !may_be_function(f, file, b) ||
            (b->col > 1 && class_around(facts, b) != FACT_NONE))
            continue;
        if (!collect_matches(&f->o->config->python_functions, name) &&
            !collect_matches(&f->o->config->python_classes, name))
            continue;
        struct scope maybe = inner(f, s);
        maybe.sure = false;
        if (b->col > 1) {
            add_opaque(f, &maybe, arena_printf(f->o->arena, "'%s', of which nothing is known", name),
                       b->line);
            continue;
        }
        struct named named = {.kind = NAME_UNKNOWN, .rest = ""};
        if (*value && !str_ends(value, "()"))
            named = names_find(f->o->names, file, value);
        doubt(&maybe, "an assignment", b->line);
        add_named(f, &maybe, named, name, b->line, false);
    }
}

static void add_own(struct finder *f, const struct scope *s, uint32_t file) {
    const struct facts *facts = facts_of(f, file);
    uint32_t index = 0;
    FACTS_FOR(struct fact_def, d, facts, defs) {
        const char *name = facts_str(facts, d->name);
        struct named named = {.kind = NAME_DEF, .file = file, .index = index++, .rest = ""};
        if (d->parent != FACT_NONE || !executed(d->place))
            continue;
        if (d->kind == DEF_CLASS)
            add_class(f, s, named, name, 0);
        else if (collect_matches(&f->o->config->python_functions, name))
            add_function(f, s, file, d, name);
    }
    add_bindings(f, s, file);
}

/* `from x import *`: what is a test there is one here. */
static void add_stars(struct finder *f, const struct scope *s, uint32_t file, unsigned depth) {
    const struct facts *facts = facts_of(f, file);
    FACTS_FOR(struct fact_import, i, facts, imports) {
        if (!executed(i->place) || i->place & PLACE_CLASS || strcmp(facts_str(facts, i->name), "*") != 0)
            continue;
        struct named module = names_module(f->o->names, file, i);
        struct scope maybe = *s;
        maybe.sure = false;
        if (module.kind == NAME_MODULE && module.file != NO_FILE && depth < 4 && module.file != file) {
            add_own(f, &maybe, module.file);
            add_imports(f, &maybe, module.file, depth + 1);
        } else if (module.kind != NAME_FOREIGN ||
                   (!ancestry_is_standard(f->o, module.path) && ancestry_speaks_of_tests(module.path))) {
            add_opaque(f, &maybe, "a star import", i->line);
        }
    }
}

struct items items_find(const struct items_of *o, uint32_t file) {
    struct items out = {0};
    struct finder f = {.o = o, .out = &out, .module = file};
    const struct facts *facts = facts_of(&f, file);
    struct scope module = {.sure = true};
    take_pytestmarks(&f, &module, file, FACT_NONE);
    if (facts->flags & (FACT_SYNTAX_ERROR | FACT_ENCODING))
        add_opaque(&f, &module, "it does not parse", facts->error_line);
    if (facts->flags & FACT_MAKES_NAMES)
        add_opaque(&f, &module, "code that may make tests: globals(), exec() or setattr()", 0);
    add_own(&f, &module, file);
    add_imports(&f, &module, file, 0);
    return out;
}

static const char *dotted_path(struct arena *a, const char *path) {
    char *dotted = arena_strdup(a, path);
    if (str_ends(dotted, ".py"))
        dotted[strlen(dotted) - 3] = 0;
    if (str_ends(dotted, "/__init__"))
        dotted[strlen(dotted) - 9] = 0;
    for (char *s = dotted; *s; s++)
        *s = *s == '/' ? '.' : *s;
    return dotted;
}

struct items items_doctests(const struct items_of *o, uint32_t file, const char *path) {
    struct items out = {0};
    struct finder f = {.o = o, .out = &out, .module = file};
    struct scope s = {.why = "doctests are found by running them"};
    if (!str_ends(path, ".py")) {
        const char *slash = strrchr(path, '/');
        array_push(o->arena, &s.names, slash ? slash + 1 : path);
        add_item(&f, &s);
        return out;
    }
    const struct facts *facts = facts_of(&f, file);
    const char *module = dotted_path(o->arena, path);
    array_push(o->arena, &s.names, module);
    add_item(&f, &s);
    const struct fact_def *defs = facts_at(facts, facts->defs.at);
    FACTS_FOR(struct fact_def, d, facts, defs) {
        const char *name = facts_str(facts, d->name);
        for (uint32_t up = d->parent; up != FACT_NONE; up = defs[up].parent)
            name = arena_printf(o->arena, "%s.%s", facts_str(facts, defs[up].name), name);
        struct scope example = {.why = s.why};
        array_push(o->arena, &example.names, arena_printf(o->arena, "%s.%s", module, name));
        add_item(&f, &example);
    }
    FACTS_FOR(struct fact_assign, assign, facts, assigns)
    if (assign->parent == FACT_NONE && strcmp(facts_str(facts, assign->name), "__test__") == 0)
        add_opaque(&f, &s, "__test__", assign->line);
    return out;
}
