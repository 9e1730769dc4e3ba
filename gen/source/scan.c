#define _DEFAULT_SOURCE /* for d_type, which saves a stat for most entries */

#include "source/scan.h"
#include "source/config.h"
#include "source/collect.h"
#include "base/diag.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct entry {
    const char *name;
    unsigned char type; /* DT_* of readdir */
};

struct dir_id {
    uint64_t dev, ino;
};

struct walk {
    struct arena *arena;  /* of the caller: what is found */
    struct arena scratch; /* names, until the walk ends */
    struct scan *scan;
    struct collect collect;
    unsigned pytest_major;
    bool in_virtualenv; /* --collect-in-virtualenv */
    struct strs roots;  /* source roots, relative to rootdir: entered whatever their name */
    struct buf path;    /* of what is being looked at, absolute */
    size_t base;        /* where the part relative to rootdir starts in it */
    ARRAY(struct dir_id) above;
};

/* A folder on the way down. */
struct place {
    int fd;
    bool collecting; /* pytest collects what lies in it */
    bool given;      /* pytest was told to come here, so that it does not matter what it is */
    bool wanted;     /* not to be left out, although pytest may not collect in it */
};

static const char *relative(const struct walk *w) {
    return w->path.len < w->base ? "." : w->path.s + w->base;
}

static size_t path_push(struct walk *w, const char *name) {
    size_t before = w->path.len;
    if (w->path.s[before - 1] != '/')
        buf_char(&w->path, '/');
    buf_str(&w->path, name);
    return before;
}

static void path_pop(struct walk *w, size_t before) {
    w->path.len = before;
    w->path.s[before] = 0;
}

static bool bad_name(const struct walk *w, const char *name) {
    if (!strchr(name, '\n'))
        return false;
    struct buf shown = {0};
    for (const char *p = relative(w); *p; p++)
        *p == '\n' ? buf_str(&shown, "\\n") : buf_char(&shown, *p);
    diag(DIAG_BAD_NAME, NULL, 0, 0, "'%s' is left out: no build file can hold a line break in a name",
         shown.s);
    hint("give it a name without one");
    buf_free(&shown);
    return true;
}

static bool leads_to_root(const struct walk *w) {
    const char *dir = relative(w);
    size_t n = strlen(dir);
    for (uint32_t i = 0; i < w->roots.len; i++) {
        const char *root = w->roots.items[i];
        if (strncmp(root, dir, n) == 0 && (!root[n] || root[n] == '/'))
            return true;
    }
    return false;
}

static bool is_left_out(const char *name) {
    return *name == '.' || strcmp(name, "CVS") == 0 || strcmp(name, "_darcs") == 0 ||
           strcmp(name, "node_modules") == 0;
}

/* What a build made, never a source. */
static bool is_made(const struct walk *w, const char *name, bool link) {
    bool at_root = w->path.len == w->base + strlen(name);
    return strcmp(name, "__pycache__") == 0 || strcmp(name, ".testfan") == 0 ||
           (link && at_root && str_starts(name, "bazel-"));
}

static bool is_file_at(int fd, const char *name) {
    struct os_stat st;
    return os_stat_at(fd, name, &st) && S_ISREG(st.mode);
}

static bool is_virtualenv(int fd) {
    return is_file_at(fd, "pyvenv.cfg") || is_file_at(fd, "conda-meta/history");
}

/* What pytest 7 takes for one. */
static bool has_activate(int fd) {
    static const char *const scripts[] = {"bin/activate", "bin/activate.csh", "bin/activate.fish",
                                          "bin/Activate", "bin/Activate.bat", "bin/Activate.ps1"};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        if (faccessat(fd, scripts[i], F_OK, 0) == 0)
            return true;
    return false;
}

static bool leads_back(const struct walk *w, const struct os_stat *st) {
    ARRAY_FOR (struct dir_id, up, &w->above)
        if (up->ino == st->ino && up->dev == st->dev)
            return true;
    return false;
}

static void walk_dir(struct walk *w, const struct place *p, const struct os_stat *st);

static void visit_open_dir(struct walk *w, struct place *p, bool link) {
    struct os_stat st;
    if (!os_stat_at(p->fd, ".", &st) || (link && leads_back(w, &st))) {
        close(p->fd);
        return;
    }
    bool venv = is_virtualenv(p->fd);
    if (p->collecting && !p->given && !w->in_virtualenv)
        p->collecting = w->pytest_major >= 8 ? !venv : !has_activate(p->fd);
    if (venv && !p->collecting && !p->wanted)
        close(p->fd);
    else
        walk_dir(w, p, &st);
}

