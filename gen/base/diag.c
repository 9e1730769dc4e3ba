#include "base/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    const char *name;
    enum severity severity;
    bool ignored;
} codes[DIAG_CODES] = {
    [DIAG_SYNTAX] = {"syntax", DIAG_WARNING, false},
    [DIAG_CONFIG] = {"config", DIAG_ERROR, false},
    [DIAG_UNKNOWN_KEY] = {"unknown-key", DIAG_WARNING, false},
    [DIAG_UNRESOLVED_IMPORT] = {"unresolved-import", DIAG_WARNING, false},
    [DIAG_AMBIGUOUS_IMPORT] = {"ambiguous-import", DIAG_WARNING, false},
    [DIAG_CYCLE] = {"cycle", DIAG_INFO, true},
    [DIAG_BAD_NAME] = {"bad-name", DIAG_ERROR, false},
    [DIAG_IO] = {"io", DIAG_ERROR, false},
    [DIAG_USAGE] = {"usage", DIAG_ERROR, false},
    [DIAG_NOT_OURS] = {"not-ours", DIAG_ERROR, false},
    [DIAG_NO_INTERPRETER] = {"no-interpreter", DIAG_ERROR, false},
    [DIAG_NO_TESTS] = {"no-tests", DIAG_ERROR, false},
    [DIAG_NO_REPORT] = {"no-report", DIAG_ERROR, false},
    [DIAG_DATA] = {"data", DIAG_WARNING, false},
};

static unsigned errors;
static bool colored;
static bool shown; /* whether the last diagnostic was printed, so that its hint is too */

void diag(enum diag_code code, const char *path, uint32_t line, uint32_t col, const char *fmt, ...) {
    static const char *const names[] = {"info", "warning", "error"};
    static const char *const colors[] = {"\033[36m", "\033[33m", "\033[31m"};
    shown = !codes[code].ignored;
    if (!shown)
        return;
    enum severity severity = codes[code].severity;
    errors += severity == DIAG_ERROR;
    flockfile(stderr);
    if (path && line && col)
        fprintf(stderr, "%s:%u:%u: ", path, line, col);
    else if (path && line)
        fprintf(stderr, "%s:%u: ", path, line);
    else
        fprintf(stderr, "%s: ", path ? path : "testfan");
    fprintf(stderr, "%s%s:%s ", colored ? colors[severity] : "", names[severity], colored ? "\033[0m" : "");
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, " [%s]\n", codes[code].name);
    funlockfile(stderr);
}

void hint(const char *fmt, ...) {
    if (!shown)
        return;
    va_list ap;
    va_start(ap, fmt);
    flockfile(stderr);
    fputs("  hint: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    funlockfile(stderr);
    va_end(ap);
}

bool diag_set(const char *code, bool ignore) {
    for (int i = 0; i < DIAG_CODES; i++) {
        if (strcmp(codes[i].name, code) != 0)
            continue;
        codes[i].ignored = ignore;
        if (!ignore)
            codes[i].severity = DIAG_ERROR;
        return true;
    }
    return false;
}

unsigned diag_errors(void) {
    return errors;
}

void diag_color(bool on) {
    colored = on;
}

void die(const char *fmt, ...) {
    int saved = errno;
    va_list ap;
    va_start(ap, fmt);
    fputs("testfan: ", stderr);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    size_t n = strlen(fmt);
    if (n && fmt[n - 1] == ':')
        fprintf(stderr, " %s", strerror(saved));
    fputc('\n', stderr);
    exit(3);
}
