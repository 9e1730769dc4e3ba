#include "run/trace.h"
#include "base/os.h"
#include "base/out.h"
#include "base/str.h"
#include "emit/ninja.h"
#include "graph/closure.h"
#include "graph/dists.h"
#include "run/program.h"
#include "run/witness.h"

#include <limits.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Ninja takes the time of a run before exec does; an input that is not newer must be older than both. */
#define NINJA_START 2000000000LL

enum { WRITTEN_ITSELF = 1, WRITTEN_ALL };

enum late { LATE_NONE, LATE_DATA, LATE_ALL };

struct digestion {
    struct arena *a;
    const struct trace *t;
    struct inputs *in;
    struct closure closure;
    struct map written; /* paths relative to rootdir */
    struct map dists;   /* import name -> index into dist_names */
    struct strs dist_names;
    struct map known;   /* distributions that the closure or the stamp has */
    struct map digests; /* distribution -> index into digest_texts */
    struct strs digest_texts;
    const char *prefix;
    struct strs sites;
    struct map touched;   /* paths relative to rootdir */
    struct map real_dirs; /* folder -> index into real_names, where it lies when links are followed */
    struct strs real_names;
    enum late late;  /* what of the late edges was taken */
    int64_t started; /* when the process began that ran the target, and others before it */
};

static void doubt(struct digestion *d, const char *what, const char *path) {
    if (!d->in->doubt)
        d->in->doubt = arena_printf(d->a, "it %s%s", what, path);
}

/* The lines of a file, as NUL-ended strings. */
static struct strs read_lines(struct arena *a, const char *path) {
    struct strs lines = {0};
    size_t n = 0;
    char *text = os_read(a, path, &n);
    for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        array_push(a, &lines, line);
    }
    return lines;
}

static void read_sites(struct digestion *d) {
    struct strs lines = read_lines(d->a, os_join(d->a, d->t->rootdir, ".testfan/cache/sites"));
    for (uint32_t i = 0; i < lines.len; i++) {
        const char *line = lines.items[i], *space = NULL;
        if (str_starts(line, "prefix "))
            d->prefix = line + 7;
        else if (str_starts(line, "site "))
            array_push(d->a, &d->sites, line + 5);
        else if (str_starts(line, "dist ") && (space = strchr(line + 5, ' '))) {
            map_add(&d->digests, line + 5, (size_t)(space - line) - 5, d->digest_texts.len);
            array_push(d->a, &d->digest_texts, space + 1);
        } else if (str_starts(line, "name ") && (space = strchr(line + 5, ' '))) {
            map_add(&d->dists, space + 1, strlen(space + 1), d->dist_names.len);
            array_push(d->a, &d->dist_names, arena_strndup(d->a, line + 5, (size_t)(space - line) - 5));
        }
    }
}

/* Takes the distributions that a stamp or a file of DIST_FOLDER lists for known. */
static void know_dists(void *ctx, const char *path) {
    struct digestion *d = ctx;
    struct strs lines = read_lines(d->a, os_join(d->a, d->t->rootdir, path));
    for (uint32_t i = 0; i < lines.len; i++)
        map_add(&d->known, lines.items[i], strcspn(lines.items[i], " "), 1);
}

static const char *in_tree(const struct digestion *d, const char *path) {
    if (!os_lies_in(path, d->t->rootdir) || (d->prefix && os_lies_in(path, d->prefix)))
        return NULL;
    path += strlen(d->t->rootdir);
    return *path == '/' ? path + 1 : path;
}

static bool is_private(const char *path) {
    static const char *const folders[] = {".testfan", ".pytest_cache", ".git", "__pycache__", ".hypothesis"};
    for (; path; path = strchr(path, '/') ? strchr(path, '/') + 1 : NULL)
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
            if (os_lies_in(path, folders[i]))
                return true;
    return false;
}

/* a/__pycache__/b.cpython-311.pyc is made from a/b.py. */
static const char *source_of(struct arena *a, const char *path) {
    const char *cache = strstr(path, "__pycache__/");
    if (!cache || (cache > path && cache[-1] != '/') || !str_ends(path, ".pyc"))
        return path;
    const char *name = cache + 12;
    return arena_printf(a, "%.*s%.*s.py", (int)(cache - path), path, (int)strcspn(name, "."), name);
}

/* Whether the run wrote the path, or made a folder above it. */
static bool was_written(const struct digestion *d, const char *path) {
    if (map_get(&d->written, path, strlen(path)) != MAP_NONE)
        return true;
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
        if (map_get(&d->written, path, (size_t)(slash - path)) == WRITTEN_ALL)
            return true;
    return false;
}

static void add(struct digestion *d, enum input_kind kind, const char *path, const char *digest, bool extra) {
    if (strchr(path, '\n'))
        doubt(d, "read a file with a line break in its name", "");
    else
        array_push(d->a, d->in, (struct input){.kind = kind, .path = path, .digest = digest, .extra = extra});
}

