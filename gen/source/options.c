#include "source/config.h"
#include "base/diag.h"
#include "base/os.h"
#include "source/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum arity { NONE, ONE, MAYBE /* a following word that is no option is its value */ };

enum action {
    KEEP,
    DROP, /* means the whole run, and testfan has no use for it */
    MAXFAIL,
    EXITFIRST,
    JUNITXML,
    DURATIONS,
    LAST_FAILED,
    FAILED_FIRST,
    IGNORE,
    IGNORE_GLOB,
    DESELECT,
    PLUGIN,
    OVERRIDE,
    DOCTEST_GLOB,
    KEYWORD,
    MARKEXPR,
    IMPORT_MODE,
    ROOTDIR,
    INIFILE,
    CONFCUTDIR,
    DOCTEST_MODULES,
    IN_VIRTUALENV,
    KEEP_DUPLICATES,
    PYARGS,
    NOCONFTEST,
};

/* Every option of pytest 7 to 9, of pytest-xdist and of pytest-cov, and those of other common plugins that
 * take a value. */
static const struct option {
    const char *name;
    enum arity arity;
    enum action action;
} table[] = {
    {"--alluredir", ONE, KEEP},
    {"--assert", ONE, KEEP},
    {"--asyncio-mode", ONE, KEEP},
    {"--basetemp", ONE, DROP},
    {"--cache-clear", NONE, DROP},
    {"--cache-show", MAYBE, KEEP},
    {"--capture", ONE, KEEP},
    {"--co", NONE, KEEP},
    {"--code-highlight", ONE, KEEP},
    {"--collect-in-virtualenv", NONE, IN_VIRTUALENV},
    {"--collect-only", NONE, KEEP},
    {"--collectonly", NONE, KEEP},
    {"--color", ONE, KEEP},
    {"--confcutdir", ONE, CONFCUTDIR},
    {"--config-file", ONE, INIFILE},
    {"--continue-on-collection-errors", NONE, KEEP},
    {"--count", ONE, KEEP},
    {"--cov", MAYBE, DROP},
    {"--cov-append", NONE, DROP},
    {"--cov-branch", NONE, DROP},
    {"--cov-config", ONE, DROP},
    {"--cov-context", ONE, DROP},
    {"--cov-fail-under", ONE, DROP},
    {"--cov-precision", ONE, DROP},
    {"--cov-report", ONE, DROP},
    {"--cov-reset", NONE, DROP},
    {"--dc", ONE, KEEP},
    {"--debug", MAYBE, KEEP},
    {"--deselect", ONE, DESELECT},
    {"--disable-plugin-autoload", NONE, KEEP},
    {"--disable-pytest-warnings", NONE, KEEP},
    {"--disable-warnings", NONE, KEEP},
    {"--dist", ONE, DROP},
    {"--doctest-continue-on-failure", NONE, KEEP},
    {"--doctest-glob", ONE, DOCTEST_GLOB},
    {"--doctest-ignore-import-errors", NONE, KEEP},
    {"--doctest-modules", NONE, DOCTEST_MODULES},
    {"--doctest-report", ONE, KEEP},
    {"--ds", ONE, KEEP},
    {"--durations", ONE, DURATIONS},
    {"--durations-min", ONE, DROP},
    {"--exitfirst", NONE, EXITFIRST},
    {"--failed-first", NONE, FAILED_FIRST},
    {"--ff", NONE, FAILED_FIRST},
    {"--fixtures", NONE, KEEP},
    {"--fixtures-per-test", NONE, KEEP},
    {"--force-short-summary", NONE, KEEP},
    {"--full-trace", NONE, KEEP},
    {"--fulltrace", NONE, KEEP},
    {"--funcargs", NONE, KEEP},
    {"--help", NONE, KEEP},
    {"--html", ONE, KEEP},
    {"--hypothesis-profile", ONE, KEEP},
    {"--hypothesis-seed", ONE, KEEP},
    {"--hypothesis-verbosity", ONE, KEEP},
    {"--ignore", ONE, IGNORE},
    {"--ignore-glob", ONE, IGNORE_GLOB},
    {"--import-mode", ONE, IMPORT_MODE},
    {"--junit-prefix", ONE, KEEP},
    {"--junit-xml", ONE, JUNITXML},
    {"--junitprefix", ONE, KEEP},
    {"--junitxml", ONE, JUNITXML},
    {"--keep-duplicates", NONE, KEEP_DUPLICATES},
    {"--keepduplicates", NONE, KEEP_DUPLICATES},
    {"--last-failed", NONE, LAST_FAILED},
    {"--last-failed-no-failures", ONE, DROP},
    {"--lf", NONE, LAST_FAILED},
    {"--lfnf", ONE, DROP},
    {"--loadscope-reorder", NONE, DROP},
    {"--log-auto-indent", ONE, KEEP},
    {"--log-cli-date-format", ONE, KEEP},
    {"--log-cli-format", ONE, KEEP},
    {"--log-cli-level", ONE, KEEP},
    {"--log-date-format", ONE, KEEP},
    {"--log-disable", ONE, KEEP},
    {"--log-file", ONE, KEEP},
    {"--log-file-date-format", ONE, KEEP},
    {"--log-file-format", ONE, KEEP},
    {"--log-file-level", ONE, KEEP},
    {"--log-file-mode", ONE, KEEP},
    {"--log-format", ONE, KEEP},
    {"--log-level", ONE, KEEP},
    {"--looponfail", NONE, DROP},
    {"--markers", NONE, KEEP},
    {"--max-warnings", ONE, DROP},
    {"--max-worker-restart", ONE, DROP},
    {"--maxfail", ONE, MAXFAIL},
    {"--maxprocesses", ONE, DROP},
    {"--maxschedchunk", ONE, DROP},
    {"--new-first", NONE, DROP},
    {"--nf", NONE, DROP},
    {"--no-cov", NONE, DROP},
    {"--no-cov-on-fail", NONE, DROP},
    {"--no-fold-skipped", NONE, KEEP},
    {"--no-header", NONE, KEEP},
    {"--no-loadscope-reorder", NONE, DROP},
    {"--no-showlocals", NONE, KEEP},
    {"--no-summary", NONE, KEEP},
    {"--noconftest", NONE, NOCONFTEST},
    {"--numprocesses", ONE, DROP},
    {"--override-ini", ONE, OVERRIDE},
    {"--pastebin", ONE, DROP},
    {"--pdb", NONE, DROP},
    {"--pdbcls", ONE, DROP},
    {"--px", ONE, DROP},
    {"--pyargs", NONE, PYARGS},
    {"--pythonwarnings", ONE, KEEP},
    {"--quiet", NONE, KEEP},
    {"--randomly-seed", ONE, KEEP},
    {"--report-chars", ONE, KEEP},
    {"--report-log", ONE, KEEP},
    {"--reruns", ONE, KEEP},
    {"--reruns-delay", ONE, KEEP},
    {"--rootdir", ONE, ROOTDIR},
    {"--rsyncdir", ONE, DROP},
    {"--rsyncignore", ONE, DROP},
    {"--runxfail", NONE, KEEP},
    {"--setup-only", NONE, KEEP},
    {"--setup-plan", NONE, KEEP},
    {"--setup-show", NONE, KEEP},
    {"--setuponly", NONE, KEEP},
    {"--setupplan", NONE, KEEP},
    {"--setupshow", NONE, KEEP},
    {"--show-capture", ONE, KEEP},
    {"--showlocals", NONE, KEEP},
    {"--stepwise", NONE, DROP},
    {"--stepwise-reset", NONE, DROP},
    {"--stepwise-skip", NONE, DROP},
    {"--strict", NONE, KEEP},
    {"--strict-config", NONE, KEEP},
    {"--strict-markers", NONE, KEEP},
    {"--sw", NONE, DROP},
    {"--sw-reset", NONE, DROP},
    {"--sw-skip", NONE, DROP},
    {"--tb", ONE, KEEP},
    {"--testrunuid", ONE, DROP},
    {"--timeout", ONE, KEEP},
    {"--timeout-method", ONE, KEEP},
    {"--trace", NONE, DROP},
    {"--trace-config", NONE, KEEP},
    {"--traceconfig", NONE, KEEP},
    {"--tx", ONE, DROP},
    {"--verbose", NONE, KEEP},
    {"--verbosity", ONE, KEEP},
    {"--version", NONE, KEEP},
    {"--xfail-tb", NONE, KEEP},
    {"-V", NONE, KEEP},
    {"-W", ONE, KEEP},
    {"-c", ONE, INIFILE},
    {"-d", NONE, DROP},
    {"-f", NONE, DROP},
    {"-h", NONE, KEEP},
    {"-k", ONE, KEYWORD},
    {"-l", NONE, KEEP},
    {"-m", ONE, MARKEXPR},
    {"-n", ONE, DROP},
    {"-o", ONE, OVERRIDE},
    {"-p", ONE, PLUGIN},
    {"-q", NONE, KEEP},
    {"-r", ONE, KEEP},
    {"-s", NONE, KEEP},
    {"-v", NONE, KEEP},
    {"-x", NONE, EXITFIRST},
};

