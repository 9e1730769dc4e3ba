#include "run/manifest.h"
#include "base/hash.h"
#include "run/witness.h"

#include <string.h>

static const char first_word[] = "testfan manifest 1 ";

static void sum_of(const char *text, size_t n, char hex[33]) {
    digest_hex(digest_bytes(text, n), hex);
}

static bool take_line(struct arena *a, char *line, struct manifest *m) {
    if (str_starts(line, "result ")) {
        array_push(a, m, (struct manifest_entry){.result = line + 7});
        return strlen(line + 7) == 64 && strspn(line + 7, "0123456789abcdef") == 64;
    }
    struct input input;
    if (!m->len || !inputs_line(line, &input))
        return false;
    array_push(a, &m->items[m->len - 1].inputs, input);
    return true;
}

bool manifest_read(struct arena *a, char *text, size_t n, const char *key, struct manifest *m) {
    *m = (struct manifest){0};
    const char *head = arena_printf(a, "%s%s\n", first_word, key);
    size_t skip = strlen(head) + 33;
    char hex[33];
    if (n < skip || strncmp(text, head, strlen(head)) != 0)
        return false;
    sum_of(text + skip, n - skip, hex);
    bool ok = strncmp(text + strlen(head), hex, 32) == 0 && text[skip - 1] == '\n';
    for (char *line = text + skip, *end; ok && (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        ok = take_line(a, line, m);
    }
    if (!ok)
        *m = (struct manifest){0};
    return ok;
}

void manifest_write(struct buf *b, const struct manifest *m, const char *key) {
    struct buf rest = {0};
    char hex[33];
    buf_str(&rest, "");
    ARRAY_FOR (const struct manifest_entry, e, m) {
        buf_fmt(&rest, "result %s\n", e->result);
        ARRAY_FOR (const struct input, i, &e->inputs)
            inputs_put(&rest, i);
    }
    sum_of(rest.s, rest.len, hex);
    buf_fmt(b, "%s%s\n%s\n%s", first_word, key, hex, rest.s);
    buf_free(&rest);
}

static bool same_inputs(const struct inputs *a, const struct inputs *b) {
    bool same = a->len == b->len;
    for (uint32_t i = 0; same && i < a->len; i++)
        same = a->items[i].kind == b->items[i].kind && strcmp(a->items[i].path, b->items[i].path) == 0 &&
               strcmp(a->items[i].digest, b->items[i].digest) == 0;
    return same;
}

void manifest_add(struct arena *a, struct manifest *m, const struct manifest_entry *entry) {
    struct manifest out = {0};
    array_push(a, &out, *entry);
    ARRAY_FOR (const struct manifest_entry, e, m)
        if (out.len < MANIFEST_ENTRIES && !same_inputs(&e->inputs, &entry->inputs))
            array_push(a, &out, *e);
    *m = out;
}

static bool agrees(const struct manifest_entry *e, struct witness *w) {
    ARRAY_FOR (const struct input, i, &e->inputs)
        if (strcmp(witness_now(w, i->kind, i->path), i->digest) != 0)
            return false;
    return true;
}

const struct manifest_entry *manifest_find(const struct manifest *m, struct witness *w) {
    ARRAY_FOR (const struct manifest_entry, e, m)
        if (agrees(e, w))
            return e;
    return NULL;
}
