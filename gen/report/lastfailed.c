#include "report/lastfailed.h"
#include "base/os.h"
#include "base/out.h"

#include <cJSON.h>
#include <string.h>

/* A file that could not be imported has run when one of its tests has. */
static bool was_run(struct arena *a, const char *id, const struct strs *run) {
    const char *end = strstr(id, "::");
    if (strs_has(run, id) || (end && strs_has(run, arena_strndup(a, id, (size_t)(end - id)))))
        return true;
    const char *test = end ? NULL : arena_printf(a, "%s::", id);
    for (uint32_t i = 0; test && i < run->len; i++)
        if (str_starts(run->items[i], test))
            return true;
    return false;
}

void lastfailed_update(struct arena *a, const char *cache_dir, const struct strs *run,
                       const struct strs *failed) {
    const char *path = os_join(a, cache_dir, "v/cache/lastfailed");
    size_t n = 0;
    const char *text = os_read(a, path, &n);
    cJSON *old = text ? cJSON_ParseWithLength(text, n) : NULL;
    struct strs ids = {0};
    for (const cJSON *e = old && cJSON_IsObject(old) ? old->child : NULL; e; e = e->next)
        if (e->string && !was_run(a, e->string, run))
            array_push(a, &ids, arena_strdup(a, e->string));
    for (uint32_t i = 0; i < failed->len; i++)
        array_push(a, &ids, failed->items[i]);
    bool none_before = !old || !cJSON_IsObject(old) || !old->child;
    cJSON_Delete(old);
    if (none_before && !ids.len)
        return;
    strs_sort(&ids);
    cJSON *now = cJSON_CreateObject();
    for (uint32_t i = 0; i < ids.len; i++)
        if (!i || strcmp(ids.items[i - 1], ids.items[i]) != 0)
            cJSON_AddTrueToObject(now, ids.items[i]);
    char *out = cJSON_Print(now);
    out_write(path, out, strlen(out), NULL);
    cJSON_free(out);
    cJSON_Delete(now);
}
