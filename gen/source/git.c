#include "source/git.h"
#include "base/diag.h"
#include "base/os.h"

#include <string.h>

enum { WORDS_MOST = 24 };

/* Runs `git -C DIR words…`; the repository's own settings for diffs have no say. */
static int run_git(const char *dir, struct buf *out, bool quiet, const char *const *words) {
    const char *argv[WORDS_MOST] = {"git", "-C", dir, "--literal-pathspecs", "--no-optional-locks"};
    int n = 5;
    while (*words && n < WORDS_MOST - 1)
        argv[n++] = *words++;
    buf_str(out, "");
    return os_run(argv, out, quiet);
}

#define RUN(dir, out, quiet, ...) run_git(dir, out, quiet, (const char *const[]){__VA_ARGS__, NULL})

static bool is_shallow(const char *dir) {
    struct buf out = {0};
    RUN(dir, &out, true, "rev-parse", "--is-shallow-repository");
    bool shallow = str_starts(out.s, "true");
    buf_free(&out);
    return shallow;
}

static bool find_revision(struct arena *a, const char *dir, const char *revision, const char **commit) {
    struct buf out = {0};
    int code = RUN(dir, &out, true, "rev-parse", "--git-dir");
    bool repository = code == 0;
    buf_reset(&out);
    if (repository)
        code = RUN(dir, &out, true, "rev-parse", "--verify", "--quiet", "--end-of-options",
                   arena_printf(a, "%s^{commit}", revision));
    if (code == 0 && out.len) {
        *commit = arena_strndup(a, out.s, strcspn(out.s, "\n"));
        buf_free(&out);
        return true;
    }
    buf_free(&out);
    if (code == 127) {
        diag(DIAG_USAGE, NULL, 0, 0, "--since needs git, which cannot be started");
    } else if (!repository) {
        diag(DIAG_USAGE, dir, 0, 0, "--since needs a git repository, and this is none");
    } else if (is_shallow(dir)) {
        diag(DIAG_USAGE, NULL, 0, 0, "git has no revision '%s' in this shallow clone", revision);
        hint("run: git fetch --unshallow (GitHub: fetch-depth: 0; GitLab: GIT_DEPTH: 0)");
    } else {
        diag(DIAG_USAGE, NULL, 0, 0, "git has no revision '%s'", revision);
        hint("see: git branch --all; a branch of a remote is named like origin/main");
    }
    return false;
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

bool git_diff(struct arena *a, const char *dir, const char *revision, struct git_changes *out) {
    *out = (struct git_changes){0};
    const char *commit;
    if (!find_revision(a, dir, revision, &commit))
        return false;
    struct buf diff = {0}, files = {0};
    int code = RUN(dir, &diff, false, "diff", "--no-ext-diff", "--no-textconv", "--no-renames",
                   "--ignore-submodules=none", "--relative", "--name-status", "-z", commit, "--");
    code = code ? code : RUN(dir, &files, false, "ls-files", "--others", "--exclude-standard", "-z");
    if (code == 0) {
        take_status(a, &diff, out);
        take_untracked(a, &files, out);
        drop_present(out);
        strs_sort(&out->changed);
        strs_sort(&out->added);
        strs_sort(&out->deleted);
    } else {
        diag(DIAG_USAGE, NULL, 0, 0, "git cannot compare the work tree with '%s'", revision);
    }
    buf_free(&diff);
    buf_free(&files);
    return code == 0;
}
