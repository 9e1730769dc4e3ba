#include "unit.h"

#include "run/limits.h"
#include "run/log.h"

static struct run_log took(struct arena *a, double first, double second) {
    struct run_log log = {0};
    array_push(a, &log.tests, (struct logged_test){"a", "passed", first});
    array_push(a, &log.tests, (struct logged_test){"b", "failed", second});
    return log;
}

static void test_from_history(void **state) {
    (void)state;
    struct arena a = {0};
    const struct run_log quick = took(&a, 0.1, 0.2), slow = took(&a, 100, 30), none = {0};
    assert_float_equal(limits_test(&quick), 60, 0);
    assert_float_equal(limits_file(&quick), 300, 0);
    assert_float_equal(limits_test(&slow), 300, 0);
    assert_float_equal(limits_file(&slow), 390, 0);
    assert_float_equal(limits_test(&none), 600, 0);
    assert_float_equal(limits_file(&none), 3600, 0);
    arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_from_history)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
