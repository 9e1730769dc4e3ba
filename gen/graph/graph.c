#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

const char *edge_kind_name(enum edge_kind kind) {
    static const char *const names[EDGE_KINDS] = {"import", "conftest", "plugin", "data",
                                                  "config", "dist",     "learned"};
    return names[kind];
}

void graph_new(struct graph *g, struct arena *a) {
    *g = (struct graph){.arena = a, .paths = intern_new(a)};
}

uint32_t graph_node(struct graph *g, const char *path) {
    uint32_t node = intern_add(&g->paths, path, strlen(path));
    if (node < g->nodes)
        return node;
    if (node == g->edges_cap)
        g->edges = array_grow(g->arena, g->edges, &g->edges_cap, sizeof *g->edges);
    g->nodes++;
    return node;
}

uint32_t graph_find(const struct graph *g, const char *path) {
    return intern_find(&g->paths, path, strlen(path));
}

const char *graph_path(const struct graph *g, uint32_t node) {
    return intern_str(&g->paths, node);
}

void graph_edge(struct graph *g, uint32_t from, uint32_t to, enum edge_kind kind, uint32_t line) {
    if (from != to)
        array_push(g->arena, &g->edges[from], (struct edge){.to = to, .line = line, .kind = kind});
}

void graph_late_edge(struct graph *g, uint32_t from, uint32_t to, enum edge_kind kind, uint32_t line) {
    if (from != to)
        array_push(g->arena, &g->edges[from],
                   (struct edge){.to = to, .line = line, .kind = kind, .late = true});
}

void graph_without_late(const struct graph *g, struct graph *out) {
    *out = (struct graph){.arena = g->arena, .paths = g->paths, .nodes = g->nodes, .edges_cap = g->nodes + 1};
    out->edges = arena_alloc(g->arena, (g->nodes + 1) * sizeof *out->edges);
    for (uint32_t i = 0; i < g->nodes; i++)
        ARRAY_FOR (const struct edge, e, &g->edges[i])
            if (!e->late)
                array_push(out->arena, &out->edges[i], *e);
    graph_finish(out);
}

static int compare_edges(const void *a, const void *b) {
    const struct edge *x = a, *y = b;
    if (x->to != y->to)
        return x->to < y->to ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->late != y->late)
        return x->late ? 1 : -1;
    return x->line < y->line ? -1 : x->line > y->line;
}

static void thin_edges(struct edge_list *list) {
    if (list->len < 2)
        return;
    qsort(list->items, list->len, sizeof *list->items, compare_edges);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < list->len; i++) {
        const struct edge *e = &list->items[i], *last = &list->items[kept - 1];
        if (e->to != last->to || e->kind != last->kind)
            list->items[kept++] = *e;
    }
    list->len = kept;
}

/* Tarjan's algorithm with a stack of its own, so that a long chain of imports cannot overflow the C stack. */
struct tarjan {
    struct graph *g;
    uint32_t *index, *low, *stack, *calls, *next;
    uint32_t stacked, called, counter;
};

static void tarjan_close(struct tarjan *t, uint32_t node) {
    struct graph *g = t->g;
    uint32_t member;
    do {
        member = t->stack[--t->stacked];
        g->unit_of[member] = g->units;
        t->low[member] = UINT32_MAX;
    } while (member != node);
    g->units++;
}

static void tarjan_visit(struct tarjan *t, uint32_t root) {
    t->calls[t->called++] = root;
    while (t->called) {
        uint32_t node = t->calls[t->called - 1];
        if (!t->index[node]) {
            t->index[node] = t->low[node] = ++t->counter;
            t->stack[t->stacked++] = node;
        }
        const struct edge_list *edges = &t->g->edges[node];
        bool deeper = false;
        while (t->next[node] < edges->len && !deeper) {
            uint32_t to = edges->items[t->next[node]].to;
            if (!t->index[to]) {
                t->calls[t->called++] = to;
                deeper = true;
            } else {
                if (t->low[to] != UINT32_MAX && t->low[to] < t->low[node])
                    t->low[node] = t->low[to];
                t->next[node]++;
            }
        }
        if (deeper)
            continue;
        t->called--;
        if (t->low[node] == t->index[node])
            tarjan_close(t, node);
    }
}

static void find_units(struct graph *g) {
    uint32_t n = g->nodes;
    struct arena scratch = {0};
    uint32_t *memory = arena_alloc(&scratch, ((size_t)n + 1) * 5 * sizeof *memory);
    struct tarjan t = {.g = g,
                       .index = memory,
                       .low = memory + n,
                       .stack = memory + 2 * (size_t)n,
                       .calls = memory + 3 * (size_t)n,
                       .next = memory + 4 * (size_t)n};
    g->unit_of = arena_alloc(g->arena, (size_t)n * sizeof *g->unit_of);
    for (uint32_t i = 0; i < n; i++)
        if (!t.index[i])
            tarjan_visit(&t, i);
    arena_free(&scratch);
}

static struct graph *sorting; /* qsort has no context */

static int compare_members(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (sorting->unit_of[x] != sorting->unit_of[y])
        return sorting->unit_of[x] < sorting->unit_of[y] ? -1 : 1;
    return strcmp(graph_path(sorting, x), graph_path(sorting, y));
}

