#include "base/text.h"

#include <string.h>

/* The first byte of the first characters that East Asian terminals show two columns wide. */
enum { WIDE = 0xe1 };

size_t text_char(const char *s) {
    unsigned char c = (unsigned char)*s;
    if (c < 0x80)
        return c >= 0x20 && c != 0x7f;
    size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    bool c1 = c == 0xc2 && (unsigned char)s[1] < 0xa0;
    return strnlen(s, len) == len && str_is_utf8(s, len) && !c1 ? len : 0;
}

size_t text_put(struct buf *b, const char *s, size_t n, size_t max) {
    size_t columns = 0;
    buf_add(b, "", 0);
    for (size_t i = 0; i < n && columns < max; columns++) {
        size_t len = text_char(s + i);
        if (len)
            buf_add(b, s + i, len);
        else if (s[i] == '\t')
            buf_char(b, ' ');
        else
            buf_fmt(b, "#x%02X", (unsigned char)s[i]);
        i += len ? len : 1;
    }
    return columns;
}

size_t text_columns(const char *s) {
    size_t n = 0;
    for (; s && *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

size_t text_width(const char *s) {
    size_t n = 0;
    for (; *s; s++)
        n += (((unsigned char)*s & 0xc0) != 0x80) + ((unsigned char)*s >= WIDE);
    return n;
}
