#include "source/syntax.h"

#include <pthread.h>
#include <string.h>

const TSLanguage *tree_sitter_python(void);

static const char *const kind_names[KINDS] = {
    [KIND_IMPORT] = "import_statement",
    [KIND_IMPORT_FROM] = "import_from_statement",
    [KIND_IMPORT_FUTURE] = "future_import_statement",
    [KIND_FUNCTION] = "function_definition",
    [KIND_CLASS] = "class_definition",
    [KIND_DECORATED] = "decorated_definition",
    [KIND_DECORATOR] = "decorator",
    [KIND_IF] = "if_statement",
    [KIND_ELIF] = "elif_clause",
    [KIND_ELSE] = "else_clause",
    [KIND_FOR] = "for_statement",
    [KIND_WHILE] = "while_statement",
    [KIND_TRY] = "try_statement",
    [KIND_EXCEPT] = "except_clause",
    [KIND_EXCEPT_GROUP] = "except_group_clause",
    [KIND_FINALLY] = "finally_clause",
    [KIND_WITH] = "with_statement",
    [KIND_MATCH] = "match_statement",
    [KIND_BLOCK] = "block",
    [KIND_ASSIGNMENT] = "assignment",
    [KIND_AUGMENTED] = "augmented_assignment",
    [KIND_CALL] = "call",
    [KIND_STRING] = "string",
    [KIND_IDENTIFIER] = "identifier",
    [KIND_ATTRIBUTE] = "attribute",
    [KIND_DOTTED] = "dotted_name",
    [KIND_RELATIVE] = "relative_import",
    [KIND_IMPORT_PREFIX] = "import_prefix",
    [KIND_ALIASED] = "aliased_import",
    [KIND_WILDCARD] = "wildcard_import",
    [KIND_COMMENT] = "comment",
    [KIND_NOT] = "not_operator",
    [KIND_PARENTHESIZED] = "parenthesized_expression",
    [KIND_LIST] = "list",
    [KIND_TUPLE] = "tuple",
    [KIND_INTEGER] = "integer",
    [KIND_FLOAT] = "float",
    [KIND_TRUE] = "true",
    [KIND_FALSE] = "false",
    [KIND_NONE] = "none",
    [KIND_UNARY] = "unary_operator",
    [KIND_KEYWORD] = "keyword_argument",
    [KIND_LIST_SPLAT] = "list_splat",
    [KIND_INTERPOLATION] = "interpolation",
    [KIND_STRING_START] = "string_start",
    [KIND_STRING_CONTENT] = "string_content",
    [KIND_ESCAPE] = "escape_sequence",
    [KIND_CONCATENATED] = "concatenated_string",
    [KIND_AS_PATTERN] = "as_pattern",
    [KIND_EXPRESSIONS] = "expression_list",
    [KIND_STATEMENT] = "expression_statement",
};

enum { SYMBOLS_MOST = 1024 };
static unsigned char kinds[SYMBOLS_MOST];
static pthread_once_t once = PTHREAD_ONCE_INIT;

const TSLanguage *syntax_language(void) {
    return tree_sitter_python();
}

static void map_symbols(void) {
    uint32_t n = ts_language_symbol_count(syntax_language());
    for (uint32_t s = 0; s < n && s < SYMBOLS_MOST; s++) {
        if (ts_language_symbol_type(syntax_language(), (TSSymbol)s) != TSSymbolTypeRegular)
            continue;
        const char *name = ts_language_symbol_name(syntax_language(), (TSSymbol)s);
        for (int k = 1; k < KINDS; k++)
            if (strcmp(kind_names[k], name) == 0)
                kinds[s] = (unsigned char)k;
    }
}

enum kind syntax_kind(TSNode node) {
    pthread_once(&once, map_symbols);
    TSSymbol s = ts_node_symbol(node);
    return s < SYMBOLS_MOST ? kinds[s] : KIND_OTHER;
}

TSNode syntax_field(TSNode node, const char *field) {
    return ts_node_child_by_field_name(node, field, (uint32_t)strlen(field));
}

bool syntax_is(TSNode node, enum kind kind) {
    return !ts_node_is_null(node) && syntax_kind(node) == kind;
}

static void add_text(TSNode node, const char *text, struct buf *out) {
    uint32_t from = ts_node_start_byte(node);
    buf_add(out, text + from, ts_node_end_byte(node) - from);
}

