#include "graph/plan.h"
#include "base/diag.h"
#include "base/glob.h"
#include "base/json.h"
#include "base/map.h"
#include "base/os.h"
#include "base/out.h"
#include "graph/graph.h"
#include "graph/isolation.h"
#include "graph/learned.h"
#include "source/collect.h"
#include "source/config.h"
#include "source/directive.h"
#include "source/facts.h"
#include "source/scan.h"

#include <cJSON.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PLAN_VERSION = 1, NAME_LONGEST = 200 };

/* A decorator that cannot keep pytest from collecting the function. */
static bool harmless(const char *callee) {
    return str_starts(callee, "pytest.mark.") || str_starts(callee, "mark.");
}

static bool surely_collected(const struct facts *f, const struct fact_def *d, const struct config *c) {
    if (d->kind != DEF_FUNCTION || d->parent != FACT_NONE || d->place ||
        !collect_matches(&c->python_functions, facts_str(f, d->name)))
        return false;
    const struct fact_decorator *decorators = facts_at(f, f->decorators.at);
    for (uint32_t i = 0; i < d->decorators; i++)
        if (!harmless(facts_str(f, decorators[d->first_decorator + i].callee)))
            return false;
    return true;
}

static uint32_t count_tests(const struct facts *f, const struct config *c) {
    FACTS_FOR(struct fact_assign, assign, f, assigns)
    if (strcmp(facts_str(f, assign->name), "__test__") == 0)
        return 0;
    uint32_t n = 0;
    FACTS_FOR(struct fact_def, d, f, defs)
    n += surely_collected(f, d, c);
    return n;
}

/* Results lie as the test files lie. Names that ninja's log or the file system cannot hold, with control
   characters or too long for one more suffix, are cut and made unique by a digest. */
static const char *result_name(struct arena *a, const char *dir, const char *file) {
    bool odd = strlen(os_basename(file)) > NAME_LONGEST;
    for (const char *s = file; *s; s++)
        odd |= (unsigned char)*s < 0x20 || *s == 0x7f;
    if (!odd)
        return arena_printf(a, "%s/results/%s", dir, file);
    char hex[33];
    digest_hex(digest_bytes(file, strlen(file)), hex);
    char *plain = arena_printf(a, "%.*s", NAME_LONGEST - 33, os_basename(file));
    for (char *s = plain; *s; s++)
        *s = (unsigned char)*s < 0x20 || *s == 0x7f ? '_' : *s;
    return arena_printf(a, "%s/results/%s-%s", dir, plain, hex);
}

static void digest_targets(struct arena *a, struct graph *g, struct plan *plan) {
    struct digest *weights = arena_alloc(a, (g->units + 1) * sizeof *weights);
    for (uint32_t i = 0; i < g->nodes; i++)
        digest_add(&weights[g->unit_of[i]], digest_bytes(graph_path(g, i), strlen(graph_path(g, i))));
    uint32_t n = plan->targets.len;
    uint32_t *nodes = arena_alloc(a, (n + 1) * sizeof *nodes);
    struct digest *sums = arena_alloc(a, (n + 1) * sizeof *sums);
    for (uint32_t i = 0; i < n; i++)
        nodes[i] = plan->targets.items[i].node;
    graph_sum(g, nodes, n, weights, sums);
    struct buf args = {0};
    buf_fmt(&args, "%d", PLAN_VERSION);
    for (uint32_t i = 0; i < plan->args.len; i++)
        buf_add(&args, plan->args.items[i], strlen(plan->args.items[i]) + 1);
    struct digest common = digest_bytes(args.s, args.len);
    buf_free(&args);
    for (uint32_t i = 0; i < n; i++)
        plan->targets.items[i].digest = digest_chain(common, sums[i]);
}

/* Whether `file` is `path` or lies in the folder `path`. */
static bool lies_in(const char *file, const char *path) {
    size_t n = strlen(path);
    return !n || strcmp(path, ".") == 0 ||
           (strncmp(file, path, n) == 0 && (!file[n] || file[n] == '/' || path[n - 1] == '/'));
}

static bool select_target(struct arena *a, const struct filter *filter, bool *used, struct target *t) {
    bool selected = !filter->paths.len, whole = selected;
    for (uint32_t i = 0; i < filter->paths.len; i++) {
        const char *path = filter->paths.items[i], *node = strstr(path, "::");
        if (!lies_in(t->file, collect_path(a, path)))
            continue;
        used[i] = selected = true;
        if (node)
            array_push(a, &t->nodes, path);
        else
            whole = true;
    }
    if (whole)
        t->nodes.len = 0;
    return selected;
}

