#include "graph/contents.h"
#include "base/out.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A file may change twice within so many nanoseconds without its time stamps telling. */
enum { GRAIN = 20000000 };

static const char magic[16] = "testfan bytes 1";

struct entry {
    struct os_stat st;
    struct digest digest;
    int64_t since, seen;
    uint64_t path; /* offset in the file */
};

struct contents_file {
    char magic[16];
    uint64_t sum; /* of all that follows it */
    uint64_t size, entries;
    struct entry entry[];
};

static bool is_whole(const struct contents *c) {
    const struct contents_file *f = c->map;
    size_t summed = offsetof(struct contents_file, size);
    return memcmp(f->magic, magic, sizeof magic) == 0 && f->size == c->size &&
           f->entries <= (c->size - sizeof *f) / sizeof(struct entry) &&
           f->sum == hash_bytes((const char *)c->map + summed, c->size - summed);
}

static void map_file(struct contents *c, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && (size_t)st.st_size >= sizeof(struct contents_file)) {
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        c->map = map == MAP_FAILED ? NULL : map;
        c->size = (size_t)st.st_size;
    }
    if (fd >= 0)
        close(fd);
    if (c->map && !is_whole(c)) {
        munmap(c->map, c->size);
        c->map = NULL;
    }
}

void contents_open(struct contents *c, const char *rootdir) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *c = (struct contents){.rootdir = rootdir, .now = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec};
    c->looked.arena = &c->arena;
    map_file(c, os_join(&c->arena, rootdir, CONTENTS_FILE));
}

static const struct entry *find(const struct contents *c, const char *path) {
    const struct contents_file *f = c->map;
    size_t low = 0, high = f ? f->entries : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp((const char *)c->map + f->entry[middle].path, path);
        if (order == 0)
            return &f->entry[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool same_file(const struct os_stat *a, const struct os_stat *b) {
    return a->dev == b->dev && a->ino == b->ino;
}

static bool untouched(const struct os_stat *a, const struct os_stat *b) {
    return same_file(a, b) && a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* Looks at the link itself where one stands there; one call where there is none. */
static bool look_through(const char *full, struct content *now) {
    struct stat st;
    now->absent = lstat(full, &st) != 0;
    if (now->absent)
        return false;
    now->changed = os_stat_of(&st).mtime_ns;
    if (!S_ISLNK(st.st_mode)) {
        now->st = os_stat_of(&st);
        return S_ISREG(st.st_mode);
    }
    char target[PATH_MAX];
    ssize_t n = readlink(full, target, sizeof target);
    now->link = digest_bytes(target, n > 0 ? (size_t)n : 0);
    bool there = os_stat(full, &now->st);
    if (there && now->st.mtime_ns > now->changed)
        now->changed = now->st.mtime_ns;
    return there && S_ISREG(now->st.mode);
}

static struct content look(struct contents *c, const char *path) {
    struct content now = {0};
    const char *full = os_join(&c->arena, c->rootdir, path);
    now.there = look_through(full, &now);
    if (!now.there)
        return now;
    const struct entry *old = find(c, path);
    now.seen = old ? old->seen : c->now;
    if (old && untouched(&now.st, &old->st)) {
        now.digest = old->digest;
        now.since = old->since;
        return now;
    }
    size_t n = 0;
    char *bytes = os_read(NULL, full, &n);
    now.digest = digest_bytes(bytes ? bytes : "", n);
    free(bytes);
    bool same = old && digest_eq(now.digest, old->digest);
    now.since = same ? old->since : old && !same_file(&now.st, &old->st) ? c->now : now.st.ctime_ns;
    return now;
}

const struct content *contents_at(struct contents *c, const char *path) {
    uint32_t i = map_get(&c->looked, path, strlen(path));
    if (i == MAP_NONE) {
        i = c->found.len;
        struct content now = look(c, path);
        array_push(&c->arena, &c->found, now);
        array_push(&c->arena, &c->paths, arena_strdup(&c->arena, path));
        map_add(&c->looked, path, strlen(path), i);
    }
    return &c->found.items[i];
}

struct digest contents_state(struct contents *c, const char *path) {
    const struct content *now = contents_at(c, path);
    const char *kind = now->absent              ? "absent"
                       : !now->there            ? "other"
                       : now->st.mode & S_IXUSR ? "program"
                                                : "file";
    struct digest what = digest_chain(digest_bytes(kind, strlen(kind)), now->link);
    return now->there ? digest_chain(what, now->digest) : what;
}

static const struct contents *sorting; /* qsort has no context */

static int compare_paths(const void *a, const void *b) {
    return strcmp(sorting->paths.items[*(const uint32_t *)a], sorting->paths.items[*(const uint32_t *)b]);
}

static uint32_t *sorted(struct contents *c, uint32_t *n) {
    uint32_t *order = arena_alloc(&c->arena, (c->found.len + 1) * sizeof *order);
    *n = 0;
    for (uint32_t i = 0; i < c->found.len; i++)
        if (c->found.items[i].there)
            order[(*n)++] = i;
    sorting = c;
    qsort(order, *n, sizeof *order, compare_paths);
    return order;
}

bool contents_write(struct contents *c) {
    uint32_t n;
    uint32_t *order = sorted(c, &n);
    size_t at = sizeof(struct contents_file) + n * sizeof(struct entry), size = at;
    for (uint32_t i = 0; i < n; i++)
        size += strlen(c->paths.items[order[i]]) + 1;
    struct contents_file *f = arena_alloc(&c->arena, size);
    memcpy(f->magic, magic, sizeof magic);
    f->size = size;
    f->entries = n;
    for (uint32_t i = 0; i < n; i++) {
        const struct content *found = &c->found.items[order[i]];
        const char *path = c->paths.items[order[i]];
        struct entry *e = &f->entry[i];
        e->st.dev = found->st.dev;
        e->st.ino = found->st.ino;
        e->st.size = found->st.size;
        e->st.mode = found->st.mode;
        e->st.mtime_ns = found->st.mtime_ns;
        e->st.ctime_ns = c->now - found->st.ctime_ns > GRAIN ? found->st.ctime_ns : 0;
        e->digest = found->digest;
        e->since = found->since;
        e->seen = found->seen;
        e->path = at;
        memcpy((char *)f + at, path, strlen(path) + 1);
        at += strlen(path) + 1;
    }
    size_t summed = offsetof(struct contents_file, size);
    f->sum = hash_bytes((const char *)f + summed, size - summed);
    return out_write(os_join(&c->arena, c->rootdir, CONTENTS_FILE), f, size, NULL);
}

void contents_close(struct contents *c) {
    if (c->map)
        munmap(c->map, c->size);
    arena_free(&c->arena);
    *c = (struct contents){0};
}
