#if defined(__linux__)
#define _GNU_SOURCE /* O_PATH */
#endif
#include "run/keeper.h"
#include "base/os.h"
#include "base/str.h"
#include "run/child.h"
#include "run/server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#ifdef O_PATH
#define HOLD O_PATH
#else
#define HOLD O_RDONLY
#endif

enum {
    SWEEP_MS = 2000,  /* what cannot be ended in this time, as a program of another user, stays */
    LOOK_SECONDS = 5, /* how often to look whether the fork server can still be reached */
    USELESS_LOOKS = 3
};

void keeper_adopt(int on) {
#ifdef __linux__
    prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0);
#else
    (void)on;
#endif
}

static int kill_children(pid_t but) {
    char path[64];
    int pid, n = 0;
    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    FILE *f = fopen(path, "re");
    while (f && fscanf(f, "%d", &pid) == 1) {
        if (pid == but)
            continue;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, WNOHANG);
        n++;
    }
    if (f)
        fclose(f);
    return n;
}

void keeper_end_children(pid_t but) {
    int64_t until = os_now() + (int64_t)SWEEP_MS * 1000000;
    while (kill_children(but) > 0 && os_now() < until)
        poll(NULL, 0, 1);
}

static void start(const char *const *argv, const char *const *env, int out, pid_t parent) {
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

static void wake_up(int sig) {
    (void)sig;
}

/* Blocked but while we wait, so that none is missed. */
static sigset_t catch_child_ends(void) {
    struct sigaction action = {.sa_handler = wake_up};
    sigset_t child, before;
    sigemptyset(&action.sa_mask);
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    return before;
}

/* Reaps the others; the child itself keeps its number until the other side has hung up. */
static bool has_ended(pid_t pid, siginfo_t *end) {
    for (;;) {
        *end = (siginfo_t){0};
        if (waitid(P_ALL, 0, end, WEXITED | WNOHANG | WNOWAIT) != 0 || !end->si_pid)
            return false;
        if (end->si_pid == pid)
            return true;
        waitpid(end->si_pid, NULL, 0);
    }
}

/* Whether the other side of `line` hangs up before a child ends. */
static bool hangs_up(int line, const sigset_t *mask) {
    fd_set fds;
    FD_ZERO(&fds);
    FD_SET(line, &fds);
    return pselect(line + 1, &fds, NULL, NULL, NULL, mask) > 0;
}

static void tell(int line, enum served what, int value) {
    const int32_t said[2] = {(int32_t)what, value};
    send(line, said, sizeof said, MSG_NOSIGNAL);
}

void keeper_serve(const char *const *argv, const char *const *env, int out, int line) {
    child_detach(out);
    keeper_adopt(1);
    const sigset_t mask = catch_child_ends();
    pid_t self = getpid(), pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &mask, NULL);
        start(argv, env, out, self);
    }
    if (pid < 0)
        _exit(127);
    tell(line, SERVED_CHILD, pid);
    siginfo_t end;
    bool gone = false;
    while (!has_ended(pid, &end))
        if (!gone && hangs_up(line, &mask)) {
            gone = true;
            kill(-pid, SIGKILL);
            kill(pid, SIGKILL);
        }
    kill(-pid, SIGKILL);
    keeper_end_children(pid);
    tell(line, SERVED_END, end.si_code == CLD_EXITED ? end.si_status << 8 : end.si_status);
    while (!gone)
        gone = hangs_up(line, &mask);
    _exit(0);
}

static volatile sig_atomic_t server_pid;

static void pass_on(int sig) {
    if (server_pid > 0)
        kill((pid_t)server_pid, sig);
}

static const int passed_on[] = {SIGHUP, SIGINT, SIGTERM};

static bool has_children(pid_t pid) {
    char path[64], byte;
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)pid, (long)pid);
    FILE *f = fopen(path, "re");
    bool some = f && fread(&byte, 1, 1, f) == 1;
    if (f)
        fclose(f);
    return some;
}

/* By whatever name. */
static bool can_be_reached(uint64_t inode) {
    bool found = false;
    DIR *d = opendir(SERVER_FOLDER);
    for (struct dirent *e; d && !found && (e = readdir(d));)
        found = e->d_ino == inode;
    if (d)
        closedir(d);
    return found;
}

/* Nobody can reach it, and nobody has: it hangs where it should have begun to serve. */
static bool is_useless(pid_t pid, uint64_t inode) {
    return !can_be_reached(inode) && !has_children(pid);
}

static void watch_server(pid_t pid, uint64_t inode, const sigset_t *mask) {
    struct sigaction action = {.sa_handler = pass_on};
    const struct timespec look = {LOOK_SECONDS, 0};
    siginfo_t end;
    int useless = 0;
    sigemptyset(&action.sa_mask);
    server_pid = pid;
    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
        sigaction(passed_on[i], &action, NULL);
    while (!has_ended(pid, &end)) {
        if (pselect(0, NULL, NULL, NULL, &look, mask) != 0)
            continue;
        useless = is_useless(pid, inode) ? useless + 1 : 0;
        if (useless >= USELESS_LOOKS)
            kill(pid, SIGKILL);
    }
    server_pid = 0;
}

int keeper_main(int argc, char **argv) {
    if (argc < 9)
        return 2;
    struct os_stat st = {0};
    int held = open(argv[6], HOLD | O_CLOEXEC); /* until this is closed, no other file gets its number */
    os_stat(argv[6], &st);
    keeper_adopt(1);
    const sigset_t mask = catch_child_ends();
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        sigprocmask(SIG_SETMASK, &mask, NULL);
        execv(argv[3], argv + 3);
        _exit(127);
    }
    close(atoi(argv[5]));
    if (!str_eq(argv[8], "--"))
        close(atoi(argv[8]));
    dup2(0, 1);
    dup2(0, 2);
    if (pid > 0)
        watch_server(pid, st.ino, &mask);
    keeper_end_children(0);
    server_forget();
    if (held >= 0)
        close(held);
    return 0;
}
