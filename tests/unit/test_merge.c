#include "unit.h"

#include "base/os.h"
#include "base/out.h"
#include "base/str.h"
#include "report/merge.h"
#include "report/times.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA "tests/unit/data/"

struct fixture {
    struct arena arena;
    char dir[64];
    char *out;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->dir, "/tmp/testfan-merge-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    f->out = os_join(&f->arena, f->dir, "sub/out.xml");
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    os_remove_tree(f->dir);
    arena_free(&f->arena);
    free(f);
    return 0;
}

static char *file(struct fixture *f, const char *name, const char *text) {
    char *path = os_join(&f->arena, f->dir, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    return path;
}

static char *merged(struct fixture *f) {
    char *text = os_read(&f->arena, f->out, NULL);
    assert_non_null(text);
    return text;
}

static void test_pytest_reports(void **state) {
    struct fixture *f = *state;
    const struct merge_input in[] = {{"test_tiny.py", DATA "tiny.xml", DATA "tiny.log", NULL},
                                     {"test_broken.py", DATA "broken.xml", NULL, NULL}};
    struct summary s;
    assert_true(merge_reports(&f->arena, in, 2, f->out, &s));
    assert_int_equal(s.tests, 9);
    assert_int_equal(s.passed, 3);
    assert_int_equal(s.failed, 2);
    assert_int_equal(s.errors, 2);
    assert_int_equal(s.skipped, 1);
    assert_int_equal(s.xfailed, 1);
    assert_int_equal(summary_exit(&s), 1);
    assert_int_equal(s.targets.len, 2);
    assert_string_equal(s.targets.items[0].target, "test_tiny.py");
    assert_true(s.targets.items[0].seconds == 0.125 && s.time == 0.25);

    const char *ids[] = {"test_tiny.py::test_fails", "test_tiny.py::test_torn", "test_tiny.py::test_torn",
                         "test_broken.py"};
    assert_int_equal(s.problems.len, 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(s.problems.items[i].id, ids[i]);
    assert_string_equal(s.problems.items[1].text, "E   assert 0");
    assert_int_equal(s.failed_ids.len, 2);
    assert_string_equal(s.failed_ids.items[1], "test_tiny.py::test_torn");

    const char *text = merged(f);
    assert_non_null(strstr(text,
                           "<testsuites name=\"pytest tests\" errors=\"2\" failures=\"2\" skipped=\"2\" "
                           "tests=\"9\" time=\"0.250\">\n"
                           "<testsuite name=\"pytest\" errors=\"1\" failures=\"2\" skipped=\"2\" tests=\"8\" "
                           "time=\"0.125\" timestamp=\"2026-01-02T03:04:05+00:00\" hostname=\"host\">"
                           "<properties><property name=\"testfan.target\" value=\"test_tiny.py\"/>"));
    assert_non_null(strstr(text, "value=\"v&lt;&amp;&quot;'&gt;\""));
}

/* The counts that pytest printed for the run that left these reports. */
static void test_counts_as_pytest(void **state) {
    struct fixture *f = *state;
    const char *reports[] = {DATA "pytest8_xunit2.xml", DATA "pytest9_xunit1.xml"};
    for (int i = 0; i < 2; i++) {
        const struct merge_input in = {"test_tiny.py", reports[i], NULL, NULL};
        struct summary s;
        assert_true(merge_reports(&f->arena, &in, 1, f->out, &s));
        assert_int_equal(s.failed, 3);
        assert_int_equal(s.passed, 7);
        assert_int_equal(s.skipped, 1);
        assert_int_equal(s.xfailed, 1);
        assert_int_equal(s.errors, 3);
        assert_int_equal(s.tests, 14);
        assert_non_null(strstr(merged(f), " errors=\"3\" failures=\"3\" skipped=\"2\" tests=\"14\""));
    }
}

/* A merged report merged again stays as it is, byte for byte. */
static void test_merging_again_changes_nothing(void **state) {
    struct fixture *f = *state;
    const struct merge_input in[] = {{"test_tiny.py", DATA "tiny.xml", NULL, NULL},
                                     {"test_broken.py", DATA "broken.xml", NULL, NULL}};
    struct summary s, again;
    assert_true(merge_reports(&f->arena, in, 2, f->out, &s));
    char *first = merged(f);
    const struct merge_input once = {NULL, f->out, NULL, NULL};
    assert_true(merge_reports(&f->arena, &once, 1, f->out, &again));
    assert_string_equal(merged(f), first);
    assert_int_equal(again.targets.len, 2);
    struct summary verdict;
    assert_true(merge_verdict(&f->arena, f->out, &verdict));
    assert_int_equal(verdict.tests, 9);
    assert_string_equal(verdict.problems.items[3].target, "test_broken.py");
}

static void test_unreadable_reports(void **state) {
    struct fixture *f = *state;
    const struct merge_input in[] = {
        {"a.py", file(f, "a.xml", "<testsuite tests='9' time='x'><testcase name='n' time='2'/><testcase>"),
         NULL, NULL},
        {"b.py", os_join(&f->arena, f->dir, "none.xml"), NULL, NULL}};
    struct summary s;
    assert_true(merge_reports(&f->arena, in, 2, f->out, &s));
    assert_int_equal(s.tests, 3);
    assert_int_equal(s.passed, 1);
    assert_int_equal(s.errors, 2);
    assert_true(s.time == 2);
    assert_string_equal(s.problems.items[0].id, "a.py");
    assert_non_null(strstr(s.problems.items[0].message, "a.xml:1: the file ends too early"));
    assert_non_null(strstr(s.problems.items[1].message, "none.xml: No such file or directory"));
    assert_true(str_starts(s.problems.items[1].message, "no readable report: "));
    const char *suite =
        strstr(merged(f), "<testsuite name=\"pytest\" errors=\"1\" failures=\"0\" skipped=\"0\" "
                          "tests=\"2\" time=\"2.000\">");
    assert_non_null(suite);
    assert_true(strstr(suite, "name=\"n\"") < strstr(suite, "name=\"a.py\""));
}

/* An empty report says nothing of a target; of no target in particular it is what an empty run leaves. */
static void test_report_without_a_suite(void **state) {
    struct fixture *f = *state;
    struct merge_input in = {"a.py", file(f, "a.xml", "<testsuites/>"), NULL, NULL};
    struct summary s;
    assert_true(merge_reports(&f->arena, &in, 1, f->out, &s));
    assert_int_equal(summary_exit(&s), 1);
    assert_true(str_ends(s.problems.items[0].message, "a.xml: it has no test suite"));
    in.target = NULL;
    assert_true(merge_reports(&f->arena, &in, 1, f->out, &s));
    assert_int_equal(summary_exit(&s), 5);
}

static void test_absurd_times(void **state) {
    struct fixture *f = *state;
    const struct merge_input in = {
        "a.py",
        file(f, "a.xml",
             "<testsuite time='1e308'><testcase time='0.5'/><testcase time='1e308'/></testsuite>"),
        NULL, NULL};
    struct summary s;
    assert_true(merge_reports(&f->arena, &in, 1, f->out, &s));
    assert_true(s.time == 0.5 && s.targets.items[0].seconds == 0.5);
}

static void test_exit_and_not_run(void **state) {
    struct fixture *f = *state;
    struct merge_input in = {"a.py", file(f, "a.xml", "<testsuites><testsuite/></testsuites>"), NULL, NULL};
    struct summary s;
    assert_true(merge_reports(&f->arena, &in, 1, NULL, &s));
    assert_int_equal(summary_exit(&s), 5);
    in.report = file(f, "b.xml",
                     "<testsuite><properties><property name='testfan.not-run' value='1'/></properties>"
                     "<testcase name='x'><skipped/></testcase></testsuite>");
    assert_true(merge_reports(&f->arena, &in, 1, NULL, &s));
    assert_int_equal(s.not_run, 1);
    assert_int_equal(summary_exit(&s), 1);
    assert_false(os_is_file(f->out));
}

/* The old report stays whole when the new one cannot be put in place. */
static void test_no_place_to_write(void **state) {
    struct fixture *f = *state;
    const struct merge_input in = {"test_broken.py", DATA "broken.xml", NULL, NULL};
    char *taken = os_join(&f->arena, f->dir, "folder");
    assert_int_equal(mkdir(taken, 0777), 0);
    struct summary s;
    assert_false(merge_reports(&f->arena, &in, 1, taken, &s));
    assert_int_equal(s.errors, 1);
    assert_true(os_is_dir(taken));
}

/* As on a full disk: the old report stays, and nothing lies beside it. */
static void test_no_room_to_write(void **state) {
    struct fixture *f = *state;
    struct buf xml = {0};
    buf_str(&xml, "<testsuite>");
    for (int i = 0; i < 2000; i++)
        buf_fmt(&xml, "<testcase name='n%d'/>", i);
    buf_str(&xml, "</testsuite>");
    const struct merge_input in = {"a.py", file(f, "a.xml", xml.s), NULL, NULL};
    const char *old = file(f, "old.xml", "old");
    buf_free(&xml);

    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (rlim_t room = 0; room < 48 * 1024; room += 8 * 1024) {
        small.rlim_cur = room;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        struct summary s;
        bool ok = merge_reports(&f->arena, &in, 1, old, &s);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_false(ok);
        assert_int_equal(s.tests, 2000);
        assert_string_equal(os_read(&f->arena, old, NULL), "old");
    }
    signal(SIGXFSZ, handler);
    struct strs names = {0};
    DIR *d = opendir(f->dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (*e->d_name != '.')
            array_push(&f->arena, &names, arena_strdup(&f->arena, e->d_name));
    closedir(d);
    assert_int_equal(names.len, 2);
}

/* A rename cannot leave the file system of the temporary folder. */
static void test_other_file_system(void **state) {
    struct fixture *f = *state;
    char dir[] = "/dev/shm/testfan-XXXXXX";
    struct os_stat here, there;
    if (!mkdtemp(dir))
        skip();
    if (os_stat(f->dir, &here) && os_stat(dir, &there) && here.dev == there.dev) {
        os_remove_tree(dir);
        skip();
    }
    const struct merge_input in = {"test_broken.py", DATA "broken.xml", NULL, NULL};
    const char *out = os_join(&f->arena, dir, "out.xml");
    struct summary s;
    out_set_tmp(f->dir);
    bool ok = merge_reports(&f->arena, &in, 1, out, &s);
    out_set_tmp("");
    bool is_there = os_is_file(out);
    os_remove_tree(dir);
    assert_true(ok && is_there);
}

static void test_ids_without_a_log(void **state) {
    struct fixture *f = *state;
    const char *path = file(f, "a.xml",
                            "<testsuite><testcase classname='tests.test_a.TestC.TestD' name='n[x]'><failure/>"
                            "</testcase><testcase classname='tests.test_ab' name='n'><failure/></testcase>"
                            "</testsuite>");
    const struct merge_input in = {"tests/test_a.py", path, NULL, NULL};
    struct summary s;
    assert_true(merge_reports(&f->arena, &in, 1, NULL, &s));
    assert_string_equal(s.problems.items[0].id, "tests/test_a.py::TestC::TestD::n[x]");
    assert_string_equal(s.problems.items[1].id, "tests.test_ab::n");

    const char *bare =
        file(f, "b.xml",
             "<testsuite><testcase name='tests.test_a'><error/></testcase>"
             "<testcase name='n'><error/></testcase><testcase><error/></testcase></testsuite>");
    const char *with[] = {"tests/test_a.py", "tests/test_a.py::n", "tests/test_a.py::"};
    const char *without[] = {"tests.test_a", "n", ""};
    for (int i = 0; i < 3; i++) {
        const struct merge_input of_target = {"tests/test_a.py", bare, NULL, NULL},
                                 of_none = {NULL, bare, NULL, NULL};
        assert_true(merge_reports(&f->arena, &of_target, 1, NULL, &s));
        assert_string_equal(s.problems.items[i].id, with[i]);
        assert_true(merge_reports(&f->arena, &of_none, 1, NULL, &s));
        assert_string_equal(s.problems.items[i].id, without[i]);
    }
}

static void test_slowest(void **state) {
    struct fixture *f = *state;
    struct buf xml = {0};
    buf_str(&xml, "<testsuite>");
    for (int i = 1; i < 307; i++)
        buf_fmt(&xml, "<testcase classname='c' name='n%d' time='%d'/>", i * 7 % 307, i * 7 % 307);
    buf_str(&xml, "</testsuite>");
    const struct merge_input in = {NULL, file(f, "a.xml", xml.s), NULL, NULL};
    buf_free(&xml);
    struct summary s;
    assert_true(merge_reports(&f->arena, &in, 1, NULL, &s));
    assert_int_equal(s.n_slowest, SLOW_TESTS);
    for (int i = 0; i < SLOW_TESTS; i++)
        assert_true(s.slowest[i].seconds == 306 - i);
    assert_string_equal(s.slowest[0].id, "c::n306");
}

static void update(struct fixture *f, const char *path, const char *target, double seconds) {
    struct summary s = {0};
    array_push(&f->arena, &s.targets, (struct target_time){target, seconds});
    assert_true(times_update(path, &s, NULL));
}

static void test_times(void **state) {
    struct fixture *f = *state;
    char *path = os_join(&f->arena, f->dir, "times.json");
    update(f, path, "b.py", 1);
    update(f, path, "a\".py", 0.01);
    const char *first = "{\"version\": 1, \"targets\": {\n  \"a\\\".py\": 0.010,\n  \"b.py\": 1.000\n}}\n";
    assert_string_equal(os_read(&f->arena, path, NULL), first);
    update(f, path, "b.py", 1.09);
    update(f, path, "a\".py", 0.05);
    assert_string_equal(os_read(&f->arena, path, NULL), first);
    update(f, path, "b.py", 1.2);
    update(f, path, "b.py", 0);
    struct times times;
    times_read(&f->arena, path, &times);
    assert_true(times_find(&times, "b.py") == 1.2 && times_find(&times, "c.py") == -1);
    struct strs all = {0};
    array_push(&f->arena, &all, "b.py");
    assert_true(times_update(path, &(struct summary){0}, &all));
    times_read(&f->arena, path, &times);
    assert_int_equal(times.files.len, 1);
    times_read(&f->arena, file(f, "bad.json", "{\"version\": 1, \"targets\": {\"a\": -1, \"b\": \"x\"}"),
               &times);
    assert_int_equal(times.files.len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pytest_reports, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_counts_as_pytest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_merging_again_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unreadable_reports, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_report_without_a_suite, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_absurd_times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_room_to_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_file_system, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_exit_and_not_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_place_to_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ids_without_a_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slowest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_times, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