/* pytest would run it because it is named. */
static bool report_not_collected(const char *path) {
    diag(DIAG_USAGE, NULL, 0, 0, "no test file of this suite: %s", path);
    hint("testfan runs what pytest collects when no path is given: see python_files, testpaths and what is "
         "ignored");
    return false;
}

/* Whether pytest, told to collect the folder `top`, passes over the file below it; both are absolute. */
static bool is_ignored_below(struct arena *a, const struct collect *k, const char *file, const char *top) {
    bool ignored = collect_ignores(k, file, false);
    for (const char *dir = os_dirname(a, file); !ignored && os_lies_in(os_dirname(a, dir), top);
         dir = os_dirname(a, dir))
        ignored = collect_ignores(k, dir, true);
    return ignored;
}

/* A file that pytest would find in a folder that is named, or NULL. */
static const char *find_not_collected(struct arena *a, const struct scan *scan, const struct config *c,
                                      const char *folder) {
    struct collect k;
    if (!collect_init(a, c, &k))
        return NULL;
    const char *top = os_normalize(a, os_join(a, c->rootdir, folder));
    ARRAY_FOR (const struct source_file, f, &scan->files) {
        const char *full = os_join(a, c->rootdir, f->path);
        if (lies_in(f->path, folder) && collect_names(c, full) && !is_ignored_below(a, &k, full, top))
            return f->path;
    }
    return NULL;
}

static bool report_missing(struct arena *a, const struct scan *scan, const char *path) {
    struct strs files = {0};
    ARRAY_FOR (const struct source_file, f, &scan->files)
        if (f->flags & SOURCE_TEST)
            array_push(a, &files, f->path);
    diag(DIAG_USAGE, NULL, 0, 0, "file or directory not found: %s", path);
    const char *near = str_nearest(path, &files);
    if (near)
        hint("did you mean '%s'?", near);
    return false;
}

/* pytest takes what it finds in them, which is nothing. */
static bool holds_no_tests(const char *path) {
    const char *name = os_basename(path);
    return strcmp(name, "conftest.py") == 0 || strcmp(name, "__init__.py") == 0;
}

static bool report_unused(struct arena *a, const struct filter *filter, const bool *used,
                          const struct scan *scan, const struct config *c) {
    for (uint32_t i = 0; i < filter->paths.len; i++) {
        const char *word = filter->paths.items[i], *node = strstr(word, "::"), *left = NULL;
        if (used[i])
            continue;
        const char *path = collect_path(a, word), *full = os_join(a, c->rootdir, path);
        struct os_stat st;
        if (os_is_dir(full))
            left = find_not_collected(a, scan, c, path);
        else if (os_is_file(full) && !holds_no_tests(path))
            left = path;
        if (left)
            return report_not_collected(left);
        if (node || !os_stat(full, &st))
            return report_missing(a, scan, path);
    }
    return true;
}

/* They stay in addopts: PYTEST_ADDOPTS counts after them, and a plugin that they block leaves its options
 * known. */
struct strs plan_arguments(struct arena *a, const struct config *c, const struct strs *further) {
    struct strs args = {0};
    struct buf addopts = {0};
    buf_str(&addopts, "addopts=");
    for (uint32_t i = 0; i < c->options.kept.len; i++) {
        buf_str(&addopts, i ? " " : "");
        escape_shell(&addopts, c->options.kept.items[i]);
    }
    array_push(a, &args, "-o");
    array_push(a, &args, arena_strndup(a, addopts.s, addopts.len));
    buf_free(&addopts);
    if (c->options.confcutdir)
        array_push(a, &args, arena_printf(a, "--confcutdir=%s", c->options.confcutdir));
    for (uint32_t i = 0; i < further->len; i++)
        array_push(a, &args, further->items[i]);
    return args;
}

static bool blocks_cache(const struct strs *words) {
    return strs_has(words, "no:cacheprovider") || strs_has(words, "-pno:cacheprovider");
}

static void plan_options(struct arena *a, const struct config *c, const struct filter *filter,
                         struct plan *plan) {
    plan->args = plan_arguments(a, c, &filter->args);
    const struct whole_run *whole = &c->options.whole;
    plan->maxfail = filter->maxfail >= 0 ? filter->maxfail : whole->maxfail;
    plan->junitxml = whole->junitxml;
    plan->durations = whole->durations;
    bool cached = !blocks_cache(&c->options.kept) && !blocks_cache(&filter->args);
    plan->cache_dir = cached ? c->cache_dir : NULL;
    plan->trace = c->testfan.trace;
    plan->workers = c->testfan.workers;
    plan->strict = c->testfan.strict_isolation;
    plan->timeout = c->testfan.timeout;
    plan->timeout_per_file = c->testfan.timeout_per_file;
}

