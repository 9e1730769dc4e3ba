#ifndef SOURCE_WAITS_H
#define SOURCE_WAITS_H

#include <stddef.h>
#include <stdint.h>

/* How long a file says that it waits, in milliseconds: the sum of all `sleep(NUMBER)`, wherever they stand. A
 * guess, for what was never run. */
uint32_t waits_scan(const char *s, size_t n);

#endif
