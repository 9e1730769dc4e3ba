#include "source/store.h"
#include "base/diag.h"
#include "base/hash.h"
#include "base/os.h"
#include "base/out.h"
#include "base/threads.h"
#include "source/facts.h"
#include "source/parse.h"
#include "source/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const char magic[16] = "testfan facts 2";

struct cache_header {
    char magic[16];
    struct digest sum; /* of all that follows this field */
    uint64_t size;     /* of the file */
    int64_t started;   /* when the scan began, as nanoseconds since 1970 */
    uint32_t program;  /* the program that made it: another one may see other facts */
    uint32_t entries;
};

struct cache_entry {
    uint64_t path, facts; /* offsets in the file */
    uint32_t path_len, facts_size;
    struct os_stat st;
};

struct loading {
    struct store *store;
    const char *rootdir;
    const struct scan *scan;
    uint32_t files;  /* how many there are, texts included */
    uint32_t *order; /* all of them by path, as in the cache */
    struct parser *parsers[16];
    int *errors; /* errno by file, 0 when it was read */
};

static const struct source_file *file_at(const struct scan *scan, uint32_t i) {
    return i < scan->files.len ? &scan->files.items[i] : &scan->texts.items[i - scan->files.len];
}

/* The files and the texts are each sorted by path. */
static void merge_order(struct loading *l) {
    uint32_t file = 0, text = l->scan->files.len;
    for (uint32_t i = 0; i < l->files; i++) {
        bool texts_left = text < l->files, files_left = file < l->scan->files.len;
        bool first = files_left &&
                     (!texts_left || strcmp(file_at(l->scan, file)->path, file_at(l->scan, text)->path) < 0);
        l->order[i] = first ? file++ : text++;
    }
}

static uint32_t program_id(void) {
    struct arena a = {0};
    struct os_stat st;
    memset(&st, 0, sizeof st);
    os_stat(os_self(&a), &st);
    arena_free(&a);
    int64_t id[3] = {(int64_t)st.size, (int64_t)st.ino, st.mtime_ns};
    return (uint32_t)hash_bytes(id, sizeof id);
}

static void load_one(void *ctx, uint32_t i, unsigned worker) {
    struct loading *l = ctx;
    if (l->store->facts[i])
        return;
    if (!l->parsers[worker])
        l->parsers[worker] = parser_new();
    struct arena path = {0};
    size_t n = 0;
    bool gone = file_at(l->scan, i)->flags & SOURCE_GONE;
    char *bytes =
        gone ? calloc(1, 1) : os_read(NULL, os_join(&path, l->rootdir, file_at(l->scan, i)->path), &n);
    if (!bytes)
        l->errors[i] = errno;
    bool text = i >= l->scan->files.len;
    l->store->facts[i] = (text ? parse_text : parse_file)(l->parsers[worker], &l->store->arenas[worker],
                                                          bytes ? bytes : "", n);
    free(bytes);
    arena_free(&path);
}

