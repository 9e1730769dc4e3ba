#include "run/company.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/map.h"
#include "base/os.h"
#include "base/out.h"
#include "base/str.h"
#include "graph/plan.h"
#include "run/child.h"
#include "run/crash.h"
#include "run/environment.h"
#include "run/log.h"
#include "run/server.h"

#include <cJSON.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LEANING_MOST = 10, /* files for which the import is looked for */
    NO_PASS_INTERRUPTED = 2,
    SECONDS_MOST = 900 /* that the suite may take to be collected, and the guests to run */
};

/* What collecting told. */
struct collected {
    struct map ids, files; /* test ids; files that have some */
    struct strs modules;   /* what collecting imported */
};

static void take_line(const struct company *c, const cJSON *line, struct collected *told) {
    const char *file = cJSON_GetStringValue(cJSON_GetObjectItem(line, "file"));
    const cJSON *ids = cJSON_GetObjectItem(line, "ids"), *modules = cJSON_GetObjectItem(line, "modules");
    if (file)
        map_set(&told->files, file, strlen(file), 1);
    for (const cJSON *id = ids ? ids->child : NULL; id; id = id->next)
        map_set(&told->ids, id->valuestring, strlen(id->valuestring), 1);
    if (modules)
        told->modules = json_strings(c->arena, modules);
}

static bool read_told(const struct company *c, const char *path, struct collected *told) {
    *told = (struct collected){.ids = {.arena = c->arena}, .files = {.arena = c->arena}};
    size_t n = 0;
    char *text = os_read(c->arena, path, &n);
    for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        cJSON *json = cJSON_ParseWithLength(line, (size_t)(end - line));
        take_line(c, json, told);
        cJSON_Delete(json);
    }
    return text != NULL;
}

static bool has_passed(const struct company *c, const struct guest *g) {
    struct run_log log;
    size_t n = 0;
    log_read(c->arena, g->log, &log);
    const char *report = os_read(c->arena, g->xml, &n);
    return log.finished && !log.failed && (log.exit == 0 || log.exit == 5) && report &&
           crash_is_whole(report, n);
}

static void take_results(const struct company *c, struct guests *guests) {
    ARRAY_FOR (struct guest, g, guests) {
        struct run_log log;
        log_read(c->arena, g->log, &log);
        g->ran |= log.finished;
        g->passed = has_passed(c, g);
    }
}

static void heed_signal(const struct child *c) {
    if (!c->interrupted)
        return;
    fputs("testfan: interrupted\n", stderr);
    exit(NO_PASS_INTERRUPTED);
}

static long jobs_of(const struct plan *plan) {
    const char *jobs = getenv("TESTFAN_JOBS");
    long n = jobs ? strtol(jobs, NULL, 10) : sysconf(_SC_NPROCESSORS_ONLN);
    return plan->limited || n < 1 ? 1 : n;
}

static char *guests_text(const struct company *c, const struct guests *guests) {
    cJSON *json = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(json, "guests");
    mode_t mask = umask(0);
    umask(mask);
    ARRAY_FOR (const struct guest, g, guests) {
        const char *const words[] = {g->file, g->shard, g->xml, g->log};
        cJSON_AddItemToArray(list, cJSON_CreateStringArray(words, sizeof words / sizeof *words));
    }
    cJSON_AddNumberToObject(json, "jobs", (double)jobs_of(c->plan));
    cJSON_AddNumberToObject(json, "limit", c->plan->timeout > 0 ? c->plan->timeout : 0);
    cJSON_AddNumberToObject(json, "timeout", c->plan->timeout_per_file > 0 ? c->plan->timeout_per_file : 0);
    cJSON_AddNumberToObject(json, "umask", mask);
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return text;
}

static void run_gathered(const struct company *c, struct guests *guests) {
    struct strs env = run_environment(c->arena);
    const struct server server = {c->arena, SERVER_PROGRAM, c->python, &c->plan->args, &env};
    char *text = guests_text(c, guests);
    const char *why;
    struct child child;
    if (server_visit(&server, text, SECONDS_MOST, &child, &why))
        capture_free(&child.output);
    else if (getenv("TESTFAN_VERBOSE"))
        printf("the suite is collected for a second opinion by a process of its own: %s\n", why);
    free(text);
    heed_signal(&child);
    take_results(c, guests);
}

/* Runs those guests from `from` to `to` that have not run. */
static bool run_some(const struct company *c, struct guests *guests, uint32_t from, uint32_t to,
                     struct collected *told) {
    struct arena *a = c->arena;
    char path[PATH_MAX];
    out_tmp_name(path, sizeof path, "company");
    struct strs argv = {0};
    const char *const words[] = {
        c->python,
        ".testfan/rules/testfan_company.py",
        path,
        arena_printf(a, "%.17g", c->plan->timeout > 0 ? c->plan->timeout : 0),
        arena_printf(a, "%.17g", c->plan->timeout_per_file > 0 ? c->plan->timeout_per_file : 0),
        arena_printf(a, "%ld", jobs_of(c->plan))};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        array_push(a, &argv, words[i]);
    for (uint32_t i = from; i < to; i++) {
        const struct guest *g = &guests->items[i];
        if (g->ran)
            continue;
        unlink(g->log);
        array_push(a, &argv, g->file);
        array_push(a, &argv, g->shard);
        array_push(a, &argv, g->xml);
        array_push(a, &argv, g->log);
    }
    array_push(a, &argv, "--");
    for (uint32_t i = 0; i < c->plan->args.len; i++)
        array_push(a, &argv, c->plan->args.items[i]);
    array_push(a, &argv, NULL);
    struct strs env = run_environment(a);
    struct child child;
    if (child_run(argv.items, env.items, SECONDS_MOST, &child))
        capture_free(&child.output);
    heed_signal(&child);
    bool ok = read_told(c, path, told);
    unlink(path);
    unlink(arena_printf(a, "%s.xml", path));
    take_results(c, guests);
    return ok;
}

