#ifndef BASE_OUT_H
#define BASE_OUT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * The only way a file is written: to a temporary file, then renamed, and only when its bytes would change.
 * What stood there stays whole when the disk is full or the program is killed.
 */

/* Where temporary files are made: a folder outside every scanned folder. What goes to another file system has
 * its temporary file beside it, and so has everything while no folder is set. */
void out_set_tmp(const char *dir);
/* Makes the folder of `path` where it is missing. *changed (may be NULL) tells whether anything was written.
   False when it failed, which has been reported. */
bool out_write(const char *path, const void *bytes, size_t n, bool *changed);
/* The same for what can be done without: always written, and nothing reported (errno). */
bool out_try(const char *path, const void *bytes, size_t n);
/* The same by a temporary file that has served its purpose (NULL: there is none): it is filled anew and
   renamed, for files cost more to make than to write. */
bool out_reuse(const char *tmp, const char *path, const void *bytes, size_t n);
/* The same for what is too long to be held in memory: write to `file`, then close. The path is replaced even
   by the same bytes. */
struct out_stream {
    FILE *file;
    const char *path; /* the caller's; must last until the end */
    char tmp[PATH_MAX];
    int error; /* an errno that out_close shall report; 0: none yet */
};

/* False when it failed, which has been reported. */
bool out_open(struct out_stream *out, const char *path);
/* Puts the file in place; false when any write failed, which has been reported: then nothing has changed. */
bool out_close(struct out_stream *out);
/* A file without a name for what must be gathered before it can be written to `path`: write, rewind, read,
   and fclose `file`. False when it failed, which has been reported. */
bool out_spool(struct out_stream *out, const char *path);
bool out_rewind(struct out_stream *spool);
/* Appends the next n bytes of a rewound spool; that it cannot be read is told by out_close. */
void out_append(struct out_stream *out, struct out_stream *spool, size_t n);

/* The same, but the file is made anew even when it has these bytes: a stamp, whose time stamp counts. */
bool out_stamp(const char *path, const char *text);
/* Writes what ninja shall not see as a change: the file is as old as the one that it replaces. */
bool out_replace(const char *path, const void *bytes, size_t n);
/* A name in the temporary folder that no other process uses; the caller makes and renames or removes the
 * file. */
void out_tmp_name(char *out, size_t size, const char *stem);
/* Removes from the temporary folder what processes have left there that are no more. */
void out_clear_tmp(void);

#endif
