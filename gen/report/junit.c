#include "report/junit.h"
#include "base/diag.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/SAX2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What common readers of XML refuse beyond 10 MB of text in one place, and elements in 256 others. */
enum { TEXT_MAX = 8 << 20, DEPTH_MAX = 200, SECONDS_MAX = 1000000000 };

struct reader {
    const struct junit_events *events;
    struct junit_error *error;
    xmlParserCtxtPtr parser;
    bool rooted, broken; /* the root element has begun; *error is set */

    int depth, suite_depth, case_depth, part_depth; /* of the element that is open; 0 when there is none */
    bool in_suite, told;                            /* a suite is open; the caller knows of it */
    bool properties;                                /* inside a suite's own <properties> */
    struct arena suite_arena;
    struct junit_suite suite;

    struct arena case_arena;
    struct junit_case test;
    int outcome_depth;
    struct buf text; /* of the element that made the outcome */
    struct buf xml;  /* of the test case or part */
    bool tag_open;   /* its last tag still lacks the '>' */
    size_t run, cut; /* bytes of text since the last tag: kept, left out */
};

static void escape(struct buf *b, const char *s, size_t n, bool attribute) {
    size_t plain = 0;
    for (size_t i = 0; i < n; i++) {
        const char *as = NULL;
        switch (s[i]) {
        case '&':
            as = "&amp;";
            break;
        case '<':
            as = "&lt;";
            break;
        case '>':
            as = "&gt;";
            break;
        case '\r':
            as = "&#13;";
            break;
        case '"':
            as = attribute ? "&quot;" : NULL;
            break;
        case '\n':
            as = attribute ? "&#10;" : NULL;
            break;
        case '\t':
            as = attribute ? "&#9;" : NULL;
            break;
        }
        if (!as)
            continue;
        buf_add(b, s + plain, i - plain);
        buf_str(b, as);
        plain = i + 1;
    }
    buf_add(b, s + plain, n - plain);
}

static bool xml_char(int c) {
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c != 0xfffe && c != 0xffff);
}

/* What a parser gave is XML already; what comes from file names and logs may not be. */
static void escape_any(struct buf *b, const char *s, bool attribute) {
    struct buf clean = {0};
    while (*s) {
        int len = 4;
        int c = xmlGetUTF8Char((const unsigned char *)s, &len);
        bool good = c > 0 && str_is_utf8(s, (size_t)len) && xml_char(c);
        if (c <= 0)
            len = 1;
        buf_add(&clean, good ? s : "?", good ? (size_t)len : 1);
        s += len;
    }
    if (clean.len)
        escape(b, clean.s, clean.len, attribute);
    buf_free(&clean);
}

void junit_escape_text(struct buf *b, const char *s) {
    escape_any(b, s, false);
}

void junit_escape_attribute(struct buf *b, const char *s) {
    escape_any(b, s, true);
}

const char *junit_find(const struct junit_pairs *pairs, const char *name) {
    ARRAY_FOR (struct junit_pair, p, pairs)
        if (str_eq(p->name, name))
            return p->value;
    return NULL;
}

double junit_seconds(const char *s) {
    char *end = NULL;
    double v = s ? strtod(s, &end) : -1;
    return s && end != s && !*end && v >= 0 && v <= SECONDS_MAX ? v : -1;
}

static const char *attribute(const xmlChar **attributes, const char *name) {
    for (; attributes && *attributes; attributes += 2)
        if (strcmp((const char *)attributes[0], name) == 0)
            return (const char *)attributes[1];
    return "";
}

__attribute__((format(printf, 2, 3))) static void fail(struct reader *r, const char *fmt, ...) {
    if (r->broken)
        return;
    r->broken = true;
    r->error->line = r->parser ? (uint32_t)xmlSAX2GetLineNumber(r->parser) : 0;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->error->message, sizeof r->error->message, fmt, ap);
    va_end(ap);
    r->error->message[strcspn(r->error->message, "\n")] = 0;
    if (r->parser)
        xmlStopParser(r->parser);
}