struct parsing {
    struct arena *arena;
    const struct strs *args;
    uint32_t at; /* the argument being read */
    const char *base, *what;
    struct options *options;
};

static int compare_names(const void *name, const void *option) {
    return strcmp(name, ((const struct option *)option)->name);
}

static const struct option *find_option(const char *name) {
    return bsearch(name, table, sizeof table / sizeof *table, sizeof *table, compare_names);
}

static const struct option *find_short(char letter) {
    return find_option((char[]){'-', letter, 0});
}

/* argparse's view: a lone dash, a negative number and words with a blank that name no option are values. */
static bool looks_like_option(const char *arg) {
    if (*arg != '-' || !arg[1])
        return false;
    char *end;
    strtod(arg, &end);
    return *end && (!strchr(arg, ' ') || (arg[1] != '-' && find_short(arg[1])) || strchr(arg, '='));
}

static bool read_number(const struct parsing *p, const char *name, const char *value, long *out) {
    char *end;
    errno = 0;
    *out = strtol(value, &end, 10);
    if (end != value && !*end && !errno)
        return true;
    diag(DIAG_USAGE, NULL, 0, 0, "%s: '%s' wants a number, not '%s'", p->what, name, value);
    return false;
}

static bool is_kept(enum action action) {
    return action == KEEP ||
           (action >= IGNORE && action != ROOTDIR && action != INIFILE && action != CONFCUTDIR);
}

