#define _GNU_SOURCE /* for memmem */

#include "source/bindings.h"
#include "source/facts.h"
#include "source/outline.h"
#include "source/scanner.h"
#include "source/syntax.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_MOST = 16, VALUE_LONGEST = 20000, NAME_LONGEST = 200 };

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static bool is_name(char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
}

static const char *skip_blanks(const char *s) {
    while (*s == ' ' || *s == '\t' || *s == '\f')
        s++;
    return s;
}

static const char *skip_name(const char *s, bool dotted) {
    while (is_name(*s) || (dotted && *s == '.' && is_letter(s[1])))
        s++;
    return s;
}

static bool ends_statement(const char *s) {
    s = skip_blanks(s);
    return !*s || *s == '\n' || *s == '\r' || *s == '#' || *s == ';';
}

/* Behind the bracket that closes the one at s; brackets in texts are not told apart. NULL when it is too far.
 */
static const char *skip_brackets(const char *s) {
    int depth = 0;
    for (const char *end = s + VALUE_LONGEST; *s && s < end; s++) {
        depth += *s == '(' || *s == '[' || *s == '{';
        depth -= *s == ')' || *s == ']' || *s == '}';
        if (depth == 0)
            return s + 1;
    }
    return NULL;
}

static bool is_literal(const char *s) {
    static const char *const words[] = {"True", "False", "None", NULL};
    const char *quote = s + strspn(s, "rRbBfFuU");
    return (*s >= '0' && *s <= '9') || *s == '-' || ((*quote == '"' || *quote == '\'') && quote - s <= 2) ||
           starts_any(s, words);
}

/* Whether attributes, calls and subscripts end in an operator: what that gives is no function and no class.
 */
static bool is_operation(const char *s) {
    while (s && (*s == '.' || *s == '(' || *s == '['))
        s = *s == '.' ? skip_name(s + 1, true) : skip_brackets(s);
    return s && *(s = skip_blanks(s)) && strchr("/+-*%|&<>", *s) != NULL;
}

static fact_str keep_value(struct facts_builder *b, const char *s) {
    if (is_literal(s))
        return facts_add_text(b, "0", 1);
    if (*s == '[' || *s == '{') {
        const char *end = skip_brackets(s);
        return end && ends_statement(end) ? facts_add_text(b, "[]", 2) : 0;
    }
    const char *end = is_letter(*s) ? skip_name(s, true) : s;
    if (end == s || end - s > NAME_LONGEST || starts_word(s, "lambda") || starts_word(s, "not"))
        return 0;
    if (ends_statement(end))
        return facts_add_text(b, s, (uint32_t)(end - s));
    const char *close = *end == '(' ? skip_brackets(end) : NULL;
    if (!close || !ends_statement(close))
        return is_operation(close ? close : end) ? facts_add_text(b, "0", 1) : 0;
    struct buf call = {0};
    buf_add(&call, s, (size_t)(end - s));
    buf_str(&call, "()");
    fact_str kept = facts_add_text(b, call.s, (uint32_t)call.len);
    buf_free(&call);
    return kept;
}

/* The '=' of an annotated assignment on this line, or NULL. */
static const char *past_annotation(const char *s) {
    size_t n = strcspn(s, "=\n#");
    return s[n] == '=' && s[n + 1] != '=' ? s + n : NULL;
}

struct target {
    const char *name;
    uint32_t len;
};

/* The names that a line binds; *value is where the value begins. */
static unsigned read_targets(const char *s, bool margin, struct target *out, const char **value) {
    unsigned n = 0;
    bool listed = false;
    while (n < NAMES_MOST && is_letter(*s)) {
        const char *end = skip_name(s, margin);
        out[n++] = (struct target){s, (uint32_t)(end - s)};
        const char *next = skip_blanks(end);
        if (*next == ',') {
            listed = true;
            s = skip_blanks(next + 1);
            continue;
        }
        if (*next == ':' && n == 1)
            next = past_annotation(next);
        else if (*next && strchr("+-|&*", *next) && next[1] == '=')
            next++;
        if (!next || *next != '=' || next[1] == '=')
            return *value ? n - 1 : 0;
        *value = s = skip_blanks(next + 1);
    }
    if (listed)
        *value = *value ? "," : NULL;
    return *value ? n : 0;
}

static void take_line(struct facts_builder *b, const char *s, uint32_t col, uint32_t line) {
    struct target targets[NAMES_MOST];
    const char *value = NULL;
    unsigned n = read_targets(s, col == 1, targets, &value);
    for (unsigned i = 0; i < n; i++) {
        if (targets[i].len > NAME_LONGEST)
            continue;
        struct fact_binding binding = {
            .name = facts_add_text(b, targets[i].name, targets[i].len), .line = line, .col = col};
        binding.value = keep_value(b, value);
        array_push(b->arena, &b->bindings, binding);
    }
}

