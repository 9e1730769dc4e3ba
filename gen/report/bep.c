#include "report/bep.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/os.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A run of a shard of a target. */
struct result {
    const char *label;
    int run, shard, attempt;
    const char *uri; /* of test.xml, or NULL */
    bool passed, failed_before;
};

struct bep {
    struct arena *arena;
    const char *workspace; /* the folder that has bazel-testlogs */
    bool started, finished;
    struct map ours;     /* label -> 1: a target of testfan's, whose report pytest writes */
    struct map tests;    /* label -> 1: a test */
    struct map expected; /* label -> index into `labels` */
    struct strs labels, unbuilt;
    struct map by_key;
    ARRAY(struct result) results;
};

static const char *string_of(struct bep *b, const cJSON *object, const char *key) {
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return s ? arena_strdup(b->arena, s) : NULL;
}

static int number_of(const cJSON *object, const char *key) {
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(n) ? n->valueint : 1;
}

static const cJSON *item(const cJSON *object, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static void expect(struct bep *b, const char *label) {
    if (label && map_add(&b->expected, label, strlen(label), b->labels.len) == b->labels.len)
        array_push(b->arena, &b->labels, label);
}

static void read_configured(struct bep *b, const char *label, const cJSON *configured) {
    const char *kind = cJSON_GetStringValue(item(configured, "targetKind"));
    if (item(configured, "testSize"))
        map_add(&b->tests, label, strlen(label), 1);
    bool ours = kind && str_starts(kind, "pytest_test ");
    const cJSON *tags = item(configured, "tag");
    for (const cJSON *t = tags ? tags->child : NULL; t; t = t->next)
        ours |= str_eq(cJSON_GetStringValue(t), "testfan");
    if (ours)
        map_add(&b->ours, label, strlen(label), 1);
}

static void read_completed(struct bep *b, const char *label, const cJSON *event) {
    const cJSON *children = item(event, "children");
    for (const cJSON *c = children ? children->child : NULL; c; c = c->next) {
        if (item(c, "testSummary"))
            expect(b, string_of(b, item(c, "testSummary"), "label"));
        if (item(c, "testResult"))
            expect(b, string_of(b, item(c, "testResult"), "label"));
    }
    if (map_get(&b->tests, label, strlen(label)) != MAP_NONE &&
        !cJSON_IsTrue(item(item(event, "completed"), "success"))) {
        expect(b, label);
        array_push(b->arena, &b->unbuilt, label);
    }
}

static void read_result(struct bep *b, const cJSON *id, const cJSON *result) {
    struct result r = {.label = string_of(b, id, "label"),
                       .run = number_of(id, "run"),
                       .shard = number_of(id, "shard"),
                       .attempt = number_of(id, "attempt")};
    if (!r.label)
        return;
    const char *status = cJSON_GetStringValue(item(result, "status"));
    r.passed = str_eq(status, "PASSED") || str_eq(status, "FLAKY");
    const cJSON *outputs = item(result, "testActionOutput");
    for (const cJSON *o = outputs ? outputs->child : NULL; o; o = o->next)
        if (str_eq(cJSON_GetStringValue(item(o, "name")), "test.xml"))
            r.uri = string_of(b, o, "uri");
    const char *key = arena_printf(b->arena, "%s %d %d", r.label, r.run, r.shard);
    uint32_t i = map_add(&b->by_key, key, strlen(key), b->results.len);
    if (i == b->results.len) {
        array_push(b->arena, &b->results, r);
        return;
    }
    struct result *last = &b->results.items[i];
    bool failed = last->failed_before || !last->passed || !r.passed;
    if (r.attempt >= last->attempt)
        *last = r;
    last->failed_before = failed;
}

static void read_event(struct bep *b, const cJSON *event) {
    const cJSON *id = item(event, "id");
    const char *configured = string_of(b, item(id, "targetConfigured"), "label");
    const char *completed = string_of(b, item(id, "targetCompleted"), "label");
    if (item(event, "started")) {
        b->started = true;
        b->workspace = string_of(b, item(event, "started"), "workspaceDirectory");
    }
    b->finished |= item(event, "finished") != NULL;
    if (configured)
        read_configured(b, configured, item(event, "configured"));
    else if (completed)
        read_completed(b, completed, event);
    else if (item(event, "testResult"))
        read_result(b, item(id, "testResult"), item(event, "testResult"));
    else if (item(id, "testSummary") && item(event, "aborted"))
        expect(b, string_of(b, item(id, "testSummary"), "label"));
}

static const char *decode(struct arena *a, const char *s) {
    struct buf b = {0};
    buf_str(&b, "");
    for (; *s; s++) {
        char hex[3] = {s[0] == '%' ? s[1] : 0, s[0] == '%' && s[1] ? s[2] : 0, 0}, *end = hex;
        long byte = hex[1] ? strtol(hex, &end, 16) : 0;
        buf_char(&b, *end || !hex[1] ? *s : (char)byte);
        s += *end || !hex[1] ? 0 : 2;
    }
    char *out = arena_strdup(a, b.s);
    buf_free(&b);
    return out;
}

/* How many runs or shards the target of a result has; results are sorted. */
static int count_of(const struct bep *b, const struct result *r, bool shards) {
    int most = 1;
    const struct result *end = b->results.items + b->results.len;
    for (const char *label = r->label; r < end && strcmp(r->label, label) == 0; r++) {
        int n = shards ? r->shard : r->run;
        most = n > most ? n : most;
    }
    return most;
}

/* Where Bazel links a target's report to. */
static const char *local_path(struct bep *b, const struct result *r) {
    struct arena *a = b->arena;
    char *path = arena_strdup(a, r->label + strspn(r->label, "@/")), *colon = strchr(path, ':');
    if (colon)
        *colon = '/';
    else
        path = arena_printf(a, "%s/%s", path, os_basename(path));
    int shards = count_of(b, r, true), runs = count_of(b, r, false);
    const char *shard = shards > 1 ? arena_printf(a, "shard_%d_of_%d", r->shard, shards) : "";
    const char *run = runs > 1 ? arena_printf(a, "%srun_%d_of_%d", *shard ? "_" : "", r->run, runs) : "";
    return arena_printf(a, "%s/bazel-testlogs/%s/%s%s%stest.xml", b->workspace ? b->workspace : ".",
                        path + strspn(path, "/"), shard, run, *shard || *run ? "/" : "");
}

/* The report that Bazel writes where a test wrote none: one case, with the target's name and its output. */
static bool is_synthetic(struct arena *a, const char *path) {
    size_t n = 0;
    const char *text = os_read(a, path, &n);
    const char *test = text ? strstr(text, "<testcase name=\"") : NULL;
    const char *end = test ? strchr(test, '>') : NULL;
    const char *status = test ? strstr(test, "status=\"run\" duration=") : NULL;
    return status && end && status < end && !strstr(test + 1, "<testcase ");
}

static struct merge_input input_of(struct bep *b, const struct result *r) {
    struct merge_input in = {.target = r->label};
    if (!r->uri) {
        in.missing = "Bazel tells of no report of this target; with a remote cache run it with "
                     "--remote_download_toplevel";
    } else if (str_starts(r->uri, "file://")) {
        const char *path = r->uri + 7;
        in.report = decode(b->arena, *path == '/' ? path : path + strcspn(path, "/"));
    } else {
        struct os_stat st;
        const char *size = strrchr(r->uri, '/');
        in.report = local_path(b, r);
        if (!os_stat(in.report, &st) || !size || strtoull(size + 1, NULL, 10) != st.size)
            in.missing = arena_printf(b->arena,
                                      "the report lies in the remote cache (%s); run Bazel with "
                                      "--remote_download_toplevel",
                                      r->uri);
    }
    bool ours = map_get(&b->ours, r->label, strlen(r->label)) != MAP_NONE;
    if (!in.missing && ours && is_synthetic(b->arena, in.report))
        in.missing = "pytest left no report; Bazel made one up from the output, see test.log";
    if (r->passed && r->failed_before) {
        diag(DIAG_FLAKY, r->label, 0, 0, "failed, and passed in attempt %d", r->attempt);
        hint("its earlier attempts are in bazel-testlogs, in test_attempts");
    }
    return in;
}

static int compare_results(const void *a, const void *b) {
    const struct result *x = a, *y = b;
    int order = strcmp(x->label, y->label);
    if (!order)
        order = x->run - y->run;
    return order ? order : x->shard - y->shard;
}

static void list_inputs(struct bep *b, struct merge_inputs *inputs) {
    struct map reported = {.arena = b->arena};
    if (b->results.len)
        qsort(b->results.items, b->results.len, sizeof *b->results.items, compare_results);
    ARRAY_FOR (const struct result, r, &b->results) {
        map_add(&reported, r->label, strlen(r->label), 1);
        array_push(b->arena, inputs, input_of(b, r));
    }
    strs_sort(&b->labels);
    for (uint32_t i = 0; i < b->labels.len; i++) {
        const char *label = b->labels.items[i];
        if (map_get(&reported, label, strlen(label)) != MAP_NONE)
            continue;
        const char *why = strs_has(&b->unbuilt, label) ? "Bazel could not build this target"
                                                       : "Bazel did not run this target to its end";
        array_push(b->arena, inputs, (struct merge_input){.target = label, .missing = why});
    }
}

bool bep_read(struct arena *a, const char *path, struct merge_inputs *inputs) {
    struct bep b = {.arena = a, .ours.arena = a, .tests.arena = a, .expected.arena = a, .by_key.arena = a};
    size_t n = 0;
    const char *text = os_read(a, path, &n);
    uint32_t line = 0;
    for (const char *s = text; s && *s; line++) {
        size_t len = strcspn(s, "\n");
        cJSON *event = len ? cJSON_ParseWithLength(s, len) : NULL;
        if (event)
            read_event(&b, event);
        cJSON_Delete(event);
        s += len + (s[len] == '\n');
        if (len && !event && *s) {
            diag(DIAG_NO_REPORT, path, line + 1, 0, "is no build event of Bazel's");
            return false;
        }
    }
    if (!b.started) {
        diag(DIAG_NO_REPORT, path, 0, 0, text ? "is no build event file of Bazel's" : "cannot be read");
        hint("run: bazel test //... --build_event_json_file=%s", path);
        return false;
    }
    if (!b.finished)
        diag(DIAG_NO_REPORT, path, 0, 0, "ends before the build did: reports may be missing");
    list_inputs(&b, inputs);
    return true;
}
