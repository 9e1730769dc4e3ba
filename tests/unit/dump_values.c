/* Prints what toml_parse or ini_parse_bytes reads from files, a line of JSON each, null for a rejected one:
   dump_values toml|ini FILE… */

#include "base/diag.h"
#include "base/os.h"
#include "base/str.h"
#include "source/ini.h"
#include "source/toml.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes as the characters of Latin-1, since JSON has no bytes. */
static cJSON *bytes(const char *s, size_t n) {
    struct buf b = {0};
    buf_str(&b, "");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x80)
            buf_fmt(&b, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
        else if (c)
            buf_char(&b, s[i]);
        else
            buf_str(&b, "\xc4\x80"); /* U+0100 stands for a NUL, which cJSON's strings end at */
    }
    cJSON *j = cJSON_CreateString(b.s);
    buf_free(&b);
    return j;
}

static cJSON *toml_json(const struct toml *v) {
    cJSON *j = cJSON_CreateArray();
    cJSON_AddItemToArray(j, cJSON_CreateString(toml_type_name(v)));
    for (uint32_t i = 0; i < v->items.len; i++) {
        cJSON *item = toml_json(v->items.items[i]);
        if (v->type == TOML_TABLE)
            cJSON_InsertItemInArray(item, 0, bytes(v->items.items[i]->key, strlen(v->items.items[i]->key)));
        cJSON_AddItemToArray(j, item);
    }
    if (v->text)
        cJSON_AddItemToArray(j, bytes(v->text, v->len));
    return j;
}

static cJSON *ini_json(const struct ini *ini) {
    cJSON *j = cJSON_CreateArray();
    for (uint32_t i = 0; i < ini->sections.len; i++) {
        const char *name = ini->sections.items[i];
        cJSON *section = cJSON_CreateArray();
        cJSON_AddItemToArray(section, bytes(name, strlen(name)));
        ARRAY_FOR (struct ini_entry, e, &ini->entries) {
            if (strcmp(e->section, name) != 0)
                continue;
            cJSON_AddItemToArray(section, bytes(e->name, strlen(e->name)));
            cJSON_AddItemToArray(section, bytes(e->value, strlen(e->value)));
            cJSON_AddItemToArray(section, cJSON_CreateNumber(e->line));
        }
        cJSON_AddItemToArray(j, section);
    }
    return j;
}

static cJSON *parse(struct arena *a, bool is_toml, const char *text, size_t n) {
    uint32_t line;
    const char *error;
    struct ini ini;
    if (!str_is_utf8(text, n))
        return cJSON_CreateNull();
    if (!is_toml)
        return ini_parse_bytes(a, text, n, &ini, &line, &error) ? ini_json(&ini) : cJSON_CreateNull();
    const struct toml *root = toml_parse(a, text, n, &line, &error);
    return root ? toml_json(root) : cJSON_CreateNull();
}

int main(int argc, char **argv) {
    for (int i = 2; i < argc; i++) {
        struct arena a = {0};
        size_t n;
        char *text = os_read(&a, argv[i], &n);
        if (!text)
            die("cannot read '%s':", argv[i]);
        cJSON *j = parse(&a, strcmp(argv[1], "toml") == 0, text, n);
        char *printed = cJSON_PrintUnformatted(j);
        puts(printed);
        free(printed);
        cJSON_Delete(j);
        arena_free(&a);
    }
    return 0;
}
