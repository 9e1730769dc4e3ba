#ifndef FILTER_NAMES_H
#define FILTER_NAMES_H

#include "base/map.h"
#include "filter/foreign.h"

#include <stdbool.h>
#include <stdint.h>

struct facts;
struct fact_import;
struct modules;

/* What the names of module files stand for, across files. */
struct names {
    struct arena *arena;
    const struct modules *modules;
    const struct facts *const *facts;
    struct map known; /* file and name -> index into `found` */
    struct {
        struct named *items;
        uint32_t len, cap;
    } found;
    struct foreign foreign;
    const char *rootdir;
    struct map text_of; /* file -> index into `texts` */
    struct strs texts;  /* of files that something may take its name from, in lower case */
    struct map imports; /* base folder and dotted name -> index into `found`, for absolute imports */
    unsigned depth;
};

enum name_kind {
    NAME_UNKNOWN, /* cannot be told: bound twice, by a star from outside, or in a way that nobody reads */
    NAME_MODULE,  /* a module of the tree: `file`, or NO_FILE for a namespace */
    NAME_DEF,     /* a function or class: `index` into the file's defs */
    NAME_BINDING, /* an assignment: `index` into the file's bindings */
    NAME_FOREIGN, /* outside the tree: `path` is its dotted name; of a builtin "builtins.x" */
};

struct named {
    enum name_kind kind;
    uint32_t file, index;
    const char *path; /* NAME_FOREIGN; of NAME_MODULE its folder where it is a package, else NULL */
    const char *rest; /* of what was asked, the attributes that were not followed: "" or "copy" */
};

/* `sites`: where installed modules lie. */
void names_new(struct names *n, struct arena *a, const struct modules *m, const struct facts *const *facts,
               const struct strs *sites, const char *rootdir);
/* The number among n->texts of the text of a file. */
uint32_t names_text(struct names *n, const char *path);
void names_free(struct names *n);
/* What a dotted name stands for at module level of a file. */
struct named names_find(struct names *n, uint32_t file, const char *dotted);
/* The module of the tree that an import statement of a file takes from (NAME_MODULE), or NAME_FOREIGN. */
struct named names_module(struct names *n, uint32_t file, const struct fact_import *import);

#endif
