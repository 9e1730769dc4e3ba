#ifndef SOURCE_PLACE_H
#define SOURCE_PLACE_H

#include "base/str.h"

#include <stdint.h>
#include <tree_sitter/api.h>

/* What if, try, except and with add to the place (enum fact_place) of the statements under them. */

struct place_reader {
    const char *text;    /* what was parsed */
    struct buf *scratch; /* the caller's; overwritten */
};

struct place_branches {
    uint16_t consequence, alternative; /* of the first branch; of the others */
};

struct place_branches place_of_if(const struct place_reader *r, TSNode node); /* or of an elif */
struct place_branches place_of_try(const struct place_reader *r, TSNode node);
uint16_t place_of_except(const struct place_reader *r, TSNode clause);
uint16_t place_of_with(const struct place_reader *r, TSNode node);

#endif
