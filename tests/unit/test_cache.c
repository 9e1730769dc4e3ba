#include "unit.h"
#include "tree.h"
#include "base/sha256.h"
#include "run/cache.h"
#include "run/manifest.h"
#include "run/remote.h"
#include "run/witness.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static struct arena arena;
static const char *dir;

static int setup(void **state) {
    (void)state;
    dir = tree_make(&arena);
    return chdir(dir);
}

static int teardown(void **state) {
    (void)state;
    os_remove_tree(dir);
    arena_free(&arena);
    return 0;
}

static void test_sha256(void **state) {
    (void)state;
    char hex[65];
    sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    sha256_hex(two_blocks, strlen(two_blocks), hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    char *million = arena_alloc(&arena, 1000000);
    memset(million, 'a', 1000000);
    sha256_hex(million, 1000000, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static struct cache new_cache(uint64_t limit) {
    return (struct cache){.arena = &arena, .dir = "cache", .limit = limit};
}

/* Keeps n bytes that differ by `c`; returns their name. */
static const char *keep(const struct cache *c, char first, size_t n) {
    char *bytes = arena_alloc(&arena, n + 1), name[65];
    memset(bytes, first, n);
    sha256_hex(bytes, n, name);
    assert_true(cache_put(c, "cas", name, bytes, n));
    return arena_strdup(&arena, name);
}

static void set_age(const char *name, long seconds) {
    const struct timespec times[2] = {{.tv_sec = 1000000000 - seconds}, {.tv_sec = 1000000000 - seconds}};
    assert_int_equal(utimensat(AT_FDCWD, arena_printf(&arena, "cache/cas/%s", name), times, 0), 0);
}

static bool is_kept(const struct cache *c, const char *name) {
    size_t n;
    return cache_get(c, "cas", name, &n);
}

static void test_what_is_damaged_is_removed(void **state) {
    (void)state;
    struct cache c = new_cache(1 << 20);
    const char *name = keep(&c, 'a', 1000);
    assert_true(is_kept(&c, name));
    const char *path = arena_printf(&arena, "cas/%s", name);
    tree_write(&arena, "cache", path, "something else");
    assert_false(is_kept(&c, name));
    assert_false(os_is_file(os_join(&arena, "cache", path)));
}

static void test_what_was_used_longest_ago_goes(void **state) {
    (void)state;
    struct cache c = new_cache(5000);
    const char *old = keep(&c, 'a', 1000), *older = keep(&c, 'b', 1000), *used = keep(&c, 'c', 1000);
    set_age(old, 20);
    set_age(older, 30);
    set_age(used, 40);
    assert_true(is_kept(&c, used));
    keep(&c, 'd', 1000);
    keep(&c, 'e', 900);
    struct cache_sums sums;
    cache_sum(&c, &sums);
    assert_true(sums.bytes <= 5000);
    assert_false(is_kept(&c, older));
    assert_true(is_kept(&c, used));
}

static void test_what_a_killed_process_left_goes(void **state) {
    (void)state;
    struct cache c = new_cache(1 << 20);
    keep(&c, 'a', 10);
    tree_write(&arena, "cache", "cas/half.1.2", "half");
    tree_write(&arena, "cache", "cas/new.1.2", "half");
    const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    utimensat(AT_FDCWD, "cache/cas/half.1.2", times, 0);
    cache_trim(&c);
    assert_false(os_is_file("cache/cas/half.1.2"));
    assert_true(os_is_file("cache/cas/new.1.2"));
}

/* An older testfan had folders of two digits. */
static void test_entries_in_folders_go_as_others_do(void **state) {
    (void)state;
    struct cache c = new_cache(1000);
    const char *name = keep(&c, 'a', 500), *path = arena_printf(&arena, "cache/cas/%.2s/%s", name, name);
    tree_write(&arena, "cache", arena_printf(&arena, "cas/%.2s/%s", name, name), "older");
    const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    utimensat(AT_FDCWD, path, times, 0);
    struct cache_sums sums;
    cache_sum(&c, &sums);
    assert_int_equal(sums.bytes, 505);
    keep(&c, 'b', 500);
    cache_sum(&c, &sums);
    assert_int_equal(sums.bytes, 500);
    assert_false(os_is_file(path));
    cache_trim(&c);
    assert_false(os_is_dir(os_dirname(&arena, path)));
}

static void test_what_is_too_large_is_not_kept(void **state) {
    (void)state;
    struct cache c = new_cache(1000);
    char bytes[600] = {0};
    assert_false(cache_put(&c, "cas", "0000", bytes, sizeof bytes));
}

static void test_counts(void **state) {
    (void)state;
    struct cache c = new_cache(1 << 20);
    struct cache_sums sums;
    cache_count(&c, true);
    keep(&c, 'a', 10);
    for (int i = 0; i < 3; i++)
        cache_count(&c, i > 0);
    cache_sum(&c, &sums);
    assert_int_equal(sums.hits, 3);
    assert_int_equal(sums.misses, 1);
    assert_int_equal(sums.results, 1);
    assert_int_equal(sums.bytes, 10);
    assert_true(cache_clear(&c));
    cache_sum(&c, &sums);
    assert_int_equal(sums.hits + sums.results + sums.bytes, 0);
}

static const char key[] = "0123456789012345678901234567890123456789012345678901234567890123";
static const char result[] = "abcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcd";

static struct manifest_entry entry_of(enum input_kind kind, const char *path, const char *digest) {
    struct manifest_entry e = {.result = result};
    array_push(&arena, &e.inputs, (struct input){.kind = kind, .path = path, .digest = digest});
    return e;
}

static char *text_of(const struct manifest *m, size_t *n) {
    struct buf b = {0};
    manifest_write(&b, m, key);
    char *text = arena_strndup(&arena, b.s, b.len);
    *n = b.len;
    buf_free(&b);
    return text;
}

static void test_manifest_as_text(void **state) {
    (void)state;
    struct manifest m = {0}, again;
    struct manifest_entry one = entry_of(INPUT_READ, "a b", "1"), two = entry_of(INPUT_LIST, "", "2"),
                          none = {result, {0}};
    size_t n;
    manifest_add(&arena, &m, &one);
    manifest_add(&arena, &m, &two);
    manifest_add(&arena, &m, &none);
    manifest_add(&arena, &m, &one);
    assert_int_equal(m.len, 3);
    char *text = text_of(&m, &n);
    assert_true(manifest_read(&arena, arena_strndup(&arena, text, n), n, key, &again));
    assert_int_equal(again.len, 3);
    assert_string_equal(again.items[0].inputs.items[0].path, "a b");
    assert_int_equal(again.items[1].inputs.len, 0);
    assert_int_equal(again.items[2].inputs.items[0].kind, INPUT_LIST);
    assert_string_equal(again.items[2].inputs.items[0].path, "");
    assert_false(manifest_read(&arena, arena_strndup(&arena, text, n), n, result, &again));
    for (size_t i = 0; i < n; i++) {
        char *damaged = arena_strndup(&arena, text, n);
        damaged[i] ^= 1;
        assert_false(manifest_read(&arena, damaged, n, key, &again));
        assert_int_equal(again.len, 0);
        assert_false(manifest_read(&arena, arena_strndup(&arena, text, i), i, key, &again));
    }
}

static void test_a_manifest_does_not_grow_without_end(void **state) {
    (void)state;
    struct manifest m = {0};
    for (int i = 0; i < 100; i++) {
        struct manifest_entry e = entry_of(INPUT_READ, arena_printf(&arena, "%d", i), "1");
        manifest_add(&arena, &m, &e);
    }
    assert_int_equal(m.len, MANIFEST_ENTRIES);
    assert_string_equal(m.items[0].inputs.items[0].path, "99");
}

/* What a run saw of the tree, as the witness takes it; a fresh one finds it until something changes. */
static bool finds(const struct manifest *m) {
    struct contents contents;
    struct witness w;
    contents_open(&contents, ".");
    witness_new(&w, &arena, &contents);
    bool found = manifest_find(m, &w);
    contents_close(&contents);
    return found;
}

static struct manifest taken(const struct inputs *seen, bool host) {
    struct contents contents;
    struct witness w;
    struct manifest_entry e = {.result = result};
    struct manifest m = {0};
    contents_open(&contents, ".");
    witness_new(&w, &arena, &contents);
    assert_null(witness_take(&w, seen, host, &e.inputs));
    contents_close(&contents);
    manifest_add(&arena, &m, &e);
    return m;
}

static const char *hex_of(struct digest d) {
    char hex[33];
    digest_hex(d, hex);
    return arena_strdup(&arena, hex);
}

static void test_inputs_are_compared_with_what_is_there(void **state) {
    (void)state;
    struct inputs seen = {0};
    tree_write(&arena, dir, "data/x", "1");
    tree_link(&arena, dir, "data/link", "x");
    array_push(&arena, &seen, (struct input){INPUT_READ, true, "data/x", hex_of(digest_bytes("1", 1))});
    array_push(&arena, &seen, (struct input){INPUT_STAT, true, "data/link", hex_of(digest_bytes("1", 1))});
    array_push(&arena, &seen,
               (struct input){INPUT_LIST, true, "data", hex_of(inputs_list(".", "data", NULL))});
    array_push(&arena, &seen, (struct input){INPUT_ABSENT, true, "data/absent", "-"});
    array_push(&arena, &seen, (struct input){INPUT_READ, false, "known", "-"});
    struct manifest m = taken(&seen, false);
    assert_int_equal(m.items[0].inputs.len, 4);
    assert_true(finds(&m));
    tree_write(&arena, dir, "data/x", "2");
    assert_false(finds(&m));
    tree_write(&arena, dir, "data/x", "1");
    assert_true(finds(&m));
    chmod("data/x", 0755);
    assert_false(finds(&m));
    chmod("data/x", 0644);
    unlink("data/link");
    tree_link(&arena, dir, "data/link", "./x");
    assert_false(finds(&m));
    unlink("data/link");
    tree_link(&arena, dir, "data/link", "x");
    assert_true(finds(&m));
    tree_write(&arena, dir, "data/absent", "");
    assert_false(finds(&m));
}

static void test_a_result_of_this_machine_is_none_of_another(void **state) {
    (void)state;
    struct inputs seen = {0};
    struct manifest m = taken(&seen, true), all = taken(&seen, false);
    assert_int_equal(m.items[0].inputs.items[0].kind, INPUT_HOST);
    assert_true(finds(&m) && finds(&all));
    m.items[0].inputs.items[0].digest = "of another machine";
    assert_false(finds(&m));
}

static void test_what_changed_while_it_ran_is_told(void **state) {
    (void)state;
    struct contents before, now;
    struct witness w;
    tree_write(&arena, dir, "x", "1");
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    utimensat(AT_FDCWD, "x", old, 0);
    contents_open(&before, ".");
    contents_open(&now, ".");
    witness_new(&w, &arena, &now);
    contents_at(&before, "x");
    contents_at(&now, "x");
    assert_null(witness_disturbed(&w, &before, dir, 2000000000000));
    assert_string_equal(witness_disturbed(&w, &before, dir, 500000000000), "x");
    tree_write(&arena, dir, TOUCHED_FILE, arena_printf(&arena, "%s/y\n%s/x\n", dir, dir));
    assert_null(witness_disturbed(&w, &before, dir, 500000000000));
    contents_close(&now);
    contents_close(&before);
}

static void test_contents_are_remembered(void **state) {
    (void)state;
    struct contents c;
    tree_write(&arena, dir, "x", "1");
    struct digest one = digest_bytes("1", 1), two = digest_bytes("2", 1);
    contents_open(&c, ".");
    assert_true(digest_eq(contents_at(&c, "x")->digest, one));
    assert_true(contents_at(&c, "nothing")->absent);
    assert_true(contents_write(&c));
    contents_close(&c);
    contents_open(&c, ".");
    assert_non_null(c.map);
    tree_write(&arena, dir, "x", "2");
    assert_true(digest_eq(contents_at(&c, "x")->digest, two));
    contents_close(&c);
    tree_write(&arena, dir, CONTENTS_FILE,
               "testfan bytes 1 and what is no such file at all, but long enough");
    contents_open(&c, ".");
    assert_null(c.map);
    contents_close(&c);
}

static void test_remote_envelope(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 127, 128, 300, 16384, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buf b = {0};
        char *text = arena_alloc(&arena, sizes[i] + 1);
        memset(text, 'x', sizes[i]);
        remote_wrap(&b, text, sizes[i]);
        size_t n = 1;
        const char *out = remote_unwrap(b.s, b.len, &n);
        assert_non_null(out);
        assert_int_equal(n, sizes[i]);
        assert_memory_equal(out, text, n);
        for (size_t cut = 0; cut < b.len && cut < 400; cut++)
            assert_null(remote_unwrap(b.s, cut, &n));
        buf_free(&b);
    }
    size_t n;
    assert_null(remote_unwrap("<html>", 6, &n));
    assert_null(remote_unwrap("\x2a\xff\xff\xff\xff\xff\xff", 7, &n));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test_setup_teardown(test_what_is_damaged_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_used_longest_ago_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_killed_process_left_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_entries_in_folders_go_as_others_do, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_too_large_is_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
        cmocka_unit_test(test_manifest_as_text),
        cmocka_unit_test(test_a_manifest_does_not_grow_without_end),
        cmocka_unit_test_setup_teardown(test_inputs_are_compared_with_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_result_of_this_machine_is_none_of_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_changed_while_it_ran_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_contents_are_remembered, setup, teardown),
        cmocka_unit_test(test_remote_envelope),
    };
    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