static void add_dist(struct digestion *d, const char *path) {
    for (uint32_t i = 0; i < d->sites.len; i++) {
        const char *site = d->sites.items[i];
        if (!os_lies_in(path, site) || !path[strlen(site)])
            continue;
        char *name = arena_strdup(d->a, path + strlen(site) + 1);
        for (char *s = name; *s; s++)
            *s = *s == '/' ? '.' : *s;
        for (size_t n = strcspn(name, ".");; n += 1 + strcspn(name + n + 1, ".")) {
            uint32_t dist = map_get(&d->dists, name, n);
            if (dist != MAP_NONE) {
                const char *found = d->dist_names.items[dist];
                uint32_t digest = map_get(&d->digests, found, strlen(found));
                add(d, INPUT_DIST, found, digest == MAP_NONE ? "-" : d->digest_texts.items[digest],
                    map_get(&d->known, found, strlen(found)) == MAP_NONE);
                return;
            }
            if (!name[n])
                break;
        }
    }
}

/* A name with an address in it is another one in each run. */
static bool has_address(const char *path) {
    const char *at = strstr(path, "0x");
    return at && strspn(at + 2, "0123456789abcdef") >= 6;
}

static void add_absent(struct digestion *d, enum input_kind kind, const char *path) {
    if (!has_address(path))
        add(d, kind, path, "-", true);
}

static void take_absent(struct digestion *d, enum input_kind kind, const char *path) {
    const char *here = in_tree(d, path);
    if (here && !is_private(here) && !was_written(d, here))
        add_absent(d, kind, here);
}

/* A file that was changed while the run went on, and not by it, may not be what the run read. */
static void add_content(struct digestion *d, enum input_kind kind, const char *path,
                        const struct os_stat *st) {
    char hex[33] = "-";
    bool extra = !closure_has(&d->closure, path);
    bool old = st->mtime_ns < d->t->started || map_get(&d->touched, path, strlen(path)) != MAP_NONE;
    if (extra && old) {
        size_t n = 0;
        char *bytes = os_read(NULL, os_join(d->a, d->t->rootdir, path), &n);
        digest_hex(digest_bytes(bytes ? bytes : "", n), hex);
        free(bytes);
    }
    add(d, kind, path, arena_strdup(d->a, hex), extra);
}

static void add_file(struct digestion *d, enum input_kind kind, const char *path) {
    struct os_stat st;
    const char *full = os_join(d->a, d->t->rootdir, path);
    if (!os_stat(full, &st))
        add_absent(d, INPUT_ABSENT, path);
    else if (S_ISDIR(st.mode))
        add(d, INPUT_FOLDER, path, "folder", false);
    else
        add_content(d, kind, path, &st);
}

/* Where a folder of the tree lies when links are followed. Each is asked about once. */
static const char *real_dir(struct digestion *d, const char *dir) {
    if (!os_lies_in(dir, d->t->rootdir) || strcmp(dir, d->t->rootdir) == 0)
        return dir;
    uint32_t known = map_get(&d->real_dirs, dir, strlen(dir));
    if (known != MAP_NONE)
        return d->real_names.items[known];
    const char *above = os_dirname(d->a, dir);
    char target[2];
    bool plain = strcmp(real_dir(d, above), above) == 0 && readlink(dir, target, sizeof target) < 0;
    const char *real = plain ? dir : os_realpath(d->a, dir);
    map_add(&d->real_dirs, dir, strlen(dir), d->real_names.len);
    array_push(d->a, &d->real_names, real ? real : dir);
    return real ? real : dir;
}

/* Where a path of the tree lies when links are followed, if in the tree. */
static const char *real_place(struct digestion *d, const char *here) {
    const char *full = os_join(d->a, d->t->rootdir, here), *dir = os_dirname(d->a, full);
    char target[2];
    if (readlink(full, target, sizeof target) >= 0) {
        const char *real = os_realpath(d->a, full);
        return real ? in_tree(d, real) : NULL;
    }
    const char *real = real_dir(d, dir);
    return strcmp(real, dir) == 0 ? here : in_tree(d, os_join(d->a, real, os_basename(here)));
}

static void take_file(struct digestion *d, enum input_kind kind, const char *path) {
    const char *here = in_tree(d, path);
    if (!here) {
        add_dist(d, path);
        return;
    }
    here = source_of(d->a, here);
    if (is_private(here) || was_written(d, here))
        return;
    add_file(d, kind, here);
    const char *there = real_place(d, here);
    if (there && *there && strcmp(there, here) != 0)
        add_file(d, kind, there);
}

