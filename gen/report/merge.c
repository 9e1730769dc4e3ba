#include "report/merge.h"
#include "base/diag.h"
#include "base/out.h"
#include "base/str.h"
#include "report/junit.h"
#include "report/sum.h"

#include <string.h>

struct totals {
    unsigned long tests, failures, errors, skipped;
    double time;
};

/* The reports are read twice: once to count, once to write, since counts stand first. */
struct merge {
    struct arena *arena;
    struct sum sum;
    struct arena counts;
    ARRAY(struct totals) suites;
    uint32_t suite;     /* the number of suites begun in this pass */
    bool open, timed;   /* a suite is open; it says its own time */
    const char *given;  /* the input's target, or NULL */
    const char *target; /* the open suite's */
    FILE *out;          /* NULL in the first pass */
    struct buf line;
};

static const char *const counted[] = {"name", "tests", "failures", "errors", "skipped", "time"};

static bool is_counted(const char *name) {
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        if (str_eq(name, counted[i]))
            return true;
    return false;
}

static void buf_attribute(struct buf *b, const char *name, const char *value) {
    buf_fmt(b, " %s=\"", name);
    junit_escape_attribute(b, value);
    buf_char(b, '"');
}

static void buf_totals(struct buf *b, const struct totals *t) {
    buf_fmt(b, " errors=\"%lu\" failures=\"%lu\" skipped=\"%lu\" tests=\"%lu\" time=\"%.3f\"", t->errors,
            t->failures, t->skipped, t->tests, t->time);
}

static void buf_property(struct buf *b, const char *name, const char *value) {
    buf_str(b, "<property");
    buf_attribute(b, "name", name);
    buf_attribute(b, "value", value);
    buf_str(b, "/>");
}

static void line_write(struct merge *m) {
    fwrite(m->line.s, 1, m->line.len, m->out);
    buf_reset(&m->line);
}

static void write_suite(struct merge *m, const struct junit_suite *suite) {
    struct buf *b = &m->line;
    const char *name = junit_find(&suite->attributes, "name");
    buf_str(b, "<testsuite");
    buf_attribute(b, "name", name ? name : "pytest");
    /* A report that somebody replaced after it was counted may have more suites. */
    const struct totals none = {0};
    buf_totals(b, m->suite < m->suites.len ? &m->suites.items[m->suite] : &none);
    ARRAY_FOR (struct junit_pair, p, &suite->attributes)
        if (!is_counted(p->name))
            buf_attribute(b, p->name, p->value);
    buf_char(b, '>');
    if (m->target || suite->properties.len)
        buf_str(b, "<properties>");
    if (m->target)
        buf_property(b, "testfan.target", m->target);
    ARRAY_FOR (struct junit_pair, p, &suite->properties)
        if (!str_eq(p->name, "testfan.target"))
            buf_property(b, p->name, p->value);
    if (m->target || suite->properties.len)
        buf_str(b, "</properties>");
    buf_char(b, '\n');
    line_write(m);
}

static void count_suite(struct merge *m, const struct junit_suite *suite) {
    double time = junit_seconds(junit_find(&suite->attributes, "time"));
    m->timed = time >= 0;
    array_push(&m->counts, &m->suites, (struct totals){.time = m->timed ? time : 0});
    if (junit_find(&suite->properties, "testfan.not-run"))
        m->sum.summary->not_run++;
}

static void suite_close(struct merge *m) {
    if (m->open && m->out)
        fputs("</testsuite>\n", m->out);
    else if (m->open)
        sum_time(&m->sum, m->target, m->suites.items[m->suite].time);
    m->suite += m->open;
    m->open = false;
}

static void on_suite(void *ctx, const struct junit_suite *suite) {
    struct merge *m = ctx;
    suite_close(m);
    const char *said = junit_find(&suite->properties, "testfan.target");
    m->target = m->given;
    if (!m->given && said)
        m->target = arena_strdup(m->arena, said);
    if (m->out)
        write_suite(m, suite);
    else
        count_suite(m, suite);
    m->open = true;
}