static void suite_tell(struct reader *r) {
    if (!r->in_suite)
        r->suite = (struct junit_suite){0};
    r->in_suite = true;
    if (!r->told)
        r->events->suite(r->events->ctx, &r->suite);
    r->told = true;
}

static void suite_close(struct reader *r) {
    if (!r->in_suite)
        return;
    suite_tell(r);
    r->in_suite = r->told = r->properties = false;
    arena_free(&r->suite_arena);
}

/* A prefix may be declared where nothing is copied from. */
static void name_write(struct buf *b, const char *name) {
    for (; *name; name++)
        buf_char(b, *name == ':' ? '_' : *name);
}

static void pair_add(struct reader *r, struct junit_pairs *to, const char *name, const char *value) {
    struct arena *a = &r->suite_arena;
    array_push(a, to, (struct junit_pair){arena_strdup(a, name), arena_strdup(a, value)});
}

static void suite_open(struct reader *r, const xmlChar **attributes) {
    suite_close(r);
    r->in_suite = true;
    r->suite = (struct junit_suite){0};
    struct buf name = {0};
    for (; attributes && *attributes; attributes += 2) {
        buf_reset(&name);
        name_write(&name, (const char *)attributes[0]);
        pair_add(r, &r->suite.attributes, name.s, (const char *)attributes[1]);
    }
    buf_free(&name);
}

/* How much of a text is kept when `room` bytes are left for it; never a part of a character. */
static size_t kept(const char *s, size_t n, size_t room) {
    if (n <= room)
        return n;
    while (room > 0 && ((unsigned char)s[room] & 0xc0) == 0x80)
        room--;
    return room;
}

static void note_cut(struct buf *b, size_t n) {
    if (n)
        buf_fmt(b, "[%zu more bytes were left out]", n);
}

static void tag_finish(struct reader *r) {
    if (r->tag_open)
        buf_char(&r->xml, '>');
    r->tag_open = false;
}

/* Ends the text between two tags. */
static void run_finish(struct reader *r) {
    note_cut(&r->xml, r->cut);
    if (r->outcome_depth)
        note_cut(&r->text, r->cut);
    r->run = r->cut = 0;
}

static void tag_write(struct reader *r, const char *name, const xmlChar **attributes) {
    run_finish(r);
    tag_finish(r);
    buf_char(&r->xml, '<');
    name_write(&r->xml, name);
    for (; attributes && *attributes; attributes += 2) {
        const char *value = (const char *)attributes[1];
        size_t n = strlen(value), keep = kept(value, n, TEXT_MAX);
        buf_char(&r->xml, ' ');
        name_write(&r->xml, (const char *)attributes[0]);
        buf_str(&r->xml, "=\"");
        escape(&r->xml, value, keep, true);
        note_cut(&r->xml, n - keep);
        buf_char(&r->xml, '"');
    }
    r->tag_open = true;
}

static void case_open(struct reader *r, const xmlChar **attributes) {
    suite_tell(r);
    struct arena *a = &r->case_arena;
    arena_free(a);
    double time = junit_seconds(attribute(attributes, "time"));
    r->test = (struct junit_case){.classname = arena_strdup(a, attribute(attributes, "classname")),
                                  .name = arena_strdup(a, attribute(attributes, "name")),
                                  .file = arena_strdup(a, attribute(attributes, "file")),
                                  .line = arena_strdup(a, attribute(attributes, "line")),
                                  .time = time < 0 ? 0 : time,
                                  .message = ""};
    r->case_depth = r->depth;
    buf_reset(&r->text);
}