static void take_list(struct digestion *d, const char *path, const char *names) {
    const char *here = in_tree(d, path);
    if (!here || is_private(here) || was_written(d, here))
        return;
    struct digest sum = {0};
    for (const char *s = names; *s;) {
        size_t n = strcspn(s + 1, "/");
        const char *name = arena_strndup(d->a, s + 1, n);
        const char *child = os_join(d->a, here, name);
        if (!inputs_ignores(name) && map_get(&d->written, child, strlen(child)) == MAP_NONE)
            digest_add(&sum, digest_bytes(name, n));
        s += n + 1;
    }
    char hex[33];
    digest_hex(sum, hex);
    bool known = closure_has(&d->closure, arena_printf(d->a, "%s/", here));
    add(d, INPUT_LIST, here, arena_strdup(d->a, hex), !known);
}

static bool is_database(const struct digestion *d, const char *path) {
    struct os_stat st;
    return os_stat(path, &st) && st.mtime_ns < d->started;
}

static void take_names(struct digestion *d, const char *names) {
    for (const char *s = names; *s;) {
        size_t n = strcspn(s, "/");
        if (n)
            add(d, INPUT_NAME, arena_strndup(d->a, s, n), "-", false);
        s += n + (s[n] == '/');
    }
}

static void take_late_file(void *ctx, const char *path) {
    struct digestion *d = ctx;
    struct os_stat st;
    bool wanted = d->late == LATE_ALL || !str_ends(path, ".py");
    if (wanted && !str_starts(path, ".testfan/") && !str_ends(path, "/") && !closure_has(&d->closure, path) &&
        os_stat(os_join(d->a, d->t->rootdir, path), &st))
        add_content(d, INPUT_READ, arena_strdup(d->a, path), &st);
}

/* What nobody watches may read what the target may need. */
static void take_late(struct digestion *d, enum late late) {
    struct closure all;
    if (d->late >= late)
        return;
    d->late = late;
    if (closure_open(&all, os_join(d->a, d->t->rootdir, CLOSURE_ALL), d->t->file))
        closure_each(&all, "", take_late_file, d);
    closure_close(&all);
}

static void take_program(struct digestion *d, const char *program) {
    if (str_starts(os_basename(program), "python"))
        return;
    if (program_asks_host(program)) {
        add(d, INPUT_HOST, program, "-", false);
        return;
    }
    add(d, INPUT_STARTED, program, "-", false);
    doubt(d, "started a program that cannot be watched: ", program);
    take_late(d, LATE_ALL);
}

static void take_record(struct digestion *d, const char *record) {
    const char *path = strchr("xymt", *record) ? record + 1 : os_resolve(d->a, record + 1);
    switch (*record) {
    case 'r':
        take_file(d, INPUT_READ, path);
        break;
    case 's':
        take_file(d, INPUT_STAT, path);
        break;
    case 'a':
    case 'v':
        take_absent(d, *record == 'a' ? INPUT_ABSENT : INPUT_VAIN, path);
        break;
    case 'b':
        if (is_database(d, path))
            take_file(d, INPUT_READ, path);
        else if (in_tree(d, path) && !is_private(in_tree(d, path)))
            doubt(d, "wrote ", in_tree(d, path));
        break;
    case 'q':
        if (in_tree(d, path) && os_is_file(path))
            take_file(d, INPUT_READ, path);
        break;
    case 'l':
        take_list(d, path, record + strlen(record) + 1);
        break;
    case 'm':
        take_names(d, record + 1);
        break;
    case 'x':
        take_program(d, path);
        break;
    case 'y':
        doubt(d, "started a Python that cannot be watched", "");
        take_late(d, LATE_ALL);
        break;
    case 'o':
        if (d->late < LATE_DATA && program_opens_files(d->a, &d->sites, path))
            take_late(d, LATE_DATA);
        break;
    default:
        break;
    }
}

/* Records of two strings. */
static bool has_second(const char *record) {
    return *record == 'l' || *record == 'u';
}

/* Whether the run made the path, or a folder above it, where nothing was before. */
static bool is_made(const struct map *made, const char *path) {
    for (size_t n = strcspn(path, "/");; n += 1 + strcspn(path + n + 1, "/")) {
        if (map_get(made, path, n) != MAP_NONE)
            return true;
        if (!path[n])
            return false;
    }
}

/* What the run made and removed again leaves nothing behind; that nothing was there counts. */
static void find_left(struct digestion *d, const struct strs *made) {
    for (uint32_t i = 0; i < made->len; i++) {
        struct os_stat st;
        if (os_stat(os_join(d->a, d->t->rootdir, made->items[i]), &st))
            doubt(d, "wrote ", made->items[i]);
        else
            add(d, INPUT_MADE, made->items[i], "-", false);
    }
}

