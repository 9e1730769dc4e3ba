#include "source/facts.h"

#include <string.h>

fact_str facts_add_text(struct facts_builder *b, const char *s, uint32_t n) {
    if (!b->text.len)
        array_push(b->arena, &b->text, 0);
    if (!n)
        return 0;
    fact_str at = b->text.len;
    while (b->text.cap < b->text.len + n + 1)
        b->text.items = array_grow(b->arena, b->text.items, &b->text.cap, 1);
    memcpy(b->text.items + at, s, n);
    b->text.items[at + n] = 0;
    b->text.len += n + 1;
    return at;
}

static const uint32_t part_size[FACT_PARTS] = {
    sizeof(struct fact_import),
    sizeof(struct fact_def),
    sizeof(struct fact_decorator),
    sizeof(fact_str),
    sizeof(fact_base),
    sizeof(struct fact_assign),
    sizeof(struct fact_ref),
    sizeof(struct fact_directive),
    sizeof(struct fact_word),
    sizeof(struct fact_binding),
    1,
};

static uint32_t padded(uint32_t n) {
    return (n + 7) & ~7u;
}

const struct facts *facts_pack(const struct facts_builder *b, struct arena *a) {
    const struct {
        const void *items;
        uint32_t len;
    } given[FACT_PARTS] = {
        {b->imports.items, b->imports.len},
        {b->defs.items, b->defs.len},
        {b->decorators.items, b->decorators.len},
        {b->ids.items, b->ids.len},
        {b->bases.items, b->bases.len},
        {b->assigns.items, b->assigns.len},
        {b->refs.items, b->refs.len},
        {b->directives.items, b->directives.len},
        {b->words.items, b->words.len},
        {b->bindings.items, b->bindings.len},
        {b->text.len ? b->text.items : "", b->text.len ? b->text.len : 1},
    };
    uint32_t size = sizeof(struct facts);
    for (int i = 0; i < FACT_PARTS; i++)
        size += padded(given[i].len * part_size[i]);
    struct facts *f = arena_alloc(a, size);
    *f = (struct facts){.size = size,
                        .flags = b->flags,
                        .error_line = b->error_line,
                        .error_col = b->error_col,
                        .first_code = b->first_code,
                        .waits = b->waits};
    uint32_t at = sizeof *f;
    for (int i = 0; i < FACT_PARTS; i++) {
        f->parts[i] = (struct facts_part){at, given[i].len};
        if (given[i].len)
            memcpy((char *)f + at, given[i].items, given[i].len * part_size[i]);
        at += padded(given[i].len * part_size[i]);
    }
    return f;
}

static bool in_text(const struct facts *f, fact_str s) {
    return s < f->text.len;
}

static bool in_part(const struct facts_part *part, uint32_t first, uint32_t n) {
    return first <= part->len && n <= part->len - first;
}

static bool valid_strings(const struct facts *f) {
    bool ok = true;
    FACTS_FOR(struct fact_import, i, f, imports)
    ok &= in_text(f, i->module) && in_text(f, i->name) && in_text(f, i->as);
    FACTS_FOR(struct fact_def, d, f, defs)
    ok &= in_text(f, d->name) && in_part(&f->decorators, d->first_decorator, d->decorators) &&
          in_part(&f->bases, d->first_base, d->bases) && (d->parent == FACT_NONE || d->parent < f->defs.len);
    FACTS_FOR(struct fact_decorator, d, f, decorators)
    ok &= in_text(f, d->callee) && in_text(f, d->args) && in_part(&f->ids, d->first_id, d->ids);
    FACTS_FOR(fact_str, id, f, ids)
    ok &= in_text(f, *id);
    FACTS_FOR(fact_base, base, f, bases)
    ok &= in_text(f, *base);
    FACTS_FOR(struct fact_assign, assign, f, assigns)
    ok &= in_text(f, assign->name) && in_text(f, assign->value);
    FACTS_FOR(struct fact_ref, ref, f, refs)
    ok &= in_text(f, ref->value);
    FACTS_FOR(struct fact_directive, d, f, directives)
    ok &= in_text(f, d->text);
    FACTS_FOR(struct fact_word, w, f, words)
    ok &= in_text(f, w->text);
    FACTS_FOR(struct fact_binding, b, f, bindings)
    ok &= in_text(f, b->name) && in_text(f, b->value);
    return ok;
}

bool facts_valid(const struct facts *f, uint32_t size) {
    if (size < sizeof *f || f->size != size || size % 8)
        return false;
    uint64_t at = sizeof *f;
    for (int i = 0; i < FACT_PARTS; i++) {
        if (f->parts[i].at != at)
            return false;
        at += ((uint64_t)f->parts[i].len * part_size[i] + 7) & ~UINT64_C(7);
        if (at > size)
            return false;
    }
    return at == size && f->text.len && !facts_str(f, 0)[0] && !facts_str(f, f->text.len - 1)[0] &&
           valid_strings(f);
}

bool facts_is_global(uint32_t place) {
    return !(place & (PLACE_FUNCTION | PLACE_CLASS | PLACE_EXAMPLE | PLACE_TYPE_CHECKING));
}

bool facts_binds(const struct facts *f, const struct fact_import *i, const char *name) {
    const char *bound = facts_str(f, i->as ? i->as : i->name ? i->name : i->module);
    size_t len = i->as || i->name ? strlen(bound) : strcspn(bound, ".");
    return strlen(name) == len && memcmp(bound, name, len) == 0;
}
