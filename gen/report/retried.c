#include "report/retried.h"
#include "base/map.h"
#include "report/junit.h"

#include <string.h>

/* A test case of the other report. */
struct other {
    enum junit_outcome outcome;
    const char *xml, *message, *text;
    bool used;
};

struct retried {
    struct arena arena;
    struct map by_name; /* classname and name -> index */
    ARRAY(struct other) others;
    bool part, open;
    struct buf *out, properties;
};

static bool has_failed(enum junit_outcome outcome) {
    return outcome == JUNIT_FAILED || outcome == JUNIT_ERROR;
}

static const char *key_of(struct retried *r, const struct junit_case *test, size_t *n) {
    const char *key = arena_printf(&r->arena, "%s\n%s", test->classname, test->name);
    *n = strlen(key);
    return key;
}

static void keep_other(void *ctx, const struct junit_case *test) {
    struct retried *r = ctx;
    if (!r->part && !has_failed(test->outcome))
        return;
    size_t n;
    const char *key = key_of(r, test, &n);
    map_set(&r->by_name, key, n, r->others.len);
    array_push(&r->arena, &r->others,
               (struct other){.outcome = test->outcome,
                              .xml = arena_strndup(&r->arena, test->xml, test->xml_len),
                              .message = arena_strdup(&r->arena, test->message),
                              .text = arena_strdup(&r->arena, test->text)});
}

/* The element that tells of another attempt. */
static void put_attempt(struct buf *b, const char *prefix, enum junit_outcome outcome, const char *message,
                        const char *text) {
    const char *name = outcome == JUNIT_ERROR ? "Error" : "Failure";
    buf_fmt(b, "<%s%s message=\"", prefix, name);
    junit_escape_attribute(b, message);
    buf_str(b, "\">");
    junit_escape_text(b, text);
    buf_fmt(b, "</%s%s>", prefix, name);
}

/* A test case with one more element at its end. */
static void put_case(struct buf *b, const char *xml, const char *prefix, enum junit_outcome outcome,
                     const char *message, const char *text) {
    static const char end[] = "</testcase>";
    size_t n = strlen(xml);
    bool empty = n > 2 && strcmp(xml + n - 2, "/>") == 0;
    buf_add(b, xml, empty ? n - 2 : n - (sizeof end - 1));
    buf_str(b, empty ? ">" : "");
    put_attempt(b, prefix, outcome, message, text);
    buf_str(b, end);
}

static void write_case(void *ctx, const struct junit_case *test) {
    struct retried *r = ctx;
    size_t n;
    const char *key = key_of(r, test, &n), *xml = arena_strndup(&r->arena, test->xml, test->xml_len);
    uint32_t i = map_get(&r->by_name, key, n);
    struct other *o = i == MAP_NONE ? NULL : &r->others.items[i];
    if (o)
        o->used = true;
    bool failed = has_failed(test->outcome);
    if (!o || (r->part && !failed))
        buf_str(r->out, xml);
    else if (r->part && has_failed(o->outcome))
        put_case(r->out, xml, "rerun", o->outcome, o->message, o->text);
    else if (r->part)
        put_case(r->out, o->xml, "flaky", test->outcome, test->message, test->text);
    else if (failed)
        put_case(r->out, xml, "rerun", o->outcome, o->message, o->text);
    else
        put_case(r->out, xml, "flaky", o->outcome, o->message, o->text);
}

static void put_property(struct buf *b, const char *name, const char *value) {
    buf_str(b, "<property name=\"");
    junit_escape_attribute(b, name);
    buf_str(b, "\" value=\"");
    junit_escape_attribute(b, value);
    buf_str(b, "\"/>");
}

static void write_suite(void *ctx, const struct junit_suite *suite) {
    struct retried *r = ctx;
    buf_str(r->out, r->open ? "</testsuite><testsuite" : "<testsuite");
    ARRAY_FOR (const struct junit_pair, p, &suite->attributes) {
        buf_fmt(r->out, " %s=\"", p->name);
        junit_escape_attribute(r->out, p->value);
        buf_char(r->out, '"');
    }
    buf_str(r->out, "><properties>");
    if (!r->open)
        buf_add(r->out, r->properties.s, r->properties.len);
    ARRAY_FOR (const struct junit_pair, p, &suite->properties)
        put_property(r->out, p->name, p->value);
    buf_str(r->out, "</properties>");
    r->open = true;
}

static void write_part(void *ctx, const char *xml, size_t n) {
    buf_add(((struct retried *)ctx)->out, xml, n);
}

static void skip_case(void *ctx, const struct junit_case *test) {
    struct retried *r = ctx;
    size_t n;
    const char *key = key_of(r, test, &n);
    uint32_t i = map_get(&r->by_name, key, n);
    if (i != MAP_NONE)
        r->others.items[i].used = true;
}

static void no_suite(void *ctx, const struct junit_suite *suite) {
    (void)ctx;
    (void)suite;
}

static void no_part(void *ctx, const char *xml, size_t n) {
    (void)ctx;
    (void)xml;
    (void)n;
}

/* Whole attempts: what failed at first and is no test of the second. */
static bool gather_lost(struct retried *r, struct report_text again) {
    const struct junit_events events = {r, no_suite, skip_case, no_part};
    struct junit_error error;
    if (!junit_read_text(again.xml, again.size, &events, &error))
        return false;
    ARRAY_FOR (struct other, o, &r->others)
        if (!o->used)
            put_property(&r->properties, "testfan.flaky", o->message);
    return true;
}

bool report_retried(struct buf *out, struct report_text first, struct report_text again, bool part) {
    struct retried r = {.part = part, .out = out};
    r.by_name.arena = &r.arena;
    buf_str(&r.properties, "");
    struct report_text other = part ? again : first, main = part ? first : again;
    const struct junit_events keep = {&r, no_suite, keep_other, no_part},
                              write = {&r, write_suite, write_case, write_part};
    struct junit_error error;
    buf_str(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?><testsuites name=\"pytest tests\">");
    bool ok = junit_read_text(other.xml, other.size, &keep, &error) && (part || gather_lost(&r, again)) &&
              junit_read_text(main.xml, main.size, &write, &error);
    buf_str(out, r.open ? "</testsuite></testsuites>" : "</testsuites>");
    buf_free(&r.properties);
    arena_free(&r.arena);
    return ok;
}