static void on_test(void *ctx, const struct junit_case *test) {
    struct merge *m = ctx;
    if (m->out) {
        fwrite(test->xml, 1, test->xml_len, m->out);
        fputc('\n', m->out);
        return;
    }
    struct totals *t = &m->suites.items[m->suite];
    t->tests++;
    t->failures += test->outcome == JUNIT_FAILED;
    t->errors += test->outcome == JUNIT_ERROR;
    t->skipped += test->outcome == JUNIT_SKIPPED || test->outcome == JUNIT_XFAILED;
    if (!m->timed)
        t->time += test->time;
    sum_test(&m->sum, m->target, test);
}

static void on_part(void *ctx, const char *xml, size_t n) {
    struct merge *m = ctx;
    if (!m->out)
        return;
    fwrite(xml, 1, n, m->out);
    fputc('\n', m->out);
}

static void add_error(struct merge *m, const char *report, const struct junit_error *error) {
    struct buf message = {0}, xml = {0};
    const char *name = m->given ? m->given : report;
    buf_fmt(&message, "no readable report: %s:", report);
    if (error->line)
        buf_fmt(&message, "%u:", error->line);
    buf_fmt(&message, " %s", error->message);
    buf_str(&xml, "<testcase");
    buf_attribute(&xml, "classname", "");
    buf_attribute(&xml, "name", name);
    buf_str(&xml, " time=\"0.000\"><error");
    buf_attribute(&xml, "message", message.s);
    buf_str(&xml, "/></testcase>");
    if (!m->open)
        on_suite(m, &(struct junit_suite){0});
    on_test(m, &(struct junit_case){.classname = "",
                                    .name = name,
                                    .outcome = JUNIT_ERROR,
                                    .message = message.s,
                                    .text = "",
                                    .xml = xml.s,
                                    .xml_len = xml.len});
    buf_free(&message);
    buf_free(&xml);
}

static void read_one(struct merge *m, const struct merge_input *in) {
    const struct junit_events events = {m, on_suite, on_test, on_part};
    struct junit_error error;
    m->given = in->target;
    if (!junit_read(in->report, &events, &error))
        add_error(m, in->report, &error);
    suite_close(m);
}

static bool write_merged(struct merge *m, const struct merge_input *in, uint32_t n, const char *path) {
    struct out_stream out;
    if (!out_open(&out, path))
        return false;
    struct totals all = {.time = m->sum.summary->time};
    ARRAY_FOR (struct totals, t, &m->suites) {
        all.tests += t->tests;
        all.failures += t->failures;
        all.errors += t->errors;
        all.skipped += t->skipped;
    }
    m->out = out.file;
    m->suite = 0;
    buf_str(&m->line, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<testsuites name=\"pytest tests\"");
    buf_totals(&m->line, &all);
    buf_str(&m->line, ">\n");
    line_write(m);
    for (uint32_t i = 0; i < n; i++)
        read_one(m, &in[i]);
    fputs("</testsuites>\n", m->out);
    buf_free(&m->line);
    return out_close(&out);
}

bool merge_reports(struct arena *a, const struct merge_input *in, uint32_t n, const char *out_path,
                   struct summary *s) {
    *s = (struct summary){0};
    struct merge m = {.arena = a, .sum = {.summary = s}};
    for (uint32_t i = 0; i < n; i++) {
        sum_begin(&m.sum, a, s, in[i].log);
        read_one(&m, &in[i]);
        sum_end(&m.sum);
    }
    bool ok = !out_path || write_merged(&m, in, n, out_path);
    arena_free(&m.counts);
    return ok;
}

int summary_exit(const struct summary *s) {
    if (s->failed || s->errors)
        return 1;
    return s->tests ? 0 : 5;
}

bool merge_verdict(struct arena *a, const char *report, struct summary *totals) {
    *totals = (struct summary){0};
    struct merge m = {.arena = a};
    const struct junit_events events = {&m, on_suite, on_test, on_part};
    struct junit_error error;
    sum_begin(&m.sum, a, totals, NULL);
    bool ok = junit_read(report, &events, &error);
    suite_close(&m);
    sum_end(&m.sum);
    arena_free(&m.counts);
    if (!ok)
        diag(DIAG_NO_REPORT, report, error.line, 0, "no readable report: %s", error.message);
    return ok;
}
