#include "cli/selection.h"
#include "cli/options.h"
#include "cli/project.h"
#include "base/diag.h"
#include "base/os.h"
#include "base/threads.h"
#include "filter/match.h"
#include "filter/since.h"
#include "run/history.h"
#include "source/collect.h"
#include "source/inifile.h"

#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

static bool add_path(const struct project *p, const char *word, struct filter *filter) {
    const char *path = project_path(p, word);
    if (path)
        array_push(p->arena, &filter->paths, path);
    return path != NULL;
}

/* PYTEST_ADDOPTS counts before addopts, and after what is given. */
static bool read_variable(struct arena *a, const struct project *p, long *maxfail) {
    const char *value = getenv("PYTEST_ADDOPTS");
    struct strs words = {0};
    struct options given;
    if (!value || !shell_split(a, value, &words))
        return true;
    if (!options_parse(a, &words, p->start, "PYTEST_ADDOPTS", &given))
        return false;
    if (given.whole.maxfail)
        *maxfail = given.whole.maxfail;
    return true;
}

/* The deepest folder that holds all the paths. */
static const char *common_folder(struct arena *a, const struct strs *paths, const char *rootdir) {
    const char *common = NULL;
    for (uint32_t i = 0; i < paths->len; i++) {
        const char *path = os_join(a, rootdir, collect_path(a, paths->items[i]));
        path = os_is_dir(path) ? path : os_dirname(a, path);
        while (common && strcmp(common, rootdir) != 0 && !os_lies_in(path, common))
            common = os_dirname(a, common);
        common = common ? common : path;
    }
    return common;
}

/* pytest looks for its configuration from the paths that are given. */
static void look_for_other_config(const struct project *p, const struct strs *paths) {
    struct config other = {.pytest_major = p->config.pytest_major};
    struct inifile file;
    const char *folder = common_folder(p->arena, paths, p->config.rootdir);
    if (!folder || !inifile_locate(p->arena, os_normalize(p->arena, folder), &other, &file) ||
        !other.inipath || str_eq(other.inipath, p->config.inipath))
        return;
    diag(DIAG_OTHER_CONFIG, other.inipath + strlen(p->config.rootdir) + 1, 0, 0,
         "pytest takes this configuration for the paths that are given, testfan that of the folder where it "
         "is started");
    hint("cd %s, and give the paths from there", other.rootdir);
}

bool selection_read(struct invocation *in, const struct project *p, struct filter *filter) {
    *filter = (struct filter){.maxfail = in->maxfail};
    struct options rest;
    if (!options_parse(in->arena, &in->rest, p->start, "arguments after --", &rest))
        return false;
    for (uint32_t i = 0; i < rest.kept.len; i++)
        if (!strs_has(&rest.positional, rest.kept.items[i]))
            array_push(in->arena, &filter->args, rest.kept.items[i]);
    if (rest.whole.maxfail && filter->maxfail < 0)
        filter->maxfail = rest.whole.maxfail;
    if (filter->maxfail < 0 && !read_variable(in->arena, p, &filter->maxfail))
        return false;
    const char *const given[][2] = {{"-k", in->keyword}, {"-m", in->markexpr}};
    for (int i = 0; i < 2; i++) {
        if (!given[i][1])
            continue;
        array_push(in->arena, &filter->args, given[i][0]);
        array_push(in->arena, &filter->args, given[i][1]);
    }
    filter->keyword = in->keyword ? in->keyword : rest.keyword;
    filter->markexpr = in->markexpr ? in->markexpr : rest.markexpr;
    for (uint32_t i = 0; i < in->words.len; i++)
        if (!add_path(p, in->words.items[i], filter))
            return false;
    for (uint32_t i = 0; i < rest.positional.len; i++)
        if (!add_path(p, rest.positional.items[i], filter))
            return false;
    look_for_other_config(p, &filter->paths);
    if (!filter->paths.len && *p->below)
        array_push(in->arena, &filter->paths, p->below);
    return true;
}

bool selection_is_asked(const struct invocation *in) {
    return in->since || in->failed || in->fresh;
}

bool selection_needs_edges(const struct invocation *in) {
    bool by_facts = in->keyword || in->markexpr || in->failed || in->fresh;
    return in->since || in->error.len || !by_facts;
}

enum { WORKERS_MOST = 16 };

/* What one thread needs to ask for tests: the stages before it are only read. */
struct matcher {
    bool ready;
    struct arena arena;
    struct modules modules;
    struct dists dists;
    struct names names;
    struct hooks hooks;
    struct match match;
};

