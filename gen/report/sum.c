#include "report/sum.h"
#include "base/str.h"
#include "report/junit.h"
#include "report/merge.h"
#include "run/log.h"

#include <string.h>

enum { TEXT_MAX = 64 * 1024, MESSAGE_MAX = 1024 };

void sum_begin(struct sum *sum, struct arena *a, struct summary *s, const char *log) {
    *sum = (struct sum){.arena = a, .summary = s, .log = log};
    sum->by_name.arena = &sum->scratch;
}

void sum_end(struct sum *sum) {
    arena_free(&sum->scratch);
}

/* "tests/test_a.py::TestC" as a classname: "tests.test_a.TestC" (mangle_test_address in pytest's junitxml).
 */
static void mangle(struct buf *out, const char *path, size_t n) {
    if (n > 3 && memcmp(path + n - 3, ".py", 3) == 0)
        n -= 3;
    for (size_t i = 0; i < n; i++)
        buf_char(out, path[i] == '/' ? '.' : path[i]);
}

/* The "classname::name" that pytest writes for a node id. */
static void junit_key(struct buf *out, const char *id) {
    size_t n = strcspn(id, "[");
    const char *sep = strstr(id, "::");
    size_t path = sep && sep < id + n ? (size_t)(sep - id) : n;
    mangle(out, id, path);
    while (path < n) {
        const char *part = id + path + 2;
        const char *next = strstr(part, "::");
        bool last = !next || next >= id + n;
        buf_str(out, last ? "::" : ".");
        size_t len = last ? (size_t)(id + n - part) : (size_t)(next - part);
        buf_add(out, part, len);
        path = (size_t)(part + len - id);
    }
    buf_str(out, id + n);
}

static void load_log(struct sum *sum) {
    struct run_log log = {0};
    log_read(&sum->scratch, sum->log, &log);
    sum->log = NULL;
    struct buf key = {0};
    ARRAY_FOR (struct logged_test, t, &log.tests) {
        if (!str_eq(t->outcome, "failed") && !str_eq(t->outcome, "error"))
            continue;
        const char *id = arena_strdup(sum->arena, t->id);
        buf_reset(&key);
        junit_key(&key, id);
        map_add(&sum->by_name, key.s, key.len, sum->ids.len);
        array_push(&sum->scratch, &sum->ids, id);
        array_push(sum->arena, &sum->summary->failed_ids, id);
    }
    buf_free(&key);
}

/* The node id, made from the classname where it begins with the target's own. */
static const char *derived_id(struct sum *sum, const char *target, const struct junit_case *test) {
    struct buf module = {0}, id = {0};
    if (target)
        mangle(&module, target, strlen(target));
    const char *rest = test->classname + module.len;
    bool collecting =
        !*test->classname && target && (str_eq(test->name, module.s) || str_eq(test->name, target));
    if (target && !*test->classname) {
        buf_str(&id, target);
    } else if (module.len && str_starts(test->classname, module.s) && (!*rest || *rest == '.')) {
        buf_str(&id, target);
        for (; *rest; rest++) {
            if (*rest == '.')
                buf_str(&id, "::");
            else
                buf_char(&id, *rest);
        }
    } else {
        buf_str(&id, test->classname);
    }
    if (!collecting) {
        buf_str(&id, id.len ? "::" : "");
        buf_str(&id, test->name);
    }
    char *copy = arena_strndup(sum->arena, id.s, id.len);
    buf_free(&module);
    buf_free(&id);
    return copy;
}

static const char *test_id(struct sum *sum, const char *target, const struct junit_case *test) {
    struct buf key = {0};
    buf_fmt(&key, "%s::%s", test->classname, test->name);
    uint32_t i = map_get(&sum->by_name, key.s, key.len);
    buf_free(&key);
    return i != MAP_NONE ? sum->ids.items[i] : derived_id(sum, target, test);
}

static void add_problem(struct sum *sum, const char *target, const struct junit_case *test) {
    struct summary *s = sum->summary;
    if (sum->log)
        load_log(sum);
    bool with_text = s->problems.len < PROBLEM_TEXTS;
    size_t n = with_text ? TEXT_MAX : MESSAGE_MAX;
    struct problem p = {.target = target,
                        .id = test_id(sum, target, test),
                        .error = test->outcome == JUNIT_ERROR,
                        .message = arena_strndup(sum->arena, test->message, strnlen(test->message, n)),
                        .text =
                            with_text ? arena_strndup(sum->arena, test->text, strnlen(test->text, n)) : ""};
    array_push(sum->arena, &s->problems, p);
}

static void add_slow(struct sum *sum, const char *target, const struct junit_case *test) {
    struct summary *s = sum->summary;
    if (s->n_slowest == SLOW_TESTS && test->time <= s->slowest[SLOW_TESTS - 1].seconds)
        return;
    uint32_t at = s->n_slowest < SLOW_TESTS ? s->n_slowest++ : SLOW_TESTS - 1;
    for (; at > 0 && s->slowest[at - 1].seconds < test->time; at--)
        s->slowest[at] = s->slowest[at - 1];
    s->slowest[at] = (struct slow_test){test_id(sum, target, test), test->time};
}

/* A test whose call failed has a test case for that, and a second one when its teardown failed as well. */
static bool call_counted(struct sum *sum, const char *target, const struct junit_case *test) {
    const struct summary *s = sum->summary;
    if (test->call == test->outcome)
        return true;
    if (!s->problems.len)
        return false;
    const struct problem *last = &s->problems.items[s->problems.len - 1];
    return !last->error && str_eq(last->target, target) && str_eq(last->id, test_id(sum, target, test));
}

void sum_test(struct sum *sum, const char *target, const struct junit_case *test) {
    struct summary *s = sum->summary;
    unsigned long *const counts[] = {[JUNIT_PASSED] = &s->passed,
                                     [JUNIT_FAILED] = &s->failed,
                                     [JUNIT_ERROR] = &s->errors,
                                     [JUNIT_SKIPPED] = &s->skipped,
                                     [JUNIT_XFAILED] = &s->xfailed};
    s->tests++;
    ++*counts[test->outcome];
    if (!call_counted(sum, target, test))
        ++*counts[test->call];
    if (test->outcome == JUNIT_FAILED || test->outcome == JUNIT_ERROR)
        add_problem(sum, target, test);
    if (test->flaky && test->outcome != JUNIT_FAILED && test->outcome != JUNIT_ERROR) {
        s->flaky++;
        array_push(sum->arena, &s->flaky_ids, test_id(sum, target, test));
    }
    if (test->time > 0)
        add_slow(sum, target, test);
}

void sum_time(struct sum *sum, const char *target, double seconds) {
    struct summary *s = sum->summary;
    s->time += seconds;
    if (!target)
        return;
    if (s->targets.len && str_eq(s->targets.items[s->targets.len - 1].target, target))
        s->targets.items[s->targets.len - 1].seconds += seconds;
    else
        array_push(sum->arena, &s->targets, (struct target_time){target, seconds});
}
