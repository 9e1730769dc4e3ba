#include "unit.h"

#include "base/str.h"
#include "report/merge.h"
#include "report/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct arena *a, struct summary *s, struct problem p) {
    array_push(a, &s->problems, p);
    if (p.error)
        s->errors++;
    else
        s->failed++;
    s->tests++;
}

/* The caller frees it. */
static char *show(const struct summary *s, const struct terminal_options *options) {
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    assert_non_null(f);
    terminal_summary(f, s, options);
    fclose(f);
    return text;
}

static void check(const struct summary *s, const struct terminal_options *options, const char *expected) {
    char *text = show(s, options);
    assert_string_equal(text, expected);
    free(text);
}

static void test_counts(void **state) {
    (void)state;
    struct terminal_options o = {.width = 60, .wall = 4.207};
    struct summary s = {.tests = 910, .passed = 907, .skipped = 3};
    check(&s, &o, "============== 907 passed, 3 skipped in 4.21s ==============\n");
    s = (struct summary){0};
    check(&s, &o, "================== no tests ran in 4.21s ===================\n");
}

static void test_counts_colored(void **state) {
    (void)state;
    const struct terminal_options o = {.width = 30, .wall = 0.5, .color = true};
    const struct summary passed = {.tests = 2, .passed = 1, .xfailed = 1};
    check(
        &passed, &o,
        "\033[32m= \033[0m\033[32m\033[1m1 passed\033[0m\033[32m, \033[0m\033[33m1 xfailed\033[0m\033[32m in "
        "0.50s =\033[0m\n");
    const struct summary skipped = {.tests = 1, .skipped = 1};
    check(&skipped, &o,
          "\033[33m===== \033[0m\033[33m\033[1m1 skipped\033[0m\033[33m in 0.50s =====\033[0m\n");
}

static void test_long_runs(void **state) {
    (void)state;
    const struct terminal_options o = {.width = 20, .wall = 3725.5};
    const struct summary s = {.tests = 1, .passed = 1};
    check(&s, &o, "= 1 passed in 3725.50s (1:02:05) =\n");
}

static void test_sections(void **state) {
    (void)state;
    struct arena a = {0};
    struct summary s = {0};
    add(&a, &s, (struct problem){"t.py", "t.py::test_f", false, "assert 1 == 2\nmore", "text\nE  assert"});
    add(&a, &s,
        (struct problem){"t.py", "t.py::test_e", true, "failed on setup with \"ValueError: x\"", "t"});
    add(&a, &s, (struct problem){"u.py", "u.py", true, "collection failure", "no module"});
    const struct terminal_options o = {.width = 40, .wall = 1, .targets = 3, .ran = 2, .passed = 1};
    check(&s, &o,
          "================ ERRORS ================\n"
          "____ ERROR at setup of t.py::test_e ____\n"
          "t\n"
          "________ ERROR collecting u.py _________\n"
          "no module\n"
          "=============== FAILURES ===============\n"
          "_____________ t.py::test_f _____________\n"
          "text\n"
          "E  assert\n"
          "======= short test summary info ========\n"
          "FAILED t.py::test_f - assert 1 == 2\n"
          "ERROR t.py::test_e - ValueError: x\n"
          "ERROR u.py\n"
          "2 of 3 test files ran, the others had passed already\n"
          "===== 1 failed, 2 errors in 1.00s ======\n");
    arena_free(&a);
}

static void test_messages_are_cut_to_the_width(void **state) {
    (void)state;
    struct arena a = {0};
    struct summary s = {0};
    add(&a, &s,
        (struct problem){NULL, "t::n", false, "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9",
                         ""});
    struct terminal_options o = {.width = 20};
    char *text = show(&s, &o);
    assert_non_null(strstr(text, "FAILED t::n - \xc3\xa9\xc3\xa9\xc3\xa9...\n"));
    free(text);
    o.width = 21;
    text = show(&s, &o);
    assert_non_null(strstr(text, "FAILED t::n - \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\n"));
    free(text);
    o.width = 17;
    text = show(&s, &o);
    assert_non_null(strstr(text, "FAILED t::n\n"));
    free(text);
    arena_free(&a);
}

/* Nothing that a test printed can command the terminal. */
static void test_control_characters(void **state) {
    (void)state;
    struct arena a = {0};
    struct summary s = {.n_slowest = 1, .slowest = {{"s\x1b[2J", 1}}};
    const char *bad = "\x1b]0;x\x07\x7f\r\x08\xc2\x9b\xff\xe2\x82|\t.";
    add(&a, &s, (struct problem){NULL, "i\x1b::d\n", false, bad, bad});
    const struct terminal_options o = {.width = 200, .durations = 5};
    char *text = show(&s, &o);
    for (const char *c = text; *c; c++)
        assert_true((unsigned char)*c >= 0x20 ? (unsigned char)*c < 0x7f : *c == '\n' || *c == '\t');
    assert_non_null(strstr(text, "#x1B]0;x#x07#x7F#x0D#x08#xC2#x9B#xFF#xE2#x82|\t."));
    assert_non_null(strstr(text, "FAILED i#x1B::d#x0A - #x1B"));
    assert_non_null(strstr(text, "1.00s s#x1B[2J\n"));
    free(text);
    arena_free(&a);
}

static void test_nothing_is_known(void **state) {
    (void)state;
    struct arena a = {0};
    struct summary s = {0};
    add(&a, &s, (struct problem){NULL, "", false, "", ""});
    const struct terminal_options o = {.width = 30};
    char *text = show(&s, &o);
    assert_non_null(strstr(text, "\nFAILED \n===== 1 failed in 0.00s ======"));
    free(text);
    arena_free(&a);
}

static unsigned occurrences(const char *text, const char *word) {
    unsigned n = 0;
    for (; (text = strstr(text, word)); text += strlen(word))
        n++;
    return n;
}

static void test_many_problems(void **state) {
    (void)state;
    struct arena a = {0};
    struct summary s = {0};
    for (int i = 0; i < PROBLEM_TEXTS + 10; i++)
        add(&a, &s, (struct problem){NULL, "t::n", false, "m", i < PROBLEM_TEXTS ? "the text" : ""});
    const struct terminal_options o = {.width = 80};
    char *text = show(&s, &o);
    assert_int_equal(occurrences(text, "the text\n"), PROBLEM_TEXTS);
    assert_int_equal(occurrences(text, "FAILED t::n - m\n"), PROBLEM_TEXTS + 10);
    assert_int_equal(occurrences(text, "\n10 more: their texts are in the report\n"), 1);
    free(text);
    arena_free(&a);
}

static void test_durations(void **state) {
    (void)state;
    const struct summary s = {
        .tests = 1, .passed = 1, .n_slowest = 3, .slowest = {{"a", 2}, {"b", 1}, {"c", 0.001}}};
    struct terminal_options o = {.width = 40, .durations = 5};
    check(&s, &o,
          "========= slowest 5 durations ==========\n2.00s a\n1.00s b\n\n(1 durations < 0.005s hidden.)\n"
          "========== 1 passed in 0.00s ===========\n");
    o.durations = 1;
    check(&s, &o,
          "========= slowest 1 durations ==========\n2.00s a\n========== 1 passed in 0.00s ===========\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_counts_colored),
        cmocka_unit_test(test_long_runs),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_messages_are_cut_to_the_width),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_nothing_is_known),
        cmocka_unit_test(test_many_problems),
        cmocka_unit_test(test_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
