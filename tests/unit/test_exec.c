#include "unit.h"
#include "tree.h"
#include "run/capture.h"
#include "run/child.h"
#include "run/crash.h"
#include "run/log.h"

#include <libxml/parser.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static struct arena arena;

static int teardown(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct run_log log_of(const char *text) {
    struct run_log log;
    const char *dir = tree_make(&arena);
    tree_write(&arena, dir, "log", text);
    log_read(&arena, os_join(&arena, dir, "log"), &log);
    os_remove_tree(dir);
    return log;
}

static const char *report_of(const struct crash *crash, const struct run_log *log) {
    struct buf b = {0};
    crash_report(&b, crash, log);
    xmlDocPtr doc = xmlReadMemory(b.s, (int)b.len, NULL, NULL, XML_PARSE_NONET);
    assert_non_null(doc);
    xmlFreeDoc(doc);
    const char *text = arena_strndup(&arena, b.s, b.len);
    buf_free(&b);
    return text;
}

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("no '%s' in: %s", part, text);
}

static void test_log_tells_what_was_running(void **state) {
    (void)state;
    struct run_log log =
        log_of("{\"e\":\"start\",\"id\":\"a\"}\n{\"e\":\"end\",\"id\":\"a\",\"o\":\"failed\",\"t\":1.5}\n"
               "{\"e\":\"start\",\"id\":\"b\"}\n{\"e\":\"en");
    assert_int_equal(log.tests.len, 1);
    assert_string_equal(log.tests.items[0].outcome, "failed");
    assert_true(log.tests.items[0].seconds > 1.4 && log.tests.items[0].seconds < 1.6);
    assert_string_equal(log.running, "b");
    assert_false(log.finished);
}

static void test_log_of_a_finished_run(void **state) {
    (void)state;
    struct run_log log =
        log_of("{\"e\":\"start\",\"id\":\"a\"}\n{\"e\":\"end\",\"id\":\"a\",\"o\":\"passed\",\"t\":0}\n"
               "{\"e\":\"finish\",\"exit\":5,\"collected\":3,\"deselected\":2,\"skipped\":1,"
               "\"failed\":0,\"ignored\":true}\n");
    assert_true(log.finished && log.ignored && !log.running);
    assert_int_equal(log.exit, 5);
    assert_int_equal(log.collected, 3);
    assert_int_equal(log.deselected, 2);
    assert_int_equal(log.skipped, 1);
}

static void test_log_that_is_not_there(void **state) {
    (void)state;
    struct run_log log;
    log_read(&arena, "/nosuch/log", &log);
    assert_true(!log.finished && !log.running && !log.tests.len);
}

static const struct {
    const char *id, *names;
} addresses[] = {
    {"tests/test_a.py::test_x", "classname=\"tests.test_a\" name=\"test_x\""},
    {"test_a.py::TestA::TestB::test_x", "classname=\"test_a.TestA.TestB\" name=\"test_x\""},
    {"test_a.py::test_x[a/b::c.py]", "classname=\"test_a\" name=\"test_x[a/b::c.py]\""},
    {"a.b/test_a.py::test_x[\\x00<&\"]", "classname=\"a.b.test_a\" name=\"test_x[\\x00&lt;&amp;&quot;]\""},
    {"a.py::a.b.f", "classname=\"a\" name=\"a.b.f\""},
    {"doc/a.txt::a.txt", "classname=\"doc.a.txt\" name=\"a.txt\""},
    {"tests/test_a.py", "classname=\"\" name=\"tests.test_a\""},
};

static void test_names_are_those_that_pytest_gives(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct run_log log = {.running = addresses[i].id};
        const struct crash crash = {"test_a.py", "killed", "", 0};
        assert_has(report_of(&crash, &log), addresses[i].names);
    }
}

static void test_report_of_a_crash(void **state) {
    (void)state;
    struct run_log log = log_of("{\"e\":\"end\",\"id\":\"a.py::p\",\"o\":\"passed\",\"t\":0.25}\n"
                                "{\"e\":\"end\",\"id\":\"a.py::f\",\"o\":\"failed\",\"t\":0.25}\n"
                                "{\"e\":\"end\",\"id\":\"a.py::e\",\"o\":\"error\",\"t\":0}\n"
                                "{\"e\":\"end\",\"id\":\"a.py::s\",\"o\":\"skipped\",\"t\":0}\n"
                                "{\"e\":\"end\",\"id\":\"a.py::x\",\"o\":\"xfailed\",\"t\":0}\n"
                                "{\"e\":\"end\",\"id\":\"a.py::y\",\"o\":\"xpassed\",\"t\":0}\n");
    const struct crash crash = {"a.py", "killed by SIGSEGV", "", 0};
    const char *report = report_of(&crash, &log);
    assert_has(report, "errors=\"2\" failures=\"1\" skipped=\"2\" tests=\"7\" time=\"0.500\"");
    assert_has(report, "name=\"p\" time=\"0.250\"></testcase>");
    assert_has(report, "name=\"f\" time=\"0.250\"><failure ");
    assert_has(report, "name=\"e\" time=\"0.000\"><error ");
    assert_has(report, "name=\"s\" time=\"0.000\"><skipped/>");
    assert_has(report, "name=\"x\" time=\"0.000\"><skipped type=\"pytest.xfail\"/>");
    assert_has(report, "name=\"y\" time=\"0.000\"></testcase>");
    assert_has(report, "classname=\"\" name=\"a\" time=\"0.000\"><error message=\"killed by SIGSEGV\">");
    assert_true(crash_is_whole(report, strlen(report)));
}

