#ifndef CLI_PROJECT_H
#define CLI_PROJECT_H

#include "graph/dists.h"
#include "graph/graph.h"
#include "graph/learned.h"
#include "graph/modules.h"
#include "graph/plan.h"
#include "source/config.h"
#include "source/git.h"
#include "source/python.h"
#include "source/scan.h"
#include "source/store.h"

struct invocation;
struct schedule;

/* A fork server that starts before it is known for what: the interpreter was not asked yet. */
struct early_server {
    const char *python; /* its interpreter */
    const char *path;   /* its socket for the time being, relative to rootdir; NULL: there is none */
    int line;           /* to tell it */
};

/* A tree as far as the stages have come: configuration, interpreter, files, facts, edges. */
struct project {
    struct arena *arena;
    const char *start; /* the folder where testfan was started (-C), absolute */
    const char *below; /* that folder relative to rootdir, "" when it is the same */
    struct config config;
    struct python python;
    struct early_server early;
    struct scan scan;
    struct git_question git;
    struct git_changes changes; /* since the revision of --since */
    struct store store;
    struct modules modules;
    struct dists dists;
    struct strs collectors; /* what decided which files hooks collect, relative to rootdir */
    struct strs initial;    /* conftests of every target */
    struct learned learned;
    struct graph graph;
    struct graph sure; /* without the late edges, where a run's trace makes up for them; else the same */
};

enum project_flag {
    PROJECT_RUNS = 1,      /* without an interpreter there is no going on */
    PROJECT_UNLEARNED = 2, /* testfan.learned.json is left out of the graph */
    PROJECT_NO_EDGES = 4,  /* the graph has only the files */
    PROJECT_STARTS = 8,    /* the fork server may start while the tree is read (cli/support.h) */
};

/* Runs every stage up to the graph. False: reported. */
bool project_load(struct arena *a, const struct invocation *in, unsigned flags, struct project *p);
void project_free(struct project *p);

/* A path of the command line as one relative to rootdir: normalised, "" for rootdir itself; NULL (reported)
   when it lies outside. What stands after `::` is kept. */
const char *project_path(const struct project *p, const char *word);

/* The node that a word of the command line names: a file, a folder, or the import name of something
   installed. False: reported. */
bool project_node(const struct project *p, const char *word, uint32_t *node);

/* Writes .testfan (its own .gitignore, the worker, the stamp, plan.json, run.json), machine.ninja, the
   depfile, and for a plan of the whole tree build.ninja; else the plan's own build file. False: reported, and
   build.ninja is as before. */
bool project_write(struct project *p, const struct plan *plan);

/* Takes over what was learned of the targets, and splits those of long files where `split`. Only a plan that
 * is to be `written` says what the fork server imports early. */
void project_refine(struct project *p, struct plan *plan, bool split, bool written);

/* In which order the targets shall start, by the times of earlier runs. */
void project_schedule(struct project *p, const struct plan *plan, struct schedule *schedule);
/* The same build file with the targets in that order, where anything is known of their times; returns its
   path, relative to rootdir. NULL: reported. */
const char *project_write_ordered(struct project *p, const struct plan *plan,
                                  const struct schedule *schedule);
/* Prints how build.ninja would change, and says in *stale whether it would. False: reported. */
bool project_check(struct project *p, const struct plan *plan, bool *stale);

/* Prints what --stats asks for to standard error. */
void project_stats(const struct project *p, const struct plan *plan);

#endif
