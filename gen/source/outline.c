#include "source/outline.h"
#include "source/facts.h"
#include "source/scanner.h"

#include <ctype.h>
#include <string.h>

enum { DEEPEST_BLOCK = 100 };

enum block_kind { BLOCK_OTHER, BLOCK_FUNCTION, BLOCK_MATCH };

/* How long the outline was. */
struct mark {
    size_t text;
    uint32_t origins;
};

/* A compound statement with its decorators and its branches. Only when it holds facts does it stay. */
struct compound {
    struct mark from;
    bool open, content;
    bool decorated; /* the last line was a decorator */
};

struct block {
    uint32_t col, alt; /* indentation with tabs to the next 8, and with tabs as 1 */
    enum block_kind kind;
    struct compound last;
    size_t name; /* of a function that may be kept as its bare name: how far that is from its `def`, else 0 */
    bool content; /* something of it was copied */
};

struct cutter {
    struct outline *o;
    const char *s;
    size_t n;
    struct block blocks[DEEPEST_BLOCK];
    unsigned depth;        /* of the innermost block */
    bool opening;          /* the last line opened a block */
    enum block_kind opens; /* of that kind */
    size_t name;           /* its struct block's name */
    unsigned functions;    /* how many of the blocks are functions */
};

static void copy_lines(struct cutter *c, size_t from, size_t to, uint32_t line) {
    struct outline *o = c->o;
    while (from < to) {
        const char *end = memchr(c->s + from, '\n', to - from);
        size_t next = end ? (size_t)(end - c->s) + 1 : to;
        array_push(&o->arena, &o->origins, (struct origin){(uint32_t)o->text.len, line++, false});
        buf_add(&o->text, c->s + from, next - from);
        from = next;
    }
}

/* Names that the grammar takes for the beginning of a statement. */
static bool is_soft_keyword(const char *s) {
    static const char *const words[] = {"print", "exec", "match", "case", "type", "async", "await", NULL};
    return starts_any(s, words);
}

/* Makes the last line, `def name():` with `tail` bytes after the name, the name alone. */
static void bare_function(struct outline *o, size_t name, size_t tail) {
    struct origin *origin = &o->origins.items[o->origins.len - 1];
    char *def = o->text.s + origin->at + strspn(o->text.s + origin->at, " \t\f");
    size_t len = (size_t)(o->text.s + o->text.len - tail - (def + name));
    memmove(def, def + name, len);
    o->text.len = (size_t)(def + len - o->text.s);
    buf_char(&o->text, '\n');
    origin->function = true;
}

/* The statement `def name…:` as `def name():`, which holds the same facts. */
static bool copy_function(struct cutter *c, size_t from, size_t at, const struct logical_line *line,
                          uint32_t number) {
    size_t name = starts_word(c->s + at, "async") ? skip_blank(c->s, at + 5) : at;
    name = skip_blank(c->s, name + 3);
    size_t end = skip_word(c->s, name), after = skip_blank(c->s, end);
    if (c->s[after] != '(' && c->s[after] != '[')
        return false;
    if (!c->blocks[c->depth].last.decorated && !is_soft_keyword(c->s + name) &&
        !memchr(c->s + at, '\n', name - at))
        c->name = name - at;
    copy_lines(c, from, end, number);
    buf_str(&c->o->text, line->opens_block ? "():" : "():...");
    return true;
}

/* `class A[T = int](B):` without its type parameters: the grammar knows no defaults (PEP 696). */
static bool copy_generic_class(struct cutter *c, size_t from, size_t at, const struct logical_line *line,
                               uint32_t number) {
    size_t end = skip_word(c->s, skip_blank(c->s, at + 5));
    if (line->first_open != skip_blank(c->s, end) || c->s[line->first_open] != '[')
        return false;
    copy_lines(c, from, end, number);
    buf_add(&c->o->text, c->s + line->first_close + 1, line->code_end - line->first_close - 1);
    return true;
}

/* `except* A, B:` as `except (A, B):`: the grammar knows no list without brackets (PEP 758). */
static bool copy_except(struct cutter *c, size_t from, size_t at, const struct logical_line *line,
                        uint32_t number) {
    size_t first = skip_blank(c->s, at + 6);
    if (c->s[first] == '*')
        first = skip_blank(c->s, first + 1);
    if (!line->opens_block || line->first_close || !memchr(c->s + first, ',', line->code_end - first))
        return false;
    copy_lines(c, from, at + 6, number);
    buf_fmt(&c->o->text, " (%.*s):", (int)(line->code_end - 1 - first), c->s + first);
    return true;
}

static void copy_statement(struct cutter *c, size_t from, size_t at, const struct logical_line *line,
                           uint32_t number) {
    const char *s = c->s + at;
    bool bare = !line->has_call && !line->has_import;
    bool copied = bare && (c->opens == BLOCK_FUNCTION ? copy_function(c, from, at, line, number)
                           : starts_word(s, "class")  ? copy_generic_class(c, from, at, line, number)
                           : starts_word(s, "except") ? copy_except(c, from, at, line, number)
                                                      : false);
    if (!copied)
        copy_lines(c, from, line->code_end, number);
    buf_char(&c->o->text, '\n');
}

static struct mark mark_here(const struct cutter *c) {
    return (struct mark){c->o->text.len, c->o->origins.len};
}

/* The innermost block's last compound statement is complete. */
static void end_compound(struct cutter *c) {
    struct block *b = &c->blocks[c->depth];
    if (b->last.open && b->last.content) {
        b->content = true;
    } else if (b->last.open) {
        c->o->text.len = b->last.from.text;
        c->o->origins.len = b->last.from.origins;
    }
    b->last.open = false;
}