/* `value` is "" for an option that has none. */
static bool apply(const struct parsing *p, const struct option *opt, const char *value) {
    struct options *o = p->options;
    switch (opt->action) {
    case KEEP:
        return true;
    case DROP:
        array_push(p->arena, &o->whole.dropped, opt->name);
        return true;
    case MAXFAIL:
        return read_number(p, opt->name, value, &o->whole.maxfail);
    case EXITFIRST:
        o->whole.maxfail = 1;
        return true;
    case JUNITXML:
        o->whole.junitxml = value;
        return true;
    case DURATIONS:
        return read_number(p, opt->name, value, &o->whole.durations);
    case LAST_FAILED:
        o->whole.last_failed = true;
        return true;
    case FAILED_FIRST:
        o->whole.failed_first = true;
        return true;
    case IGNORE:
        array_push(p->arena, &o->ignore, value);
        return true;
    case IGNORE_GLOB:
        array_push(p->arena, &o->ignore_glob, value);
        return true;
    case DESELECT:
        array_push(p->arena, &o->deselect, value);
        return true;
    case PLUGIN:
        if (!str_starts(value, "no:"))
            array_push(p->arena, &o->plugins, value);
        return true;
    case OVERRIDE:
        array_push(p->arena, &o->overrides, value);
        return true;
    case DOCTEST_GLOB:
        array_push(p->arena, &o->doctest_glob, value);
        return true;
    case KEYWORD:
        o->keyword = value;
        return true;
    case MARKEXPR:
        o->markexpr = value;
        return true;
    case IMPORT_MODE:
        o->import_mode = value;
        return true;
    case ROOTDIR:
        o->rootdir = value;
        return true;
    case INIFILE:
        o->inifile = value;
        return true;
    case CONFCUTDIR:
        o->confcutdir = value;
        return true;
    case DOCTEST_MODULES:
        o->doctest_modules = true;
        return true;
    case IN_VIRTUALENV:
        o->collect_in_virtualenv = true;
        return true;
    case KEEP_DUPLICATES:
        o->keep_duplicates = true;
        return true;
    case PYARGS:
        o->pyargs = true;
        return true;
    case NOCONFTEST:
        o->noconftest = true;
        return true;
    }
    return true;
}

