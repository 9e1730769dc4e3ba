#include "run/ninja.h"
#include "base/diag.h"
#include "base/os.h"
#include "run/crash.h"
#include "run/notes.h"
#include "run/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What ninja ends with from 1.13 on when it is interrupted; before, it was 2. */
enum { EXIT_INTERRUPTED_113 = 130 };

/* Takes the whole lines out of `text`. */
static void take_lines(struct screen *s, struct buf *text) {
    char *line = text->s, *end = NULL;
    while (line && (end = memchr(line, '\n', text->len - (size_t)(line - text->s)))) {
        *end = 0;
        screen_take_line(s, line);
        line = end + 1;
    }
    size_t gone = line ? (size_t)(line - text->s) : 0;
    if (!gone)
        return;
    text->len -= gone;
    memmove(text->s, line, text->len + 1);
}

/* What an exec has told comes before what ninja says of its end. */
static void watch(struct screen *s, int out, int notes) {
    struct buf text = {0};
    struct note note;
    char chunk[65536];
    for (bool open = true; open;) {
        struct pollfd fds[] = {{out, POLLIN, 0}, {notes, POLLIN, 0}};
        ssize_t n = 0;
        if (poll(fds, 2, screen_patience(s)) > 0 && fds[0].revents) {
            n = read(out, chunk, sizeof chunk);
            open = n > 0 || (n < 0 && errno == EINTR);
        }
        while (notes_take(notes, &note))
            screen_take_note(s, &note);
        if (n > 0)
            buf_add(&text, chunk, (size_t)n);
        take_lines(s, &text);
        screen_draw(s);
    }
    if (text.len)
        screen_take_line(s, text.s);
    buf_free(&text);
}

static struct strs ninja_words(struct arena *a, const char *ninja, const struct ninja_call *call) {
    struct strs argv = {0};
    array_push(a, &argv, ninja);
    array_push(a, &argv, "-f");
    array_push(a, &argv, call->file);
    array_push(a, &argv, "-k"); /* a target that could leave no report stops no other */
    array_push(a, &argv, "0");
    if (call->jobs >= 0) {
        array_push(a, &argv, "-j");
        array_push(a, &argv, arena_printf(a, "%ld", call->jobs ? call->jobs : 1));
    }
    if (call->load >= 0) {
        array_push(a, &argv, "-l");
        array_push(a, &argv, arena_printf(a, "%ld", call->load));
    }
    for (uint32_t i = 0; call->targets && i < call->targets->len; i++)
        array_push(a, &argv, call->targets->items[i]);
    array_push(a, &argv, NULL);
    return argv;
}

static pid_t start(const struct strs *argv, int lock, int out[2]) {
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    os_end_with_parent();
    if (os_outlives_terminal())
        setpgid(0, 0); /* ninja itself would heed what its group is told */
    dup2(out[1], 1);
    dup2(out[1], 2);
    close(out[0]);
    close(out[1]);
    union {
        const char *const *given;
        char *const *taken;
    } words = {argv->items};
    setenv("NINJA_STATUS", SCREEN_MARK "%f/%t ", 1);
    char number[16];
    snprintf(number, sizeof number, "%d", lock);
    if (lock >= 0 && fcntl(lock, F_SETFD, 0) == 0)
        setenv("TESTFAN_LOCK", number, 1);
    execv(argv->items[0], words.taken);
    _exit(127);
}

static volatile sig_atomic_t ninja_pid;

/* ninja ends its targets and itself; we wait for it and sum up what there is. */
static void pass_on(int sig) {
    if (ninja_pid > 0)
        kill((pid_t)ninja_pid, sig);
}

/* Returns the status as waitpid gives it. */
static int run_once(struct arena *a, const struct ninja_call *call, const struct strs *argv) {
    struct screen screen;
    screen_open(&screen, a, call->screen);
    int out[2], notes = notes_listen(call->screen->verbose);
    if (pipe(out) != 0)
        die("cannot make a pipe:");
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART}, old[3];
    static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP};
    const int heeded = os_outlives_terminal() ? 2 : 3;
    sigemptyset(&action.sa_mask);
    fflush(NULL);
    pid_t pid = start(argv, call->lock, out);
    ninja_pid = pid;
    for (int i = 0; i < heeded; i++)
        sigaction(passed_on[i], &action, &old[i]);
    close(out[1]);
    if (pid < 0)
        die("cannot start ninja:");
    watch(&screen, out[0], notes);
    screen_close(&screen);
    notes_close(notes);
    close(out[0]);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    ninja_pid = 0;
    for (int i = 0; i < heeded; i++)
        sigaction(passed_on[i], &old[i], NULL);
    return status;
}

static bool has_crashed(int status) {
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return sig == SIGSEGV || sig == SIGABRT || sig == SIGBUS || sig == SIGILL || sig == SIGFPE;
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
    const char *deps = os_join(a, os_dirname(a, call->file), ".ninja_deps");
    int status = run_once(a, call, &argv);
    if (has_crashed(status) && unlink(deps) == 0) {
        fprintf(stderr, "testfan: ninja was killed by %s; once more without %s\n",
                crash_signal_name(WTERMSIG(status)), deps);
        status = run_once(a, call, &argv);
    }
    if (has_crashed(status))
        return 128 + WTERMSIG(status);
    bool interrupted = WIFSIGNALED(status) || WEXITSTATUS(status) == EXIT_INTERRUPTED_113;
    return interrupted ? 2 : WEXITSTATUS(status);
}

void ninja_own_lock(void) {
    const char *lock = getenv("TESTFAN_LOCK");
    if (lock)
        fcntl((int)strtol(lock, NULL, 10), F_SETFD, FD_CLOEXEC);
}
