#include "source/ini.h"
#include "base/map.h"
#include "base/str.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * libinih takes lines of at most 199 bytes and names of at most 49, cuts comments out of values and strips
 * them. So the reader hands it the file in pieces that it cannot harm, and the handler joins them again:
 *
 *     [0]                              a section or a name goes by its number
 *     1==the first piece of a value|
 *      +more of the same line|
 *      |the next line of the value|
 */
enum { PIECE = 80 };

struct reading {
    struct arena *arena;
    struct ini *ini;
    const char *next, *end;      /* what is left of the file */
    const char *rest, *rest_end; /* what is left of the value on the current line */
    uint32_t line;
    struct strs names;
    struct map seen;  /* section number=name */
    struct buf value; /* of the last entry, so far */
    bool in_value;
    const char *error;
};

/* The length of the white-space character at p as str.isspace() has it, or 0. */
static size_t space_at(const char *p, const char *end) {
    unsigned char c = (unsigned char)*p;
    if (c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f))
        return 1;
    if (end - p >= 2 && c == 0xc2)
        return (unsigned char)p[1] == 0x85 || (unsigned char)p[1] == 0xa0 ? 2 : 0;
    static const char *const wide[] = {"\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9",
                                       "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    if (end - p < 3)
        return 0;
    if (memcmp(p, "\xe2\x80", 2) == 0 && (unsigned char)p[2] >= 0x80 && (unsigned char)p[2] <= 0x8a)
        return 3;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (memcmp(p, wide[i], 3) == 0)
            return 3;
    return 0;
}

/* The length of the line break at p as str.splitlines() has it, or 0. */
static size_t break_at(const char *p, const char *end) {
    unsigned char c = (unsigned char)*p;
    if (c == '\r')
        return p + 1 < end && p[1] == '\n' ? 2 : 1;
    if ((c >= '\n' && c <= '\f') || (c >= 0x1c && c <= 0x1e))
        return 1;
    size_t space = space_at(p, end);
    bool wide = (space == 2 && (unsigned char)p[1] == 0x85) ||
                (space == 3 && (memcmp(p, "\xe2\x80\xa8", 3) == 0 || memcmp(p, "\xe2\x80\xa9", 3) == 0));
    return wide ? space : 0;
}

static const char *skip_space(const char *p, const char *end) {
    for (size_t n; p < end && (n = space_at(p, end)); p += n) {
    }
    return p;
}

static const char *strip_end(const char *p, const char *end) {
    const char *last = p;
    while (p < end) {
        size_t n = space_at(p, end);
        p += n ? n : 1;
        last = n ? last : p;
    }
    return last;
}

static char *fail(struct reading *r, const char *error) {
    r->error = error;
    return NULL;
}

/* libinih cuts at a `;`, so that travels as "\1:", and a \1 as "\1\1". */
static size_t put_escaped(char *to, const char *from, size_t n) {
    char *p = to;
    for (size_t i = 0; i < n; i++) {
        if (from[i] == ';' || from[i] == '\1')
            *p++ = '\1';
        *p++ = from[i] == ';' ? ':' : from[i];
    }
    return (size_t)(p - to);
}

static void add_unescaped(struct buf *to, const char *from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        bool escaped = from[i] == '\1';
        i += escaped;
        buf_char(to, escaped && from[i] == ':' ? ';' : from[i]);
    }
}

static char *give_piece(struct reading *r, char *out, const char *before, char mark) {
    size_t n = (size_t)(r->rest_end - r->rest);
    if (n > PIECE)
        n = PIECE;
    size_t at = strlen(before);
    memcpy(out, before, at);
    out[at++] = mark;
    at += put_escaped(out + at, r->rest, n);
    out[at++] = '|';
    out[at++] = '\n';
    out[at] = 0;
    r->rest = n == (size_t)(r->rest_end - r->rest) ? NULL : r->rest + n;
    return out;
}

static char *give_section(struct reading *r, char *out, int num, const char *s, const char *end) {
    const char *name = arena_strndup(r->arena, s, (size_t)(end - s));
    if (!*name)
        return fail(r, "empty section name");
    if (ini_has_section(r->ini, name))
        return fail(r, arena_printf(r->arena, "duplicate section '%s'", name));
    r->in_value = false;
    array_push(r->arena, &r->ini->sections, name);
    snprintf(out, (size_t)num, "[%u]\n", r->ini->sections.len - 1);
    return out;
}

