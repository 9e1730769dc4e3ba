#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "base/map.h"
#include "base/array.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stdint.h>

enum edge_kind {
    EDGE_IMPORT,
    EDGE_CONFTEST,
    EDGE_PLUGIN,
    EDGE_DATA,
    EDGE_CONFIG,
    EDGE_DIST,
    EDGE_LEARNED,
    EDGE_KINDS
};

/* File A needs file B, because of a line in A (0 when no line says so). */
struct edge {
    uint32_t to, line;
    uint16_t kind; /* enum edge_kind */
    bool late; /* only a run can tell whether B is needed, and a traced run does: an import in a function */
};

/*
 * What depends on what. Nodes are numbered: first the files of the scan, by their index there, then
 * everything else that is needed (data and configuration files, folders). A unit is a strongly connected
 * component; units are numbered so that a unit comes after all that it depends on.
 */
struct graph {
    struct arena *arena;
    struct intern paths; /* node -> path relative to rootdir; a folder's ends in '/' */
    struct edge_list {
        struct edge *items;
        uint32_t len, cap;
    } * edges;      /* by node; once graph_finish() is done sorted by (to, kind), each pair once */
    uint32_t nodes; /* how many there are */
    uint32_t edges_cap;

    uint32_t units;
    uint32_t *unit_of;              /* node -> unit */
    uint32_t *unit_first, *unit_at; /* unit -> where its nodes start in unit_nodes; one more at the end */
    uint32_t *unit_nodes;           /* the nodes of all units, sorted inside each by path */
    uint32_t *unit_edges,
        *unit_edges_first; /* unit -> the units it needs directly, each once, sorted, without itself */
};

const char *edge_kind_name(enum edge_kind kind);

void graph_new(struct graph *g, struct arena *a);
/* The node of a path, made where it is new. */
uint32_t graph_node(struct graph *g, const char *path);
uint32_t graph_find(const struct graph *g, const char *path); /* MAP_NONE when there is none */
const char *graph_path(const struct graph *g, uint32_t node);
void graph_edge(struct graph *g, uint32_t from, uint32_t to, enum edge_kind kind, uint32_t line);
void graph_late_edge(struct graph *g, uint32_t from, uint32_t to, enum edge_kind kind, uint32_t line);
/* The same graph without the late edges, with the same nodes, finished. */
void graph_without_late(const struct graph *g, struct graph *out);
/* Sorts and thins the edges and finds the units; no edge is added after it. */
void graph_finish(struct graph *g);

/* Marks in `seen` (one byte a unit, zeroed by the caller) all units that the unit needs, itself included;
   `reverse` must be NULL, or what graph_reverse() returned, for all that need it. */
struct unit_edges {
    const uint32_t *first, *to;
};
void graph_reach(const struct graph *g, const struct unit_edges *edges, uint32_t unit, unsigned char *seen);
struct unit_edges graph_forward(const struct graph *g);
struct unit_edges graph_reverse(const struct graph *g, struct arena *a);

/*
 * For each of the n nodes, the sum of `weights` (by unit) over all units it reaches: a digest of its closure.
 * Takes 64 nodes at a time through the units in order, so that the cost is n / 64 passes over the edges.
 */
void graph_sum(const struct graph *g, const uint32_t *nodes, uint32_t n, const struct digest *weights,
               struct digest *sums);
/* For each unit the largest of `values` (by unit) over all units it reaches. In place. */
void graph_max(const struct graph *g, int64_t *values);

#endif
