#ifndef RUN_TURN_H
#define RUN_TURN_H

#include <stdbool.h>

/*
 * Who may run when some targets run alone. Waits until it is this process's turn: for one that runs `alone`
 * until no other target of the tree runs, else until none runs that is alone. The turn lasts until the
 * process ends. In rootdir; false when the lock cannot be made, which has been reported.
 */
bool turn_take(bool alone);

#endif