/* A failure or an error outweighs a skip: a test can be skipped and then fail in its teardown. */
static void outcome_open(struct reader *r, const char *name, const xmlChar **attributes) {
    enum junit_outcome outcome;
    r->test.flaky |= str_eq(name, "flakyFailure") || str_eq(name, "flakyError");
    if (str_eq(name, "failure"))
        outcome = JUNIT_FAILED;
    else if (str_eq(name, "error"))
        outcome = JUNIT_ERROR;
    else if (str_eq(name, "skipped"))
        outcome = str_eq(attribute(attributes, "type"), "pytest.xfail") ? JUNIT_XFAILED : JUNIT_SKIPPED;
    else
        return;
    enum junit_outcome had = r->test.outcome;
    if (had == JUNIT_FAILED || had == JUNIT_ERROR || (had != JUNIT_PASSED && outcome >= JUNIT_SKIPPED))
        return;
    r->test.outcome = outcome;
    r->test.message = arena_strdup(&r->case_arena, attribute(attributes, "message"));
    bool torn = outcome == JUNIT_ERROR && str_starts(r->test.message, "failed on teardown with ");
    r->test.call = torn ? had : outcome;
    r->outcome_depth = r->depth;
    buf_reset(&r->text);
}

static void on_start(void *ctx, const xmlChar *element, const xmlChar **attributes) {
    struct reader *r = ctx;
    const char *name = (const char *)element;
    if (r->broken)
        return;
    r->depth++;
    r->rooted = true;
    if (r->depth == 1 && !str_eq(name, "testsuites") && !str_eq(name, "testsuite")) {
        fail(r, "the root element is '%.80s', not 'testsuites'", name);
    } else if (r->depth > DEPTH_MAX) {
        fail(r, "more than %d elements within each other", DEPTH_MAX);
    } else if (r->case_depth || r->part_depth) {
        tag_write(r, name, attributes);
        if (r->case_depth && r->depth == r->case_depth + 1)
            outcome_open(r, name, attributes);
    } else if (str_eq(name, "testsuite")) {
        suite_open(r, attributes);
    } else if (str_eq(name, "testcase")) {
        case_open(r, attributes);
        tag_write(r, name, attributes);
    } else if (r->in_suite && !r->told && str_eq(name, "properties")) {
        r->properties = true;
    } else if (r->properties && str_eq(name, "property")) {
        pair_add(r, &r->suite.properties, attribute(attributes, "name"), attribute(attributes, "value"));
    } else if (r->in_suite && !r->properties) {
        suite_tell(r);
        r->part_depth = r->depth;
        tag_write(r, name, attributes);
    }
}

static void tag_close(struct reader *r, const char *name) {
    run_finish(r);
    buf_str(&r->xml, r->tag_open ? "/>" : "</");
    if (!r->tag_open) {
        name_write(&r->xml, name);
        buf_char(&r->xml, '>');
    }
    r->tag_open = false;
}

static void on_end(void *ctx, const xmlChar *element) {
    struct reader *r = ctx;
    const char *name = (const char *)element;
    if (r->broken)
        return;
    if (r->case_depth || r->part_depth)
        tag_close(r, name);
    if (r->outcome_depth == r->depth)
        r->outcome_depth = 0;
    if (r->case_depth == r->depth) {
        r->test.text = r->text.len ? r->text.s : "";
        r->test.xml = r->xml.s;
        r->test.xml_len = r->xml.len;
        r->events->test(r->events->ctx, &r->test);
        r->case_depth = 0;
        buf_reset(&r->xml);
    } else if (r->part_depth == r->depth) {
        r->events->part(r->events->ctx, r->xml.s, r->xml.len);
        r->part_depth = 0;
        buf_reset(&r->xml);
    } else if (!r->case_depth && !r->part_depth && str_eq(name, "testsuite")) {
        suite_close(r);
    } else if (str_eq(name, "properties")) {
        r->properties = false;
    }
    r->depth--;
}

