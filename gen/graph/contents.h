#ifndef GRAPH_CONTENTS_H
#define GRAPH_CONTENTS_H

#include "base/array.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/os.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What the files of the tree hold, so that only what was touched is read again: a file, sorted by path, that
 * gen writes and that `testfan exec` only reads. An entry answers for the same size, time stamps, inode and
 * device, unless the file was touched so shortly before gen looked that a second change could hide in the
 * same time stamp.
 */
#define CONTENTS_FILE ".testfan/cache/contents"

/* What stands at a path. */
struct content {
    struct os_stat st;
    struct digest digest; /* of the bytes */
    int64_t since;        /* when it came to be, as far as gen can tell; nanoseconds since 1970 */
    int64_t seen;         /* when gen first saw it */
    bool there;           /* as a regular file; else nothing above counts */
    bool absent;          /* nothing stands there, not even a link */
    struct digest link;   /* of where the link leads that stands there; zero when there is none */
    int64_t changed;      /* when either was written last, by the file system's clock; not kept */
};

struct contents {
    struct arena arena;
    const char *rootdir;
    int64_t now;
    void *map;
    size_t size;
    struct map looked; /* path -> index into `paths` and `found` */
    struct strs paths;
    ARRAY(struct content) found;
};

/* Opens the file, or starts without what it knows. `rootdir` must last until contents_close. */
void contents_open(struct contents *c, const char *rootdir);
/* What stands at a path (relative to rootdir) now; each path is looked at once. Valid until the next call. */
const struct content *contents_at(struct contents *c, const char *path);
/* A digest of all that a test can see at the path: bytes, the executable bit, where a link leads, or that
   there is nothing. */
struct digest contents_state(struct contents *c, const char *path);
/* Writes the file anew with what was looked at; false: reported. */
bool contents_write(struct contents *c);
void contents_close(struct contents *c);

#endif
