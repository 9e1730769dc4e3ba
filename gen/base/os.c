#include "base/os.h"
#include "base/diag.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

struct os_stat os_stat_of(const struct stat *st) {
    return (struct os_stat){
        .size = (uint64_t)st->st_size,
        .ino = st->st_ino,
        .dev = st->st_dev,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
        .mode = st->st_mode,
    };
}

bool os_stat_at(int dirfd, const char *name, struct os_stat *out) {
    struct stat st;
    if (fstatat(dirfd, name, &st, 0) != 0)
        return false;
    *out = os_stat_of(&st);
    return true;
}

bool os_stat(const char *path, struct os_stat *out) {
    return os_stat_at(AT_FDCWD, path, out);
}

bool os_is_file(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool os_is_dir(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *os_read(struct arena *a, const char *path, size_t *len) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        close(fd);
        return NULL;
    }
    size_t cap = (size_t)st.st_size + 1, n = 0;
    char *data = a ? arena_alloc(a, cap) : malloc(cap);
    while (data) {
        ssize_t got = read(fd, data + n, cap - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            if (got == 0)
                break;
            if (!a)
                free(data);
            data = NULL;
            break;
        }
        n += (size_t)got;
        if (n < cap)
            continue;
        char *grown = a ? arena_alloc(a, cap * 2) : realloc(data, cap * 2);
        if (!grown)
            die("out of memory");
        if (a)
            memcpy(grown, data, n);
        data = grown;
        cap *= 2;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    if (data) {
        data[n] = 0;
        if (len)
            *len = n;
    }
    return data;
}

static bool make_dir(const char *path) {
    return mkdir(path, 0777) == 0 || (errno == EEXIST && os_is_dir(path));
}

bool os_mkdirs(const char *path) {
    char above[PATH_MAX];
    if (os_is_dir(path) || make_dir(path))
        return true;
    const char *slash = strrchr(path, '/');
    if (errno != ENOENT || !slash || slash == path)
        return false;
    snprintf(above, sizeof above, "%.*s", (int)(slash - path), path);
    return os_mkdirs(above) && make_dir(path);
}

static bool remove_at(int dirfd, const char *name) {
    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM)
        return false;
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ok = true;
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            ok &= remove_at(fd, e->d_name);
    closedir(d);
    return unlinkat(dirfd, name, AT_REMOVEDIR) == 0 && ok;
}

bool os_remove_tree(const char *path) {
    return remove_at(AT_FDCWD, path);
}

char *os_join(struct arena *a, const char *dir, const char *name) {
    if (*name == '/' || !*dir || strcmp(dir, ".") == 0)
        return arena_strdup(a, name);
    if (!*name)
        return arena_strdup(a, dir);
    char *path = arena_alloc(a, strlen(dir) + strlen(name) + 2);
    stpcpy(stpcpy(stpcpy(path, dir), str_ends(dir, "/") ? "" : "/"), name);
    return path;
}

bool os_lies_in(const char *path, const char *dir) {
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && (!path[n] || path[n] == '/');
}

char *os_dirname(struct arena *a, const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        return arena_strdup(a, "");
    return arena_strndup(a, path, slash == path ? 1 : (size_t)(slash - path));
}

