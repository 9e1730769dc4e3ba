#include "unit.h"

#include "base/hash.h"
#include "base/map.h"
#include "base/os.h"
#include "base/out.h"
#include "base/str.h"
#include "run/history.h"

#include <sys/stat.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_fnmatch(void **state) {
    (void)state;
    assert_true(str_fnmatch("test_*.py", "test_a.py"));
    assert_false(str_fnmatch("test_*.py", "a_test.py"));
    assert_true(str_fnmatch("*_test.py", "x/a_test.py"));
    assert_true(str_fnmatch("a?c", "abc"));
    assert_true(str_fnmatch("[a-c]x", "bx"));
    assert_false(str_fnmatch("[!a-c]x", "bx"));
    assert_true(str_fnmatch("[]]", "]"));
    assert_true(str_fnmatch("[", "["));
    assert_true(str_fnmatch("*a*b*c", "xxaxxbxxc"));
    assert_false(str_fnmatch("*a*b*c", "xxaxxbxx"));
    assert_true(str_fnmatch("", ""));
    assert_false(str_fnmatch("?", ""));
}

/* Many stars against a text that almost matches: an exponential matcher would not come back. */
static void test_fnmatch_is_not_exponential(void **state) {
    (void)state;
    char text[2001];
    memset(text, 'a', 2000);
    text[2000] = 0;
    assert_false(str_fnmatch("*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

static void check_split(const char *line, const char *expected) {
    struct arena a = {0};
    struct strs words = {0};
    assert_true(shell_split(&a, line, &words));
    struct buf joined = {0};
    buf_str(&joined, "");
    for (uint32_t i = 0; i < words.len; i++)
        buf_fmt(&joined, "<%s>", words.items[i]);
    assert_string_equal(joined.s, expected);
    buf_free(&joined);
    arena_free(&a);
}

static void test_shell_split(void **state) {
    (void)state;
    check_split("", "");
    check_split("-k 'a and b' --x=\"y z\"", "<-k><a and b><--x=y z>");
    check_split("a\\ b '' \"\\\"q\\\"\" 'it'\\''s'", "<a b><><\"q\"><it's>");
    check_split("a\n\tb", "<a><b>");
    struct arena a = {0};
    struct strs words = {0};
    assert_false(shell_split(&a, "'open", &words));
    arena_free(&a);
}

static void test_shell_escape_is_undone_by_split(void **state) {
    (void)state;
    srand(7);
    static const char letters[] = "ab '\"\\$`!#&|;<>*?[]{}()~=%\t\x80\xff";
    for (int round = 0; round < 5000; round++) {
        char word[17] = {0};
        for (int i = 0, n = rand() % 16; i < n; i++)
            word[i] = letters[rand() % (int)(sizeof letters - 1)];
        struct buf b = {0};
        escape_shell(&b, word);
        struct arena a = {0};
        struct strs words = {0};
        assert_true(shell_split(&a, b.s, &words));
        assert_int_equal(words.len, 1);
        assert_string_equal(words.items[0], word);
        arena_free(&a);
        buf_free(&b);
    }
}

static void test_nearest(void **state) {
    (void)state;
    const char *names[] = {"select", "merge", "deps", "rdeps"};
    struct strs list = {names, 4, 4};
    assert_string_equal(str_nearest("selct", &list), "select");
    assert_string_equal(str_nearest("merg", &list), "merge");
    assert_null(str_nearest("zebra", &list));
    assert_null(str_nearest("x", &list));
}

static void test_normalize(void **state) {
    (void)state;
    struct arena a = {0};
    const char *const pairs[][2] = {{"a/./b//c", "a/b/c"}, {"a/../b", "b"}, {"../a", "../a"},
                                    {"a/..", "."},         {"", "."},       {"/a/../..", "/"},
                                    {"/a//b/", "/a/b"},    {"a/b/..", "a"}, {"../../x/..", "../.."}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_string_equal(os_normalize(&a, pairs[i][0]), pairs[i][1]);
    arena_free(&a);
}

static void test_map_grows_and_keeps(void **state) {
    (void)state;
    struct arena a = {0};
    struct intern in = intern_new(&a);
    char name[32];
    for (uint32_t i = 0; i < 20000; i++) {
        int n = snprintf(name, sizeof name, "module.%u", i);
        assert_int_equal(intern_add(&in, name, (size_t)n), i);
    }
    assert_int_equal(intern_find(&in, "module.777", 10), 777);
    assert_int_equal(intern_add(&in, "module.777", 10), 777);
    assert_int_equal(intern_find(&in, "module.x", 8), MAP_NONE);
    assert_string_equal(intern_str(&in, 19999), "module.19999");
    arena_free(&a);
}

static void test_digest_of_a_set_has_no_order(void **state) {
    (void)state;
    struct digest ab = {0}, ba = {0}, ac = {0};
    digest_add(&ab, digest_bytes("a", 1));
    digest_add(&ab, digest_bytes("b", 1));
    digest_add(&ba, digest_bytes("b", 1));
    digest_add(&ba, digest_bytes("a", 1));
    digest_add(&ac, digest_bytes("a", 1));
    digest_add(&ac, digest_bytes("c", 1));
    assert_true(digest_eq(ab, ba));
    assert_false(digest_eq(ab, ac));
}

static void test_out_writes_only_what_changed(void **state) {
    (void)state;
    char dir[] = "/tmp/testfan-out-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/sub/file", dir);
    bool changed = false;
    assert_true(out_write(path, "one", 3, &changed));
    assert_true(changed);
    struct os_stat before, after;
    assert_true(os_stat(path, &before));
    assert_true(out_write(path, "one", 3, &changed));
    assert_false(changed);
    assert_true(os_stat(path, &after));
    assert_int_equal(before.ino, after.ino);
    assert_true(out_write(path, "two", 3, &changed));
    assert_true(changed);
    assert_true(os_remove_tree(dir));
    assert_false(os_is_dir(dir));
}

static void test_out_fills_a_file_anew(void **state) {
    (void)state;
    char dir[] = "/tmp/testfan-out-XXXXXX", spare[64], path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(spare, sizeof spare, "%s/spare", dir);
    snprintf(path, sizeof path, "%s/file", dir);
    for (int i = 0; i < 2; i++) { /* the second time there is nothing to be filled */
        struct os_stat before = {0}, after;
        if (!i)
            assert_true(out_write(spare, "a longer text", 13, NULL) && os_stat(spare, &before));
        assert_true(out_reuse(spare, path, "text", 4));
        assert_true(os_stat(path, &after) && after.size == 4 && (i || after.ino == before.ino));
        assert_false(os_is_file(spare));
    }
    os_remove_tree(dir);
}

static void test_history_is_told_by_names_alone(void **state) {
    (void)state;
    char dir[] = "/tmp/testfan-out-XXXXXX", xml[64], file[64];
    assert_non_null(mkdtemp(dir));
    snprintf(xml, sizeof xml, "%s/a.xml", dir);
    snprintf(file, sizeof file, "%s/file", dir);
    assert_true(history_is_new(dir, "a") && !history_is_failed(dir, "a"));
    history_begin(xml, file); /* which is not there */
    assert_true(history_is_new(dir, "a") && history_is_failed(dir, "a"));
    assert_true(out_write(file, "x", 1, NULL));
    for (int i = 0; i < 3; i++) {
        history_passed(xml);
        assert_false(history_is_new(dir, "a") || history_is_failed(dir, "a"));
        history_begin(xml, file); /* the same again */
        assert_true(!history_is_new(dir, "a") && history_is_failed(dir, "a"));
    }
    os_remove_tree(dir);
}

/* A file-size limit stands for the full disk: the old file stays whole and nothing is left beside it. */
static void test_out_keeps_the_old_file_when_the_disk_is_full(void **state) {
    (void)state;
    char dir[] = "/tmp/testfan-out-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/file", dir);
    out_set_tmp(dir);
    assert_true(out_write(path, "old", 3, NULL));
    struct rlimit old, small = {10, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    bool ok = out_write(path, "much longer than ten bytes", 26, NULL);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    assert_false(ok);
    size_t n = 0;
    char *text = os_read(NULL, path, &n);
    assert_string_equal(text, "old");
    free(text);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
    out_set_tmp("");
}

static void test_out_clears_what_the_dead_left(void **state) {
    (void)state;
    static const struct {
        const char *before, *after; /* the number of the process stands between */
        bool stays;
    } names[] = {{"report.xml.", ".0", false}, {"company.", ".3.xml", false}, {"a.1.b.", ".12/x.xml", false},
                 {"session/f", ".0", true},    {"report.", "", true},         {"", "", true}};
    enum { NAMES = sizeof names / sizeof *names };
    char dir[] = "/tmp/testfan-out-XXXXXX", paths[NAMES][128], mine[PATH_MAX];
    assert_non_null(mkdtemp(dir));
    out_set_tmp(dir);
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    waitpid(dead, NULL, 0);
    for (size_t i = 0; i < NAMES; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s%ld%s", dir, names[i].before, (long)dead, names[i].after);
        assert_true(out_write(paths[i], "x", 1, NULL));
    }
    out_tmp_name(mine, sizeof mine, "report.xml");
    assert_true(out_write(mine, "x", 1, NULL));
    char older[128];
    snprintf(older, sizeof older, "%s/older.xml.%ld.7", dir, (long)getpid());
    assert_true(out_write(older, "x", 1, NULL));
    const struct timespec past[2] = {{1000, 0}, {1000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, older, past, 0), 0);
    pid_t unreaped = fork();
    if (unreaped == 0)
        _exit(0);
    siginfo_t end;
    assert_int_equal(waitid(P_PID, (id_t)unreaped, &end, WEXITED | WNOWAIT), 0);
    char left[128];
    snprintf(left, sizeof left, "%s/left.xml.%ld.0", dir, (long)unreaped);
    assert_true(out_write(left, "x", 1, NULL));
    out_clear_tmp();
    waitpid(unreaped, NULL, 0);
    assert_false(os_is_file(left));  /* whoever is to wait for it takes its time */
    assert_false(os_is_file(older)); /* made by somebody who had our number before us */
    assert_true(os_is_file(mine));
    for (size_t i = 0; i < NAMES; i++)
        assert_int_equal(os_is_file(paths[i]), names[i].stays);
    os_remove_tree(dir);
    out_set_tmp("");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fnmatch),
        cmocka_unit_test(test_fnmatch_is_not_exponential),
        cmocka_unit_test(test_shell_split),
        cmocka_unit_test(test_shell_escape_is_undone_by_split),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_normalize),
        cmocka_unit_test(test_map_grows_and_keeps),
        cmocka_unit_test(test_digest_of_a_set_has_no_order),
        cmocka_unit_test(test_out_writes_only_what_changed),
        cmocka_unit_test(test_out_fills_a_file_anew),
        cmocka_unit_test(test_history_is_told_by_names_alone),
        cmocka_unit_test(test_out_keeps_the_old_file_when_the_disk_is_full),
        cmocka_unit_test(test_out_clears_what_the_dead_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
