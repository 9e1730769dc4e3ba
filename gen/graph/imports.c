#include "base/diag.h"
#include "base/os.h"
#include "graph/data.h"
#include "graph/dists.h"
#include "graph/graph.h"
#include "graph/modules.h"
#include "graph/resolve.h"
#include "graph/resolver.h"
#include "source/config.h"
#include "source/facts.h"
#include "source/python.h"
#include "source/scan.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* What a dotted name came to. */
struct found {
    enum module_kind kind; /* of the last part that was found */
    uint32_t file;         /* its file, or NO_FILE for a namespace */
    uint32_t parts;        /* how many parts were found */
    uint32_t files;        /* how many files that is */
    size_t root;           /* how much of `dir` is the source root, or NO_ROOT */
    char dir[PATH_MAX];    /* where its submodules lie */
};

/* Not below a source root: a namespace there has no other portions. */
#define NO_ROOT SIZE_MAX

static bool is_sure(const struct resolver *r, const char *root) {
    return modules_is_sure(r->m, root) || (r->own && strcmp(r->own, root) == 0);
}

/* A namespace's folder counts only where no root that is on sys.path has a module of that name (PEP 420). */
static bool is_hidden(const struct resolver *r, const char *folder, size_t root) {
    char path[PATH_MAX];
    for (uint32_t i = 0; root != NO_ROOT && i < r->roots.len; i++) {
        const char *other = r->roots.items[i], *below = folder + root + (root > 0);
        int n = snprintf(path, sizeof path, "%s%s%s", other, *other ? "/" : "", below);
        if (n < PATH_MAX && is_sure(r, other) && modules_answers(r->m, path))
            return true;
    }
    return false;
}

static uint32_t follow_extensions(const struct resolver *r, const char *dir, const char *name, size_t n,
                                  enum edge_kind kind, uint32_t line) {
    uint32_t found = 0;
    for (uint32_t i = modules_extension(r->m, dir, name, n); i != NO_FILE;
         i = modules_next_extension(r->m, i)) {
        resolver_edge(r, graph_node(r->g, r->m->scan->others.items[i]), kind, line);
        found++;
    }
    return found;
}

/* Follows one part of a dotted name. */
static bool follow_part(const struct resolver *r, struct found *found, const char *name, size_t n,
                        enum edge_kind kind, uint32_t line) {
    char sub[PATH_MAX];
    uint32_t file;
    enum module_kind part = modules_lookup(r->m, found->dir, name, n, &file, sub);
    uint32_t files = follow_extensions(r, found->dir, name, n, kind, line);
    if (files && (part == MODULE_NONE || part == MODULE_NAMESPACE))
        part = MODULE_FILE;
    if (part == MODULE_PACKAGE || part == MODULE_NAMESPACE) {
        uint32_t inits = follow_extensions(r, sub, "__init__", 8, kind, line);
        part = inits ? MODULE_PACKAGE : part;
        files += inits;
    }
    if (part == MODULE_NONE || (part == MODULE_NAMESPACE && is_hidden(r, sub, found->root)))
        return false;
    if (file != NO_FILE)
        resolver_edge(r, file, kind, line);
    found->kind = part;
    found->file = file;
    found->files += files + (file != NO_FILE);
    found->parts++;
    memcpy(found->dir, sub, sizeof sub);
    return true;
}

/* Follows the parts of a dotted name down from `dir`, with an edge to every file on the way. */
static struct found follow(const struct resolver *r, const char *dir, size_t root, const char *name,
                           enum edge_kind kind, uint32_t line) {
    struct found found = {.kind = MODULE_NAMESPACE, .file = NO_FILE, .root = root};
    snprintf(found.dir, sizeof found.dir, "%s", dir);
    while (*name && (!found.parts || found.kind != MODULE_FILE)) {
        size_t n = strcspn(name, ".");
        if (!follow_part(r, &found, name, n, kind, line))
            break;
        name += n + (name[n] == '.');
    }
    return found;
}

static uint32_t count_parts(const char *name) {
    uint32_t n = *name != 0;
    for (; *name; name++)
        n += *name == '.';
    return n;
}