const char *os_basename(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *os_normalize(struct arena *a, const char *path) {
    bool absolute = *path == '/';
    char *out = arena_alloc(a, strlen(path) + 2);
    size_t n = 0, depth = 0;
    if (absolute)
        out[n++] = '/';
    while (*path) {
        path += strspn(path, "/");
        size_t len = strcspn(path, "/");
        if (len == 0 || (len == 1 && path[0] == '.')) {
            path += len;
            continue;
        }
        if (len == 2 && path[0] == '.' && path[1] == '.') {
            if (depth > 0) {
                while (n > absolute && out[n - 1] != '/')
                    n--;
                if (n > absolute)
                    n--;
                depth--;
            } else if (!absolute) {
                n += (size_t)sprintf(out + n, "%s..", n ? "/" : "");
            }
        } else {
            if (n > absolute)
                out[n++] = '/';
            memcpy(out + n, path, len);
            n += len;
            depth++;
        }
        path += len;
    }
    if (n == 0)
        out[n++] = '.';
    out[n] = 0;
    return out;
}

char *os_realpath(struct arena *a, const char *path) {
    char *real = realpath(path, NULL);
    if (!real)
        return NULL;
    char *copy = arena_strdup(a, real);
    free(real);
    return copy;
}

/* Whether a part of the path is empty, `.` or `..`. */
static bool has_odd_part(const char *path) {
    for (const char *s = path; (s = strchr(s, '/')); s++) {
        size_t dots = s[1] == '.' ? 1 + (s[2] == '.') : 0;
        if ((dots || s[1] == '/') && (!s[dots + 1] || s[dots + 1] == '/'))
            return true;
    }
    return false;
}

const char *os_resolve(struct arena *a, const char *path) {
    if (!has_odd_part(path))
        return path;
    if (!strstr(path, "/.."))
        return os_normalize(a, path);
    char *dir = os_realpath(a, os_dirname(a, path));
    const char *name = os_basename(path);
    return !dir || strcmp(name, "..") == 0 ? os_normalize(a, path) : os_join(a, dir, name);
}

char *os_getcwd(struct arena *a) {
    char tmp[PATH_MAX];
    if (!getcwd(tmp, sizeof tmp))
        die("cannot tell the current folder:");
    return arena_strdup(a, tmp);
}

char *os_which(struct arena *a, const char *program) {
    if (strchr(program, '/'))
        return access(program, X_OK) == 0 && os_is_file(program) ? os_join(a, os_getcwd(a), program) : NULL;
    const char *path = getenv("PATH");
    if (!path)
        path = "/usr/local/bin:/usr/bin:/bin";
    for (;;) {
        size_t n = strcspn(path, ":");
        char *full = os_join(a, arena_strndup(a, path, n), program);
        if (access(full, X_OK) == 0 && os_is_file(full))
            return *full == '/' ? full : os_join(a, os_getcwd(a), full);
        if (!path[n])
            return NULL;
        path += n + 1;
    }
}

char *os_self(struct arena *a) {
    char tmp[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", tmp, sizeof tmp - 1);
    if (n < 0)
        die("cannot tell the path of this program:");
    return arena_strndup(a, tmp, (size_t)n);
}

void os_end_with_parent(void) {
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
}

bool os_outlives_terminal(void) {
    struct sigaction now;
    return sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

int64_t os_now(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t os_file_time(void) {
    struct timespec t;
#ifdef CLOCK_REALTIME_COARSE
    clock_gettime(CLOCK_REALTIME_COARSE, &t);
#else
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec--;
#endif
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

pid_t os_start(const char *const *argv, bool quiet, int *out) {
    int fds[2];
    if (pipe(fds) != 0)
        return -1;
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fds[1], 1);
        close(fds[0]);
        close(fds[1]);
        if (quiet) {
            int null = open("/dev/null", O_WRONLY);
            if (null >= 0)
                dup2(null, 2);
        }
        union {
            const char *const *given;
            char *const *taken;
        } args = {argv};
        execvp(argv[0], args.taken);
        _exit(127);
    }
    close(fds[1]);
    if (pid < 0)
        close(fds[0]);
    *out = fds[0];
    return pid;
}

int os_finish(pid_t pid, int in, struct buf *out) {
    char chunk[8192];
    for (ssize_t n; (n = read(in, chunk, sizeof chunk)) != 0;) {
        if (n > 0)
            buf_add(out, chunk, (size_t)n);
        else if (errno != EINTR)
            break;
    }
    close(in);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int os_run(const char *const *argv, struct buf *out, bool quiet) {
    int in;
    pid_t pid = os_start(argv, quiet, &in);
    return pid < 0 ? -1 : os_finish(pid, in, out);
}
