/*
 * Parses Python files by outline and in full and compares the facts: first every file as it is, then seeded
 * mutations.
 *
 *     outline_mutations SEED COUNT FOLDER...
 *
 * Where the full parse finds no syntax error, the facts must be the same, byte for byte, unless CPython
 * rejects the file (tree-sitter takes some of what is no Python, as `f()x = 1`). Where it finds one, its
 * recovery may make anything of the rest of the file, and the outline, which does not look into most
 * statements, may know better: then it must give at least every import that the full parse gives on lines
 * before the error.
 */
#include "base/arena.h"
#include "base/os.h"
#include "base/str.h"
#include "source/facts.h"
#include "source/parse.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct arena arena;
static struct strs files;

static int note_file(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)ftw;
    if (type == FTW_F && str_ends(path, ".py"))
        array_push(&arena, &files, arena_strdup(&arena, path));
    return 0;
}

static uint64_t state;

static uint32_t any(uint32_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return below ? (uint32_t)((state >> 11) % below) : 0;
}

static const char *const scraps[] = {
    "'",
    "\"",
    "'''",
    "\"\"\"",
    "f'",
    "f\"{",
    "t\"{x}\"",
    "rf'{a!r:>{w}}'",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "\\",
    "\\\n",
    "\r",
    "\r\n",
    "\n",
    "\f",
    "\t",
    " ",
    "    ",
    "#",
    "# testfan: data=x\n",
    ":",
    ";",
    "; import late",
    "@mark.slow\n",
    "@",
    "if TYPE_CHECKING:\n",
    "try:\n",
    "except ImportError:\n",
    "else:\n",
    "import a.b as c\n",
    "from . import (x,\n  y)\n",
    "from .. import *\n",
    "importlib.import_module('m')",
    "mock.patch(\n'a.b')",
    "pytestmark = 1\n",
    "class A(B): pass\n",
    "def f(): import z\n",
    "lambda: 0",
    "async ",
    "match x:\n",
    "case 1:\n",
    "\xef\xbb\xbf",
    "\xe9",
    "...",
    "=",
    "==",
    ",",
    "f'{x!r}{{}}'",
    "b'\\''",
    "r'\\'",
    "0",
};

static size_t line_start(const struct buf *b, size_t at) {
    while (at > 0 && b->s[at - 1] != '\n')
        at--;
    return at;
}

static size_t line_end(const struct buf *b, size_t at) {
    while (at < b->len && b->s[at] != '\n')
        at++;
    return at < b->len ? at + 1 : at;
}

static void replace(struct buf *b, size_t from, size_t to, const char *with, size_t n) {
    struct buf out = {0};
    buf_add(&out, b->s, from);
    buf_add(&out, with, n);
    buf_add(&out, b->s + to, b->len - to);
    buf_free(b);
    *b = out;
}

static void mutate(struct buf *b) {
    for (uint32_t n = 1 + any(3); n; n--) {
        size_t at = any((uint32_t)b->len + 1), from = line_start(b, at), to = line_end(b, at);
        const char *scrap = scraps[any(sizeof scraps / sizeof *scraps)];
        char *line = arena_strndup(&arena, b->s + from, to - from);
        switch (any(8)) {
        case 0:
            replace(b, at, at < b->len ? at + 1 : at, "", 0);
            break;
        case 1:
            replace(b, from, to, "", 0);
            break;
        case 2:
            replace(b, to, to, line, strlen(line));
            break;
        case 3:
            replace(b, from, from, scrap, strlen(scrap));
            break;
        case 4: {
            size_t other = line_start(b, any((uint32_t)b->len + 1));
            replace(b, other, other, line, strlen(line));
            break;
        }
        case 5:
            if (any(10) == 0)
                replace(b, at, b->len, "", 0);
            break;
        default:
            replace(b, at, at, scrap, strlen(scrap));
            break;
        }
    }
}

static bool has_import(const struct facts *f, const struct facts *of, const struct fact_import *wanted) {
    FACTS_FOR(struct fact_import, i, f, imports)
    if (i->line == wanted->line && strcmp(facts_str(f, i->module), facts_str(of, wanted->module)) == 0 &&
        strcmp(facts_str(f, i->name), facts_str(of, wanted->name)) == 0 && i->level == wanted->level)
        return true;
    return false;
}

static const char *difference_path(const char *suffix) {
    return arena_printf(&arena, "%s/testfan-difference-%ld.%s", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
                        (long)getpid(), suffix);
}

static bool write_source(const char *path, const char *bytes, size_t n) {
    FILE *source = fopen(path, "wb");
    bool ok = source && fwrite(bytes, 1, n, source) == n;
    return source && fclose(source) == 0 && ok;
}

static bool python_takes(const char *bytes, size_t n) {
    static const char program[] = "import sys, warnings; warnings.simplefilter('ignore'); "
                                  "compile(open(sys.argv[1], 'rb').read(), 'x', 'exec')";
    struct buf out = {0};
    const char *path = difference_path("tried");
    int status = write_source(path, bytes, n)
                     ? os_run((const char *const[]){"python3", "-c", program, path, NULL}, &out, true)
                     : 0;
    unlink(path);
    buf_free(&out);
    return status == 0;
}

/* Whether an import stands where a statement can begin: tree-sitter also takes `lambda: 0import x` for two.
 */
