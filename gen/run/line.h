#ifndef RUN_LINE_H
#define RUN_LINE_H

#include "run/child.h"

struct arena;

/* Connections to a fork server (run/server.h), by the path of its socket relative to the current folder. */

/* The connection, which the caller closes, or -1 (errno) when nobody of this user listens there. */
int line_reach(const char *name);
/* A socket that listens there, in the place of one on which nobody does any more; -1 when none can be made.
 */
int line_listen(struct arena *a, const char *name);
/* Sends a request: the length of its text, and with it the descriptor of the child's output; then the text.
   Where that fails the server has said why, or nothing. */
void line_send(int line, int out, const char *text);
/* Sends a request and sees to the end of the child that answers it, as child_served does; closes the line. */
enum served line_ask(int line, const char *text, double start, double timeout, struct child *c);

#endif
