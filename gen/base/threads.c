#include "base/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { MOST = 16, BATCH = 8 };

struct crowd {
    atomic_uint next;
    uint32_t n;
    void (*work)(void *, uint32_t, unsigned);
    void *ctx;
};

struct member {
    struct crowd *crowd;
    unsigned number;
};

unsigned threads_count(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > MOST ? MOST : (unsigned)n;
}

static void *member_main(void *arg) {
    const struct member *m = arg;
    struct crowd *c = m->crowd;
    for (uint32_t from; (from = atomic_fetch_add(&c->next, BATCH)) < c->n;)
        for (uint32_t i = from; i < c->n && i < from + BATCH; i++)
            c->work(c->ctx, i, m->number);
    return NULL;
}

void threads_each(uint32_t n, void (*work)(void *, uint32_t, unsigned), void *ctx) {
    struct crowd crowd = {.n = n, .work = work, .ctx = ctx};
    struct member members[MOST];
    pthread_t ids[MOST];
    unsigned count = n <= BATCH ? 1 : threads_count(), started = 0;
    for (unsigned i = 0; i < count; i++)
        members[i] = (struct member){&crowd, i};
    for (unsigned i = 1; i < count; i++, started++)
        if (pthread_create(&ids[i], NULL, member_main, &members[i]) != 0)
            break;
    member_main(&members[0]);
    for (unsigned i = 1; i <= started; i++)
        pthread_join(ids[i], NULL);
}
