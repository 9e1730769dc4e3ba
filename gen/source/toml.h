#ifndef SOURCE_TOML_H
#define SOURCE_TOML_H

#include "base/array.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum toml_type {
    TOML_STRING,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_BOOLEAN,
    TOML_DATE_TIME,
    TOML_ARRAY,
    TOML_TABLE
};

/* A value of a TOML 1.0 document. */
struct toml {
    enum toml_type type;
    uint32_t line;
    const char *key;  /* decoded; NULL in an array and at the root */
    const char *text; /* a string decoded; of a number, boolean or date the text as written; else NULL */
    size_t len;       /* of text: a string can hold a NUL */
    unsigned flags;   /* of toml_parse alone */
    ARRAY(struct toml *) items; /* of an array, or of a table in the order of the document */
};

/* The document's root table, in the arena. NULL when Python's tomllib would reject it; *error then says why
   (in the arena) and *line where. */
const struct toml *toml_parse(struct arena *a, const char *bytes, size_t n, uint32_t *line,
                              const char **error);

/* The value of the key, or NULL when there is none or `table` is NULL or no table. */
const struct toml *toml_get(const struct toml *table, const char *key);
/* The type's name as Python calls it: str, int, … */
const char *toml_type_name(const struct toml *value);

#endif
