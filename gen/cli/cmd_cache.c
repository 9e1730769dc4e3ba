#include "cli/commands.h"
#include "cli/caching.h"
#include "cli/options.h"
#include "base/diag.h"
#include "base/os.h"
#include "source/config.h"

#include <cJSON.h>
#include <stdio.h>
#include <string.h>

static void print_json(const struct cache *c, const struct remote *r, const struct cache_sums *s) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "dir", c->dir);
    cJSON_AddNumberToObject(json, "results", (double)s->results);
    cJSON_AddNumberToObject(json, "manifests", (double)s->manifests);
    cJSON_AddNumberToObject(json, "bytes", (double)s->bytes);
    cJSON_AddNumberToObject(json, "limit", (double)c->limit);
    cJSON_AddNumberToObject(json, "hits", (double)s->hits);
    cJSON_AddNumberToObject(json, "misses", (double)s->misses);
    if (r->url)
        cJSON_AddStringToObject(json, "remote", r->url);
    else
        cJSON_AddNullToObject(json, "remote");
    cJSON_AddBoolToObject(json, "remote_write", r->url && r->write);
    char *text = cJSON_Print(json);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(json);
}

static void print_text(const struct cache *c, const struct remote *r, const struct cache_sums *s) {
    const double mebi = 1 << 20;
    printf("%s\n%llu results, %.1f of %.0f MiB\n%llu times a result was there, %llu times none\n", c->dir,
           (unsigned long long)s->results, (double)s->bytes / mebi, (double)c->limit / mebi,
           (unsigned long long)s->hits, (unsigned long long)s->misses);
    if (r->url)
        printf("%s, %s\n", r->url, r->write ? "read and written" : "read only");
}

static bool asks_for(const struct invocation *in, const char *word) {
    return in->words.len == 1 && strcmp(in->words.items[0], word) == 0;
}

int cmd_cache(struct invocation *in) {
    struct config config;
    struct cache cache;
    struct remote remote;
    struct cache_sums sums;
    const char *start = os_realpath(in->arena, in->dir);
    if (!asks_for(in, "stats") && !asks_for(in, "clear")) {
        diag(DIAG_USAGE, NULL, 0, 0, "cache takes one of: stats, clear");
        hint("testfan cache stats");
        return EXIT_USAGE;
    }
    if (!start || !config_load(in->arena, start, 0, &config))
        return EXIT_USAGE;
    caching_place(in->arena, &config, &cache, &remote);
    if (asks_for(in, "clear")) {
        if (cache_clear(&cache))
            return EXIT_PASSED;
        diag(DIAG_IO, cache.dir, 0, 0, "cannot be emptied");
        return EXIT_INTERNAL;
    }
    cache_sum(&cache, &sums);
    if (strcmp(in->format, "json") == 0)
        print_json(&cache, &remote, &sums);
    else
        print_text(&cache, &remote, &sums);
    return EXIT_PASSED;
}
