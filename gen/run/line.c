#if defined(__linux__)
#define _GNU_SOURCE /* struct ucred */
#endif
#include "run/line.h"
#include "base/arena.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address_of(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
    return address;
}

static bool is_ours(int fd) {
#ifdef SO_PEERCRED
    struct ucred peer;
    socklen_t n = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.uid == geteuid();
#else
    (void)fd;
    return false;
#endif
}

int line_reach(const char *name) {
    struct sockaddr_un address = address_of(name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && is_ours(fd))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int line_listen(struct arena *a, const char *name) {
    const char *tmp = arena_printf(a, "%s.%ld", name, (long)getpid());
    struct sockaddr_un address = address_of(tmp);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(tmp);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 4096) == 0 &&
        rename(tmp, name) == 0)
        return fd;
    unlink(tmp);
    if (fd >= 0)
        close(fd);
    return -1;
}

static void send_all(int line, const char *bytes, size_t n) {
    while (n) {
        ssize_t sent = send(line, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return;
        bytes += sent;
        n -= (size_t)sent;
    }
}

void line_send(int line, int out, const char *text) {
    uint32_t length = (uint32_t)strlen(text);
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {{0}};
    struct iovec part = {&length, sizeof length};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &out, sizeof out);
    if (sendmsg(line, &message, MSG_NOSIGNAL) == sizeof length)
        send_all(line, text, length);
}

enum served line_ask(int line, const char *text, double start, double timeout, struct child *c) {
    int out[2];
    if (pipe(out) != 0) {
        close(line);
        return SERVED_LOST;
    }
    line_send(line, out[1], text); /* where that fails, the server has said why, or nothing */
    close(out[1]);
    return child_served(line, out[0], start, timeout, c);
}