static void test_output_is_made_fit_for_xml(void **state) {
    (void)state;
    static const char output[] =
        "a\0b\x1b[1m <&>\"]]> \xc3\xa4 \xc3 \xed\xa0\x80 \xef\xbf\xbf \xf0\x9f\x98\x80\r\n";
    struct run_log log = {0};
    const struct crash crash = {"a.py", "killed", output, sizeof output - 1};
    assert_has(report_of(&crash, &log),
               ">a#x00b#x1B[1m &lt;&amp;&gt;&quot;]]&gt; \xc3\xa4 #xC3 #xED#xA0#x80 #xEF#xBF#xBF "
               "\xf0\x9f\x98\x80&#13;&#10;</error>");
}

/* Every single byte, and every pair, gives XML that can be read. */
static void test_any_bytes_are_made_fit_for_xml(void **state) {
    (void)state;
    static char output[2 * 65536];
    for (unsigned i = 0; i < 65536; i++) {
        output[2 * i] = (char)(i >> 8);
        output[2 * i + 1] = (char)i;
    }
    struct run_log log = {0};
    const struct crash crash = {"a.py", "killed", output, sizeof output};
    assert_has(report_of(&crash, &log), "#x00#x00#x00#x01");
}

#define SUITE "<testsuites name=\"pytest tests\"><testsuite name=\"pytest\""

static void test_whole_reports(void **state) {
    (void)state;
    static const char *const whole[] = {SUITE "></testsuite></testsuites>",
                                        SUITE "></testsuite></testsuites>\n", SUITE "/></testsuites>"};
    static const char *const broken[] = {"", SUITE ">", SUITE "></testsuite>",
                                         SUITE "></testsuite></testsuites"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        assert_true(crash_is_whole(whole[i], strlen(whole[i])));
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_false(crash_is_whole(broken[i], strlen(broken[i])));
}

static void assert_appended(const char *report, const char *start) {
    struct run_log log = {0};
    struct buf b = {0};
    const struct crash crash = {"a.py", "killed", "out", 3};
    assert_true(crash_append(&b, &crash, &log, report, strlen(report)));
    assert_memory_equal(b.s, start, strlen(start));
    assert_string_equal(b.s + strlen(start),
                        "<testcase classname=\"\" name=\"a\" time=\"0.000\"><error message=\"killed\">out"
                        "</error></testcase></testsuite></testsuites>");
    buf_free(&b);
}

static void test_an_error_is_put_into_a_report(void **state) {
    (void)state;
    assert_appended(SUITE "><testcase/></testsuite></testsuites>", SUITE "><testcase/>");
    assert_appended(SUITE "/></testsuites>\n", SUITE ">");
    assert_appended(SUITE "><testcase name=\"b\"/><testcase time=\"0.1\" /></testsuite></testsuites>",
                    SUITE "><testcase name=\"b\"/>");
    struct run_log log = {0};
    struct buf b = {0};
    const struct crash crash = {"a.py", "killed", "", 0};
    assert_false(crash_append(&b, &crash, &log, SUITE, strlen(SUITE)));
    buf_free(&b);
}

static void test_much_output_keeps_its_ends(void **state) {
    (void)state;
    struct capture c = {0};
    struct buf out = {0};
    char line[32];
    size_t total = 0;
    for (int i = 0; i < 200000; i++) {
        int n = snprintf(line, sizeof line, "line %d\n", i);
        capture_add(&c, line, (size_t)n);
        total += (size_t)n;
    }
    capture_text(&c, &out);
    assert_true(c.total == total);
    assert_memory_equal(out.s, "line 0\nline 1\n", 14);
    assert_string_equal(out.s + out.len - 24, "line 199998\nline 199999\n");
    unsigned long long left_out = strtoull(strstr(out.s, "[... ") + 5, NULL, 10);
    assert_int_equal(out.len - strlen("\n[... ") - strlen(" bytes left out ...]\n") -
                         (size_t)snprintf(line, sizeof line, "%llu", left_out),
                     total - left_out);
    buf_free(&out);
    capture_free(&c);
}

static void test_little_output_is_kept_whole(void **state) {
    (void)state;
    struct capture c = {0};
    struct buf out = {0};
    size_t n = 300 * 1024; /* more than the first part, less than both */
    char *bytes = arena_alloc(&arena, n);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    capture_add(&c, bytes, 1000);
    capture_add(&c, bytes + 1000, n - 1000);
    capture_text(&c, &out);
    assert_int_equal(out.len, n);
    assert_memory_equal(out.s, bytes, n);
    buf_free(&out);
    capture_free(&c);
}

static struct child run_shell(const char *script, double timeout, struct buf *out) {
    struct child c;
    const char *const argv[] = {"/bin/sh", "-c", script, NULL}, *const env[] = {"A=b", NULL};
    assert_true(child_run(argv, env, timeout, &c));
    buf_str(out, "");
    capture_text(&c.output, out);
    capture_free(&c.output);
    return c;
}

static void test_child_status_output_and_environment(void **state) {
    (void)state;
    struct buf out = {0};
    struct child c = run_shell("echo $A; echo err >&2; read x || echo no input; exit 3", 0, &out);
    assert_true(WIFEXITED(c.status) && WEXITSTATUS(c.status) == 3);
    assert_string_equal(out.s, "b\nerr\nno input\n");
    assert_false(c.timed_out || c.interrupted);
    buf_free(&out);
}

static void test_child_killed_by_a_signal(void **state) {
    (void)state;
    struct buf out = {0};
    struct child c = run_shell("kill -SEGV $$", 0, &out);
    assert_true(WIFSIGNALED(c.status));
    assert_string_equal(crash_signal_name(WTERMSIG(c.status)), "SIGSEGV");
    buf_free(&out);
}

static void test_child_runs_out_of_time(void **state) {
    (void)state;
    static const char *const scripts[] = {"echo begun; exec sleep 60",
                                          "trap '' TERM; echo begun; while :; do sleep 1; done",
                                          "echo begun; exec cat /dev/zero"};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        struct buf out = {0};
        int64_t started = os_now();
        struct child c = run_shell(scripts[i], 1, &out);
        assert_true(c.timed_out && WIFSIGNALED(c.status));
        assert_true(os_now() - started < (int64_t)10e9);
        assert_memory_equal(out.s, "begun\n", 6);
        buf_free(&out);
    }
}

