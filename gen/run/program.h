#ifndef RUN_PROGRAM_H
#define RUN_PROGRAM_H

#include "base/array.h"

#include <stdbool.h>

/* Whether it is a program of the system that tells of the machine and reads nothing of the tree: Python's own
   modules ask it (platform, ctypes.util). */
bool program_asks_host(const char *program);

/* Whether a compiled module may open files without Python: it brings libraries along to one of the `sites`,
   or names a function of the C library that does. */
bool program_opens_files(struct arena *a, const struct strs *sites, const char *path);

#endif
