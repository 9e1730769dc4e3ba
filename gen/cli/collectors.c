#include "cli/collectors.h"
#include "base/diag.h"
#include "base/embedded.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/os.h"
#include "base/out.h"
#include "cli/project.h"
#include "source/facts.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER ".testfan/cache/collected"
#define SCRIPT "testfan_collectors.py"

static const char *const hooks[] = {"pytest_collect_file", "pytest_collect_directory"};
enum { HOOKS = sizeof hooks / sizeof *hooks };

static bool speaks_of_hooks(const struct project *p, const char *path) {
    char *text = os_read(p->arena, os_join(p->arena, p->config.rootdir, path), NULL);
    for (int i = 0; text && i < HOOKS; i++)
        if (strstr(text, hooks[i]))
            return true;
    return false;
}

static bool defines_hook(const struct facts *f) {
    FACTS_FOR(struct fact_def, d, f, defs)
    for (int i = 0; i < HOOKS; i++)
        if (strcmp(facts_str(f, d->name), hooks[i]) == 0)
            return true;
    return false;
}

static bool is_pytests_own(const struct project *p, const char *name) {
    ARRAY_FOR (const struct dist, d, &p->python.dists)
        if (strcmp(d->name, "pytest") == 0)
            return os_is_file(arena_printf(p->arena, "%s/_pytest/%s.py", d->site, name));
    return false;
}

/* Of a plugin that is named in the tree; one from anywhere else may have any. */
static bool plugin_hooks(const struct project *p, const char *name) {
    char *file = arena_printf(p->arena, "/%s", name);
    for (char *s = file; *s; s++)
        *s = *s == '.' ? '/' : *s;
    const char *forms[] = {arena_printf(p->arena, "%s.py", file),
                           arena_printf(p->arena, "%s/__init__.py", file)};
    bool found = false;
    ARRAY_FOR (const struct source_file, f, &p->scan.files) {
        const char *path = arena_printf(p->arena, "/%s", f->path);
        if (!str_ends(path, forms[0]) && !str_ends(path, forms[1]))
            continue;
        found = true;
        if (speaks_of_hooks(p, f->path))
            return true;
    }
    return !found && !str_starts(name, "no:") && !is_pytests_own(p, name);
}

static bool named_hooks(const struct project *p) {
    const char *added = getenv("PYTEST_ADDOPTS"), *plugins = getenv("PYTEST_PLUGINS");
    if ((added && strstr(added, "-p")) || (plugins && *plugins))
        return true;
    for (uint32_t i = 0; i < p->config.options.plugins.len; i++)
        if (plugin_hooks(p, p->config.options.plugins.items[i]))
            return true;
    return false;
}

static bool has_hooks(const struct project *p) {
    ARRAY_FOR (const struct dist, d, &p->python.dists)
        if (d->collects)
            return true;
    for (uint32_t i = 0; i < p->scan.files.len; i++) {
        const struct source_file *f = &p->scan.files.items[i];
        const struct facts *facts = p->store.facts[i];
        if (defines_hook(facts) || (f->flags & SOURCE_CONFTEST && speaks_of_hooks(p, f->path)))
            return true;
        FACTS_FOR(struct fact_ref, r, facts, refs)
        if (r->kind == REF_PLUGINS && plugin_hooks(p, facts_str(facts, r->value)))
            return true;
    }
    return named_hooks(p);
}

/* A hook may look at what a file is: of those that are no Python its size and mode count too. */
static void put_other(struct buf *b, const struct project *p, const char *path) {
    struct os_stat st;
    if (strcmp(path, "build.ninja") == 0 || !os_stat(os_join(p->arena, p->config.rootdir, path), &st))
        return;
    buf_fmt(b, "%s %llu %o\n", path, (unsigned long long)st.size, (unsigned)st.mode);
}

static void put_names(struct buf *b, const struct project *p) {
    struct strs others = {0};
    for (uint32_t i = 0; i < p->scan.others.len; i++)
        array_push(p->arena, &others, p->scan.others.items[i]);
    ARRAY_FOR (const struct source_file, f, &p->scan.texts)
        array_push(p->arena, &others, f->path);
    strs_sort(&others);
    for (uint32_t i = 0; i < others.len; i++)
        put_other(b, p, others.items[i]);
    ARRAY_FOR (const struct source_file, f, &p->scan.files)
        buf_add(b, f->path, strlen(f->path) + 1);
}

static void put_file(struct buf *b, const struct project *p, const char *path) {
    size_t n = 0;
    const char *text = os_read(p->arena, os_join(p->arena, p->config.rootdir, path), &n);
    buf_fmt(b, "%s %zu\n", path, n);
    buf_add(b, text ? text : "", n);
}

