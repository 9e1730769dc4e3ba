#include "graph/mismatches.h"
#include "base/diag.h"
#include "graph/modules.h"
#include "source/scan.h"

#include <string.h>

void mismatches_report(const struct modules *m) {
    struct map first = {.arena = m->arena};
    if (m->mode == IMPORT_IMPORTLIB)
        return;
    for (uint32_t i = 0; i < m->scan->files.len; i++) {
        const struct source_file *f = &m->scan->files.items[i];
        if (!(f->flags & SOURCE_TEST) || f->flags & (SOURCE_GONE | SOURCE_HOOKED))
            continue;
        const char *base = modules_base(m, f->path), *name = f->path + strlen(base) + (*base != 0);
        uint32_t other = map_get(&first, name, strlen(name));
        if (other == MAP_NONE) {
            map_set(&first, name, strlen(name), i);
            continue;
        }
        diag(DIAG_SAME_NAME, f->path, 0, 0,
             "is imported by the same name as %s: in one process pytest stops at it (import file mismatch)",
             m->scan->files.items[other].path);
        hint("put an __init__.py beside each, or use --import-mode=importlib");
    }
}
