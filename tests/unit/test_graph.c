#include "unit.h"

#include "base/str.h"
#include "graph/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void make(struct graph *g, struct arena *a, const char *const *paths, const unsigned (*edges)[2],
                 size_t n) {
    graph_new(g, a);
    for (; *paths; paths++)
        graph_node(g, *paths);
    for (size_t i = 0; i < n; i++)
        graph_edge(g, edges[i][0], edges[i][1], EDGE_IMPORT, 1);
    graph_finish(g);
}

static void test_cycle_is_one_unit(void **state) {
    (void)state;
    struct arena a = {0};
    struct graph g;
    const unsigned edges[][2] = {{0, 1}, {1, 2}, {2, 0}, {2, 3}, {4, 0}};
    make(&g, &a, (const char *const[]){"a", "b", "c", "d", "e", NULL}, edges, 5);
    assert_int_equal(g.units, 3);
    assert_int_equal(g.unit_of[0], g.unit_of[1]);
    assert_int_equal(g.unit_of[0], g.unit_of[2]);
    assert_true(g.unit_of[3] < g.unit_of[0]);
    assert_true(g.unit_of[0] < g.unit_of[4]);
    arena_free(&a);
}

static void test_same_edge_is_kept_once_with_its_first_line(void **state) {
    (void)state;
    struct arena a = {0};
    struct graph g;
    graph_new(&g, &a);
    graph_node(&g, "a");
    graph_node(&g, "b");
    graph_edge(&g, 0, 1, EDGE_IMPORT, 9);
    graph_edge(&g, 0, 1, EDGE_IMPORT, 2);
    graph_edge(&g, 0, 1, EDGE_CONFTEST, 0);
    graph_edge(&g, 0, 0, EDGE_IMPORT, 1);
    graph_finish(&g);
    assert_int_equal(g.edges[0].len, 2);
    assert_int_equal(g.edges[0].items[0].line, 2);
    arena_free(&a);
}

/* A chain longer than any C stack would bear, walked without recursion. */
static void test_long_chain(void **state) {
    (void)state;
    enum { N = 300000 };
    struct arena a = {0};
    struct graph g;
    graph_new(&g, &a);
    char name[16];
    for (unsigned i = 0; i < N; i++) {
        snprintf(name, sizeof name, "%u", i);
        graph_node(&g, name);
    }
    for (unsigned i = 0; i + 1 < N; i++)
        graph_edge(&g, i, i + 1, EDGE_IMPORT, 1);
    graph_finish(&g);
    assert_int_equal(g.units, N);
    assert_int_equal(g.unit_of[0], N - 1);
    arena_free(&a);
}

static unsigned char *reach(const struct graph *g, struct arena *a, const struct unit_edges *edges,
                            uint32_t node) {
    unsigned char *seen = arena_alloc(a, g->units + 1);
    graph_reach(g, edges, g->unit_of[node], seen);
    return seen;
}

/* Against a plain transitive closure, on random graphs: reach, reverse, sum and max. */
static void test_random_graphs(void **state) {
    (void)state;
    enum { N = 90 };
    srand(11);
    for (int round = 0; round < 40; round++) {
        struct arena a = {0};
        struct graph g;
        static unsigned char need[N][N];
        memset(need, 0, sizeof need);
        graph_new(&g, &a);
        char name[16];
        for (unsigned i = 0; i < N; i++) {
            snprintf(name, sizeof name, "n%02u", i);
            graph_node(&g, name);
            need[i][i] = 1;
        }
        for (int e = 0, n = rand() % 200; e < n; e++) {
            unsigned from = (unsigned)rand() % N, to = (unsigned)rand() % N;
            graph_edge(&g, from, to, EDGE_IMPORT, 1);
            need[from][to] = 1;
        }
        for (int k = 0; k < N; k++)
            for (int i = 0; i < N; i++)
                for (int j = 0; j < N; j++)
                    need[i][j] |= need[i][k] & need[k][j];
        graph_finish(&g);
        struct unit_edges forward = graph_forward(&g), reverse = graph_reverse(&g, &a);
        struct digest *weights = arena_alloc(&a, N * sizeof *weights), sums[N] = {{0}};
        int64_t *most = arena_alloc(&a, N * sizeof *most);
        uint32_t nodes[N];
        for (uint32_t i = 0; i < N; i++) {
            nodes[i] = i;
            digest_add(&weights[g.unit_of[i]], (struct digest){0, i * 1000 + 1});
            if (most[g.unit_of[i]] < (int64_t)i)
                most[g.unit_of[i]] = i;
        }
        graph_sum(&g, nodes, N, weights, sums);
        graph_max(&g, most);
        for (uint32_t i = 0; i < N; i++) {
            const unsigned char *down = reach(&g, &a, &forward, i), *up = reach(&g, &a, &reverse, i);
            uint64_t sum = 0;
            int64_t max = 0;
            for (uint32_t j = 0; j < N; j++) {
                assert_int_equal(down[g.unit_of[j]], need[i][j]);
                assert_int_equal(up[g.unit_of[j]], need[j][i]);
                sum += need[i][j] ? j * 1000 + 1 : 0;
                max = need[i][j] ? (int64_t)j : max;
            }
            assert_int_equal(sums[i].lo, sum);
            assert_int_equal(most[g.unit_of[i]], max);
        }
        arena_free(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cycle_is_one_unit),
        cmocka_unit_test(test_same_edge_is_kept_once_with_its_first_line),
        cmocka_unit_test(test_long_chain),
        cmocka_unit_test(test_random_graphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
