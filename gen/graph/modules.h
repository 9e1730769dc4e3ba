#ifndef GRAPH_MODULES_H
#define GRAPH_MODULES_H

#include "base/map.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct config;
struct python;
struct scan;

enum { NO_FILE = UINT32_MAX };

/* --import-mode: where pytest puts a test's base folder on sys.path. */
enum import_mode { IMPORT_PREPEND, IMPORT_APPEND, IMPORT_IMPORTLIB };

/*
 * Where modules are found: the files of the scan by path, and the source roots. Folders are relative to
 * rootdir, the rootdir itself is "". Files are known by their index in the scan.
 */
struct modules {
    struct arena *arena;
    const struct scan *scan;
    struct map files; /* path -> file */
    struct map dirs;  /* every folder that holds a .py file at some depth */
    enum import_mode mode;
    bool namespaces;    /* consider_namespace_packages */
    struct strs roots;  /* on sys.path in every target, in sys.path's order */
    struct map sure;    /* those of the roots and bases that are there for certain */
    struct strs bases;  /* folders that pytest inserts for some test file or conftest, sorted */
    struct map base_of; /* the same, to ask for one */
    struct map tops;    /* top-level names that some root or base answers */
    struct strs top_names;
    struct map named;           /* module or package name -> index into holders */
    ARRAY(struct strs) holders; /* the folders that hold it */
    struct map folders;         /* every folder that was listed */
    struct map test_dirs;       /* folders that hold a test or a conftest.py */
    struct map entries;         /* the name of every file and folder of the tree, without its folder */
    struct map basenames;       /* file name -> index into namesakes, for what is no Python */
    ARRAY(struct strs) namesakes;
    struct map
        extensions;     /* DIR/NAME -> the first such index into the scan's others, for extension modules */
    struct map aliases; /* top-level names that an editable finder maps -> index into alias_places */
    struct strs alias_places; /* a package's folder or a module's file */
};

/* Stands among the roots for the names that editable finders map. */
#define ALIAS_ROOT "//"

/* What a name is in a folder, by CPython's order: a regular package, then a module file, then a namespace. */
enum module_kind { MODULE_NONE, MODULE_PACKAGE, MODULE_FILE, MODULE_NAMESPACE };

/* `initial` are the paths of the conftests that every target loads. */
void modules_index(struct modules *m, struct arena *a, const struct scan *scan, const struct config *c,
                   const struct python *py, const struct strs *initial);
/* What pytest's modes prepend and append put on sys.path for a file: the first folder above it (from its own
 * on) that is no package; with consider_namespace_packages a root above that, where there is one. */
const char *modules_base(const struct modules *m, const char *path);
bool modules_is_package(const struct modules *m, const char *dir);
/* Whether a regular package, a module file or an extension module answers for the path, which has no suffix.
 */
bool modules_answers(const struct modules *m, const char *path);
/* Whether pytest loads a conftest.py in that folder, by --noconftest and --confcutdir. */
bool modules_loads_conftest(const struct config *c, const char *dir);
/* Whether a root is on sys.path for certain, and no guess. */
bool modules_is_sure(const struct modules *m, const char *root);
uint32_t modules_file(const struct modules *m, const char *path);
/* The folders, not only roots, that hold a package or module file of that name: those nearest to `path` (in
   the deepest folder above it that has any below it), at most 8. */
struct strs modules_holding(struct modules *m, struct arena *a, const char *name, size_t n, const char *path);
/* The extension modules (.so, and .pyc without a source) of that name in a folder, one for each interpreter:
   the first and the next, by their index in the scan's others, or NO_FILE. */
uint32_t modules_extension(const struct modules *m, const char *dir, const char *name, size_t n);
uint32_t modules_next_extension(const struct modules *m, uint32_t i);
/* Looks `name` up in `dir`. *file is the package's __init__.py or the module, *sub the folder below it (the
   caller's buffer, PATH_MAX bytes); either is set only where the kind has it. */
enum module_kind modules_lookup(const struct modules *m, const char *dir, const char *name, size_t n,
                                uint32_t *file, char *sub);
#endif
