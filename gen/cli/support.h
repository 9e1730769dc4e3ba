#ifndef CLI_SUPPORT_H
#define CLI_SUPPORT_H

#include "base/str.h"

#include <stdbool.h>

struct invocation;
struct project;

/* Writes what lies in .testfan for every engine's targets: its own .gitignore, the stamp, the rules, lists of
 * what is installed and of folders, closures, and machine.ninja with the `watched` paths. False: reported. */
bool support_write(struct project *p, const struct strs *watched);

/* A digest of what runs the tests: a new testfan that runs them in another way runs them again. */
const char *support_rules(struct arena *a);

/* Where nothing has run yet, here or elsewhere, all will, and the fork server starts beside us: in a process
 * of its own, which needs no more than the configuration and the interpreter. */
void support_start_server(struct project *p, const struct invocation *in);
/* The same while the interpreter at `command` is still to be asked; the server waits for support_start_server
 * to tell it the rest, or ends with us. */
void support_start_early(struct project *p, const struct invocation *in, const char *command);

#endif
