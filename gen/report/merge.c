#include "report/merge.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/out.h"
#include "base/str.h"
#include "report/junit.h"
#include "report/sum.h"

#include <stdlib.h>
#include <string.h>

struct totals {
    unsigned long tests, failures, errors, skipped;
    double time;
};

/* A suite of the merged report. Its counts come to stand between the two parts of its head. */
struct merged_suite {
    struct totals totals;
    const char *name, *rest; /* XML */
    size_t size;             /* of its content in the spool */
};

/* A file that is run in parts, each with a report. */
struct split {
    const char *target, *fingerprint;
    unsigned long parts; /* how many there are */
    bool mixed;          /* parts of another split came too */
    struct strs came;
};

/* Counts stand before what they count, so the suites' contents wait in a spool. */
struct merge {
    struct arena *arena;
    struct sum sum;
    struct arena heads;
    ARRAY(struct merged_suite) suites;
    struct merged_suite *open; /* the last one while it is open, or NULL */
    bool timed;                /* it says its own time */
    const char *given;         /* the input's target, or NULL */
    const char *target;        /* the open suite's */
    struct map said;           /* what collecting said of the target at work, once for all of its parts */
    const char *of;            /* that target */
    struct map folders;        /* what collecting said of folders, once for all files below them */
    struct map parts;          /* target -> index in splits */
    ARRAY(struct split) splits;
    struct out_stream *spool; /* NULL when the reports are only summed up */
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

static char *line_take(struct merge *m) {
    char *text = arena_strndup(&m->heads, m->line.s, m->line.len);
    buf_reset(&m->line);
    return text;
}

static void head_write(struct merge *m, const struct junit_suite *suite) {
    struct buf *b = &m->line;
    const char *name = junit_find(&suite->attributes, "name");
    buf_str(b, "<testsuite");
    buf_attribute(b, "name", name ? name : "pytest");
    m->open->name = line_take(m);
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
    m->open->rest = line_take(m);
}

static void content_write(struct merge *m, const char *xml, size_t n) {
    if (!m->spool)
        return;
    fwrite(xml, 1, n, m->spool->file);
    fputc('\n', m->spool->file);
    m->open->size += n + 1;
}

static void suite_close(struct merge *m) {
    if (m->open)
        sum_time(&m->sum, m->target, m->open->totals.time);
    m->open = NULL;
}

/* Whether the name is that of a folder above the file, as _pytest/junitxml.py mangles node ids; pytest 7
   names the __init__.py of a package. */
static bool is_folder_of(const char *name, const char *file) {
    size_t n = strlen(name), package = strlen(".__init__");
    if (str_ends(name, ".__init__"))
        n -= package;
    for (size_t i = 0; i < n; i++)
        if (name[i] != file[i] && !(name[i] == '.' && file[i] == '/'))
            return false;
    return file[n] == '/';
}

/* Every part of a file collects it, and says the same when it cannot be imported or skips itself; so does
   every file of a folder of which its conftest.py or its __init__.py is broken. */
static bool was_said(struct merge *m, const struct junit_case *test) {
    if (!str_eq(m->of, m->given))
        m->said = (struct map){.arena = m->arena};
    m->of = m->given;
    struct map *said = is_folder_of(test->name, m->given) ? &m->folders : &m->said;
    size_t n = strlen(test->name);
    if (map_get(said, test->name, n) != MAP_NONE)
        return true;
    map_set(said, arena_strdup(m->arena, test->name), n, 1);
    return false;
}

/* "2/3 FINGERPRINT" */
static void take_part(struct merge *m, const char *text) {
    const char *target = m->target ? m->target : "", *slash = strchr(text, '/'), *space = strchr(text, ' ');
    if (!slash || !space || slash > space)
        return;
    uint32_t i = map_get(&m->parts, target, strlen(target));
    if (i == MAP_NONE) {
        i = m->splits.len;
        map_set(&m->parts, target, strlen(target), i);
        array_push(m->arena, &m->splits,
                   (struct split){.target = target,
                                  .fingerprint = arena_strdup(m->arena, space + 1),
                                  .parts = strtoul(slash + 1, NULL, 10)});
    }
    struct split *s = &m->splits.items[i];
    const char *part = arena_strndup(m->arena, text, (size_t)(slash - text));
    s->mixed |= !str_eq(s->fingerprint, space + 1);
    if (!strs_has(&s->came, part))
        array_push(m->arena, &s->came, part);
}

static void on_suite(void *ctx, const struct junit_suite *suite) {
    struct merge *m = ctx;
    suite_close(m);
    const char *said = junit_find(&suite->properties, "testfan.target");
    m->target = m->given;
    if (!m->given && said)
        m->target = arena_strdup(m->arena, said);
    double time = junit_seconds(junit_find(&suite->attributes, "time"));
    m->timed = time >= 0;
    array_push(&m->heads, &m->suites, (struct merged_suite){.totals.time = m->timed ? time : 0});
    m->open = &m->suites.items[m->suites.len - 1];
    const char *part = junit_find(&suite->properties, "testfan.shard");
    if (part)
        take_part(m, part);
    if (junit_find(&suite->properties, "testfan.not-run"))
        m->sum.summary->not_run++;
    if (junit_find(&suite->properties, "testfan.flaky") && m->target) {
        m->sum.summary->flaky++;
        array_push(m->arena, &m->sum.summary->flaky_ids, m->target);
    }
    if (m->spool)
        head_write(m, suite);
}

static void on_test(void *ctx, const struct junit_case *test) {
    struct merge *m = ctx;
    if (m->given && !*test->classname && was_said(m, test))
        return;
    struct totals *t = &m->open->totals;
    t->tests++;
    t->failures += test->outcome == JUNIT_FAILED;
    t->errors += test->outcome == JUNIT_ERROR;
    t->skipped += test->outcome == JUNIT_SKIPPED || test->outcome == JUNIT_XFAILED;
    if (!m->timed)
        t->time += test->time;
    sum_test(&m->sum, m->target, test);
    content_write(m, test->xml, test->xml_len);
}

static void on_part(void *ctx, const char *xml, size_t n) {
    content_write(ctx, xml, n);
}

static void add_message(struct merge *m, const char *name, const char *message) {
    struct buf xml = {0};
    buf_str(&xml, "<testcase");
    buf_attribute(&xml, "classname", "");
    buf_attribute(&xml, "name", name);
    buf_str(&xml, " time=\"0.000\"><error");
    buf_attribute(&xml, "message", message);
    buf_str(&xml, "/></testcase>");
    if (!m->open)
        on_suite(m, &(struct junit_suite){0});
    on_test(m, &(struct junit_case){.classname = "",
                                    .name = name,
                                    .outcome = JUNIT_ERROR,
                                    .call = JUNIT_ERROR,
                                    .message = message,
                                    .text = "",
                                    .xml = xml.s,
                                    .xml_len = xml.len});
    buf_free(&xml);
}

static void add_error(struct merge *m, const char *report, const struct junit_error *error) {
    struct buf message = {0};
    buf_fmt(&message, "no readable report: %s:", report);
    if (error->line)
        buf_fmt(&message, "%u:", error->line);
    buf_fmt(&message, " %s", error->message);
    add_message(m, m->given ? m->given : report, message.s);
    buf_free(&message);
}

static void read_one(struct merge *m, const struct merge_input *in) {
    const struct junit_events events = {m, on_suite, on_test, on_part};
    struct junit_error error;
    uint32_t before = m->suites.len;
    m->given = in->target;
    if (in->missing)
        add_message(m, m->given, in->missing);
    else if (!junit_read(in->report, &events, &error))
        add_error(m, in->report, &error);
    else if (m->given && m->suites.len == before)
        add_error(m, in->report, &(struct junit_error){.message = "it has no test suite"});
    suite_close(m);
}

/* A report of some parts only is none. */
static void check_parts(struct merge *m) {
    ARRAY_FOR (const struct split, s, &m->splits) {
        if (!s->mixed && s->came.len == s->parts)
            continue;
        struct buf b = {0};
        if (s->mixed)
            buf_str(&b, "reports of different splits of this file; run all of its parts anew");
        else
            buf_fmt(&b, "%u of %lu parts of this file left a report", s->came.len, s->parts);
        m->given = NULL;
        on_suite(m, &(struct junit_suite){0});
        m->target = s->target;
        add_message(m, s->target, b.s);
        suite_close(m);
        buf_free(&b);
    }
}

static void read_all(struct merge *m, const struct merge_input *in, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        sum_begin(&m->sum, m->arena, m->sum.summary, in[i].log);
        read_one(m, &in[i]);
        sum_end(&m->sum);
    }
    sum_begin(&m->sum, m->arena, m->sum.summary, NULL);
    check_parts(m);
    sum_end(&m->sum);
}