static const char *filtered_dir(struct arena *a, const struct plan *plan) {
    struct buf b = {0};
    for (uint32_t i = 0; i < plan->args.len; i++)
        buf_add(&b, plan->args.items[i], strlen(plan->args.items[i]) + 1);
    for (uint32_t i = 0; i < plan->targets.len; i++)
        for (uint32_t j = 0; j < plan->targets.items[i].nodes.len; j++)
            buf_add(&b, plan->targets.items[i].nodes.items[j],
                    strlen(plan->targets.items[i].nodes.items[j]) + 1);
    char hex[33];
    digest_hex(digest_bytes(b.s, b.len), hex);
    buf_free(&b);
    return arena_printf(a, ".testfan/runs/%.16s", hex);
}

/* The index of the first glob that the file matches; `step` apart. False: none. */
static bool matches(const struct strs *globs, uint32_t step, const char *file, uint32_t *found) {
    for (*found = 0; *found < globs->len; *found += step)
        if (str_fnmatch(globs->items[*found], file))
            return true;
    return false;
}

static long retries_of(const struct config *c, const char *file) {
    long most = c->testfan.retries;
    uint32_t i;
    bool flaky = matches(&c->testfan.flaky, 1, file, &i);
    return flaky && most < FLAKY_RETRIES ? FLAKY_RETRIES : most;
}

static int compare_resources(const void *a, const void *b) {
    return strcmp(((const struct resource *)a)->name, ((const struct resource *)b)->name);
}

static void need_resource(struct arena *a, const struct config *c, struct plan *plan, struct target *t) {
    ARRAY_FOR (const struct resource, known, &plan->resources)
        if (strcmp(known->name, t->resource) == 0)
            return;
    struct resource resource = {.name = t->resource, .limit = 1};
    ARRAY_FOR (const struct resource, limit, &c->testfan.limits)
        if (strcmp(limit->name, t->resource) == 0)
            resource.limit = limit->limit;
    array_push(a, &plan->resources, resource);
    qsort(plan->resources.items, plan->resources.len, sizeof resource, compare_resources);
}

/* What the file says counts before what the configuration says of it. */
static void plan_turn(struct arena *a, const struct config *c, const struct facts *f, struct plan *plan,
                      struct target *t) {
    uint32_t i;
    const char *serial = f ? directive_find(f, "serial") : NULL;
    const char *resource = f ? directive_find(f, "resource") : NULL;
    t->serial = str_eq(serial, "") || matches(&c->testfan.serial, 1, t->file, &i);
    if (resource && directive_is_name(resource))
        t->resource = arena_strdup(a, resource);
    else if (matches(&c->testfan.resources, 2, t->file, &i))
        t->resource = c->testfan.resources.items[i + 1];
    if (t->serial)
        t->resource = NULL;
    else if (t->resource)
        need_resource(a, c, plan, t);
    plan->limited |= t->serial || t->resource;
}

static int compare_targets(const void *a, const void *b) {
    return strcmp(((const struct target *)a)->file, ((const struct target *)b)->file);
}

bool plan_targets(struct arena *a, struct graph *g, const struct scan *scan, const struct config *c,
                  const struct facts *const *facts, const struct filter *filter, struct plan *plan) {
    *plan = (struct plan){.dir = ".testfan", .filtered = filter->args.len > 0};
    plan_options(a, c, filter, plan);
    bool *used = arena_alloc(a, filter->paths.len + 1);
    for (uint32_t i = 0; i < scan->files.len + scan->texts.len; i++) {
        bool text = i >= scan->files.len;
        const struct source_file *f = text ? &scan->texts.items[i - scan->files.len] : &scan->files.items[i];
        if (!(f->flags & (SOURCE_TEST | SOURCE_DOCTEST)))
            continue;
        struct target t = {.file = f->path, .node = i, .size = f->st.size};
        t.waits = text ? 0 : facts[i]->waits;
        t.hooked = f->flags & SOURCE_HOOKED;
        t.retries = retries_of(c, t.file);
        if (f->flags & SOURCE_TEST && !text)
            t.tests = count_tests(facts[i], c);
        if (!select_target(a, filter, used, &t))
            continue;
        plan_turn(a, c, text ? NULL : facts[i], plan, &t);
        isolation_find(a, c, text ? NULL : facts[i], &t);
        plan->filtered |= t.nodes.len > 0;
        array_push(a, &plan->targets, t);
    }
    if (plan->targets.len)
        qsort(plan->targets.items, plan->targets.len, sizeof *plan->targets.items, compare_targets);
    isolation_join(plan);
    if (!report_unused(a, filter, used, scan, c))
        return false;
    if (plan->filtered)
        plan->dir = filtered_dir(a, plan);
    plan->report = arena_printf(a, "%s/report.xml", plan->dir);
    ARRAY_FOR (struct target, t, &plan->targets)
        t->result = result_name(a, plan->dir, t->file);
    digest_targets(a, g, plan);
    return true;
}

