#ifndef RUN_CAPTURE_H
#define RUN_CAPTURE_H

#include "base/str.h"

#include <stdbool.h>

/* What a process printed, without ever holding much of it: the first and the last part, and how much lies
 * between. */
struct capture {
    struct buf head;
    char *tail; /* a ring */
    size_t tail_at, tail_len;
    unsigned long long total;
};

void capture_add(struct capture *c, const char *bytes, size_t n);
/* Appends what was kept, with a line for what was not. */
void capture_text(const struct capture *c, struct buf *out);
void capture_free(struct capture *c);

#endif
