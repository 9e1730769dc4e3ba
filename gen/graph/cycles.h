#ifndef GRAPH_CYCLES_H
#define GRAPH_CYCLES_H

struct graph;

/*
 * Reports, of each unit for which `seen` (by unit) is set, the shortest circle of imports in it, where such
 * reports are heard. That a module needs the packages that it lies in makes no circle: they run before it
 * anyway.
 */
void cycles_report(const struct graph *g, const unsigned char *seen);

#endif
