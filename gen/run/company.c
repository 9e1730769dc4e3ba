#include "run/company.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/os.h"
#include "base/out.h"
#include "base/str.h"
#include "graph/plan.h"
#include "run/log.h"

#include <cJSON.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { LEANING_MOST = 10 }; /* files for which the import is looked for */

struct call {
    struct arena *a;
    const char *python;
    const struct plan *plan;
};

/* What one run logged. */
struct told {
    struct map ids;   /* test ids */
    struct map files; /* files with ids */
    struct strs modules;
    struct map passed; /* file -> 1 or 0 */
};

static const char *joined(struct arena *a, const struct strs *list) {
    struct buf b = {0};
    buf_str(&b, "");
    for (uint32_t i = 0; i < list->len; i++)
        buf_fmt(&b, "%s%s", i ? "," : "", list->items[i]);
    char *text = arena_strndup(a, b.s, b.len);
    buf_free(&b);
    return text;
}

static void take_line(struct arena *a, const cJSON *line, struct told *told) {
    const char *file = cJSON_GetStringValue(cJSON_GetObjectItem(line, "file"));
    const cJSON *passed = cJSON_GetObjectItem(line, "passed"), *ids = cJSON_GetObjectItem(line, "ids");
    const cJSON *modules = cJSON_GetObjectItem(line, "modules");
    if (file && passed)
        map_set(&told->passed, file, strlen(file), cJSON_IsTrue(passed));
    if (file && ids)
        map_set(&told->files, file, strlen(file), 1);
    for (const cJSON *id = ids ? ids->child : NULL; id; id = id->next)
        map_set(&told->ids, id->valuestring, strlen(id->valuestring), 1);
    for (const cJSON *m = modules ? modules->child : NULL; m; m = m->next)
        array_push(a, &told->modules, arena_strdup(a, m->valuestring));
}

static bool run(const struct call *c, const struct strs *files, const struct strs *modules, bool alone,
                struct told *told) {
    *told = (struct told){.ids = {.arena = c->a}, .files = {.arena = c->a}, .passed = {.arena = c->a}};
    char log[PATH_MAX];
    out_tmp_name(log, sizeof log, "company.log");
    struct strs argv = {0};
    const char *const words[] = {c->python,
                                 ".testfan/rules/testfan_company.py",
                                 log,
                                 joined(c->a, files),
                                 joined(c->a, modules),
                                 alone ? "alone" : "all",
                                 "--"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        array_push(c->a, &argv, words[i]);
    for (uint32_t i = 0; i < c->plan->args.len; i++)
        array_push(c->a, &argv, c->plan->args.items[i]);
    array_push(c->a, &argv, NULL);
    struct buf out = {0};
    int status = os_run(argv.items, &out, true);
    buf_free(&out);
    size_t n = 0;
    char *text = os_read(c->a, log, &n);
    unlink(log);
    for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        cJSON *json = cJSON_ParseWithLength(line, (size_t)(end - line));
        take_line(c->a, json, told);
        cJSON_Delete(json);
    }
    return text != NULL && status >= 0 && status <= 5;
}

static bool passes_with(const struct call *c, const char *file, const struct strs *modules) {
    struct strs files = {0};
    struct told told;
    array_push(c->a, &files, file);
    return run(c, &files, modules, true, &told) && map_get(&told.passed, file, strlen(file)) == 1;
}

static struct strs part_of(const struct strs *list, uint32_t from, uint32_t to) {
    return (struct strs){list->items + from, to - from, to - from};
}

/* Halves what was loaded in company and not alone until one module is left. */
static const char *find_import(const struct call *c, const char *file, const struct strs *in_company) {
    struct strs files = {0}, none = {0}, extra = {0};
    struct told alone;
    array_push(c->a, &files, file);
    run(c, &files, &none, true, &alone);
    struct map known = {.arena = c->a};
    for (uint32_t i = 0; i < alone.modules.len; i++)
        map_add(&known, alone.modules.items[i], strlen(alone.modules.items[i]), 1);
    for (uint32_t i = 0; i < in_company->len; i++)
        if (map_get(&known, in_company->items[i], strlen(in_company->items[i])) == MAP_NONE)
            array_push(c->a, &extra, in_company->items[i]);
    if (!extra.len || !passes_with(c, file, &extra))
        return NULL;
    while (extra.len > 1) {
        struct strs first = part_of(&extra, 0, extra.len / 2),
                    last = part_of(&extra, extra.len / 2, extra.len);
        if (passes_with(c, file, &first))
            extra = first;
        else if (passes_with(c, file, &last))
            extra = last;
        else
            return NULL;
    }
    return extra.items[0];
}

static const char *changed_id(const struct run_log *log, const struct told *told) {
    for (uint32_t i = 0; i < log->tests.len; i++)
        if (map_get(&told->ids, log->tests.items[i].id, strlen(log->tests.items[i].id)) == MAP_NONE)
            return log->tests.items[i].id;
    return NULL;
}

static bool failed(const struct run_log *log) {
    return log->failed || !log->finished;
}

bool company_check(struct arena *a, const char *python, const struct plan *plan, struct company *out) {
    struct call call = {a, python, plan};
    struct strs failing = {0}, none = {0};
    struct told told;
    struct run_log *logs = arena_alloc(a, (plan->targets.len + 1) * sizeof *logs);
    *out = (struct company){0};
    for (uint32_t i = 0; i < plan->targets.len; i++) {
        const struct target *t = &plan->targets.items[i];
        log_read(a, arena_printf(a, "%s.log", t->result), &logs[i]);
        if (failed(&logs[i]) && !strchr(t->file, ','))
            array_push(a, &failing, t->file);
    }
    if (!run(&call, &failing, &none, false, &told)) {
        diag(DIAG_NO_REPORT, NULL, 0, 0, "pytest could not collect the whole suite in one process");
        return false;
    }
    for (uint32_t i = 0, looked = 0; i < plan->targets.len; i++) {
        const struct target *t = &plan->targets.items[i];
        bool collected = map_get(&told.files, t->file, strlen(t->file)) != MAP_NONE;
        struct company_file f = {.file = t->file, .id = collected ? changed_id(&logs[i], &told) : NULL};
        f.unstable = f.id != NULL;
        f.order_dependent = failed(&logs[i]) && map_get(&told.passed, t->file, strlen(t->file)) == 1;
        if (f.order_dependent && looked++ < LEANING_MOST)
            f.leans_on = find_import(&call, t->file, &told.modules);
        if (f.unstable || f.order_dependent)
            array_push(a, out, f);
    }
    return true;
}
