#include "unit.h"

#include "graph/plan.h"
#include "report/times.h"
#include "run/progress.h"
#include "run/schedule.h"

#include <string.h>

#define SECOND INT64_C(1000000000)

struct fixture {
    struct arena arena;
    struct schedule schedule;
    struct progress p;
};

static void add(struct fixture *f, const char *name, double seconds, bool serial) {
    array_push(
        &f->arena, &f->schedule,
        (struct scheduled){.name = name, .index = f->schedule.len, .seconds = seconds, .serial = serial});
    f->schedule.known += seconds >= 0;
}

static void begin(struct fixture *f, long total) {
    progress_new(&f->p, &f->arena, &f->schedule);
    f->p.total = total;
}

static void assert_left(const struct fixture *f, int64_t now, double wanted) {
    assert_float_equal(progress_left(&f->p, now * SECOND), wanted, 1e-6);
}

static void assert_line(const struct fixture *f, int64_t now, size_t width, const char *wanted) {
    struct buf line = {0};
    buf_str(&line, "");
    progress_line(&f->p, now * SECOND, width, false, &line);
    assert_string_equal(line.s, wanted);
    buf_free(&line);
}

static void test_everything_runs(void **state) {
    (void)state;
    struct fixture f = {0};
    add(&f, "a", 10, false);
    add(&f, "b", 6, false);
    add(&f, "c", 4, false);
    add(&f, "d", 3, true);
    begin(&f, 4);
    progress_start(&f.p, "a", 1, 0);
    progress_start(&f.p, "b", 2, 0);
    assert_left(&f, 0, 10 + 3);
    assert_left(&f, 2, 8 + 3);
    progress_end(&f.p, 1, 6 * SECOND);
    progress_start(&f.p, "c", 3, 6 * SECOND);
    assert_left(&f, 6, 4 + 3);
    progress_end(&f.p, 0, 10 * SECOND);
    progress_end(&f.p, 0, 10 * SECOND);
    progress_start(&f.p, "d", 4, 10 * SECOND);
    assert_left(&f, 12, 1);
    assert_left(&f, 20, 0);
    arena_free(&f.arena);
}

static void test_one_long_target_holds_up_all(void **state) {
    (void)state;
    struct fixture f = {0};
    add(&f, "long", 100, false);
    add(&f, "short", 1, false);
    begin(&f, 2);
    progress_start(&f.p, "long", 1, 0);
    progress_start(&f.p, "short", 2, 0);
    assert_left(&f, 0, 100);
    arena_free(&f.arena);
}

/* ninja tells how many targets run, not which: of those behind the last that started, so many. */
static void test_only_some_run(void **state) {
    (void)state;
    struct fixture f = {0};
    add(&f, "a", 50, false);
    add(&f, "b", 8, false);
    add(&f, "c", 3, false);
    add(&f, "d", 1, false);
    begin(&f, 2);
    progress_start(&f.p, "b", 1, 0);
    assert_left(&f, 0, 8 + 2);
    arena_free(&f.arena);
}

static void test_a_slow_machine(void **state) {
    (void)state;
    struct fixture f = {0};
    add(&f, "a", 10, false);
    add(&f, "b", 4, false);
    begin(&f, 2);
    progress_start(&f.p, "a", 1, 0);
    progress_end(&f.p, 0, 20 * SECOND);
    progress_start(&f.p, "b", 2, 20 * SECOND);
    assert_left(&f, 20, 8);
    arena_free(&f.arena);
}

static void test_what_was_never_seen(void **state) {
    (void)state;
    struct fixture f = {0};
    add(&f, "new", -1, false);
    begin(&f, 1);
    progress_start(&f.p, "new", 1, 0);
    assert_left(&f, 0, -1);
    arena_free(&f.arena);
    f = (struct fixture){0};
    add(&f, "new", -1, false);
    add(&f, "a", 4, false);
    begin(&f, 2);
    progress_start(&f.p, "new", 1, 0);
    progress_start(&f.p, "unheard of", 2, 0);
    assert_left(&f, 0, (4 + 4 + 4) / 2.0);
    arena_free(&f.arena);
}

static void test_nothing_is_known_yet(void **state) {
    (void)state;
    struct fixture f = {0};
    add(&f, "tests/a.py", 4, false);
    begin(&f, 0);
    assert_line(&f, 0, 80, "");
    progress_start(&f.p, "tests/a.py", 1, 0);
    assert_left(&f, 0, -1);
    assert_line(&f, 0, 80, "running tests/a.py");
    arena_free(&f.arena);
}

