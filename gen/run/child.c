#include "run/child.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

enum { GRACE_MS = 2000 };

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

static void become(const char *const *argv, const char *const *env, int out, pid_t parent) {
    struct sigaction normal = {.sa_handler = SIG_DFL};
    sigemptyset(&normal.sa_mask);
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        sigaction(watched[i], &normal, NULL);
    setsid();
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
#endif
    (void)parent;
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(out, 1);
    dup2(out, 2);
    if (null > 2)
        close(null);
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

static void read_output(struct child *c, int fd) {
    char chunk[65536];
    for (ssize_t n; (n = read(fd, chunk, sizeof chunk)) != 0;) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return;
        capture_add(&c->output, chunk, (size_t)n);
        if ((size_t)n < sizeof chunk)
            return;
    }
}

struct watch {
    struct child *child;
    pid_t pid;
    int out;
    bool ended, closed, told;
    int64_t deadline; /* when the next harder step is due; 0: never */
};

static void stop_group(struct watch *w) {
    kill(-w->pid, w->told ? SIGKILL : SIGTERM);
    w->deadline = os_now() + (int64_t)GRACE_MS * 1000000;
    w->told = true;
}

static void take_signals(struct watch *w) {
    unsigned char sig;
    while (read(signal_pipe[0], &sig, 1) == 1) {
        if (sig == SIGCHLD) {
            if (waitpid(w->pid, &w->child->status, WNOHANG) == w->pid)
                w->ended = true;
            continue;
        }
        w->child->interrupted = sig;
        if (!w->told)
            stop_group(w);
    }
}

static void watch(struct watch *w) {
    while (!w->ended) {
        struct pollfd fds[2] = {{signal_pipe[0], POLLIN, 0}, {w->closed ? -1 : w->out, POLLIN, 0}};
        int64_t left = w->deadline ? (w->deadline - os_now()) / 1000000 + 1 : -1;
        int ready = poll(fds, 2, left < 0 && w->deadline ? 0 : (int)left);
        if (ready == 0 && w->deadline && os_now() >= w->deadline) {
            w->child->timed_out |= !w->child->interrupted;
            stop_group(w);
        }
        if (fds[1].revents & (POLLIN | POLLHUP)) {
            unsigned long long before = w->child->output.total;
            read_output(w->child, w->out);
            w->closed = w->child->output.total == before && (fds[1].revents & POLLHUP);
        }
        take_signals(w);
    }
}

bool child_run(const char *const *argv, const char *const *env, double timeout, struct child *c) {
    int out[2];
    *c = (struct child){0};
    if (!watch_signals() || pipe(out) != 0)
        return false;
    set_nonblocking(out[0]);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(argv, env, out[1], parent);
    close(out[1]);
    if (pid < 0)
        return false;
    struct watch w = {.child = c, .pid = pid, .out = out[0]};
    if (timeout > 0)
        w.deadline = os_now() + (int64_t)(timeout * 1e9);
    watch(&w);
    kill(-pid, SIGKILL);
    read_output(c, out[0]);
    close(out[0]);
    return true;
}