/* What is not at its end when all ran, for whatever reason, is run by itself. */
static bool run_started(const struct company *c, struct guests *guests, struct collected *told) {
    bool ok = run_some(c, guests, 0, guests->len, told);
    for (uint32_t i = 0; ok && i < guests->len; i++) {
        if (!guests->items[i].ran)
            ok = run_some(c, guests, i, i + 1, told);
        guests->items[i].ran = true;
    }
    if (!ok)
        diag(DIAG_NO_REPORT, NULL, 0, 0, "pytest could not collect the whole suite in one process");
    return ok;
}

bool company_ask(const struct company *c, struct guests *guests) {
    struct collected told;
    bool left = false;
    if (c->plan->workers && !getenv("TESTFAN_NO_WORKERS"))
        run_gathered(c, guests);
    ARRAY_FOR (const struct guest, g, guests)
        left |= !g->ran;
    return !left || run_started(c, guests, &told);
}

bool company_alone(const struct company *c, const char *file, const char *shard, const struct strs *modules) {
    struct arena *a = c->arena;
    char dir[PATH_MAX];
    out_tmp_name(dir, sizeof dir, "alone");
    os_mkdirs(dir);
    const char *ok = os_join(a, dir, "result.ok");
    const char *const argv[] = {os_self(a),
                                "exec",
                                "run",
                                arena_printf(a, "--python=%s", c->python),
                                arena_printf(a, "--run=%s/run.json", c->plan->dir),
                                arena_printf(a, "--before=%s", strs_join(a, modules, ",")),
                                arena_printf(a, "--shard=%s", shard),
                                "--isolation=file",
                                file,
                                os_join(a, dir, "result.xml"),
                                ok,
                                NULL};
    unsetenv("TESTFAN_SESSION");
    setenv("TESTFAN_STRICT_ISOLATION", "1", 1);
    struct buf out = {0};
    os_run(argv, &out, true);
    buf_free(&out);
    bool passed = access(ok, F_OK) == 0;
    os_remove_tree(dir);
    return passed;
}

static struct strs part_of(const struct strs *list, uint32_t from, uint32_t to) {
    return (struct strs){list->items + from, to - from, to - from};
}

/* Halves what collecting imported until one module is left. */
static const char *find_import(const struct company *c, const char *file, struct strs modules) {
    if (!modules.len || !company_alone(c, file, "", &modules))
        return NULL;
    while (modules.len > 1) {
        struct strs first = part_of(&modules, 0, modules.len / 2),
                    last = part_of(&modules, modules.len / 2, modules.len);
        if (company_alone(c, file, "", &first))
            modules = first;
        else if (company_alone(c, file, "", &last))
            modules = last;
        else
            return NULL;
    }
    return modules.items[0];
}

static const char *changed_id(const struct run_log *log, const struct collected *told) {
    for (uint32_t i = 0; i < log->tests.len; i++)
        if (map_get(&told->ids, log->tests.items[i].id, strlen(log->tests.items[i].id)) == MAP_NONE)
            return log->tests.items[i].id;
    return NULL;
}

static const struct guest *find_guest(const struct guests *guests, const char *file) {
    ARRAY_FOR (const struct guest, g, guests)
        if (g->file == file)
            return g;
    return NULL;
}

bool company_check(const struct company *c, struct company_files *out) {
    struct arena *a = c->arena;
    const struct plan *plan = c->plan;
    struct guests failing = {0};
    struct collected told;
    struct run_log *logs = arena_alloc(a, (plan->targets.len + 1) * sizeof *logs);
    char dir[PATH_MAX];
    out_tmp_name(dir, sizeof dir, "guests");
    os_mkdirs(dir);
    *out = (struct company_files){0};
    for (uint32_t i = 0; i < plan->targets.len; i++) {
        const struct target *t = &plan->targets.items[i];
        log_read(a, arena_printf(a, "%s.log", t->result), &logs[i]);
        if (logs[i].failed || !logs[i].finished)
            array_push(a, &failing,
                       (struct guest){.file = t->file,
                                      .shard = "",
                                      .xml = arena_printf(a, "%s/%u.xml", dir, i),
                                      .log = arena_printf(a, "%s/%u.log", dir, i)});
    }
    bool ok = run_started(c, &failing, &told);
    for (uint32_t i = 0, looked = 0; ok && i < plan->targets.len; i++) {
        const struct target *t = &plan->targets.items[i];
        bool collected = map_get(&told.files, t->file, strlen(t->file)) != MAP_NONE;
        const struct guest *g = find_guest(&failing, t->file);
        struct company_file f = {.file = t->file, .id = collected ? changed_id(&logs[i], &told) : NULL};
        f.unstable = f.id != NULL;
        f.order_dependent = g && g->passed;
        if (f.order_dependent && looked++ < LEANING_MOST)
            f.leans_on = find_import(c, t->file, told.modules);
        if (f.unstable || f.order_dependent)
            array_push(a, out, f);
    }
    os_remove_tree(dir);
    return ok;
}
