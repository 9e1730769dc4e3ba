#ifndef FILTER_EXPR_H
#define FILTER_EXPR_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The expressions of pytest's -k and -m (_pytest/mark/expression.py):
 *
 *     expression: expr? EOF
 *     expr:       and_expr ('or' and_expr)*
 *     and_expr:   not_expr ('and' not_expr)*
 *     not_expr:   'not' not_expr | '(' expr ')' | ident kwargs?
 *     ident:      (\w|:|\+|-|\.|\[|\]|\\|/)+
 *     kwargs:     '(' name '=' value (',' name '=' value)* ')'     pytest 8.3 and later
 *
 * evaluated in Kleene's three values.
 */
enum answer3 { ANSWER_NO, ANSWER_UNKNOWN, ANSWER_YES };

enum expr_kind { EXPR_NEVER, EXPR_NAME, EXPR_NOT, EXPR_AND, EXPR_OR };

struct expr_value {
    const char *name;
    enum { VALUE_IS_STRING, VALUE_IS_NUMBER, VALUE_IS_NAME } kind;
    const char *text; /* without its quotes; of VALUE_IS_NAME True, False or None */
};

struct expr {
    enum expr_kind kind;
    const char *name; /* of EXPR_NAME */
    struct expr_value *values;
    uint32_t n_values;
    const struct expr *left, *right; /* EXPR_NOT has only left */
};

/* What is wrong with a text, in pytest's words. */
struct expr_error {
    uint32_t column; /* in characters, from 1 */
    const char *text;
};

/* Parses a text; `version` is pytest's (major * 100 + minor). NULL with *error set when it is none. */
const struct expr *expr_parse(struct arena *a, const char *text, unsigned version, struct expr_error *error);

/* Whether a test answers to a name of the expression. */
typedef enum answer3 (*expr_matcher)(void *ctx, const struct expr *name);
enum answer3 expr_eval(const struct expr *e, expr_matcher matches, void *ctx);
/* Calls `each` with every name in it. */
void expr_names(const struct expr *e, void (*each)(void *ctx, const struct expr *name), void *ctx);

#endif
