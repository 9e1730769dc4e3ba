#include "cli/commands.h"
#include "cli/options.h"
#include "cli/project.h"
#include "base/diag.h"
#include "graph/chain.h"

#include <cJSON.h>
#include <stdio.h>
#include <string.h>

static cJSON *edge_json(const struct graph *g, const struct chain_step *s) {
    cJSON *edge = cJSON_CreateObject();
    cJSON_AddStringToObject(edge, "from", graph_path(g, s->from));
    cJSON_AddNumberToObject(edge, "line", s->edge->line);
    cJSON_AddStringToObject(edge, "kind", edge_kind_name(s->edge->kind));
    cJSON_AddStringToObject(edge, "to", graph_path(g, s->edge->to));
    return edge;
}

static bool print_chain(const struct invocation *in, const struct project *p, uint32_t from, uint32_t to) {
    unsigned char *goals = arena_alloc(p->arena, p->graph.nodes + 1);
    uint32_t end;
    goals[to] = 1;
    struct chain chain = chain_find(p->arena, &p->graph, from, goals, &end);
    if (end == MAP_NONE)
        return false;
    cJSON *list = cJSON_CreateArray();
    ARRAY_FOR (const struct chain_step, s, &chain)
        if (strcmp(in->format, "json") == 0)
            cJSON_AddItemToArray(list, edge_json(&p->graph, s));
        else
            puts(chain_text(p->arena, &p->graph, s));
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
