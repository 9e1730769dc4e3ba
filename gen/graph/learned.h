#ifndef GRAPH_LEARNED_H
#define GRAPH_LEARNED_H

#include "base/array.h"

#include <stdbool.h>
#include <stdint.h>

struct dists;
struct graph;
struct scan;

/*
 * testfan.learned.json, at rootdir and checked in: what runs were seen to need and the static view does not
 * have. For each target up to five sorted lists: `reads` (files), `lists` (folders, by the names in them),
 * `absent` (paths that were looked for in vain; the coming of a file counts), `dists` (import names) and
 * `imports` (modules that are imported before the file is, since it leans on them).
 */
#define LEARNED_FILE "testfan.learned.json"

enum learned_list {
    LEARNED_ABSENT,
    LEARNED_DISTS,
    LEARNED_IMPORTS,
    LEARNED_LISTS,
    LEARNED_READS,
    LEARNED_LISTS_N
};

struct learned_target {
    const char *file;
    uint32_t line; /* in the file */
    struct strs lists[LEARNED_LISTS_N];
};

struct learned {
    struct learned_target *targets; /* sorted by file */
    uint32_t len, cap;
};

/* False when the file is there and cannot be read; reported. */
bool learned_read(struct arena *a, const char *rootdir, struct learned *l);
/* Whether a list of a target has the entry; `l` may be NULL. */
bool learned_has(const struct learned *l, const char *file, enum learned_list list, const char *entry);
/* What it says of a file, or NULL. */
struct learned_target *learned_find(const struct learned *l, const char *file);
/* Writes it, sorted and stable; without targets the file is removed. */
bool learned_write(struct learned *l, const char *rootdir);
/* Adds the edges, but for those of imports, which need resolving. What names nothing any more is reported as
 * stale-learned. */
void learned_edges(const struct learned *l, struct graph *g, struct dists *d, const struct scan *scan,
                   const char *rootdir);

#endif
