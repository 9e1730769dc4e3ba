#include "run/recall.h"
#include "base/os.h"
#include "base/sha256.h"
#include "run/manifest.h"
#include "source/python.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *const recall_suffixes[KEPT_PARTS] = {"xml", "log", "trace", "extra", "d"};

static const char first_word[] = "testfan result 2 ";

void recall_environment(struct cache *cache, struct remote *remote) {
    const char *dir = getenv("TESTFAN_CACHE_DIR"), *url = getenv("TESTFAN_REMOTE_CACHE");
    const char *write = getenv("TESTFAN_REMOTE_CACHE_WRITE"), *token = getenv("TESTFAN_REMOTE_CACHE_TOKEN");
    if (dir && *dir)
        cache->dir = dir;
    if (url)
        remote->url = url;
    if (write)
        remote->write = *write && strcmp(write, "0") != 0 && strcmp(write, "false") != 0;
    remote->token = token && *token ? token : NULL;
    if (remote->url && !*remote->url)
        remote->url = NULL;
}

/* Whether a folder of distributions has the names in it that gen saw: an upgrade changes them. */
static bool site_stands(char *words) {
    char *path = strchr(words, ' '), hex[33];
    if (!path)
        return false;
    *path++ = 0;
    digest_hex(inputs_list(path, "", NULL), hex);
    return strcmp(hex, words) == 0;
}

/* What gen left; false when it does not fit what is here now. */
static bool read_settings(struct recall *r) {
    struct arena *a = &r->t->arena;
    struct strs variables = {0};
    const char *environment = "";
    size_t n = 0;
    bool ok = true;
    char *text = os_read(a, RECALL_FILE, &n);
    for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        char *value = strchr(line, ' ');
        if (value)
            *value++ = 0;
        if (strcmp(line, "write") == 0)
            r->remote.write = true;
        else if (!value)
            continue;
        else if (strcmp(line, "base") == 0)
            r->base = value;
        else if (strcmp(line, "environment") == 0)
            environment = value;
        else if (strcmp(line, "env") == 0)
            array_push(a, &variables, value);
        else if (strcmp(line, "site") == 0)
            ok &= site_stands(value);
        else if (strcmp(line, "dir") == 0)
            r->cache.dir = value;
        else if (strcmp(line, "size") == 0)
            r->cache.limit = strtoull(value, NULL, 10);
        else if (strcmp(line, "remote") == 0)
            r->remote.url = value;
    }
    char hex[33];
    const char *now = text ? python_environment(a, &variables) : "";
    digest_hex(digest_bytes(now, strlen(now)), hex);
    return ok && r->base && r->cache.dir && strcmp(hex, environment) == 0;
}

/* A result is dated by the start, as if it had run. So what changes once it has been looked up must be newer
 * than that, and the clock of the file system goes in steps. */
static void wait_for_clock(const struct target_run *t) {
#ifdef CLOCK_REALTIME_COARSE
    struct timespec now;
    while (clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0 && now.tv_sec == t->started.tv_sec &&
           now.tv_nsec == t->started.tv_nsec)
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
#else
    (void)t;
#endif
}

static bool has_say(struct recall *r) {
    const char *off = getenv("TESTFAN_NO_CACHE");
    if ((off && *off) || r->t->filtered || r->t->nodes.len || *r->t->group || !r->t->trace ||
        !read_settings(r))
        return false;
    wait_for_clock(r->t);
    return key_make(r->t, r->base, &r->contents, r->key);
}

void recall_begin(struct recall *r, struct target_run *t, const char *session) {
    *r = (struct recall){.t = t,
                         .session = session,
                         .cache = {.arena = &t->arena},
                         .remote = {.arena = &t->arena, .marks = session}};
    contents_open(&r->contents, ".");
    witness_new(&r->witness, &t->arena, &r->contents);
    if (!has_say(r))
        r->base = NULL;
    recall_environment(&r->cache, &r->remote);
}

void recall_end(struct recall *r) {
    contents_close(&r->contents);
}

