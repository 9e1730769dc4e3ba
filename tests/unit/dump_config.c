/* Prints what config_load and scan_tree find for a folder, as JSON: dump_config DIR PYTEST_MAJOR. */

#include "base/diag.h"
#include "source/config.h"
#include "source/scan.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

/* JSON has no bytes: what is no ASCII, and the backslash, becomes \xNN. */
static cJSON *text(const char *s) {
    if (!s)
        return cJSON_CreateNull();
    struct buf b = {0};
    buf_str(&b, "");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c >= 0x80 || c == '\\')
            buf_fmt(&b, "\\x%02x", c);
        else
            buf_char(&b, *s);
    }
    cJSON *j = cJSON_CreateString(b.s);
    buf_free(&b);
    return j;
}

static void add(cJSON *to, const char *name, cJSON *value) {
    cJSON_AddItemToObject(to, name, value);
}

static void add_list(cJSON *to, const char *name, const struct strs *list) {
    cJSON *j = cJSON_AddArrayToObject(to, name);
    for (uint32_t i = 0; i < list->len; i++)
        cJSON_AddItemToArray(j, text(list->items[i]));
}

static void add_config(cJSON *to, const struct config *c) {
    add(to, "rootdir", text(c->rootdir));
    add(to, "inipath", text(c->inipath));
    add(to, "cache_dir", text(c->cache_dir));
    cJSON_AddBoolToObject(to, "namespace_packages", c->namespace_packages);
    add_list(to, "inputs", &c->inputs);
    add_list(to, "addopts", &c->addopts);
    add_list(to, "testpaths", &c->testpaths);
    add_list(to, "python_files", &c->python_files);
    add_list(to, "python_classes", &c->python_classes);
    add_list(to, "python_functions", &c->python_functions);
    add_list(to, "norecursedirs", &c->norecursedirs);
    add_list(to, "pythonpath", &c->pythonpath);
    add_list(to, "kept", &c->options.kept);
    add_list(to, "dropped", &c->options.whole.dropped);
    add_list(to, "positional", &c->options.positional);
}

static void add_files(cJSON *to, const char *name, const struct source_file *files, uint32_t n) {
    cJSON *j = cJSON_AddArrayToObject(to, name);
    for (uint32_t i = 0; i < n; i++) {
        cJSON *file = cJSON_CreateObject();
        add(file, "path", text(files[i].path));
        cJSON_AddNumberToObject(file, "flags", files[i].flags);
        cJSON_AddItemToArray(j, file);
    }
}

int main(int argc, char **argv) {
    if (argc != 3)
        die("usage: dump_config DIR PYTEST_MAJOR");
    struct arena a = {0};
    struct config c;
    struct scan s;
    if (!config_load(&a, argv[1], (unsigned)atoi(argv[2]), &c) || !scan_tree(&a, &c, &s)) {
        arena_free(&a);
        return 4;
    }
    cJSON *out = cJSON_CreateObject();
    add_config(out, &c);
    add_files(out, "files", s.files.items, s.files.len);
    add_files(out, "texts", s.texts.items, s.texts.len);
    add_list(out, "dirs", &s.dirs);
    char *printed = cJSON_Print(out);
    puts(printed);
    free(printed);
    cJSON_Delete(out);
    arena_free(&a);
    return 0;
}
