#include "source/directive.h"
#include "base/str.h"
#include "source/facts.h"

#include <string.h>

static const struct {
    const char *word, *form;
    enum { ALONE, NAME, WORDS, ISOLATION } wants;
} table[] = {{"data", "data=GLOB", WORDS},
             {"isolation", "isolation=file|session|auto", ISOLATION},
             {"resource", "resource=NAME", NAME},
             {"serial", "serial", ALONE},
             {"together", "together=NAME", NAME}};
enum { DIRECTIVES = sizeof table / sizeof *table };

void directive_take(struct facts_builder *b, const char *s, uint32_t n, uint32_t line) {
    static const char word[] = "testfan:";
    uint32_t i = 1, m = sizeof word - 1;
    while (i < n && (s[i] == ' ' || s[i] == '\t'))
        i++;
    if (n < i + m || memcmp(s + i, word, m) != 0)
        return;
    for (i += m; i < n && strchr(" \t\r", s[i]); i++) {
    }
    while (n > i && strchr(" \t\r", s[n - 1]))
        n--;
    array_push(b->arena, &b->directives, (struct fact_directive){facts_add_text(b, s + i, n - i), line});
}

const char *directive_value(const char *text, const char *word) {
    size_t n = strlen(word);
    if (!str_starts(text, word))
        return NULL;
    return text[n] == '=' ? text + n + 1 : text[n] ? NULL : text + n;
}

const char *directive_find(const struct facts *f, const char *word) {
    FACTS_FOR(struct fact_directive, d, f, directives) {
        const char *value = directive_value(facts_str(f, d->text), word);
        if (value)
            return value;
    }
    return NULL;
}

bool directive_is_name(const char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    return *text && !text[strspn(text, letters)];
}

bool directive_is_isolation(const char *text) {
    return strcmp(text, "file") == 0 || strcmp(text, "session") == 0 || strcmp(text, "auto") == 0;
}

static bool can_be_followed(const char *text, int i) {
    const char *value = directive_value(text, table[i].word);
    return table[i].wants == ALONE       ? !text[strlen(table[i].word)]
           : table[i].wants == NAME      ? directive_is_name(value)
           : table[i].wants == ISOLATION ? directive_is_isolation(value)
                                         : *value != 0;
}

bool directive_check(struct arena *a, const char *text, const char **cure) {
    struct strs words = {0}, forms = {0};
    *cure = NULL;
    for (int i = 0; i < DIRECTIVES; i++) {
        array_push(a, &words, table[i].word);
        array_push(a, &forms, table[i].form);
        if (!directive_value(text, table[i].word))
            continue;
        *cure = arena_printf(a, "write: # testfan: %s", table[i].form);
        return can_be_followed(text, i);
    }
    const char *near = str_nearest(arena_strndup(a, text, strcspn(text, "= \t,")), &words);
    for (int i = 0; near && i < DIRECTIVES; i++)
        if (strcmp(table[i].word, near) == 0)
            *cure = arena_printf(a, "did you mean '# testfan: %s'?", table[i].form);
    if (!*cure)
        *cure = arena_printf(a, "such a comment says one of: %s", strs_join(a, &forms, ", "));
    return false;
}
