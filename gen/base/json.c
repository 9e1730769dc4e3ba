#include "base/json.h"
#include "base/array.h"

struct strs json_strings(struct arena *a, const cJSON *list) {
    struct strs out = {0};
    for (const cJSON *e = list ? list->child : NULL; e; e = e->next)
        if (cJSON_IsString(e))
            array_push(a, &out, arena_strdup(a, e->valuestring));
    return out;
}
