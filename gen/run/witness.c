#include "run/witness.h"
#include "base/os.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char THERE[] = "there";

void witness_new(struct witness *w, struct arena *a, struct contents *contents) {
    *w = (struct witness){.arena = a, .contents = contents, .dists = {.arena = a}};
}

static const char *hex_of(struct witness *w, struct digest d) {
    char hex[33];
    digest_hex(d, hex);
    return arena_strdup(w->arena, hex);
}

/* As gen knows them, from the file that dists_write made. */
static void read_dists(struct witness *w) {
    size_t n = 0;
    char *text = os_read(w->arena, ".testfan/cache/sites", &n);
    w->asked = true;
    for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        char *space = str_starts(line, "dist ") ? strchr(line + 5, ' ') : NULL;
        if (!space)
            continue;
        map_add(&w->dists, line + 5, (size_t)(space - line) - 5, w->dist_digests.len);
        array_push(w->arena, &w->dist_digests, space + 1);
    }
}

static const char *dist_now(struct witness *w, const char *name) {
    if (!w->asked)
        read_dists(w);
    uint32_t i = map_get(&w->dists, name, strlen(name));
    return i == MAP_NONE ? "-" : w->dist_digests.items[i];
}

/* The machine, its kernel and the user. */
static const char *host_now(struct witness *w) {
    if (w->host)
        return w->host;
    struct utsname u;
    size_t n = 0;
    const char *id = os_read(w->arena, "/etc/machine-id", &n);
    bool known = uname(&u) == 0;
    const char *text = arena_printf(w->arena, "%s %s %s %ld", id ? id : "", known ? u.nodename : "",
                                    known ? u.release : "", (long)geteuid());
    w->host = hex_of(w, digest_bytes(text, strlen(text)));
    return w->host;
}

/* A link that leads nowhere is not there, and not nothing. */
static const char *absence_now(struct witness *w, const char *path) {
    struct content c = *contents_at(w->contents, path);
    struct os_stat st;
    return c.absent ? "-" : !os_stat(path, &st) ? hex_of(w, c.link) : THERE;
}

static bool is_folder(const char *path) {
    return os_is_dir(*path ? path : ".");
}

const char *witness_now(struct witness *w, enum input_kind kind, const char *path) {
    switch (kind) {
    case INPUT_READ:
    case INPUT_STAT:
        return hex_of(w, contents_state(w->contents, path));
    case INPUT_LIST:
        return is_folder(path) ? hex_of(w, inputs_list(".", path, NULL)) : "-";
    case INPUT_FOLDER:
        return is_folder(path) ? "folder" : "-";
    case INPUT_ABSENT:
    case INPUT_VAIN:
    case INPUT_MADE:
        return absence_now(w, path);
    case INPUT_DIST:
        return dist_now(w, path);
    case INPUT_HOST:
        return host_now(w);
    default:
        return "-";
    }
}

/* Whether an input is still what the run saw. */
static bool is_as_seen(struct witness *w, const struct input *seen, const char *now) {
    if (seen->kind == INPUT_ABSENT || seen->kind == INPUT_VAIN || seen->kind == INPUT_MADE)
        return now != THERE;
    if (seen->kind != INPUT_READ && seen->kind != INPUT_STAT)
        return strcmp(seen->digest, now) == 0;
    const struct content *c = contents_at(w->contents, seen->path);
    return c->there && strcmp(hex_of(w, c->digest), seen->digest) == 0;
}

const char *witness_take(struct witness *w, const struct inputs *seen, bool host, struct inputs *out) {
    *out = (struct inputs){0};
    const struct input *last = NULL;
    ARRAY_FOR (const struct input, i, seen) {
        host |= i->kind == INPUT_HOST;
        bool counts =
            (i->extra && i->kind != INPUT_WRITTEN) || i->kind == INPUT_FOLDER || i->kind == INPUT_MADE;
        if (!counts || (last && last->kind == i->kind && strcmp(last->path, i->path) == 0))
            continue;
        last = i;
        const char *now = witness_now(w, i->kind, i->path);
        if (!is_as_seen(w, i, now))
            return arena_printf(w->arena, "changed while it ran: %s", *i->path ? i->path : ".");
        array_push(w->arena, out, (struct input){.kind = i->kind, .path = i->path, .digest = now});
    }
    if (host)
        array_push(w->arena, out, (struct input){.kind = INPUT_HOST, .path = "host", .digest = host_now(w)});
    return NULL;
}

struct map witness_touched(struct arena *a, const char *rootdir) {
    struct map touched = {.arena = a};
    size_t n = 0, skip = strlen(rootdir) + 1;
    const char *text = os_read(a, TOUCHED_FILE, &n);
    for (const char *line = text; line && *line; line += strcspn(line, "\n") + 1)
        if (strcspn(line, "\n") > skip)
            map_add(&touched, line + skip, strcspn(line, "\n") - skip, 1);
    return touched;
}

const char *witness_disturbed(struct witness *w, struct contents *before, const char *rootdir,
                              int64_t started) {
    struct map touched = witness_touched(w->arena, rootdir);
    struct contents *now = w->contents;
    for (uint32_t i = 0; i < now->paths.len; i++) {
        const char *path = now->paths.items[i];
        const struct content *c = &now->found.items[i];
        uint32_t known = map_get(&before->looked, path, strlen(path));
        const struct content *old = known == MAP_NONE ? c : &before->found.items[known];
        bool timed = map_get(&touched, path, strlen(path)) != MAP_NONE;
        if (c->there &&
            ((!timed && c->changed >= started) || c->st.ino != old->st.ino || c->st.dev != old->st.dev))
            return path;
    }
    return NULL;
}
