#ifndef EMIT_PACKAGES_H
#define EMIT_PACKAGES_H

#include "base/map.h"
#include "emit/build_file.h"

/* The BUILD files in which nothing stands but what testfan makes, by path and digest: they need no parsing.
 */
#define PLAIN_FILES ".testfan/cache/bazel"

struct graph;
struct plan;
struct scan;

/* Where testfan's own rules live; nothing there is a target. */
#define RULES_FOLDER "tools/testfan"
#define RULES_FILE "//" RULES_FOLDER ":pytest.bzl"

/* A Bazel package: a folder that holds Python, or has a BUILD file already. */
struct package {
    const char *dir; /* relative to rootdir, "" for it */
    bool python;     /* testfan makes rules in it */
    struct build_file file;
    struct build_wanted wanted;
    struct map taken; /* names of rules */
    bool named;       /* a rule in it has another name than testfan gives by itself */
};

/* A rule: where it is and what it is called. */
struct place {
    struct package *package; /* NULL: there is none */
    const char *name;
};

/* The packages of a tree, and how its files and units are called there. */
struct packages {
    struct arena *arena;
    const char *rootdir;
    const struct graph *graph;
    const struct plan *plan;
    const struct scan *scan;
    const char *files_kind, *test_kind; /* py_files and pytest_test, or what replaces them */
    struct strs kinds;                  /* all that testfan makes */
    ARRAY(struct package *) all;        /* sorted by dir */
    struct map by_dir;
    struct place *library; /* by unit: what others depend on */
    struct place *test;    /* by node: the test target */
    struct place *owner;   /* by node: the hand-written rule that holds the file */
    unsigned char *source; /* by node: a Python file of the tree, in the way that Bazel can name it */
};

/* Reads every BUILD file and names everything. */
void packages_make(struct packages *p, struct arena *a, const char *rootdir, const struct scan *scan,
                   const struct plan *plan, const struct graph *g, const struct strs *map_kind);
void packages_free(struct packages *p);

/* The package that a path lies in, and the rest of the path. */
struct package *packages_of(const struct packages *p, const char *path, const char **rest);
/* The label of a file, as written in package `from`; exports it where it lies in another one. `user` is the
   file that needs it. */
const char *packages_file(struct packages *p, const struct package *from, const char *path, const char *user);
/* Whether a path is Bazel's own, and so never an input: it is made from the inputs. */
bool packages_own(const char *path);
/* A name that no rule of the package has: `name`, or it with something behind. Takes it. */
const char *packages_name(struct packages *p, struct package *package, const char *name, const char *file);

#endif
