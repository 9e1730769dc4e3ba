#ifndef FACTS_TEXT_H
#define FACTS_TEXT_H

#include "base/str.h"
#include "source/facts.h"

/* Facts as lines of text, for tests to compare: one letter for each place that holds (F function, T type
 * checking, I try import, C conditional, K class, E example), parents and lists by name. */
static inline const char *place_text(uint32_t place) {
    static char text[7];
    char *end = text;
    for (int i = 0; i < 6; i++)
        if (place & 1u << i)
            *end++ = "FTICKE"[i];
    *end = 0;
    return text;
}

static inline const char *def_text(const struct facts *f, uint32_t def) {
    const struct fact_def *defs = facts_at(f, f->defs.at);
    return def == FACT_NONE ? "" : facts_str(f, defs[def].name);
}

static inline void facts_text(struct buf *out, const struct facts *f) {
    buf_str(out, "");
    if (f->flags)
        buf_fmt(out, "flags %u %u:%u\n", f->flags, f->error_line, f->error_col);
    FACTS_FOR(struct fact_import, i, f, imports)
    buf_fmt(out, "import %u:%u %.*s%s|%s|%s %s\n", i->line, i->col, i->level, "........",
            facts_str(f, i->module), facts_str(f, i->name), facts_str(f, i->as), place_text(i->place));
    FACTS_FOR(struct fact_def, d, f, defs) {
        buf_fmt(out, "%s %u:%u %s.%s %s", d->kind == DEF_CLASS ? "class" : "def", d->line, d->col,
                def_text(f, d->parent), facts_str(f, d->name), place_text(d->place));
        const struct fact_decorator *decorators = facts_at(f, f->decorators.at);
        for (uint32_t i = d->first_decorator; i < d->first_decorator + d->decorators; i++)
            buf_fmt(out, " @%u:%s%s%s%s", decorators[i].line, facts_str(f, decorators[i].callee),
                    decorators[i].called ? "(" : "", facts_str(f, decorators[i].args),
                    decorators[i].called ? ")" : "");
        const fact_base *bases = facts_at(f, f->bases.at);
        for (uint32_t i = d->first_base; i < d->first_base + d->bases; i++)
            buf_fmt(out, " <%s", facts_str(f, bases[i]));
        buf_char(out, '\n');
    }
    FACTS_FOR(struct fact_assign, a, f, assigns)
    buf_fmt(out, "assign %u:%u %s.%s=%s %s\n", a->line, a->col, def_text(f, a->parent), facts_str(f, a->name),
            facts_str(f, a->value), place_text(a->place));
    FACTS_FOR(struct fact_ref, r, f, refs)
    buf_fmt(out, "ref %u:%u %u %s %s\n", r->line, r->col, r->kind, facts_str(f, r->value),
            place_text(r->place));
    FACTS_FOR(struct fact_directive, d, f, directives)
    buf_fmt(out, "directive %u %s\n", d->line, facts_str(f, d->text));
}

#endif
