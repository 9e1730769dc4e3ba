#include "run/log.h"
#include "base/os.h"
#include "base/str.h"

#include <cJSON.h>
#include <string.h>

static const char *text_of(struct arena *a, const cJSON *event, const char *key) {
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(event, key));
    return s ? arena_strdup(a, s) : "";
}

static long number_of(const cJSON *event, const char *key) {
    const cJSON *n = cJSON_GetObjectItem(event, key);
    return cJSON_IsNumber(n) ? (long)n->valuedouble : 0;
}

static void take_event(struct arena *a, const cJSON *event, struct run_log *log) {
    const char *kind = text_of(a, event, "e");
    if (strcmp(kind, "start") == 0) {
        log->running = text_of(a, event, "id");
    } else if (strcmp(kind, "end") == 0) {
        const cJSON *t = cJSON_GetObjectItem(event, "t");
        array_push(a, &log->tests,
                   (struct logged_test){text_of(a, event, "id"), text_of(a, event, "o"),
                                        cJSON_IsNumber(t) ? t->valuedouble : 0});
        log->running = NULL;
    } else if (strcmp(kind, "finish") == 0) {
        log->finished = true;
        log->exit = (int)number_of(event, "exit");
        log->collected = number_of(event, "collected");
        log->deselected = number_of(event, "deselected");
        log->skipped = number_of(event, "skipped");
        log->failed = number_of(event, "failed");
        log->made = number_of(event, "made");
        log->traced = cJSON_IsTrue(cJSON_GetObjectItem(event, "traced"));
        log->ignored = cJSON_IsTrue(cJSON_GetObjectItem(event, "ignored"));
        const cJSON *setup = cJSON_GetObjectItem(event, "setup");
        log->kept = cJSON_IsTrue(cJSON_GetObjectItem(event, "kept"));
        log->setup = cJSON_IsNumber(setup) ? setup->valuedouble : -1;
    } else if (strcmp(kind, "shared") == 0) {
        log->after = number_of(event, "after");
    } else if (strcmp(kind, "apart") == 0) {
        log->apart = true;
    }
}

void log_parse(struct arena *a, const char *text, struct run_log *log) {
    *log = (struct run_log){.setup = -1};
    while (*text) {
        size_t len = strcspn(text, "\n");
        cJSON *event = cJSON_ParseWithLength(text, len);
        if (event)
            take_event(a, event, log);
        cJSON_Delete(event);
        text += len + (text[len] == '\n');
    }
}

void log_read(struct arena *a, const char *path, struct run_log *log) {
    size_t n = 0;
    const char *text = os_read(a, path, &n);
    log_parse(a, text ? text : "", log);
}

bool log_is_whole(const struct run_log *log) {
    return log->finished && (long)log->tests.len >= log->collected - log->deselected;
}