static void find_written(struct digestion *d, const char *raw, size_t n) {
    struct map made = {.arena = d->a};
    struct strs paths = {0};
    for (const char *s = raw; s < raw + n; s += strlen(s) + 1) {
        const char *here = *s == 'w' || *s == 'W' ? in_tree(d, os_resolve(d->a, s + 1)) : NULL;
        if (*s == 't' && strtoll(s + 1, NULL, 10) < d->started)
            d->started = strtoll(s + 1, NULL, 10);
        if (!here || !*here)
            continue;
        bool known = is_private(here) || is_made(&made, here);
        if (!known && *s == 'w')
            doubt(d, "wrote ", here);
        if (!known && *s == 'W') {
            map_add(&made, here, strlen(here), 1);
            array_push(d->a, &paths, here);
        }
        if (map_get(&d->written, here, strlen(here)) != WRITTEN_ALL)
            map_set(&d->written, here, strlen(here), *s == 'W' ? WRITTEN_ALL : WRITTEN_ITSELF);
    }
    find_left(d, &paths);
}

/* What the run wrote and gen must leave out too: of its closure, and names in folders that it listed. */
static void add_written(struct digestion *d, const char *raw, size_t n) {
    struct map listed = {.arena = d->a};
    for (uint32_t i = 0; i < d->in->len; i++)
        if (d->in->items[i].kind == INPUT_LIST)
            map_add(&listed, d->in->items[i].path, strlen(d->in->items[i].path), 1);
    for (const char *s = raw; s < raw + n; s += strlen(s) + 1) {
        const char *here = *s == 'w' || *s == 'W' ? in_tree(d, os_resolve(d->a, s + 1)) : NULL;
        const char *dir = here ? os_dirname(d->a, here) : NULL;
        if (dir && (map_get(&listed, dir, strlen(dir)) != MAP_NONE || closure_has(&d->closure, here)))
            add(d, INPUT_WRITTEN, here, "-", false);
    }
}

static void set_times(const struct digestion *d, const char *path, long long atime, long long mtime) {
    const struct timespec times[2] = {{atime / 1000000000, atime % 1000000000},
                                      {mtime / 1000000000, mtime % 1000000000}};
    utimensat(AT_FDCWD, os_join(d->a, d->t->rootdir, path), times, 0);
}

static void restore_times(struct digestion *d) {
    const int64_t before = d->t->started - NINJA_START;
    for (const char *s = d->t->raw; s < d->t->raw + d->t->size; s += strlen(s) + 1) {
        const char *here = *s && strchr("uwW", *s) ? in_tree(d, os_resolve(d->a, s + 1)) : NULL;
        bool written = here && was_written(d, here);
        if (here && *s != 'u' && closure_has(&d->closure, here))
            set_times(d, here, before, before);
        if (!has_second(s))
            continue;
        s += strlen(s) + 1;
        char *rest;
        long long atime = strtoll(s, &rest, 10), mtime = strtoll(rest, NULL, 10);
        if (here && !written && !is_private(here))
            set_times(d, here, atime, mtime);
    }
}

void trace_inputs(struct arena *a, const struct trace *t, struct inputs *in) {
    struct digestion d = {.a = a,
                          .t = t,
                          .in = in,
                          .started = t->started,
                          .written = {.arena = a},
                          .dists = {.arena = a},
                          .known = {.arena = a},
                          .digests = {.arena = a},
                          .real_dirs = {.arena = a}};
    *in = (struct inputs){0};
    if (!t->raw) {
        doubt(&d, "left no trace", "");
        return;
    }
    closure_open(&d.closure, os_join(a, t->rootdir, CLOSURE_SURE), t->file);
    d.touched = witness_touched(a, t->rootdir);
    read_sites(&d);
    know_dists(&d, ".testfan/stamp");
    closure_each(&d.closure, DIST_FOLDER, know_dists, &d);
    find_written(&d, t->raw, t->size);
    restore_times(&d);
    for (const char *s = t->raw; s < t->raw + t->size; s += strlen(s) + 1) {
        take_record(&d, s);
        if (has_second(s))
            s += strlen(s) + 1;
    }
    add_written(&d, t->raw, t->size);
    closure_close(&d.closure);
}

bool trace_depfile(const struct inputs *in, const char *rootdir, const char *output, const char *path) {
    struct arena scratch = {0};
    struct strs paths = {0};
    ARRAY_FOR (const struct input, i, in)
        if (i->extra && (i->kind == INPUT_READ || i->kind == INPUT_STAT) &&
            os_is_file(os_join(&scratch, rootdir, i->path)))
            array_push(&scratch, &paths, i->path);
    struct buf b = {0};
    emit_depfile(&b, output, &paths);
    if (!paths.len)
        unlink(path);
    bool ok = !paths.len || out_write(path, b.s, b.len, NULL);
    buf_free(&b);
    arena_free(&scratch);
    return ok;
}
