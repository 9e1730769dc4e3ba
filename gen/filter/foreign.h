#ifndef FILTER_FOREIGN_H
#define FILTER_FOREIGN_H

#include "base/map.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct facts;
struct parser;

/* Python sources that are installed, parsed when they are asked for: what a test inherits from them. */
struct foreign {
    struct arena *arena;
    const struct strs *sites; /* sys.path outside the tree and the standard library */
    struct parser *parser;
    struct map modules; /* dotted name -> index into `loaded` */
    struct {
        const struct facts **items; /* NULL: not there */
        uint32_t len, cap;
    } loaded;
};

/* A function or class of an installed module. */
struct foreign_def {
    const struct facts *facts; /* NULL: not found, or not a plain definition */
    uint32_t index;            /* into its defs */
    const char *module;        /* its dotted name */
    bool package;              /* the module is a package's __init__.py */
};

void foreign_new(struct foreign *f, struct arena *a, const struct strs *sites);
void foreign_free(struct foreign *f);
/* What a dotted name stands for, through the imports of the modules on the way. */
struct foreign_def foreign_find(struct foreign *f, const char *dotted);
/* A base class, a dotted name as the class's own module writes it, as a dotted name from anywhere; of a
 * builtin "builtins.x"; NULL where it cannot be told. */
const char *foreign_absolute(struct foreign *f, const struct foreign_def *where, const char *name);

#endif
