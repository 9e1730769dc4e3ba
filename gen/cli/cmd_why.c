#include "cli/commands.h"
#include "cli/options.h"
#include "cli/project.h"
#include "base/diag.h"

#include <cJSON.h>
#include <stdio.h>
#include <string.h>

/* Which edge a node was first reached by. */
struct step {
    uint32_t from; /* MAP_NONE: not reached */
    const struct edge *edge;
};

static struct step *walk_breadth_first(const struct project *p, uint32_t from) {
    const struct graph *g = &p->graph;
    struct step *steps = arena_alloc(p->arena, (g->nodes + 1) * sizeof *steps);
    uint32_t *queue = arena_alloc(p->arena, (g->nodes + 1) * sizeof *queue), head = 0, tail = 0;
    for (uint32_t i = 0; i < g->nodes; i++)
        steps[i].from = MAP_NONE;
    steps[from].from = from;
    queue[tail++] = from;
    while (head < tail) {
        uint32_t node = queue[head++];
        ARRAY_FOR (const struct edge, e, &g->edges[node]) {
            if (steps[e->to].from != MAP_NONE)
                continue;
            steps[e->to] = (struct step){node, e};
            queue[tail++] = e->to;
        }
    }
    return steps;
}

static cJSON *edge_json(const struct graph *g, const struct step *s) {
    cJSON *edge = cJSON_CreateObject();
    cJSON_AddStringToObject(edge, "from", graph_path(g, s->from));
    cJSON_AddNumberToObject(edge, "line", s->edge->line);
    cJSON_AddStringToObject(edge, "kind", edge_kind_name(s->edge->kind));
    cJSON_AddStringToObject(edge, "to", graph_path(g, s->edge->to));
    return edge;
}

static void print_edge(const struct graph *g, const struct step *s) {
    const char *to = graph_path(g, s->edge->to);
    bool learned = s->edge->kind == EDGE_LEARNED;
    printf("%s", learned ? LEARNED_FILE : graph_path(g, s->from));
    if (s->edge->line)
        printf(":%u", s->edge->line);
    printf(": %s %s\n", edge_kind_name(s->edge->kind),
           str_starts(to, DIST_FOLDER) ? to + strlen(DIST_FOLDER) : to);
}

static bool print_chain(const struct invocation *in, const struct project *p, uint32_t from, uint32_t to) {
    const struct step *steps = walk_breadth_first(p, from);
    struct {
        const struct step **items;
        uint32_t len, cap;
    } chain = {0};
    if (steps[to].from == MAP_NONE)
        return false;
    for (uint32_t node = to; node != from; node = steps[node].from)
        array_push(p->arena, &chain, &steps[node]);
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = chain.len; i-- > 0;)
        if (strcmp(in->format, "json") == 0)
            cJSON_AddItemToArray(list, edge_json(&p->graph, chain.items[i]));
        else
            print_edge(&p->graph, chain.items[i]);
    if (strcmp(in->format, "json") == 0) {
        char *text = cJSON_Print(list);
        puts(text);
        cJSON_free(text);
    }
    cJSON_Delete(list);
    return true;
}

int cmd_why(struct invocation *in) {
    struct project p;
    uint32_t from, to;
    if (in->words.len != 2) {
        diag(DIAG_USAGE, NULL, 0, 0, "why takes a TARGET and a FILE");
        return EXIT_USAGE;
    }
    if (!project_load(in->arena, in, 0, &p))
        return EXIT_USAGE;
    int code = EXIT_USAGE;
    if (project_node(&p, in->words.items[0], &from) && project_node(&p, in->words.items[1], &to)) {
        code = print_chain(in, &p, from, to) ? EXIT_PASSED : EXIT_FAILED;
        if (code == EXIT_FAILED)
            fprintf(stderr, "testfan: %s does not depend on %s\n", in->words.items[0], in->words.items[1]);
    }
    project_free(&p);
    return code;
}