/* `from package import *` imports the submodules that the package's __all__ names. */
static void follow_all(const struct resolver *r, const struct found *package, enum edge_kind kind,
                       uint32_t line) {
    if (package->kind != MODULE_PACKAGE || package->file == NO_FILE)
        return;
    const struct facts *facts = r->all[package->file];
    FACTS_FOR(struct fact_assign, assign, facts, assigns) {
        if (strcmp(facts_str(facts, assign->name), "__all__") != 0)
            continue;
        for (const char *s = facts_str(facts, assign->value); (s = strpbrk(s, "'\"#")) != NULL;) {
            const char *end = strchr(s + 1, *s == '#' ? '\n' : *s);
            if (!end)
                break;
            bool comment = *s == '#';
            char name[256];
            snprintf(name, sizeof name, "%.*s", (int)(end - s - 1), s + 1);
            if (*name && !comment && !strchr(name, '.'))
                follow(r, package->dir, package->root, name, kind, line);
            s = end + 1;
        }
    }
}

/* The module that a from import takes out of another, or that one where it takes an attribute. */
static uint32_t follow_names(const struct resolver *r, const struct found *module, const char *name,
                             enum edge_kind kind, uint32_t line) {
    if (module->kind == MODULE_FILE || !*name)
        return module->file;
    if (strcmp(name, "*") == 0) {
        follow_all(r, module, kind, line);
        return module->file;
    }
    struct found found = follow(r, module->dir, module->root, name, kind, line);
    return found.parts ? found.file : module->file;
}

struct answer imports_look_up(const struct resolver *r, const struct strs *roots, const char *module,
                              const char *name, bool prefix, enum edge_kind kind, uint32_t line) {
    struct answer answer = {.first = NO_FILE, .other = NO_FILE, .target = NO_FILE};
    uint32_t parts = count_parts(module);
    for (uint32_t i = 0; i < roots->len; i++) {
        const char *root = roots->items[i];
        bool below = roots == &r->roots && strcmp(root, ALIAS_ROOT) != 0;
        struct found found = follow(r, root, below ? strlen(root) : NO_ROOT, module, kind, line);
        bool whole = found.parts == parts;
        uint32_t target = whole ? follow_names(r, &found, name, kind, line) : NO_FILE;
        bool here = (whole || (prefix && found.parts)) && (found.files || found.kind == MODULE_NAMESPACE);
        answer.found |= here && found.parts > 0;
        if (answer.target == NO_FILE && here)
            answer.target = target;
        if (!here || found.file == NO_FILE)
            continue;
        if (answer.first == NO_FILE) {
            answer.first = found.file;
            answer.sure = below && is_sure(r, root);
        } else if (found.file != answer.first && answer.other == NO_FILE) {
            answer.other = found.file;
        }
    }
    return answer;
}

struct answer imports_search(const struct resolver *r, const char *module, const char *name,
                             enum edge_kind kind, uint32_t line) {
    struct strs places = modules_holding(r->m, r->arena, module, strcspn(module, "."), r->path);
    return imports_look_up(r, &places, module, name, false, kind, line);
}

static bool quiet_place(uint32_t place) {
    return place & (PLACE_TRY_IMPORT | PLACE_TYPE_CHECKING | PLACE_CONDITIONAL | PLACE_EXAMPLE);
}

/* A compiled or generated module is no .py file: something else of that name may stand in the folder. */
static bool stands_otherwise(const struct resolver *r, const char *module) {
    for (uint32_t i = 0; i < r->roots.len; i++) {
        char *path = os_join(r->arena, r->c->rootdir, os_join(r->arena, r->roots.items[i], module));
        for (char *p = path + strlen(r->c->rootdir); *p; p++)
            if (*p == '.')
                *p = '/';
        if (data_exists_like(path))
            return true;
    }
    return false;
}

static bool already_noted(const struct resolver *r, const char *text) {
    for (uint32_t i = r->findings->len; i-- > 0 && r->findings->items[i].file == r->file;)
        if (strcmp(r->findings->items[i].text, text) == 0)
            return true;
    return false;
}

static void report_unresolved(const struct resolver *r, const char *module, uint32_t line, uint32_t col) {
    size_t n = strcspn(module, ".");
    char *top = arena_strndup(r->arena, module, n);
    bool ours = map_get(&r->m->tops, top, n) != MAP_NONE;
    bool standard = map_get(&r->d->python->stdlib, top, n) != MAP_NONE;
    if ((!ours && (!r->d->python->path || standard)) || stands_otherwise(r, module))
        return;
    const char *text = arena_printf(r->arena, "nothing provides import '%s'", module);
    if (already_noted(r, text))
        return;
    resolver_note(r, DIAG_UNRESOLVED_IMPORT, line, col, "%s", text);
    const char *near = ours ? NULL : str_nearest(top, &r->m->top_names);
    if (near)
        resolver_cure(r, "did you mean '%s%s'?", near, module + n);
    else
        resolver_cure(r,
                      "install it, or add the folder that holds it: [tool.testfan] sources = [\"FOLDER\"]");
}

