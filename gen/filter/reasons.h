#ifndef FILTER_REASONS_H
#define FILTER_REASONS_H

#include "base/str.h"

#include <stdbool.h>

/* Why a target is selected. */
enum reason_kind {
    REASON_PATH,    /* by the paths of the command line, or because nothing else was asked */
    REASON_MATCH,   /* -k or -m: `text` names a test that matches */
    REASON_UNKNOWN, /* -k or -m cannot be told: `text` says why */
    REASON_CHANGED, /* --since: `text` is what changed, `chain` how the target depends on it */
    REASON_FAILED,  /* --failed */
    REASON_NEW,     /* --new */
    REASON_KINDS
};

struct reason {
    enum reason_kind kind;
    const char *text; /* one line */
    struct strs chain;
};

struct reasons {
    struct reason *items;
    uint32_t len, cap;
};

/* "path", "match", "unknown", "changed", "failed", "new" */
const char *reason_name(enum reason_kind kind);

#endif
