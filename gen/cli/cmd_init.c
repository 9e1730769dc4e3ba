#include "cli/commands.h"
#include "cli/options.h"
#include "base/diag.h"
#include "base/embedded.h"
#include "base/os.h"
#include "base/out.h"
#include "emit/packages.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HOST RULES_FOLDER "/host/"

static const char module_text[] = "module(name = \"%s\")\n";
static const char rules_text[] = "exports_files([\n"
                                 "    \"pytest.bzl\",\n"
                                 "    \"testfan_bazel.py\",\n"
                                 "    \"testfan_shard.py\",\n"
                                 "    \"testfan_worker.py\",\n"
                                 "])\n";
static const char host_text[] = "load(\"//" RULES_FOLDER ":pytest.bzl\", \"host_dist\", \"host_python\")\n"
                                "load(\":host.bzl\", \"DISTS\", \"PYTHON\", \"STAMP\")\n"
                                "\n"
                                "package(default_visibility = [\"//:__subpackages__\"])\n"
                                "\n"
                                "host_python(\n"
                                "    name = \"python\",\n"
                                "    path = PYTHON,\n"
                                "    stamp = STAMP,\n"
                                ")\n"
                                "\n"
                                "[\n"
                                "    host_dist(\n"
                                "        name = name,\n"
                                "        content = content,\n"
                                "    )\n"
                                "    for name, content in DISTS.items()\n"
                                "]\n";

/* Writes a file that is not there. */
static bool provide(struct arena *a, const char *path, const char *text, size_t n) {
    size_t size = 0;
    const char *old = os_read(a, path, &size);
    if (!old)
        return out_write(path, text, n, NULL) && printf("%s\n", path) > 0;
    if (str_starts(path, RULES_FOLDER "/") && (size != n || memcmp(old, text, n) != 0)) {
        diag(DIAG_WORKSPACE, path, 0, 0, "is not this testfan's and stays as it is");
        hint("to take the new one, remove it and run again: testfan init --engine bazel");
        return false;
    }
    return true;
}

static bool has_line(const char *text, const char *line) {
    size_t n = strlen(line);
    for (const char *s = text; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
        if (strncmp(s, line, n) == 0 && (!s[n] || s[n] == '\n'))
            return true;
    return false;
}

/* Adds the lines that a file lacks at its end. */
static bool provide_lines(struct arena *a, const char *path, const struct strs *lines) {
    size_t n = 0;
    const char *old = os_read(a, path, &n);
    struct buf b = {0};
    buf_str(&b, old ? old : "");
    if (b.len && b.s[b.len - 1] != '\n')
        buf_char(&b, '\n');
    size_t before = b.len;
    for (uint32_t i = 0; i < lines->len; i++)
        if (!old || !has_line(old, lines->items[i]))
            buf_fmt(&b, "%s\n", lines->items[i]);
    bool ok = b.len == before || (out_write(path, b.s, b.len, NULL) && printf("%s\n", path) > 0);
    buf_free(&b);
    return ok;
}

/* Folders in which Bazel has no business: testfan's own, and virtual environments at the root. */
static struct strs ignored_folders(struct arena *a) {
    struct strs out = {0};
    array_push(a, &out, ".testfan");
    DIR *dir = opendir(".");
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] && os_is_file(arena_printf(a, "%s/pyvenv.cfg", e->d_name)))
            array_push(a, &out, arena_strdup(a, e->d_name));
    if (dir)
        closedir(dir);
    strs_sort(&out);
    return out;
}

static const char *module_name(struct arena *a) {
    char *name = arena_strdup(a, os_basename(os_getcwd(a)));
    for (char *s = name; *s; s++) {
        *s = *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s;
        *s = (*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') ? *s : '_';
    }
    return *name >= 'a' && *name <= 'z' ? name : arena_printf(a, "m%s", name);
}

static bool provide_rules(struct arena *a) {
    static const char *const names[] = {"pytest.bzl", "testfan_bazel.py", "testfan_shard.py",
                                        "testfan_worker.py"};
    bool ok = true;
    for (const struct embedded_file *f = embedded_files; f->name; f++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strcmp(f->name, names[i]) == 0)
                ok = provide(a, arena_printf(a, RULES_FOLDER "/%s", f->name), f->text, f->len) && ok;
    ok = provide(a, RULES_FOLDER "/BUILD.bazel", rules_text, sizeof rules_text - 1) && ok;
    ok = provide(a, HOST "BUILD.bazel", host_text, sizeof host_text - 1) && ok;
    return provide(a, HOST ".gitignore", "host.bzl\n", 9) && ok;
}

static bool is_marked(void) {
    return os_is_file("WORKSPACE") || os_is_file("WORKSPACE.bazel") || os_is_file("MODULE.bazel") ||
           os_is_file("REPO.bazel");
}

int cmd_init(struct invocation *in) {
    struct arena *a = in->arena;
    if (strcmp(in->engine, "bazel") != 0 || in->words.len) {
        diag(DIAG_USAGE, NULL, 0, 0, "init is for Bazel alone; ninja needs none");
        hint("testfan init --engine bazel");
        return EXIT_USAGE;
    }
    if (chdir(in->dir) != 0) {
        diag(DIAG_USAGE, NULL, 0, 0, "there is no folder '%s'", in->dir);
        return EXIT_USAGE;
    }
    bool ok = true;
    if (!is_marked()) {
        const char *module = arena_printf(a, module_text, module_name(a));
        ok = provide(a, "WORKSPACE", "", 0) && provide(a, "MODULE.bazel", module, strlen(module));
    }
    struct strs rc = {0}, ignored = ignored_folders(a);
    array_push(a, &rc, "build --incompatible_strict_action_env");
    ok = provide_rules(a) && ok;
    ok = provide_lines(a, ".bazelrc", &rc) && provide_lines(a, ".bazelignore", &ignored) && ok;
    return ok ? EXIT_PASSED : EXIT_FAILED;
}
