#ifndef BASE_OS_H
#define BASE_OS_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What tells one state of a file from another, without reading it. */
struct os_stat {
    uint64_t size, ino, dev;
    int64_t mtime_ns, ctime_ns; /* since 1970 */
    uint32_t mode;
};

/* False when there is no such file (errno says why). Follows symbolic links. */
bool os_stat(const char *path, struct os_stat *st);
/* The same for a name in the open folder `dirfd`. */
bool os_stat_at(int dirfd, const char *name, struct os_stat *st);
struct stat;
struct os_stat os_stat_of(const struct stat *st);
bool os_is_file(const char *path);
bool os_is_dir(const char *path);

/* The whole file, with a NUL after it that *len does not count; NULL when it cannot be read (errno says why)
   or is no plain file: a FIFO would keep us waiting. The caller frees it, or the arena does where one is
   given. */
char *os_read(struct arena *a, const char *path, size_t *len);

/* Makes the folder and those above it; false (errno) when that fails. */
bool os_mkdirs(const char *path);
/* Removes a file or a whole folder, without following links; what is not there is no error. */
bool os_remove_tree(const char *path);

/* dir + "/" + name; name itself when it is absolute or dir is "" or ".". */
char *os_join(struct arena *a, const char *dir, const char *name);
/* The part before the last '/', "" where there is none; never ends in '/' but for the root. */
char *os_dirname(struct arena *a, const char *path);
const char *os_basename(const char *path);
/* Whether `path` is `dir` or lies below it, by words alone. */
bool os_lies_in(const char *path, const char *dir);
/* Takes out `.`, `..` and double '/' by words alone, without looking at the disk. "" stays ".". */
char *os_normalize(struct arena *a, const char *path);
/* An absolute path without `.` and `..`; links are followed only where a `..` makes them count. */
const char *os_resolve(struct arena *a, const char *path);
/* realpath(3) into the arena; NULL when it fails. */
char *os_realpath(struct arena *a, const char *path);
char *os_getcwd(struct arena *a);
/* The absolute path of the program on PATH (or the path itself when it has a '/'), or NULL. */
char *os_which(struct arena *a, const char *program);
/* The path of the running program. */
char *os_self(struct arena *a);

/* When our parent ends, however it does, we get SIGTERM. */
void os_end_with_parent(void);

/* Whether we were started under nohup: a terminal that is closed is nothing to us. */
bool os_outlives_terminal(void);

/* Nanoseconds of the monotonic clock. */
int64_t os_now(void);
/* What a file that is written now would be dated at the earliest, in nanoseconds since 1970: the clock of
   files lags behind by a step of the kernel's. */
int64_t os_file_time(void);

/* Runs argv and gathers its standard output; returns its exit status, 128 + signal, or -1 when it could not
   be started. Standard error goes where ours goes unless `quiet`. */
int os_run(const char *const *argv, struct buf *out, bool quiet);
/* The same in two steps: -1 when it could not be started, else a process whose output comes out of *out. */
pid_t os_start(const char *const *argv, bool quiet, int *out);
int os_finish(pid_t pid, int in, struct buf *out);

#endif