static bool write_merged(struct merge *m, const char *path) {
    struct out_stream out;
    if (!out_rewind(m->spool) || !out_open(&out, path))
        return false;
    struct totals all = {.time = m->sum.summary->time};
    ARRAY_FOR (struct merged_suite, s, &m->suites) {
        all.tests += s->totals.tests;
        all.failures += s->totals.failures;
        all.errors += s->totals.errors;
        all.skipped += s->totals.skipped;
    }
    struct buf *b = &m->line;
    fputs("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<testsuites name=\"pytest tests\"", out.file);
    buf_totals(b, &all);
    fprintf(out.file, "%s>\n", b->s);
    ARRAY_FOR (struct merged_suite, s, &m->suites) {
        buf_reset(b);
        buf_str(b, s->name);
        buf_totals(b, &s->totals);
        buf_str(b, s->rest);
        fwrite(b->s, 1, b->len, out.file);
        out_append(&out, m->spool, s->size);
        fputs("</testsuite>\n", out.file);
    }
    fputs("</testsuites>\n", out.file);
    return out_close(&out);
}

bool merge_reports(struct arena *a, const struct merge_input *in, uint32_t n, const char *out_path,
                   struct summary *s) {
    *s = (struct summary){0};
    struct out_stream spool = {0};
    bool ok = !out_path || out_spool(&spool, out_path);
    struct merge m = {.arena = a,
                      .sum.summary = s,
                      .said = {.arena = a},
                      .folders = {.arena = a},
                      .parts = {.arena = a},
                      .spool = spool.file ? &spool : NULL};
    read_all(&m, in, n);
    if (spool.file) {
        ok = write_merged(&m, out_path);
        fclose(spool.file);
    }
    buf_free(&m.line);
    arena_free(&m.heads);
    return ok;
}

int summary_exit(const struct summary *s) {
    if (s->failed || s->errors || s->not_run)
        return 1;
    return s->tests ? 0 : 5;
}

bool merge_verdict(struct arena *a, const char *report, struct summary *totals) {
    *totals = (struct summary){0};
    struct merge m = {.arena = a, .said = {.arena = a}, .folders = {.arena = a}, .parts = {.arena = a}};
    const struct junit_events events = {&m, on_suite, on_test, on_part};
    struct junit_error error;
    sum_begin(&m.sum, a, totals, NULL);
    bool ok = junit_read(report, &events, &error);
    suite_close(&m);
    sum_end(&m.sum);
    arena_free(&m.heads);
    if (!ok)
        diag(DIAG_NO_REPORT, report, error.line, 0, "no readable report: %s", error.message);
    return ok;
}
