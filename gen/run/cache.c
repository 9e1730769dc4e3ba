#include "run/cache.h"
#include "base/array.h"
#include "base/os.h"
#include "base/out.h"
#include "base/sha256.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME = 64, STRAY_SECONDS = 3600 };

static const char *const kinds[] = {"ac", "cas"};

static char *place(const struct cache *c, const char *kind, const char *name) {
    return arena_printf(c->arena, "%s/%s/%s", c->dir, kind, name);
}

static char *in_dir(const struct cache *c, const char *name) {
    return arena_printf(c->arena, "%s/%s", c->dir, name);
}

char *cache_get(const struct cache *c, const char *kind, const char *name, size_t *n) {
    const char *path = place(c, kind, name);
    char *bytes = os_read(c->arena, path, n);
    char sum[NAME + 1];
    if (!bytes)
        return NULL;
    if (strcmp(kind, "cas") == 0) {
        sha256_hex(bytes, *n, sum);
        if (strcmp(sum, name) != 0) {
            unlink(path);
            return NULL;
        }
    }
    utimensat(AT_FDCWD, path, NULL, 0);
    return bytes;
}

void cache_remove(const struct cache *c, const char *kind, const char *name) {
    unlink(place(c, kind, name));
}

/* A counter that many processes add to at once: the size of a file. */
static void add_to(const struct cache *c, const char *counter, size_t n) {
    static const char dots[4096] = {0};
    const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    int fd = open(in_dir(c, counter), flags, 0666);
    if (fd < 0 && errno == ENOENT && os_mkdirs(c->dir))
        fd = open(in_dir(c, counter), flags, 0666);
    for (; fd >= 0 && n; n -= n < sizeof dots ? n : sizeof dots)
        if (write(fd, dots, n < sizeof dots ? n : sizeof dots) < 0)
            break;
    if (fd >= 0)
        close(fd);
}

static uint64_t counted(const struct cache *c, const char *counter) {
    struct os_stat st;
    return os_stat(in_dir(c, counter), &st) ? st.size : 0;
}

void cache_count(const struct cache *c, bool hit) {
    add_to(c, hit ? "hits" : "misses", 1);
}

/* What the folder held when it was last looked through. */
static uint64_t known_size(const struct cache *c) {
    size_t n = 0;
    const char *text = os_read(c->arena, in_dir(c, "size"), &n);
    return text ? strtoull(text, NULL, 10) : 0;
}

bool cache_put(const struct cache *c, const char *kind, const char *name, const void *bytes, size_t n) {
    if (n > c->limit / 2 || !out_try(place(c, kind, name), bytes, n))
        return false;
    add_to(c, "grown", n / 1024 + 1);
    if (known_size(c) + counted(c, "grown") * 1024 > c->limit)
        cache_trim(c);
    return true;
}

struct kept_file {
    const char *path;
    uint64_t size;
    int64_t used;
};

struct listing {
    struct kept_file *items;
    uint32_t len, cap;
};

static bool is_name(const char *name) {
    return strlen(name) == NAME && strspn(name, "0123456789abcdef") == NAME;
}

/* Calls `each` with every entry of a folder but for `.` and `..`. */
static void each_entry(const struct cache *c, const char *dir, void (*each)(void *, const char *),
                       void *ctx) {
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.')
            each(ctx, arena_printf(c->arena, "%s/%s", dir, e->d_name));
    if (d)
        closedir(d);
}

struct walk {
    const struct cache *cache;
    struct listing *list;
};

/* What a killed process left goes, once it is old enough that nobody writes it any more. Folders are of a
 * testfan that made them. */
static void take_entry(void *ctx, const char *path) {
    struct walk *w = ctx;
    struct os_stat st;
    if (!os_stat(path, &st))
        return;
    if (S_ISDIR(st.mode)) {
        each_entry(w->cache, path, take_entry, w);
        rmdir(path);
    } else if (is_name(os_basename(path)))
        array_push(w->cache->arena, w->list, (struct kept_file){path, st.size, st.mtime_ns});
    else if (st.mtime_ns / 1000000000 + STRAY_SECONDS < (int64_t)time(NULL))
        unlink(path);
}

static struct listing list_kind(const struct cache *c, const char *kind) {
    struct listing list = {0};
    struct walk walk = {c, &list};
    each_entry(c, in_dir(c, kind), take_entry, &walk);
    return list;
}

static int by_use(const void *a, const void *b) {
    const struct kept_file *x = a, *y = b;
    return x->used != y->used ? (x->used > y->used) - (x->used < y->used) : strcmp(x->path, y->path);
}

static void trim_locked(const struct cache *c) {
    struct listing all = {0};
    uint64_t size = 0;
    unlink(in_dir(c, "grown"));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct listing list = list_kind(c, kinds[i]);
        ARRAY_FOR (const struct kept_file, f, &list) {
            array_push(c->arena, &all, *f);
            size += f->size;
        }
    }
    if (all.len)
        qsort(all.items, all.len, sizeof *all.items, by_use);
    ARRAY_FOR (const struct kept_file, f, &all) {
        if (size <= c->limit)
            break;
        size -= unlink(f->path) == 0 ? f->size : 0;
    }
    const char *text = arena_printf(c->arena, "%llu\n", (unsigned long long)size);
    out_try(in_dir(c, "size"), text, strlen(text));
}

void cache_trim(const struct cache *c) {
    int lock = open(in_dir(c, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    struct cache low = *c;
    low.limit = c->limit / 5 * 4;
    if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0)
        trim_locked(&low);
    if (lock >= 0)
        close(lock);
}

void cache_sum(const struct cache *c, struct cache_sums *sums) {
    *sums = (struct cache_sums){.hits = counted(c, "hits"), .misses = counted(c, "misses")};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct listing list = list_kind(c, kinds[i]);
        sums->results += list.len;
        sums->manifests += i == 0 ? list.len : 0;
        ARRAY_FOR (const struct kept_file, f, &list)
            sums->bytes += f->size;
    }
}

bool cache_clear(const struct cache *c) {
    static const char *const ours[] = {"ac", "cas", "grown", "size", "hits", "misses", "lock"};
    bool ok = true;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        ok &= os_remove_tree(in_dir(c, ours[i]));
    return ok;
}