static void close_block(struct cutter *c) {
    end_compound(c);
    const struct block *b = &c->blocks[c->depth--];
    c->functions -= b->kind == BLOCK_FUNCTION;
    if (b->content) {
        c->blocks[c->depth].last.content = true;
    } else if (b->name) {
        bare_function(c->o, b->name, strlen("():\n"));
    } else {
        c->o->text.len--;
        buf_str(&c->o->text, "...\n");
    }
}

static bool open_block(struct cutter *c, uint32_t col, uint32_t alt) {
    const struct block *top = &c->blocks[c->depth];
    if (col <= top->col || alt <= top->alt || c->depth + 1 == DEEPEST_BLOCK)
        return false;
    c->functions += c->opens == BLOCK_FUNCTION;
    c->blocks[++c->depth] = (struct block){.col = col, .alt = alt, .kind = c->opens, .name = c->name};
    c->opening = false;
    return true;
}

/* Brings the blocks in line with the indentation of the next statement. */
static bool set_indent(struct cutter *c, uint32_t col, uint32_t alt) {
    if (c->opening)
        return open_block(c, col, alt);
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
static bool is_one_line_compound(const struct cutter *c, const char *s) {
    static const char *const words[] = {"if",      "elif", "else", "for",   "while", "try", "except",
                                        "finally", "with", "def",  "class", "async", NULL};
    return (*s >= 'a' && *s <= 'w' && starts_any(s, words)) ||
           (c->blocks[c->depth].kind == BLOCK_MATCH && starts_word(s, "case"));
}

static void take_compound(struct cutter *c, size_t from, size_t at, const struct logical_line *line,
                          uint32_t number) {
    const char *s = c->s + at;
    struct compound *last = &c->blocks[c->depth].last;
    if (!last->decorated && !continues_compound(s))
        end_compound(c);
    if (!last->open)
        *last = (struct compound){.from = mark_here(c), .open = true};
    c->opens = header_kind(s);
    c->name = 0;
    c->opening = line->opens_block;
    last->content |= line->has_call || line->has_import ||
                     (!c->functions && (c->opens == BLOCK_FUNCTION || starts_word(s, "class")));
    copy_statement(c, from, at, line, number);
    if (c->name && !line->opens_block)
        bare_function(c->o, c->name, strlen("():...\n"));
    last->decorated = *s == '@';
}

static void take_statement(struct cutter *c, size_t from, size_t at, const struct logical_line *line,
                           uint32_t number) {
    const char *s = c->s + at;
    struct block *top = &c->blocks[c->depth];
    if (line->opens_block || *s == '@' || is_one_line_compound(c, s)) {
        take_compound(c, from, at, line, number);
        return;
    }
    end_compound(c);
    top->last.decorated = false;
    if (!line->has_call && !line->has_import && !starts_import(s) && (c->functions || !starts_assignment(s)))
        return;
    c->opens = BLOCK_OTHER;
    copy_statement(c, from, at, line, number);
    top->content = true;
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
        if (c->s[at] == '\\' || !set_indent(c, col, alt) || !scan_line(c->s, c->n, at, &line))
            return false;
        if (!c->functions)
            array_push(&c->o->arena, &c->o->lines,
                       (struct outline_line){(uint32_t)at, (uint32_t)(line.code_end - at), number + 1,
                                             (uint32_t)(at - from) + 1});
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
    end_compound(c);
    return true;
}

bool outline_cut(struct outline *o, const char *s, size_t n) {
    buf_reset(&o->text);
    arena_free(&o->arena);
    o->origins = (struct origins){0};
    o->comments.items = NULL;
    o->comments.len = o->comments.cap = 0;
    o->lines.items = NULL;
    o->lines.len = o->lines.cap = 0;
    if (n > UINT32_MAX / 2)
        return false;
    buf_str(&o->text, "");
    struct cutter c = {.o = o, .s = s, .n = n};
    return cut_lines(&c);
}

/* `name = value` and `name: type = value`, without a call in it. */
static bool is_plain_assignment(const char *s, uint32_t n) {
    static const char *const others[] = {"try", "else", "finally", NULL};
    size_t end = skip_blank(s, skip_word(s, 0));
    return (s[end] == '=' || s[end] == ':') && !starts_any(s, others) && !memchr(s, '(', n);
}

/* Whether more is called in a decorator or at the head of a function than what stands there anyway: a default
 * value is computed when the function is defined. */
static bool calls_more(const char *s, uint32_t n) {
    unsigned calls = 0;
    for (uint32_t i = 1; i < n; i++)
        calls += s[i] == '(' && (isalnum((unsigned char)s[i - 1]) || (s[i - 1] && strchr("_])", s[i - 1])));
    return calls > 1;
}

/* Whether all that a statement can do is to bind names in its own module. */
static bool only_binds(const char *s, uint32_t n) {
    static const char *const words[] = {"import", "from", "def", "async", "class", "pass", NULL};
    static const char *const class[] = {"class", NULL}, *const function[] = {"def", "async", NULL};
    const char *text = s + strspn(s, "rRuU");
    if ((*s == '@' || starts_any(s, function)) && calls_more(s, n))
        return false;
    if (memchr(s, ';', n) || (starts_any(s, class) && memchr(s, '=', n))) /* `metaclass=` */
        return false;
    return *text == '"' || *text == '\'' || *s == '@' || starts_any(s, words) || is_plain_assignment(s, n);
}

uint32_t outline_first_code(const struct outline *o, const char *s) {
    ARRAY_FOR (const struct outline_line, l, &o->lines)
        if (!only_binds(s + l->at, l->len))
            return l->line;
    return FACT_NONE;
}

void outline_free(struct outline *o) {
    buf_free(&o->text);
    arena_free(&o->arena);
}
