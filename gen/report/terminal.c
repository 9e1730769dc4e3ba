#include "report/terminal.h"
#include "base/str.h"
#include "base/text.h"
#include "report/merge.h"

#include <string.h>

#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define BOLD "\033[1m"
#define RESET "\033[0m"

struct terminal {
    FILE *out;
    const struct summary *s;
    const struct terminal_options *options;
    size_t width;
    struct buf line;
};

static const char *mark(const struct terminal *t, const char *code) {
    return t->options->color ? code : "";
}

static size_t put(struct buf *b, const char *s) {
    return text_put(b, s, strlen(s), SIZE_MAX);
}

static void flush(struct terminal *t) {
    buf_char(&t->line, '\n');
    fwrite(t->line.s, 1, t->line.len, t->out);
    buf_reset(&t->line);
}

/* The fill on each side of a title, and whether one more fits at the right (TerminalWriter.sep). */
static size_t fill_of(const struct terminal *t, size_t title, bool *more) {
    size_t n = t->width > title + 4 ? (t->width - title - 2) / 2 : 1;
    *more = 2 * n + title + 3 <= t->width;
    return n;
}

static void fill(struct buf *b, char c, size_t n) {
    while (n--)
        buf_char(b, c);
}

static void headline(struct terminal *t, char c, const char *color, const char *title) {
    struct buf clean = {0};
    bool more;
    put(&clean, title);
    size_t n = fill_of(t, text_columns(clean.s), &more);
    buf_str(&t->line, color);
    fill(&t->line, c, n);
    buf_fmt(&t->line, " %s ", clean.s);
    fill(&t->line, c, n + more);
    buf_str(&t->line, *color ? mark(t, RESET) : "");
    flush(t);
    buf_free(&clean);
}

/* Lines that pytest marks as the error begin with 'E' and white space. */
static void print_text(struct terminal *t, const char *text) {
    while (*text) {
        size_t n = strcspn(text, "\n");
        bool error = *text == 'E' && (n == 1 || text[1] == ' ');
        if (error)
            buf_fmt(&t->line, "%s%s", mark(t, BOLD), mark(t, RED));
        for (size_t i = 0; i < n;) {
            size_t tab = i;
            while (tab < n && text[tab] != '\t')
                tab++;
            text_put(&t->line, text + i, tab - i, SIZE_MAX);
            if (tab < n)
                buf_char(&t->line, '\t');
            i = tab + 1;
        }
        if (error)
            buf_str(&t->line, mark(t, RESET));
        flush(t);
        text += n + (text[n] == '\n');
    }
}

static void print_title(struct terminal *t, const struct problem *p) {
    const char *prefix = "";
    if (p->error && str_starts(p->message, "failed on setup"))
        prefix = "ERROR at setup of ";
    else if (p->error && str_starts(p->message, "failed on teardown"))
        prefix = "ERROR at teardown of ";
    else if (p->error && str_starts(p->message, "collection failure"))
        prefix = "ERROR collecting ";
    struct buf title = {0};
    buf_fmt(&title, "%s%s", prefix, p->id);
    headline(t, '_', t->options->color ? BOLD RED : "", title.s);
    buf_free(&title);
}

static void print_words(struct terminal *t, const struct problem *p) {
    print_text(t, *p->text ? p->text : p->message);
}

static bool is_same_error(const struct problem *p, const struct problem *q) {
    return p->error && *p->text && strcmp(p->text, q->text) == 0;
}

/* A conftest.py that cannot be imported is every file's error: its text is printed once, for all of them. */
static void print_section(struct terminal *t, bool errors, const char *title) {
    const struct problem *above = NULL;
    for (uint32_t i = 0; i < t->s->problems.len && i < PROBLEM_TEXTS; i++) {
        const struct problem *p = &t->s->problems.items[i];
        if (p->error != errors)
            continue;
        if (!above)
            headline(t, '=', "", title);
        else if (!is_same_error(above, p))
            print_words(t, above);
        print_title(t, p);
        above = p;
    }
    if (above)
        print_words(t, above);
}

static void print_durations(struct terminal *t) {
    long wanted = t->options->durations;
    if (wanted <= 0 || !t->s->n_slowest)
        return;
    uint32_t n = wanted < (long)t->s->n_slowest ? (uint32_t)wanted : t->s->n_slowest;
    char title[60];
    snprintf(title, sizeof title, "slowest %ld durations", wanted);
    headline(t, '=', "", title);
    uint32_t shown = 0;
    for (; shown < n && t->s->slowest[shown].seconds >= 0.005; shown++) {
        buf_fmt(&t->line, "%.2fs ", t->s->slowest[shown].seconds);
        put(&t->line, t->s->slowest[shown].id);
        flush(t);
    }
    if (shown < n)
        fprintf(t->out, "\n(%u durations < 0.005s hidden.)\n", (unsigned)(n - shown));
}

/* What pytest says in one line: the exception, without junitxml's words around it, its first line. */
static const char *short_message(const struct problem *p, size_t *n) {
    const char *s = p->message;
    if (p->error && str_starts(s, "collection failure"))
        s = "";
    bool quoted =
        p->error && (str_starts(s, "failed on setup with \"") || str_starts(s, "failed on teardown with \""));
    if (quoted)
        s = strchr(s, '"') + 1;
    *n = strcspn(s, "\n");
    if (quoted && *n && !s[*n] && s[*n - 1] == '"')
        --*n;
    return s;
}

