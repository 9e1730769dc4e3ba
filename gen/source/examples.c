#define _GNU_SOURCE /* for memmem */

#include "source/examples.h"

#include <string.h>

void examples_begin(struct examples *e, const char *s, size_t n) {
    buf_reset(&e->text);
    arena_free(&e->arena);
    e->origins = (struct origins){0};
    e->s = s;
    e->n = n;
    e->at = memmem(s, n, ">>>", 3) ? 0 : n;
    e->line = 0;
}

void examples_free(struct examples *e) {
    buf_free(&e->text);
    arena_free(&e->arena);
}

/* The code behind the prompt when the line at work begins with it, and the length of the code; or NULL. */
static const char *after_prompt(const struct examples *e, const char *prompt, size_t *n) {
    const char *s = e->s + e->at, *end = memchr(s, '\n', e->n - e->at);
    if (!end)
        end = e->s + e->n;
    while (s < end && (*s == ' ' || *s == '\t'))
        s++;
    if (end - s < 3 || memcmp(s, prompt, 3) != 0 || (end - s > 3 && s[3] != ' '))
        return NULL;
    s += end - s > 3 ? 4 : 3;
    *n = (size_t)(end - s);
    return s;
}

static void next_line(struct examples *e) {
    const char *end = memchr(e->s + e->at, '\n', e->n - e->at);
    e->at = end ? (size_t)(end - e->s) + 1 : e->n;
    e->line++;
}

static bool take_line(struct examples *e, const char *prompt) {
    size_t n;
    const char *code = e->at < e->n ? after_prompt(e, prompt, &n) : NULL;
    if (!code)
        return false;
    array_push(&e->arena, &e->origins, (struct origin){(uint32_t)e->text.len, e->line, false});
    buf_add(&e->text, code, n);
    buf_char(&e->text, '\n');
    next_line(e);
    return true;
}

bool examples_next(struct examples *e) {
    while (e->at < e->n) {
        e->text.len = e->origins.len = 0;
        if (!take_line(e, ">>>")) {
            next_line(e);
            continue;
        }
        while (take_line(e, "...")) {
        }
        if (memmem(e->text.s, e->text.len, "import", 6))
            return true;
    }
    return false;
}
