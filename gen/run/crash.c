#define _GNU_SOURCE /* for memmem */
#include "run/crash.h"
#include "run/log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

const char *crash_signal_name(int sig) {
    static const struct {
        int number;
        const char *name;
    } names[] = {{SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"}, {SIGILL, "SIGILL"},
                 {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},   {SIGKILL, "SIGKILL"},
                 {SIGSEGV, "SIGSEGV"}, {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"},
                 {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}, {SIGXCPU, "SIGXCPU"}, {SIGXFSZ, "SIGXFSZ"},
                 {SIGSYS, "SIGSYS"},   {SIGTRAP, "SIGTRAP"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == sig)
            return names[i].name;
    return "a signal";
}

static size_t utf8_length(const unsigned char *s) {
    size_t n = *s < 0x80                 ? 1
               : *s >= 0xc2 && *s < 0xe0 ? 2
               : (*s & 0xf0) == 0xe0     ? 3
               : *s >= 0xf0 && *s < 0xf5 ? 4
                                         : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if (n == 3 && ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] >= 0xa0) ||
                   (*s == 0xef && s[1] == 0xbf && s[2] >= 0xbe)))
        return 0;
    if (n == 4 && ((*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] >= 0x90)))
        return 0;
    return n;
}

/* Text or attribute value, with a NUL after it; what XML cannot hold is written as pytest writes it: #x1B. */
static void put_bytes(struct buf *b, const char *text, size_t len) {
    const unsigned char *s = (const unsigned char *)text, *end = s + len;
    while (s < end) {
        size_t n = utf8_length(s);
        if (n == 0 || (*s < 0x20 && *s != '\t' && *s != '\n' && *s != '\r') || *s == 0x7f)
            buf_fmt(b, "#x%02X", *s);
        else if (*s == '<')
            buf_str(b, "&lt;");
        else if (*s == '>')
            buf_str(b, "&gt;");
        else if (*s == '&')
            buf_str(b, "&amp;");
        else if (*s == '"')
            buf_str(b, "&quot;");
        else if (*s < 0x20)
            buf_fmt(b, "&#%d;", *s);
        else
            buf_add(b, s, n);
        s += n ? n : 1;
    }
}

static void put_xml(struct buf *b, const char *text) {
    put_bytes(b, text, strlen(text));
}

/* Opens a testcase with the names that pytest gives a node id (mangle_test_address in _pytest/junitxml.py).
 */
static void open_case(struct buf *b, const char *id, double seconds) {
    struct arena a = {0};
    size_t bracket = strcspn(id, "[");
    char *names = arena_strndup(&a, id, bracket);
    char *last = NULL;
    for (char *p = names; (p = strstr(p, "::"));)
        last = p++;
    char *end = strstr(names, "::");
    char *path_end = end ? end : names + strlen(names);
    for (char *p = names; p < path_end; p++)
        *p = *p == '/' ? '.' : *p;
    bool py = path_end - names > 3 && memcmp(path_end - 3, ".py", 3) == 0;
    struct buf classname = {0};
    buf_add(&classname, names, (size_t)(path_end - names) - (py ? 3 : 0));
    for (char *p = end; p && p < last; p = strstr(p + 2, "::")) {
        char *next = strstr(p + 2, "::");
        buf_char(&classname, '.');
        buf_add(&classname, p + 2, (size_t)((next ? next : last) - p - 2));
    }
    buf_str(b, "<testcase classname=\"");
    put_xml(b, last ? classname.s : "");
    buf_str(b, "\" name=\"");
    put_xml(b, last ? last + 2 : classname.s);
    put_xml(b, id + bracket);
    buf_fmt(b, "\" time=\"%.3f\">", seconds);
    buf_free(&classname);
    arena_free(&a);
}

static void put_case(struct buf *b, const struct logged_test *t) {
    open_case(b, t->id, t->seconds);
    if (strcmp(t->outcome, "failed") == 0)
        buf_str(b, "<failure message=\"its text was lost when the interpreter ended\"/>");
    else if (strcmp(t->outcome, "error") == 0)
        buf_str(b, "<error message=\"its text was lost when the interpreter ended\"/>");
    else if (strcmp(t->outcome, "skipped") == 0)
        buf_str(b, "<skipped/>");
    else if (strcmp(t->outcome, "xfailed") == 0)
        buf_str(b, "<skipped type=\"pytest.xfail\"/>");
    buf_str(b, "</testcase>");
}

static void put_error(struct buf *b, const struct crash *crash, const struct run_log *log) {
    open_case(b, log->running ? log->running : crash->file, 0);
    buf_str(b, "<error message=\"");
    put_xml(b, crash->message);
    buf_str(b, "\">");
    put_bytes(b, crash->output, crash->output_len);
    buf_str(b, "</error></testcase>");
}

void crash_report(struct buf *out, const struct crash *crash, const struct run_log *log) {
    unsigned failed = 0, errors = 1, skipped = 0;
    double seconds = 0;
    ARRAY_FOR (const struct logged_test, t, &log->tests) {
        failed += strcmp(t->outcome, "failed") == 0;
        errors += strcmp(t->outcome, "error") == 0;
        skipped += strcmp(t->outcome, "skipped") == 0 || strcmp(t->outcome, "xfailed") == 0;
        seconds += t->seconds;
    }
    buf_fmt(out,
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><testsuites name=\"pytest tests\"><testsuite "
            "name=\"pytest\" errors=\"%u\" "
            "failures=\"%u\" skipped=\"%u\" tests=\"%u\" time=\"%.3f\">",
            errors, failed, skipped, log->tests.len + 1, seconds);
    ARRAY_FOR (const struct logged_test, t, &log->tests)
        put_case(out, t);
    put_error(out, crash, log);
    buf_str(out, "</testsuite></testsuites>");
}

static const char suite_end[] = "</testsuite></testsuites>";

static size_t whole_length(const char *report, size_t n) {
    while (n && (report[n - 1] == '\n' || report[n - 1] == ' '))
        n--;
    return n;
}

bool crash_is_whole(const char *report, size_t n) {
    static const char empty[] = "/></testsuites>";
    n = whole_length(report, n);
    return (n >= sizeof suite_end - 1 &&
            memcmp(report + n - (sizeof suite_end - 1), suite_end, sizeof suite_end - 1) == 0) ||
           (n >= sizeof empty - 1 && memcmp(report + n - (sizeof empty - 1), empty, sizeof empty - 1) == 0);
}

/* What pytest makes of the test during which it failed itself has no name; ours has. */
static void put_named(struct buf *b, const char *report, size_t n) {
    static const char nameless[] = "<testcase time=\"";
    const char *end = report + n, *from = memmem(report, n, nameless, sizeof nameless - 1);
    const char *to = from ? memchr(from, '>', (size_t)(end - from)) : NULL;
    if (to && to[-1] == '/') {
        buf_add(b, report, (size_t)(from - report));
        report = to + 1;
    }
    buf_add(b, report, (size_t)(end - report));
}

bool crash_append(struct buf *out, const struct crash *crash, const struct run_log *log, const char *report,
                  size_t n) {
    n = whole_length(report, n);
    size_t at = n - (sizeof suite_end - 1);
    if (n >= sizeof suite_end - 1 && memcmp(report + at, suite_end, sizeof suite_end - 1) == 0) {
        put_named(out, report, at);
    } else if (crash_is_whole(report, n)) {
        buf_add(out, report, n - strlen("/></testsuites>"));
        buf_char(out, '>');
    } else {
        return false;
    }
    put_error(out, crash, log);
    buf_str(out, suite_end);
    return true;
}