/* One selection at work. */
struct selection {
    struct invocation *in;
    struct project *p;
    const struct plan *plan;
    const struct expr *keyword, *marks;
    struct matcher matchers[WORKERS_MOST];
    struct match_result *results; /* by target */
    struct since since;
    struct map failed; /* files in pytest's list of what failed last */
};

static struct matcher *matcher_of(struct selection *s, unsigned worker) {
    struct project *p = s->p;
    struct matcher *m = &s->matchers[worker];
    if (m->ready)
        return m;
    m->ready = true;
    m->modules = p->modules;
    m->dists = p->dists;
    m->modules.arena = m->dists.arena = &m->arena;
    names_new(&m->names, &m->arena, &m->modules, p->store.facts, &p->dists.sites, p->config.rootdir);
    hooks_read(&m->hooks, &m->arena, &m->modules, &m->dists, &p->config, &m->names);
    m->match = (struct match){.arena = &m->arena,
                              .dists = &m->dists,
                              .items = {&m->arena, &m->names, &p->config, &p->python},
                              .hooks = &m->hooks,
                              .keyword = s->keyword,
                              .marks = s->marks,
                              .pytest_major = p->config.pytest_major,
                              .doctests = p->config.options.doctest_modules};
    return m;
}

static void free_matchers(struct selection *s) {
    for (unsigned i = 0; i < WORKERS_MOST; i++) {
        if (s->matchers[i].ready)
            names_free(&s->matchers[i].names);
        arena_free(&s->matchers[i].arena);
    }
}

/* pytest's version as major * 100 + minor. */
static unsigned pytest_version(const struct project *p) {
    char *end = NULL;
    unsigned long major = p->python.pytest ? strtoul(p->python.pytest, &end, 10) : 9;
    unsigned long minor = end && *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
    return (unsigned)(major * 100 + minor);
}

static void note_values(void *ctx, const struct expr *name) {
    *(bool *)ctx |= name->n_values > 0;
}

static bool parse(struct selection *s, const char *option, const char *text, const struct expr **out) {
    struct expr_error error;
    if (!text || !*text)
        return true;
    *out = expr_parse(s->p->arena, text, pytest_version(s->p), &error);
    if (!*out) {
        diag(DIAG_USAGE, NULL, 0, 0, "Wrong expression passed to '%s': %s: at column %u: %s", option, text,
             error.column, error.text);
        return false;
    }
    bool values = false;
    expr_names(*out, note_values, &values);
    if (values && strcmp(option, "-k") == 0) {
        diag(DIAG_USAGE, NULL, 0, 0, "Keyword expressions do not support call parameters.");
        return false;
    }
    return true;
}

static bool read_expressions(struct selection *s, const struct filter *filter) {
    const char *keyword = filter->keyword ? filter->keyword + strspn(filter->keyword, " \t\n\r\f\v") : NULL;
    return parse(s, "-k", keyword, &s->keyword) && parse(s, "-m", filter->markexpr, &s->marks);
}

static void read_last_failed(struct selection *s) {
    struct project *p = s->p;
    s->failed.arena = p->arena;
    const char *path =
        os_join(p->arena, os_join(p->arena, p->config.rootdir, p->config.cache_dir), "v/cache/lastfailed");
    size_t n = 0;
    const char *text = os_read(p->arena, path, &n);
    cJSON *json = text ? cJSON_ParseWithLength(text, n) : NULL;
    for (const cJSON *e = json && cJSON_IsObject(json) ? json->child : NULL; e; e = e->next)
        if (e->string) {
            const char *end = strstr(e->string, "::");
            map_add(&s->failed, e->string, end ? (size_t)(end - e->string) : strlen(e->string), 1);
        }
    cJSON_Delete(json);
}

static uint32_t flags_of(const struct project *p, uint32_t node) {
    uint32_t files = p->scan.files.len;
    return node < files ? p->scan.files.items[node].flags : p->scan.texts.items[node - files].flags;
}

/* `TestA::test_b[x]` without its parameters. */
static const char *plain_id(struct arena *a, const char *node) {
    const char *bracket = strchr(node, '[');
    return bracket ? arena_strndup(a, node, (size_t)(bracket - node)) : arena_strdup(a, node);
}

