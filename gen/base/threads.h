#ifndef BASE_THREADS_H
#define BASE_THREADS_H

#include <stdint.h>

/* Calls work(ctx, i, worker) for every i below n, spread over the machine's processors (at most 16), and
   returns when all are done. `worker` counts from 0 and tells the threads apart: each has what it needs at
   ctx under that number. */
void threads_each(uint32_t n, void (*work)(void *ctx, uint32_t i, unsigned worker), void *ctx);
/* How many workers threads_each uses. */
unsigned threads_count(void);

#endif
