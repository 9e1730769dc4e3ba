#ifndef EMIT_NINJA_H
#define EMIT_NINJA_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct graph;
struct plan;

/* What belongs to this machine and stands in .testfan/machine.ninja, which build.ninja includes. */
struct machine {
    const char *testfan, *python, *rootdir; /* absolute */
};

/* The text that ninja reads as the path s: `$`, space, ':' and '|' escaped. s holds no line break. */
void escape_ninja(struct buf *b, const char *s);

/* Appends build.ninja for the plan: a phony edge per unit that a target reaches, a run edge per target, merge
   and verdict; for a plan of the whole tree also the edge that makes build.ninja again. */
/* `order`: the indexes of the plan's targets, those that shall start first at the front; NULL: as they are.
 */
void emit_ninja(struct buf *b, const struct plan *plan, const struct graph *g, const uint32_t *order);
/* machine.ninja. `watched` is every folder and file whose change can change build.ninja, absolute: those
   whose names no depfile can hold are listed here, the others are for the depfile. */
void emit_ninja_machine(struct buf *b, const struct machine *m, const struct strs *watched);
/* A depfile: what `output` needs, but for the names that no depfile can hold. Nothing where that is true of
   the output's own. */
void emit_depfile(struct buf *b, const char *output, const struct strs *inputs);

/* Whether a build.ninja was written by testfan, by its first line. */
bool emit_ninja_is_ours(const char *text);

#endif