static char *give_entry(struct reading *r, char *out, const char *line, const char *end) {
    const char *split = line;
    while (split < end && *split != '=' && *split != ':')
        split++;
    if (split == end)
        return fail(r, arena_printf(r->arena, "unexpected line '%.*s'", (int)(end - line), line));
    if (r->ini->sections.len == 0)
        return fail(r, "no section header above");
    const char *name_end = strip_end(line, split);
    array_push(r->arena, &r->names, arena_strndup(r->arena, line, (size_t)(name_end - line)));
    r->in_value = true;
    r->rest = skip_space(split + 1, end);
    r->rest_end = end;
    char before[32];
    snprintf(before, sizeof before, "%u=", r->names.len - 1);
    return give_piece(r, out, before, '=');
}

static char *give_continuation(struct reading *r, char *out, const char *line, const char *end) {
    if (!r->in_value)
        return fail(r, "unexpected value continuation");
    r->rest = skip_space(line, end);
    r->rest_end = end;
    return give_piece(r, out, " ", '|');
}

/* The end of a section header once a comment is cut off it, or NULL when the line is none. */
static const char *section_end(const char *line, const char *end) {
    for (const char *p = line; p < end; p++)
        if (*p == '#' || *p == ';')
            end = p;
    end = strip_end(line, end);
    return end[-1] == ']' ? end - 1 : NULL;
}

static char *give_line(struct reading *r, char *out, int num, const char *line, const char *end) {
    const char *close = *line == '[' ? section_end(line, end) : NULL;
    if (close)
        return give_section(r, out, num, line + 1, close);
    if (*line == '[' || space_at(line, end))
        return give_continuation(r, out, line, end);
    return give_entry(r, out, line, end);
}

static char *reader(char *out, int num, void *stream) {
    struct reading *r = stream;
    if (r->error)
        return NULL;
    if (r->rest)
        return give_piece(r, out, " ", '+');
    while (r->next < r->end) {
        const char *line = r->next, *end = line;
        size_t gap = 0;
        while (end < r->end && !(gap = break_at(end, r->end)))
            end++;
        r->next = end + gap;
        r->line++;
        const char *text = skip_space(line, end);
        if (text < end && *text != '#' && *text != ';')
            return give_line(r, out, num, line, strip_end(line, end));
    }
    return NULL;
}

static void end_value(struct reading *r) {
    if (r->ini->entries.len)
        r->ini->entries.items[r->ini->entries.len - 1].value =
            arena_strndup(r->arena, r->value.len ? r->value.s : "", r->value.len);
    buf_reset(&r->value);
}

static void begin_value(struct reading *r, const char *section, const char *name) {
    end_value(r);
    struct ini_entry e = {.section = r->ini->sections.items[strtoul(section, NULL, 10)],
                          .name = r->names.items[strtoul(name, NULL, 10)],
                          .line = r->line};
    char *key = arena_printf(r->arena, "%s=%s", section, e.name);
    if (map_get(&r->seen, key, strlen(key)) != MAP_NONE)
        r->error = arena_printf(r->arena, "duplicate name '%s'", e.name);
    map_set(&r->seen, key, strlen(key), 1);
    array_push(r->arena, &r->ini->entries, e);
}

static int handler(void *user, const char *section, const char *name, const char *value) {
    struct reading *r = user;
    if (*value == '=')
        begin_value(r, section, name);
    else if (*value == '|' && r->value.len)
        buf_char(&r->value, '\n');
    add_unescaped(&r->value, value + 1, strlen(value) - 2);
    return 1;
}

bool ini_parse_bytes(struct arena *a, const char *bytes, size_t n, struct ini *ini, uint32_t *line,
                     const char **error) {
    *ini = (struct ini){0};
    struct reading r = {.arena = a, .ini = ini, .next = bytes, .end = bytes + n, .seen = {.arena = a}};
    if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        r.next += 3;
    if (memchr(bytes, 0, n))
        r.error = "a NUL byte";
    ini_parse_stream(reader, &r, handler, &r);
    end_value(&r);
    buf_free(&r.value);
    *line = r.line;
    *error = r.error;
    return !r.error;
}

bool ini_has_section(const struct ini *ini, const char *section) {
    return strs_has(&ini->sections, section);
}

const struct ini_entry *ini_find(const struct ini *ini, const char *section, const char *name) {
    ARRAY_FOR (struct ini_entry, e, &ini->entries)
        if (strcmp(e->section, section) == 0 && strcmp(e->name, name) == 0)
            return e;
    return NULL;
}
