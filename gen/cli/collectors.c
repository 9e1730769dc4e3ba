#include "cli/collectors.h"
#include "base/diag.h"
#include "base/embedded.h"
#include "base/hash.h"
#include "base/os.h"
#include "base/out.h"
#include "cli/project.h"
#include "source/facts.h"

#include <cJSON.h>
#include <string.h>

#define ANSWER ".testfan/cache/collected"

static const char *const hooks[] = {"pytest_collect_file", "pytest_collect_directory"};
enum { HOOKS = sizeof hooks / sizeof *hooks };

/* A conftest.py may take a hook from anywhere and give it its name. */
static bool conftest_hooks(const struct project *p, const char *path) {
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

static bool has_hooks(const struct project *p) {
    ARRAY_FOR (const struct dist, d, &p->python.dists)
        if (d->collects)
            return true;
    for (uint32_t i = 0; i < p->scan.files.len; i++) {
        const struct source_file *f = &p->scan.files.items[i];
        if (defines_hook(p->store.facts[i]) || (f->flags & SOURCE_CONFTEST && conftest_hooks(p, f->path)))
            return true;
    }
    return false;
}

static const char *script(void) {
    for (const struct embedded_file *f = embedded_files; f->name; f++)
        if (strcmp(f->name, "testfan_collectors.py") == 0)
            return f->text;
    die("the program was built without testfan_collectors.py");
}

static void put_names(struct buf *b, const struct scan *s) {
    ARRAY_FOR (const struct source_file, f, &s->files)
        buf_add(b, f->path, strlen(f->path) + 1);
    ARRAY_FOR (const struct source_file, f, &s->texts)
        buf_add(b, f->path, strlen(f->path) + 1);
    for (uint32_t i = 0; i < s->others.len; i++)
        if (strcmp(s->others.items[i], "build.ninja") != 0)
            buf_add(b, s->others.items[i], strlen(s->others.items[i]) + 1);
}

static struct strs strings(struct arena *a, const cJSON *answer, const char *key) {
    struct strs out = {0};
    const cJSON *list = cJSON_GetObjectItem(answer, key);
    for (const cJSON *e = list ? list->child : NULL; e; e = e->next)
        if (cJSON_IsString(e))
            array_push(a, &out, arena_strdup(a, e->valuestring));
    return out;
}

/* Changes whenever pytest could answer differently than with what it has `read`. */
static const char *answer_key(const struct project *p, const struct strs *args, const struct strs *read) {
    struct buf b = {0};
    buf_str(&b, script());
    buf_str(&b, python_stamp(p->arena, &p->python, &p->config.testfan.env));
    ARRAY_FOR (const struct dist, d, &p->python.dists)
        buf_fmt(&b, "%s %s %s\n", d->name, d->version, d->digest);
    for (uint32_t i = 0; i < args->len; i++)
        buf_fmt(&b, "%s\n", args->items[i]);
    for (uint32_t i = 0; i < p->config.inputs.len; i++) {
        const char *text = os_read(p->arena, p->config.inputs.items[i], NULL);
        buf_fmt(&b, "%s\n", text ? text : "");
    }
    for (uint32_t i = 0; i < read->len; i++) {
        size_t n = 0;
        const char *text = os_read(p->arena, os_join(p->arena, p->config.rootdir, read->items[i]), &n);
        buf_fmt(&b, "%s %zu\n", read->items[i], n);
        buf_add(&b, text ? text : "", n);
    }
    put_names(&b, &p->scan);
    char hex[33];
    digest_hex(digest_bytes(b.s, b.len), hex);
    buf_free(&b);
    return arena_strdup(p->arena, hex);
}

static cJSON *kept_answer(const struct project *p, const struct strs *args) {
    size_t n = 0;
    const char *text = os_read(p->arena, os_join(p->arena, p->config.rootdir, ANSWER), &n);
    cJSON *answer = text ? cJSON_ParseWithLength(text, n) : NULL;
    const struct strs read = strings(p->arena, answer, "read");
    const char *key = cJSON_GetStringValue(cJSON_GetObjectItem(answer, "key"));
    if (answer && str_eq(key, answer_key(p, args, &read)))
        return answer;
    cJSON_Delete(answer);
    return NULL;
}

static cJSON *ask(const struct project *p, const struct strs *args) {
    struct strs words = {0};
    const char *const first[] = {p->python.path, "-c", script(), p->config.rootdir};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        array_push(p->arena, &words, first[i]);
    for (uint32_t i = 0; i < args->len; i++)
        array_push(p->arena, &words, args->items[i]);
    array_push(p->arena, &words, NULL);
    struct buf out = {0};
    int status = os_run(words.items, &out, true);
    cJSON *answer = status == 0 ? cJSON_ParseWithLength(out.s, out.len) : NULL;
    buf_free(&out);
    const cJSON *ended = cJSON_GetObjectItem(answer, "status");
    /* pytest's codes: 3 is an internal error, 4 one of usage, which each target will have as well. */
    if (cJSON_IsNumber(ended) && (ended->valueint < 3 || ended->valueint > 4))
        return answer;
    cJSON_Delete(answer);
    diag(DIAG_COLLECTORS, NULL, 0, 0,
         "pytest cannot be asked which files a conftest.py or a plugin collects: tests in other files than "
         "pytest's own are left out");
    hint("see what stops: %s -m pytest --collect-only", p->python.path);
    return NULL;
}

static void keep_answer(const struct project *p, const struct strs *args, cJSON *answer) {
    const struct strs read = strings(p->arena, answer, "read");
    cJSON_AddStringToObject(answer, "key", answer_key(p, args, &read));
    char *text = cJSON_PrintUnformatted(answer);
    out_write(os_join(p->arena, p->config.rootdir, ANSWER), text, strlen(text), NULL);
    cJSON_free(text);
}

static bool take(struct project *p, cJSON *answer) {
    const struct strs files = strings(p->arena, answer, "files");
    p->collectors = strings(p->arena, answer, "read");
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
