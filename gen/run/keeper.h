#ifndef RUN_KEEPER_H
#define RUN_KEEPER_H

#include <sys/types.h>

/*
 * A process between us and what we start. Whatever that leaves behind, in whatever session, becomes the
 * keeper's child when its own parents are gone, and is ended with it; when we are ended, so is all of it.
 */

/*
 * In a forked process: starts argv with the environment `env`, its output going to `out`, and tells its pid
 * and its end on `line` as the fork server does (run/child.h). Ends all when the other side hangs up. Never
 * returns.
 */
void keeper_serve(const char *const *argv, const char *const *env, int out, int line);
/* Whether what loses its parent below us becomes our child. */
void keeper_adopt(int on);
/* Ends and reaps all children of this process but one, and theirs, and theirs. */
void keeper_end_children(pid_t but);
/* `testfan exec keep PYTHON testfan_server.py LISTENER NAME IDLE …`: starts a fork server and waits for its
 * end. */
int keeper_main(int argc, char **argv);

#endif
