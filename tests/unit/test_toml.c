#include "source/toml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static struct arena arena;

static int teardown(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static const struct toml *parse(const char *text) {
    uint32_t line;
    const char *error;
    const struct toml *root = toml_parse(&arena, text, strlen(text), &line, &error);
    assert_non_null(root);
    return root;
}

static const char *value(const char *text) {
    return toml_get(parse(text), "a")->text;
}

static uint32_t rejected(const char *text) {
    uint32_t line;
    const char *error;
    return toml_parse(&arena, text, strlen(text), &line, &error) ? 0 : line;
}

static void test_strings(void **state) {
    (void)state;
    assert_string_equal(value("a = \"x\\ty\\u00e9\\U0001F600\\\\\""), "x\ty\xc3\xa9\xf0\x9f\x98\x80\\");
    assert_string_equal(value("a = 'x\\ty'"), "x\\ty");
    assert_string_equal(value("a = \"\"\"\nx\ny \\\n\n   z\"\"\"\"\""), "x\ny z\"\"");
    assert_string_equal(value("a = \"\"\"x \\  \n y\"\"\""), "x y");
    assert_string_equal(value("a = '''\r\nx\r\ny'''"), "x\ny");
}

static void test_tables(void **state) {
    (void)state;
    const struct toml *root =
        parse("[tool.\"x y\"]\nb.c = 1\n[[tool.list]]\nd = 1\n[[tool.list]]\nd = 2\n[tool.list.e]\n"
              "f = {g.h = [1, 'two', {}]}\n");
    const struct toml *tool = toml_get(root, "tool"), *list = toml_get(tool, "list");
    assert_string_equal(toml_get(toml_get(toml_get(tool, "x y"), "b"), "c")->text, "1");
    assert_int_equal(list->items.len, 2);
    const struct toml *g = toml_get(toml_get(toml_get(list->items.items[1], "e"), "f"), "g");
    assert_int_equal(toml_get(g, "h")->items.len, 3);
    assert_int_equal(toml_get(g, "h")->line, 8);
    assert_null(toml_get(list, "d"));
    assert_null(toml_get(NULL, "d"));
}

static void test_type_names(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"a = 'x'", "str"},           {"a = 0x1f", "int"}, {"a = 1e5", "float"}, {"a = true", "bool"},
        {"a = 07:32:00", "datetime"}, {"a = []", "list"},  {"a = {}", "dict"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(toml_type_name(toml_get(parse(cases[i][0]), "a")), cases[i][1]);
}

static void test_rejected(void **state) {
    (void)state;
    assert_int_equal(rejected("a = 1\nb =\n"), 2);
    assert_int_equal(rejected("a = 1\na = 2\n"), 2);
    assert_int_equal(rejected("[a]\n\n[a]\n"), 3);
    assert_int_equal(rejected("a = {}\n[a.b]\n"), 2);
    assert_int_equal(rejected("a.b = 1\n[a]\nb = 2\n"), 2);
    assert_int_equal(rejected("a = \"\\x\"\n"), 1);
    assert_int_equal(rejected("\n# \x01\n"), 2);
    assert_int_equal(rejected("\n\na = 1979-02-29\n"), 3);
    assert_int_equal(rejected("\xef\xbb\xbf"), 1);
}

static void test_deep_nesting_is_rejected(void **state) {
    (void)state;
    enum { N = 50000 };
    char *text = arena_alloc(&arena, 2 * N + 8);
    strcpy(text, "a = ");
    memset(text + 4, '[', N);
    memset(text + 4 + N, ']', N);
    assert_int_equal(rejected(text), 1);
    text[4 + N] = 0;
    assert_int_equal(rejected(text), 1);
    for (size_t i = 0; i < N; i++)
        memcpy(text + 2 * i, "a.", 2);
    memcpy(text + 2 * N, "a=1", 4);
    assert_int_equal(rejected(text), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_type_names),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_deep_nesting_is_rejected),
    };
    return cmocka_run_group_tests_name("toml", tests, NULL, teardown);
}