/* The scripts print the number of a process that would go on. */
static void test_child_leaves_nothing_behind(void **state) {
    (void)state;
    static const char *const scripts[] = {
        "sleep 60 & echo $!", "setsid sh -c 'echo $$; exec sleep 60' & sleep 0.2",
        "setsid sh -c 'setsid sh -c \"sleep 60 & echo \\$!\" & wait' & sleep 0.2; kill -9 $PPID"};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        struct buf out = {0};
        int64_t started = os_now();
        run_shell(scripts[i], 0, &out);
        assert_true(os_now() - started < (int64_t)10e9);
        pid_t left = (pid_t)strtol(out.s, NULL, 10);
        assert_true(left > 0);
        assert_int_equal(kill(left, 0), -1);
        buf_free(&out);
    }
}

static void test_child_whose_keeper_is_killed(void **state) {
    (void)state;
    struct buf out = {0};
    struct child c = run_shell("kill -9 $PPID; sleep 60", 0, &out);
    assert_true(WIFSIGNALED(c.status) && WTERMSIG(c.status) == SIGKILL && !c.timed_out);
    buf_free(&out);
}

static void test_child_that_is_stopped(void **state) {
    (void)state;
    struct buf out = {0};
    struct child c = run_shell("kill -STOP $$", 0, &out);
    assert_true(WIFSIGNALED(c.status) && !c.timed_out);
    assert_has(c.given_up, "stopped");
    buf_free(&out);
}

static void test_child_that_cannot_start(void **state) {
    (void)state;
    struct child c;
    const char *const argv[] = {"/nosuch/python", NULL}, *const env[] = {NULL};
    assert_true(child_run(argv, env, 0, &c));
    assert_true(WIFEXITED(c.status) && WEXITSTATUS(c.status) == 127);
    struct buf out = {0};
    capture_text(&c.output, &out);
    assert_has(out.s, "cannot start the interpreter");
    buf_free(&out);
    capture_free(&c.output);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_log_tells_what_was_running, teardown),
        cmocka_unit_test_teardown(test_log_of_a_finished_run, teardown),
        cmocka_unit_test_teardown(test_log_that_is_not_there, teardown),
        cmocka_unit_test_teardown(test_names_are_those_that_pytest_gives, teardown),
        cmocka_unit_test_teardown(test_report_of_a_crash, teardown),
        cmocka_unit_test_teardown(test_output_is_made_fit_for_xml, teardown),
        cmocka_unit_test_teardown(test_any_bytes_are_made_fit_for_xml, teardown),
        cmocka_unit_test_teardown(test_whole_reports, teardown),
        cmocka_unit_test_teardown(test_an_error_is_put_into_a_report, teardown),
        cmocka_unit_test_teardown(test_much_output_keeps_its_ends, teardown),
        cmocka_unit_test_teardown(test_little_output_is_kept_whole, teardown),
        cmocka_unit_test_teardown(test_child_status_output_and_environment, teardown),
        cmocka_unit_test_teardown(test_child_killed_by_a_signal, teardown),
        cmocka_unit_test_teardown(test_child_runs_out_of_time, teardown),
        cmocka_unit_test_teardown(test_child_leaves_nothing_behind, teardown),
        cmocka_unit_test_teardown(test_child_whose_keeper_is_killed, teardown),
        cmocka_unit_test_teardown(test_child_that_is_stopped, teardown),
        cmocka_unit_test_teardown(test_child_that_cannot_start, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
