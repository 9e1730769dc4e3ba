#include "run/progress.h"
#include "base/os.h"
#include "base/text.h"
#include "run/schedule.h"

#include <math.h>
#include <string.h>

#define ENOUGH 0.5  /* seconds of tests that must have ended before their pace counts */
enum { LONG = 10 }; /* seconds after which it is shown how long a target has run */

void progress_new(struct progress *p, struct arena *a, const struct schedule *schedule) {
    *p = (struct progress){.arena = a, .schedule = schedule, .places = {.arena = a}, .usual = -1};
    p->started = arena_alloc(a, schedule->len + 1);
    double sum = 0;
    for (uint32_t i = 0; i < schedule->len; i++) {
        const struct scheduled *s = &schedule->items[i];
        map_add(&p->places, s->name, strlen(s->name), i);
        sum += s->seconds >= 0 ? s->seconds : 0;
    }
    if (schedule->known)
        p->usual = sum / schedule->known;
}

static double expected(const struct progress *p, uint32_t place) {
    double seconds = place == MAP_NONE ? -1 : p->schedule->items[place].seconds;
    return seconds < 0 ? p->usual : seconds;
}

void progress_start(struct progress *p, const char *name, long pid, int64_t now) {
    uint32_t place = map_get(&p->places, name, strlen(name)), had = p->running.len;
    for (uint32_t i = p->running.len; i-- > 0;)
        if (p->running.items[i].pid == pid)
            progress_end(p, i, now);
    bool goes_on = p->running.len < had;
    if (place != MAP_NONE && !p->started[place]) {
        p->started[place] = true;
        p->n_started += !goes_on;
        p->behind = goes_on ? p->behind : place + 1;
    }
    array_push(p->arena, &p->running,
               (struct running){arena_strdup(p->arena, name), pid, now, expected(p, place)});
    if (p->most < (long)p->running.len)
        p->most = p->running.len;
}

void progress_end(struct progress *p, uint32_t i, int64_t now) {
    struct running *r = &p->running.items[i];
    if (r->expected >= 0) {
        p->took += (double)(now - r->since) / 1e9;
        p->promised += r->expected;
    }
    memmove(r, r + 1, (--p->running.len - i) * sizeof *r);
}

/* How much longer than promised everything takes here and now. */
static double pace(const struct progress *p) {
    return p->promised >= ENOUGH ? p->took / p->promised : 1;
}

/* Of those that may still start, seconds; ninja tells only how many do. */
static void sum_rest(const struct progress *p, double *beside, double *alone, double *longest) {
    uint32_t may = 0;
    *beside = *alone = *longest = 0;
    for (uint32_t i = p->behind; i < p->schedule->len; i++) {
        if (p->started[i])
            continue;
        double seconds = expected(p, i);
        bool serial = p->schedule->items[i].serial;
        *(serial ? alone : beside) += seconds;
        *longest = serial ? *longest : fmax(*longest, seconds);
        may++;
    }
    long rest = p->total - p->n_started;
    double share = may ? fmin((double)rest / may, 1) : 0;
    *beside = *beside * share + (rest > (long)may ? (double)(rest - may) * p->usual : 0);
    *alone *= share;
    *longest = fmin(*longest, *beside);
}

double progress_left(const struct progress *p, int64_t now) {
    if (p->usual < 0 || p->total <= 0)
        return -1;
    double beside, alone, longest, speed = pace(p);
    sum_rest(p, &beside, &alone, &longest);
    beside *= speed;
    longest *= speed;
    ARRAY_FOR (const struct running, r, &p->running) {
        double rest = fmax(r->expected * speed - (double)(now - r->since) / 1e9, 0);
        beside += rest;
        longest = fmax(longest, rest);
    }
    return fmax(beside / (double)(p->most ? p->most : 1), longest) + alone * speed;
}

