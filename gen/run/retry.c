#include "run/retry.h"
#include "report/retried.h"

#include <cJSON.h>
#include <string.h>
#include <unistd.h>

static bool is_bad(const struct logged_test *test) {
    return strcmp(test->outcome, "failed") == 0 || strcmp(test->outcome, "error") == 0;
}

/* Node ids of what failed; none when the whole file is to be run again. */
static struct strs failed_nodes(struct target_run *t, const struct attempt *at) {
    struct strs nodes = {0};
    if (at->crash || at->log.exit != 1)
        return nodes;
    ARRAY_FOR (const struct logged_test, test, &at->log.tests)
        if (is_bad(test) && !strs_has(&nodes, test->id))
            array_push(&t->arena, &nodes, test->id);
    return nodes;
}

static bool passes_now(const struct attempt *again, const char *id) {
    const struct logged_test *last = NULL;
    ARRAY_FOR (const struct logged_test, test, &again->log.tests)
        if (strcmp(test->id, id) == 0)
            last = test;
    return last && !is_bad(last);
}

/* The log of the first attempt as if what passes now had passed then. */
static const char *patched_log(struct target_run *t, const char *log, const struct attempt *again,
                               long failed) {
    struct buf b = {0};
    buf_str(&b, "");
    for (const char *end; (end = strchr(log, '\n')) != NULL; log = end + 1) {
        cJSON *event = cJSON_ParseWithLength(log, (size_t)(end - log));
        const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(event, "id"));
        if (id && cJSON_GetObjectItem(event, "o") && passes_now(again, id))
            cJSON_ReplaceItemInObject(event, "o", cJSON_CreateString("passed"));
        if (cJSON_GetObjectItem(event, "failed")) {
            cJSON_ReplaceItemInObject(event, "failed", cJSON_CreateNumber((double)failed));
            if (!failed)
                cJSON_ReplaceItemInObject(event, "exit", cJSON_CreateNumber(0));
        }
        char *text = cJSON_PrintUnformatted(event);
        buf_fmt(&b, "%s\n", text ? text : "");
        cJSON_free(text);
        cJSON_Delete(event);
    }
    const char *text = arena_strndup(&t->arena, b.s, b.len);
    buf_free(&b);
    return text;
}

static bool join_reports(struct target_run *t, const struct attempt *first, const struct attempt *again,
                         bool part, struct attempt *into) {
    struct buf b = {0};
    bool ok = report_retried(&b, (struct report_text){first->report, first->size},
                             (struct report_text){again->report, again->size}, part);
    if (ok) {
        into->report = arena_strndup(&t->arena, b.s, b.len);
        into->size = b.len;
        into->own_report = false;
    }
    buf_free(&b);
    return ok;
}

static void take_part(struct target_run *t, struct attempt *at, const struct attempt *again,
                      const struct strs *nodes) {
    long failed = 0;
    for (uint32_t i = 0; i < nodes->len; i++)
        failed += !passes_now(again, nodes->items[i]);
    if (!join_reports(t, at, again, true, at))
        return;
    at->log_text = patched_log(t, at->log_text, again, failed);
    ARRAY_FOR (struct logged_test, test, &at->log.tests)
        if (is_bad(test) && passes_now(again, test->id))
            test->outcome = "passed";
    at->log.failed = failed;
    at->passed = !failed;
    at->exit = failed ? at->exit : 0;
    at->flaky = true;
}

static void take_whole(struct target_run *t, struct attempt *at, struct attempt *again) {
    join_reports(t, at, again, false, again);
    attempt_free(at);
    *at = *again;
    *again = (struct attempt){0};
    at->flaky = true;
}

bool retry_failed(struct target_run *t, struct attempt *at) {
    for (long i = 0; i < t->retries && !at->passed; i++) {
        struct strs nodes = failed_nodes(t, at);
        struct attempt again;
        unlink(t->tmp_xml);
        unlink(t->tmp_log);
        at->own_report = at->own_log = false;
        if (!attempt_run(t, nodes.len ? &nodes : &t->nodes, &again))
            return false;
        at->child.interrupted = again.child.interrupted;
        if (!again.child.interrupted && nodes.len)
            take_part(t, at, &again, &nodes);
        else if (!again.child.interrupted)
            take_whole(t, at, &again);
        attempt_free(&again);
        if (at->child.interrupted)
            break;
    }
    return true;
}
