#ifndef EMIT_GRAPHS_H
#define EMIT_GRAPHS_H

#include "base/str.h"

struct graph;
struct plan;

/* Appends s as Graphviz reads it, quoted. */
void escape_dot(struct buf *b, const char *s);

/* The whole graph, sorted and the same on every machine: as JSON ({"targets", "nodes", "edges": [{"from",
 * "to", "kind", "line"}]}; a line of 0 is none), and for Graphviz. What is imported from outside the tree is
 * called dist:NAME. */
void emit_json(struct buf *b, const struct plan *plan, const struct graph *g);
void emit_dot(struct buf *b, const struct plan *plan, const struct graph *g);

#endif
