#include "filter/expr.h"
#include "base/array.h"

#include <ctype.h>
#include <string.h>

enum { KWARGS_SINCE = 803, DEEPEST = 500 };

enum token {
    TOKEN_LPAREN,
    TOKEN_RPAREN,
    TOKEN_OR,
    TOKEN_AND,
    TOKEN_NOT,
    TOKEN_IDENT,
    TOKEN_EOF,
    TOKEN_EQUAL,
    TOKEN_STRING,
    TOKEN_COMMA,
    TOKEN_NONE
};

static const char *const token_names[] = {
    "left parenthesis",
    "right parenthesis",
    "or",
    "and",
    "not",
    "identifier",
    "end of input",
    "=",
    "string literal",
    ",",
    "",
};

struct parser {
    struct arena *a;
    const char *text, *s; /* s: behind the token at hand */
    unsigned version;
    enum token token;
    const char *at, *end; /* where the token stands */
    unsigned depth;
    struct expr_error *error;
    bool failed;
};

static void fail(struct parser *p, const char *at, const char *text) {
    if (p->failed)
        return;
    uint32_t column = 1;
    for (const char *s = p->text; s < at; s++)
        column += (*s & 0xc0) != 0x80;
    p->failed = true;
    *p->error = (struct expr_error){column, text};
    p->token = TOKEN_NONE;
}

static bool is_ident(char c) {
    return isalnum((unsigned char)c) || (c & 0x80) || (c && strchr("_:+-.[]\\/", c));
}

static size_t character_length(const char *s) {
    size_t n = 1;
    while ((s[n] & 0xc0) == 0x80)
        n++;
    return n;
}

static void take_string(struct parser *p) {
    const char *close = strchr(p->s + 1, *p->s);
    if (!close) {
        fail(p, p->s, arena_printf(p->a, "closing quote \"%c\" is missing", *p->s));
        return;
    }
    const char *backslash = memchr(p->s, '\\', (size_t)(close - p->s));
    if (backslash) {
        fail(p, backslash, "escaping with \"\\\" not supported in marker expression");
        return;
    }
    p->token = TOKEN_STRING;
    p->end = p->s = close + 1;
}

static void take_word(struct parser *p) {
    static const struct {
        const char *word;
        enum token token;
    } words[] = {{"or", TOKEN_OR}, {"and", TOKEN_AND}, {"not", TOKEN_NOT}};
    while (is_ident(*p->s))
        p->s++;
    p->end = p->s;
    p->token = TOKEN_IDENT;
    size_t n = (size_t)(p->end - p->at);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].word) == n && memcmp(words[i].word, p->at, n) == 0)
            p->token = words[i].token;
}

static void next_token(struct parser *p) {
    p->s += strspn(p->s, " \t");
    p->at = p->s;
    bool kwargs = p->version >= KWARGS_SINCE;
    const char *marks = kwargs ? "()=," : "()";
    static const enum token single[] = {TOKEN_LPAREN, TOKEN_RPAREN, TOKEN_EQUAL, TOKEN_COMMA};
    const char *mark = *p->s ? strchr(marks, *p->s) : NULL;
    if (!*p->s) {
        p->token = TOKEN_EOF;
    } else if (mark) {
        p->token = single[mark - marks];
        p->end = ++p->s;
    } else if (kwargs && (*p->s == '\'' || *p->s == '"')) {
        take_string(p);
    } else if (is_ident(*p->s)) {
        take_word(p);
    } else {
        fail(p, p->s, arena_printf(p->a, "unexpected character \"%.*s\"", (int)character_length(p->s), p->s));
    }
}

static const char *token_text(const struct parser *p) {
    return arena_strndup(p->a, p->at, (size_t)(p->end - p->at));
}

static void reject(struct parser *p, const char *expected) {
    if (!p->failed)
        fail(p, p->at, arena_printf(p->a, "expected %s; got %s", expected, token_names[p->token]));
}

static bool accept(struct parser *p, enum token token) {
    if (p->token != token)
        return false;
    if (token != TOKEN_EOF)
        next_token(p);
    return true;
}

static void expect(struct parser *p, enum token token) {
    if (!accept(p, token))
        reject(p, token_names[token]);
}

static struct expr *new_expr(struct parser *p, enum expr_kind kind, const struct expr *left,
                             const struct expr *right) {
    struct expr *e = arena_alloc(p->a, sizeof *e);
    *e = (struct expr){.kind = kind, .left = left, .right = right};
    return e;
}

static bool is_keyword(const char *s) {
    static const char *const words[] = {
        "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
        "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
        "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
        "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], s) == 0)
            return true;
    return false;
}

static bool is_identifier(const char *s) {
    if (isdigit((unsigned char)*s))
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '_' && !(*s & 0x80))
            return false;
    return true;
}

static bool is_number(const char *s) {
    s += *s == '-';
    return *s && strspn(s, "0123456789") == strlen(s);
}

