#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/str.h"

#include <cJSON.h>

/* The strings in an array, copied; none where `list` is NULL, and what is no string is left out. */
struct strs json_strings(struct arena *a, const cJSON *list);

#endif
