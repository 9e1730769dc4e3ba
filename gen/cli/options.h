#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* The commands, one bit each, so that an option says to which it belongs. */
enum command_bit {
    CMD_GEN = 1,
    CMD_TEST = 2,
    CMD_SELECT = 4,
    CMD_DEPS = 8,
    CMD_RDEPS = 16,
    CMD_MERGE = 32,
    CMD_WHY = 64,
    CMD_GRAPH = 128,
    CMD_AUDIT = 256,
    CMD_LEARN = 512,
    CMD_INIT = 1024,
    CMD_CACHE = 2048,
    CMD_ALL = 4095,
};

/* What the command line says. Paths are as given: relative to the folder where testfan was started. */
struct invocation {
    struct arena *arena;
    const struct command *command;
    const char *dir;    /* -C */
    const char *python; /* --python, or NULL */
    const char *engine, *format, *color;
    const char *isolation;                  /* --isolation, or NULL */
    const char *keyword, *markexpr, *since; /* -k, -m, --since; or NULL */
    bool failed, fresh, explain;            /* --failed, --new, --explain */
    const char *output, *plan, *stamp, *bep;
    long jobs, load, maxfail, retries; /* -1: not given */
    bool verbose, live, stats, direct, durations, no_workers, no_cache, strict_isolation, whole_files,
        fail_on_flaky, exitfirst, check, help, version;
    struct strs words;         /* what is no option */
    struct strs rest;          /* what stands after `--` */
    struct strs error, ignore; /* --error CODE, --ignore CODE */
};

struct command {
    const char *name;
    enum command_bit bit;
    const char *words;   /* its arguments, for the usage line */
    const char *summary; /* one line for the list of commands */
    const char *text;    /* further paragraphs of its help */
    int (*run)(struct invocation *in);
};

/* Ends with a command that has no name. */
extern const struct command commands[];

/* Reads argv; false when it cannot be followed, which has been reported, with what was probably meant. */
bool options_read(struct arena *a, int argc, char **argv, struct invocation *in);
/* Whether what is written to the descriptor `fd` is to have colours. */
bool options_color(const struct invocation *in, int fd);
/* Prints the help of one command, or with NULL that of the program, to standard output. */
void options_help(const struct command *command);

#endif
