#include "source/parse.h"
#include "base/diag.h"
#include "source/bindings.h"
#include "source/decode.h"
#include "source/directive.h"
#include "source/waits.h"
#include "source/examples.h"
#include "source/facts.h"
#include "source/outline.h"
#include "source/slice.h"
#include "source/syntax.h"
#include "source/walk.h"
#include "source/words.h"

#include <stdlib.h>
#include <string.h>

struct parser {
    TSParser *ts;
    struct buf source;      /* the file as both parsers see it */
    struct outline outline; /* what was cut from it */
    bool cut;               /* it was cut to the end */
    struct examples examples;
    struct bound_values values;
};

struct parser *parser_new(void) {
    struct parser *p = calloc(1, sizeof *p);
    if (!p || !(p->ts = ts_parser_new()))
        die("out of memory");
    if (!ts_parser_set_language(p->ts, syntax_language()))
        die("this libtree-sitter cannot load the Python grammar");
    return p;
}

void parser_free(struct parser *p) {
    bound_values_free(&p->values);
    ts_parser_delete(p->ts);
    buf_free(&p->source);
    outline_free(&p->outline);
    examples_free(&p->examples);
    free(p);
}

static const struct facts *no_facts(struct arena *a) {
    struct facts_builder b = {.arena = a, .flags = FACT_ENCODING};
    return facts_pack(&b, a);
}

/* The part of a text that is parsed next. */
struct slice {
    uint32_t from, to;
    TSPoint at; /* where it begins */
};

static bool next_slice(const struct buf *text, bool balanced, struct slice *slice) {
    for (; slice->from < slice->to; slice->from++) {
        bool ends_line = text->s[slice->from] == '\n';
        slice->at.row += ends_line;
        slice->at.column = ends_line ? 0 : slice->at.column + 1;
    }
    slice->to = (uint32_t)slice_end(text->s, text->len, slice->from, balanced);
    return slice->from < slice->to;
}

/* The grammar's scanner forgets to leave an f-string when a file ends in one: after an error it is made anew,
   or the next file would be read as if it began inside that string. */
static TSTree *parse_slice(struct parser *p, const struct buf *text, const struct slice *slice) {
    TSRange range = {slice->at, {UINT32_MAX, UINT32_MAX}, slice->from, slice->to};
    ts_parser_set_included_ranges(p->ts, &range, slice->to < text->len || slice->from);
    TSTree *tree = ts_parser_parse_string(p->ts, NULL, text->s, (uint32_t)text->len);
    if (ts_node_has_error(ts_tree_root_node(tree)))
        ts_parser_set_language(p->ts, syntax_language());
    return tree;
}

static fact_str copy_text(struct facts_builder *to, const struct facts_builder *from, fact_str s) {
    const char *text = s ? from->text.items + s : "";
    return facts_add_text(to, text, (uint32_t)strlen(text));
}

/* Of doctest examples only the imports count: they define nothing that pytest collects. */
static void add_examples(struct parser *p, struct facts_builder *b) {
    struct examples *e = &p->examples;
    for (examples_begin(e, p->source.s, p->source.len); examples_next(e);) {
        struct facts_builder found = {.arena = b->arena};
        TSTree *tree = parse_slice(p, &e->text, &(struct slice){.to = (uint32_t)e->text.len});
        walk_tree(&found, tree, e->text.s, &e->origins, &p->values);
        ts_tree_delete(tree);
        ARRAY_FOR (const struct fact_import, import, &found.imports) {
            struct fact_import i = *import;
            i.module = copy_text(b, &found, i.module);
            i.name = copy_text(b, &found, i.name);
            i.as = copy_text(b, &found, i.as);
            i.place |= PLACE_EXAMPLE;
            array_push(b->arena, &b->imports, i);
        }
    }
}

static void begin_values(struct parser *p) {
    bound_values_free(&p->values);
    p->values = (struct bound_values){.ts = p->ts, .s = p->source.s, .n = p->source.len};
}

