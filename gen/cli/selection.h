#ifndef CLI_SELECTION_H
#define CLI_SELECTION_H

#include "filter/reasons.h"
#include "source/config.h"

struct filter;
struct invocation;
struct plan;
struct project;

/* What the command line asks for: paths, -k, -m and pytest's arguments after `--`, as a filter for the plan.
 * False: reported. */
bool selection_read(struct invocation *in, const struct project *p, struct filter *filter);

/* Whether the command line asks for a part of the tests by more than paths. */
bool selection_is_asked(const struct invocation *in);
/* Whether the edges of the graph are needed for it, or for what is to be reported of them. */
bool selection_needs_edges(const struct invocation *in);

/* Takes out of the plan what -k, -m, --since, --failed and --new leave out; with `reasons` (else NULL) says
 * for each that stays why. False when an expression or a node id is wrong; reported as pytest does. */
bool selection_apply(struct invocation *in, struct project *p, const struct filter *filter, struct plan *plan,
                     struct reasons *reasons);

#endif
