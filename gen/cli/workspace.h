#ifndef CLI_WORKSPACE_H
#define CLI_WORKSPACE_H

#include "base/str.h"

#include <stdbool.h>

struct packages;
struct plan;
struct project;

/* Writes the BUILD files and the machine's own file, or with `check` prints what would change to standard
   output and says so in *stale. False: reported. */
bool workspace_write(struct project *p, const struct plan *plan, bool check, bool *stale);

/* The packages of the tree, for labels. */
void workspace_packages(struct project *p, const struct plan *plan, struct packages *packages);

/* Prints the difference of two texts as `diff -u` without context; NULL: the file is not there. */
void print_diff(const char *path, const char *old, const char *now);

#endif
