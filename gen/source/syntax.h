#ifndef SOURCE_SYNTAX_H
#define SOURCE_SYNTAX_H

#include "base/str.h"

#include <tree_sitter/api.h>

/* The kinds of node of tree-sitter-python that facts are made from; every other kind is KIND_OTHER. */
enum kind {
    KIND_OTHER,
    KIND_IMPORT,
    KIND_IMPORT_FROM,
    KIND_IMPORT_FUTURE,
    KIND_FUNCTION,
    KIND_CLASS,
    KIND_DECORATED,
    KIND_DECORATOR,
    KIND_IF,
    KIND_ELIF,
    KIND_ELSE,
    KIND_FOR,
    KIND_WHILE,
    KIND_TRY,
    KIND_EXCEPT,
    KIND_EXCEPT_GROUP,
    KIND_FINALLY,
    KIND_WITH,
    KIND_MATCH,
    KIND_BLOCK,
    KIND_ASSIGNMENT,
    KIND_AUGMENTED,
    KIND_CALL,
    KIND_STRING,
    KIND_IDENTIFIER,
    KIND_ATTRIBUTE,
    KIND_DOTTED,
    KIND_RELATIVE,
    KIND_IMPORT_PREFIX,
    KIND_ALIASED,
    KIND_WILDCARD,
    KIND_COMMENT,
    KIND_NOT,
    KIND_PARENTHESIZED,
    KIND_LIST,
    KIND_TUPLE,
    KIND_INTEGER,
    KIND_FLOAT,
    KIND_TRUE,
    KIND_FALSE,
    KIND_NONE,
    KIND_UNARY,
    KIND_KEYWORD,
    KIND_LIST_SPLAT,
    KIND_INTERPOLATION,
    KIND_STRING_START,
    KIND_STRING_CONTENT,
    KIND_ESCAPE,
    KIND_CONCATENATED,
    KIND_AS_PATTERN,
    KIND_EXPRESSIONS,
    KIND_STATEMENT,
    KINDS
};

const TSLanguage *syntax_language(void);
enum kind syntax_kind(TSNode node);

/* The child in a field ("name", "body", …), a null node when there is none. */
TSNode syntax_field(TSNode node, const char *field);
bool syntax_is(TSNode node, enum kind kind); /* false for a null node */

/* Appends the identifiers of a dotted_name, attribute or identifier, with '.' between; false for anything
 * else. */
bool syntax_dotted(TSNode node, const char *text, struct buf *out);
/* Whether such a dotted name is `name`, or ends in it. */
bool syntax_ends(const char *dotted, const char *name);
/* Appends the value of a string literal, or of several side by side, without prefix but r or u,
 * interpolation, escapes or line breaks; false else. */
bool syntax_plain_string(TSNode node, const char *text, struct buf *out);

/* The named children of a node that are no comments. */
struct syntax_items {
    TSNode node;
    uint32_t at, n;
};
struct syntax_items syntax_items(TSNode node);
bool syntax_next(struct syntax_items *i, TSNode *out);

bool syntax_has_type(TSNode node, const char *type); /* by the grammar's name, for kinds that are rare */
bool syntax_is_sequence(TSNode node);                /* a list or a tuple */
TSNode syntax_unwrapped(TSNode node);                /* without parentheses around it */
size_t syntax_length(TSNode node);                   /* in bytes */

#endif
