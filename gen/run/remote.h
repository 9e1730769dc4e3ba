#ifndef RUN_REMOTE_H
#define RUN_REMOTE_H

#include "base/str.h"

#include <stdbool.h>

/*
 * A server that keeps results for many machines, by Bazel's simple cache protocol: GET and PUT of URL/ac/NAME
 * and URL/cas/NAME. Whatever it does, no run fails or waits long for it: a first failure is told once, and
 * from then on this run leaves it alone. libcurl is loaded when a server is first asked, and not before.
 */
struct remote {
    struct arena *arena;
    const char *url;   /* NULL: there is none */
    bool write;        /* results may be sent there */
    const char *token; /* for `Authorization: Bearer`, or NULL */
    const char *marks; /* a folder of this run, for what has failed in it; NULL: a bare ninja's */
};

/* The bytes of a name; those of `cas` are sure to be what the name says. False when there are none. */
bool remote_get(const struct remote *r, const char *kind, const char *name, struct buf *out);
/* Sends them, where that is wanted. */
void remote_put(const struct remote *r, const char *kind, const char *name, const char *bytes, size_t n);

/* What stands under /ac/ for others is an ActionResult of Bazel's remote execution protocol: these are one
 * that holds `text` as its standard output, and take it out again (NULL: it is none). */
void remote_wrap(struct buf *b, const char *text, size_t n);
const char *remote_unwrap(const char *bytes, size_t n, size_t *len);

#endif
