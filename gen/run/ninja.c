#include "run/ninja.h"
#include "base/diag.h"
#include "base/os.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What ninja ends with from 1.13 on when it is interrupted; before, it was 2. */
enum { EXIT_INTERRUPTED_113 = 130 };

/* Marks ninja's own status lines among what the commands print. */
#define MARK "\036"

struct screen {
    const struct ninja_call *call;
    bool live_shown;    /* a live line stands on the terminal */
    bool verdict_shown; /* what follows belongs to the failed verdict */
};

static void clear_live(struct screen *s) {
    if (s->live_shown)
        fputs("\r\033[K", stderr);
    s->live_shown = false;
}

static int terminal_width(void) {
    struct winsize size;
    return ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

/* `33/40 tests/test_x.py`: how many are done, and what was done last. */
static void show_status(struct screen *s, const char *line) {
    const char *what = strchr(line, ' ');
    static const char *const ours[] = {" gen", " merge", " verdict"};
    s->verdict_shown = false;
    for (size_t i = 0; what && i < sizeof ours / sizeof *ours; i++)
        if (strcmp(what, ours[i]) == 0)
            return;
    if (!s->call->live) {
        fprintf(stderr, "[%.*s]%s\n", (int)strcspn(line, " "), line, what ? what : "");
        return;
    }
    clear_live(s);
    fprintf(stderr, "[%.*s]%.*s", (int)strcspn(line, " "), line, terminal_width() - 16, what ? what : "");
    fflush(stderr);
    s->live_shown = true;
}

static void show_line(struct screen *s, const char *line) {
    if (str_starts(line, MARK)) {
        show_status(s, line + 1);
        return;
    }
    if (str_starts(line, "FAILED: ") && strstr(line, "verdict"))
        s->verdict_shown = true;
    if (s->verdict_shown || strcmp(line, "ninja: no work to do.") == 0 ||
        str_starts(line, "ninja: build stopped"))
        return;
    clear_live(s);
    fprintf(stderr, "%s\n", line);
}

static void show_output(struct screen *s, int fd) {
    FILE *f = fdopen(fd, "r");
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t n; f && (n = getline(&line, &cap, f)) > 0;) {
        if (line[n - 1] == '\n')
            line[n - 1] = 0;
        show_line(s, line);
    }
    free(line);
    if (f)
        fclose(f);
    clear_live(s);
}

static struct strs ninja_words(struct arena *a, const char *ninja, const struct ninja_call *call) {
    struct strs argv = {0};
    array_push(a, &argv, ninja);
    array_push(a, &argv, "-f");
    array_push(a, &argv, call->file);
    if (call->jobs >= 0) {
        array_push(a, &argv, "-j");
        array_push(a, &argv, arena_printf(a, "%ld", call->jobs ? call->jobs : 1));
    }
    for (uint32_t i = 0; call->targets && i < call->targets->len; i++)
        array_push(a, &argv, call->targets->items[i]);
    array_push(a, &argv, NULL);
    return argv;
}

static pid_t start(const struct strs *argv, int out[2]) {
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    dup2(out[1], 1);
    dup2(out[1], 2);
    close(out[0]);
    close(out[1]);
    union {
        const char *const *given;
        char *const *taken;
    } words = {argv->items};
    setenv("NINJA_STATUS", MARK "%f/%t ", 1);
    execv(argv->items[0], words.taken);
    _exit(127);
}

static volatile sig_atomic_t ninja_pid;

/* ninja ends its targets and itself; we wait for it and sum up what there is. */
static void pass_on(int sig) {
    if (ninja_pid > 0)
        kill((pid_t)ninja_pid, sig);
}

int ninja_run(struct arena *a, const struct ninja_call *call) {
    const char *name = getenv("NINJA");
    const char *ninja = os_which(a, name && *name ? name : "ninja");
    if (!ninja) {
        diag(DIAG_USAGE, NULL, 0, 0, "there is no ninja on PATH");
        hint("install it: apt-get install ninja-build, or: pip install ninja");
        return 127;
    }
    struct strs argv = ninja_words(a, ninja, call);
    int out[2];
    if (pipe(out) != 0)
        die("cannot make a pipe:");
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART}, old_int, old_term;
    sigemptyset(&action.sa_mask);
    fflush(NULL);
    pid_t pid = start(&argv, out);
    ninja_pid = pid;
    sigaction(SIGINT, &action, &old_int);
    sigaction(SIGTERM, &action, &old_term);
    close(out[1]);
    if (pid < 0)
        die("cannot start ninja:");
    struct screen screen = {.call = call};
    show_output(&screen, out[0]);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    ninja_pid = 0;
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGTERM, &old_term, NULL);
    bool interrupted = WIFSIGNALED(status) || WEXITSTATUS(status) == EXIT_INTERRUPTED_113;
    return interrupted ? 2 : WEXITSTATUS(status);
}