static bool map_cache(struct store *s, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct os_stat st;
    if (fd < 0 || !os_stat(path, &st) || st.size < sizeof(struct cache_header)) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    void *map = mmap(NULL, st.size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return false;
    const struct cache_header *h = map;
    size_t summed = offsetof(struct cache_header, size);
    if (memcmp(h->magic, magic, sizeof magic) != 0 || h->size != st.size || h->program != program_id() ||
        h->entries > (st.size - sizeof *h) / sizeof(struct cache_entry) ||
        !digest_eq(h->sum, digest_bytes((const char *)map + summed, st.size - summed))) {
        munmap(map, st.size);
        return false;
    }
    s->map = map;
    s->map_size = st.size;
    return true;
}

/* Whether the file may have changed again after it was read without its time stamps telling. */
static bool racy(const struct os_stat *st, int64_t started) {
    int64_t last = st->mtime_ns > st->ctime_ns ? st->mtime_ns : st->ctime_ns;
    int64_t grain = last % 1000000000 == 0 ? 2000000000 : 20000000;
    return last > started - grain;
}

static bool same_stat(const struct os_stat *a, const struct os_stat *b) {
    return a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
           a->ino == b->ino && a->dev == b->dev;
}

static bool inside(const struct store *s, uint64_t at, uint64_t n) {
    return at <= s->map_size && n <= s->map_size - at;
}

/* Both lists are sorted by path: one walk over the two. */
static void reuse_cached(const struct loading *l) {
    struct store *s = l->store;
    const struct cache_header *h = s->map;
    const struct cache_entry *e = (const void *)(h + 1), *end = e + h->entries;
    for (uint32_t i = 0; i < l->files && e < end; i++) {
        const struct source_file *f = file_at(l->scan, l->order[i]);
        int order = -1;
        for (; e < end; e++) {
            if (!inside(s, e->path, (uint64_t)e->path_len + 1) || !inside(s, e->facts, e->facts_size) ||
                e->facts % 8)
                return;
            order = strcmp((const char *)s->map + e->path, f->path);
            if (order >= 0)
                break;
        }
        if (e == end || order != 0 || !same_stat(&e->st, &f->st) || racy(&e->st, h->started))
            continue;
        const struct facts *facts = (const void *)((const char *)s->map + e->facts);
        if (!facts_valid(facts, e->facts_size))
            continue;
        s->facts[l->order[i]] = facts;
        s->reused++;
    }
}

static void write_cache(const struct loading *l, const char *path, int64_t started) {
    uint32_t n = 0;
    uint64_t size = sizeof(struct cache_header);
    for (uint32_t i = 0; i < l->files; i++) {
        if (l->errors[i])
            continue;
        n++;
        size += sizeof(struct cache_entry) + ((strlen(file_at(l->scan, i)->path) + 8) & ~7ul) +
                ((l->store->facts[i]->size + 7ul) & ~7ul);
    }
    char *out = calloc(1, size);
    if (!out)
        return;
    struct cache_header *h = (void *)out;
    struct cache_entry *e = (void *)(h + 1);
    uint64_t at = sizeof *h + n * sizeof *e;
    for (uint32_t i = 0; i < l->files; i++) {
        if (l->errors[l->order[i]])
            continue;
        const struct source_file *f = file_at(l->scan, l->order[i]);
        const struct facts *facts = l->store->facts[l->order[i]];
        *e = (struct cache_entry){
            .path = at, .path_len = (uint32_t)strlen(f->path), .facts_size = facts->size, .st = f->st};
        memcpy(out + at, f->path, e->path_len);
        at += (e->path_len + 8ul) & ~7ul;
        e->facts = at;
        memcpy(out + at, facts, facts->size);
        at += (facts->size + 7ul) & ~7ul;
        e++;
    }
    memcpy(h->magic, magic, sizeof magic);
    h->size = size;
    h->started = started;
    h->program = program_id();
    h->entries = n;
    size_t summed = offsetof(struct cache_header, size);
    h->sum = digest_bytes(out + summed, size - summed);
    out_write(path, out, size, NULL);
    free(out);
}

void store_load(struct store *s, const char *rootdir, const struct scan *scan, const char *cache) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct loading l = {
        .store = s, .rootdir = rootdir, .scan = scan, .files = scan->files.len + scan->texts.len};
    l.errors = calloc(l.files + 1, sizeof *l.errors);
    l.order = calloc(l.files + 1, sizeof *l.order);
    s->facts = calloc(l.files + 1, sizeof(struct facts *));
    if (!l.errors || !l.order || !s->facts)
        die("out of memory");
    merge_order(&l);
    if (cache && map_cache(s, cache))
        reuse_cached(&l);
    threads_each(l.files, load_one, &l);
    for (unsigned i = 0; i < 16; i++)
        if (l.parsers[i])
            parser_free(l.parsers[i]);
    for (uint32_t i = 0; i < l.files; i++)
        if (l.errors[i])
            diag(DIAG_IO, file_at(scan, i)->path, 0, 0, "cannot read: %s", strerror(l.errors[i]));
    s->parsed = l.files - s->reused;
    bool fewer = s->map && ((const struct cache_header *)s->map)->entries != l.files;
    if (cache && (s->parsed || fewer || !s->map))
        write_cache(&l, cache, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
    free(l.errors);
    free(l.order);
}

void store_free(struct store *s) {
    for (unsigned i = 0; i < 16; i++)
        arena_free(&s->arenas[i]);
    if (s->map)
        munmap(s->map, s->map_size);
    free(s->facts);
    *s = (struct store){0};
}
