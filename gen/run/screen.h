#ifndef RUN_SCREEN_H
#define RUN_SCREEN_H

#include "run/capture.h"
#include "run/progress.h"

struct note;

/* How a run is shown on standard error. */
struct screen_options {
    bool live;    /* one line that is rewritten, at the end of what else is shown; else a line per target */
    bool verbose; /* what the targets print */
    bool color;
    long others; /* edges of ninja's that are no targets */
    const struct schedule *schedule;
    void (*failed)(void *ctx,
                   const char *file); /* shows what failed of a file; NULL: only its name is shown */
    void *ctx;
};

/* What a target prints under -v. Of those that run at the same time one has the screen, and what it prints is
 * shown as it comes; the others wait until it has ended. */
struct stream {
    long pid;
    const char *name;
    struct capture held;
    bool begun; /* its name has been shown, and whatever came since */
    bool ended;
};

struct screen {
    const struct screen_options *options;
    struct progress progress;
    ARRAY(struct stream) streams; /* the first one has the screen */
    struct buf line;              /* the live line that stands on the terminal, or empty */
    bool verdict_shown;           /* what follows belongs to the failed verdict */
    bool stale;                   /* the live line is not what it should be */
    int64_t drawn;                /* when it was */
    int64_t spoke;                /* when something came to be shown */
    double silence, shortest;     /* seconds after that until it is said what still runs; at first */
    bool warned;                  /* it has been, with what can be done */
};

/* Starts with `progress` empty; the arena must outlast the screen. */
void screen_open(struct screen *s, struct arena *a, const struct screen_options *options);
/* Takes a line that ninja printed: the end of an edge where it begins with SCREEN_MARK, then "DONE/TOTAL
 * WHAT". */
#define SCREEN_MARK "\036"
void screen_take_line(struct screen *s, const char *line);
void screen_take_note(struct screen *s, const struct note *note);
/* Rewrites the live line when that is due. Where there is none, and nothing has been shown for a minute
 * (TESTFAN_SILENCE seconds), says what still runs, and then each time after twice as long. */
void screen_draw(struct screen *s);
/* Milliseconds after which that will be. */
int screen_patience(const struct screen *s);
/* Shows what was held back, and takes the live line away. */
void screen_close(struct screen *s);

/* How wide text is to be, as pytest has it: $COLUMNS, or the columns of the terminal `fd`, or 80. */
int screen_columns(int fd);
/* Whether the terminal `fd` is one on which a line can be rewritten. */
bool screen_is_live(int fd);

#endif
