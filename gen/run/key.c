#include "run/key.h"
#include "base/sha256.h"
#include "base/str.h"
#include "graph/closure.h"
#include "graph/inputs.h"
#include "run/attempt.h"

#include <string.h>

struct making {
    struct contents *contents;
    struct closure sure;
    struct buf text;
};

static void put_digest(struct making *m, struct digest d) {
    char hex[33];
    digest_hex(d, hex);
    buf_char(&m->text, ' ');
    buf_str(&m->text, hex);
    buf_char(&m->text, '\n');
}

static void put_sure(void *ctx, const char *path) {
    struct making *m = ctx;
    buf_str(&m->text, path);
    if (str_ends(path, "/")) {
        const char *dir = arena_strndup(&m->contents->arena, path, strlen(path) - 1);
        buf_str(&m->text, os_is_dir(*dir ? dir : ".") ? " folder" : " nothing");
        put_digest(m, inputs_list(".", dir, NULL));
        return;
    }
    put_digest(m, contents_state(m->contents, path));
}

/* A module that comes may be imported in another one's place. */
static void put_late(void *ctx, const char *path) {
    struct making *m = ctx;
    bool module = str_ends(path, ".py") || str_ends(path, ".so");
    if (module && !closure_has(&m->sure, path))
        buf_fmt(&m->text, "may need %s\n", path);
}

static void put_target(struct making *m, const struct target_run *t, const char *base) {
    buf_fmt(&m->text, "%s\n%s\n%s\n%s %s %ld\n%.17g %.17g\n", base, t->file, t->xml, t->shard, t->fingerprint,
            t->expect, t->limit, t->timeout);
    for (uint32_t i = 0; i < t->before.len; i++)
        buf_fmt(&m->text, "before %s\n", t->before.items[i]);
}

bool key_make(const struct target_run *t, const char *base, struct contents *contents, char key[65]) {
    struct making m = {.contents = contents};
    struct closure all;
    bool ok = closure_open(&m.sure, CLOSURE_SURE, t->file);
    bool also = closure_open(&all, CLOSURE_ALL, t->file);
    put_target(&m, t, base);
    closure_each(&m.sure, "", put_sure, &m);
    closure_each(&all, "", put_late, &m);
    char text[80] = "testfan cache 2 ";
    digest_hex(digest_bytes(m.text.s, m.text.len), text + strlen(text));
    sha256_hex(text, strlen(text), key);
    buf_free(&m.text);
    closure_close(&m.sure);
    closure_close(&all);
    return ok && also;
}