/* A node id that names no test of its file, where the facts tell all of them. */
static bool check_node(struct selection *s, const struct target *t, const char *given) {
    struct arena *a = s->p->arena;
    const char *node = plain_id(a, strstr(given, "::") + 2);
    struct matcher *m = matcher_of(s, 0);
    struct items items = items_find(&m->match.items, t->node);
    struct strs ids = {0};
    ARRAY_FOR (const struct item, item, &items) {
        size_t n = strlen(node);
        if (item->any_name || strcmp(item->id, node) == 0 ||
            (strncmp(item->id, node, n) == 0 && strncmp(item->id + n, "::", 2) == 0))
            return true;
        array_push(a, &ids, arena_printf(a, "%s::%s", t->file, item->id));
    }
    struct hooked hooked = hooks_of(&m->hooks, t->node);
    if (hooked.any_name)
        return true;
    diag(DIAG_USAGE, NULL, 0, 0, "not found: %s", given);
    const char *near = str_nearest(given, &ids);
    if (near)
        hint("did you mean '%s'?", near);
    return false;
}

static bool check_nodes(struct selection *s, const struct plan *plan) {
    ARRAY_FOR (const struct target, t, &plan->targets) {
        uint32_t flags = flags_of(s->p, t->node);
        if (!t->nodes.len || !(flags & SOURCE_TEST) || flags & SOURCE_HOOKED ||
            s->p->config.options.doctest_modules)
            continue;
        for (uint32_t i = 0; i < t->nodes.len; i++)
            if (!check_node(s, t, t->nodes.items[i]))
                return false;
    }
    return true;
}

static void match_one(void *ctx, uint32_t i, unsigned worker) {
    struct selection *s = ctx;
    const struct target *t = &s->plan->targets.items[i];
    s->results[i] = match_file(&matcher_of(s, worker)->match, t->node, t->file, flags_of(s->p, t->node));
}

static void match_all(struct selection *s) {
    s->results = arena_alloc(s->p->arena, (s->plan->targets.len + 1) * sizeof *s->results);
    if (s->keyword || s->marks)
        threads_each(s->plan->targets.len, match_one, s);
}

static const char *kept(const struct selection *s, const char *text) {
    return text ? arena_strdup(s->p->arena, text) : NULL;
}

static bool matches(const struct selection *s, const struct match_result *found, struct reason *reason) {
    struct match_result r = *found;
    r.item = kept(s, r.item);
    r.why = kept(s, r.why);
    if (r.answer == ANSWER_NO)
        return false;
    if (r.answer == ANSWER_YES) {
        *reason = (struct reason){.kind = REASON_MATCH, .text = r.item};
        return true;
    }
    const char *why = r.why ? r.why : "it cannot be told";
    if (r.line)
        why = arena_printf(s->p->arena, "%s (line %u)", why, r.line);
    *reason = (struct reason){.kind = REASON_UNKNOWN, .text = why};
    return true;
}

/* All that was asked must hold; the reason is the most telling. */
static bool selects(struct selection *s, uint32_t i, bool explain, struct reason *reason) {
    const struct invocation *in = s->in;
    const struct target *t = &s->plan->targets.items[i];
    *reason = (struct reason){.kind = REASON_PATH, .text = t->file};
    if (in->fresh) {
        if (!history_is_new(s->p->config.rootdir, t->result))
            return false;
        *reason = (struct reason){.kind = REASON_NEW, .text = "it has never passed"};
    }
    if (in->failed) {
        if (!history_is_failed(s->p->config.rootdir, t->result) &&
            map_get(&s->failed, t->file, strlen(t->file)) == MAP_NONE)
            return false;
        *reason = (struct reason){.kind = REASON_FAILED, .text = "it failed or did not finish last"};
    }
    if ((s->keyword || s->marks) && !matches(s, &s->results[i], reason))
        return false;
    return !in->since || since_selects(&s->since, t->node, t->result, explain, reason);
}

bool selection_apply(struct invocation *in, struct project *p, const struct filter *filter, struct plan *plan,
                     struct reasons *reasons) {
    struct selection s = {.in = in, .p = p, .plan = plan};
    if (!read_expressions(&s, filter) || !check_nodes(&s, plan)) {
        free_matchers(&s);
        return false;
    }
    match_all(&s);
    if (in->since)
        since_find(&s.since, p->arena, &p->graph, &p->changes, &p->scan, p->store.facts, &p->learned,
                   p->config.rootdir);
    if (in->failed)
        read_last_failed(&s);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < plan->targets.len; i++) {
        struct reason reason;
        if (!selects(&s, i, reasons != NULL, &reason))
            continue;
        plan->targets.items[kept++] = plan->targets.items[i];
        if (reasons)
            array_push(p->arena, reasons, reason);
    }
    plan->targets.len = kept;
    free_matchers(&s);
    return true;
}