static void take_value(struct parser *p, struct expr_value *v) {
    if (p->token == TOKEN_STRING) {
        v->kind = VALUE_IS_STRING;
        v->text = arena_strndup(p->a, p->at + 1, (size_t)(p->end - p->at) - 2);
        next_token(p);
        return;
    }
    if (p->token != TOKEN_IDENT) {
        reject(p, token_names[TOKEN_IDENT]);
        return;
    }
    v->text = token_text(p);
    v->kind = is_number(v->text) ? VALUE_IS_NUMBER : VALUE_IS_NAME;
    const char *s = v->text, *at = p->at;
    next_token(p);
    if (v->kind == VALUE_IS_NAME && strcmp(s, "True") != 0 && strcmp(s, "False") != 0 &&
        strcmp(s, "None") != 0)
        fail(p, at, arena_printf(p->a, "unexpected character/s \"%s\"", s));
}

static void take_kwarg(struct parser *p, struct expr_value *v) {
    const char *at = p->at;
    v->name = p->token == TOKEN_IDENT ? token_text(p) : "";
    expect(p, TOKEN_IDENT);
    if (p->failed)
        return;
    if (!is_identifier(v->name))
        fail(p, at, arena_printf(p->a, "not a valid python identifier %s", v->name));
    else if (is_keyword(v->name))
        fail(p, at, arena_printf(p->a, "unexpected reserved python keyword `%s`", v->name));
    if (p->failed)
        return;
    expect(p, TOKEN_EQUAL);
    if (!p->failed)
        take_value(p, v);
}

static void take_kwargs(struct parser *p, struct expr *e) {
    ARRAY(struct expr_value) values = {0};
    do {
        struct expr_value v = {0};
        take_kwarg(p, &v);
        array_push(p->a, &values, v);
    } while (!p->failed && accept(p, TOKEN_COMMA));
    expect(p, TOKEN_RPAREN);
    e->values = values.items;
    e->n_values = values.len;
}

static const struct expr *take_or(struct parser *p);

static const struct expr *take_not(struct parser *p) {
    if (++p->depth > DEEPEST)
        fail(p, p->at, "nested too deep");
    const struct expr *e = NULL;
    if (accept(p, TOKEN_NOT)) {
        e = new_expr(p, EXPR_NOT, take_not(p), NULL);
    } else if (accept(p, TOKEN_LPAREN)) {
        e = take_or(p);
        expect(p, TOKEN_RPAREN);
    } else if (p->token == TOKEN_IDENT) {
        struct expr *name = new_expr(p, EXPR_NAME, NULL, NULL);
        name->name = token_text(p);
        next_token(p);
        if (p->version >= KWARGS_SINCE && accept(p, TOKEN_LPAREN))
            take_kwargs(p, name);
        e = name;
    } else {
        reject(p, "not OR left parenthesis OR identifier");
    }
    p->depth--;
    return e;
}

static const struct expr *take_and(struct parser *p) {
    const struct expr *e = take_not(p);
    while (!p->failed && accept(p, TOKEN_AND))
        e = new_expr(p, EXPR_AND, e, take_not(p));
    return e;
}

static const struct expr *take_or(struct parser *p) {
    const struct expr *e = take_and(p);
    while (!p->failed && accept(p, TOKEN_OR))
        e = new_expr(p, EXPR_OR, e, take_and(p));
    return e;
}

const struct expr *expr_parse(struct arena *a, const char *text, unsigned version, struct expr_error *error) {
    struct parser p = {.a = a, .text = text, .s = text, .version = version, .error = error};
    next_token(&p);
    if (p.token == TOKEN_EOF)
        return new_expr(&p, EXPR_NEVER, NULL, NULL);
    const struct expr *e = take_or(&p);
    if (!p.failed && p.token != TOKEN_EOF)
        reject(&p, token_names[TOKEN_EOF]);
    return p.failed ? NULL : e;
}

enum answer3 expr_eval(const struct expr *e, expr_matcher matches, void *ctx) {
    enum answer3 left, right;
    switch (e->kind) {
    case EXPR_NEVER:
        return ANSWER_NO;
    case EXPR_NAME:
        return matches(ctx, e);
    case EXPR_NOT:
        return ANSWER_YES - expr_eval(e->left, matches, ctx);
    case EXPR_AND:
        left = expr_eval(e->left, matches, ctx);
        right = left == ANSWER_NO ? ANSWER_NO : expr_eval(e->right, matches, ctx);
        return left < right ? left : right;
    case EXPR_OR:
        left = expr_eval(e->left, matches, ctx);
        right = left == ANSWER_YES ? ANSWER_YES : expr_eval(e->right, matches, ctx);
        return left > right ? left : right;
    }
    return ANSWER_UNKNOWN;
}

void expr_names(const struct expr *e, void (*each)(void *ctx, const struct expr *name), void *ctx) {
    if (e->kind == EXPR_NAME)
        each(ctx, e);
    if (e->left)
        expr_names(e->left, each, ctx);
    if (e->right)
        expr_names(e->right, each, ctx);
}
