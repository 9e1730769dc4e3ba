/*
 * Damages real pytest reports by seeded cuts, flips, insertions and deletions, merges and shows them, and
 * checks that the output is well-formed and that no test case that was whole before the damage is lost.
 *
 *     merge_mutations ROUNDS SEED REPORT.xml…
 */
#include "base/os.h"
#include "base/str.h"
#include "report/merge.h"
#include "report/terminal.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t rng;
static FILE *null;

static size_t below(size_t n) {
    rng = rng * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(rng >> 33) % n;
}

/* Damages the text somewhere; returns the first byte that is not as it was. */
static size_t damage(struct buf *b, const char *text, size_t n) {
    static const char *const inserts[] = {"<",
                                          "&",
                                          "]]>",
                                          "</testcase>",
                                          "<testsuite>",
                                          "<!DOCTYPE x>",
                                          "\xff",
                                          "<![CDATA[",
                                          "<error/>",
                                          "&#0;",
                                          "&lt;",
                                          "<!--",
                                          "</testsuite>",
                                          "\"",
                                          "<testcase>",
                                          "<testcase><failure/></testcase>",
                                          " q:a='1'",
                                          "<q:x/>",
                                          ":"};
    size_t at = below(n);
    buf_reset(b);
    buf_add(b, text, at);
    switch (below(4)) {
    case 0:
        break;
    case 1:
        buf_char(b, (char)(text[at] ^ (1 << below(8))));
        buf_add(b, text + at + 1, n - at - 1);
        break;
    case 2:
        buf_str(b, inserts[below(sizeof inserts / sizeof *inserts)]);
        buf_add(b, text + at, n - at);
        break;
    case 3: {
        size_t gone = 1 + below(n - at);
        buf_add(b, text + at + gone, n - at - gone);
        break;
    }
    }
    return at;
}

/* pytest writes a '>' within a tag as "&gt;". */
static unsigned long whole_cases(const char *text, size_t n) {
    static const char begin[] = "<testcase ", end[] = "</testcase>";
    unsigned long count = 0;
    const char *last = text + n, *tag = NULL;
    for (const char *p = text; p < last; p++) {
        size_t left = (size_t)(last - p);
        if (left >= sizeof begin - 1 && memcmp(p, begin, sizeof begin - 1) == 0)
            tag = p;
        else if (tag && *p == '>') {
            count += p[-1] == '/';
            tag = NULL;
        } else if (left >= sizeof end - 1 && memcmp(p, end, sizeof end - 1) == 0)
            count++;
    }
    return count;
}

/* Test cases that no report held. */
static unsigned long made_here(const struct summary *s) {
    unsigned long n = 0;
    ARRAY_FOR (const struct problem, p, &s->problems)
        n += str_starts(p->message, "no readable report");
    return n;
}

/* Also without an undeclared prefix, which libxml2 lets pass and others do not. */
static bool well_formed(const char *path) {
    xmlResetLastError();
    xmlDocPtr doc = xmlReadFile(path, NULL, XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET);
    if (doc)
        xmlFreeDoc(doc);
    return doc != NULL && !xmlGetLastError();
}

static bool one_round(const char *text, size_t n, const char *in_path, const char *out_path) {
    struct buf damaged = {0};
    size_t at = damage(&damaged, text, n);
    FILE *f = fopen(in_path, "w");
    bool ok = f && fwrite(damaged.s ? damaged.s : "", 1, damaged.len, f) == damaged.len;
    ok = f && fclose(f) == 0 && ok;
    struct arena a = {0};
    struct summary s;
    const struct merge_input in = {below(2) ? "t.py" : NULL, in_path, NULL, NULL};
    ok = ok && merge_reports(&a, &in, 1, out_path, &s);
    if (ok)
        terminal_summary(null, &s, &(struct terminal_options){.color = true, .durations = 3});
    if (ok && !well_formed(out_path)) {
        fprintf(stderr, "damaged at byte %zu: the output is not well-formed\n", at);
        ok = false;
    }
    unsigned long kept = ok ? s.tests - made_here(&s) : 0;
    if (ok && kept < whole_cases(text, at)) {
        fprintf(stderr, "damaged at byte %zu: %lu test cases of %lu\n", at, kept, whole_cases(text, at));
        ok = false;
    }
    arena_free(&a);
    buf_free(&damaged);
    return ok;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: merge_mutations ROUNDS SEED REPORT.xml...\n");
        return 2;
    }
    char dir[] = "/tmp/testfan-fuzz-XXXXXX";
    null = fopen("/dev/null", "w");
    if (!mkdtemp(dir) || !null)
        return 2;
    struct arena a = {0};
    const char *in = os_join(&a, dir, "in.xml"), *out = os_join(&a, dir, "out.xml");
    rng = strtoull(argv[2], NULL, 10);
    long rounds = atol(argv[1]), failed = 0;
    for (int i = 3; i < argc; i++) {
        size_t n = 0;
        char *text = os_read(&a, argv[i], &n);
        if (!text || !n) {
            perror(argv[i]);
            return 2;
        }
        for (long r = 0; r < rounds; r++)
            failed += !one_round(text, n, in, out);
    }
    os_remove_tree(dir);
    arena_free(&a);
    fclose(null);
    printf("merge_mutations: %ld rounds a report, %ld failed\n", rounds, failed);
    return failed != 0;
}
