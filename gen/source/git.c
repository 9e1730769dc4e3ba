#include "source/git.h"
#include "base/diag.h"
#include "base/os.h"

#include <string.h>

enum { WORDS_MOST = 24 };

/* Starts `git -C DIR words…`; the repository's own settings for diffs have no say. */
static pid_t start_git(const char *dir, int *out, const char *const *words) {
    const char *argv[WORDS_MOST] = {"git", "-C", dir, "--literal-pathspecs", "--no-optional-locks"};
    int n = 5;
    while (*words && n < WORDS_MOST - 1)
        argv[n++] = *words++;
    return os_start(argv, true, out);
}

#define START(dir, out, ...) start_git(dir, out, (const char *const[]){__VA_ARGS__, NULL})

static int ask_git(const char *dir, struct buf *out, const char *first, const char *second) {
    int in;
    pid_t pid = START(dir, &in, "rev-parse", first, second);
    buf_str(out, "");
    return pid < 0 ? 127 : os_finish(pid, in, out);
}

static bool says(const char *dir, const char *option) {
    struct buf out = {0};
    bool yes = ask_git(dir, &out, option, NULL) == 0 && str_starts(out.s, "true");
    buf_free(&out);
    return yes;
}

static void report(const char *dir, const char *revision, int code) {
    if (code == 127) {
        diag(DIAG_USAGE, NULL, 0, 0, "--since needs git, which cannot be started");
    } else if (!says(dir, "--is-inside-work-tree")) {
        diag(DIAG_USAGE, dir, 0, 0, "--since needs a git repository, and this is none");
    } else if (says(dir, "--is-shallow-repository")) {
        diag(DIAG_USAGE, NULL, 0, 0, "git has no revision '%s' in this shallow clone", revision);
        hint("run: git fetch --unshallow (GitHub: fetch-depth: 0; GitLab: GIT_DEPTH: 0)");
    } else {
        diag(DIAG_USAGE, NULL, 0, 0, "git has no revision '%s'", revision);
        hint("see: git branch --all; a branch of a remote is named like origin/main");
    }
}

/* `git diff --name-status -z`: a letter and a path, each ended by a NUL. */
static void take_status(struct arena *a, const struct buf *out, struct git_changes *c) {
    for (const char *s = out->s, *end = out->s + out->len; s < end;) {
        const char *path = s + strlen(s) + 1;
        if (path >= end)
            return;
        const char *kept = arena_strdup(a, path);
        if (*s == 'D')
            array_push(a, &c->deleted, kept);
        else
            array_push(a, &c->changed, kept);
        if (*s == 'A')
            array_push(a, &c->added, kept);
        s = path + strlen(path) + 1;
    }
}

static void take_untracked(struct arena *a, const struct buf *out, struct git_changes *c) {
    for (const char *s = out->s, *end = out->s + out->len; s < end; s += strlen(s) + 1) {
        const char *kept = arena_strdup(a, s);
        array_push(a, &c->changed, kept);
        array_push(a, &c->added, kept);
    }
}

/* A path that went from the index may still lie in the work tree. */
static void drop_present(struct git_changes *c) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < c->deleted.len; i++)
        if (!strs_has(&c->changed, c->deleted.items[i]))
            c->deleted.items[kept++] = c->deleted.items[i];
    c->deleted.len = kept;
}

void git_start(struct arena *a, const char *dir, const char *revision, struct git_question *q) {
    *q = (struct git_question){.dir = dir, .revision = revision};
    /* A word that git would take for an option is no revision. */
    const char *commit = arena_printf(a, "%s^{commit}", *revision == '-' ? "" : revision);
    q->diff = START(dir, &q->diff_out, "diff", "--no-ext-diff", "--no-textconv", "--no-renames",
                    "--ignore-submodules=none", "--relative", "--name-status", "-z", commit, "--");
    q->files = START(dir, &q->files_out, "ls-files", "--others", "--exclude-standard", "-z");
}

bool git_finish(struct arena *a, struct git_question *q, struct git_changes *out) {
    struct buf diff = {0}, files = {0};
    buf_str(&diff, "");
    buf_str(&files, "");
    *out = (struct git_changes){0};
    int code = q->diff < 0 ? 127 : os_finish(q->diff, q->diff_out, &diff);
    int other = q->files < 0 ? 127 : os_finish(q->files, q->files_out, &files);
    code = code ? code : other;
    if (code == 0) {
        take_status(a, &diff, out);
        take_untracked(a, &files, out);
        drop_present(out);
        strs_sort(&out->changed);
        strs_sort(&out->added);
        strs_sort(&out->deleted);
    } else {
        report(q->dir, q->revision, code);
    }
    buf_free(&diff);
    buf_free(&files);
    return code == 0;
}
