/*
 * Damages BUILD files by seeded cuts, flips, insertions and moves, has them updated, and checks that a file
 * that does not parse is left alone, that every statement which is not testfan's own stands in the new text
 * as it stood, in the same order, and that a second update changes nothing.
 *
 *     build_mutations ROUNDS SEED BUILD…
 */
#include "base/diag.h"
#include "base/os.h"
#include "emit/build_file.h"
#include "emit/build_syntax.h"
#include "source/syntax.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t rng;

static size_t below(size_t n) {
    rng = rng * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(rng >> 33) % n;
}

static void damage(struct buf *b, const char *text, size_t n) {
    static const char *const inserts[] = {"\n",
                                          "# keep\n",
                                          "  # keep",
                                          ",",
                                          "]",
                                          ")",
                                          "\"",
                                          "\"\"\"",
                                          "\\",
                                          "\t",
                                          "\r\n",
                                          "\xff",
                                          " + select({})",
                                          "x = 1\n",
                                          "[f(name = n) for n in []]\n",
                                          "pytest_test(name = \"test_money\")\n",
                                          "tags = [\"testfan\"],",
                                          "load(\"//tools/testfan:pytest.bzl\", \"other\")\n",
                                          "exports_files([\"a.txt\"])\n",
                                          "# testfan\nexports_files([\"b.txt\"])\n"};
    buf_reset(b);
    size_t at = below(n + 1), from = below(n + 1), len = below(60);
    if (from + len > n)
        len = n - from;
    buf_add(b, text, at);
    switch (below(4)) {
    case 0:
        buf_str(b, inserts[below(sizeof inserts / sizeof *inserts)]);
        buf_add(b, text + at, n - at);
        break;
    case 1:
        if (at < n)
            buf_char(b, (char)(text[at] ^ (1 << below(7))));
        buf_add(b, text + at + (at < n), n - at - (at < n));
        break;
    case 2:
        len = len < n - at ? len : n - at;
        buf_add(b, text + at + len, n - at - len);
        break;
    default:
        buf_add(b, text + from, len);
        buf_add(b, text + at, n - at);
    }
    for (size_t i = 0; i < b->len; i++)
        if (!b->s[i])
            b->s[i] = ' ';
}

static struct strs strings(struct arena *a, const char *one, const char *other) {
    struct strs s = {0};
    array_push(a, &s, one);
    if (other)
        array_push(a, &s, other);
    return s;
}

static struct build_wanted make_wanted(struct arena *a, const struct strs *kinds) {
    struct build_wanted w = {.kinds = kinds};
    static const char *const names[][3] = {{"py_files", "money", "money.py"},
                                           {"pytest_test", "test_money", "test_money.py"}};
    for (size_t i = 0; i < 2; i++) {
        struct rule r = {.kind = names[i][0], .name = names[i][1]};
        array_push(a, &r, ((struct attribute){"srcs", true, false, strings(a, names[i][2], NULL)}));
        array_push(a, &r, ((struct attribute){"tags", true, false, strings(a, RULE_TAG, NULL)}));
        array_push(a, &r, ((struct attribute){"deps", true, false, strings(a, ":currency", "//lib:rates")}));
        array_push(a, &w, ((struct wanted_rule){.rule = r, .bzl = "//tools/testfan:pytest.bzl"}));
    }
    array_push(a, &w.exports, "b.txt");
    return w;
}

/* Whether the statement may be changed: a rule of testfan's, a load, the exports that are its own. */
static bool is_open(const struct build_file *f, TSNode statement, const struct strs *kinds) {
    const char *kind;
    TSNode call = build_call(f, statement, &kind);
    const char *text = build_text(f, statement);
    if (ts_node_is_null(call)) /* a backslash at the end of a line belongs to what is around it */
        return strcmp(text, EXPORTS_MARK) == 0 || *text == '\\';
    if (strcmp(kind, "load") == 0 || build_is_our_exports(f, statement, kind))
        return true;
    ARRAY_FOR (const struct build_rule, r, &f->rules)
        if (start_of(r->statement) == start_of(statement))
            return r->ours && !r->keep && strs_has(kinds, r->kind);
    return false;
}

static bool keeps_the_rest(const struct build_file *f, const struct strs *kinds, const char *out) {
    TSNode root = ts_tree_root_node(f->tree);
    for (uint32_t i = 0; i < ts_node_child_count(root); i++) {
        TSNode statement = ts_node_child(root, i);
        if (is_open(f, statement, kinds))
            continue;
        const char *text = build_text(f, statement), *there = strstr(out, text);
        if (!there) {
            fprintf(stderr, "lost: %s\n", text);
            return false;
        }
        out = syntax_is(statement, KIND_COMMENT) ? out : there + strlen(text);
    }
    return true;
}

static bool one_round(const char *text, size_t n) {
    struct arena a = {0};
    struct buf damaged = {0}, out = {0}, again = {0};
    damage(&damaged, text, n);
    buf_str(&damaged, "");
    const struct strs kinds = strings(&a, "py_files", "pytest_test");
    const struct build_wanted wanted = make_wanted(&a, &kinds);
    struct build_file f, g;
    build_file_read(&f, &a, "BUILD.bazel", arena_strndup(&a, damaged.s, damaged.len));
    bool ok = true;
    if (!f.broken) {
        build_file_update(&f, &wanted, &out);
        buf_str(&out, "");
        ok = keeps_the_rest(&f, &kinds, out.s);
        build_file_read(&g, &a, "BUILD.bazel", arena_strndup(&a, out.s, out.len));
        if (g.broken) {
            fputs("the new text does not parse\n", stderr);
            ok = false;
        } else {
            build_file_update(&g, &wanted, &again);
            buf_str(&again, "");
            if (strcmp(again.s, out.s) != 0) {
                fputs("a second update changes it again\n", stderr);
                ok = false;
            }
        }
        build_file_free(&g);
    }
    if (!ok)
        fprintf(stderr, "--- given\n%s\n--- made\n%s\n--- again\n%s\n", damaged.s, out.s,
                again.s ? again.s : "");
    build_file_free(&f);
    buf_free(&damaged);
    buf_free(&out);
    buf_free(&again);
    arena_free(&a);
    return ok;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: build_mutations ROUNDS SEED BUILD...\n");
        return 2;
    }
    long rounds = strtol(argv[1], NULL, 10), failed = 0;
    rng = strtoull(argv[2], NULL, 10);
    diag_set("build-file", true);
    struct arena a = {0};
    for (int i = 3; i < argc; i++) {
        size_t n = 0;
        const char *text = os_read(&a, argv[i], &n);
        for (long r = 0; text && r < rounds && failed < 5; r++)
            if (!one_round(text, n)) {
                fprintf(stderr, "%s: round %ld\n", argv[i], r);
                failed++;
            }
    }
    arena_free(&a);
    printf("build_mutations: %ld rounds a file, %d files, %ld failed\n", rounds, argc - 3, failed);
    return failed != 0;
}
