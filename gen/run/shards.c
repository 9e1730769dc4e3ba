#include "run/shards.h"
#include "base/arena.h"
#include "graph/plan.h"
#include "report/times.h"

#include <math.h>
#include <string.h>

#define SHARD_LEAST 1.0 /* seconds of tests */

static double tests_time(const struct file_time *file) {
    double seconds = 0;
    for (uint32_t i = 0; file && i < file->groups.len; i++)
        seconds += file->groups.items[i].seconds;
    return seconds;
}

/* What the split of a file hangs on. */
static struct digest fingerprint(const struct file_time *file, uint32_t shards) {
    struct digest sum = digest_bytes(&shards, sizeof shards);
    ARRAY_FOR (const struct group_time, g, &file->groups) {
        sum = digest_chain(sum, digest_bytes(g->name, strlen(g->name)));
        sum = digest_chain(sum, digest_bytes(&g->seconds, sizeof g->seconds));
    }
    return sum;
}

static void split(struct arena *a, const struct target *whole, const struct file_time *file, uint32_t shards,
                  struct plan *into) {
    struct digest sum = fingerprint(file, shards);
    char hex[33];
    digest_hex(sum, hex);
    for (uint32_t i = 0; i < shards; i++) {
        struct target t = *whole;
        t.shard = i + 1;
        t.shards = shards;
        t.fingerprint = arena_strndup(a, hex, 12);
        t.result = arena_printf(a, "%s.%uof%u", whole->result, t.shard, shards);
        t.digest = digest_chain(digest_chain(t.digest, sum), digest_bytes(&i, sizeof i));
        array_push(a, &into->targets, t);
    }
}

void shards_split(struct arena *a, struct plan *plan, const struct times *times, long shards) {
    double total = 0;
    ARRAY_FOR (const struct target, t, &plan->targets) {
        double seconds = times_find(times, t->file);
        total += seconds > 0 ? seconds : 0;
    }
    double share = fmax(total / (double)(shards > 0 ? shards : 1), SHARD_LEAST);
    struct plan all = {0};
    ARRAY_FOR (const struct target, t, &plan->targets) {
        const struct file_time *file = times_entry(times, t->file);
        double n = t->together ? 1 : fmin(ceil(tests_time(file) / share), (double)shards);
        if (n > 1)
            split(a, t, file, (uint32_t)n, &all);
        else
            array_push(a, &all.targets, *t);
    }
    plan->targets.items = all.targets.items;
    plan->targets.len = all.targets.len;
    plan->targets.cap = all.targets.cap;
}
