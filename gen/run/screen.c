#include "run/screen.h"
#include "base/os.h"
#include "base/text.h"
#include "run/notes.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <unistd.h>

enum { DRAW_MS = 50, TICK_MS = 250, NARROWEST = 10, SILENCE_SECONDS = 60 };

static void heard(struct screen *s) {
    s->spoke = os_now();
    s->silence = s->shortest;
}

static double shortest_silence(void) {
    const char *said = getenv("TESTFAN_SILENCE");
    double seconds = said ? strtod(said, NULL) : 0;
    return seconds > 0 ? seconds : SILENCE_SECONDS;
}

void screen_open(struct screen *s, struct arena *a, const struct screen_options *options) {
    *s = (struct screen){.options = options, .shortest = shortest_silence()};
    heard(s);
    progress_new(&s->progress, a, options->schedule);
}

/* 0: it is no terminal, or does not tell. */
static int columns_of(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int screen_columns(int fd) {
    const char *said = getenv("COLUMNS");
    int columns = said ? atoi(said) : 0;
    if (columns <= 0)
        columns = columns_of(fd);
    return columns >= NARROWEST ? columns : columns > 0 ? NARROWEST : 80;
}

/* A terminal that shows something in its last column may go on in the next line. */
static size_t live_columns(void) {
    int columns = columns_of(2);
    return (size_t)(columns > 1 ? columns : screen_columns(2)) - 1;
}

bool screen_is_live(int fd) {
    const char *term = getenv("TERM");
    return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

static void clear_live(struct screen *s) {
    if (s->line.len)
        fputs("\r\033[K", stderr);
    buf_reset(&s->line);
    s->stale = true;
}

static void tell_running(struct screen *s, int64_t now) {
    struct buf names = {0};
    progress_names(&s->progress, now, &names);
    s->spoke = now;
    s->silence *= 2;
    if (!names.len)
        return;
    fprintf(stderr, "still running: %s\n", names.s);
    buf_free(&names);
    if (!s->warned)
        fputs("  hint: timeout in [tool.testfan] ends a test that hangs; what cannot run beside others is "
              "# testfan: serial\n",
              stderr);
    s->warned = true;
}

void screen_draw(struct screen *s) {
    int64_t now = os_now();
    if (screen_patience(s) > 0)
        return;
    if (!s->options->live) {
        tell_running(s, now);
        return;
    }
    struct buf line = {0};
    buf_str(&line, "");
    progress_line(&s->progress, now, live_columns(), s->options->color, &line);
    if (strcmp(line.s, s->line.s ? s->line.s : "") != 0) {
        fprintf(stderr, "\r%s\033[K", line.s);
        fflush(stderr);
    }
    buf_free(&s->line);
    s->line = line;
    s->stale = false;
    s->drawn = now;
}

int screen_patience(const struct screen *s) {
    int64_t since = s->options->live ? s->drawn : s->spoke, gone = (os_now() - since) / 1000000;
    int64_t least = !s->options->live ? (int64_t)(s->silence * 1000) : s->stale ? DRAW_MS : TICK_MS;
    return gone >= least ? 0 : (int)(least - gone);
}

/* What was held back: whole lines, unless no more will come. */
static void show_held(struct screen *s, struct stream *stream) {
    struct buf text = {0};
    capture_text(&stream->held, &text);
    size_t n = text.len;
    while (!stream->ended && n && text.s[n - 1] != '\n')
        n--;
    if (n) {
        heard(s);
        clear_live(s);
        if (!stream->begun)
            fprintf(stderr, "--- %s\n", stream->name);
        fwrite(text.s, 1, n, stderr);
        if (text.s[n - 1] != '\n')
            fputc('\n', stderr);
        stream->begun = true;
        capture_free(&stream->held);
        capture_add(&stream->held, text.s + n, text.len - n);
    }
    buf_free(&text);
}

/* Those that have ended go, and the first of those that run gets the screen. */
static void hand_over(struct screen *s) {
    if (!s->streams.len || !s->streams.items[0].ended)
        return;
    uint32_t kept = 0;
    ARRAY_FOR (struct stream, stream, &s->streams) {
        if (stream->ended)
            show_held(s, stream);
        else
            s->streams.items[kept++] = *stream;
    }
    s->streams.len = kept;
    if (kept)
        show_held(s, &s->streams.items[0]);
}

static void take_output(struct screen *s, const struct note *note) {
    ARRAY_FOR (struct stream, stream, &s->streams) {
        if (stream->pid != note->pid || stream->ended)
            continue;
        capture_add(&stream->held, note->text, note->n);
        if (stream == s->streams.items)
            show_held(s, stream);
    }
}

void screen_take_note(struct screen *s, const struct note *note) {
    s->stale = true;
    if (note->kind == NOTE_OUTPUT) {
        take_output(s, note);
        return;
    }
    ARRAY_FOR (struct stream, stream, &s->streams)
        stream->ended |= stream->pid == note->pid;
    hand_over(s);
    progress_start(&s->progress, note->text, note->pid, os_now());
    const struct running *r = &s->progress.running.items[s->progress.running.len - 1];
    if (s->options->verbose)
        array_push(s->progress.arena, &s->streams, (struct stream){.pid = r->pid, .name = r->name});
}

/* ninja has waited for an exec before it says that an edge has ended. */
static void end_gone(struct screen *s) {
    for (uint32_t i = 0; i < s->progress.running.len;) {
        long pid = s->progress.running.items[i].pid;
        if (kill((pid_t)pid, 0) == 0 || errno != ESRCH) {
            i++;
            continue;
        }
        progress_end(&s->progress, i, os_now());
        ARRAY_FOR (struct stream, stream, &s->streams)
            stream->ended |= stream->pid == pid;
    }
    hand_over(s);
}

/* `33/40 tests/test_x.py`: how many edges are done of how many, and which was done last. */
static void take_status(struct screen *s, const char *line) {
    static const char *const ours[] = {"gen", "merge", "verdict"};
    struct progress *p = &s->progress;
    const char *slash = strchr(line, '/'), *what = strchr(line, ' ');
    s->verdict_shown = false;
    end_gone(s);
    if (!slash || !what)
        return;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(what + 1, ours[i]) == 0)
            return;
    p->done = strtol(line, NULL, 10);
    p->total = strtol(slash + 1, NULL, 10) - s->options->others;
    if (p->total < p->done)
        p->total = p->done;
    s->stale = true;
    if (!s->options->live)
        fprintf(stderr, "[%ld/%ld]%s\n", p->done, p->total, what);
}

static void take_failure(struct screen *s, const char *line) {
    const char *file = strchr(line, ' ') + 1, *why = strstr(file, ": ");
    s->progress.failed++;
    clear_live(s);
    struct buf text = {0}, name = {0};
    if (s->options->live)
        text_put(&text, line, strlen(line), SIZE_MAX);
    fprintf(stderr, "%s%s%s\n", s->options->color ? "\033[31m" : "", text.s ? text.s : line,
            s->options->color ? "\033[0m" : "");
    buf_free(&text);
    if (!s->options->failed)
        return;
    buf_add(&name, file, why ? (size_t)(why - file) : strlen(file));
    s->options->failed(s->options->ctx, name.s);
    buf_free(&name);
}

void screen_take_line(struct screen *s, const char *line) {
    heard(s);
    if (str_starts(line, SCREEN_MARK)) {
        take_status(s, line + strlen(SCREEN_MARK));
        return;
    }
    if (str_starts(line, "FAILED: ") && strstr(line, "verdict"))
        s->verdict_shown = true;
    if (s->verdict_shown || strcmp(line, "ninja: no work to do.") == 0 ||
        str_starts(line, "ninja: build stopped"))
        return;
    if (str_starts(line, "FAILED ")) {
        take_failure(s, line);
        return;
    }
    clear_live(s);
    fprintf(stderr, "%s\n", line);
}

void screen_close(struct screen *s) {
    ARRAY_FOR (struct stream, stream, &s->streams)
        stream->ended = true;
    hand_over(s);
    clear_live(s);
    buf_free(&s->line);
}