static void list_members(struct graph *g) {
    g->unit_nodes = arena_alloc(g->arena, ((size_t)g->nodes + 1) * sizeof *g->unit_nodes);
    g->unit_first = arena_alloc(g->arena, ((size_t)g->units + 1) * sizeof *g->unit_first);
    for (uint32_t i = 0; i < g->nodes; i++)
        g->unit_nodes[i] = i;
    sorting = g;
    qsort(g->unit_nodes, g->nodes, sizeof *g->unit_nodes, compare_members);
    for (uint32_t i = 0; i < g->nodes; i++)
        g->unit_first[g->unit_of[g->unit_nodes[i]] + 1] = i + 1;
}

static int compare_numbers(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void list_unit_edges(struct graph *g) {
    size_t total = 0;
    for (uint32_t i = 0; i < g->nodes; i++)
        total += g->edges[i].len;
    g->unit_edges = arena_alloc(g->arena, (total + 1) * sizeof *g->unit_edges);
    g->unit_edges_first = arena_alloc(g->arena, ((size_t)g->units + 1) * sizeof *g->unit_edges_first);
    uint32_t n = 0;
    for (uint32_t u = 0; u < g->units; u++) {
        uint32_t start = n;
        for (uint32_t i = g->unit_first[u]; i < g->unit_first[u + 1]; i++)
            ARRAY_FOR (const struct edge, e, &g->edges[g->unit_nodes[i]])
                if (g->unit_of[e->to] != u)
                    g->unit_edges[n++] = g->unit_of[e->to];
        qsort(g->unit_edges + start, n - start, sizeof *g->unit_edges, compare_numbers);
        uint32_t kept = start;
        for (uint32_t i = start; i < n; i++)
            if (kept == start || g->unit_edges[kept - 1] != g->unit_edges[i])
                g->unit_edges[kept++] = g->unit_edges[i];
        n = kept;
        g->unit_edges_first[u + 1] = n;
    }
}

void graph_finish(struct graph *g) {
    for (uint32_t i = 0; i < g->nodes; i++)
        thin_edges(&g->edges[i]);
    find_units(g);
    list_members(g);
    list_unit_edges(g);
}

struct unit_edges graph_forward(const struct graph *g) {
    return (struct unit_edges){g->unit_edges_first, g->unit_edges};
}

struct unit_edges graph_reverse(const struct graph *g, struct arena *a) {
    uint32_t total = g->units ? g->unit_edges_first[g->units] : 0;
    uint32_t *first = arena_alloc(a, ((size_t)g->units + 2) * sizeof *first);
    uint32_t *to = arena_alloc(a, ((size_t)total + 1) * sizeof *to);
    for (uint32_t i = 0; i < total; i++)
        first[g->unit_edges[i] + 2]++;
    for (uint32_t u = 2; u <= g->units; u++)
        first[u] += first[u - 1];
    for (uint32_t u = 0; u < g->units; u++)
        for (uint32_t i = g->unit_edges_first[u]; i < g->unit_edges_first[u + 1]; i++)
            to[first[g->unit_edges[i] + 1]++] = u;
    return (struct unit_edges){first, to};
}

void graph_reach(const struct graph *g, const struct unit_edges *edges, uint32_t unit, unsigned char *seen) {
    struct arena scratch = {0};
    uint32_t *stack = arena_alloc(&scratch, ((size_t)g->units + 1) * sizeof *stack);
    uint32_t n = 0;
    if (!seen[unit])
        stack[n++] = unit;
    seen[unit] = 1;
    while (n) {
        uint32_t u = stack[--n];
        for (uint32_t i = edges->first[u]; i < edges->first[u + 1]; i++) {
            if (seen[edges->to[i]])
                continue;
            seen[edges->to[i]] = 1;
            stack[n++] = edges->to[i];
        }
    }
    arena_free(&scratch);
}

static void sum_batch(const struct graph *g, const uint32_t *nodes, uint32_t n, const struct digest *weights,
                      struct digest *sums, uint64_t *masks) {
    memset(masks, 0, g->units * sizeof *masks);
    for (uint32_t i = 0; i < n; i++)
        masks[g->unit_of[nodes[i]]] |= UINT64_C(1) << i;
    for (uint32_t u = g->units; u-- > 0;) {
        uint64_t mask = masks[u];
        if (!mask)
            continue;
        for (uint32_t i = g->unit_edges_first[u]; i < g->unit_edges_first[u + 1]; i++)
            masks[g->unit_edges[i]] |= mask;
        for (uint64_t rest = mask; rest; rest &= rest - 1)
            digest_add(&sums[__builtin_ctzll(rest)], weights[u]);
    }
}

void graph_sum(const struct graph *g, const uint32_t *nodes, uint32_t n, const struct digest *weights,
               struct digest *sums) {
    struct arena scratch = {0};
    uint64_t *masks = arena_alloc(&scratch, ((size_t)g->units + 1) * sizeof *masks);
    for (uint32_t i = 0; i < n; i += 64)
        sum_batch(g, nodes + i, n - i < 64 ? n - i : 64, weights, sums + i, masks);
    arena_free(&scratch);
}

void graph_max(const struct graph *g, int64_t *values) {
    for (uint32_t u = 0; u < g->units; u++)
        for (uint32_t i = g->unit_edges_first[u]; i < g->unit_edges_first[u + 1]; i++)
            if (values[g->unit_edges[i]] > values[u])
                values[u] = values[g->unit_edges[i]];
}