static void scan_bindings(const struct parser *p, struct facts_builder *b) {
    static const struct outline_line none;
    const struct outline_line *lines = p->outline.lines.items ? p->outline.lines.items : &none;
    bindings_scan(b, p->source.s, p->source.len, p->cut ? lines : NULL, p->cut ? p->outline.lines.len : 0);
}

static uint32_t first_code(const struct parser *p) {
    return p->cut ? outline_first_code(&p->outline, p->source.s) : 0;
}

static uint32_t waits_of(const struct parser *p) {
    return waits_scan(p->source.s, p->source.len);
}

static const struct facts *parse_whole(struct parser *p, struct arena *a) {
    struct arena scratch = {0};
    struct facts_builder b = {.arena = &scratch, .first_code = first_code(p), .waits = waits_of(p)};
    for (struct slice slice = {0}; next_slice(&p->source, false, &slice);) {
        TSTree *tree = parse_slice(p, &p->source, &slice);
        walk_tree(&b, tree, p->source.s, NULL, &p->values);
        ts_tree_delete(tree);
    }
    words_scan(&b, p->source.s, p->source.len);
    scan_bindings(p, &b);
    add_examples(p, &b);
    const struct facts *f = facts_pack(&b, a);
    arena_free(&scratch);
    return f;
}

/* NULL where the outline turns out not to be Python. */
static const struct facts *parse_outline(struct parser *p, struct arena *a) {
    const struct outline *o = &p->outline;
    struct arena scratch = {0};
    struct facts_builder b = {.arena = &scratch, .first_code = first_code(p), .waits = waits_of(p)};
    bool ok = true;
    for (struct slice slice = {0}; ok && next_slice(&o->text, true, &slice);) {
        TSTree *tree = parse_slice(p, &o->text, &slice);
        ok = !ts_node_has_error(ts_tree_root_node(tree));
        if (ok)
            walk_tree(&b, tree, o->text.s, &o->origins, &p->values);
        ts_tree_delete(tree);
    }
    for (uint32_t i = 0; i < o->comments.len; i++)
        directive_take(&b, p->source.s + o->comments.items[i].at, o->comments.items[i].len,
                       o->comments.items[i].line);
    if (ok) {
        words_scan(&b, p->source.s, p->source.len);
        scan_bindings(p, &b);
        add_examples(p, &b);
    }
    const struct facts *f = ok ? facts_pack(&b, a) : NULL;
    arena_free(&scratch);
    return f;
}

const struct facts *parse_file_how(struct parser *p, struct arena *a, const char *bytes, size_t n,
                                   bool *by_outline) {
    *by_outline = false;
    if (!decode_source(&p->source, bytes, n))
        return no_facts(a);
    begin_values(p);
    p->cut = outline_cut(&p->outline, p->source.s, p->source.len);
    const struct facts *f = p->cut ? parse_outline(p, a) : NULL;
    *by_outline = f != NULL;
    return f ? f : parse_whole(p, a);
}

const struct facts *parse_file(struct parser *p, struct arena *a, const char *bytes, size_t n) {
    bool by_outline;
    return parse_file_how(p, a, bytes, n, &by_outline);
}

const struct facts *parse_file_full(struct parser *p, struct arena *a, const char *bytes, size_t n) {
    if (!decode_source(&p->source, bytes, n))
        return no_facts(a);
    begin_values(p);
    p->cut = outline_cut(&p->outline, p->source.s, p->source.len);
    return parse_whole(p, a);
}

const struct facts *parse_text(struct parser *p, struct arena *a, const char *bytes, size_t n) {
    struct arena scratch = {0};
    struct facts_builder b = {.arena = &scratch};
    buf_reset(&p->source);
    buf_add(&p->source, bytes, n);
    begin_values(p);
    add_examples(p, &b);
    const struct facts *f = facts_pack(&b, a);
    arena_free(&scratch);
    return f;
}
