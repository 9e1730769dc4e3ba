#include "run/child.h"
#include "base/os.h"
#include "run/notes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

enum { GRACE_MS = 2000, START_SECONDS = 60 };
/* Little output is fetched now and then, for waking up costs more than it; who writes much is not kept
 * waiting. */
enum { LOOK_MS = 20, MUCH = 16384 };

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

static const int watched[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};

static bool watch_signals(void) {
    if (signal_pipe[0] >= 0)
        return true;
    if (pipe(signal_pipe) != 0)
        return false;
    set_nonblocking(signal_pipe[0]);
    set_nonblocking(signal_pipe[1]);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        sigaction(watched[i], &action, NULL);
    return true;
}

void child_detach(int out) {
    struct sigaction normal = {.sa_handler = SIG_DFL};
    sigemptyset(&normal.sa_mask);
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        sigaction(watched[i], &normal, NULL);
    setsid();
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(out, 1);
    dup2(out, 2);
    if (null > 2)
        close(null);
}

static void become(const char *const *argv, const char *const *env, int out, pid_t parent) {
    child_detach(out);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
#endif
    (void)parent;
    union {
        const char *const *given;
        char *const *taken;
    } words = {argv}, vars = {env};
    execve(argv[0], words.taken, vars.taken);
    static const char failed[] = "testfan: cannot start the interpreter\n";
    ssize_t put = write(2, failed, sizeof failed - 1);
    (void)put;
    _exit(127);
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
    pid_t pid; /* 0: the fork server has not told it yet */
    int out, line;
    enum served said; /* the last thing that came by `line` */
    bool ended, closed, told;
    int64_t deadline; /* when the next harder step is due; 0: never */
};

static void stop_group(struct watch *w) {
    if (!w->pid) {
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
        if (sig == SIGCHLD) {
            siginfo_t info = {0};
            w->ended |= w->line < 0 && waitid(P_PID, (id_t)w->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                        info.si_pid;
            continue;
        }
        w->child->interrupted = sig;
        if (!w->told)
            stop_group(w);
    }
}

static void take_line(struct watch *w, double timeout) {
    int32_t said[2];
    ssize_t n = recv(w->line, said, sizeof said, MSG_WAITALL);
    w->said = n == (ssize_t)sizeof said ? (enum served)said[0] : SERVED_LOST;
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

static int wait_ms(const struct watch *w, bool busy) {
    int64_t left = (w->deadline - os_now()) / 1000000 + 1;
    if (w->deadline && left < LOOK_MS)
        return left < 0 ? 0 : (int)left;
    return !w->closed && !busy ? LOOK_MS : !w->deadline ? -1 : (int)left;
}

static void watch(struct watch *w, double timeout) {
    bool busy = false;
    set_deadline(w, w->line < 0 ? timeout : START_SECONDS);
    while (!w->ended) {
        struct pollfd fds[3] = {
            {signal_pipe[0], POLLIN, 0}, {w->line, POLLIN, 0}, {busy && !w->closed ? w->out : -1, POLLIN, 0}};
        poll(fds, 3, wait_ms(w, busy));
        if (!w->closed)
            busy = read_output(w->child, w->out, &w->closed) >= MUCH;
        take_signals(w);
        if (!w->ended && fds[1].revents)
            take_line(w, timeout);
        if (!w->ended && w->deadline && os_now() >= w->deadline) {
            w->child->timed_out |= w->pid && !w->child->interrupted;
            stop_group(w);
        }
    }
}

bool child_run(const char *const *argv, const char *const *env, double timeout, struct child *c) {
    int out[2];
    *c = (struct child){0};
    if (!watch_signals() || pipe(out) != 0)
        return false;
    set_nonblocking(out[0]);
    fcntl(out[1], F_SETFD, FD_CLOEXEC);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(argv, env, out[1], parent);
    close(out[1]);
    if (pid < 0)
        return false;
    struct watch w = {.child = c, .pid = pid, .out = out[0], .line = -1};
    watch(&w, timeout);
    kill(-pid, SIGKILL); /* before the leader is reaped: until then no one else gets its number */
    while (waitpid(pid, &c->status, 0) < 0 && errno == EINTR) {
    }
    read_output(c, out[0], &w.closed);
    close(out[0]);
    return true;
}

enum served child_served(int line, int out, double timeout, struct child *c) {
    *c = (struct child){0};
    struct watch w = {.child = c, .out = out, .line = line, .said = SERVED_LOST};
    if (watch_signals()) {
        set_nonblocking(out);
        watch(&w, timeout);
    }
    bool ended = w.said == SERVED_END || w.said == SERVED_DONE;
    if (w.pid && w.said != SERVED_DONE)
        kill(-w.pid, SIGKILL); /* the server reaps the leader when we close the line */
    if (ended)
        read_output(c, out, &w.closed);
    close(out);
    close(line);
    if (!ended && !c->interrupted)
        capture_free(&c->output);
    return c->interrupted || ended ? SERVED_END : w.said == SERVED_CHILD ? SERVED_LOST : w.said;
}
