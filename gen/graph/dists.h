#ifndef GRAPH_DISTS_H
#define GRAPH_DISTS_H

#include "base/map.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct config;
struct dist;
struct graph;
struct python;

/*
 * What is imported from outside the tree. Each name that neither the tree nor the standard library answers is
 * a node of the graph, DIST_FOLDER and the name: a file that lists the distributions behind it, at their
 * versions and with the digest of their RECORD, and all that they require; or, where no RECORD tells, the
 * state of the module's files; or that nothing answers. It is written anew only when that changes, so that an
 * upgrade reaches what reaches it and nothing else, while build.ninja does not know what is installed.
 */
#define DIST_FOLDER ".testfan/dists/"

struct dists {
    struct arena *arena;
    const struct python *python;
    const char *rootdir;
    struct strs sites;    /* sys.path outside the tree and the standard library, pythonpath and sources */
    struct map by_name;   /* distribution -> its index in python->dists */
    struct map providers; /* import name -> index into `lists` */
    ARRAY(struct strs) lists;
    struct map loose; /* name that no RECORD has -> index into loose_places; out of range: none */
    struct strs loose_places;
};

void dists_index(struct dists *d, struct arena *a, const struct python *py, const struct config *c);
/* Edges from a node to what answers `module` (or `module.name`) outside the tree; with `absent` also when
   nothing does now. False for the standard library and when nothing does. */
bool dists_import(struct dists *d, struct graph *g, uint32_t from, const char *module, const char *name,
                  bool absent, uint32_t line);
/* Whether an import of a top-level name would find something outside the tree. */
bool dists_has(const struct dists *d, const char *name);
/* Whether it is the project itself, installed from the tree. */
bool dists_is_own(const struct dists *d, const struct dist *dist);
/* The index of the distribution in python->dists, or MAP_NONE. */
uint32_t dists_find(const struct dists *d, const char *name);
/* What every target runs with, as text for the stamp: pytest, the distributions with pytest plugins, and all
   that they require. */
char *dists_stamp(const struct dists *d);
/* What the file of an import name's node says, in d's arena. */
char *dists_text(const struct dists *d, const char *import);
/* The distributions that an import name comes from directly, or with NULL pytest and those with pytest
   plugins. */
struct strs dists_direct(const struct dists *d, const char *import);
/* Adds to `names` the distributions behind an import name, or with NULL those that every target runs with. */
void dists_names(const struct dists *d, const char *import, struct map *names);
/* Adds the files and folders outside the tree whose state counts: no RECORD tells of them. */
void dists_watched(const struct dists *d, const struct graph *g, struct strs *paths);
/* Writes what `testfan exec` needs to tell which distribution a file belongs to. False: reported. */
bool dists_write_sites(const struct dists *d);
/* Writes the files of the nodes. False: reported. */
bool dists_write(struct dists *d, const struct graph *g);

#endif