static void visit_dir(struct walk *w, const struct place *parent, const char *name, bool link) {
    bool start = collect_is_given(&w->collect, relative(w));
    bool leads = collect_leads_to_given(&w->collect, relative(w));
    struct place p = {.given = start || (leads && w->pytest_major >= 8), .wanted = leads || leads_to_root(w)};
    p.collecting =
        start || (parent->collecting && (p.given || !collect_ignores(&w->collect, w->path.s, true)));
    if (is_made(w, name, link) || (is_left_out(name) && !p.collecting && !p.wanted) || bad_name(w, name))
        return;
    p.fd = openat(parent->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p.fd < 0) {
        diag(DIAG_IO, relative(w), 0, 0, "this folder cannot be listed: %s", strerror(errno));
        return;
    }
    visit_open_dir(w, &p, link);
}

static bool is_python(const char *name) {
    return str_ends(name, ".py") && strcmp(name, ".py") != 0;
}

static void visit_file(struct walk *w, const struct place *parent, const char *name) {
    bool given = collect_is_given(&w->collect, relative(w));
    bool collected = given || (parent->collecting && !collect_ignores(&w->collect, w->path.s, false));
    bool python = is_python(name);
    if (!python && !(collected && collect_is_text(&w->collect, w->path.s, given))) {
        if (!strchr(name, '\n'))
            array_push(w->arena, &w->scan->others, arena_strdup(w->arena, relative(w)));
        return;
    }
    struct source_file file = {0};
    if (bad_name(w, name) || !os_stat_at(parent->fd, name, &file.st) || !S_ISREG(file.st.mode))
        return;
    file.path = arena_strdup(w->arena, relative(w));
    if (!python) {
        file.flags = SOURCE_TEST;
        array_push(w->arena, &w->scan->texts, file);
        return;
    }
    file.flags = collected ? collect_flags(&w->collect, w->path.s, given) : 0;
    file.flags |= strcmp(name, "conftest.py") == 0 ? SOURCE_CONFTEST : 0;
    file.flags |= strcmp(name, "__init__.py") == 0 ? SOURCE_INIT : 0;
    array_push(w->arena, &w->scan->files, file);
}

static void visit(struct walk *w, const struct place *parent, const struct entry *e) {
    bool link = e->type == DT_LNK || e->type == DT_UNKNOWN, dir = e->type == DT_DIR;
    if (link) {
        struct os_stat st;
        dir = os_stat_at(parent->fd, e->name, &st) && S_ISDIR(st.mode);
    }
    size_t before = path_push(w, e->name);
    if (dir)
        visit_dir(w, parent, e->name, link);
    else
        visit_file(w, parent, e->name);
    path_pop(w, before);
}

