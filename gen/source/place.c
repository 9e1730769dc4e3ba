#include "source/place.h"
#include "source/facts.h"
#include "source/syntax.h"

static bool is_type_checking(const struct place_reader *r, TSNode node) {
    buf_reset(r->scratch);
    return syntax_dotted(syntax_unwrapped(node), r->text, r->scratch) &&
           syntax_ends(r->scratch->s, "TYPE_CHECKING");
}

struct place_branches place_of_if(const struct place_reader *r, TSNode node) {
    TSNode condition = syntax_unwrapped(syntax_field(node, "condition"));
    struct place_branches b = {PLACE_CONDITIONAL, PLACE_CONDITIONAL};
    if (ts_node_is_null(condition))
        return b;
    if (is_type_checking(r, condition))
        b.consequence |= PLACE_TYPE_CHECKING;
    else if (syntax_is(condition, KIND_NOT) && is_type_checking(r, syntax_field(condition, "argument")))
        b.alternative |= PLACE_TYPE_CHECKING;
    return b;
}

static bool names_import_error(const struct place_reader *r, TSNode node) {
    static const char *const names[] = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"};
    node = syntax_unwrapped(node);
    if (syntax_is(node, KIND_AS_PATTERN))
        return names_import_error(r, ts_node_named_child(node, 0));
    if (syntax_is(node, KIND_TUPLE) || syntax_is(node, KIND_EXPRESSIONS)) {
        uint32_t n = ts_node_named_child_count(node);
        for (uint32_t i = 0; i < n; i++)
            if (!syntax_is(ts_node_named_child(node, i), KIND_TUPLE) &&
                names_import_error(r, ts_node_named_child(node, i)))
                return true;
        return false;
    }
    buf_reset(r->scratch);
    if (!syntax_dotted(node, r->text, r->scratch))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (syntax_ends(r->scratch->s, names[i]))
            return true;
    return false;
}

/* Whether an except clause takes ImportError; the clause's block is its last named child. */
static bool takes_import_error(const struct place_reader *r, TSNode clause) {
    uint32_t n = ts_node_named_child_count(clause);
    bool bare = true;
    for (uint32_t i = 0; i < n; i++) {
        TSNode child = ts_node_named_child(clause, i);
        if (syntax_is(child, KIND_BLOCK) || syntax_is(child, KIND_COMMENT))
            continue;
        bare = false;
        if (names_import_error(r, child))
            return true;
    }
    return bare;
}

struct place_branches place_of_try(const struct place_reader *r, TSNode node) {
    struct place_branches b = {PLACE_CONDITIONAL, PLACE_CONDITIONAL};
    uint32_t n = ts_node_named_child_count(node);
    for (uint32_t i = 0; i < n; i++) {
        TSNode child = ts_node_named_child(node, i);
        if ((syntax_is(child, KIND_EXCEPT) || syntax_is(child, KIND_EXCEPT_GROUP)) &&
            takes_import_error(r, child))
            b.consequence |= PLACE_TRY_IMPORT;
    }
    return b;
}

/* `with suppress(ImportError):` */
static bool suppresses_import_error(const struct place_reader *r, TSNode node) {
    for (TSNode item = ts_node_named_child(node, 0); !ts_node_is_null(item);
         item = ts_node_named_child(item, 0)) {
        if (!syntax_is(item, KIND_CALL))
            continue;
        buf_reset(r->scratch);
        TSNode args = syntax_field(item, "arguments");
        if (!syntax_dotted(syntax_field(item, "function"), r->text, r->scratch) ||
            !syntax_ends(r->scratch->s, "suppress") || ts_node_is_null(args))
            return false;
        uint32_t n = ts_node_named_child_count(args);
        for (uint32_t i = 0; i < n; i++)
            if (names_import_error(r, ts_node_named_child(args, i)))
                return true;
        return false;
    }
    return false;
}

uint16_t place_of_except(const struct place_reader *r, TSNode clause) {
    return PLACE_CONDITIONAL | (takes_import_error(r, clause) ? PLACE_TRY_IMPORT : 0);
}

uint16_t place_of_with(const struct place_reader *r, TSNode node) {
    return PLACE_CONDITIONAL | (suppresses_import_error(r, node) ? PLACE_TRY_IMPORT : 0);
}
