#include "run/capture.h"
#include "base/diag.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD = 256 * 1024, TAIL = 256 * 1024 };

void capture_add(struct capture *c, const char *bytes, size_t n) {
    c->total += n;
    size_t room = HEAD - c->head.len, first = n < room ? n : room;
    buf_add(&c->head, bytes, first);
    bytes += first;
    n -= first;
    if (!n)
        return;
    if (!c->tail && !(c->tail = malloc(TAIL)))
        die("out of memory");
    while (n) {
        size_t part = n < TAIL - c->tail_at ? n : TAIL - c->tail_at;
        memcpy(c->tail + c->tail_at, bytes, part);
        c->tail_at = (c->tail_at + part) % TAIL;
        c->tail_len = c->tail_len + part < TAIL ? c->tail_len + part : TAIL;
        bytes += part;
        n -= part;
    }
}

void capture_text(const struct capture *c, struct buf *out) {
    if (c->head.len)
        buf_add(out, c->head.s, c->head.len);
    unsigned long long left_out = c->total - c->head.len - c->tail_len;
    if (left_out)
        buf_fmt(out, "\n[... %llu bytes left out ...]\n", left_out);
    if (c->tail_len < TAIL) {
        if (c->tail_len)
            buf_add(out, c->tail, c->tail_len);
        return;
    }
    buf_add(out, c->tail + c->tail_at, TAIL - c->tail_at);
    buf_add(out, c->tail, c->tail_at);
}

void capture_free(struct capture *c) {
    buf_free(&c->head);
    free(c->tail);
    *c = (struct capture){0};
}