static void report_ambiguous(const struct resolver *r, const struct answer *answer, const char *module,
                             const struct fact_import *i) {
    const char *first = graph_path(r->g, answer->first);
    if (answer->other != NO_FILE) {
        resolver_note(r, DIAG_AMBIGUOUS_IMPORT, i->line, i->col, "import '%s' has two providers: %s, %s",
                      module, first, graph_path(r->g, answer->other));
        resolver_cure(r, "sys.path takes %s; both count as inputs", first);
        return;
    }
    resolver_note(r, DIAG_AMBIGUOUS_IMPORT, i->line, i->col,
                  "import '%s' has two providers: %s, the standard library", module, first);
    resolver_cure(r, "which of them it gets depends on what was imported before: rename %s", first);
}

/* In a package's __init__.py the package is imported already. In a function it is there by then. */
static void report_self(const struct resolver *r, const struct fact_import *i, bool hides) {
    bool late = i->place & PLACE_FUNCTION && !hides;
    if (r->flags & SOURCE_INIT || late || quiet_place(i->place))
        return;
    resolver_note(r, DIAG_SELF_IMPORT, i->line, i->col, "the module imports itself");
    resolver_cure(r, hides ? "rename it: it hides the module that is meant" : "take the import out");
}

static void resolve_absolute(const struct resolver *r, const struct fact_import *i) {
    const char *module = facts_str(r->facts, i->module), *name = facts_str(r->facts, i->name);
    struct answer answer = {.first = NO_FILE, .other = NO_FILE, .target = NO_FILE};
    if (map_get(&r->m->tops, module, strcspn(module, ".")) != MAP_NONE) {
        answer = imports_look_up(r, &r->roots, module, name, false, EDGE_IMPORT, i->line);
        if (!answer.found)
            answer = imports_look_up(r, &r->m->bases, module, name, false, EDGE_IMPORT, i->line);
    }
    bool installed = dists_import(r->d, r->g, r->file, module, name, !answer.found, i->line);
    bool standard = map_get(&r->d->python->stdlib, module, strcspn(module, ".")) != MAP_NONE;
    if (answer.target == r->file)
        report_self(r, i, standard || installed || answer.other != NO_FILE);
    else if (answer.other != NO_FILE || (standard && answer.sure))
        report_ambiguous(r, &answer, module, i);
    if (!answer.found && !installed && !standard)
        answer = imports_search(r, module, name, EDGE_IMPORT, i->line);
    if (!answer.found && !installed && !quiet_place(i->place))
        report_unresolved(r, module, i->line, i->col);
}

/* Looks a relative import up in the folder that its dots lead to; the rootdir is above every package, unless
   it is one. */
static bool look_up_beside(const struct resolver *r, const char *dir, const char *module,
                           const struct fact_import *i) {
    char init[PATH_MAX];
    snprintf(init, sizeof init, "%s%s__init__.py", dir, *dir ? "/" : "");
    uint32_t package = modules_file(r->m, init);
    if (package != NO_FILE)
        resolver_edge(r, package, EDGE_IMPORT, i->line);
    struct found found = follow(r, dir, NO_ROOT, module, EDGE_IMPORT, i->line);
    if (!*module && package != NO_FILE) {
        found.kind = MODULE_PACKAGE;
        found.file = package;
    }
    if (found.parts == count_parts(module)) {
        if (follow_names(r, &found, facts_str(r->facts, i->name), EDGE_IMPORT, i->line) == r->file)
            report_self(r, i, false);
        return *dir || package != NO_FILE;
    }
    const char *last = strrchr(module, '.') ? strrchr(module, '.') + 1 : module;
    return data_exists_like(os_join(r->arena, r->c->rootdir, os_join(r->arena, found.dir, last)));
}

