#ifndef GRAPH_ISOLATION_H
#define GRAPH_ISOLATION_H

#include "base/arena.h"

struct config;
struct facts;
struct plan;
struct target;

/* With whom a target shares its process, by a comment in its file (`f`, or NULL) or by the configuration. */
void isolation_find(struct arena *a, const struct config *c, const struct facts *f, struct target *t);

/* What one target of a group needs, all of it need: the group runs as one. */
void isolation_join(struct plan *plan);

/* The first target of the plan that is of the same group; the target itself when it is of none. */
const struct target *isolation_leader(const struct plan *plan, const struct target *t);

#endif