static int compare_entries(const void *a, const void *b) {
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* Takes over the folder's descriptor. */
static void walk_dir(struct walk *w, const struct place *p, const struct os_stat *st) {
    DIR *d = fdopendir(p->fd);
    if (!d) {
        diag(DIAG_IO, relative(w), 0, 0, "this folder cannot be listed: %s", strerror(errno));
        close(p->fd);
        return;
    }
    array_push(w->arena, &w->scan->dirs, arena_strdup(w->arena, relative(w)));
    array_push(&w->scratch, &w->above, (struct dir_id){st->dev, st->ino});
    ARRAY(struct entry) entries = {0};
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            array_push(&w->scratch, &entries,
                       (struct entry){arena_strdup(&w->scratch, e->d_name), e->d_type});
    if (entries.len)
        qsort(entries.items, entries.len, sizeof *entries.items, compare_entries);
    ARRAY_FOR (struct entry, e, &entries)
        visit(w, p, e);
    w->above.len--;
    closedir(d);
}

static int compare_files(const void *a, const void *b) {
    return strcmp(((const struct source_file *)a)->path, ((const struct source_file *)b)->path);
}

static void add_root(struct walk *w, const struct config *c, const char *dir, const char *root) {
    const char *full = os_normalize(&w->scratch, os_join(&w->scratch, dir, root));
    size_t n = strlen(c->rootdir);
    if (strncmp(full, c->rootdir, n) == 0 && full[n] == '/')
        array_push(&w->scratch, &w->roots, full + n + 1);
}

static void add_roots(struct walk *w, const struct config *c) {
    const char *inidir = c->inipath ? os_dirname(&w->scratch, c->inipath) : c->rootdir;
    for (uint32_t i = 0; i < c->pythonpath.len; i++)
        add_root(w, c, inidir, c->pythonpath.items[i]);
    for (uint32_t i = 0; i < c->testfan.sources.len; i++)
        add_root(w, c, c->rootdir, c->testfan.sources.items[i]);
}

static bool walk_root(struct walk *w, const struct config *c) {
    struct place p = {
        .fd = open(c->rootdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .given = true, .wanted = true};
    struct os_stat st;
    if (p.fd < 0 || !os_stat_at(p.fd, ".", &st)) {
        diag(DIAG_IO, c->rootdir, 0, 0, "this folder cannot be listed: %s", strerror(errno));
        if (p.fd >= 0)
            close(p.fd);
        return false;
    }
    p.collecting = collect_is_given(&w->collect, ".");
    buf_str(&w->path, c->rootdir);
    w->base = w->path.len + !str_ends(c->rootdir, "/");
    walk_dir(w, &p, &st);
    return true;
}

bool scan_tree(struct arena *a, const struct config *c, struct scan *s) {
    *s = (struct scan){0};
    struct walk w = {.arena = a,
                     .scan = s,
                     .pytest_major = c->pytest_major,
                     .in_virtualenv = c->options.collect_in_virtualenv};
    bool ok = collect_init(&w.scratch, c, &w.collect);
    for (uint32_t i = 0; ok && i < w.collect.given.len; i++)
        array_push(a, &s->given, arena_strdup(a, w.collect.given.items[i]));
    add_roots(&w, c);
    ok = ok && walk_root(&w, c);
    if (s->files.len)
        qsort(s->files.items, s->files.len, sizeof *s->files.items, compare_files);
    if (s->texts.len)
        qsort(s->texts.items, s->texts.len, sizeof *s->texts.items, compare_files);
    strs_sort(&s->others);
    strs_sort(&s->dirs);
    buf_free(&w.path);
    arena_free(&w.scratch);
    return ok;
}

void scan_add_gone(struct arena *a, const struct strs *paths, struct scan *s) {
    for (uint32_t i = 0; i < paths->len; i++) {
        const char *name = os_basename(paths->items[i]);
        struct source_file f = {.path = paths->items[i], .flags = SOURCE_GONE};
        if (!str_ends(name, ".py")) {
            array_push(a, &s->others, f.path);
            continue;
        }
        f.flags |= strcmp(name, "conftest.py") == 0   ? SOURCE_CONFTEST
                   : strcmp(name, "__init__.py") == 0 ? SOURCE_INIT
                                                      : 0;
        array_push(a, &s->files, f);
    }
    if (s->files.len)
        qsort(s->files.items, s->files.len, sizeof *s->files.items, compare_files);
    strs_sort(&s->others);
}

static struct source_file *find_file(struct scan *s, const char *path) {
    const struct source_file key = {.path = path};
    return s->files.len ? bsearch(&key, s->files.items, s->files.len, sizeof *s->files.items, compare_files)
                        : NULL;
}

static bool move_to_texts(struct arena *a, const char *path, const char *rootdir, struct scan *s) {
    uint32_t kept = 0;
    bool found = false;
    for (uint32_t i = 0; i < s->others.len; i++) {
        found |= strcmp(s->others.items[i], path) == 0;
        if (strcmp(s->others.items[i], path) != 0)
            s->others.items[kept++] = s->others.items[i];
    }
    s->others.len = kept;
    struct source_file text = {.path = path, .flags = SOURCE_TEST | SOURCE_HOOKED};
    if (!found || !os_stat(os_join(a, rootdir, path), &text.st) || !S_ISREG(text.st.mode))
        return false;
    array_push(a, &s->texts, text);
    return true;
}

bool scan_add_collected(struct arena *a, const struct strs *paths, const char *rootdir, struct scan *s) {
    bool any = false;
    for (uint32_t i = 0; i < paths->len; i++) {
        struct source_file *f = find_file(s, paths->items[i]);
        if (!f) {
            any |= move_to_texts(a, paths->items[i], rootdir, s);
        } else if (!(f->flags & (SOURCE_TEST | SOURCE_DOCTEST))) {
            f->flags |= SOURCE_DOCTEST | SOURCE_HOOKED;
            any = true;
        }
    }
    if (s->texts.len)
        qsort(s->texts.items, s->texts.len, sizeof *s->texts.items, compare_files);
    return any;
}

static bool file_changed(const struct source_file *f, const char *path) {
    struct os_stat st;
    if (f->flags & SOURCE_GONE)
        return false;
    return !os_stat(path, &st) || st.mtime_ns != f->st.mtime_ns || st.size != f->st.size ||
           st.ino != f->st.ino;
}

bool scan_changed(const struct scan *s, const char *rootdir, int64_t started) {
    struct arena scratch = {0};
    bool changed = false;
    ARRAY_FOR (const struct source_file, f, &s->files)
        changed = changed || file_changed(f, os_join(&scratch, rootdir, f->path));
    for (uint32_t i = 0; i < s->dirs.len && !changed; i++) {
        struct os_stat st;
        changed = !os_stat(os_join(&scratch, rootdir, s->dirs.items[i]), &st) || st.mtime_ns > started;
    }
    arena_free(&scratch);
    return changed;
}
