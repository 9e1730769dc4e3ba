#include "run/child.h"
#include "base/os.h"
#include "run/keeper.h"
#include "run/notes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACKS_MS = 300, GRACE_MS = 2000, KEEPER_SECONDS = 60 };
/* Little output is fetched now and then, for waking up costs more than it; who writes much is not kept
 * waiting. */
enum { LOOK_MS = 50, MUCH = 16384 };
enum { EYE_MS = 250, STOPPED_SECONDS = 10 };
#define OUTPUT_MOST (1LL << 30)

/* Signals arrive as bytes in a pipe, so that one poll() waits for everything. */
static int signal_pipe[2] = {-1, -1};

static void on_signal(int sig) {
    int saved = errno;
    unsigned char byte = (unsigned char)sig;
    ssize_t put = write(signal_pipe[1], &byte, 1);
    (void)put;
    errno = saved;
}

static void set_nonblocking(int fd) {
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

enum { WATCHED = 3 };
static const int watched[WATCHED] = {SIGINT, SIGTERM, SIGHUP}; /* the last one not under nohup */

static bool watch_signals(struct sigaction before[WATCHED]) {
    if (signal_pipe[0] < 0 && pipe(signal_pipe) != 0)
        return false;
    set_nonblocking(signal_pipe[0]);
    set_nonblocking(signal_pipe[1]);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    size_t n = os_outlives_terminal() ? WATCHED - 1 : WATCHED;
    sigaction(SIGHUP, NULL, &before[WATCHED - 1]);
    for (size_t i = 0; i < n; i++)
        sigaction(watched[i], &action, &before[i]);
    return true;
}

static void unwatch_signals(const struct sigaction before[WATCHED]) {
    for (size_t i = 0; i < WATCHED; i++)
        sigaction(watched[i], &before[i], NULL);
}

void child_detach(int out) {
    struct sigaction normal = {.sa_handler = SIG_DFL};
    sigemptyset(&normal.sa_mask);
    sigaction(SIGCHLD, &normal, NULL);
    for (size_t i = 0; i < WATCHED; i++)
        sigaction(watched[i], &normal, NULL);
    setsid();
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(out, 1);
    dup2(out, 2);
    if (null > 2)
        close(null);
}

/* Takes what a pipe holds, and no more: who writes faster than we read would keep us here. Returns how much
 * that was. */
static size_t read_output(struct child *c, int fd, bool *closed) {
    char chunk[65536];
    ssize_t n = read(fd, chunk, sizeof chunk);
    *closed = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    if (n > 0) {
        capture_add(&c->output, chunk, (size_t)n);
        notes_output(chunk, (size_t)n);
    }
    return n > 0 ? (size_t)n : 0;
}

struct watch {
    struct child *child;
    pid_t pid; /* 0: not told yet */
    int out, line;
    enum served said; /* the last thing that came by `line` */
    bool ended, closed, told;
    bool warned;      /* has been told that its time is up */
    int64_t deadline; /* when the next harder step is due; 0: never */
    int64_t look;     /* when to look at the process next */
    int64_t stopped;  /* since when it is; 0: it is not */
};

static void stop_group(struct watch *w) {
    if (!w->pid) {
        w->said = SERVED_LATE;
        w->ended = true;
        return;
    }
    kill(-w->pid, w->told ? SIGKILL : SIGTERM);
    w->deadline = os_now() + (int64_t)GRACE_MS * 1000000;
    w->told = true;
}

static void set_deadline(struct watch *w, double seconds) {
    w->deadline = seconds > 0 ? os_now() + (int64_t)(seconds * 1e9) : 0;
}

static void take_signals(struct watch *w) {
    unsigned char sig;
    while (read(signal_pipe[0], &sig, 1) == 1) {
        w->child->interrupted = sig;
        if (!w->told)
            stop_group(w);
    }
}

static void take_line(struct watch *w, double timeout) {
    int32_t said[2];
    ssize_t n = recv(w->line, said, sizeof said, MSG_WAITALL);
    w->said = n == (ssize_t)sizeof said ? (enum served)said[0] : w->pid ? SERVED_LOST : SERVED_NOT;
    if (w->said == SERVED_CHILD) {
        w->pid = said[1];
        if (w->child->interrupted)
            stop_group(w);
        else
            set_deadline(w, timeout);
        return;
    }
    if (w->said == SERVED_END || w->said == SERVED_DONE)
        w->child->status = said[1];
    w->ended = true;
}

static char process_state(pid_t pid, pid_t *parent) {
    char path[32], text[256] = "";
    long above = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *f = fopen(path, "re");
    if (f) {
        text[fread(text, 1, sizeof text - 1, f)] = 0;
        fclose(f);
    }
    const char *last = strrchr(text, ')');
    char state = last && last[1] ? last[2] : 0;
    if (state)
        above = strtol(last + 3, NULL, 10);
    *parent = (pid_t)above;
    return state;
}

/* pytest captures into files without a name, which nothing else bounds. */
static bool fills_the_disk(pid_t pid) {
    for (int fd = 1; fd <= 2; fd++) {
        char path[40];
        struct stat st;
        snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)pid, fd);
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && !st.st_nlink && st.st_size > OUTPUT_MOST)
            return true;
    }
    return false;
}

