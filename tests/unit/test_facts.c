#include "unit.h"

#include "base/arena.h"
#include "source/facts.h"

#include <stdlib.h>
#include <string.h>

/* A builder with one or two of everything. */
static void fill(struct facts_builder *b) {
    struct arena *a = b->arena;
    fact_str os = facts_add_text(b, "os", 2), path = facts_add_text(b, "path/", 4);
    array_push(a, &b->imports, (struct fact_import){.module = os, .name = path, .line = 1, .col = 1});
    array_push(a, &b->imports, (struct fact_import){.module = path, .level = 2, .line = 2, .col = 1});
    array_push(a, &b->bases, facts_add_text(b, "Base", 4));
    array_push(a, &b->ids, facts_add_text(b, "1-a", 3));
    array_push(a, &b->decorators,
               (struct fact_decorator){.callee = os, .args = path, .called = 1, .ids = 1, .ids_known = 1});
    array_push(a, &b->defs,
               (struct fact_def){.name = os, .parent = FACT_NONE, .kind = DEF_CLASS, .bases = 1});
    array_push(a, &b->defs, (struct fact_def){.name = path, .parent = 0, .decorators = 1});
    array_push(a, &b->assigns, (struct fact_assign){.name = os, .value = path, .parent = FACT_NONE});
    array_push(a, &b->refs, (struct fact_ref){.value = os, .kind = REF_PATCH});
    array_push(a, &b->directives, (struct fact_directive){.text = path, .line = 7});
}

static void test_empty_facts(void **state) {
    (void)state;
    struct arena a = {0};
    struct facts_builder b = {.arena = &a, .flags = FACT_ENCODING};
    const struct facts *f = facts_pack(&b, &a);
    assert_true(facts_valid(f, f->size));
    assert_int_equal(f->flags, FACT_ENCODING);
    assert_int_equal(f->imports.len, 0);
    assert_string_equal(facts_str(f, 0), "");
    arena_free(&a);
}

static void test_what_goes_in_comes_out(void **state) {
    (void)state;
    struct arena a = {0};
    struct facts_builder b = {.arena = &a, .flags = FACT_SYNTAX_ERROR, .error_line = 3, .error_col = 4};
    fill(&b);
    const struct facts *f = facts_pack(&b, &a);
    assert_true(facts_valid(f, f->size));
    assert_int_equal((uintptr_t)f % 8, 0);
    assert_int_equal(f->error_line, 3);
    assert_int_equal(f->error_col, 4);
    assert_int_equal(f->imports.len, 2);
    const struct fact_import *i = facts_at(f, f->imports.at);
    assert_string_equal(facts_str(f, i[0].module), "os");
    assert_string_equal(facts_str(f, i[0].name), "path");
    assert_string_equal(facts_str(f, i[0].as), "");
    assert_int_equal(i[1].level, 2);
    const struct fact_def *d = facts_at(f, f->defs.at);
    assert_int_equal(d[1].parent, 0);
    const fact_base *base = facts_at(f, f->bases.at);
    assert_string_equal(facts_str(f, base[d[0].first_base]), "Base");
    const fact_str *id = facts_at(f, f->ids.at);
    assert_string_equal(facts_str(f, *id), "1-a");
    const struct fact_directive *directive = facts_at(f, f->directives.at);
    assert_string_equal(facts_str(f, directive->text), "path");
    arena_free(&a);
}

static void test_equal_facts_are_equal_bytes(void **state) {
    (void)state;
    struct arena a = {0}, other = {0};
    struct facts_builder one = {.arena = &a}, two = {.arena = &other};
    fill(&one);
    fill(&two);
    const struct facts *f = facts_pack(&one, &a), *g = facts_pack(&two, &other);
    assert_int_equal(f->size, g->size);
    assert_memory_equal(f, g, f->size);
    arena_free(&a);
    arena_free(&other);
}

static void test_many_texts(void **state) {
    (void)state;
    struct arena a = {0};
    struct facts_builder b = {.arena = &a};
    enum { N = 20000 };
    fact_str *at = arena_alloc(&a, N * sizeof *at);
    for (int i = 0; i < N; i++)
        at[i] = facts_add_text(&b, "abcdefghijklmnopqrstuvwxyz", (uint32_t)i % 27);
    const struct facts *f = facts_pack(&b, &a);
    for (int i = 0; i < N; i++) {
        assert_int_equal(strlen(facts_str(f, at[i])), i % 27);
        assert_memory_equal(facts_str(f, at[i]), "abcdefghijklmnopqrstuvwxyz", (size_t)i % 27);
    }
    arena_free(&a);
}

/* Each of these makes a block that facts_pack() could not have made. */
static void test_damage_is_seen(void **state) {
    (void)state;
    struct arena a = {0};
    struct facts_builder b = {.arena = &a};
    fill(&b);
    const struct facts *whole = facts_pack(&b, &a);
    const uint32_t size = whole->size;
    struct facts *f = malloc(size);
    assert_non_null(f);
#define DAMAGED(change)                     \
    do {                                    \
        memcpy(f, whole, size);             \
        assert_true(facts_valid(f, size));  \
        change;                             \
        assert_false(facts_valid(f, size)); \
    } while (0)
#define PART(type, part) ((type *)(void *)((char *)f + f->part.at))
    DAMAGED(f->size -= 8);
    DAMAGED(f->imports.at += 8);
    DAMAGED(f->imports.len++);
    DAMAGED(f->refs.len = UINT32_MAX);
    DAMAGED(f->text.at -= 8);
    DAMAGED(f->text.len = 0);
    DAMAGED(PART(char, text)[0] = 'x');
    DAMAGED(PART(char, text)[f->text.len - 1] = 'x');
    DAMAGED(PART(struct fact_import, imports)[1].as = f->text.len);
    DAMAGED(PART(struct fact_def, defs)[0].name = UINT32_MAX);
    DAMAGED(PART(struct fact_def, defs)[1].parent = f->defs.len);
    DAMAGED(PART(struct fact_def, defs)[1].first_decorator = 1);
    DAMAGED(PART(struct fact_def, defs)[1].decorators = UINT32_MAX);
    DAMAGED(PART(struct fact_def, defs)[0].bases = 2);
    DAMAGED(PART(struct fact_decorator, decorators)[0].first_id = 2);
    DAMAGED(PART(struct fact_decorator, decorators)[0].args = f->text.len);
    DAMAGED(PART(fact_str, ids)[0] = f->text.len);
    DAMAGED(PART(fact_base, bases)[0] = f->text.len);
    DAMAGED(PART(struct fact_assign, assigns)[0].value = f->text.len);
    DAMAGED(PART(struct fact_ref, refs)[0].value = f->text.len);
    DAMAGED(PART(struct fact_directive, directives)[0].text = f->text.len);
#undef PART
#undef DAMAGED
    assert_false(facts_valid(whole, size - 8));
    assert_false(facts_valid(whole, sizeof *whole - 8));
    free(f);
    arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_facts),
        cmocka_unit_test(test_what_goes_in_comes_out),
        cmocka_unit_test(test_equal_facts_are_equal_bytes),
        cmocka_unit_test(test_many_texts),
        cmocka_unit_test(test_damage_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
