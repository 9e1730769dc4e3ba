#if defined(__linux__)
#define _GNU_SOURCE /* CLOCK_BOOTTIME */
#endif
#include "base/out.h"
#include "base/diag.h"
#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char tmp_dir[PATH_MAX];

void out_set_tmp(const char *dir) {
    snprintf(tmp_dir, sizeof tmp_dir, "%s", dir);
}

static bool name_in(char *out, size_t size, const char *dir, const char *stem) {
    static atomic_uint counter;
    int n = snprintf(out, size, "%s%s%.80s.%ld.%u", dir, *dir ? "/" : "", stem, (long)getpid(),
                     atomic_fetch_add(&counter, 1));
    if (n >= (int)size)
        errno = ENAMETOOLONG;
    return n < (int)size;
}

void out_tmp_name(char *out, size_t size, const char *stem) {
    name_in(out, size, tmp_dir, stem);
}

/* The number of the process in a name that name_in made, with or without a suffix; 0: it is none. */
static long maker_of(const char *name) {
    for (const char *dot = name; (dot = strchr(dot, '.')); dot++) {
        char *end, *last;
        long pid = strtol(dot + 1, &end, 10);
        if (pid <= 0 || end == dot + 1 || *end != '.')
            continue;
        strtoul(end + 1, &last, 10);
        if (last > end + 1 && (!*last || *last == '.'))
            return pid;
    }
    return 0;
}

/* Seconds since a process began; without end where that cannot be told, and negative when it has ended and
 * was not waited for yet. */
static double age_of(long pid) {
    char path[64], text[1024], state;
    unsigned long long ticks;
    struct timespec now;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = 0;
    const char *rest = strrchr(text, ')');
#ifndef CLOCK_BOOTTIME
#define CLOCK_BOOTTIME CLOCK_MONOTONIC
#endif
    if (!rest || clock_gettime(CLOCK_BOOTTIME, &now) != 0 ||
        sscanf(rest, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &state, &ticks) != 2)
        return HUGE_VAL;
    if (state == 'Z')
        return -HUGE_VAL;
    return (double)now.tv_sec + 1 - (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

/* Whether the process that made a file is still there, and no younger one has its number. */
static bool is_made_by(long pid, const char *path) {
    enum { SLACK = 2 };
    struct os_stat st;
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return false;
    return !os_stat(path, &st) ||
           (double)(time(NULL) - (time_t)(st.mtime_ns / 1000000000)) <= age_of(pid) + SLACK;
}

void out_clear_tmp(void) {
    DIR *d = opendir(tmp_dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        long pid = maker_of(e->d_name);
        char path[PATH_MAX];
        if (pid && snprintf(path, sizeof path, "%s/%s", tmp_dir, e->d_name) < (int)sizeof path &&
            !is_made_by(pid, path))
            os_remove_tree(path);
    }
    if (d)
        closedir(d);
}

static bool same_bytes(const char *path, const void *bytes, size_t n) {
    struct os_stat st;
    if (!os_stat(path, &st) || st.size != n)
        return false;
    size_t len = 0;
    char *old = os_read(NULL, path, &len);
    bool same = old && len == n && memcmp(old, bytes, n) == 0;
    free(old);
    return same;
}

static bool write_all(int fd, const char *p, size_t n) {
    while (n > 0) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

static bool make_folder(const char *dir, struct os_stat *st) {
    return os_stat(dir, st) || (os_mkdirs(dir) && os_stat(dir, st));
}

/* Names a temporary file that can be renamed to `path`, and makes its folder and that of `path`. Beside
 * `path` where tmp_dir lies on another file system. */
static bool place_tmp(char *out, size_t size, const char *path) {
    struct arena a = {0};
    const char *parent = os_dirname(&a, path);
    const char *dir = *parent ? parent : ".";
    struct os_stat there, here;
    bool ok = make_folder(dir, &there) && (!*tmp_dir || make_folder(tmp_dir, &here));
    bool same = ok && *tmp_dir && there.dev == here.dev;
    ok = ok && name_in(out, size, same ? tmp_dir : parent, os_basename(path));
    arena_free(&a);
    return ok;
}

static bool cannot_write(const char *path, int error) {
    diag(DIAG_IO, path, 0, 0, "cannot write: %s", strerror(error));
    return false;
}

bool out_try(const char *path, const void *bytes, size_t n) {
    char tmp[PATH_MAX];
    int fd = place_tmp(tmp, sizeof tmp, path) ? open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
    bool ok = fd >= 0 && write_all(fd, bytes, n);
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    if (ok && rename(tmp, path) == 0)
        return true;
    int saved = errno;
    if (fd >= 0)
        unlink(tmp);
    errno = saved;
    return false;
}

bool out_write(const char *path, const void *bytes, size_t n, bool *changed) {
    bool same = same_bytes(path, bytes, n);
    if (changed)
        *changed = false;
    if (!same && !out_try(path, bytes, n))
        return cannot_write(path, errno);
    if (changed)
        *changed = !same;
    return true;
}

bool out_reuse(const char *tmp, const char *path, const void *bytes, size_t n) {
    int fd = tmp ? open(tmp, O_WRONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    bool ok = fd >= 0 && write_all(fd, bytes, n) && ftruncate(fd, (off_t)n) == 0;
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    return (ok && rename(tmp, path) == 0) || out_write(path, bytes, n, NULL);
}

bool out_open(struct out_stream *out, const char *path) {
    out->path = path;
    out->error = 0;
    out->file = place_tmp(out->tmp, sizeof out->tmp, path) ? fopen(out->tmp, "wx+e") : NULL;
    return out->file || cannot_write(path, errno);
}

/* Asks again for what is not written, since errno may be of another time by now. */
static int write_error(FILE *f) {
    if (fflush(f) != 0)
        return errno;
    return ferror(f) ? EIO : 0;
}

bool out_close(struct out_stream *out) {
    int error = write_error(out->file);
    if (!error)
        error = out->error;
    if (fclose(out->file) != 0 && !error)
        error = errno;
    if (!error && rename(out->tmp, out->path) != 0)
        error = errno;
    if (!error)
        return true;
    unlink(out->tmp);
    return cannot_write(out->path, error);
}

bool out_spool(struct out_stream *out, const char *path) {
    if (!out_open(out, path))
        return false;
    unlink(out->tmp);
    return true;
}

bool out_rewind(struct out_stream *spool) {
    int error = write_error(spool->file);
    if (error)
        return cannot_write(spool->path, error);
    rewind(spool->file);
    return true;
}

void out_append(struct out_stream *out, struct out_stream *spool, size_t n) {
    char part[16384];
    while (n > 0) {
        size_t got = fread(part, 1, n < sizeof part ? n : sizeof part, spool->file);
        fwrite(part, 1, got, out->file);
        if (!got) {
            out->error = EIO;
            return;
        }
        n -= got;
    }
}

bool out_stamp(const char *path, const char *text) {
    unlink(path);
    return out_write(path, text, strlen(text), NULL);
}

bool out_replace(const char *path, const void *bytes, size_t n) {
    struct stat st;
    bool known = stat(path, &st) == 0;
    if (!out_write(path, bytes, n, NULL))
        return false;
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    return !known || utimensat(AT_FDCWD, path, times, 0) == 0;
}
