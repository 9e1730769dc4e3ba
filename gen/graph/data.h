#ifndef GRAPH_DATA_H
#define GRAPH_DATA_H

#include <stdbool.h>
#include <stdint.h>

struct graph;

/*
 * Adds data edges from a node to everything that a pattern matches: files, and for a folder the folder's list
 * of names and every file below it. The pattern is relative to `dir`, which is relative to rootdir; `*` and
 * `?` do not cross a '/', a part `**` stands for any number of folders. __pycache__ and .testfan are no data.
 * False when nothing matches.
 */
bool data_edges(struct graph *g, uint32_t from, const char *rootdir, const char *dir, const char *pattern,
                uint32_t line);

/* Whether the folder of `path` has an entry named like it with any suffix (`a/b` is answered by a/b.so or
 * a/b.pyx), other than a link that leads nowhere. */
bool data_exists_like(const char *path);

#endif
