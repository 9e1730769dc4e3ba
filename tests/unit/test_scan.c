#include "base/diag.h"
#include "source/config.h"
#include "source/scan.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <sys/stat.h>

static struct arena arena;
static const char *root;
static struct scan scan;

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

static void file(const char *path) {
    tree_write(&arena, root, path, "");
}

static bool scan_it(void) {
    struct config c;
    return config_load(&arena, root, 9, &c) && scan_tree(&arena, &c, &scan);
}

/* Paths and flags of what is found, as one text. */
static const char *found(void) {
    struct buf b = {0};
    assert_true(scan_it());
    buf_str(&b, "");
    ARRAY_FOR (struct source_file, f, &scan.files)
        buf_fmt(&b, "%s%s:%u", b.len ? " " : "", f->path, f->flags);
    const char *s = arena_strndup(&arena, b.s, b.len);
    buf_free(&b);
    return s;
}

static const char *dirs(void) {
    struct buf b = {0};
    for (uint32_t i = 0; i < scan.dirs.len; i++)
        buf_fmt(&b, "%s%s", i ? " " : "", scan.dirs.items[i]);
    const char *s = arena_strndup(&arena, b.s, b.len);
    buf_free(&b);
    return s;
}

static void test_flags_and_order(void **state) {
    (void)state;
    file("b.py");
    file("a/__init__.py");
    file("a/conftest.py");
    file("a/test_x.py");
    file("a.py");
    file("a-b/c.py");
    file("notes.md");
    assert_string_equal(found(), "a-b/c.py:0 a.py:0 a/__init__.py:4 a/conftest.py:2 a/test_x.py:1 b.py:0");
    assert_string_equal(dirs(), ". a a-b");
}

static void test_stat(void **state) {
    (void)state;
    struct os_stat st;
    tree_write(&arena, root, "a.py", "x = 1\n");
    assert_true(scan_it());
    assert_true(os_stat(os_join(&arena, root, "a.py"), &st));
    const struct os_stat *found_st = &scan.files.items[0].st;
    assert_int_equal(found_st->size, 6);
    assert_true(found_st->ino == st.ino && found_st->dev == st.dev && found_st->mode == st.mode);
    assert_true(found_st->mtime_ns == st.mtime_ns && found_st->ctime_ns == st.ctime_ns);
}

static void test_left_out(void **state) {
    (void)state;
    file("a.py");
    file(".git/hooks/x.py");
    file(".hidden/x.py");
    file(".testfan/x.py");
    file("__pycache__/x.py");
    file("node_modules/x.py");
    file("CVS/x.py");
    file("env/pyvenv.cfg");
    file("env/lib/x.py");
    file("conda/conda-meta/history");
    file("conda/x.py");
    tree_link(&arena, root, "bazel-out", "a");
    assert_string_equal(found(), "a.py:0");
    assert_string_equal(dirs(), ".");
}

static void test_bazel_links_only_at_the_root(void **state) {
    (void)state;
    file("a/x.py");
    file("bazel-real/x.py");
    file("b/c.py");
    tree_link(&arena, root, "bazel-a", "a");
    tree_link(&arena, root, "b/bazel-a", "../a");
    assert_string_equal(found(), "a/x.py:0 b/bazel-a/x.py:0 b/c.py:0 bazel-real/x.py:0");
}

static void test_source_roots_are_entered(void **state) {
    (void)state;
    tree_write(&arena, root, "pyproject.toml",
               "[tool.pytest.ini_options]\npythonpath = '.lib/py'\n[tool.testfan]\nsources = ['env/src']\n");
    file(".lib/py/x.py");
    file(".lib/y.py");
    file(".lib/py/.deep/z.py");
    file(".other/x.py");
    file("env/pyvenv.cfg");
    file("env/src/x.py");
    assert_string_equal(found(), ".lib/py/x.py:0 .lib/y.py:0 env/src/x.py:0");
}

static void test_what_pytest_collects_is_never_left_out(void **state) {
    (void)state;
    tree_write(&arena, root, "pytest.ini", "[pytest]\nnorecursedirs = nothing\n");
    file(".tox/test_x.py");
    file("node_modules/test_y.py");
    assert_string_equal(found(), ".tox/test_x.py:1 node_modules/test_y.py:1");
}

static void test_loops_are_cut(void **state) {
    (void)state;
    file("a/b/x.py");
    tree_link(&arena, root, "a/b/up", "..");
    tree_link(&arena, root, "a/b/top", root);
    tree_link(&arena, root, "a/self", ".");
    tree_link(&arena, root, "twin", "a");
    assert_string_equal(found(), "a/b/x.py:0 twin/b/x.py:0");
    assert_string_equal(dirs(), ". a a/b twin twin/b");
}

static void test_links(void **state) {
    (void)state;
    file("a/x.py");
    tree_link(&arena, root, "y.py", "a/x.py");
    tree_link(&arena, root, "broken.py", "nowhere");
    tree_link(&arena, root, "folder.py", "a");
    assert_string_equal(found(), "a/x.py:0 folder.py/x.py:0 y.py:0");
}

static void test_odd_names(void **state) {
    (void)state;
    file("a b/$x:#'\".py");
    file("\xff/\xc3\xa9.py");
    assert_string_equal(found(), "a b/$x:#'\".py:0 \xff/\xc3\xa9.py:0");
}

static void test_line_breaks_are_reported(void **state) {
    (void)state;
    file("a\nb.py");
    file("c\nd/x.py");
    file("e\nf.txt");
    file(".g\nh/x.py");
    file("ok.py");
    unsigned before = diag_errors();
    assert_string_equal(found(), "ok.py:0");
    assert_int_equal(diag_errors() - before, 2);
}

static void test_unreadable_folder(void **state) {
    (void)state;
    if (geteuid() == 0)
        skip();
    file("a/x.py");
    file("b.py");
    chmod(os_join(&arena, root, "a"), 0);
    unsigned before = diag_errors();
    assert_string_equal(found(), "b.py:0");
    assert_int_equal(diag_errors() - before, 1);
    chmod(os_join(&arena, root, "a"), 0700);
}

static unsigned open_files(void) {
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void test_descriptors_are_closed(void **state) {
    (void)state;
    file("a/b/c/x.py");
    file("env/pyvenv.cfg");
    tree_link(&arena, root, "a/loop", "..");
    unsigned before = open_files();
    assert_true(scan_it());
    assert_int_equal(open_files(), before);
}

static void test_outside_of_rootdir(void **state) {
    (void)state;
    tree_write(&arena, root, "pytest.ini", "[pytest]\ntestpaths = ..\n");
    assert_false(scan_it());
}

static void test_texts(void **state) {
    (void)state;
    file("test_a.txt");
    file("b/test.txt");
    file("b/other.txt");
    assert_string_equal(found(), "");
    assert_int_equal(scan.texts.len, 2);
    assert_string_equal(scan.texts.items[0].path, "b/test.txt");
    assert_string_equal(scan.texts.items[1].path, "test_a.txt");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_flags_and_order),
        TEST(test_stat),
        TEST(test_left_out),
        TEST(test_bazel_links_only_at_the_root),
        TEST(test_source_roots_are_entered),
        TEST(test_what_pytest_collects_is_never_left_out),
        TEST(test_loops_are_cut),
        TEST(test_links),
        TEST(test_odd_names),
        TEST(test_line_breaks_are_reported),
        TEST(test_unreadable_folder),
        TEST(test_descriptors_are_closed),
        TEST(test_outside_of_rootdir),
        TEST(test_texts),
    };
    return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
