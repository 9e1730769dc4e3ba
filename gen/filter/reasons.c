#include "filter/reasons.h"

const char *reason_name(enum reason_kind kind) {
    static const char *const names[REASON_KINDS] = {"path", "match", "unknown", "changed", "failed", "new"};
    return names[kind];
}
