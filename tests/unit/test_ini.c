#include "source/ini.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;

static int teardown(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static const char *value(const char *text, const char *name) {
    struct ini ini;
    uint32_t line;
    const char *error;
    assert_true(ini_parse_bytes(&arena, text, strlen(text), &ini, &line, &error));
    const struct ini_entry *e = ini_find(&ini, "s", name);
    return e ? e->value : NULL;
}

/* The line on which it is rejected, 0 when it is not. */
static uint32_t rejected(const char *text) {
    struct ini ini;
    uint32_t line;
    const char *error;
    return ini_parse_bytes(&arena, text, strlen(text), &ini, &line, &error) ? 0 : line;
}

static void test_values(void **state) {
    (void)state;
    assert_string_equal(value("[s]\na = 1\n", "a"), "1");
    assert_string_equal(value("[s]\na:1", "a"), "1");
    assert_string_equal(value("[s]\na = b : c = d", "a"), "b : c = d");
    assert_string_equal(value("[s]\na =", "a"), "");
    assert_null(value("[s]\na = 1\n", "b"));
    assert_null(value("[t]\na = 1\n", "a"));
}

static void test_comments(void **state) {
    (void)state;
    assert_string_equal(value("[s] # no\n# a = 2\n ; a = 3\na = 1 ; kept # kept\n", "a"), "1 ; kept # kept");
    assert_string_equal(value("[s]\na = ;\x01:\x01;", "a"), ";\x01:\x01;");
}

static void test_continuation(void **state) {
    (void)state;
    assert_string_equal(value("[s]\na =\n  1\n\n# c\n\t2 ; x\nb = 3", "a"), "1\n2 ; x");
    assert_string_equal(value("[s]\na = 0\n [t]\n b = 1", "a"), "0\n[t]\nb = 1");
}

static void test_long_lines(void **state) {
    (void)state;
    enum { N = 10000 };
    char *text = malloc(N + 64);
    size_t head = (size_t)sprintf(text, "[s]\na = ");
    memset(text + head, 'x', N);
    text[head + N] = 0;
    for (size_t i = 0; i < N; i += 7)
        text[head + i] = i % 2 ? ' ' : ';';
    text[head + N - 1] = 'x';
    assert_string_equal(value(text, "a"), text + head);
    free(text);
}

static void test_long_names(void **state) {
    (void)state;
    char name[300], text[1024];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    snprintf(text, sizeof text, "[%s]\na = 0\n[s]\n%s = 1\n  2\n%s2 = 3\n", name, name, name);
    assert_string_equal(value(text, name), "1\n2");
}

static void test_rejected(void **state) {
    (void)state;
    assert_int_equal(rejected("a = 1"), 1);
    assert_int_equal(rejected("[s]\n\nnonsense\n"), 3);
    assert_int_equal(rejected("[s]\na = 1\na = 2\n"), 3);
    assert_int_equal(rejected("[s]\n[t]\n[s]\n"), 3);
    assert_int_equal(rejected("[s]\n  a\n"), 2);
    assert_int_equal(rejected("[]\n"), 1);
    assert_int_equal(rejected("[s]\na = 1\n"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),       cmocka_unit_test(test_comments),
        cmocka_unit_test(test_continuation), cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_long_names),   cmocka_unit_test(test_rejected),
    };
    return cmocka_run_group_tests_name("ini", tests, NULL, teardown);
}
