#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>

/* Writes the SHA-256 of n bytes to `out` as 64 hexadecimal digits and a NUL: the name of what a cache server
 * keeps. */
void sha256_hex(const void *bytes, size_t n, char out[65]);

#endif
