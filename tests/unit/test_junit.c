#include "unit.h"

#include "base/os.h"
#include "report/junit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Writes down what is told, one line each. */
static void on_suite(void *ctx, const struct junit_suite *s) {
    const char *name = junit_find(&s->attributes, "name"), *p = junit_find(&s->properties, "p");
    buf_fmt(ctx, "suite %s %s\n", name ? name : "-", p ? p : "-");
}

static void on_test(void *ctx, const struct junit_case *t) {
    static const char *const words[] = {"passed", "failed", "error", "skipped", "xfailed"};
    buf_fmt(ctx, "%s %s.%s %.2f [%s] [%s]\n", words[t->outcome], t->classname, t->name, t->time, t->message,
            t->text);
}

static void on_part(void *ctx, const char *xml, size_t n) {
    buf_str(ctx, "part ");
    buf_add(ctx, xml, n);
    buf_char(ctx, '\n');
}

static void on_xml(void *ctx, const struct junit_case *t) {
    buf_add(ctx, t->xml, t->xml_len);
}

static bool read_text(const char *xml, void (*test)(void *, const struct junit_case *), struct buf *told,
                      struct junit_error *error) {
    char path[] = "/tmp/testfan-junit-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, xml, strlen(xml)), (ssize_t)strlen(xml));
    close(fd);
    const struct junit_events events = {told, on_suite, test, on_part};
    buf_str(told, "");
    bool ok = junit_read(path, &events, error);
    unlink(path);
    return ok;
}

static void check(const char *xml, const char *expected, const char *expected_error) {
    struct buf told = {0};
    struct junit_error error;
    bool ok = read_text(xml, on_test, &told, &error);
    assert_string_equal(told.s, expected);
    assert_string_equal(error.message, expected_error);
    assert_int_equal(ok, !*expected_error);
    buf_free(&told);
}

static void test_outcomes(void **state) {
    (void)state;
    check("<testsuites><testsuite name='s'>"
          "<testcase classname='c' name='n' time='0.5'/>"
          "<testcase classname='c' name='f'><failure message='m'>te<![CDATA[x<]]>t</failure></testcase>"
          "<testcase classname='c' name='e'><error message='a &amp;&#10;b'/></testcase>"
          "<testcase classname='c' name='s'><skipped type='pytest.skip' message='m'>t</skipped></testcase>"
          "<testcase classname='c' name='x'><skipped type='pytest.xfail' message='m'/></testcase>"
          "<testcase classname='c' name='se'><skipped message='m'/><error message='e'>t</error></testcase>"
          "<testcase classname='c' name='fe'><failure message='f'>1</failure><error message='e'>2</error>"
          "</testcase></testsuite></testsuites>",
          "suite s -\n"
          "passed c.n 0.50 [] []\n"
          "failed c.f 0.00 [m] [tex<t]\n"
          "error c.e 0.00 [a &\nb] []\n"
          "skipped c.s 0.00 [m] [t]\n"
          "xfailed c.x 0.00 [m] []\n"
          "error c.se 0.00 [e] [t]\n"
          "failed c.fe 0.00 [f] [1]\n",
          "");
}

/* What lies deeper than a test case's own children says nothing about its outcome. */
static void test_only_children_make_the_outcome(void **state) {
    (void)state;
    check("<testsuite><testcase name='n'><properties><failure "
          "message='m'/></properties></testcase></testsuite>",
          "suite - -\npassed .n 0.00 [] []\n", "");
}

static void test_suites(void **state) {
    (void)state;
    check("<testsuite name='a'><properties><property name='p' value='1'/></properties><testcase name='x'/>"
          "<system-out>o&lt;</system-out><testsuite name='b'><testcase name='y'/></testsuite>"
          "<testcase name='z'/></testsuite>",
          "suite a 1\npassed .x 0.00 [] []\npart <system-out>o&lt;</system-out>\n"
          "suite b -\npassed .y 0.00 [] []\nsuite - -\npassed .z 0.00 [] []\n",
          "");
    check("<testsuites/>", "", "");
    check("<testsuites><testsuite name='a'/></testsuites>", "suite a -\n", "");
}

static void test_damage(void **state) {
    (void)state;
    const char *whole = "suite s -\npassed .a 0.00 [] []\n";
    check("<testsuite name='s'><testcase name='a'/><testcase name='b'><failure>x", whole,
          "the file ends too early");
    check("<testsuite name='s'><testcase name='a'/><testcase name='b'></x></testcase></testsuite>", whole,
          "the element 'testcase' is closed as 'x'");
    check("", "", "the file is empty");
    check("<html><testcase name='a'/></html>", "", "the root element is 'html', not 'testsuites'");
    check("<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite><testcase name='&a;'/></testsuite>", "",
          "a document type declaration has no place in a report");
    check("<?xml version='1.0' encoding='utf-7'?><testsuite name='s'><testcase name='a'/>"
          "<testcase name='\xc3\xb6se'/></testsuite>",
          whole, "not in the encoding that it declares");
    struct junit_error error;
    struct buf told = {0};
    assert_false(read_text("<testsuite>\n\n<testcase></testsuite>", on_test, &told, &error));
    assert_int_equal(error.line, 3);
    buf_free(&told);
}

