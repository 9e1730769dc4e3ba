#include "source/decode.h"

#include <ctype.h>
#include <iconv.h>
#include <errno.h>
#include <string.h>

enum { NAME_MAX_LEN = 40 };

/* The declared encoding of one line, by PEP 263's expression `^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)`. */
static bool line_cookie(const char *line, size_t n, char *name) {
    size_t i = 0;
    while (i < n && strchr(" \t\f", line[i]))
        i++;
    if (i == n || line[i] != '#')
        return false;
    for (; i + 7 < n; i++) {
        if (memcmp(line + i, "coding", 6) != 0 || (line[i + 6] != ':' && line[i + 6] != '='))
            continue;
        size_t at = i + 7, len = 0;
        while (at < n && (line[at] == ' ' || line[at] == '\t'))
            at++;
        for (; at < n && len < NAME_MAX_LEN - 1 &&
               (isalnum((unsigned char)line[at]) || strchr("-_.", line[at]));
             at++)
            name[len++] = line[at] == '_' ? '-' : (char)tolower((unsigned char)line[at]);
        name[len] = 0;
        return len > 0;
    }
    return false;
}

static bool blank_line(const char *line, size_t n) {
    size_t i = 0;
    while (i < n && strchr(" \t\f\r", line[i]))
        i++;
    return i == n || line[i] == '#';
}

static bool find_cookie(const char *s, size_t n, char *name) {
    for (int line = 0; line < 2 && n; line++) {
        size_t len = 0;
        while (len < n && s[len] != '\n' && s[len] != '\r')
            len++;
        if (line_cookie(s, len, name))
            return true;
        if (!blank_line(s, len))
            return false;
        len += len < n && s[len] == '\r' && len + 1 < n && s[len + 1] == '\n';
        len += len < n;
        s += len;
        n -= len;
    }
    return false;
}

static bool starts_with_any(const char *name, const char *const *list) {
    for (; *list; list++)
        if (strncmp(name, *list, strlen(*list)) == 0)
            return true;
    return false;
}

/* Encodings in which every byte below 0x80 stands for itself. */
static bool is_ascii_superset(const char *name) {
    static const char *const supersets[] = {
        "utf-8",   "utf8",  "u8",      "ascii",       "us-ascii", "latin",  "l1",     "iso-8859",
        "iso8859", "8859",  "cp125",   "windows-125", "koi8",     "mac",    "cp437",  "cp85",
        "cp86",    "cp866", "tis-620", "euc-",        "euc",      "gb2312", "kz1048", "ptcp154",
        "cp720",   "cp737", "cp775",   "hp-roman8",   NULL};
    return starts_with_any(name, supersets);
}

/* The name that iconv(3) knows it by. */
static const char *iconv_name(const char *name) {
    static const char *const names[][2] = {{"shift-jis", "CP932"},
                                           {"shiftjis", "CP932"},
                                           {"sjis", "CP932"},
                                           {"s-jis", "CP932"},
                                           {"ms932", "CP932"},
                                           {"mskanji", "CP932"},
                                           {"ms-kanji", "CP932"},
                                           {"932", "CP932"},
                                           {"ms1361", "JOHAB"},
                                           {"cp1361", "JOHAB"},
                                           {"950", "CP950"},
                                           {"ms950", "CP950"},
                                           {"936", "CP936"},
                                           {"ms936", "CP936"},
                                           {"cp936", "GBK"},
                                           {"shift-jisx0213", "SHIFT_JISX0213"},
                                           {"sjisx0213", "SHIFT_JISX0213"},
                                           {"shift-jis-2004", "SHIFT_JISX0213"},
                                           {"sjis-2004", "SHIFT_JISX0213"},
                                           {"gb18030-2000", "GB18030"},
                                           {"hkscs", "BIG5-HKSCS"},
                                           {"big5-tw", "BIG5"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], name) == 0)
            return names[i][1];
    return name;
}

static bool convert(struct buf *out, const char *bytes, size_t n, const char *name) {
    static const char *const refused[] = {"utf-7", "utf7",   "u7",    "utf-16", "utf16",
                                          "u16",   "utf-32", "utf32", "u32",    NULL};
    if (starts_with_any(name, refused))
        return false;
    iconv_t cd = iconv_open("UTF-8", iconv_name(name));
    if (cd == (iconv_t)-1)
        return false;
    union {
        const char *given;
        char *taken;
    } in = {bytes};
    size_t left = n;
    bool ok = true;
    while (ok && left) {
        char chunk[4096], *to = chunk;
        size_t room = sizeof chunk;
        ok = iconv(cd, &in.taken, &left, &to, &room) != (size_t)-1 || errno == E2BIG;
        buf_add(out, chunk, sizeof chunk - room);
    }
    iconv_close(cd);
    return ok;
}

static void end_lines(char *s, size_t n) {
    for (char *p = s, *end = s + n; (p = memchr(p, '\r', (size_t)(end - p))); p++)
        if (p + 1 == end || p[1] != '\n')
            *p = '\n';
}

bool decode_source(struct buf *out, const char *bytes, size_t n) {
    buf_reset(out);
    bool marked = n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0;
    char name[NAME_MAX_LEN];
    if (n >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0))
        return false;
    if (!marked && find_cookie(bytes, n, name) && !is_ascii_superset(name)) {
        if (!convert(out, bytes, n, name))
            return false;
    } else {
        buf_add(out, bytes, n);
    }
    if (marked)
        memset(out->s, ' ', 3);
    end_lines(out->s, out->len);
    return true;
}
