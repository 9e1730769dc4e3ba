#ifndef RUN_NOTES_H
#define RUN_NOTES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What a target's exec tells `testfan test` while it runs, since ninja tells of a target only when it has
 * ended: datagrams to a socket in the session's folder. All in rootdir.
 */
#define NOTES_FOLDER ".testfan/tmp/session"

/* In exec. Says that this process runs a target, or the next file of a group, from now on, if `testfan test`
 * listens. */
void notes_begin(const char *name);
/* Passes on what the target printed, if that is wanted. */
void notes_output(const char *bytes, size_t n);
/* Whether what the target printed has been passed on. */
bool notes_have_output(void);

struct note {
    enum { NOTE_BEGIN, NOTE_OUTPUT } kind;
    long pid;
    const char *text; /* the name, or the output: n bytes, with a NUL behind; lasts until the next note */
    size_t n;
};

/* In `testfan test`, in a fresh NOTES_FOLDER. The descriptor where notes arrive, or -1: then nothing is told.
 * `output`: what targets print is wanted, too. */
int notes_listen(bool output);
/* Takes the next note if there is one. */
bool notes_take(int fd, struct note *note);
/* Nobody listens any more. */
void notes_close(int fd);

#endif
