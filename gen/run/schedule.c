#include "run/schedule.h"
#include "graph/plan.h"
#include "report/times.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_OF_MS = 150 }; /* as many are run in a millisecond, more or less */

static int by_start(const void *a, const void *b) {
    const struct scheduled *x = a, *y = b;
    double first = x->seconds < 0 ? HUGE_VAL : x->seconds, second = y->seconds < 0 ? HUGE_VAL : y->seconds;
    if (x->serial != y->serial)
        return x->serial - y->serial;
    if (x->seconds < 0 && y->seconds < 0 && x->size != y->size)
        return (x->size < y->size) - (x->size > y->size);
    return first != second ? (first < second) - (first > second)
                           : (x->index > y->index) - (x->index < y->index);
}

void schedule_make(struct arena *a, const struct plan *plan, const struct times *times,
                   struct schedule *schedule) {
    *schedule = (struct schedule){0};
    for (uint32_t i = 0; i < plan->targets.len; i++) {
        const struct target *t = &plan->targets.items[i];
        double seconds = times_find(times, t->file);
        array_push(a, schedule,
                   (struct scheduled){.name = schedule_name(a, t->file, plan_shard(a, t)),
                                      .index = i,
                                      .size = t->size + (uint64_t)t->waits * BYTES_OF_MS,
                                      .seconds = seconds > 0 && t->shards ? seconds / t->shards : seconds,
                                      .serial = t->serial});
        schedule->known += seconds >= 0;
    }
    if (schedule->len)
        qsort(schedule->items, schedule->len, sizeof *schedule->items, by_start);
}

const char *schedule_name(struct arena *a, const char *file, const char *shard) {
    const char *slash = strchr(shard, '/');
    return slash ? arena_printf(a, "%s (%.*s of %s)", file, (int)(slash - shard), shard, slash + 1) : file;
}
