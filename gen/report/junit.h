#ifndef REPORT_JUNIT_H
#define REPORT_JUNIT_H

#include "base/array.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Reads JUnit XML test case by test case, in memory that one test case needs, with libxml2's push parser: it
 * tells of everything that stands before an error, where the reader over trees drops what it had read ahead.
 * Nothing is fetched or expanded: a document type declaration is an error, and so are elements deeper than
 * 200. Of a text or value longer than 8 MiB, which common XML readers refuse, the rest is left out with a
 * note. Names of other namespaces are copied with '_' for the ':'.
 */
enum junit_outcome { JUNIT_PASSED, JUNIT_FAILED, JUNIT_ERROR, JUNIT_SKIPPED, JUNIT_XFAILED };

/* One <testcase>. A missing attribute is "". Lives only during the call. */
struct junit_case {
    const char *classname, *name, *file, *line;
    double time; /* seconds; 0 when it says none */
    /* Its first <failure> or <error>, else <skipped> (type pytest.xfail: xfailed), else passed. */
    enum junit_outcome outcome;
    /* The same, but where the teardown failed (an <error> with pytest's words for it) what stands beside
     * that. */
    enum junit_outcome call;
    bool flaky;                 /* it has a <flakyFailure> or <flakyError>: it took another attempt */
    const char *message, *text; /* of the element that made the outcome */
    const char *xml;            /* the whole element again, in UTF-8 */
    size_t xml_len;
};

struct junit_pair {
    const char *name, *value;
};

struct junit_pairs {
    struct junit_pair *items;
    uint32_t len, cap;
};

/* One <testsuite> up to its first test case; a suite in a suite ends the outer one. Lives
   during the call. */
struct junit_suite {
    struct junit_pairs attributes, properties;
};

/* What is called while reading; `ctx` is handed through. */
struct junit_events {
    void *ctx;
    void (*suite)(void *ctx, const struct junit_suite *suite);
    void (*test)(void *ctx, const struct junit_case *test);
    /* Any other element of a suite (system-out, system-err), written again as XML. */
    void (*part)(void *ctx, const char *xml, size_t n);
};

struct junit_error {
    uint32_t line; /* 0 when the file could not be opened */
    char message[200];
};

/* False when the file is missing, damaged or no JUnit report: *error says why, nothing is printed, and the
   whole test cases before the damage have been delivered. */
bool junit_read(const char *path, const struct junit_events *events, struct junit_error *error);
/* The same of a text of n bytes. */
bool junit_read_text(const char *text, size_t n, const struct junit_events *events,
                     struct junit_error *error);

/* Append s as XML; what XML cannot hold becomes '?'. */
void junit_escape_text(struct buf *b, const char *s);
void junit_escape_attribute(struct buf *b, const char *s);
/* The value, or NULL. */
const char *junit_find(const struct junit_pairs *pairs, const char *name);
/* Seconds as written in a report; -1 when it is no number from 0 to 1e9. */
double junit_seconds(const char *s);

#endif
