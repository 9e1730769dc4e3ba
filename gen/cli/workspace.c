#include "cli/workspace.h"
#include "base/diag.h"
#include "base/os.h"
#include "base/out.h"
#include "cli/project.h"
#include "emit/bazel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *in_root(const struct project *p, const char *path) {
    return os_join(p->arena, p->config.rootdir, path);
}

static void put_lines(char sign, const char *text, size_t n) {
    while (n) {
        const char *end = memchr(text, '\n', n);
        size_t line = end ? (size_t)(end - text) : n;
        printf("%c%.*s\n%s", sign, (int)line, text, end ? "" : "\\ No newline at end of file\n");
        line += end != NULL;
        text += line;
        n -= line;
    }
}

static unsigned count_lines(const char *text, size_t n) {
    unsigned lines = 0;
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n' || i + 1 == n;
    return lines;
}

void print_diff(const char *path, const char *old, const char *now) {
    const char *a = old ? old : "", *b = now ? now : "";
    size_t n = strlen(a), m = strlen(b), head = 0, tail = 0, from = 0;
    for (; head < n && head < m && a[head] == b[head]; head++)
        from = a[head] == '\n' ? head + 1 : from;
    head = from;
    while (tail < n - head && tail < m - head && a[n - tail - 1] == b[m - tail - 1])
        tail++;
    while (tail && (n - tail > head ? a[n - tail - 1] != '\n' : head && a[head - 1] != '\n'))
        tail--;
    while (tail && m - tail > head && b[m - tail - 1] != '\n')
        tail--;
    unsigned line = count_lines(a, head), removed = count_lines(a + head, n - head - tail);
    unsigned added = count_lines(b + head, m - head - tail);
    printf("--- %s%s\n+++ %s%s\n@@ -%u,%u +%u,%u @@\n", old ? "a/" : "", old ? path : "/dev/null",
           now ? "b/" : "", now ? path : "/dev/null", line + (removed > 0), removed, line + (added > 0),
           added);
    put_lines('-', a + head, n - head - tail);
    put_lines('+', b + head, m - head - tail);
}

/* The folder of a sys.path entry relative to rootdir, or NULL when it lies elsewhere or belongs to an
   environment. */
static const char *own_folder(const struct project *p, const char *path) {
    const char *root = p->config.rootdir, *prefix = p->python.prefix;
    size_t n = strlen(root), m = prefix ? strlen(prefix) : 0;
    if (strncmp(path, root, n) != 0 || path[n] != '/')
        return NULL;
    return m > n && strncmp(path, prefix, m) == 0 ? NULL : path + n + 1;
}

static void add_folder(const struct project *p, struct strs *list, const char *path) {
    const char *folder = own_folder(p, path);
    if (folder && !strs_has(list, folder))
        array_push(p->arena, list, folder);
}

/* What editable installs and the settings put on sys.path of the tree; pytest sees to its own pythonpath. */
static struct strs pythonpath(const struct project *p) {
    struct strs out = {0};
    for (uint32_t i = 0; i < p->config.testfan.sources.len; i++)
        array_push(p->arena, &out, p->config.testfan.sources.items[i]);
    for (uint32_t i = 0; i < p->python.sys_path.len; i++)
        add_folder(p, &out, p->python.sys_path.items[i]);
    ARRAY_FOR (const struct dist, d, &p->python.dists)
        for (uint32_t i = 0; i < d->at.len; i++)
            add_folder(p, &out, os_dirname(p->arena, d->at.items[i]));
    return out;
}

static struct bazel_input input_of(const struct project *p, const struct plan *plan) {
    return (struct bazel_input){.scan = &p->scan,
                                .plan = plan,
                                .graph = &p->graph,
                                .config = &p->config,
                                .python = &p->python,
                                .dists = &p->dists,
                                .pythonpath = pythonpath(p)};
}

static bool is_workspace(const struct project *p) {
    static const char *const marks[] = {"MODULE.bazel", "WORKSPACE", "WORKSPACE.bazel", "REPO.bazel"};
    bool marked = false;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        marked |= os_is_file(in_root(p, marks[i]));
    bool rules = os_is_file(in_root(p, RULES_FOLDER "/pytest.bzl"));
    if (marked && rules)
        return true;
    diag(DIAG_WORKSPACE, p->config.rootdir, 0, 0,
         marked ? "the workspace has no rules in " RULES_FOLDER : "this folder is no Bazel workspace");
    hint("run: testfan init --engine bazel");
    return false;
}

static bool write_host(const struct project *p, const struct bazel_input *in) {
    struct buf b = {0};
    const char *stamp = arena_printf(p->arena, "%s%s", dists_stamp(&p->dists),
                                     python_stamp(p->arena, &p->python, &p->config.testfan.env));
    emit_bazel_host(&b, in, stamp);
    bool ok = out_write(in_root(p, BAZEL_HOST_FILE), b.s, b.len, NULL) &&
              out_write(in_root(p, ".testfan/.gitignore"), "*\n", 2, NULL);
    buf_free(&b);
    return ok;
}

static bool write_file(const struct project *p, const struct bazel_file *f) {
    const char *path = in_root(p, f->path);
    if (f->text)
        return out_write(path, f->text, strlen(f->text), NULL);
    if (unlink(path) == 0 || errno == ENOENT)
        return true;
    diag(DIAG_IO, f->path, 0, 0, "cannot be removed: %s", strerror(errno));
    return false;
}

bool workspace_write(struct project *p, const struct plan *plan, bool check, bool *stale) {
    if (!is_workspace(p))
        return false;
    struct bazel_input in = input_of(p, plan);
    struct bazel_files files;
    emit_bazel(p->arena, &in, &files);
    *stale = files.len > 0;
    bool ok = check || (write_host(p, &in) &&
                        out_write(in_root(p, PLAIN_FILES), files.plain, strlen(files.plain), NULL));
    ARRAY_FOR (const struct bazel_file, f, &files) {
        if (check)
            print_diff(f->path, f->old, f->text);
        else
            ok = write_file(p, f) && ok;
    }
    return ok;
}

void workspace_packages(struct project *p, const struct plan *plan, struct packages *packages) {
    packages_make(packages, p->arena, p->config.rootdir, &p->scan, plan, &p->graph,
                  &p->config.testfan.bazel.kinds);
}
