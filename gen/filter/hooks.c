#define _GNU_SOURCE /* for memmem */

#include "filter/hooks.h"
#include "base/os.h"
#include "filter/names.h"
#include "filter/values.h"
#include "graph/dists.h"
#include "graph/modules.h"
#include "source/config.h"
#include "source/facts.h"
#include "source/params.h"
#include "source/python.h"
#include "source/scan.h"

#include <ctype.h>
#include <string.h>

static bool is_name(char c) {
    return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

static bool has(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

static bool defines(const char *text, const char *hook) {
    for (const char *s = text; (s = strstr(s, hook)) != NULL; s++) {
        const char *end = s + strlen(hook);
        bool whole = (s == text || !is_name(s[-1])) && !is_name(*end);
        bool named = s >= text + 4 && (memcmp(s - 4, "def ", 4) == 0 || memcmp(s - 4, "ort ", 4) == 0 ||
                                       s[-1] == ' ' || s[-1] == '\n');
        if (whole && named)
            return true;
    }
    return false;
}

static char *name_at(struct arena *a, const char *s) {
    size_t n = 0;
    while (is_name(s[n]))
        n++;
    return arena_strndup(a, s, n);
}

/* The text without comments and texts of several lines. */
static char *code_of(struct arena *a, const char *text) {
    char *code = arena_alloc(a, strlen(text) + 1), *out = code;
    for (const char *s = text; *s;) {
        if (*s == '#') {
            s += strcspn(s, "\n");
        } else if (strncmp(s, "\"\"\"", 3) == 0 || strncmp(s, "'''", 3) == 0) {
            const char *end = strstr(s + 3, (char[]){*s, *s, *s, 0});
            s = end ? end + 3 : s + strlen(s);
        } else {
            *out++ = *s++;
        }
    }
    return code;
}

/* NAME where the line before the one at s is `if "NAME" in item.keywords:`, else NULL. */
static const char *condition_of(struct arena *a, const char *text, const char *s) {
    while (s > text && s[-1] != '\n')
        s--;
    const char *end = s;
    do {
        end = s > text ? s - 1 : text;
        for (s = end; s > text && s[-1] != '\n'; s--) {
        }
    } while (s > text && s + strspn(s, " \t\r") >= end);
    s += strspn(s, " \t");
    if (strncmp(s, "if ", 3) != 0 || (s[3] != '"' && s[3] != '\''))
        return NULL;
    char *name = name_at(a, s + 4);
    const char *rest = s + 4 + strlen(name) + 1;
    return str_starts(rest, " in item.keywords:") ? name : NULL;
}

/* The marks that a hook may add: `mark.NAME` but for decorators, `add_marker("NAME")`. */
static void find_marks(struct arena *a, const char *text, struct hook_file *h) {
    bool always = has(text, "own_markers") || has(text, ".keywords[");
    for (const char *s = text; (s = strstr(s, "mark.")) != NULL; s += 5) {
        const char *start = s;
        while (start > text && (is_name(start[-1]) || start[-1] == '.'))
            start--;
        if (is_name(s[5]) && (start == text || start[-1] != '@'))
            array_push(a, &h->marks, name_at(a, s + 5));
    }
    for (const char *s = text; (s = strstr(s, "add_marker(")) != NULL; s += 11) {
        const char *at = s + 11 + strspn(s + 11, " \n\t"), *when = condition_of(a, text, s);
        if (*at == '"' || *at == '\'')
            array_push(a, &h->marks, name_at(a, at + 1));
        else if (strncmp(at, "getattr", 7) == 0)
            h->any_mark = true;
        always |= !when;
        if (when)
            array_push(a, &h->when, when);
    }
    if (always)
        h->when.len = 0;
    h->any_mark |= has(text, "getattr(pytest.mark") || has(text, "getattr(mark");
    h->any_name |= has(text, "extra_keyword_matches") || has(text, "item.name =") || has(text, "_nodeid =");
}

/* The fixtures that a pytest_generate_tests parametrizes, by the literal that it names them with. */
static void find_parametrized(struct arena *a, const char *text, struct hook_file *h) {
    for (const char *s = text; (s = strstr(s, "metafunc.parametrize(")) != NULL; s++) {
        const char *at = strchr(s, '(') + 1;
        at += strspn(at, " \n\t");
        if ((*at != '"' && *at != '\'') || !is_name(at[1])) {
            h->any_params = true;
            continue;
        }
        for (at++; is_name(*at) || *at == ',' || *at == ' '; at++)
            if (is_name(*at) && !is_name(at[-1]))
                array_push(a, &h->params, name_at(a, at));
    }
    h->any_ids = true;
    h->any_params |= !has(text, "metafunc.parametrize(");
}

/* Fixtures with params, of which the facts tell the ids where they can. */
static void keep_id(const struct hooks *h, uint32_t file, const char *id, struct hook_file *out) {
    array_push(h->arena, &out->ids, values_fill(h->names, file, id));
    for (const char *s = strchr(id, HOLE_MARKS); s && *s; s += strcspn(s, ",")) {
        s++;
        array_push(h->arena, &out->id_marks, arena_strndup(h->arena, s, strcspn(s, ",")));
        out->any_mark |= *s == '?';
    }
}

static void find_fixtures(const struct hooks *h, uint32_t file, struct hook_file *out) {
    const struct facts *f = h->names->facts[file];
    const struct fact_decorator *decorators = facts_at(f, f->decorators.at);
    const fact_str *ids = facts_at(f, f->ids.at);
    FACTS_FOR(struct fact_def, d, f, defs)
    for (uint32_t i = d->first_decorator; i < d->first_decorator + d->decorators; i++) {
        const char *args = facts_str(f, decorators[i].args);
        if (!str_ends(facts_str(f, decorators[i].callee), "fixture") || !has(args, "params"))
            continue;
        const char *name = strstr(args, "name=");
        if (has(args, "autouse"))
            out->any_params = true;
        else if (name && (name[5] == '"' || name[5] == '\''))
            array_push(h->arena, &out->params, name_at(h->arena, name + 6));
        else
            array_push(h->arena, &out->params, facts_str(f, d->name));
        for (uint32_t j = 0; j < decorators[i].ids; j++)
            keep_id(h, file, facts_str(f, ids[decorators[i].first_id + j]), out);
        out->any_ids |= decorators[i].ids_known == IDS_UNKNOWN;
    }
}

/* The same from a text alone: the function after a decorator that says `params=`. */
static void find_fixtures_in_text(struct arena *a, const char *text, struct hook_file *h) {
    for (const char *s = text; (s = strstr(s, "params=")) != NULL; s++) {
        const char *def = strstr(s, "def ");
        if (!def)
            return;
        array_push(a, &h->params, name_at(a, def + 4));
        h->any_ids = true;
    }
}

static bool look_for_hooks(struct arena *a, const char *whole, struct hook_file *h) {
    const char *text = code_of(a, whole);
    static const char *const changing[] = {"pytest_collection_modifyitems", "pytest_itemcollected",
                                           "pytest_pycollect_makeitem"};
    static const char *const making[] = {"pytest_collect_file", "pytest_pycollect_makemodule",
                                         "pytest_make_collect_report", "pytest_collect_directory",
                                         "pytest_make_parametrize_id"};
    bool any = false;
    for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
        any |= defines(text, changing[i]);
    if (any)
        find_marks(a, text, h);
    for (size_t i = 0; i < sizeof making / sizeof *making; i++)
        if (defines(text, making[i]))
            any = h->any_name = h->any_mark = h->any_params = true;
    if (defines(text, "pytest_generate_tests")) {
        find_parametrized(a, text, h);
        any = true;
    }
    return any;
}

static void keep(struct hooks *h, struct hook_file file) {
    if (file.any_mark || file.any_name || file.any_params || file.marks.len || file.params.len)
        array_push(h->arena, &h->files, file);
}

static bool names_hooks(const struct facts *f) {
    FACTS_FOR(struct fact_def, d, f, defs)
    if (str_starts(facts_str(f, d->name), "pytest_"))
        return true;
    FACTS_FOR(struct fact_import, i, f, imports)
    if (str_starts(facts_str(f, i->name), "pytest_") || strcmp(facts_str(f, i->name), "*") == 0)
        return true;
    return false;
}

static void read_in_tree(struct hooks *h, uint32_t file, const char *folder) {
    const char *path = h->modules->scan->files.items[file].path;
    struct hook_file out = {.path = path, .folder = folder};
    find_fixtures(h, file, &out);
    if (names_hooks(h->names->facts[file])) {
        const char *text = os_read(h->arena, os_join(h->arena, h->rootdir, path), NULL);
        if (!text)
            out.any_mark = out.any_name = out.any_params = true;
        else
            look_for_hooks(h->arena, text, &out);
        /* A hook that is imported, or taken with a star, may be any. */
        FACTS_FOR(struct fact_import, i, h->names->facts[file], imports)
        if (str_starts(facts_str(h->names->facts[file], i->name), "pytest_") &&
            strcmp(facts_str(h->names->facts[file], i->name), "pytest_addoption") != 0)
            out.any_mark = out.any_name = out.any_params = true;
    }
    keep(h, out);
}

static void read_module(struct hooks *h, const char *name) {
    char *path = arena_strdup(h->arena, name);
    for (char *s = path; *s; s++)
        *s = *s == '.' ? '/' : *s;
    for (uint32_t i = 0; i < h->modules->roots.len; i++) {
        char *base = os_join(h->arena, h->modules->roots.items[i], path);
        uint32_t file = modules_file(h->modules, arena_printf(h->arena, "%s.py", base));
        if (file == NO_FILE)
            file = modules_file(h->modules, arena_printf(h->arena, "%s/__init__.py", base));
        if (file != NO_FILE) {
            read_in_tree(h, file, "");
            return;
        }
    }
}

/* "asyncio" of pytest_asyncio.plugin: what a test that the plugin is about speaks of. */
static const char *keyword_of(struct arena *a, const char *module) {
    char *top = arena_strndup(a, module, strcspn(module, "."));
    while (*top == '_')
        top++;
    if (str_starts(top, "pytest_"))
        top += 7;
    char *end = strstr(top, "_pytest");
    if (end && end > top)
        *end = 0;
    return *top ? top : module;
}

static void read_installed(struct hooks *h, const char *site, const char *module) {
    char *path = os_join(h->arena, site, module);
    for (char *s = path + strlen(site); *s; s++)
        *s = *s == '.' ? '/' : *s;
    const char *text = os_read(h->arena, arena_printf(h->arena, "%s.py", path), NULL);
    if (!text)
        text = os_read(h->arena, arena_printf(h->arena, "%s/__init__.py", path), NULL);
    struct hook_file out = {.path = module, .folder = "", .keyword = keyword_of(h->arena, module)};
    if (!text) {
        out.any_mark = out.any_name = out.any_params = true;
    } else {
        look_for_hooks(h->arena, text, &out);
        find_fixtures_in_text(h->arena, text, &out);
    }
    keep(h, out);
}

static void read_conftests(struct hooks *h) {
    for (uint32_t i = 0; i < h->modules->scan->files.len; i++) {
        const struct source_file *f = &h->modules->scan->files.items[i];
        if (!(f->flags & SOURCE_CONFTEST))
            continue;
        read_in_tree(h, i, os_dirname(h->arena, f->path));
        FACTS_FOR(struct fact_ref, ref, h->names->facts[i], refs)
        if (ref->kind == REF_PLUGINS)
            read_module(h, facts_str(h->names->facts[i], ref->value));
    }
}

void hooks_read(struct hooks *h, struct arena *a, const struct modules *m, const struct dists *d,
                const struct config *c, struct names *names) {
    *h = (struct hooks){.arena = a, .rootdir = c->rootdir, .modules = m, .config = c, .names = names};
    read_conftests(h);
    for (uint32_t i = 0; i < c->options.plugins.len; i++)
        read_module(h, c->options.plugins.items[i]);
    ARRAY_FOR (const struct dist, dist, &d->python->dists)
        for (uint32_t i = 0; i < dist->plugins.len; i++)
            if (dists_is_own(d, dist))
                read_module(h, dist->plugins.items[i]);
            else
                read_installed(h, dist->site, dist->plugins.items[i]);
}

/* Whether a name stands in a text as a word; with `unquoted` not as a whole literal. */
static bool speaks_of(const char *text, const char *name, bool unquoted) {
    size_t n = strlen(name);
    for (const char *s = text; (s = strstr(s, name)) != NULL; s += n) {
        bool whole = (s == text || !is_name(s[-1])) && !is_name(s[n]);
        bool quoted = s > text && (s[-1] == '"' || s[-1] == '\'');
        bool defined = s >= text + 4 && memcmp(s - 4, "def ", 4) == 0;
        if (whole && !(unquoted && (quoted || defined)))
            return true;
    }
    return false;
}

static const char *text_of(struct hooks *h, uint32_t file) {
    const char *text =
        os_read(h->arena, os_join(h->arena, h->rootdir, h->modules->scan->files.items[file].path), NULL);
    return text ? text : "";
}

static bool lies_below(const char *path, const char *folder) {
    size_t n = strlen(folder);
    return !n || (strncmp(path, folder, n) == 0 && path[n] == '/');
}

/* Whether the file, a conftest above it, or for a plugin the configuration speaks of the name. */
static bool concerns(struct hooks *h, const char *text, const char *path, const char *name) {
    if (speaks_of(text, name, false))
        return true;
    for (uint32_t i = 0; i < h->modules->scan->files.len; i++) {
        const struct source_file *f = &h->modules->scan->files.items[i];
        if (f->flags & SOURCE_CONFTEST && lies_below(path, os_dirname(h->arena, f->path)) &&
            speaks_of(text_of(h, i), name, true))
            return true;
    }
    return false;
}

static bool configured(struct hooks *h, const char *keyword) {
    for (uint32_t i = 0; i < h->config->inputs.len; i++) {
        const char *text = os_read(h->arena, h->config->inputs.items[i], NULL);
        if (text && has(text, arena_printf(h->arena, "%s_mode", keyword)))
            return true;
    }
    return false;
}

static void add_sets(struct hooks *h, const struct hook_file *f, struct hooked *out) {
    for (uint32_t i = 0; i < f->ids.len; i++)
        array_push(h->arena, &out->ids, f->ids.items[i]);
    for (uint32_t i = 0; i < f->id_marks.len; i++)
        array_push(h->arena, &out->marks, f->id_marks.items[i]);
}

static void apply(struct hooks *h, const struct hook_file *f, const char *text, const char *path,
                  struct hooked *out) {
    bool about = !f->keyword || has(text, f->keyword) || configured(h, f->keyword);
    for (uint32_t i = 0; i < f->marks.len; i++)
        array_push(h->arena, f->when.len ? &out->when_marks : &out->marks, f->marks.items[i]);
    for (uint32_t i = 0; i < f->when.len; i++)
        array_push(h->arena, &out->when, f->when.items[i]);
    out->any_mark |= f->any_mark && about;
    out->any_name |= f->any_name && about;
    bool params = f->any_params && about;
    for (uint32_t i = 0; i < f->params.len && !params; i++)
        params = concerns(h, text, path, f->params.items[i]) || (f->keyword && about);
    out->any_params |= params && f->any_ids;
    if (params)
        add_sets(h, f, out);
    if (!out->why && ((about && (f->any_mark || f->any_name)) || params || f->marks.len))
        out->why = arena_printf(h->arena, "hooks or fixtures of %s", f->path);
}

struct hooked hooks_of(struct hooks *h, uint32_t file) {
    struct hooked out = {0};
    struct hook_file own = {0};
    const char *path = h->modules->scan->files.items[file].path;
    find_fixtures(h, file, &own);
    add_sets(h, &own, &out);
    out.any_params = own.any_ids;
    out.any_mark = own.any_mark;
    FACTS_FOR(struct fact_def, d, h->names->facts[file], defs)
    if (strcmp(facts_str(h->names->facts[file], d->name), "pytest_generate_tests") == 0)
        out.any_params = out.any_mark = true;
    if (out.any_params)
        out.why = "parameters that a hook or a fixture makes";
    const char *text = NULL;
    ARRAY_FOR (const struct hook_file, f, &h->files) {
        if (!lies_below(path, f->folder))
            continue;
        text = text ? text : text_of(h, file);
        apply(h, f, text, path, &out);
    }
    return out;
}