/* What would wait for ever, or fill the disk, is ended; who only waits for it is woken up. */
static void look_at(struct watch *w) {
    pid_t parent, above;
    int64_t now = os_now();
    w->look = now + (int64_t)EYE_MS * 1000000;
    bool stopped = process_state(w->pid, &parent) == 'T';
    if (parent > 1 && process_state(parent, &above) == 'T')
        kill(parent, SIGCONT);
    w->stopped = !stopped ? 0 : w->stopped ? w->stopped : now;
    if (w->told)
        return;
    if (w->stopped && now - w->stopped >= STOPPED_SECONDS * 1000000000LL)
        w->child->given_up = "stopped by a signal that nobody took back";
    else if (fills_the_disk(w->pid))
        w->child->given_up = "printed more than 1 GB";
    if (w->child->given_up)
        stop_group(w);
}

static int until_ms(int64_t at, int most) {
    int64_t left = (at - os_now()) / 1000000 + 1;
    return left < 0 ? 0 : left < most ? (int)left : most;
}

static int wait_ms(const struct watch *w, bool busy) {
    int most = w->closed || busy ? EYE_MS : LOOK_MS;
    return w->deadline ? until_ms(w->deadline, most) : most;
}

/* First it may say where it hangs, and go no further. */
static void end_in_time(struct watch *w) {
    w->child->timed_out |= w->pid && !w->child->interrupted && !w->child->given_up;
    if (!w->child->timed_out || w->warned) {
        stop_group(w);
        return;
    }
    w->warned = true;
    kill(w->pid, CHILD_TIME_IS_UP);
    set_deadline(w, STACKS_MS / 1000.0);
}

static void watch(struct watch *w, double start, double timeout) {
    bool busy = false;
    const char *most = getenv("TESTFAN_START");
    set_deadline(w, most ? strtod(most, NULL) : start);
    while (!w->ended) {
        struct pollfd fds[3] = {
            {signal_pipe[0], POLLIN, 0}, {w->line, POLLIN, 0}, {busy && !w->closed ? w->out : -1, POLLIN, 0}};
        poll(fds, 3, wait_ms(w, busy));
        if (!w->closed)
            busy = read_output(w->child, w->out, &w->closed) >= MUCH;
        take_signals(w);
        if (!w->ended && fds[1].revents)
            take_line(w, timeout);
        if (!w->ended && w->pid && os_now() >= w->look)
            look_at(w);
        if (!w->ended && w->deadline && os_now() >= w->deadline)
            end_in_time(w);
    }
}

static enum served see_to_its_end(struct watch *w, double start, double timeout) {
    set_nonblocking(w->out);
    watch(w, start, timeout);
    bool ended = w->said == SERVED_END || w->said == SERVED_DONE;
    if (w->pid && w->said != SERVED_DONE)
        kill(-w->pid, SIGKILL); /* its leader is reaped when we close the line: nobody else has its number */
    if (ended)
        read_output(w->child, w->out, &w->closed);
    close(w->out);
    close(w->line);
    return ended ? SERVED_END : w->said;
}

/* Nobody else has told how it ended: the keeper was killed, and its child with it. */
static int end_without_keeper(pid_t pid) {
    int status = SIGKILL;
    if (pid)
        waitpid(pid, &status, 0);
    return status;
}

static void close_pair(const int fds[2]) {
    close(fds[0]);
    close(fds[1]);
}

static pid_t start_keeper(const char *const *argv, const char *const *env, const int out[2],
                          const int line[2]) {
    for (int i = 0; i < 2; i++) {
        fcntl(out[i], F_SETFD, FD_CLOEXEC);
        fcntl(line[i], F_SETFD, FD_CLOEXEC);
    }
    pid_t keeper = fork();
    if (keeper == 0) {
        close(out[0]);
        close(line[0]);
        keeper_serve(argv, env, out[1], line[1]);
    }
    return keeper;
}

static bool run_kept(const char *const *argv, const char *const *env, double timeout, struct child *c) {
    int out[2], line[2];
    if (pipe(out) != 0)
        return false;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, line) != 0) {
        close_pair(out);
        return false;
    }
    pid_t keeper = start_keeper(argv, env, out, line);
    close(out[1]);
    close(line[1]);
    if (keeper < 0) {
        close(out[0]);
        close(line[0]);
        return false;
    }
    struct watch w = {.child = c, .out = out[0], .line = line[0], .said = SERVED_LOST};
    bool lost = see_to_its_end(&w, KEEPER_SECONDS, timeout) != SERVED_END && !c->interrupted;
    while (waitpid(keeper, NULL, 0) < 0 && errno == EINTR) {
    }
    if (lost)
        c->status = end_without_keeper(w.pid);
    return true;
}

bool child_run(const char *const *argv, const char *const *env, double timeout, struct child *c) {
    struct sigaction before[WATCHED];
    *c = (struct child){0};
    if (!watch_signals(before))
        return false;
    keeper_adopt(1);
    bool ran = run_kept(argv, env, timeout, c);
    keeper_end_children(0);
    keeper_adopt(0);
    if (!c->interrupted) /* else we are about to end, and are not to be disturbed */
        unwatch_signals(before);
    return ran;
}

enum served child_served(int line, int out, double start, double timeout, struct child *c) {
    *c = (struct child){0};
    struct watch w = {.child = c, .out = out, .line = line, .said = SERVED_LOST};
    struct sigaction before[WATCHED];
    enum served said = SERVED_LOST;
    if (watch_signals(before)) {
        said = see_to_its_end(&w, start, timeout);
        if (!c->interrupted)
            unwatch_signals(before);
    } else {
        close(out);
        close(line);
    }
    if (said != SERVED_END && !c->interrupted)
        capture_free(&c->output);
    return c->interrupted ? SERVED_END : said;
}
