#include "unit.h"

#include "source/facts.h"
#include "source/outline.h"
#include "source/slice.h"

#include <stdlib.h>
#include <string.h>

/* What is cut from the source; NULL where the scanner is not sure. */
static void check(const char *source, const char *wanted) {
    struct outline o = {0};
    bool sure = outline_cut(&o, source, strlen(source));
    assert_int_equal(sure, wanted != NULL);
    if (wanted) {
        buf_char(&o.text, 0);
        assert_string_equal(o.text.s, wanted);
    }
    outline_free(&o);
}

static void test_statements_without_facts_go(void **state) {
    (void)state;
    check("'''doc'''\nx = 1\nprint(x)\nimport a  # why\ny = {\n}\n", "import a\n");
    check("x = __all__ = 1\nx.__all__ = 2\n__all__x = 3\n", "x = __all__ = 1\n");
}

static void check_first_code(const char *source, uint32_t wanted) {
    struct outline o = {0};
    assert_true(outline_cut(&o, source, strlen(source)));
    assert_int_equal(outline_first_code(&o, source), wanted);
    outline_free(&o);
}

static void test_first_code(void **state) {
    (void)state;
    check_first_code("", FACT_NONE);
    check_first_code("'''doc'''\n\nimport a\nfrom b import (\n    c,\n)\nX = 1\ny: int = 2\n", FACT_NONE);
    check_first_code("def f():\n    g()\n\n@d\nclass A:\n    x = 1\n    def f(self):\n        g()\n",
                     FACT_NONE);
    check_first_code("import a\nx = f()\n", 2);
    check_first_code("import os\n\nos.environ['A'] = '1'\n", 3);
    check_first_code("import a; f()\n", 1);
    check_first_code("class A:\n    x = f()\n", 2);
    check_first_code("try:\n    import a\nexcept ImportError:\n    a = None\n", 1);
    check_first_code("f()\n", 1);
    check_first_code("x, y = 1, 2\n", 1);
}

static void test_functions_without_facts_are_names(void **state) {
    (void)state;
    check("def f(a, b=(1, 2)):\n    x\n  \nasync def g(): pass\n", "f\ng\n");
    check("class A:\n    def f(self):\n        x\n", "class A:\n    f\n");
    check("@d\ndef f(a):\n    x\n", "@d\ndef f():...\n");
    check("def print(): x\n", "def print():...\n");
    check("def f(a):\n    if x:\n        y\n    import z\n    def g(): pass\n", "def f():\n    import z\n");
    check("def f(a=patch('b.c')):\n    x\n", "def f(a=patch('b.c')):...\n");
}

static void test_branches_without_facts_go(void **state) {
    (void)state;
    check("if x:\n    y\nelif z:\n    y\nelse:\n    y\nwith x: y\n", "");
    check("if x:\n    y\nelif z:  # why\n    import a\nelse:\n    y\n",
          "if x:...\nelif z:\n    import a\nelse:...\n");
    check("try:\n    import a\nexcept E: pass\n", "try:\n    import a\nexcept E: pass\n");
    check("match x:\n    case 1: y\n    case 2:\n        import a\n",
          "match x:\n    case 2:\n        import a\n");
}

static void test_calls_in_replacement_fields_count(void **state) {
    (void)state;
    check("x = f\"{import_module('a')}\"\n", "x = f\"{import_module('a')}\"\n");
    check("x = '{import_module(\"a\")}'\n", "");
    check("x = (import_module  # why\n  ('a'))\n", "x = (import_module  # why\n  ('a'))\n");
}

static void test_new_syntax_is_put_in_terms_the_grammar_knows(void **state) {
    (void)state;
    check("class A[T = int, *U = *V](B[T]): pass\n", "class A(B[T]): pass\n");
    check("try:\n    import a\nexcept* A, b.C:\n    x\n", "try:\n    import a\nexcept (A, b.C):...\n");
}

static void test_doubts(void **state) {
    (void)state;
    check("x = (\n", NULL);
    check("x = 'a\n", NULL);
    check("x = )\n", NULL);
    check("if x:\n\ta\n        b\n", NULL);
    check("if x:\n", NULL);
    check("x = \\ 1\n", NULL);
    check("  x\n", NULL);
    check("x = $\n", NULL);
}

/* The scanner looks at each byte a bounded number of times: quadratic work would take hours. */
static void test_long_lines(void **state) {
    (void)state;
    enum { N = 3000000 };
    static const char *const parts[] = {"1, ",  "'a' ", "f'{x}' ", "x.y ", "[(",
                                        "\\\n", ":",    "=",       "# ",   "patch "};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct buf b = {0};
        struct outline o = {0};
        buf_str(&b, "x ");
        for (int j = 0; j < N; j++)
            buf_str(&b, parts[i]);
        outline_cut(&o, b.s, b.len);
        buf_free(&b);
        outline_free(&o);
    }
}

static void test_slices(void **state) {
    (void)state;
    enum { N = 100000 };
    struct buf b = {0};
    for (int i = 0; i < N; i++)
        buf_str(&b, i % 3 == 2 ? "else: b\n" : i % 3 ? "f(\nx)\n" : "if a: b\n");
    size_t slices = 0;
    for (size_t from = 0; from < b.len; slices++) {
        size_t to = slice_end(b.s, b.len, from, false);
        assert_true(to > from && to <= b.len);
        assert_true(to == b.len || b.s[to - 1] == '\n');
        assert_true(to == b.len || b.s[to] == 'i' || b.s[to] == 'f');
        from = to;
    }
    assert_in_range(slices, 5, 50);
    buf_reset(&b);
    for (int i = 0; i < N; i++)
        buf_char(&b, '(');
    assert_true(slice_end(b.s, b.len, 0, false) < 65536);
    assert_int_equal(slice_end(b.s, b.len, 0, true), N);
    assert_int_equal(slice_end("a\nb\n", 4, 0, false), 4);
    buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements_without_facts_go),
        cmocka_unit_test(test_first_code),
        cmocka_unit_test(test_functions_without_facts_are_names),
        cmocka_unit_test(test_branches_without_facts_go),
        cmocka_unit_test(test_calls_in_replacement_fields_count),
        cmocka_unit_test(test_new_syntax_is_put_in_terms_the_grammar_knows),
        cmocka_unit_test(test_doubts),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