static bool begins_statement(const char *bytes, size_t n, const struct fact_import *i) {
    size_t at = 0;
    for (uint32_t line = 1; line < i->line && at < n; at++)
        line += bytes[at] == '\n' || (bytes[at] == '\r' && (at + 1 == n || bytes[at + 1] != '\n'));
    size_t end = at + i->col - 1;
    while (end > at && end <= n && strchr(" \t\f", bytes[end - 1]))
        end--;
    return end == at || bytes[end - 1] == ';' || bytes[end - 1] == ':';
}

static bool agree(const struct facts *outline, const struct facts *full, const char *bytes, size_t n) {
    if (outline->size == full->size && memcmp(outline, full, full->size) == 0)
        return true;
    if (!(full->flags & FACT_SYNTAX_ERROR))
        return !python_takes(bytes, n);
    FACTS_FOR(struct fact_import, i, full, imports)
    if (i->line < full->error_line && !has_import(outline, full, i) && begins_statement(bytes, n, i))
        return false;
    return true;
}

static void print_facts(FILE *out, const struct facts *f) {
    fprintf(out, "  flags %u error %u:%u\n", f->flags, f->error_line, f->error_col);
    FACTS_FOR(struct fact_import, i, f, imports)
    fprintf(out, "  import %u:%u level %u '%s' '%s' as '%s' place %u\n", i->line, i->col, i->level,
            facts_str(f, i->module), facts_str(f, i->name), facts_str(f, i->as), i->place);
    FACTS_FOR(struct fact_def, d, f, defs)
    fprintf(out, "  def %u:%u '%s' kind %u parent %u place %u decorators %u bases %u\n", d->line, d->col,
            facts_str(f, d->name), d->kind, d->parent, d->place, d->decorators, d->bases);
    FACTS_FOR(struct fact_decorator, d, f, decorators)
    fprintf(out, "  @ %u '%s' '%s' ids %u\n", d->line, facts_str(f, d->callee), facts_str(f, d->args),
            d->ids);
    FACTS_FOR(struct fact_assign, assign, f, assigns)
    fprintf(out, "  assign %u '%s' '%s' place %u\n", assign->line, facts_str(f, assign->name),
            facts_str(f, assign->value), assign->place);
    FACTS_FOR(struct fact_ref, r, f, refs)
    fprintf(out, "  ref %u:%u '%s' kind %u place %u\n", r->line, r->col, facts_str(f, r->value), r->kind,
            r->place);
    FACTS_FOR(struct fact_directive, d, f, directives)
    fprintf(out, "  directive %u '%s'\n", d->line, facts_str(f, d->text));
}

static void report(const char *path, const char *bytes, size_t n, const struct facts *outline,
                   const struct facts *full) {
    static const char *const names[] = {"outline", "full"};
    const struct facts *both[] = {outline, full};
    write_source(difference_path("py"), bytes, n);
    fprintf(stderr, "DIFFERENT: %s, now %s, the facts beside it\n", path, difference_path("py"));
    for (int i = 0; i < 2; i++) {
        FILE *out = fopen(difference_path(names[i]), "w");
        if (!out)
            continue;
        print_facts(out, both[i]);
        fclose(out);
    }
}

struct counts {
    unsigned long files, bytes, whole, broken, different;
};

static bool check(struct parser *p, const char *path, const char *bytes, size_t n, struct counts *c) {
    struct arena a = {0};
    bool by_outline = false;
    const struct facts *outline = parse_file_how(p, &a, bytes, n, &by_outline),
                       *full = parse_file_full(p, &a, bytes, n);
    c->files++;
    c->bytes += n;
    c->whole += !by_outline;
    c->broken += full->flags & FACT_SYNTAX_ERROR;
    bool same = agree(outline, full, bytes, n) && facts_valid(outline, outline->size) &&
                facts_valid(full, full->size);
    if (!same && !c->different++)
        report(path, bytes, n, outline, full);
    arena_free(&a);
    return same;
}

static void print(const char *what, const struct counts *c) {
    printf("%s: %lu, %.1f MB, parsed whole %lu, with syntax errors %lu, different %lu\n", what, c->files,
           (double)c->bytes / 1e6, c->whole, c->broken, c->different);
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fputs("usage: outline_mutations SEED COUNT FOLDER...\n", stderr);
        return 2;
    }
    state = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15ull + 1;
    unsigned long count = strtoul(argv[2], NULL, 10);
    for (int i = 3; i < argc; i++)
        nftw(argv[i], note_file, 32, FTW_PHYS);
    strs_sort(&files);
    struct parser *p = parser_new();
    struct counts real = {0}, mutated = {0};
    for (uint32_t i = 0; i < files.len; i++) {
        size_t n = 0;
        char *bytes = os_read(NULL, files.items[i], &n);
        if (bytes)
            check(p, files.items[i], bytes, n, &real);
        free(bytes);
    }
    print("files", &real);
    for (unsigned long i = 0; i < count && files.len; i++) {
        const char *path = files.items[any(files.len)];
        size_t n = 0;
        char *bytes = os_read(NULL, path, &n);
        struct buf b = {0};
        buf_add(&b, bytes, n < 40000 ? n : 40000);
        mutate(&b);
        check(p, path, b.s, b.len, &mutated);
        buf_free(&b);
        free(bytes);
    }
    print("mutations", &mutated);
    parser_free(p);
    arena_free(&arena);
    return real.different || mutated.different || !files.len;
}
