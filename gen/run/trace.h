#ifndef RUN_TRACE_H
#define RUN_TRACE_H

#include "graph/inputs.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What rules/testfan_trace.py noted while a target ran (its raw log), made into inputs: paths relative to
 * rootdir, a .pyc as its source, a link also as what it leads to, a file of a distribution as the
 * distribution; what the run wrote itself is taken out, and so is what lies neither in the tree nor in a
 * distribution.
 */
struct trace {
    const char *raw; /* the raw log, `size` bytes; NULL: there is none */
    size_t size;
    const char *rootdir; /* absolute, real */
    const char *file;    /* the target's */
    int64_t started;     /* nanoseconds since 1970: a database that is younger was written by the run */
};

/* Reads the raw log; each input says whether the graph that gen left has it. First it gives back their times
 * to the files that the run touched without writing them, and dates those of its own inputs that it wrote to
 * before its start: else what reads them would have to run again. */
void trace_inputs(struct arena *a, const struct trace *t, struct inputs *in);
/* A depfile for ninja that says that `output` needs the extra files; none where there are none. */
bool trace_depfile(const struct inputs *in, const char *rootdir, const char *output, const char *path);

#endif