/* A line with the key, one with the size of each part or a dash, and the parts. */
static bool read_kept(struct recall *r, const char *bytes, size_t n, struct kept *kept) {
    const char *head = arena_printf(&r->t->arena, "%s%s\n", first_word, r->key), *rest = bytes + strlen(head);
    if (n < strlen(head) || strncmp(bytes, head, strlen(head)) != 0)
        return false;
    for (int i = 0; i < KEPT_PARTS; i++) {
        char *end = NULL;
        kept->part[i] = strncmp(rest, " -", 2) != 0 ? "" : NULL;
        kept->size[i] = kept->part[i] ? strtoull(rest, &end, 10) : 0;
        rest = end ? end : rest + 2;
    }
    if (*rest++ != '\n')
        return false;
    size_t left = n - (size_t)(rest - bytes);
    for (int i = 0; i < KEPT_PARTS; i++) {
        if (kept->size[i] > left)
            return false;
        kept->part[i] = kept->part[i] ? rest : NULL;
        rest += kept->size[i];
        left -= kept->size[i];
    }
    return !left && kept->part[KEPT_REPORT] && kept->part[KEPT_LOG] && kept->part[KEPT_TRACE];
}

static void write_kept(struct buf *b, const struct recall *r, const struct kept *kept) {
    buf_fmt(b, "%s%s\n", first_word, r->key);
    for (int i = 0; i < KEPT_PARTS; i++) {
        if (kept->part[i])
            buf_fmt(b, " %zu", kept->size[i]);
        else
            buf_str(b, " -");
    }
    buf_char(b, '\n');
    for (int i = 0; i < KEPT_PARTS; i++)
        if (kept->part[i])
            buf_add(b, kept->part[i], kept->size[i]);
}

/* What the folder has of a key: the length of the manifest in a line, the manifest, and the bytes of its
 * first result; those of the others lie in `cas`. */
struct local {
    struct manifest manifest;
    const char *newest;
    size_t n;
};

static bool read_local(struct recall *r, char *text, size_t n, struct local *l) {
    char *at, name[65];
    size_t len = strtoull(text, &at, 10);
    if (*at++ != '\n' || len > n - (size_t)(at - text))
        return false;
    l->newest = at + len;
    l->n = n - (size_t)(l->newest - text);
    sha256_hex(l->newest, l->n, name);
    return manifest_read(&r->t->arena, arena_strndup(&r->t->arena, at, len), len, r->key, &l->manifest) &&
           l->manifest.len && strcmp(l->manifest.items[0].result, name) == 0;
}

static bool get_local(struct recall *r, struct local *l) {
    size_t n = 0;
    char *text = cache_get(&r->cache, "ac", r->key, &n);
    if (text && read_local(r, text, n, l))
        return true;
    if (text)
        cache_remove(&r->cache, "ac", r->key);
    *l = (struct local){0};
    return false;
}

static bool remote_manifest(struct recall *r, struct manifest *m) {
    struct buf bytes = {0};
    size_t n = 0;
    *m = (struct manifest){0};
    const char *text =
        remote_get(&r->remote, "ac", r->key, &bytes) ? remote_unwrap(bytes.s, bytes.len, &n) : NULL;
    char *copy = text ? arena_strndup(&r->t->arena, text, n) : NULL;
    buf_free(&bytes);
    return copy && manifest_read(&r->t->arena, copy, n, r->key, m);
}

static void put_local(struct recall *r, const struct manifest_entry *entry, const char *bytes, size_t n) {
    struct local l;
    struct buf text = {0}, b = {0};
    const char *older = get_local(r, &l) ? l.manifest.items[0].result : "";
    manifest_add(&r->t->arena, &l.manifest, entry);
    if (l.manifest.len > 1 && strcmp(l.manifest.items[1].result, older) == 0)
        cache_put(&r->cache, "cas", older, l.newest, l.n);
    manifest_write(&text, &l.manifest, r->key);
    buf_fmt(&b, "%zu\n", text.len);
    buf_add(&b, text.s, text.len);
    buf_add(&b, bytes, n);
    cache_put(&r->cache, "ac", r->key, b.s, b.len);
    buf_free(&text);
    buf_free(&b);
}

static bool find_local(struct recall *r, struct kept *kept) {
    struct local l;
    const struct manifest_entry *found = get_local(r, &l) ? manifest_find(&l.manifest, &r->witness) : NULL;
    if (found && found != l.manifest.items)
        l.newest = cache_get(&r->cache, "cas", found->result, &l.n);
    return found && l.newest && read_kept(r, l.newest, l.n, kept);
}

static bool find_remote(struct recall *r, struct kept *kept) {
    struct manifest m;
    struct buf bytes = {0};
    const struct manifest_entry *found =
        r->remote.url && remote_manifest(r, &m) ? manifest_find(&m, &r->witness) : NULL;
    bool ok = found && remote_get(&r->remote, "cas", found->result, &bytes);
    const char *copy = ok ? arena_strndup(&r->t->arena, bytes.s ? bytes.s : "", bytes.len) : NULL;
    ok = ok && read_kept(r, copy, bytes.len, kept);
    if (ok)
        put_local(r, found, copy, bytes.len);
    buf_free(&bytes);
    return ok;
}

