#include "base/out.h"
#include "base/diag.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char tmp_dir[PATH_MAX];

void out_set_tmp(const char *dir) {
    snprintf(tmp_dir, sizeof tmp_dir, "%s", dir);
}

void out_tmp_name(char *out, size_t size, const char *stem) {
    static atomic_uint counter;
    snprintf(out, size, "%s%s%.80s.%ld.%u", tmp_dir, *tmp_dir ? "/" : "", stem, (long)getpid(),
             atomic_fetch_add(&counter, 1));
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

static bool make_parent(const char *path) {
    char dir[PATH_MAX];
    snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (!slash || slash == dir)
        return true;
    *slash = 0;
    return os_mkdirs(dir);
}

static bool cannot_write(const char *path, int error) {
    diag(DIAG_IO, path, 0, 0, "cannot write: %s", strerror(error));
    return false;
}

bool out_write(const char *path, const void *bytes, size_t n, bool *changed) {
    if (changed)
        *changed = false;
    if (same_bytes(path, bytes, n))
        return true;
    char tmp[PATH_MAX];
    out_tmp_name(tmp, sizeof tmp, os_basename(path));
    bool made = (!*tmp_dir || os_mkdirs(tmp_dir)) && make_parent(path);
    int fd = made ? open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
    bool ok = fd >= 0 && write_all(fd, bytes, n);
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    if (!ok || rename(tmp, path) != 0) {
        int saved = errno;
        if (fd >= 0)
            unlink(tmp);
        return cannot_write(path, saved);
    }
    if (changed)
        *changed = true;
    return true;
}

bool out_open(struct out_stream *out, const char *path) {
    out->path = path;
    out_tmp_name(out->tmp, sizeof out->tmp, os_basename(path));
    bool made = (!*tmp_dir || os_mkdirs(tmp_dir)) && make_parent(path);
    out->file = made ? fopen(out->tmp, "wxe") : NULL;
    return out->file || cannot_write(path, errno);
}

bool out_close(struct out_stream *out) {
    bool ok = !ferror(out->file);
    int error = errno;
    if (fclose(out->file) != 0 || (ok && rename(out->tmp, out->path) != 0)) {
        ok = false;
        error = errno;
    }
    if (ok)
        return true;
    unlink(out->tmp);
    return cannot_write(out->path, error);
}

bool out_stamp(const char *path, const char *text) {
    unlink(path);
    return out_write(path, text, strlen(text), NULL);
}
