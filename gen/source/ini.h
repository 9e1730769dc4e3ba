#ifndef SOURCE_INI_H
#define SOURCE_INI_H

#include "base/array.h"

#include <stdbool.h>
#include <stddef.h>

struct ini_entry {
    const char *section, *name;
    const char *value; /* its lines, stripped and without blank and comment lines, joined by '\n' */
    uint32_t line;
};

/* An INI file as pytest reads it. */
struct ini {
    struct strs sections;
    ARRAY(struct ini_entry) entries;
};

/*
 * Reads bytes by the rules of iniconfig, pytest's own reader, which are stricter than configparser's:
 * comments are whole lines, `#` or `;` within a value is kept, a line that starts with white space goes on
 * with the value above, blank lines do not end a value, and a name or section may stand only once. False when
 * iniconfig would reject it; *error then says why (in the arena) and *line where. All of the result is in the
 * arena.
 */
bool ini_parse_bytes(struct arena *a, const char *bytes, size_t n, struct ini *ini, uint32_t *line,
                     const char **error);

bool ini_has_section(const struct ini *ini, const char *section);
/* NULL when there is none. */
const struct ini_entry *ini_find(const struct ini *ini, const char *section, const char *name);

#endif
