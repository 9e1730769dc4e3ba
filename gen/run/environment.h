#ifndef RUN_ENVIRONMENT_H
#define RUN_ENVIRONMENT_H

#include "base/str.h"

/* The environment for a pytest of one target, ended by a NULL: as ours, but for what would make it differ
 * from a plain run. */
struct strs run_environment(struct arena *a);

#endif
