#include "graph/isolation.h"
#include "base/str.h"
#include "graph/plan.h"
#include "source/config.h"
#include "source/directive.h"

#include <string.h>

/* Whether the file lies in the folder. */
static bool lies_in(const char *file, const char *folder, size_t n) {
    return strncmp(file, folder, n) == 0 && (!n || file[n] == '/' || folder[n - 1] == '/');
}

/* What the innermost folder has that says anything, or else all files. */
static const char *isolation_of(const struct config *c, const char *file) {
    const struct strs *folders = &c->testfan.isolations;
    const char *found = c->testfan.isolation;
    size_t longest = 0;
    for (uint32_t i = 0; i < folders->len; i += 2) {
        size_t n = strlen(folders->items[i]);
        if (n < longest || !lies_in(file, folders->items[i], n))
            continue;
        found = folders->items[i + 1];
        longest = n;
    }
    return found;
}

static const char *group_of(const struct config *c, const char *file) {
    const struct strs *together = &c->testfan.together;
    for (uint32_t i = 0; i < together->len; i += 2)
        if (str_fnmatch(together->items[i], file))
            return together->items[i + 1];
    return NULL;
}

void isolation_find(struct arena *a, const struct config *c, const struct facts *f, struct target *t) {
    const char *isolation = f ? directive_find(f, "isolation") : NULL;
    const char *together = f ? directive_find(f, "together") : NULL;
    bool said = isolation && directive_is_isolation(isolation);
    bool grouped = together && directive_is_name(together);
    t->isolation = said ? arena_strdup(a, isolation) : isolation_of(c, t->file);
    t->together = grouped ? arena_strdup(a, together) : group_of(c, t->file);
}

const struct target *isolation_leader(const struct plan *plan, const struct target *t) {
    if (t->together)
        ARRAY_FOR (const struct target, other, &plan->targets)
            if (str_eq(other->together, t->together))
                return other;
    return t;
}

static void join(struct plan *plan, const char *together) {
    bool serial = false;
    const char *resource = NULL;
    ARRAY_FOR (const struct target, t, &plan->targets) {
        if (!str_eq(t->together, together))
            continue;
        serial |= t->serial;
        resource = resource ? resource : t->resource;
    }
    ARRAY_FOR (struct target, t, &plan->targets) {
        if (!str_eq(t->together, together))
            continue;
        t->serial = serial;
        t->resource = serial ? NULL : resource;
    }
}

void isolation_join(struct plan *plan) {
    ARRAY_FOR (const struct target, t, &plan->targets)
        if (t->together && isolation_leader(plan, t) == t)
            join(plan, t->together);
}
