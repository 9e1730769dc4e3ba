#ifndef UNIT_TREE_H
#define UNIT_TREE_H

#include "base/os.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A new folder for one test, by its real path; the test removes it. */
static inline const char *tree_make(struct arena *a) {
    const char *tmp = getenv("TMPDIR");
    char *template = arena_printf(a, "%s/testfan-unit-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    const char *dir = mkdtemp(template);
    assert(dir);
    return os_realpath(a, dir);
}

/* Writes `text` to dir/path, making the folders above it. */
static inline void tree_write(struct arena *a, const char *dir, const char *path, const char *text) {
    const char *full = os_join(a, dir, path);
    bool made = os_mkdirs(os_dirname(a, full));
    FILE *f = made ? fopen(full, "w") : NULL;
    assert(f);
    fwrite(text, 1, strlen(text), f);
    fclose(f);
}

static inline void tree_link(struct arena *a, const char *dir, const char *path, const char *target) {
    int failed = symlink(target, os_join(a, dir, path));
    assert(!failed);
    (void)failed;
}

#endif