bool syntax_dotted(TSNode node, const char *text, struct buf *out) {
    enum kind kind = ts_node_is_null(node) ? KIND_OTHER : syntax_kind(node);
    if (kind == KIND_IDENTIFIER) {
        add_text(node, text, out);
        return true;
    }
    if (kind == KIND_ATTRIBUTE) {
        size_t start = out->len;
        struct buf path = {0};
        bool ok = true;
        for (; ok && syntax_is(node, KIND_ATTRIBUTE); node = syntax_field(node, "object")) {
            struct buf part = {0};
            TSNode name = syntax_field(node, "attribute");
            ok = syntax_is(name, KIND_IDENTIFIER) && path.len < 1000;
            if (ok)
                add_text(name, text, &part);
            buf_fmt(&part, "%s%s", path.len ? "." : "", path.len ? path.s : "");
            buf_free(&path);
            path = part;
        }
        ok = ok && syntax_is(node, KIND_IDENTIFIER);
        if (ok) {
            add_text(node, text, out);
            buf_fmt(out, ".%s", path.s);
        }
        buf_free(&path);
        return ok && out->len > start;
    }
    if (kind != KIND_DOTTED)
        return false;
    uint32_t n = ts_node_named_child_count(node), added = 0;
    for (uint32_t i = 0; i < n; i++) {
        TSNode part = ts_node_named_child(node, i);
        if (!syntax_is(part, KIND_IDENTIFIER))
            continue;
        if (added++)
            buf_char(out, '.');
        add_text(part, text, out);
    }
    return true;
}

/* The parts of "a" "b", one after the other. */
static bool add_concatenated(TSNode node, const char *text, struct buf *out) {
    uint32_t n = ts_node_named_child_count(node);
    for (uint32_t i = 0; i < n; i++)
        if (!syntax_is(ts_node_named_child(node, i), KIND_COMMENT) &&
            !syntax_plain_string(ts_node_named_child(node, i), text, out))
            return false;
    return true;
}

bool syntax_ends(const char *dotted, const char *name) {
    size_t n = strlen(dotted), m = strlen(name);
    return n >= m && strcmp(dotted + n - m, name) == 0 && (n == m || dotted[n - m - 1] == '.');
}

bool syntax_plain_string(TSNode node, const char *text, struct buf *out) {
    if (syntax_is(node, KIND_CONCATENATED))
        return add_concatenated(node, text, out);
    if (!syntax_is(node, KIND_STRING))
        return false;
    uint32_t n = ts_node_child_count(node);
    for (uint32_t i = 0; i < n; i++) {
        TSNode part = ts_node_child(node, i);
        enum kind kind = syntax_kind(part);
        if (kind == KIND_INTERPOLATION)
            return false;
        if (kind == KIND_STRING_START) {
            for (uint32_t at = ts_node_start_byte(part); at < ts_node_end_byte(part); at++)
                if (!strchr("'\"rRuU", text[at]))
                    return false;
        }
        if (kind != KIND_STRING_CONTENT)
            continue;
        uint32_t from = ts_node_start_byte(part), to = ts_node_end_byte(part);
        if (memchr(text + from, '\\', to - from) || memchr(text + from, '\n', to - from))
            return false;
        buf_add(out, text + from, to - from);
    }
    if (!out->s)
        buf_str(out, "");
    return true;
}

struct syntax_items syntax_items(TSNode node) {
    return (struct syntax_items){node, 0, ts_node_is_null(node) ? 0 : ts_node_named_child_count(node)};
}

bool syntax_next(struct syntax_items *i, TSNode *out) {
    while (i->at < i->n) {
        *out = ts_node_named_child(i->node, i->at++);
        if (!syntax_is(*out, KIND_COMMENT))
            return true;
    }
    return false;
}

bool syntax_has_type(TSNode node, const char *type) {
    return !ts_node_is_null(node) && strcmp(ts_node_type(node), type) == 0;
}

bool syntax_is_sequence(TSNode node) {
    return syntax_is(node, KIND_LIST) || syntax_is(node, KIND_TUPLE);
}

TSNode syntax_unwrapped(TSNode node) {
    while (syntax_is(node, KIND_PARENTHESIZED))
        node = ts_node_named_child(node, 0);
    return node;
}

size_t syntax_length(TSNode node) {
    return ts_node_end_byte(node) - ts_node_start_byte(node);
}
