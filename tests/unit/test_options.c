#include "source/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static struct arena arena;

static int teardown(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

/* `line` is split as a shell would. */
static struct options parse(const char *line) {
    struct strs args = {0};
    struct options o;
    assert_true(shell_split(&arena, line, &args));
    assert_true(options_parse(&arena, &args, "/", "arguments", &o));
    return o;
}

static bool rejects(const char *line) {
    struct strs args = {0};
    struct options o;
    assert_true(shell_split(&arena, line, &args));
    return !options_parse(&arena, &args, "/", "arguments", &o);
}

static const char *join(const struct strs *list) {
    struct buf b = {0};
    for (uint32_t i = 0; i < list->len; i++)
        buf_fmt(&b, "%s%s", i ? "|" : "", list->items[i]);
    const char *joined = arena_strndup(&arena, b.s ? b.s : "", b.len);
    buf_free(&b);
    return joined;
}

static void assert_kept(const char *line, const char *kept) {
    struct options o = parse(line);
    assert_string_equal(join(&o.kept), kept);
}

static void test_nothing(void **state) {
    (void)state;
    struct options o = parse("");
    assert_int_equal(o.kept.len, 0);
    assert_string_equal(o.import_mode, "prepend");
    assert_int_equal(o.whole.durations, -1);
    assert_int_equal(o.whole.maxfail, 0);
}

static void test_whole_run_options_are_taken_out(void **state) {
    (void)state;
    assert_kept("-n 4 -v", "-v");
    assert_kept("-n4 -nauto -n auto -n=2 -q", "-q");
    assert_kept("--numprocesses=4 --dist loadfile --tx popen --maxprocesses 2 --basetemp=bt -l", "-l");
    assert_kept("--lf --last-failed --ff --failed-first --nf --new-first --sw --stepwise --stepwise-skip",
                "");
    assert_kept("--cov --cov=src --cov-report term --no-cov-on-fail --no-cov --cov-branch -s", "-s");
    assert_kept("--cov src -s", "-s");
    assert_kept("--cov -s", "-s");
    assert_kept("--pdb --pdbcls=a:b --trace -f --looponfail --durations=5 --durations-min 2", "");
    assert_kept("--junitxml=a.xml --junit-xml b.xml --junit-prefix=p", "--junit-prefix=p");
    assert_kept("-x --exitfirst --maxfail=3 --maxfail 4", "");
}

static void test_whole_run_values(void **state) {
    (void)state;
    assert_int_equal(parse("-x").whole.maxfail, 1);
    assert_int_equal(parse("-x --maxfail=7").whole.maxfail, 7);
    assert_int_equal(parse("--maxfail 7 -vx").whole.maxfail, 1);
    assert_int_equal(parse("--durations=0").whole.durations, 0);
    assert_string_equal(parse("--junitxml=a.xml --junit-xml b.xml").whole.junitxml, "b.xml");
    assert_true(parse("--lf").whole.last_failed);
    assert_true(parse("--failed-first").whole.failed_first);
    struct options o = parse("-n 4 --cov=src --pdb");
    assert_string_equal(join(&o.whole.dropped), "-n|--cov|--pdb");
}

static void test_clusters(void **state) {
    (void)state;
    assert_kept("-xvs", "-vs");
    assert_kept("-vxs -q", "-vs|-q");
    assert_kept("-x", "");
    assert_kept("-vn4", "-v");
    assert_kept("-vn 4 -s", "-v|-s");
    assert_kept("-vxk expr", "-vk|expr");
    assert_kept("-vkexpr", "-vkexpr");
    assert_kept("-rA -ra", "-rA|-ra");
}

static void test_values(void **state) {
    (void)state;
    struct options o =
        parse("-k 'a and b' -mslow -p no:xdist -pfoo -o a=b --override-ini=c=d -W error --tb short");
    assert_string_equal(o.keyword, "a and b");
    assert_string_equal(o.markexpr, "slow");
    assert_string_equal(join(&o.plugins), "foo");
    assert_string_equal(join(&o.overrides), "a=b|c=d");
    assert_string_equal(join(&o.kept),
                        "-k|a and b|-mslow|-p|no:xdist|-pfoo|-o|a=b|--override-ini=c=d|-W|error|--tb|short");
    assert_string_equal(parse("-k=expr").keyword, "expr");
    assert_string_equal(parse("-k -1").keyword, "-1");
    assert_string_equal(parse("--import-mode=importlib").import_mode, "importlib");
    assert_true(parse("--doctest-modules").doctest_modules);
    o = parse("--ignore=a --ignore b --ignore-glob='*c' --deselect d::e --doctest-glob=*.rst");
    assert_string_equal(join(&o.ignore), "a|b");
    assert_string_equal(join(&o.ignore_glob), "*c");
    assert_string_equal(join(&o.deselect), "d::e");
    assert_string_equal(join(&o.doctest_glob), "*.rst");
}

static void test_the_plan_gives_its_own(void **state) {
    (void)state;
    struct options o = parse("-c a.ini --rootdir=b --confcutdir c -v");
    assert_string_equal(o.inifile, "a.ini");
    assert_string_equal(o.rootdir, "b");
    assert_string_equal(o.confcutdir, "c");
    assert_string_equal(join(&o.kept), "-v");
}

static void test_positional(void **state) {
    (void)state;
    struct options o = parse("tests -v tests/a.py::test_b -- -x --lf");
    assert_string_equal(join(&o.positional), "tests|tests/a.py::test_b|-x|--lf");
    assert_int_equal(o.whole.maxfail, 0);
}

/* What a plugin may declare: a word after it is its value, unless there is such a path below the base folder,
 * "/". */
static void test_unknown(void **state) {
    (void)state;
    struct options o = parse("--mine value --theirs=1 tmp --flag tmp --flag tmp::x --flag -v -Z word");
    assert_string_equal(join(&o.positional), "tmp|tmp|tmp::x");
    assert_string_equal(join(&o.kept),
                        "--mine|value|--theirs=1|tmp|--flag|tmp|--flag|tmp::x|--flag|-v|-Z|word");
    assert_kept("--maxfai 3", "--maxfai|3"); /* pytest allows no abbreviations */
}

static void test_incomplete(void **state) {
    (void)state;
    assert_true(rejects("--maxfail"));
    assert_true(rejects("--maxfail=x"));
    assert_true(rejects("--maxfail -v"));
    assert_true(rejects("--durations="));
    assert_true(rejects("-k"));
    assert_true(rejects("-vk"));
    assert_true(rejects("--exitfirst=1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),          cmocka_unit_test(test_whole_run_options_are_taken_out),
        cmocka_unit_test(test_whole_run_values), cmocka_unit_test(test_clusters),
        cmocka_unit_test(test_values),           cmocka_unit_test(test_the_plan_gives_its_own),
        cmocka_unit_test(test_positional),       cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_incomplete),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, teardown);
}
