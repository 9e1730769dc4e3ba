/* Evaluates expressions of -k: dump_expr VERSION, with lines of `NAMES TAB EXPRESSION` on standard input,
 * where NAMES are those that hold, between spaces. Prints yes or no, or `COLUMN: what is wrong`. */

#include "base/diag.h"
#include "base/str.h"
#include "filter/expr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum answer3 matches(void *ctx, const struct expr *name) {
    const struct strs *names = ctx;
    struct buf key = {0};
    buf_str(&key, name->name);
    for (uint32_t i = 0; i < name->n_values; i++)
        buf_fmt(&key, "|%s=%d:%s", name->values[i].name, (int)name->values[i].kind, name->values[i].text);
    bool has = strs_has(names, key.s);
    buf_free(&key);
    return has ? ANSWER_YES : ANSWER_NO;
}

int main(int argc, char **argv) {
    if (argc != 2)
        die("usage: dump_expr VERSION");
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        struct arena a = {0};
        line[strcspn(line, "\n")] = 0;
        char *text = strchr(line, '\t');
        if (!text)
            die("a line without a tab");
        *text++ = 0;
        struct strs names = str_words(&a, line);
        struct expr_error error;
        const struct expr *e = expr_parse(&a, text, (unsigned)strtoul(argv[1], NULL, 10), &error);
        if (e)
            puts(expr_eval(e, matches, &names) == ANSWER_YES ? "yes" : "no");
        else
            printf("%u: %s\n", error.column, error.text);
        arena_free(&a);
    }
    return 0;
}
