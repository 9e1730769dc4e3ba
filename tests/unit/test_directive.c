#include "unit.h"

#include "base/str.h"
#include "source/directive.h"

static void test_value(void **state) {
    (void)state;
    assert_string_equal(directive_value("data=a b", "data"), "a b");
    assert_string_equal(directive_value("serial", "serial"), "");
    assert_string_equal(directive_value("resource=", "resource"), "");
    assert_null(directive_value("serially", "serial"));
    assert_null(directive_value("data=serial", "serial"));
    assert_null(directive_value("serial now", "serial"));
}

static void check(const char *text, const char *cure) {
    struct arena a = {0};
    const char *said = NULL;
    bool ok = directive_check(&a, text, &said);
    assert_int_equal(ok, !cure);
    if (cure)
        assert_string_equal(said, cure);
    arena_free(&a);
}

static void test_check(void **state) {
    (void)state;
    check("serial", NULL);
    check("data=fixtures/*.json /schema", NULL);
    check("resource=gpu-0.a_B", NULL);
    check("isolation=session", NULL);
    check("together=db", NULL);
    check("isolation=process", "write: # testfan: isolation=file|session|auto");
    check("isolation", "write: # testfan: isolation=file|session|auto");
    check("together=", "write: # testfan: together=NAME");
    check("serial=no", "write: # testfan: serial");
    check("resource", "write: # testfan: resource=NAME");
    check("resource=a/b", "write: # testfan: resource=NAME");
    check("data=", "write: # testfan: data=GLOB");
    check("resouce=gpu", "did you mean '# testfan: resource=NAME'?");
    check("serail, please", "did you mean '# testfan: serial'?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
