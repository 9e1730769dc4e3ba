#include "report/times.h"
#include "base/map.h"
#include "base/os.h"
#include "base/out.h"
#include "base/str.h"
#include "report/merge.h"

#include <cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_file(const void *a, const void *b) {
    const struct file_time *x = a, *y = b;
    return strcmp(x->file, y->file);
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

void times_read(struct arena *a, const char *path, struct times *times) {
    *times = (struct times){0};
    size_t n = 0;
    char *text = os_read(a, path, &n);
    cJSON *root = text ? cJSON_ParseWithLength(text, n) : NULL;
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(root, "version");
    const cJSON *t;
    if (cJSON_IsNumber(version) && version->valuedouble == 1)
        cJSON_ArrayForEach(t, cJSON_GetObjectItemCaseSensitive(
                                  root, "targets")) if (t->string && cJSON_IsNumber(t) &&
                                                        isfinite(t->valuedouble) && t->valuedouble >= 0)
            array_push(a, &times->files, (struct file_time){arena_strdup(a, t->string), t->valuedouble});
    cJSON_Delete(root);
    times_sort(times);
    drop_repeats(times);
}

double times_find(const struct times *times, const char *file) {
    const struct file_time *t = lookup(times, file);
    return t ? t->seconds : -1;
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
            array_push(a, &added.files, (struct file_time){t->target, t->seconds});
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

static bool times_write(const char *path, const struct times *times) {
    struct buf text = {0};
    buf_str(&text, "{\"version\": 1, \"targets\": {");
    ARRAY_FOR (struct file_time, t, &times->files) {
        cJSON *name = cJSON_CreateString(t->file);
        char *quoted = cJSON_PrintUnformatted(name);
        buf_fmt(&text, "%s\n  %s: %.3f", t == times->files.items ? "" : ",", quoted, t->seconds);
        cJSON_free(quoted);
        cJSON_Delete(name);
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