/* A byte for each hit. */
static char *hits_file(struct arena *a, const char *session) {
    return os_join(a, session, "cached");
}

static void mark_hit(const struct recall *r) {
    const int flags = O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC;
    int fd = r->session ? open(hits_file(&r->t->arena, r->session), flags, 0666) : -1;
    if (fd < 0)
        return;
    ssize_t put = write(fd, ".", 1);
    (void)put;
    close(fd);
}

bool recall_find(struct recall *r, struct kept *kept) {
    if (!r->base)
        return false;
    bool hit = find_local(r, kept) || find_remote(r, kept);
    cache_count(&r->cache, hit);
    if (hit)
        mark_hit(r);
    return hit;
}

unsigned recall_count(const char *session) {
    struct arena a = {0};
    struct os_stat st;
    unsigned n = os_stat(hits_file(&a, session), &st) ? (unsigned)st.size : 0;
    arena_free(&a);
    return n;
}

/* Whether the key is still what it was before the run. */
static bool key_stands(const struct recall *r, struct contents *now) {
    struct recall again = {.t = r->t};
    char key[65];
    return read_settings(&again) && key_make(r->t, again.base, now, key) && strcmp(key, r->key) == 0;
}

static bool has_skips(const struct run_log *log) {
    bool skips = log->skipped > 0;
    ARRAY_FOR (const struct logged_test, test, &log->tests)
        skips |= strcmp(test->outcome, "skipped") == 0;
    return skips;
}

static void put_entry(struct recall *r, const struct kept *kept, struct manifest_entry *entry) {
    struct buf bytes = {0}, wrapped = {0}, text = {0};
    struct manifest m;
    char name[65];
    write_kept(&bytes, r, kept);
    sha256_hex(bytes.s, bytes.len, name);
    entry->result = name;
    put_local(r, entry, bytes.s, bytes.len);
    if (r->remote.url && r->remote.write) {
        remote_put(&r->remote, "cas", name, bytes.s, bytes.len);
        remote_manifest(r, &m);
        manifest_add(&r->t->arena, &m, entry);
        manifest_write(&text, &m, r->key);
        remote_wrap(&wrapped, text.s, text.len);
        remote_put(&r->remote, "ac", r->key, wrapped.s, wrapped.len);
    }
    buf_free(&bytes);
    buf_free(&text);
    buf_free(&wrapped);
}

/* Why what has just passed cannot be kept, or NULL: then what it needed is in *inputs. */
static const char *look_again(struct recall *r, const struct attempt *at, const struct inputs *seen,
                              struct inputs *inputs) {
    struct target_run *t = r->t;
    struct contents now;
    struct witness witness;
    contents_open(&now, ".");
    witness_new(&witness, &t->arena, &now);
    const char *why = NULL, *path = NULL;
    if (!key_stands(r, &now))
        why = "changed while it ran: what it depends on";
    else
        why = witness_take(&witness, seen, has_skips(&at->log), inputs);
    if (!why)
        path = witness_disturbed(&witness, &r->contents, t->rootdir,
                                 (int64_t)t->started.tv_sec * 1000000000 + t->started.tv_nsec);
    if (path)
        why = arena_printf(&t->arena, "changed while it ran: %s", path);
    contents_close(&now);
    return why;
}

const char *recall_keep(struct recall *r, const struct attempt *at, const struct inputs *seen) {
    struct arena *a = &r->t->arena;
    if (!r->base)
        return NULL;
    if (at->flaky)
        return "it passed only when it was run again";
    if (at->shared)
        return "it shared its process with other files";
    if (seen->doubt)
        return seen->doubt;
    if (!at->log.traced)
        return "not all that it read was noted";
    struct manifest_entry entry = {0};
    struct kept kept = {0};
    const char *why = look_again(r, at, seen, &entry.inputs);
    if (why)
        return why;
    for (int i = 0; i < KEPT_PARTS; i++)
        kept.part[i] =
            os_read(a, arena_printf(a, "%.*s%s", (int)strlen(r->t->xml) - 3, r->t->xml, recall_suffixes[i]),
                    &kept.size[i]);
    if (kept.part[KEPT_REPORT] && kept.part[KEPT_LOG] && kept.part[KEPT_TRACE])
        put_entry(r, &kept, &entry);
    return NULL;
}
