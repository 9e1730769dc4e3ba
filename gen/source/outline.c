#include "source/outline.h"
#include "source/scanner.h"

#include <string.h>

enum { DEEPEST_BLOCK = 100 };

enum block_kind { BLOCK_OTHER, BLOCK_FUNCTION, BLOCK_MATCH };

struct block {
    uint32_t col, alt; /* indentation with tabs to the next 8, and with tabs as 1 */
    enum block_kind kind;
    size_t indent, indent_len; /* where its indentation stands in the source */
    size_t text;               /* how long the outline was when it opened */
    uint32_t origins;
    bool content;  /* something of it was copied */
    bool interest; /* something in it can hold a fact, at any depth */
};

struct cutter {
    struct outline *o;
    const char *s;
    size_t n;
    struct block blocks[DEEPEST_BLOCK];
    unsigned depth;        /* of the innermost block */
    bool opening;          /* the last line opened a block */
    enum block_kind opens; /* of that kind */
    unsigned functions;    /* how many of the blocks are functions */
};

static void copy_lines(struct cutter *c, size_t from, size_t to, uint32_t line) {
    struct outline *o = c->o;
    while (from < to) {
        const char *end = memchr(c->s + from, '\n', to - from);
        size_t next = end ? (size_t)(end - c->s) + 1 : to;
        array_push(&o->arena, &o->origins, (struct origin){(uint32_t)o->text.len, line++, 0});
        buf_add(&o->text, c->s + from, next - from);
        from = next;
    }
    if (c->s[to - 1] != '\n')
        buf_char(&o->text, '\n');
}

static void put_ellipsis(struct cutter *c, const struct block *b) {
    buf_add(&c->o->text, c->s + b->indent, b->indent_len);
    buf_str(&c->o->text, "...\n");
}

static void close_block(struct cutter *c) {
    struct block *b = &c->blocks[c->depth--];
    if (b->kind == BLOCK_FUNCTION) {
        c->functions--;
        if (!b->interest) {
            c->o->text.len = b->text;
            c->o->origins.len = b->origins;
            b->content = false;
        }
    }
    if (!b->content)
        put_ellipsis(c, b);
    c->blocks[c->depth].interest |= b->interest;
}

static bool open_block(struct cutter *c, uint32_t col, uint32_t alt, size_t indent, size_t indent_len) {
    const struct block *top = &c->blocks[c->depth];
    if (col <= top->col || alt <= top->alt || c->depth + 1 == DEEPEST_BLOCK)
        return false;
    c->functions += c->opens == BLOCK_FUNCTION;
    c->blocks[++c->depth] = (struct block){.col = col,
                                           .alt = alt,
                                           .kind = c->opens,
                                           .indent = indent,
                                           .indent_len = indent_len,
                                           .text = c->o->text.len,
                                           .origins = c->o->origins.len};
    c->opening = false;
    return true;
}

/* Brings the blocks in line with the indentation of the next statement. */
static bool set_indent(struct cutter *c, uint32_t col, uint32_t alt, size_t indent, size_t indent_len) {
    if (c->opening)
        return open_block(c, col, alt, indent, indent_len);
    while (c->depth && col < c->blocks[c->depth].col)
        close_block(c);
    return col == c->blocks[c->depth].col && alt == c->blocks[c->depth].alt;
}

static enum block_kind header_kind(const char *s) {
    if (starts_word(s, "async"))
        for (s += 5; *s == ' ' || *s == '\t'; s++) {
        }
    return starts_word(s, "def") ? BLOCK_FUNCTION : starts_word(s, "match") ? BLOCK_MATCH : BLOCK_OTHER;
}

/* Whether a statement that opens no block has its body on the same line. */
static bool is_compound(const struct cutter *c, const char *s) {
    static const char *const words[] = {"if",     "elif",    "else", "for", "while", "try",
                                        "except", "finally", "with", "def", "class", "async"};
    if (*s < 'a' || *s > 'w')
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (*s == *words[i] && starts_word(s, words[i]))
            return true;
    return c->blocks[c->depth].kind == BLOCK_MATCH && starts_word(s, "case");
}

static void take_statement(struct cutter *c, size_t from, size_t at, const struct logical_line *line,
                           uint32_t number) {
    const char *s = c->s + at;
    struct block *top = &c->blocks[c->depth];
    bool interest =
        line->has_call || line->has_import || starts_import(s) || (!c->functions && starts_assignment(s));
    top->interest |= interest;
    if (!interest && !line->opens_block && *s != '@' && !is_compound(c, s))
        return;
    copy_lines(c, from, line->end, number);
    top->content |= *s != '@';
    if (line->opens_block) {
        c->opening = true;
        c->opens = header_kind(s);
    }
}

static void take_comment(struct cutter *c, size_t at, uint32_t line) {
    size_t end = at;
    while (end < c->n && c->s[end] != '\n')
        end++;
    array_push(&c->o->arena, &c->o->comments,
               (struct outline_comment){(uint32_t)at, (uint32_t)(end - at), line});
}

static bool cut_lines(struct cutter *c) {
    uint32_t number = 0;
    for (size_t from = 0; from < c->n;) {
        uint32_t col = 0, alt = 0;
        size_t at = from;
        for (;; at++) {
            if (c->s[at] == ' ') {
                col++;
                alt++;
            } else if (c->s[at] == '\t') {
                col = (col / 8 + 1) * 8;
                alt++;
            } else if (c->s[at] == '\f') {
                col = alt = 0;
            } else {
                break;
            }
        }
        if (c->s[at] == '\n' || (c->s[at] == '\r' && c->s[at + 1] == '\n') || c->s[at] == '#' || at == c->n) {
            const char *end = memchr(c->s + at, '\n', c->n - at);
            size_t next = end ? (size_t)(end - c->s) + 1 : c->n;
            if (c->s[at] == '#' && starts_directive(c->s + at))
                take_comment(c, at, number + 1);
            from = next;
            number++;
            continue;
        }
        struct logical_line line;
        if (c->s[at] == '\\' || !set_indent(c, col, alt, from, at - from) ||
            !scan_line(c->s, c->n, at, &line))
            return false;
        take_statement(c, from, at, &line, number);
        for (unsigned i = 0; i < line.n_directives; i++)
            take_comment(c, line.directives[i],
                         number + count_breaks(c->s + at, c->s + line.directives[i]) + 1);
        from = line.end;
        number += line.breaks;
    }
    if (c->opening)
        return false;
    while (c->depth)
        close_block(c);
    return true;
}

bool outline_cut(struct outline *o, const char *s, size_t n) {
    buf_reset(&o->text);
    arena_free(&o->arena);
    o->origins = (struct origins){0};
    o->comments.items = NULL;
    o->comments.len = o->comments.cap = 0;
    if (n > UINT32_MAX / 2)
        return false;
    buf_str(&o->text, "");
    struct cutter c = {.o = o, .s = s, .n = n};
    return cut_lines(&c);
}

void outline_free(struct outline *o) {
    buf_free(&o->text);
    arena_free(&o->arena);
}
