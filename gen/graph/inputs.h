#ifndef GRAPH_INPUTS_H
#define GRAPH_INPUTS_H

#include "base/array.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What a run of a target was seen to need: RESULT.trace has all of it, RESULT.extra only what the graph did
 * not have when it ran, and is there only when there is any. One line each: the kind, a digest, and the path
 * relative to rootdir; sorted, each once.
 */
enum input_kind {
    INPUT_READ,    /* r: a file, by its content */
    INPUT_STAT,    /* s: a file that was looked at, by its content */
    INPUT_LIST,    /* l: a folder, by the names in it */
    INPUT_ABSENT,  /* a: a path that was looked for in vain */
    INPUT_VAIN,    /* v: where a module was looked for in vain */
    INPUT_DIST,    /* d: a distribution, by its digest */
    INPUT_WRITTEN, /* w: what the run wrote of its closure, or in a folder that it listed; no input */
    INPUT_NAME,    /* m: a module that was imported, or looked for, by its whole name; no input */
    INPUT_STARTED, /* x: a program that was started and could not be watched; no input */
    /* What counts only for the cache of results. */
    INPUT_HOST,   /* h: the machine, which a program was asked about */
    INPUT_FOLDER, /* f: a folder that was looked at and is there */
    INPUT_MADE,   /* n: what the run made where nothing was, and removed again */
    INPUT_KINDS
};

struct input {
    enum input_kind kind;
    bool extra; /* not in the graph's closure */
    const char *path;
    const char *digest; /* of what it stands for; "-" where that is not sure, or there is none */
};

struct inputs {
    struct input *items;
    uint32_t len, cap;
    const char *doubt; /* why these may not be all, or why the run left more than a result; NULL: no reason */
};

/* "read", "stat", … */
const char *input_kind_name(enum input_kind kind);
/* Takes one line apart, which is changed and must last; false when it is none of ours. */
bool inputs_line(char *line, struct input *in);
void inputs_put(struct buf *b, const struct input *in);
/* What a file made by inputs_write says; nothing when it is not there. */
void inputs_read(struct arena *a, const char *path, struct inputs *in);
/* By kind and path. */
void inputs_sort(struct inputs *in);
/* Writes all of them, which are sorted, or only the extra ones; removes the file when there are none of
   these. `spare` as for out_reuse. */
bool inputs_write(const struct inputs *in, const char *path, const char *spare, bool extra);

/* Whether a name in a listed folder says nothing: made by Python, pytest or testfan. */
bool inputs_ignores(const char *name);
/* Where gen keeps what stands in a folder that is an input, for ninja: LIST_FOLDER PATH/ LIST_NAME. A
 * folder's own time stamp would tell of every __pycache__. */
#define LIST_FOLDER ".testfan/lists/"
#define LIST_NAME ".names"
/* The digest of a folder's names but for those ignored and the paths in `written` (may be NULL). `dir` is
 * relative to rootdir. */
struct digest inputs_list(const char *rootdir, const char *dir, const struct map *written);

#endif