static void on_text(void *ctx, const xmlChar *s, int n) {
    struct reader *r = ctx;
    if (r->broken || !(r->case_depth || r->part_depth))
        return;
    tag_finish(r);
    size_t keep = r->cut ? 0 : kept((const char *)s, (size_t)n, TEXT_MAX - r->run);
    r->run += keep;
    r->cut += (size_t)n - keep;
    escape(&r->xml, (const char *)s, keep, false);
    if (r->outcome_depth)
        buf_add(&r->text, s, keep);
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id) {
    (void)name, (void)public_id, (void)system_id;
    fail(ctx, "a document type declaration has no place in a report");
}

/* libxml2 would print. The error is asked for after each chunk. */
__attribute__((format(printf, 2, 3))) static void on_error(void *ctx, const char *fmt, ...) {
    (void)ctx, (void)fmt;
}

/* `code` is what xmlParseChunk returned: bytes that are not of the file's encoding leave nothing but that. */
static void check_error(struct reader *r, int code) {
    xmlErrorPtr e = xmlCtxtGetLastError(r->parser);
    bool fatal = e && e->level == XML_ERR_FATAL;
    if (r->broken || !(fatal || code == XML_ERR_INVALID_ENCODING || r->parser->disableSAX))
        return;
    if (!fatal)
        fail(r, "not in the encoding that it declares");
    else if (e->code == XML_ERR_DOCUMENT_END && (r->depth > 0 || !r->rooted))
        fail(r, "%s", r->rooted ? "the file ends too early" : "the file is empty");
    else if (e->code == XML_ERR_TAG_NAME_MISMATCH && e->str1 && e->str2)
        fail(r, "the element '%.60s' is closed as '%.60s'", e->str1, e->str2);
    else
        fail(r, "%s", e->message ? e->message : "not well-formed");
    if (fatal)
        r->error->line = (uint32_t)e->line;
}

static void parse_stream(struct reader *r, FILE *f) {
    static xmlSAXHandler handler = {.startElement = on_start,
                                    .endElement = on_end,
                                    .characters = on_text,
                                    .ignorableWhitespace = on_text,
                                    .internalSubset = on_doctype,
                                    .warning = on_error,
                                    .error = on_error,
                                    .fatalError = on_error,
                                    .initialized = 1};
    char chunk[256 * 1024];
    xmlSetGenericErrorFunc(NULL, on_error);
    r->parser = xmlCreatePushParserCtxt(&handler, r, NULL, 0, NULL);
    if (!r->parser)
        die("out of memory");
    /* Without NOENT an attribute's "&amp;" arrives as "&#38;". Only the five predefined entities can come,
     * since a document type stops the parser. */
    xmlCtxtUseOptions(r->parser, XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_NOENT);
    size_t n;
    while (!r->broken && (n = fread(chunk, 1, sizeof chunk, f)) > 0) {
        check_error(r, xmlParseChunk(r->parser, chunk, (int)n, 0));
    }
    if (!r->broken && ferror(f))
        fail(r, "%s", strerror(errno));
    if (!r->broken)
        check_error(r, xmlParseChunk(r->parser, NULL, 0, 1));
    if (r->parser->myDoc)
        xmlFreeDoc(r->parser->myDoc);
    xmlFreeParserCtxt(r->parser);
    r->parser = NULL;
}

static bool read_stream(FILE *f, const struct junit_events *events, struct junit_error *error) {
    struct reader r = {.events = events, .error = error};
    *error = (struct junit_error){0};
    if (!f) {
        fail(&r, "%s", strerror(errno));
        return false;
    }
    parse_stream(&r, f);
    fclose(f);
    suite_close(&r);
    arena_free(&r.suite_arena);
    arena_free(&r.case_arena);
    buf_free(&r.text);
    buf_free(&r.xml);
    return !r.broken;
}

bool junit_read(const char *path, const struct junit_events *events, struct junit_error *error) {
    return read_stream(fopen(path, "re"), events, error);
}

bool junit_read_text(const char *text, size_t n, const struct junit_events *events,
                     struct junit_error *error) {
    union {
        const char *given;
        void *taken;
    } bytes = {text};
    return read_stream(fmemopen(bytes.taken, n, "r"), events, error);
}
