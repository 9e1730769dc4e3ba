/*
 * How fast Python files are read, in MB of source per second of CPU time, one thread, the best of ROUNDS:
 *
 *     parse_bench ROUNDS FOLDER...
 *
 * outline: decoded and cut; outline, parsed: what parse_file() costs; whole: the full parse, once.
 */
#include "base/arena.h"
#include "base/diag.h"
#include "base/os.h"
#include "base/str.h"
#include "source/decode.h"
#include "source/outline.h"
#include "source/parse.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct source {
    char *bytes;
    size_t n;
};

static struct arena arena;
static ARRAY(struct source) sources;

static int read_source(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)ftw;
    struct source s = {0};
    if (type == FTW_F && str_ends(path, ".py") && (s.bytes = os_read(&arena, path, &s.n)))
        array_push(&arena, &sources, s);
    return 0;
}

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint32_t cut_all(void) {
    struct buf text = {0};
    struct outline o = {0};
    uint32_t unsure = 0;
    ARRAY_FOR (const struct source, s, &sources)
        unsure += !decode_source(&text, s->bytes, s->n) || !outline_cut(&o, text.s, text.len);
    buf_free(&text);
    outline_free(&o);
    return unsure;
}

static uint32_t parse_all(void) {
    struct parser *p = parser_new();
    uint32_t whole = 0;
    ARRAY_FOR (const struct source, s, &sources) {
        struct arena a = {0};
        bool by_outline;
        parse_file_how(p, &a, s->bytes, s->n, &by_outline);
        whole += !by_outline;
        arena_free(&a);
    }
    parser_free(p);
    return whole;
}

static uint32_t parse_all_whole(void) {
    struct parser *p = parser_new();
    ARRAY_FOR (const struct source, s, &sources) {
        struct arena a = {0};
        parse_file_full(p, &a, s->bytes, s->n);
        arena_free(&a);
    }
    parser_free(p);
    return sources.len;
}

static void measure(const char *what, uint32_t (*step)(void), int rounds, size_t bytes) {
    double best = 0;
    uint32_t count = 0;
    for (int i = 0; i < rounds; i++) {
        double from = cpu_seconds();
        count = step();
        double took = cpu_seconds() - from;
        best = i == 0 || took < best ? took : best;
    }
    printf("%-16s %8.1f MB/s %8.3f s, parsed whole %u\n", what, (double)bytes / 1e6 / best, best, count);
}

int main(int argc, char **argv) {
    int rounds = argc > 2 ? atoi(argv[1]) : 0;
    if (rounds < 1)
        die("usage: parse_bench ROUNDS FOLDER...");
    for (int i = 2; i < argc; i++)
        nftw(argv[i], read_source, 32, FTW_PHYS);
    size_t bytes = 0;
    ARRAY_FOR (const struct source, s, &sources)
        bytes += s->n;
    printf("%u files, %.1f MB\n", sources.len, (double)bytes / 1e6);
    measure("outline", cut_all, rounds, bytes);
    measure("outline, parsed", parse_all, rounds, bytes);
    measure("whole", parse_all_whole, 1, bytes);
    arena_free(&arena);
    return 0;
}
