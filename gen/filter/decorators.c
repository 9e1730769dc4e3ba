#include "filter/decorators.h"
#include "source/facts.h"

#include <string.h>

static const struct effect unknown = {EFFECT_UNKNOWN, ""};

/* Outside the tree. A name that ends in '*' stands for all that begin with it. */
static const struct {
    const char *path;
    struct effect effect;
} foreign[] = {
    {"pytest.fixture", {EFFECT_FIXTURE, ""}},
    {"pytest.yield_fixture", {EFFECT_FIXTURE, ""}},
    {"pytest_asyncio.fixture", {EFFECT_FIXTURE, ""}},
    {"builtins.staticmethod", {EFFECT_NONE, ""}},
    {"builtins.classmethod", {EFFECT_NONE, ""}},
    {"builtins.property", {EFFECT_NONE, ""}},
    {"abc.abstractmethod", {EFFECT_ATTRIBUTES, "__isabstractmethod__"}},
    {"contextlib.contextmanager", {EFFECT_ATTRIBUTES, "__wrapped__"}},
    {"contextlib.asynccontextmanager", {EFFECT_ATTRIBUTES, "__wrapped__"}},
    {"dataclasses.dataclass", {EFFECT_NONE, ""}},
    {"enum.unique", {EFFECT_NONE, ""}},
    {"functools.total_ordering", {EFFECT_NONE, ""}},
    {"functools.lru_cache", {EFFECT_ATTRIBUTES, "cache_parameters __wrapped__"}},
    {"functools.cache", {EFFECT_ATTRIBUTES, "cache_parameters __wrapped__"}},
    {"typing.final", {EFFECT_ATTRIBUTES, "__final__"}},
    {"typing.no_type_check", {EFFECT_ATTRIBUTES, "__no_type_check__"}},
    {"typing.overload", {EFFECT_NONE, ""}},
    {"typing.runtime_checkable", {EFFECT_NONE, ""}},
    {"unittest.skip*", {EFFECT_ATTRIBUTES, "__unittest_skip__ __unittest_skip_why__ __wrapped__"}},
    {"unittest.expectedFailure", {EFFECT_ATTRIBUTES, "__unittest_expecting_failure__"}},
    {"unittest.mock.patch*", {EFFECT_ATTRIBUTES, "patchings __wrapped__"}},
    {"mock.patch*", {EFFECT_ATTRIBUTES, "patchings __wrapped__"}},
};

static bool fits(const char *path, const char *pattern) {
    size_t n = strlen(pattern);
    return pattern[n - 1] == '*' ? strncmp(path, pattern, n - 1) == 0 : strcmp(path, pattern) == 0;
}

static struct effect foreign_effect(const char *path) {
    static const char marks[] = "pytest.mark.";
    if (str_starts(path, marks))
        return (struct effect){EFFECT_MARK, path + strlen(marks)};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (fits(path, foreign[i].path))
            return foreign[i].effect;
    return unknown;
}

struct effect decorator_effect(struct names *n, uint32_t file, const char *callee) {
    if (!*callee)
        return unknown;
    struct named found = names_find(n, file, callee);
    for (unsigned i = 0; found.kind == NAME_BINDING && !*found.rest && i < 8; i++) {
        const struct facts *f = n->facts[found.file];
        const struct fact_binding *b = (const struct fact_binding *)facts_at(f, f->bindings.at) + found.index;
        const char *value = facts_str(f, b->value);
        found = names_find(n, found.file, arena_strndup(n->arena, value, strcspn(value, "(")));
    }
    return found.kind == NAME_FOREIGN ? foreign_effect(found.path) : unknown;
}