static bool has_call(const char *s, size_t n, const char *call, bool any_owner) {
    for (const char *p = s, *end = s + n; (p = memmem(p, (size_t)(end - p), call, strlen(call))) != NULL; p++)
        if (p == s || (!is_name(p[-1]) && (any_owner || p[-1] != '.')))
            return true;
    return false;
}

static bool makes_names(const char *s, size_t n) {
    static const char *const calls[] = {"globals()", "vars()", "locals()", "exec(", "setattr("};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (has_call(s, n, calls[i], false))
            return true;
    return false;
}

void bindings_scan(struct facts_builder *b, const char *s, size_t n, const struct outline_line *lines,
                   uint32_t n_lines) {
    for (uint32_t i = 0; i < n_lines; i++) {
        const struct outline_line *line = &lines[i];
        if (makes_names(s + line->at, line->len))
            b->flags |= FACT_MAKES_NAMES;
        if (is_letter(s[line->at]))
            take_line(b, s + line->at, line->col, line->line);
    }
    if (!lines || has_call(s, n, "globals()[", true) || has_call(s, n, "globals().update(", true))
        b->flags |= FACT_MAKES_NAMES;
}

/* Whether the name, which stands at s, is bound or changed there. */
static bool is_changed_at(const char *source, const char *s, size_t n) {
    static const char *const changing[] = {"append", "extend", "insert", "update",     "pop",
                                           "remove", "clear",  "add",    "setdefault", NULL};
    static const char *const binding[] = {"for", "as", "del", "global", "import", "class", "def"};
    const char *next = skip_blanks(s + n), *before = s;
    if (*next == '.' && starts_any(next + 1, changing))
        return true;
    if (*next == '[') {
        const char *close = skip_brackets(next);
        next = close ? skip_blanks(close) : "=";
    }
    if ((*next == '=' && next[1] != '=') || (*next && strchr("+-|&*", *next) && next[1] == '='))
        return true;
    while (before > source && (before[-1] == ' ' || before[-1] == '\t'))
        before--;
    for (size_t i = 0; i < sizeof binding / sizeof *binding; i++) {
        size_t len = strlen(binding[i]);
        if ((size_t)(before - source) >= len && memcmp(before - len, binding[i], len) == 0 && before < s)
            return true;
    }
    return false;
}

/* Where the name is bound at the left margin, if nothing else binds or changes it. */
static const char *find_binding(const struct bound_values *v, const char *name) {
    size_t n = strlen(name);
    const char *found = NULL, *end = v->s + v->n;
    for (const char *p = v->s; (p = memmem(p, (size_t)(end - p), name, n)) != NULL; p += n) {
        if ((p > v->s && (is_name(p[-1]) || p[-1] == '.')) || is_name(p[n]))
            continue;
        bool margin = p == v->s || p[-1] == '\n';
        const char *next = skip_blanks(p + n);
        if (margin && *next == ':')
            next = past_annotation(next);
        if (margin && !found && next && *next == '=' && next[1] != '=')
            found = p;
        else if (is_changed_at(v->s, p, n))
            return NULL;
    }
    return found;
}

TSNode bound_values_find(struct bound_values *v, const char *name, const char **text) {
    const char *at = find_binding(v, name);
    struct logical_line line;
    if (!at || !scan_line(v->s, v->n, (size_t)(at - v->s), &line))
        return (TSNode){0};
    size_t n = line.code_end - (size_t)(at - v->s);
    struct bound_value asked = {.text = malloc(n + 2)};
    if (!asked.text)
        return (TSNode){0};
    memcpy(asked.text, at, n);
    memcpy(asked.text + n, "\n", 2);
    ts_parser_set_included_ranges(v->ts, NULL, 0);
    asked.tree = ts_parser_parse_string(v->ts, NULL, asked.text, (uint32_t)n + 1);
    array_push(&v->arena, &v->asked, asked);
    TSNode root = ts_tree_root_node(asked.tree);
    if (ts_node_has_error(root)) {
        ts_parser_set_language(v->ts, syntax_language());
        return (TSNode){0};
    }
    TSNode statement = ts_node_named_child(root, 0);
    TSNode assignment = ts_node_is_null(statement) ? statement : ts_node_named_child(statement, 0);
    if (!syntax_is(assignment, KIND_ASSIGNMENT) || ts_node_named_child_count(root) != 1)
        return (TSNode){0};
    *text = asked.text;
    return syntax_field(assignment, "right");
}

void bound_values_free(struct bound_values *v) {
    ARRAY_FOR (struct bound_value, asked, &v->asked) {
        ts_tree_delete(asked->tree);
        free(asked->text);
    }
    arena_free(&v->arena);
    v->asked.items = NULL;
    v->asked.len = v->asked.cap = 0;
}