/* Changes whenever pytest could answer differently, by what it read for its `answer`. */
static const char *answer_key(const struct project *p, const struct strs *args, const cJSON *answer) {
    struct buf b = {0};
    const struct strs read = json_strings(p->arena, cJSON_GetObjectItem(answer, "read"));
    const cJSON *variables = cJSON_GetObjectItem(answer, "variables");
    buf_fmt(&b, "%s%s", embedded_text(SCRIPT), python_stamp(p->arena, &p->python, &p->config.testfan.env));
    ARRAY_FOR (const struct dist, d, &p->python.dists)
        buf_fmt(&b, "%s %s %s\n", d->name, d->version, d->digest);
    for (uint32_t i = 0; i < args->len; i++)
        buf_fmt(&b, "%s\n", args->items[i]);
    for (uint32_t i = 0; i < p->config.inputs.len; i++)
        put_file(&b, p, p->config.inputs.items[i]);
    ARRAY_FOR (const struct source_file, f, &p->scan.files)
        if (f->flags & SOURCE_CONFTEST)
            put_file(&b, p, f->path);
    for (uint32_t i = 0; i < read.len; i++)
        put_file(&b, p, read.items[i]);
    for (const cJSON *v = variables ? variables->child : NULL; v; v = v->next)
        buf_fmt(&b, "%s=%s\n", v->string, getenv(v->string) ? getenv(v->string) : "");
    put_names(&b, p);
    char hex[33];
    digest_hex(digest_bytes(b.s, b.len), hex);
    buf_free(&b);
    return arena_strdup(p->arena, hex);
}

static cJSON *kept_answer(const struct project *p, const struct strs *args) {
    size_t n = 0;
    const char *text = os_read(p->arena, os_join(p->arena, p->config.rootdir, ANSWER), &n);
    cJSON *answer = text ? cJSON_ParseWithLength(text, n) : NULL;
    const char *key = cJSON_GetStringValue(cJSON_GetObjectItem(answer, "key"));
    if (answer && str_eq(key, answer_key(p, args, answer)))
        return answer;
    cJSON_Delete(answer);
    return NULL;
}

static cJSON *ask(const struct project *p, const struct strs *args) {
    struct strs words = {0};
    const char *const first[] = {p->python.path, "-c", embedded_text(SCRIPT), p->config.rootdir};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        array_push(p->arena, &words, first[i]);
    for (uint32_t i = 0; i < args->len; i++)
        array_push(p->arena, &words, args->items[i]);
    array_push(p->arena, &words, NULL);
    if (isatty(2))
        fputs("testfan: asking pytest which files its hooks collect\n", stderr);
    struct buf out = {0};
    int status = os_run(words.items, &out, true);
    cJSON *answer = status == 0 ? cJSON_ParseWithLength(out.s, out.len) : NULL;
    buf_free(&out);
    const cJSON *ended = cJSON_GetObjectItem(answer, "status");
    if (cJSON_IsNumber(ended) && ended->valueint == 0)
        return answer;
    cJSON_Delete(answer);
    diag(DIAG_COLLECTORS, NULL, 0, 0,
         "a conftest.py or a plugin collects files of its own, and pytest does not come to an end when it is "
         "asked for them: their tests are left out");
    hint("see what stops it: %s -m pytest --collect-only", p->python.path);
    return NULL;
}

static void keep_answer(const struct project *p, const struct strs *args, cJSON *answer) {
    if (!cJSON_IsTrue(cJSON_GetObjectItem(answer, "lasts")))
        return;
    cJSON_AddStringToObject(answer, "key", answer_key(p, args, answer));
    char *text = cJSON_PrintUnformatted(answer);
    out_write(os_join(p->arena, p->config.rootdir, ANSWER), text, strlen(text), NULL);
    cJSON_free(text);
}

static bool take(struct project *p, cJSON *answer) {
    const struct strs files = json_strings(p->arena, cJSON_GetObjectItem(answer, "files"));
    const struct strs loose = json_strings(p->arena, cJSON_GetObjectItem(answer, "loose"));
    p->collectors = json_strings(p->arena, cJSON_GetObjectItem(answer, "read"));
    for (uint32_t i = 0; i < loose.len; i++)
        diag(DIAG_COLLECTORS, NULL, 0, 0, "no target can be made of '%s', which a hook makes of no file",
             loose.items[i]);
    cJSON_Delete(answer);
    return scan_add_collected(p->arena, &files, p->config.rootdir, &p->scan);
}

bool collectors_recall(struct project *p) {
    if (!p->python.pytest || !os_is_file(os_join(p->arena, p->config.rootdir, ANSWER)))
        return false;
    const struct strs args = plan_arguments(p->arena, &p->config, &(struct strs){0});
    cJSON *answer = kept_answer(p, &args);
    if (answer)
        take(p, answer);
    return answer != NULL;
}

bool collectors_find(struct project *p) {
    if (!p->python.pytest || !has_hooks(p))
        return false;
    const struct strs args = plan_arguments(p->arena, &p->config, &(struct strs){0});
    cJSON *answer = ask(p, &args);
    if (!answer)
        return false;
    keep_answer(p, &args, answer);
    return take(p, answer);
}
