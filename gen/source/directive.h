#ifndef SOURCE_DIRECTIVE_H
#define SOURCE_DIRECTIVE_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct facts;
struct facts_builder;

/*
 * `# testfan: data=GLOB…`, `# testfan: serial`, `# testfan: resource=NAME`, `# testfan: together=NAME`,
 * `# testfan: isolation=file`: what a comment tells testfan, one thing in each. A table in directive.c has
 * all of them.
 */

/* Takes the comment at `s` ('#' on, n bytes) as a directive if it is one. */
void directive_take(struct facts_builder *b, const char *s, uint32_t n, uint32_t line);

/* What the text of a directive says of `word`: what stands behind `word=`, "" for the word alone; NULL when
 * it says another thing. */
const char *directive_value(const char *text, const char *word);
/* What the first directive of the file that says something of `word` says of it, or NULL. */
const char *directive_find(const struct facts *f, const char *word);

/* Whether the text can be followed; *cure is what helps where it cannot. */
bool directive_check(struct arena *a, const char *text, const char **cure);

/* Whether the text can name a resource or a group: letters, digits, '_', '-' and '.'. */
bool directive_is_name(const char *text);
/* Whether it is file, session or auto. */
bool directive_is_isolation(const char *text);

#endif
