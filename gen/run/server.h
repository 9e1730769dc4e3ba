#ifndef RUN_SERVER_H
#define RUN_SERVER_H

#include "base/str.h"
#include "run/child.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * The fork server (rules/testfan_server.py): one pytest, started and configured, that forks a child per
 * target. There is one for each interpreter, environment and set of arguments; it listens in SERVER_FOLDER
 * under rootdir, which only its user can enter, and belongs to nobody: who finds none starts it. A keeper
 * (run/keeper.h) is its parent and ends what it leaves behind. Beside it a branch of it may listen, which has
 * imported what many targets share.
 */
#define SERVER_FOLDER ".testfan/server"

struct server {
    struct arena *arena;
    const char *program, *python; /* testfan_server.py, the interpreter */
    const struct strs *args;      /* pytest's, the same for every target */
    const struct strs *env;       /* the children's environment, with a NULL at its end */
};

struct request {
    const char *file, *log, *trace, *xml; /* as for testfan_worker.py; trace may be NULL */
    const struct strs *nodes, *before;    /* node ids, none: all; modules to import before the file */
    const struct strs *preload, *paths;   /* modules to import before forking, and where they lie */
    struct strs args;                     /* pytest's further arguments */
    const char *shard;                    /* "1/3", or "" */
    double limit;                         /* seconds that a test may take; 0: no limit */
    double timeout;                       /* and all of it */
    long maxfail;                         /* 0: none */
    const char *share;                    /* "session", "auto" or "": as rules/testfan_session.py says */
    const char *group;                    /* only with requests of the same group */
    const char *result;                   /* RESULT, absolute: what goes wrong later is told beside it */
};

/* All in rootdir. Starts a server unless one listens, and does not wait for it; false: *why says why not. */
bool server_start(const struct server *s, const char **why);
/* Runs one target in a child of the server. False when it did not run: *why says why. */
bool server_run(const struct server *s, const struct request *r, double timeout, struct child *c,
                const char **why);
/* Has the processes that go on from file to file end, of every server here, and waits for them: the server
 * gives each a minute. */
void server_finish(struct arena *a);
/* A server has ended: takes away the sockets at which nobody listens. */
void server_forget(void);
/*
 * Starts a server before it is known which one it will be: it listens at `path`, comes as far as it can
 * without s->args (NULL), and waits for server_settle at the other end of the pair of sockets `line`, or ends
 * when that is closed.
 */
void server_start_early(const struct server *s, const char *path, int line);
/* Tells it; `line` is our end. False when it is not wanted: such a server listens already, or was refused. */
bool server_settle(const struct server *s, const char *path, int line);

/* Has a server that runs collect the whole suite in a child, to run guests in forks of it
 * (rules/testfan_company.py), unless it has. What it has collected lives as long as the process `run`, but
 * not longer than until this is asked for that process more than `most` times. Waits for neither. */
void server_gather(const struct server *s, pid_t run, int most);
/* Runs guests in what a server has collected, or collects now, and ends that; `request` is JSON. False when
 * they did not run: *why says why. */
bool server_visit(const struct server *s, const char *request, double timeout, struct child *c,
                  const char **why);

#endif
