#ifndef RUN_PROGRESS_H
#define RUN_PROGRESS_H

#include "base/map.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct schedule;

/* A target at work. */
struct running {
    const char *name;
    long pid;        /* of its exec */
    int64_t since;   /* as os_now() has it */
    double expected; /* seconds; -1: unknown */
};

/* How far a run is, and how long the rest may take: no terminal, no clock. */
struct progress {
    struct arena *arena;
    const struct schedule *schedule;
    struct map places; /* name -> index in the schedule */
    bool *started;     /* by that index */
    uint32_t behind;   /* of the last one that started: what stands before it and has not started, will not */
    uint32_t n_started; /* how many have, of a group only the first */
    ARRAY(struct running) running;
    long done, total, failed; /* targets; total is 0 until it is known */
    long most;                /* that ran at the same time, so far */
    double took, promised;    /* seconds that those which have ended took, and were expected to take */
    double usual;             /* of one that was never seen, seconds; -1: nothing was ever seen */
};

void progress_new(struct progress *p, struct arena *a, const struct schedule *schedule);
/* What the same process ran before has ended: they are files of one group, and one edge for ninja. */
void progress_start(struct progress *p, const char *name, long pid, int64_t now);
/* Takes out of the running ones the i-th. */
void progress_end(struct progress *p, uint32_t i, int64_t now);

/* Seconds until all is done, if everything takes as long as it did; -1: that cannot be told. */
double progress_left(const struct progress *p, int64_t now);

/* One line of at most `width` columns: how many are done, failed, how long it still takes, what runs. */
void progress_line(const struct progress *p, int64_t now, size_t width, bool color, struct buf *line);

/* What runs, with the time since when where that is long. */
void progress_names(const struct progress *p, int64_t now, struct buf *names);

#endif