/* A folder without __init__.py is a portion of a namespace: the others lie below other roots. */
static bool look_up_portions(const struct resolver *r, const char *dir, const char *module,
                             const struct fact_import *i) {
    bool found = false;
    for (uint32_t j = 0; j < r->roots.len && !modules_is_package(r->m, dir); j++) {
        const char *root = r->roots.items[j];
        size_t n = strlen(root);
        if (!*dir || strncmp(dir, root, n) != 0 || (n && dir[n] != '/'))
            continue;
        char *name = arena_printf(r->arena, "%s%s%s", dir + n + (n > 0), *module ? "." : "", module);
        for (char *s = name; *s; s++)
            *s = *s == '/' ? '.' : *s;
        found |=
            imports_look_up(r, &r->roots, name, facts_str(r->facts, i->name), false, EDGE_IMPORT, i->line)
                .found;
    }
    return found;
}

static void resolve_relative(const struct resolver *r, const struct fact_import *i) {
    const char *module = facts_str(r->facts, i->module);
    char *dir = os_dirname(r->arena, r->path);
    bool inside = true;
    for (unsigned level = 1; level < i->level && inside; level++) {
        inside = *dir != 0;
        dir = os_dirname(r->arena, dir);
    }
    bool found = inside && look_up_beside(r, dir, module, i);
    found |= inside && look_up_portions(r, dir, module, i);
    if (found || quiet_place(i->place))
        return;
    resolver_note(r, DIAG_UNRESOLVED_IMPORT, i->line, i->col, "nothing provides import '%.*s%s'",
                  (int)i->level, "................................",
                  *module ? module : facts_str(r->facts, i->name));
}

static void report_dynamic(const struct resolver *r, const struct fact_ref *ref) {
    const char *name = facts_str(r->facts, ref->value);
    resolver_note(r, DIAG_DYNAMIC_IMPORT, ref->line, ref->col, "an import by a computed name: %.*s",
                  (int)strcspn(name, "\n"), name);
    resolver_cure(r, "a run tells what it is (testfan learn); or say it: # testfan: data=FOLDER/*.py");
}

/* import_module(".x", __package__) and its like. */
static void resolve_relative_ref(const struct resolver *r, const struct fact_ref *ref) {
    uint16_t level = (uint16_t)strspn(facts_str(r->facts, ref->value), ".");
    resolve_relative(r, &(struct fact_import){.module = ref->value + level,
                                              .level = level,
                                              .place = ref->place | PLACE_CONDITIONAL,
                                              .line = ref->line,
                                              .col = ref->col});
}

static void resolve_ref(const struct resolver *r, const struct fact_ref *ref) {
    const char *name = facts_str(r->facts, ref->value);
    enum edge_kind kind = ref->kind == REF_PLUGINS ? EDGE_PLUGIN : EDGE_IMPORT;
    bool found = imports_look_up(r, &r->roots, name, "", ref->kind == REF_PATCH, kind, ref->line).found;
    bool installed = dists_import(r->d, r->g, r->file, name, "", !found, ref->line);
    if (!found && !installed)
        imports_search(r, name, "", kind, ref->line);
}

/* What stands in a function is needed only by a run that gets there. */
static struct resolver at_place(const struct resolver *r, uint32_t place) {
    struct resolver at = *r;
    at.late = place & PLACE_FUNCTION;
    return at;
}

static void resolve_refs(const struct resolver *given) {
    FACTS_FOR(struct fact_ref, ref, given->facts, refs) {
        const struct resolver at = at_place(given, ref->place), *r = &at;
        const char *name = facts_str(r->facts, ref->value);
        if (ref->place & PLACE_TYPE_CHECKING)
            continue;
        if (ref->kind == REF_COMPUTED)
            report_dynamic(r, ref);
        else if (*name == '.' && ref->kind == REF_IMPORT_MODULE)
            resolve_relative_ref(r, ref);
        else if (*name && *name != '.' && !strchr(name, '/'))
            resolve_ref(r, ref);
    }
}

/* Whether pytest collects the doctests of the file. */
static bool has_doctests(const struct resolver *r) {
    bool text = r->file >= r->m->scan->files.len;
    return text || (r->c->options.doctest_modules && r->flags & (SOURCE_TEST | SOURCE_DOCTEST));
}

void imports_resolve(const struct resolver *r) {
    uint32_t out = PLACE_TYPE_CHECKING | (has_doctests(r) ? 0 : PLACE_EXAMPLE);
    FACTS_FOR(struct fact_import, i, r->facts, imports) {
        const struct resolver at = at_place(r, i->place);
        if (i->place & out)
            continue;
        if (i->level)
            resolve_relative(&at, i);
        else
            resolve_absolute(&at, i);
    }
    resolve_refs(r);
}
