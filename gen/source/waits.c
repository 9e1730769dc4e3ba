#if defined(__linux__)
#define _GNU_SOURCE /* memmem */
#endif
#include "source/waits.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { CALL_MOST = 60000, ALL_MOST = 3600000 };

static bool is_digit(const char *s, const char *end) {
    return s < end && isdigit((unsigned char)*s);
}

/* Of what stands in the brackets of a call, when it is a plain number. */
static uint32_t milliseconds(const char *s, const char *end) {
    uint32_t ms = 0, unit = 100;
    for (; is_digit(s, end); s++)
        ms = ms < CALL_MOST ? ms * 10 + (uint32_t)(*s - '0') * 1000 : ms;
    if (s < end && *s == '.')
        for (s++; is_digit(s, end); s++, unit /= 10)
            ms += (uint32_t)(*s - '0') * unit;
    return s < end && *s == ')' ? ms : 0;
}

uint32_t waits_scan(const char *s, size_t n) {
    static const char call[] = "sleep(";
    const size_t len = sizeof call - 1;
    const char *end = s + n;
    uint32_t all = 0;
    for (const char *at; n && (at = memmem(s, (size_t)(end - s), call, len)); s = at + len) {
        bool named = at > s && (isalnum((unsigned char)at[-1]) || at[-1] == '_');
        uint32_t ms = named ? 0 : milliseconds(at + len, end);
        all += ms < CALL_MOST ? ms : CALL_MOST;
        if (all > ALL_MOST)
            return ALL_MOST;
    }
    return all;
}
