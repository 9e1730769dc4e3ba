#ifndef EMIT_BUILD_SYNTAX_H
#define EMIT_BUILD_SYNTAX_H

#include "emit/build_file.h"

/* What reading a BUILD file and changing it share: its tree. Texts are copied into the file's arena. */

/* Stands above the exports_files() that is testfan's. */
#define EXPORTS_MARK "# " RULE_TAG

static inline uint32_t start_of(TSNode n) {
    return ts_node_start_byte(n);
}

static inline uint32_t end_of(TSNode n) {
    return ts_node_end_byte(n);
}

static inline uint32_t row_of(TSNode n) {
    return ts_node_start_point(n).row;
}

static inline uint32_t end_row_of(TSNode n) {
    return ts_node_end_point(n).row;
}

/* The caller frees it. */
TSTree *build_parse(const char *text);
char *build_text(const struct build_file *f, TSNode n);
bool build_is_keep(const struct build_file *f, TSNode n);
/* The value of a string literal without prefix, or NULL. */
const char *build_string(const struct build_file *f, TSNode n);
struct strs build_strings(const struct build_file *f, TSNode list);
TSNode build_value(const struct build_file *f, TSNode call, const char *name);
/* The call that a statement of the file is, with the name of what is called; else a null node. */
TSNode build_call(const struct build_file *f, TSNode statement, const char **kind);
/* The comment that stands on the line above, or a null node. */
TSNode build_comment_above(TSNode n);
bool build_is_our_exports(const struct build_file *f, TSNode statement, const char *kind);
TSNode build_first_argument(TSNode call);

#endif
