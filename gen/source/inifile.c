#include "source/inifile.h"
#include "source/config.h"
#include "source/ini.h"
#include "source/toml.h"
#include "base/diag.h"
#include "base/os.h"

#include <errno.h>
#include <string.h>

static char *read_text(struct arena *a, const char *path, size_t *n) {
    char *text = os_read(a, path, n);
    if (!text) {
        diag(DIAG_CONFIG, path, 0, 0, "cannot be read: %s", strerror(errno));
        return NULL;
    }
    if (str_is_utf8(text, *n))
        return text;
    diag(DIAG_CONFIG, path, 0, 0, "not UTF-8");
    return NULL;
}

const struct toml *inifile_read_toml(struct arena *a, const char *path) {
    size_t n;
    char *text = read_text(a, path, &n);
    uint32_t line;
    const char *error;
    const struct toml *root = text ? toml_parse(a, text, n, &line, &error) : NULL;
    if (text && !root)
        diag(DIAG_CONFIG, path, line, 0, "%s", error);
    return root;
}

static bool read_ini(struct arena *a, struct inifile *f, struct ini *ini) {
    size_t n;
    char *text = read_text(a, f->path, &n);
    uint32_t line;
    const char *error;
    if (!text)
        return false;
    if (ini_parse_bytes(a, text, n, ini, &line, &error))
        return true;
    diag(DIAG_CONFIG, f->path, line, 0, "%s", error);
    return false;
}

/* pytest.ini and its like: *counts says whether pytest would take it. */
static bool load_ini(struct arena *a, struct inifile *f, bool always, bool *counts) {
    struct ini *ini = arena_alloc(a, sizeof *ini);
    if (!read_ini(a, f, ini))
        return false;
    f->ini = ini;
    f->section = "pytest";
    *counts = always || ini_has_section(ini, "pytest");
    return true;
}

static bool load_setup_cfg(struct arena *a, struct inifile *f, bool *counts) {
    struct ini *ini = arena_alloc(a, sizeof *ini);
    if (!read_ini(a, f, ini))
        return false;
    f->ini = ini;
    f->section = "tool:pytest";
    *counts = ini_has_section(ini, "tool:pytest");
    if (*counts || !ini_has_section(ini, "pytest"))
        return true;
    diag(DIAG_CONFIG, f->path, 0, 0, "[pytest] section in setup.cfg files is no longer supported");
    hint("call the section [tool:pytest]");
    return false;
}

static bool load_pytest_toml(struct arena *a, struct inifile *f, bool *counts) {
    const struct toml *root = inifile_read_toml(a, f->path);
    if (!root)
        return false;
    *counts = f->native = true;
    f->table = toml_get(root, "pytest");
    for (uint32_t i = 0; !f->table && i < root->items.len; i++) {
        const struct toml *v = root->items.items[i];
        if (v->type == TOML_TABLE)
            continue;
        diag(DIAG_CONFIG, f->path, v->line, 0, "'%s' stands outside of the [pytest] table", v->key);
        hint("put [pytest] above it");
        return false;
    }
    return true;
}

static bool load_pyproject(struct arena *a, struct inifile *f, unsigned major, bool *counts) {
    const struct toml *root = inifile_read_toml(a, f->path);
    if (!root)
        return false;
    const struct toml *pytest = toml_get(toml_get(root, "tool"), "pytest");
    const struct toml *options = toml_get(pytest, "ini_options");
    f->native = major >= 9 && pytest && pytest->items.len > (options ? 1 : 0);
    if (f->native && options && options->items.len) {
        diag(DIAG_CONFIG, f->path, options->line, 0,
             "[tool.pytest] and [tool.pytest.ini_options] cannot both be used");
        return false;
    }
    f->table = f->native ? pytest : options;
    *counts = f->table != NULL;
    return true;
}

/* pytest's candidates in the order in which they win. */
static const struct candidate {
    const char *name;
    unsigned since; /* the first pytest that knows it */
} candidates[] = {
    {"pytest.toml", 9},    {".pytest.toml", 9}, {"pytest.ini", 0}, {".pytest.ini", 0},
    {"pyproject.toml", 0}, {"tox.ini", 0},      {"setup.cfg", 0},
};

static bool load(struct arena *a, const char *name, unsigned major, struct inifile *f, bool *counts) {
    if (strcmp(name, "pyproject.toml") == 0)
        return load_pyproject(a, f, major, counts);
    if (strcmp(name, "setup.cfg") == 0)
        return load_setup_cfg(a, f, counts);
    if (str_ends(name, ".toml"))
        return load_pytest_toml(a, f, counts);
    bool always = strcmp(name, "pytest.ini") == 0 || (major >= 9 && strcmp(name, ".pytest.ini") == 0);
    return load_ini(a, f, always, counts);
}

/* Looks for the file in one folder; *counts says whether there is one. pytest 9 goes on to read the others
   too, so as to warn of them, and fails when one is broken. */
static bool locate_in(struct arena *a, const char *dir, struct config *c, struct inifile *f, bool *counts) {
    *counts = false;
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        struct inifile here = {.path = os_join(a, dir, candidates[i].name)};
        bool holds = false;
        if (c->pytest_major < candidates[i].since || (*counts && c->pytest_major < 9) ||
            !os_is_file(here.path))
            continue;
        array_push(a, &c->inputs, here.path);
        if (!load(a, candidates[i].name, c->pytest_major, &here, &holds))
            return false;
        if (holds && !*counts) {
            *f = here;
            *counts = true;
        }
    }
    return true;
}

static const char *parent_of(struct arena *a, const char *dir) {
    return strcmp(dir, "/") == 0 ? NULL : os_dirname(a, dir);
}

bool inifile_locate(struct arena *a, const char *dir, struct config *c, struct inifile *f) {
    *f = (struct inifile){0};
    const char *pyproject_dir = NULL, *setup_dir = NULL;
    for (const char *base = dir; base; base = parent_of(a, base)) {
        bool counts;
        if (!locate_in(a, base, c, f, &counts))
            return false;
        if (counts) {
            c->rootdir = base;
            c->inipath = f->path;
            return true;
        }
        if (!pyproject_dir && os_is_file(os_join(a, base, "pyproject.toml")))
            pyproject_dir = base;
        if (!setup_dir && os_is_file(os_join(a, base, "setup.py")))
            setup_dir = base;
    }
    if (pyproject_dir && c->pytest_major >= 8) {
        c->rootdir = pyproject_dir;
        c->inipath = os_join(a, pyproject_dir, "pyproject.toml");
        f->path = c->inipath;
        return true;
    }
    c->rootdir = setup_dir ? setup_dir : dir;
    if (setup_dir)
        array_push(a, &c->inputs, os_join(a, setup_dir, "setup.py"));
    return true;
}

bool inifile_find(const struct inifile *f, const char *name, struct inivalue *v) {
    const struct toml *t = toml_get(f->table, name);
    const struct ini_entry *e = f->ini ? ini_find(f->ini, f->section, name) : NULL;
    *v = (struct inivalue){.toml = t, .native = f->native, .text = e ? e->value : NULL};
    v->line = t ? t->line : e ? e->line : 0;
    return t || e;
}
