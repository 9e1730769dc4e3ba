#include "report/times.h"
#include "base/map.h"
#include "base/os.h"
#include "base/out.h"
#include "base/str.h"
#include "report/junit.h"
#include "report/merge.h"

#include <cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_FROM 1.0 /* seconds */

static int by_file(const void *a, const void *b) {
    const struct file_time *x = a, *y = b;
    return strcmp(x->file, y->file);
}

static int by_group(const void *a, const void *b) {
    const struct group_time *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static void times_sort(struct times *times) {
    if (times->files.len)
        qsort(times->files.items, times->files.len, sizeof *times->files.items, by_file);
}

static struct file_time *lookup(const struct times *times, const char *file) {
    struct file_time key = {.file = file};
    if (!times->files.len)
        return NULL;
    return bsearch(&key, times->files.items, times->files.len, sizeof key, by_file);
}

/* The same file named twice: the first counts. */
static void drop_repeats(struct times *times) {
    uint32_t kept = 0;
    ARRAY_FOR (struct file_time, t, &times->files)
        if (!kept || !str_eq(times->files.items[kept - 1].file, t->file))
            times->files.items[kept++] = *t;
    times->files.len = kept;
}

static bool is_time(const cJSON *n) {
    return cJSON_IsNumber(n) && isfinite(n->valuedouble) && n->valuedouble >= 0;
}

static void take_file(struct arena *a, const cJSON *t, struct times *times) {
    const cJSON *seconds = cJSON_IsObject(t) ? cJSON_GetObjectItemCaseSensitive(t, "seconds") : t;
    if (!t->string || !is_time(seconds))
        return;
    struct file_time file = {.file = arena_strdup(a, t->string), .seconds = seconds->valuedouble};
    const cJSON *groups = cJSON_IsObject(t) ? cJSON_GetObjectItemCaseSensitive(t, "groups") : NULL;
    for (const cJSON *g = groups ? groups->child : NULL; g; g = g->next)
        if (g->string && is_time(g))
            array_push(a, &file.groups, (struct group_time){arena_strdup(a, g->string), g->valuedouble});
    if (file.groups.len)
        qsort(file.groups.items, file.groups.len, sizeof *file.groups.items, by_group);
    array_push(a, &times->files, file);
}

void times_read(struct arena *a, const char *path, struct times *times) {
    *times = (struct times){0};
    size_t n = 0;
    char *text = os_read(a, path, &n);
    cJSON *root = text ? cJSON_ParseWithLength(text, n) : NULL;
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(root, "version");
    const cJSON *targets = cJSON_GetObjectItemCaseSensitive(root, "targets");
    bool known = cJSON_IsNumber(version) && version->valuedouble == 1;
    for (const cJSON *t = known && targets ? targets->child : NULL; t; t = t->next)
        take_file(a, t, times);
    cJSON_Delete(root);
    times_sort(times);
    drop_repeats(times);
}

double times_find(const struct times *times, const char *file) {
    const struct file_time *t = lookup(times, file);
    return t ? t->seconds : -1;
}

const struct file_time *times_entry(const struct times *times, const char *file) {
    return lookup(times, file);
}

static bool moved(double from, double to) {
    double by = fabs(to - from);
    return by > 0.05 && by > 0.1 * from;
}

static bool take(struct arena *a, struct times *times, const struct summary *s) {
    bool changed = false;
    struct times added = {0};
    ARRAY_FOR (const struct target_time, t, &s->targets) {
        if (t->seconds <= 0)
            continue;
        struct file_time *known = lookup(times, t->target);
        if (!known)
            array_push(a, &added.files, (struct file_time){.file = t->target, .seconds = t->seconds});
        else if (moved(known->seconds, t->seconds))
            changed = true, known->seconds = t->seconds;
    }
    ARRAY_FOR (struct file_time, t, &added.files)
        array_push(a, &times->files, *t);
    times_sort(times);
    drop_repeats(times);
    return changed || added.files.len;
}

static bool drop_gone(struct times *times, const struct strs *all) {
    struct arena a = {0};
    struct map known = {.arena = &a};
    uint32_t kept = 0, had = times->files.len;
    ARRAY_FOR (const char *, name, all)
        map_add(&known, *name, strlen(*name), 0);
    ARRAY_FOR (struct file_time, t, &times->files)
        if (map_get(&known, t->file, strlen(t->file)) != MAP_NONE)
            times->files.items[kept++] = *t;
    times->files.len = kept;
    arena_free(&a);
    return kept < had;
}

static void put_name(struct buf *b, const char *name) {
    cJSON *string = cJSON_CreateString(name);
    char *quoted = cJSON_PrintUnformatted(string);
    buf_str(b, quoted ? quoted : "\"\"");
    cJSON_free(quoted);
    cJSON_Delete(string);
}

static void put_file(struct buf *b, const struct file_time *t) {
    put_name(b, t->file);
    if (!t->groups.len) {
        buf_fmt(b, ": %.3f", t->seconds);
        return;
    }
    buf_fmt(b, ": {\"seconds\": %.3f, \"groups\": {", t->seconds);
    ARRAY_FOR (const struct group_time, g, &t->groups) {
        buf_str(b, g == t->groups.items ? "" : ", ");
        put_name(b, g->name);
        buf_fmt(b, ": %.3f", g->seconds);
    }
    buf_str(b, "}}");
}

static bool times_write(const char *path, const struct times *times) {
    struct buf text = {0};
    buf_str(&text, "{\"version\": 1, \"targets\": {");
    ARRAY_FOR (struct file_time, t, &times->files) {
        buf_str(&text, t == times->files.items ? "\n  " : ",\n  ");
        put_file(&text, t);
    }
    buf_str(&text, "\n}}\n");
    bool ok = out_write(path, text.s, text.len, NULL);
    buf_free(&text);
    return ok;
}

bool times_update(const char *path, const struct summary *s, const struct strs *all) {
    struct arena a = {0};
    struct times times;
    times_read(&a, path, &times);
    bool changed = take(&a, &times, s);
    if (all)
        changed |= drop_gone(&times, all);
    bool ok = !changed || times_write(path, &times);
    arena_free(&a);
    return ok;
}

/* What one report says. */
struct gathering {
    struct arena *arena;
    struct times times;
    struct map files, groups;
    const char *module; /* the classname of the open suite's functions */
    uint32_t open;      /* its file, or MAP_NONE */
};

static void open_suite(void *ctx, const struct junit_suite *suite) {
    struct gathering *g = ctx;
    const char *target = junit_find(&suite->properties, "testfan.target");
    double seconds = junit_seconds(junit_find(&suite->attributes, "time"));
    g->open = MAP_NONE;
    if (!target)
        return;
    g->open = map_get(&g->files, target, strlen(target));
    if (g->open == MAP_NONE) {
        const char *file = arena_strdup(g->arena, target);
        g->open = g->times.files.len;
        map_set(&g->files, file, strlen(file), g->open);
        array_push(g->arena, &g->times.files, (struct file_time){.file = file});
    }
    g->times.files.items[g->open].seconds += seconds > 0 ? seconds : 0;
    size_t n = strlen(target);
    char *module = arena_strndup(g->arena, target, str_ends(target, ".py") ? n - 3 : n);
    for (char *c = module; *c; c++)
        *c = *c == '/' ? '.' : *c;
    g->module = module;
}

/* "tests.test_a.TestB" and "test_c[1]" give TestB, "tests.test_a" and the same give test_c. */
static void add_case(void *ctx, const struct junit_case *test) {
    struct gathering *g = ctx;
    if (g->open == MAP_NONE || !*test->classname)
        return;
    size_t n = strlen(g->module);
    bool nested = str_starts(test->classname, g->module) && test->classname[n] == '.';
    const char *from = nested ? test->classname + n + 1 : test->name;
    const char *name = arena_strndup(g->arena, from, strcspn(from, nested ? "." : "["));
    struct file_time *file = &g->times.files.items[g->open];
    const char *key = arena_printf(g->arena, "%s\n%s", file->file, name);
    uint32_t i = map_get(&g->groups, key, strlen(key));
    if (i == MAP_NONE) {
        i = file->groups.len;
        map_set(&g->groups, key, strlen(key), i);
        array_push(g->arena, &file->groups, (struct group_time){.name = name});
    }
    file->groups.items[i].seconds += test->time;
}

static void skip_part(void *ctx, const char *xml, size_t n) {
    (void)ctx;
    (void)xml;
    (void)n;
}

static bool groups_moved(const struct file_time *was, const struct file_time *is) {
    if (was->groups.len != is->groups.len)
        return true;
    for (uint32_t i = 0; i < is->groups.len; i++)
        if (strcmp(was->groups.items[i].name, is->groups.items[i].name) != 0 ||
            moved(was->groups.items[i].seconds, is->groups.items[i].seconds))
            return true;
    return false;
}

static bool adopt(struct arena *a, struct times *times, struct file_time *is) {
    if (is->seconds < GROUPS_FROM)
        is->groups.len = 0;
    else if (is->groups.len)
        qsort(is->groups.items, is->groups.len, sizeof *is->groups.items, by_group);
    struct file_time *was = lookup(times, is->file);
    if (is->seconds <= 0 || (was && !moved(was->seconds, is->seconds) && !groups_moved(was, is)))
        return false;
    if (was)
        *was = *is;
    else
        array_push(a, &times->files, *is);
    times_sort(times);
    return true;
}

bool times_keep(const char *path, const char *report) {
    struct arena a = {0};
    struct gathering g = {.arena = &a, .files = {.arena = &a}, .groups = {.arena = &a}, .open = MAP_NONE};
    const struct junit_events events = {&g, open_suite, add_case, skip_part};
    struct junit_error error;
    struct times times;
    times_read(&a, path, &times);
    bool changed = false, ok = junit_read(report, &events, &error);
    for (uint32_t i = 0; ok && i < g.times.files.len; i++)
        changed |= adopt(&a, &times, &g.times.files.items[i]);
    ok = ok && (!changed || times_write(path, &times));
    arena_free(&a);
    return ok;
}