static void test_line(void **state) {
    (void)state;
    struct fixture f = {0};
    add(&f, "tests/test_api.py", 100, false);
    add(&f, "tests/test_db.py (1 of 2)", 9000, false);
    add(&f, "tests/test_x.py", 1, false);
    begin(&f, 7);
    f.p.done = 3;
    f.p.n_started = 4;
    progress_start(&f.p, "tests/test_api.py", 1, 0);
    assert_line(&f, 9, 80, "[3/7] 2:31:32 left: tests/test_api.py");
    assert_line(&f, 60, 80, "[3/7] 2:30:41 left: tests/test_api.py (1:00)");
    progress_start(&f.p, "tests/test_db.py (1 of 2)", 2, 0);
    f.p.failed = 2;
    assert_line(&f, 0, 80, "[3/7] 2 failed, 2:30:00 left: tests/test_api.py, tests/test_db.py (1 of 2)");
    assert_line(&f, 0, 71, "[3/7] 2 failed, 2:30:00 left: test_api.py, test_db.py (1 of 2)");
    assert_line(&f, 0, 56, "[3/7] 2 failed, 2:30:00 left: test_api.py +1");
    assert_line(&f, 0, 38, "[3/7] 2 failed, 2:30:00 left: test_api");
    assert_line(&f, 0, 12, "[3/7] 2 fail");
    progress_start(&f.p, "tests/test_x.py", 3, 0);
    assert_line(&f, 0, 60, "[3/7] 2 failed, 2:30:00 left: test_api.py +2");
    while (f.p.running.len)
        progress_end(&f.p, 0, 0);
    assert_line(&f, 0, 80, "[3/7] 2 failed");
    f.p.done = 7;
    assert_line(&f, 0, 80, "[7/7] 2 failed: trying once more among the others");
    f.p.failed = 0;
    assert_line(&f, 0, 80, "[7/7] merging the reports");
    arena_free(&f.arena);
}

/* One process runs the files of a group one after the other. */
static void test_group(void **state) {
    (void)state;
    struct fixture f = {0};
    add(&f, "a", 4, false);
    add(&f, "g1", 3, false);
    add(&f, "g2", 2, false);
    begin(&f, 2);
    progress_start(&f.p, "a", 1, 0);
    progress_start(&f.p, "g1", 2, 0);
    progress_start(&f.p, "g2", 2, 3 * SECOND);
    assert_int_equal(f.p.running.len, 2);
    assert_int_equal(f.p.n_started, 2);
    assert_int_equal(f.p.most, 2);
    assert_line(&f, 3, 80, "[0/2] 2 s left: a, g2");
    arena_free(&f.arena);
}

static void test_names_that_are_odd(void **state) {
    (void)state;
    struct fixture f = {0};
    begin(&f, 0);
    progress_start(&f.p, "t/\xff\033[31m.py", 1, 0);
    assert_line(&f, 0, 80, "running t/#xFF#x1B[31m.py");
    progress_end(&f.p, 0, 0);
    progress_start(&f.p, "\xe6\xbc\xa2\xe5\xad\x97.py", 1, 0);
    assert_line(&f, 0, 15, "running \xe6\xbc\xa2\xe5\xad\x97.py");
    assert_line(&f, 0, 14, "running \xe6\xbc\xa2\xe5\xad\x97.p");
    assert_line(&f, 0, 11, "running \xe6\xbc\xa2");
    arena_free(&f.arena);
}

static void test_color(void **state) {
    (void)state;
    struct fixture f = {0};
    struct buf line = {0};
    begin(&f, 7);
    f.p.failed = 1;
    progress_line(&f.p, 0, 80, true, &line);
    assert_string_equal(line.s, "[0/7] \033[31m1 failed\033[0m");
    buf_free(&line);
    arena_free(&f.arena);
}

static void test_order(void **state) {
    (void)state;
    struct arena a = {0};
    struct plan plan = {0};
    struct times times = {0};
    array_push(&a, &plan.targets, (struct target){.file = "quick"});
    array_push(&a, &plan.targets, (struct target){.file = "alone", .serial = true});
    array_push(&a, &plan.targets, (struct target){.file = "slow", .shard = 1, .shards = 2});
    array_push(&a, &plan.targets, (struct target){.file = "slow", .shard = 2, .shards = 2});
    array_push(&a, &plan.targets, (struct target){.file = "new"});
    array_push(&a, &times.files, (struct file_time){.file = "alone", .seconds = 100});
    array_push(&a, &times.files, (struct file_time){.file = "quick", .seconds = 1});
    array_push(&a, &times.files, (struct file_time){.file = "slow", .seconds = 10});
    struct schedule s;
    schedule_make(&a, &plan, &times, &s);
    static const char *const names[] = {"new", "slow (1 of 2)", "slow (2 of 2)", "quick", "alone"};
    assert_int_equal(s.len, 5);
    assert_int_equal(s.known, 4);
    for (uint32_t i = 0; i < s.len; i++)
        assert_string_equal(s.items[i].name, names[i]);
    assert_float_equal(s.items[1].seconds, 5, 1e-9);
    arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_runs),
        cmocka_unit_test(test_one_long_target_holds_up_all),
        cmocka_unit_test(test_only_some_run),
        cmocka_unit_test(test_a_slow_machine),
        cmocka_unit_test(test_what_was_never_seen),
        cmocka_unit_test(test_nothing_is_known_yet),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_names_that_are_odd),
        cmocka_unit_test(test_color),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
