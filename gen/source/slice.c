#include "source/slice.h"
#include "source/scanner.h"

#include <string.h>

/* A line break can be a newline, an indent and a dedent. */
enum { TOKENS_MOST = 60000, TOKENS_PER_BREAK = 3 };

/* Whether a statement may begin at s[at], the first byte of a line, that has nothing to do with the line
 * before, which began at s[before]. */
static bool begins_statement(const char *s, size_t before, size_t at) {
    return (s[at] == '@' || skip_word(s, at) > at) && s[before] != '@' && !continues_compound(s + at) &&
           (at < 2 || !strchr(",([{\\", s[at - 2]));
}

size_t slice_end(const char *s, size_t n, size_t from, bool balanced) {
    if (n - from <= TOKENS_MOST / TOKENS_PER_BREAK)
        return n;
    size_t cut = 0, line = from, at = from;
    for (unsigned tokens = 0; at < n && (tokens < TOKENS_MOST || (balanced && !cut)); tokens++) {
        size_t end = skip_word(s, at);
        if (end > at) {
            at = end;
        } else if (s[at++] == '\n') {
            tokens += TOKENS_PER_BREAK - 1;
            if (at < n && begins_statement(s, line, at))
                cut = at;
            line = at;
        }
    }
    return at >= n ? n : cut ? cut : at;
}