long plan_expected(const struct target *t) {
    return t->hooked ? EXPECT_MADE : (long)t->tests;
}

const char *plan_shard(struct arena *a, const struct target *t) {
    return t->shards ? arena_printf(a, "%u/%u", t->shard, t->shards) : "";
}

void plan_learned(struct plan *plan, const struct learned *learned) {
    ARRAY_FOR (struct target, t, &plan->targets) {
        const struct learned_target *known = learned_find(learned, t->file);
        if (!known)
            continue;
        t->before = known->lists[LEARNED_IMPORTS];
        for (uint32_t i = 0; i < t->before.len; i++)
            t->digest = digest_chain(t->digest, digest_bytes(t->before.items[i], strlen(t->before.items[i])));
    }
}

static cJSON *strings_json(const struct strs *list) {
    cJSON *array = cJSON_CreateArray();
    for (uint32_t i = 0; i < list->len; i++)
        cJSON_AddItemToArray(array, cJSON_CreateString(list->items[i]));
    return array;
}

static bool write_json(const char *rootdir, const char *dir, const char *name, cJSON *json) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s/%s", rootdir, dir, name);
    char *text = cJSON_Print(json);
    bool ok = text && out_write(path, text, strlen(text), NULL);
    cJSON_free(text);
    cJSON_Delete(json);
    return ok;
}

static cJSON *branches_json(const struct plan *plan) {
    cJSON *array = cJSON_CreateArray();
    ARRAY_FOR (const struct branch, b, &plan->branches) {
        cJSON *branch = cJSON_CreateObject(), *files = cJSON_CreateArray();
        cJSON_AddItemToObject(branch, "modules", strings_json(&b->modules));
        cJSON_AddItemToObject(branch, "paths", strings_json(&b->paths));
        ARRAY_FOR (const struct target, t, &plan->targets)
            if (t->branch == (uint32_t)(b - plan->branches.items) + 1)
                cJSON_AddItemToArray(files, cJSON_CreateString(t->file));
        cJSON_AddItemToObject(branch, "files", files);
        cJSON_AddItemToArray(array, branch);
    }
    return array;
}

bool plan_write(const struct plan *plan, const char *rootdir) {
    cJSON *json = cJSON_CreateObject(), *run = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "version", PLAN_VERSION);
    cJSON_AddBoolToObject(json, "filtered", plan->filtered);
    cJSON_AddStringToObject(json, "report", plan->report);
    if (plan->junitxml)
        cJSON_AddStringToObject(json, "junitxml", plan->junitxml);
    if (plan->cache_dir)
        cJSON_AddStringToObject(json, "cache_dir", plan->cache_dir);
    cJSON_AddNumberToObject(json, "durations", (double)plan->durations);
    cJSON_AddBoolToObject(json, "strict", plan->strict);
    cJSON_AddBoolToObject(json, "workers", plan->workers);
    cJSON_AddBoolToObject(json, "limited", plan->limited);
    cJSON_AddNumberToObject(json, "limit", plan->timeout);
    cJSON_AddNumberToObject(json, "timeout", plan->timeout_per_file);
    cJSON_AddItemToObject(json, "args", strings_json(&plan->args));
    cJSON *targets = cJSON_AddArrayToObject(json, "targets");
    cJSON *nodes = cJSON_CreateObject(), *before = cJSON_CreateObject(), *retries = cJSON_CreateObject(),
          *isolation = cJSON_CreateObject();
    struct arena scratch = {0};
    struct strs serial = {0};
    ARRAY_FOR (const struct target, t, &plan->targets) {
        cJSON *target = cJSON_CreateObject();
        cJSON_AddStringToObject(target, "file", t->file);
        cJSON_AddStringToObject(target, "result", t->result);
        cJSON_AddNumberToObject(target, "tests", t->tests);
        if (t->shards) {
            cJSON_AddNumberToObject(target, "shard", t->shard);
            cJSON_AddNumberToObject(target, "shards", t->shards);
            cJSON_AddStringToObject(target, "split", t->fingerprint);
        }
        cJSON_AddItemToArray(targets, target);
        if (t->nodes.len)
            cJSON_AddItemToObject(nodes, t->file, strings_json(&t->nodes));
        if (t->retries)
            cJSON_AddNumberToObject(retries, t->file, (double)t->retries);
        if (t->isolation && t->shard < 2)
            cJSON_AddStringToObject(isolation, t->file, t->isolation);
        if (t->serial && t->shard < 2)
            array_push(&scratch, &serial, t->file);
        if (t->before.len)
            cJSON_AddItemToObject(before, t->file, strings_json(&t->before));
    }
    cJSON_AddNumberToObject(run, "version", PLAN_VERSION);
    cJSON_AddStringToObject(run, "worker", ".testfan/rules/testfan_worker.py");
    if (plan->workers)
        cJSON_AddStringToObject(run, "server", SERVER_PROGRAM);
    cJSON_AddNumberToObject(run, "limit", plan->timeout);
    cJSON_AddNumberToObject(run, "timeout", plan->timeout_per_file);
    cJSON_AddItemToObject(run, "args", strings_json(&plan->args));
    cJSON_AddBoolToObject(run, "filtered", plan->filtered);
    if (plan->strict || plan->limited)
        cJSON_AddTrueToObject(run, "late");
    cJSON_AddBoolToObject(run, "trace", plan->trace);
    cJSON_AddItemToObject(run, "nodes", nodes);
    cJSON_AddItemToObject(run, "before", before);
    if (plan->branches.len)
        cJSON_AddItemToObject(run, "branches", branches_json(plan));
    cJSON_AddItemToObject(run, "retries", retries);
    if (isolation->child)
        cJSON_AddItemToObject(run, "isolation", isolation);
    else
        cJSON_Delete(isolation);
    if (serial.len)
        cJSON_AddItemToObject(run, "serial", strings_json(&serial));
    arena_free(&scratch);
    cJSON_AddNumberToObject(run, "maxfail", (double)plan->maxfail);
    bool ok = write_json(rootdir, plan->dir, "plan.json", json);
    return write_json(rootdir, plan->dir, "run.json", run) && ok;
}

