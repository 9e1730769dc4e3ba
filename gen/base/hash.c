#include "base/hash.h"

#include <stdio.h>
#include <inttypes.h>
#include <xxhash.h>

struct digest digest_bytes(const void *bytes, size_t n) {
    XXH128_hash_t h = XXH3_128bits(bytes, n);
    return (struct digest){h.high64, h.low64};
}

void digest_add(struct digest *set, struct digest member) {
    uint64_t lo = set->lo + member.lo;
    set->hi += member.hi + (lo < member.lo);
    set->lo = lo;
}

struct digest digest_chain(struct digest sofar, struct digest next) {
    uint64_t both[4] = {sofar.hi, sofar.lo, next.hi, next.lo};
    return digest_bytes(both, sizeof both);
}

bool digest_eq(struct digest a, struct digest b) {
    return a.hi == b.hi && a.lo == b.lo;
}

void digest_hex(struct digest d, char out[33]) {
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, d.hi, d.lo);
}

uint64_t hash_bytes(const void *bytes, size_t n) {
    return XXH3_64bits(bytes, n);
}
