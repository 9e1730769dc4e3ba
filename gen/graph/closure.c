#include "graph/closure.h"
#include "base/hash.h"
#include "base/os.h"
#include "base/out.h"
#include "base/str.h"
#include "graph/graph.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char magic[16] = "testfan graph 1";

/* Nodes are sorted by path. What follows the header: for each node the offset of its path in the text and its
   unit; where each unit's edges begin, and one more; the edges; the text. */
struct closure_file {
    char magic[16];
    uint64_t sum; /* of all that follows it */
    uint32_t nodes, units, edges, text;
    uint32_t data[];
};

static const uint32_t *names(const struct closure_file *f) {
    return f->data;
}
static const uint32_t *units(const struct closure_file *f) {
    return f->data + f->nodes;
}
static const uint32_t *firsts(const struct closure_file *f) {
    return f->data + 2 * (size_t)f->nodes;
}
static const uint32_t *edges(const struct closure_file *f) {
    return firsts(f) + f->units + 1;
}
static const char *text(const struct closure_file *f) {
    return (const char *)(edges(f) + f->edges);
}

static size_t words(const struct closure_file *f) {
    return 2 * (size_t)f->nodes + f->units + 1 + f->edges;
}

static const struct graph *sorting; /* qsort has no context */

static int compare_nodes(const void *a, const void *b) {
    return strcmp(graph_path(sorting, *(const uint32_t *)a), graph_path(sorting, *(const uint32_t *)b));
}

bool closure_write(const struct graph *g, const char *path) {
    struct arena scratch = {0};
    uint32_t *order = arena_alloc(&scratch, (g->nodes + 1) * sizeof *order);
    size_t length = 0;
    for (uint32_t i = 0; i < g->nodes; i++) {
        order[i] = i;
        length += strlen(graph_path(g, i)) + 1;
    }
    sorting = g;
    qsort(order, g->nodes, sizeof *order, compare_nodes);
    struct closure_file head = {.nodes = g->nodes,
                                .units = g->units,
                                .edges = g->units ? g->unit_edges_first[g->units] : 0,
                                .text = (uint32_t)length};
    memcpy(head.magic, magic, sizeof magic);
    size_t size = sizeof head + words(&head) * sizeof(uint32_t) + length;
    struct closure_file *f = arena_alloc(&scratch, size);
    *f = head;
    char *at = (char *)(f->data + words(f));
    for (uint32_t i = 0, offset = 0; i < g->nodes; i++) {
        size_t n = strlen(graph_path(g, order[i])) + 1;
        f->data[i] = offset;
        f->data[f->nodes + i] = g->unit_of[order[i]];
        memcpy(at + offset, graph_path(g, order[i]), n);
        offset += (uint32_t)n;
    }
    uint32_t *rest = f->data + 2 * (size_t)f->nodes;
    memcpy(rest, g->unit_edges_first, (g->units + 1) * sizeof *rest);
    memcpy(rest + g->units + 1, g->unit_edges, f->edges * sizeof *rest);
    f->sum = hash_bytes(&f->nodes, size - offsetof(struct closure_file, nodes));
    bool ok = out_write(path, f, size, NULL);
    arena_free(&scratch);
    return ok;
}

static bool map_file(struct closure *c, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct os_stat st;
    void *map = MAP_FAILED;
    if (fd >= 0 && os_stat(path, &st) && st.size >= sizeof(struct closure_file))
        map = mmap(NULL, st.size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        close(fd);
    if (map == MAP_FAILED)
        return false;
    c->map = map;
    c->file = map;
    c->size = st.size;
    return memcmp(c->file->magic, magic, sizeof magic) == 0 &&
           st.size == sizeof *c->file + words(c->file) * sizeof(uint32_t) + c->file->text &&
           c->file->sum == hash_bytes(&c->file->nodes, st.size - offsetof(struct closure_file, nodes));
}

static const char *name_of(const struct closure_file *f, uint32_t node) {
    return text(f) + names(f)[node];
}

/* The first node whose path is not below `path` in the order of bytes. */
static uint32_t lower_bound(const struct closure_file *f, const char *path) {
    uint32_t low = 0, high = f->nodes;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(name_of(f, middle), path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t find(const struct closure_file *f, const char *path) {
    uint32_t node = lower_bound(f, path);
    return node < f->nodes && strcmp(name_of(f, node), path) == 0 ? node : UINT32_MAX;
}

bool closure_open(struct closure *c, const char *path, const char *from) {
    *c = (struct closure){0};
    if (!map_file(c, path))
        return false;
    uint32_t node = find(c->file, from);
    if (node == UINT32_MAX)
        return false;
    c->seen = arena_alloc(&c->arena, (size_t)c->file->units + 1);
    struct graph g = {.units = c->file->units};
    struct unit_edges forward = {firsts(c->file), edges(c->file)};
    graph_reach(&g, &forward, units(c->file)[node], c->seen);
    return true;
}

bool closure_has(const struct closure *c, const char *path) {
    uint32_t node = c->seen ? find(c->file, path) : UINT32_MAX;
    return node != UINT32_MAX && c->seen[units(c->file)[node]];
}

void closure_each(const struct closure *c, const char *prefix, void (*each)(void *ctx, const char *path),
                  void *ctx) {
    for (uint32_t i = 0; c->seen && i < c->file->nodes; i++) {
        const char *path = name_of(c->file, i);
        if (c->seen[units(c->file)[i]] && str_starts(path, prefix))
            each(ctx, path);
    }
}

void closure_close(struct closure *c) {
    if (c->file)
        munmap(c->map, c->size);
    arena_free(&c->arena);
    *c = (struct closure){0};
}
