#ifndef RUN_SHARDS_H
#define RUN_SHARDS_H

struct arena;
struct plan;
struct times;

/* How many workers a tree is split for, where nothing is said. */
enum { SHARDS_USUAL = 4 };

/*
 * Splits the long files of a whole plan into several targets each, by the times that are checked in
 * (report/times.h): those whose tests take more than their share when all is spread over `shards` workers,
 * and more than a second. Which test belongs to which shard is decided where they are collected
 * (rules/testfan_shard.py), from the same times.
 */
void shards_split(struct arena *a, struct plan *plan, const struct times *times, long shards);

#endif