static const char *string_of(struct arena *a, const cJSON *object, const char *key) {
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(object, key));
    return s ? arena_strdup(a, s) : NULL;
}

bool plan_read(struct arena *a, const char *path, struct plan *plan) {
    *plan = (struct plan){.dir = os_dirname(a, path), .durations = -1};
    size_t n = 0;
    char *text = os_read(a, path, &n);
    cJSON *json = text ? cJSON_ParseWithLength(text, n) : NULL;
    plan->report = string_of(a, json, "report");
    if (!plan->report) {
        diag(DIAG_IO, path, 0, 0, text ? "not a plan that testfan wrote" : "cannot be read");
        hint("run: testfan gen");
        cJSON_Delete(json);
        return false;
    }
    plan->filtered = cJSON_IsTrue(cJSON_GetObjectItem(json, "filtered"));
    plan->junitxml = string_of(a, json, "junitxml");
    plan->cache_dir = string_of(a, json, "cache_dir");
    plan->strict = cJSON_IsTrue(cJSON_GetObjectItem(json, "strict"));
    plan->workers = cJSON_IsTrue(cJSON_GetObjectItem(json, "workers"));
    plan->limited = cJSON_IsTrue(cJSON_GetObjectItem(json, "limited"));
    plan->args = json_strings(a, cJSON_GetObjectItem(json, "args"));
    const cJSON *limit = cJSON_GetObjectItem(json, "limit"), *timeout = cJSON_GetObjectItem(json, "timeout");
    if (cJSON_IsNumber(limit))
        plan->timeout = limit->valuedouble;
    if (cJSON_IsNumber(timeout))
        plan->timeout_per_file = timeout->valuedouble;
    const cJSON *durations = cJSON_GetObjectItem(json, "durations");
    if (cJSON_IsNumber(durations))
        plan->durations = (long)durations->valuedouble;
    const cJSON *targets = cJSON_GetObjectItem(json, "targets");
    for (const cJSON *t = targets ? targets->child : NULL; t; t = t->next) {
        struct target target = {.file = string_of(a, t, "file"), .result = string_of(a, t, "result")};
        const cJSON *shard = cJSON_GetObjectItem(t, "shard"), *shards = cJSON_GetObjectItem(t, "shards");
        if (cJSON_IsNumber(shard) && cJSON_IsNumber(shards)) {
            target.shard = (uint32_t)shard->valuedouble;
            target.shards = (uint32_t)shards->valuedouble;
            target.fingerprint = string_of(a, t, "split");
        }
        if (target.file && target.result)
            array_push(a, &plan->targets, target);
    }
    cJSON_Delete(json);
    return true;
}