static void test_missing_file(void **state) {
    (void)state;
    struct junit_error error;
    const struct junit_events none = {NULL, on_suite, on_test, on_part};
    assert_false(junit_read("/nonexistent/report.xml", &none, &error));
    assert_string_equal(error.message, "No such file or directory");
    assert_int_equal(error.line, 0);
}

/* Written again, a test case is read as the same. */
static void test_copy_is_faithful(void **state) {
    (void)state;
    const char *xml =
        "<testcase name=\"a&amp;&lt;&quot;&#10;&#9;&#13;\xc3\xa9\" odd=\"1\"><properties>"
        "<property name=\"k\" value=\"v\"/></properties>"
        "<failure message=\"\">]]&gt; &#13;\n\t &amp;amp; \xf0\x9f\x98\x80</failure></testcase>";
    struct buf in = {0}, told = {0};
    struct junit_error error;
    buf_fmt(&in, "<testsuite name=''>%s</testsuite>", xml);
    assert_true(read_text(in.s, on_xml, &told, &error));
    assert_string_equal(strchr(told.s, '<'), xml);
    buf_free(&in);
    buf_free(&told);
}

/* Prefixes may be declared where nothing is copied from. */
static void test_foreign_names(void **state) {
    (void)state;
    struct buf told = {0};
    struct junit_error error;
    assert_true(
        read_text("<testsuites xmlns:q='urn:q'><testsuite><testcase name='n' q:a='1'><q:x/></testcase>"
                  "</testsuite></testsuites>",
                  on_xml, &told, &error));
    assert_non_null(strstr(told.s, "<testcase name=\"n\" q_a=\"1\"><q_x/></testcase>"));
    buf_free(&told);
}

static void test_deep_nesting(void **state) {
    (void)state;
    struct buf xml = {0}, told = {0};
    struct junit_error error;
    buf_str(&xml, "<testsuite><testcase name='a'/><testcase name='b'>");
    for (int i = 0; i < 198; i++)
        buf_str(&xml, "<x>");
    size_t open = xml.len;
    for (int i = 0; i < 198; i++)
        buf_str(&xml, "</x>");
    buf_str(&xml, "</testcase></testsuite>");
    assert_true(read_text(xml.s, on_test, &told, &error));
    xml.len = open;
    buf_str(&xml, "<x>");
    buf_reset(&told);
    assert_false(read_text(xml.s, on_test, &told, &error));
    assert_string_equal(error.message, "more than 200 elements within each other");
    assert_string_equal(told.s, "suite - -\npassed .a 0.00 [] []\n");
    buf_free(&xml);
    buf_free(&told);
}

/* 8 MiB and a byte more would end within a character. */
static void test_long_texts_are_cut(void **state) {
    (void)state;
    struct buf xml = {0}, told = {0};
    struct junit_error error;
    buf_str(&xml, "<testsuite><testcase name='n'><failure>x");
    for (int i = 0; i < 4 << 20; i++)
        buf_str(&xml, "\xc3\xa9");
    buf_str(&xml, "end</failure><system-out>whole</system-out></testcase></testsuite>");
    assert_true(read_text(xml.s, on_xml, &told, &error));
    assert_non_null(strstr(told.s, "\xc3\xa9[5 more bytes were left out]</failure>"
                                   "<system-out>whole</system-out></testcase>"));
    assert_int_equal(strstr(told.s, "[5 more") - strstr(told.s, "x\xc3"), (8 << 20) - 1);
    buf_reset(&told);
    assert_true(read_text(xml.s, on_test, &told, &error));
    assert_non_null(strstr(told.s, "\xc3\xa9[5 more bytes were left out]]\n"));
    buf_free(&xml);
    buf_free(&told);
}

static void test_escape(void **state) {
    (void)state;
    struct buf b = {0};
    junit_escape_text(&b, "a<&>\"\r\n\x1b\xff\xc3\xa9\xed\xa0\x80\xef\xbf\xbe");
    assert_string_equal(b.s, "a&lt;&amp;&gt;\"&#13;\n??\xc3\xa9??");
    buf_reset(&b);
    junit_escape_attribute(&b, "\"\n\t\xc3");
    assert_string_equal(b.s, "&quot;&#10;&#9;?");
    buf_free(&b);
}

static void test_seconds(void **state) {
    (void)state;
    assert_true(junit_seconds("1.5") == 1.5);
    assert_true(junit_seconds("") == -1 && junit_seconds(NULL) == -1 && junit_seconds("1,5") == -1);
    assert_true(junit_seconds("nan") == -1 && junit_seconds("inf") == -1 && junit_seconds("1e10") == -1 &&
                junit_seconds("-2") == -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_only_children_make_the_outcome),
        cmocka_unit_test(test_suites),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_copy_is_faithful),
        cmocka_unit_test(test_foreign_names),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
