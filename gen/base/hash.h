#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 128 bits of XXH3: enough to tell contents apart, no defence against somebody who wants a collision. */
struct digest {
    uint64_t hi, lo;
};

struct digest digest_bytes(const void *bytes, size_t n);
/* The digest of a set from its members' digests: the order of adding does not count. */
void digest_add(struct digest *set, struct digest member);
/* The digest of a sequence: `sofar` followed by `next`. */
struct digest digest_chain(struct digest sofar, struct digest next);
bool digest_eq(struct digest a, struct digest b);
/* Writes 32 hexadecimal digits and a NUL to `out`, the same on every machine. */
void digest_hex(struct digest d, char out[33]);

uint64_t hash_bytes(const void *bytes, size_t n);

#endif