static void put_seconds(struct buf *b, long s) {
    if (s < 60)
        buf_fmt(b, "%ld s", s);
    else if (s < 3600)
        buf_fmt(b, "%ld:%02ld", s / 60, s % 60);
    else
        buf_fmt(b, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

/* The name, with the time since when it runs where that is long. */
static const char *shown(const struct progress *p, int64_t now, uint32_t i, bool whole, struct buf *b) {
    const struct running *r = &p->running.items[i];
    const char *name = whole ? r->name : os_basename(r->name);
    long seconds = (long)((now - r->since) / 1000000000);
    buf_reset(b);
    text_put(b, name, strlen(name), SIZE_MAX);
    if (seconds >= LONG) {
        buf_str(b, " (");
        put_seconds(b, seconds);
        buf_char(b, ')');
    }
    return b->s;
}

void progress_names(const struct progress *p, int64_t now, struct buf *names) {
    struct buf b = {0};
    for (uint32_t i = 0; i < p->running.len; i++) {
        buf_str(names, i ? ", " : "");
        buf_str(names, shown(p, now, i, true, &b));
    }
    buf_free(&b);
}

/* How many of the names fit, with what is said of the others. */
static uint32_t fitting(const struct progress *p, int64_t now, size_t room, bool whole) {
    struct buf b = {0};
    size_t used = 0;
    uint32_t n = 0;
    for (; n < p->running.len; n++) {
        used += text_width(shown(p, now, n, whole, &b)) + 2 * (n > 0);
        size_t others = n + 1 < p->running.len ? strlen(" +99") : 0;
        if (used + others > room)
            break;
    }
    buf_free(&b);
    return n;
}

/* As much as fits of one name. */
static void put_cut(struct buf *line, const char *name, size_t room) {
    for (size_t i = 0, n; name[i]; i += n) {
        n = text_char(name + i);
        struct buf letter = {0};
        buf_add(&letter, name + i, n ? n : 1);
        size_t width = text_width(letter.s);
        buf_free(&letter);
        if (width > room)
            return;
        room -= width;
        buf_add(line, name + i, n ? n : 1);
        n = n ? n : 1;
    }
}

static void put_names(const struct progress *p, int64_t now, struct buf *line, size_t room) {
    bool whole = fitting(p, now, room, true) == p->running.len;
    uint32_t n = fitting(p, now, room, whole);
    struct buf b = {0};
    for (uint32_t i = 0; i < n; i++) {
        buf_str(line, i ? ", " : "");
        buf_str(line, shown(p, now, i, whole, &b));
    }
    if (n && n < p->running.len)
        buf_fmt(line, " +%u", p->running.len - n);
    else if (!n && p->running.len)
        put_cut(line, shown(p, now, 0, false, &b), room);
    buf_free(&b);
}

void progress_line(const struct progress *p, int64_t now, size_t width, bool color, struct buf *line) {
    struct buf head = {0};
    double left = p->running.len ? progress_left(p, now) : -1;
    buf_str(&head, "");
    if (p->total)
        buf_fmt(&head, "[%ld/%ld] ", p->done, p->total);
    size_t from = head.len;
    if (p->failed)
        buf_fmt(&head, "%ld failed", p->failed);
    size_t to = head.len;
    if (left > 0) {
        buf_str(&head, to > from ? ", " : "");
        put_seconds(&head, (long)ceil(left));
        buf_str(&head, " left");
    }
    if (p->running.len)
        buf_str(&head, head.len > from ? ": " : p->total ? "" : "running ");
    else if (p->total && p->done >= p->total)
        buf_str(&head, p->failed ? ": trying once more among the others" : "merging the reports");
    size_t n = head.len < width ? head.len : width;
    if (color && to > from && to <= n) {
        buf_add(line, head.s, from);
        buf_fmt(line, "\033[31m%.*s\033[0m", (int)(to - from), head.s + from);
        buf_add(line, head.s + to, n - to);
    } else {
        buf_add(line, head.s, n);
    }
    put_names(p, now, line, width - n);
    buf_free(&head);
}