/* The argument after the one being read when it can be a value; moves on to it. */
static const char *next_value(struct parsing *p) {
    if (p->at + 1 >= p->args->len || looks_like_option(p->args->items[p->at + 1]))
        return NULL;
    return p->args->items[++p->at];
}

static bool wants_value(const struct parsing *p, const char *name) {
    diag(DIAG_USAGE, NULL, 0, 0, "%s: '%s' wants a value", p->what, name);
    return false;
}

static void keep(const struct parsing *p, const char *arg) {
    array_push(p->arena, &p->options->kept, arg);
}

static bool read_long(struct parsing *p, const char *arg, const struct option *opt, const char *value) {
    bool inline_value = value != NULL;
    if (inline_value && opt->arity == NONE) {
        diag(DIAG_USAGE, NULL, 0, 0, "%s: '%s' takes no value", p->what, opt->name);
        return false;
    }
    if (!inline_value && opt->arity != NONE)
        value = next_value(p);
    if (!value && opt->arity == ONE)
        return wants_value(p, opt->name);
    if (is_kept(opt->action)) {
        keep(p, arg);
        if (value && !inline_value)
            keep(p, value);
    }
    return apply(p, opt, value ? value : "");
}

/* `-xvs`, `-n4`, `-k expr`: flags, the last of which may take the rest or the next argument as its value. */
static bool read_short(struct parsing *p, const char *arg) {
    char *kept = arena_strdup(p->arena, "-");
    for (const char *c = arg + 1; *c; c++) {
        const struct option *opt = find_short(*c);
        bool last = !opt || opt->arity != NONE;
        const char *rest = last && opt && c[1] ? c + 1 + (c[1] == '=' && c == arg + 1) : NULL;
        const char *value = rest || !last || !opt ? rest : next_value(p);
        if (opt && last && !value)
            return wants_value(p, opt->name);
        if (!opt)
            kept = arena_printf(p->arena, "%s%s", kept, c);
        else if (is_kept(opt->action))
            kept = arena_printf(p->arena, "%s%s", kept, last && rest ? c : (char[]){*c, 0});
        bool separate = opt && value && !rest && is_kept(opt->action);
        if (last || !c[1]) {
            if (kept[1])
                keep(p, kept);
            if (separate)
                keep(p, value);
        }
        if (opt && !apply(p, opt, value ? value : ""))
            return false;
        if (last)
            break;
    }
    return true;
}

static void read_positional(const struct parsing *p, const char *arg) {
    array_push(p->arena, &p->options->positional, arg);
    keep(p, arg);
}

/* An option of a plugin that we do not know: the word after it is its value unless there is such a file or
 * folder. */
static void read_unknown(struct parsing *p, const char *arg) {
    keep(p, arg);
    if (strchr(arg, '=') || p->at + 1 >= p->args->len || looks_like_option(p->args->items[p->at + 1]))
        return;
    struct os_stat st;
    const char *word = p->args->items[p->at + 1];
    if (os_stat(os_join(p->arena, p->base, collect_path(p->arena, word)), &st))
        return;
    keep(p, word);
    p->at++;
}

static bool read_argument(struct parsing *p) {
    const char *arg = p->args->items[p->at];
    if (!looks_like_option(arg)) {
        read_positional(p, arg);
        return true;
    }
    size_t n = strcspn(arg, "=");
    const struct option *opt = find_option(arena_strndup(p->arena, arg, n));
    if (arg[1] == '-' && opt)
        return read_long(p, arg, opt, arg[n] ? arg + n + 1 : NULL);
    if (arg[1] != '-' && find_short(arg[1]))
        return read_short(p, arg);
    read_unknown(p, arg);
    return true;
}

bool options_parse(struct arena *a, const struct strs *args, const char *base, const char *what,
                   struct options *o) {
    *o = (struct options){.import_mode = "prepend", .whole.durations = -1};
    struct parsing p = {.arena = a, .args = args, .base = base, .what = what, .options = o};
    for (; p.at < args->len; p.at++) {
        if (strcmp(args->items[p.at], "--") == 0)
            break;
        if (!read_argument(&p))
            return false;
    }
    for (p.at++; p.at < args->len; p.at++)
        read_positional(&p, args->items[p.at]);
    return true;
}
