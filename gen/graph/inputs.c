#include "graph/inputs.h"
#include "base/os.h"
#include "base/out.h"
#include "base/str.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char letters[INPUT_KINDS + 1] = "rslavdwmxhfn";

const char *input_kind_name(enum input_kind kind) {
    static const char *const names[INPUT_KINDS] = {"read",           "stat", "list",    "absent",
                                                   "import in vain", "dist", "written", "name",
                                                   "started",        "host", "folder",  "made"};
    return names[kind];
}

bool inputs_line(char *line, struct input *in) {
    const char *letter = *line ? strchr(letters, *line) : NULL;
    char *digest = strchr(line, ' '), *name = digest ? strchr(digest + 1, ' ') : NULL;
    if (!letter || !name)
        return false;
    *name = 0;
    *in = (struct input){.kind = (enum input_kind)(letter - letters),
                         .extra = line[1] == '+',
                         .digest = digest + 1,
                         .path = name + 1};
    return true;
}

void inputs_put(struct buf *b, const struct input *in) {
    buf_char(b, letters[in->kind]);
    buf_str(b, in->extra ? "+ " : " ");
    buf_str(b, in->digest);
    buf_char(b, ' ');
    buf_str(b, in->path);
    buf_char(b, '\n');
}

void inputs_read(struct arena *a, const char *path, struct inputs *in) {
    *in = (struct inputs){0};
    size_t n = 0;
    char *text = os_read(a, path, &n);
    for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        struct input input;
        if (inputs_line(line, &input))
            array_push(a, in, input);
    }
}

static int compare_inputs(const void *a, const void *b) {
    const struct input *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return strcmp(x->path, y->path);
}

void inputs_sort(struct inputs *in) {
    if (in->len)
        qsort(in->items, in->len, sizeof *in->items, compare_inputs);
}

bool inputs_write(const struct inputs *in, const char *path, const char *spare, bool extra) {
    struct buf b = {0};
    const struct input *last = NULL;
    bool any = false;
    ARRAY_FOR (const struct input, i, in) {
        if ((last && compare_inputs(last, i) == 0) || (extra && !i->extra && i->kind != INPUT_WRITTEN))
            continue;
        any |= i->extra;
        last = i;
        inputs_put(&b, i);
    }
    bool ok = true;
    if (any || (!extra && b.len))
        ok = out_reuse(spare, path, b.s, b.len);
    else
        unlink(path);
    buf_free(&b);
    return ok;
}

bool inputs_ignores(const char *name) {
    static const char *const made[] = {"__pycache__", ".testfan",    ".pytest_cache",
                                       ".ninja_log",  ".ninja_deps", "build.ninja"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        if (strcmp(name, made[i]) == 0)
            return true;
    return str_ends(name, ".pyc");
}

struct digest inputs_list(const char *rootdir, const char *dir, const struct map *written) {
    struct digest sum = {0};
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", rootdir, dir);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || inputs_ignores(e->d_name))
            continue;
        if (written) {
            snprintf(path, sizeof path, "%s%s%s", dir, *dir ? "/" : "", e->d_name);
            if (map_get(written, path, strlen(path)) != MAP_NONE)
                continue;
        }
        digest_add(&sum, digest_bytes(e->d_name, strlen(e->d_name)));
    }
    if (d)
        closedir(d);
    return sum;
}
