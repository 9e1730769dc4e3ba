#include "base/diag.h"
#include "source/config.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct arena arena;
static const char *root;
static struct config config;

static int setup(void **state) {
    (void)state;
    root = tree_make(&arena);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    os_remove_tree(root);
    arena_free(&arena);
    return 0;
}

static void file(const char *path, const char *text) {
    tree_write(&arena, root, path, text);
}

static bool load(const char *dir, unsigned major) {
    return config_load(&arena, os_join(&arena, root, dir), major, &config);
}

static const char *join(const struct strs *list) {
    struct buf b = {0};
    for (uint32_t i = 0; i < list->len; i++)
        buf_fmt(&b, "%s%s", i ? "|" : "", list->items[i]);
    const char *joined = arena_strndup(&arena, b.s ? b.s : "", b.len);
    buf_free(&b);
    return joined;
}

/* The part of an absolute path below the test's folder. */
static const char *below(const char *path) {
    assert_true(str_starts(path, root));
    return path + strlen(root);
}

static void test_defaults(void **state) {
    (void)state;
    assert_true(load(".", 0));
    assert_string_equal(below(config.rootdir), "");
    assert_null(config.inipath);
    assert_int_equal(config.pytest_major, 9);
    assert_string_equal(join(&config.python_files), "test_*.py|*_test.py");
    assert_string_equal(join(&config.norecursedirs),
                        "*.egg|.*|_darcs|build|CVS|dist|node_modules|venv|{arch}");
    assert_string_equal(config.cache_dir, ".pytest_cache");
    assert_int_equal(config.inputs.len, 0);
}

static void test_versions(void **state) {
    (void)state;
    file("pytest.toml", "[pytest]\ntestpaths = ['a']\n");
    file(".pytest.ini", "");
    file("tox.ini", "[pytest]\ntestpaths = b\n");
    assert_true(load(".", 9));
    assert_string_equal(below(config.inipath), "/pytest.toml");
    assert_string_equal(join(&config.testpaths), "a");
    assert_true(load(".", 8));
    assert_string_equal(below(config.inipath), "/tox.ini");
    assert_string_equal(join(&config.testpaths), "b");
}

static void test_empty_pyproject(void **state) {
    (void)state;
    file("pyproject.toml", "");
    file("a/setup.py", "");
    assert_true(load("a", 8));
    assert_string_equal(below(config.rootdir), "");
    assert_string_equal(below(config.inipath), "/pyproject.toml");
    assert_true(load("a", 7));
    assert_string_equal(below(config.rootdir), "/a");
    assert_null(config.inipath);
}

static void test_inputs(void **state) {
    (void)state;
    file("a/tox.ini", "[tox]\n");
    file("a/pyproject.toml", "");
    file("pytest.ini", "[pytest]\n");
    file("setup.cfg", "");
    file("pyproject.toml", "");
    assert_true(load("a", 9));
    assert_int_equal(config.inputs.len, 5);
    assert_true(load("a", 8)); /* stops at the first that counts, but [tool.testfan] is looked for */
    assert_int_equal(config.inputs.len, 4);
    assert_false(strs_has(&config.inputs, os_join(&arena, root, "setup.cfg")));
}

static void test_through_a_link(void **state) {
    (void)state;
    file("a/pytest.ini", "");
    tree_link(&arena, root, "b", "a");
    assert_true(load("b", 9));
    assert_string_equal(below(config.rootdir), "/a");
}

static void test_addopts(void **state) {
    (void)state;
    file("pytest.ini", "[pytest]\naddopts = -n 4 -v --maxfail=2\n  -k 'a or b'\n");
    assert_true(load(".", 9));
    assert_string_equal(join(&config.addopts), "-n|4|-v|--maxfail=2|-k|a or b");
    assert_string_equal(join(&config.options.kept), "-v|-k|a or b");
    assert_int_equal(config.options.whole.maxfail, 2);
}

static void test_overrides_count_from_9_on(void **state) {
    (void)state;
    file("pytest.ini",
         "[pytest]\npython_files = a.py\naddopts = -o python_files=b.py -o python_files=c.py\n");
    assert_true(load(".", 9));
    assert_string_equal(join(&config.python_files), "c.py");
    assert_true(load(".", 8));
    assert_string_equal(join(&config.python_files), "a.py");
}

static void test_testfan_table(void **state) {
    (void)state;
    file("pytest.ini", "");
    file("pyproject.toml",
         "[tool.testfan]\npython = 'py'\nenv = ['A', 'B']\ndata = ['*.json']\nsources = ['lib']\n");
    assert_true(load(".", 9));
    assert_string_equal(config.testfan.python, "py");
    assert_string_equal(join(&config.testfan.env), "A|B");
    assert_string_equal(join(&config.testfan.data), "*.json");
    assert_string_equal(join(&config.testfan.sources), "lib");
}

static void test_testfan_mistakes(void **state) {
    (void)state;
    unsigned before = diag_errors();
    file("pyproject.toml", "[tool.testfan]\nenvs = ['A']\n");
    assert_true(load(".", 9)); /* a warning with a hint */
    assert_int_equal(diag_errors(), before);
    static const char *const wrong[] = {"env = 'A'", "env = [1]", "python = ['x']", "data = true",
                                        "sources = {}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        file("pyproject.toml", arena_printf(&arena, "[tool.testfan]\n%s\n", wrong[i]));
        assert_false(load(".", 9));
    }
    assert_int_equal(diag_errors() - before, 5);
}

static void test_broken_files(void **state) {
    (void)state;
    file("pytest.ini", "[pytest]\nnonsense\n");
    assert_false(load(".", 9));
    file("pytest.ini", "[pytest]\naddopts = 'a\n");
    assert_false(load(".", 9));
    file("pytest.ini", "\xff");
    assert_false(load(".", 9));
    file("pytest.ini", "");
    file("pyproject.toml", "[tool.pytest\n");
    assert_false(load(".", 9));
    file("pyproject.toml", "");
    file("setup.cfg", "[pytest]\n");
    assert_false(load(".", 9));
    assert_true(load(".", 8));
    assert_false(load("nowhere", 9));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),
        TEST(test_versions),
        TEST(test_empty_pyproject),
        TEST(test_inputs),
        TEST(test_through_a_link),
        TEST(test_addopts),
        TEST(test_overrides_count_from_9_on),
        TEST(test_testfan_table),
        TEST(test_testfan_mistakes),
        TEST(test_broken_files),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
