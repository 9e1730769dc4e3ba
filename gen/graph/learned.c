#include "graph/learned.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/os.h"
#include "base/out.h"
#include "base/str.h"
#include "graph/dists.h"
#include "graph/graph.h"
#include "source/scan.h"

#include <cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const list_names[LEARNED_LISTS_N] = {"absent", "dists", "imports", "lists", "reads"};

static uint32_t line_of(const char *text, const char *file) {
    cJSON *quoted = cJSON_CreateString(file);
    char *word = cJSON_PrintUnformatted(quoted);
    const char *at = word ? strstr(text, word) : NULL;
    uint32_t line = at != NULL;
    for (const char *s = text; at && s < at; s++)
        line += *s == '\n';
    cJSON_free(word);
    cJSON_Delete(quoted);
    return line;
}

static void take_target(struct arena *a, const cJSON *object, const char *text, struct learned *l) {
    struct learned_target t = {.file = arena_strdup(a, object->string),
                               .line = line_of(text, object->string)};
    for (int i = 0; i < LEARNED_LISTS_N; i++) {
        const cJSON *list = cJSON_GetObjectItem(object, list_names[i]);
        for (const cJSON *e = list ? list->child : NULL; e; e = e->next)
            if (cJSON_IsString(e) && *e->valuestring != '/' && !strstr(e->valuestring, ".."))
                array_push(a, &t.lists[i], arena_strdup(a, e->valuestring));
    }
    l->targets = l->len == l->cap ? array_grow(a, l->targets, &l->cap, sizeof *l->targets) : l->targets;
    l->targets[l->len++] = t;
}

bool learned_read(struct arena *a, const char *rootdir, struct learned *l) {
    *l = (struct learned){0};
    size_t n = 0;
    const char *text = os_read(a, os_join(a, rootdir, LEARNED_FILE), &n);
    if (!text)
        return errno == ENOENT || errno == ENOTDIR;
    cJSON *json = cJSON_ParseWithLength(text, n);
    const cJSON *targets = cJSON_GetObjectItem(json, "targets");
    bool ok = cJSON_IsObject(targets);
    for (const cJSON *t = ok ? targets->child : NULL; t; t = t->next)
        take_target(a, t, text, l);
    cJSON_Delete(json);
    if (!ok) {
        diag(DIAG_CONFIG, LEARNED_FILE, 0, 0, "not what testfan learn writes");
        hint("make it again: testfan learn");
    }
    return ok;
}

struct learned_target *learned_find(const struct learned *l, const char *file) {
    for (uint32_t i = 0; l && i < l->len; i++)
        if (strcmp(l->targets[i].file, file) == 0)
            return &l->targets[i];
    return NULL;
}

bool learned_has(const struct learned *l, const char *file, enum learned_list list, const char *entry) {
    const struct learned_target *t = learned_find(l, file);
    return t && strs_has(&t->lists[list], entry);
}

static int compare_targets(const void *a, const void *b) {
    const struct learned_target *x = a, *y = b;
    return strcmp(x->file, y->file);
}

static bool is_empty(const struct learned_target *t) {
    for (int i = 0; i < LEARNED_LISTS_N; i++)
        if (t->lists[i].len)
            return false;
    return true;
}

bool learned_write(struct learned *l, const char *rootdir) {
    struct arena scratch = {0};
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "version", 1);
    cJSON *targets = cJSON_AddObjectToObject(json, "targets");
    if (l->len)
        qsort(l->targets, l->len, sizeof *l->targets, compare_targets);
    uint32_t written = 0;
    for (uint32_t i = 0; i < l->len; i++) {
        struct learned_target *t = &l->targets[i];
        if (is_empty(t))
            continue;
        written++;
        cJSON *object = cJSON_AddObjectToObject(targets, t->file);
        for (int j = 0; j < LEARNED_LISTS_N; j++) {
            if (!t->lists[j].len)
                continue;
            strs_sort(&t->lists[j]);
            cJSON_AddItemToObject(object, list_names[j],
                                  cJSON_CreateStringArray(t->lists[j].items, (int)t->lists[j].len));
        }
    }
    const char *path = os_join(&scratch, rootdir, LEARNED_FILE);
    char *text = cJSON_Print(json);
    const char *lines = text ? arena_printf(&scratch, "%s\n", text) : "";
    bool ok = true;
    if (written)
        ok = text && out_write(path, lines, strlen(lines), NULL);
    else
        unlink(path);
    cJSON_free(text);
    cJSON_Delete(json);
    arena_free(&scratch);
    return ok;
}

static void add_edge(struct graph *g, uint32_t from, const char *path, uint32_t line) {
    graph_edge(g, from, graph_node(g, path), EDGE_LEARNED, line);
}

static void add_path(struct graph *g, const struct learned_target *t, uint32_t from, enum learned_list list,
                     const char *path, const char *rootdir) {
    struct arena scratch = {0};
    const char *full = os_join(&scratch, rootdir, path);
    struct os_stat st;
    bool there = os_stat(full, &st), folder = there && os_is_dir(full);
    if (list == LEARNED_LISTS && strcmp(path, ".") == 0)
        add_edge(g, from, "/", t->line);
    else if (list == LEARNED_LISTS && folder)
        add_edge(g, from, arena_printf(&scratch, "%s/", path), t->line);
    else if (there && !folder && list != LEARNED_LISTS)
        add_edge(g, from, path, t->line);
    if (!there && list != LEARNED_ABSENT) {
        diag(DIAG_STALE_LEARNED, LEARNED_FILE, t->line, 0, "%s needs '%s', which is not there", t->file,
             path);
        hint("learn anew: testfan learn %s", t->file);
    }
    arena_free(&scratch);
}

void learned_edges(const struct learned *l, struct graph *g, struct dists *d, const struct scan *scan,
                   const char *rootdir) {
    for (uint32_t i = 0; i < l->len; i++) {
        const struct learned_target *t = &l->targets[i];
        uint32_t from = graph_find(g, t->file);
        if (from >= scan->files.len + scan->texts.len) {
            diag(DIAG_STALE_LEARNED, LEARNED_FILE, t->line, 0, "there is no test file '%s'", t->file);
            hint("learn anew: testfan learn");
            continue;
        }
        for (int j = 0; j < LEARNED_LISTS_N; j++)
            for (uint32_t k = 0; k < t->lists[j].len; k++)
                if (j == LEARNED_DISTS || j == LEARNED_IMPORTS)
                    dists_import(d, g, from, t->lists[j].items[k], "", true, t->line);
                else
                    add_path(g, t, from, (enum learned_list)j, t->lists[j].items[k], rootdir);
    }
}
