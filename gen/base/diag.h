#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What is wrong with the user's tree or words goes through diag(), a broken environment through die(). All of
 * it goes to standard error. A function that returns false has already reported why.
 */
enum severity { DIAG_INFO, DIAG_WARNING, DIAG_ERROR };

/* The stable codes; each stands in the table in diag.c with its usual severity and its sentence for the
 * manual. */
enum diag_code {
    DIAG_SYNTAX,            /* a Python file that does not parse */
    DIAG_CONFIG,            /* a configuration file that cannot be read as pytest would */
    DIAG_UNKNOWN_KEY,       /* a key of [tool.testfan] that means nothing */
    DIAG_UNRESOLVED_IMPORT, /* nothing answers an import */
    DIAG_AMBIGUOUS_IMPORT,  /* several files answer an import */
    DIAG_CYCLE,             /* modules that import each other */
    DIAG_BAD_NAME,          /* a file name that no build file can hold */
    DIAG_IO,                /* a file that cannot be read or written */
    DIAG_USAGE,             /* the command line */
    DIAG_NOT_OURS,          /* a file that testfan did not write stands in the way */
    DIAG_NO_INTERPRETER,    /* no Python, or one without pytest */
    DIAG_NO_TESTS,          /* a target that ran none of the tests that its file holds */
    DIAG_NO_REPORT,         /* a target without a readable report */
    DIAG_DATA,              /* a `# testfan:` line that cannot be followed */
    DIAG_DYNAMIC_IMPORT,    /* an import by a name that is computed */
    DIAG_STALE_LEARNED,     /* an entry of testfan.learned.json that names nothing */
    DIAG_NO_RECORD,         /* a distribution that does not tell its files */
    DIAG_SELF_IMPORT,       /* a module that imports itself */
    DIAG_TREE_CHANGED,      /* files were edited faster than they could be read */
    DIAG_NO_ENVIRONMENT,    /* a virtual environment or interpreter that is named and not there */
    DIAG_BUILD_FILE,        /* a BUILD file that cannot be read or changed */
    DIAG_RULE_NAME,         /* a hand-written rule has the name that testfan would take */
    DIAG_OWNED_FILE,        /* a hand-written rule holds a file that testfan would make a rule for */
    DIAG_PACKAGE_BOUNDARY,  /* an input in a Bazel package that does not export it */
    DIAG_BAD_LABEL,         /* a path that Bazel has no label for */
    DIAG_WORKSPACE,         /* no Bazel workspace, or not as testfan needs it */
    DIAG_FLAKY,             /* a test that passed only when it was run again */
    DIAG_ORDER_DEPENDENT,   /* a test file that fails alone and passes among the others */
    DIAG_COLLECTORS,        /* pytest cannot be asked which files hooks collect */
    DIAG_REMOTE_CACHE,      /* a cache server that does not do what it should */
    DIAG_SAME_NAME,         /* test files that pytest would import by one name */
    DIAG_OTHER_CONFIG,      /* pytest would take another configuration for the paths that are given */
    DIAG_CODES
};

/* `path:line:col: severity: text [code]`; path may be NULL, line and col 0 when unknown (both count from 1).
 */
__attribute__((format(printf, 5, 6))) void diag(enum diag_code code, const char *path, uint32_t line,
                                                uint32_t col, const char *fmt, ...);
/* `  hint: text` under the diagnostic just given: the cure, as a line to paste where there is one. */
__attribute__((format(printf, 1, 2))) void hint(const char *fmt, ...);
/* For `select --error CODE` and `--ignore CODE`; false when there is no such code. */
bool diag_set(const char *code, bool ignore);
/* The same for the files of a folder (relative to rootdir; "" for all), where the command line says nothing;
 * false also when there are too many. */
bool diag_set_below(const char *folder, const char *code, bool ignore);
/* Whether one of this code could be printed, so that it is worth looking for. */
bool diag_is_heard(enum diag_code code);
/* How many diagnostics of severity DIAG_ERROR there were. */
unsigned diag_errors(void);
/* Colour on standard error: only on a terminal unless told otherwise. */
void diag_color(bool on);

/* `testfan: text` and exit 3 (pytest's code for an internal error); a format ending in ':' appends
 * strerror(errno). */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...);

#endif
