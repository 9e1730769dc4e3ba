#include "graph/mismatches.h"
#include "base/diag.h"
#include "graph/modules.h"
#include "source/scan.h"

#include <stdlib.h>
#include <string.h>

/* A conftest.py is imported anew each time. */
static bool counts(const struct source_file *f) {
    const uint32_t others = SOURCE_GONE | SOURCE_HOOKED | SOURCE_CONFTEST | SOURCE_INIT;
    return f->flags & SOURCE_TEST && !(f->flags & others);
}

static bool is_same(const struct source_file *a, const struct source_file *b) {
    return a->st.ino == b->st.ino && a->st.dev == b->st.dev;
}

static bool is_ignored(const struct modules *m) {
    return m->mode == IMPORT_IMPORTLIB || str_eq(getenv("PY_IGNORE_IMPORTMISMATCH"), "1");
}

void mismatches_report(const struct modules *m) {
    struct map first = {.arena = m->arena};
    if (is_ignored(m))
        return;
    for (uint32_t i = 0; i < m->scan->files.len; i++) {
        const struct source_file *f = &m->scan->files.items[i];
        if (!counts(f))
            continue;
        const char *base = modules_base(m, f->path), *name = f->path + strlen(base) + (*base != 0);
        if (!*base && modules_is_package(m, "")) /* it stands in the names of what lies in it */
            continue;
        uint32_t other = map_get(&first, name, strlen(name));
        if (other == MAP_NONE) {
            map_set(&first, name, strlen(name), i);
            continue;
        }
        if (is_same(f, &m->scan->files.items[other]))
            continue;
        diag(DIAG_SAME_NAME, f->path, 0, 0,
             "is imported by the same name as %s: in one process pytest stops at it (import file mismatch)",
             m->scan->files.items[other].path);
        hint("put an __init__.py beside each, or use --import-mode=importlib");
    }
}
