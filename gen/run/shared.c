#include "run/shared.h"
#include "base/diag.h"
#include "base/os.h"
#include "base/out.h"
#include "base/str.h"
#include "graph/plan.h"
#include "run/crash.h"
#include "run/history.h"
#include "run/log.h"
#include "run/server.h"

#include <cJSON.h>
#include <string.h>
#include <unistd.h>

#define DEAR_SECONDS 0.1 /* as in testfan_session.py */

const char *shared_choose(const char *isolation, const struct run_log *last) {
    if (str_eq(isolation, "file"))
        return "";
    if (str_eq(isolation, "session"))
        return "session";
    return !last->apart && (last->setup < 0 || last->setup >= DEAR_SECONDS) ? "auto" : "";
}

static const char *text_of(struct arena *a, const cJSON *json, const char *key) {
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(json, key));
    return s ? arena_strdup(a, s) : "";
}

static const char *last_test(const struct run_log *log) {
    return log->tests.len ? log->tests.items[log->tests.len - 1].id : NULL;
}

/* The log as if the test had ended with an error, and pytest with a failure more. */
static void put_log(struct arena *a, const char *path, const struct run_log *log) {
    size_t n = 0;
    const char *text = os_read(a, path, &n);
    cJSON *end = cJSON_CreateObject();
    cJSON_AddStringToObject(end, "e", "end");
    cJSON_AddStringToObject(end, "id", log->running);
    cJSON_AddStringToObject(end, "o", "error");
    cJSON_AddNumberToObject(end, "t", 0);
    char *line = cJSON_PrintUnformatted(end);
    text = arena_printf(a,
                        "%s%s\n{\"e\": \"finish\", \"exit\": 1, \"collected\": %ld, \"deselected\": %ld, "
                        "\"skipped\": %ld, \"failed\": %ld, \"setup\": %g}\n",
                        text ? text : "", line, log->collected, log->deselected, log->skipped,
                        log->failed + 1, log->setup);
    out_replace(path, text, strlen(text));
    cJSON_free(line);
    cJSON_Delete(end);
}

static void take_torn(struct arena *a, const struct target *t, const char *torn) {
    const char *xml = arena_printf(a, "%s.xml", t->result), *path = arena_printf(a, "%s.log", t->result);
    size_t n = 0, size = 0;
    const char *text = os_read(a, torn, &n), *report = os_read(a, xml, &size);
    cJSON *json = text ? cJSON_ParseWithLength(text, n) : NULL;
    struct run_log log;
    log_read(a, path, &log);
    const char *id = text_of(a, json, "id"), *said = text_of(a, json, "text");
    log.running = *id ? id : last_test(&log) ? last_test(&log) : t->file;
    const struct crash crash = {t->file, text_of(a, json, "message"), said, strlen(said)};
    struct buf b = {0};
    if (json && report && crash_append(&b, &crash, &log, report, size)) {
        out_replace(xml, b.s, b.len);
        put_log(a, path, &log);
        printf("FAILED %s: %s\n", t->file, crash.message);
    }
    unlink(arena_printf(a, "%s.ok", t->result));
    history_begin(xml, path);
    unlink(torn);
    buf_free(&b);
    cJSON_Delete(json);
}

void shared_end(struct arena *a, const struct plan *plan) {
    server_finish(a);
    ARRAY_FOR (const struct target, t, &plan->targets) {
        const char *torn = arena_printf(a, "%s.torn", t->result);
        if (access(torn, F_OK) == 0)
            take_torn(a, t, torn);
    }
}

void shared_forget(struct arena *a, const struct plan *plan) {
    ARRAY_FOR (const struct target, t, &plan->targets) {
        struct run_log log;
        log_read(a, arena_printf(a, "%s.log", t->result), &log);
        if (log.after)
            unlink(arena_printf(a, "%s.ok", t->result));
    }
}