static void print_short(struct terminal *t, const struct problem *p) {
    const char *word = p->error ? "ERROR" : "FAILED";
    buf_fmt(&t->line, "%s%s%s ", mark(t, RED), word, mark(t, RESET));
    const char *sep = strstr(p->id, "::");
    size_t path = sep ? (size_t)(sep + 2 - p->id) : strlen(p->id);
    size_t used = strlen(word) + 1 + text_put(&t->line, p->id, path, SIZE_MAX);
    if (sep) {
        buf_str(&t->line, mark(t, BOLD));
        used += put(&t->line, p->id + path);
        buf_str(&t->line, mark(t, RESET));
    }
    size_t n;
    const char *message = short_message(p, &n);
    struct buf clean = {0};
    text_put(&clean, message, n, SIZE_MAX);
    size_t room = t->width > used + 3 ? t->width - used - 3 : 0;
    if (clean.len && text_columns(clean.s) <= room) {
        buf_fmt(&t->line, " - %s", clean.s);
    } else if (clean.len && room > 3) {
        buf_str(&t->line, " - ");
        text_put(&t->line, clean.s, clean.len, room - 3);
        buf_str(&t->line, "...");
    }
    flush(t);
    buf_free(&clean);
}

static void print_flaky(struct terminal *t) {
    for (uint32_t i = 0; i < t->s->flaky_ids.len; i++) {
        buf_fmt(&t->line, "%sFLAKY%s ", mark(t, YELLOW), mark(t, RESET));
        put(&t->line, t->s->flaky_ids.items[i]);
        flush(t);
    }
}

static void print_shorts(struct terminal *t) {
    if (!t->s->problems.len && !t->s->flaky_ids.len)
        return;
    headline(t, '=', t->options->color ? "\033[36m" BOLD : "", "short test summary info");
    for (int errors = 0; errors < 2; errors++)
        ARRAY_FOR (struct problem, p, &t->s->problems)
            if (p->error == (errors == 1))
                print_short(t, p);
    print_flaky(t);
}

static void print_counts(struct terminal *t) {
    const struct summary *s = t->s;
    const char *main_color = s->failed || s->errors ? RED : s->passed ? GREEN : YELLOW;
    const struct {
        unsigned long n;
        const char *word, *color;
    } parts[] = {{s->failed, "failed", RED},
                 {s->passed, "passed", GREEN},
                 {s->skipped, "skipped", YELLOW},
                 {s->xfailed, "xfailed", YELLOW},
                 {s->errors, s->errors == 1 ? "error" : "errors", RED},
                 {s->flaky, "flaky", YELLOW},
                 {s->not_run, s->not_run == 1 ? "file not run" : "files not run", YELLOW}};
    struct buf plain = {0}, marked = {0};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].n)
            continue;
        const char *comma = plain.len ? ", " : "";
        buf_fmt(&plain, "%s%lu %s", comma, parts[i].n, parts[i].word);
        buf_fmt(&marked, "%s%s%s%s%lu %s%s%s", comma, mark(t, RESET), mark(t, parts[i].color),
                str_eq(parts[i].color, main_color) ? mark(t, BOLD) : "", parts[i].n, parts[i].word,
                mark(t, RESET), mark(t, main_color));
    }
    if (!s->tests) {
        buf_fmt(&plain, "%sno tests ran", plain.len ? ", " : "");
        buf_fmt(&marked, "%sno tests ran", marked.len ? ", " : "");
    }
    struct buf took = {0};
    double wall = t->options->wall;
    buf_fmt(&took, " in %.2fs", wall);
    if (wall >= 60)
        buf_fmt(&took, " (%ld:%02ld:%02ld)", (long)wall / 3600, (long)wall / 60 % 60, (long)wall % 60);
    bool more;
    size_t n = fill_of(t, plain.len + took.len, &more);
    buf_str(&t->line, mark(t, main_color));
    fill(&t->line, '=', n);
    buf_fmt(&t->line, " %s%s ", marked.s, took.s);
    fill(&t->line, '=', n + more);
    buf_str(&t->line, mark(t, RESET));
    flush(t);
    buf_free(&plain);
    buf_free(&marked);
    buf_free(&took);
}

/* A run that was stopped leaves files that neither ran nor had passed. */
static void print_ran(const struct terminal *t) {
    const struct terminal_options *o = t->options;
    fprintf(t->out, "%u of %u test files ran", o->ran, o->targets);
    if (o->cached)
        fprintf(t->out, ", %u came from the cache", o->cached);
    if (o->ran + o->cached == o->targets)
        fputs("\n", t->out);
    else if (o->ran + o->cached + o->passed == o->targets)
        fputs(", the others had passed already\n", t->out);
    else
        fprintf(t->out, ", %u had passed already\n", o->passed);
}

static struct terminal new_terminal(FILE *out, const struct summary *s,
                                    const struct terminal_options *options) {
    return (struct terminal){
        .out = out, .s = s, .options = options, .width = options->width > 0 ? (size_t)options->width : 80};
}

static void print_problems(struct terminal *t) {
    print_section(t, true, "ERRORS");
    print_section(t, false, "FAILURES");
}

void terminal_problems(FILE *out, const struct summary *s, const struct terminal_options *options) {
    struct terminal t = new_terminal(out, s, options);
    print_problems(&t);
    buf_free(&t.line);
}

void terminal_summary(FILE *out, const struct summary *s, const struct terminal_options *options) {
    struct terminal t = new_terminal(out, s, options);
    if (!options->told)
        print_problems(&t);
    if (!options->told && s->problems.len > PROBLEM_TEXTS)
        fprintf(out, "\n%u more: their texts are in the report\n",
                (unsigned)(s->problems.len - PROBLEM_TEXTS));
    print_durations(&t);
    print_shorts(&t);
    if (options->ran < options->targets)
        print_ran(&t);
    print_counts(&t);
    buf_free(&t.line);
}
