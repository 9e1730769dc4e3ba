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
    bool told; /* by the command line, which has the last word */
} codes[DIAG_CODES] = {
    [DIAG_SYNTAX] = {"syntax", DIAG_WARNING, false, false},
    [DIAG_CONFIG] = {"config", DIAG_ERROR, false, false},
    [DIAG_UNKNOWN_KEY] = {"unknown-key", DIAG_WARNING, false, false},
    [DIAG_UNRESOLVED_IMPORT] = {"unresolved-import", DIAG_WARNING, false, false},
    [DIAG_AMBIGUOUS_IMPORT] = {"ambiguous-import", DIAG_WARNING, false, false},
    [DIAG_CYCLE] = {"cycle", DIAG_INFO, true, false},
    [DIAG_BAD_NAME] = {"bad-name", DIAG_ERROR, false, false},
    [DIAG_IO] = {"io", DIAG_ERROR, false, false},
    [DIAG_USAGE] = {"usage", DIAG_ERROR, false, false},
    [DIAG_NOT_OURS] = {"not-ours", DIAG_ERROR, false, false},
    [DIAG_NO_INTERPRETER] = {"no-interpreter", DIAG_ERROR, false, false},
    [DIAG_NO_TESTS] = {"no-tests", DIAG_ERROR, false, false},
    [DIAG_NO_REPORT] = {"no-report", DIAG_ERROR, false, false},
    [DIAG_DATA] = {"data", DIAG_WARNING, false, false},
    [DIAG_DYNAMIC_IMPORT] = {"dynamic-import", DIAG_INFO, true, false},
    [DIAG_STALE_LEARNED] = {"stale-learned", DIAG_WARNING, false, false},
    [DIAG_NO_RECORD] = {"no-record", DIAG_INFO, true, false},
    [DIAG_SELF_IMPORT] = {"self-import", DIAG_WARNING, false, false},
    [DIAG_TREE_CHANGED] = {"tree-changed", DIAG_WARNING, false, false},
    [DIAG_NO_ENVIRONMENT] = {"no-environment", DIAG_WARNING, false, false},
    [DIAG_BUILD_FILE] = {"build-file", DIAG_ERROR, false, false},
    [DIAG_RULE_NAME] = {"rule-name", DIAG_WARNING, false, false},
    [DIAG_OWNED_FILE] = {"owned-file", DIAG_WARNING, false, false},
    [DIAG_PACKAGE_BOUNDARY] = {"package-boundary", DIAG_ERROR, false, false},
    [DIAG_BAD_LABEL] = {"bad-label", DIAG_ERROR, false, false},
    [DIAG_WORKSPACE] = {"workspace", DIAG_ERROR, false, false},
    [DIAG_FLAKY] = {"flaky", DIAG_WARNING, false, false},
    [DIAG_ORDER_DEPENDENT] = {"order-dependent", DIAG_WARNING, false, false},
    [DIAG_COLLECTORS] = {"collectors", DIAG_ERROR, false, false},
    [DIAG_REMOTE_CACHE] = {"remote-cache", DIAG_WARNING, false, false},
    [DIAG_SAME_NAME] = {"same-name", DIAG_WARNING, false, false},
    [DIAG_OTHER_CONFIG] = {"other-config", DIAG_WARNING, false, false},
};

/* What holds for the files of a folder, relative to rootdir; "" is all of them. The longest folder wins. */
static struct rule {
    char folder[256];
    enum diag_code code;
    bool ignore;
} rules[256];
static unsigned n_rules;

static unsigned errors;
static bool colored;
static bool shown; /* whether the last diagnostic was printed, so that its hint is too */

static const struct rule *find_rule(enum diag_code code, const char *path) {
    const struct rule *found = NULL;
    for (const struct rule *r = rules; r < rules + n_rules; r++) {
        size_t n = strlen(r->folder);
        bool holds = !n || (path && strncmp(path, r->folder, n) == 0 && (!path[n] || path[n] == '/'));
        if (r->code == code && holds && (!found || n >= strlen(found->folder)))
            found = r;
    }
    return found;
}

void diag(enum diag_code code, const char *path, uint32_t line, uint32_t col, const char *fmt, ...) {
    static const char *const names[] = {"info", "warning", "error"};
    static const char *const colors[] = {"\033[36m", "\033[33m", "\033[31m"};
    const struct rule *rule = codes[code].told ? NULL : find_rule(code, path);
    shown = rule ? !rule->ignore : !codes[code].ignored;
    if (!shown)
        return;
    enum severity severity = rule ? DIAG_ERROR : codes[code].severity;
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

static int find_code(const char *name) {
    for (int i = 0; i < DIAG_CODES; i++)
        if (strcmp(codes[i].name, name) == 0)
            return i;
    return -1;
}

bool diag_set(const char *code, bool ignore) {
    int i = find_code(code);
    if (i < 0)
        return false;
    codes[i].told = true;
    codes[i].ignored = ignore;
    if (!ignore)
        codes[i].severity = DIAG_ERROR;
    return true;
}

bool diag_set_below(const char *folder, const char *code, bool ignore) {
    int i = find_code(code);
    size_t n = strlen(folder);
    if (i < 0 || n_rules == sizeof rules / sizeof *rules || n >= sizeof rules->folder)
        return false;
    struct rule *rule = &rules[n_rules++];
    *rule = (struct rule){.code = (enum diag_code)i, .ignore = ignore};
    memcpy(rule->folder, folder, n);
    while (n && rule->folder[n - 1] == '/')
        rule->folder[--n] = 0;
    return true;
}

bool diag_is_heard(enum diag_code code) {
    bool heard = !codes[code].ignored;
    for (const struct rule *r = rules; r < rules + n_rules; r++)
        heard |= r->code == code && !r->ignore && !codes[code].told;
    return heard;
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
