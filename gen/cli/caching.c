#include "cli/caching.h"
#include "base/os.h"
#include "base/out.h"
#include "cli/project.h"
#include "graph/inputs.h"
#include "run/recall.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void configured_place(struct arena *a, const struct config *c, struct cache *cache,
                             struct remote *remote) {
    const char *dir = c->testfan.cache_dir ? c->testfan.cache_dir : CACHE_FOLDER;
    *cache = (struct cache){.arena = a, .dir = os_join(a, c->rootdir, dir), .limit = c->testfan.cache_size};
    *remote =
        (struct remote){.arena = a, .url = c->testfan.remote_cache, .write = c->testfan.remote_cache_write};
}

void caching_place(struct arena *a, const struct config *c, struct cache *cache, struct remote *remote) {
    configured_place(a, c, cache, remote);
    recall_environment(cache, remote);
}

bool caching_may_answer(struct arena *a, const struct config *c) {
    struct cache cache;
    struct remote remote;
    caching_place(a, c, &cache, &remote);
    return c->testfan.cache && c->testfan.trace && (remote.url || os_is_dir(os_join(a, cache.dir, "ac")));
}

/* Where the tree lies says nothing about a result. */
static void put_moved(struct buf *b, const char *text, const char *rootdir) {
    size_t n = strlen(rootdir);
    for (const char *at; n > 1 && (at = strstr(text, rootdir)); text = at + n) {
        buf_add(b, text, (size_t)(at - text));
        buf_str(b, "$root");
    }
    buf_fmt(b, "%s\n", text);
}

static struct digest digest_base(const struct project *p, const struct plan *plan, const char *rules,
                                 const char *environment) {
    struct buf b = {0};
    const char *rootdir = p->config.rootdir;
    buf_fmt(&b, "testfan %s\nrules %s\npython %s\n", TESTFAN_VERSION, rules, p->python.build);
    put_moved(&b, environment, rootdir);
    put_moved(&b, dists_stamp(&p->dists), rootdir);
    for (uint32_t i = 0; i < plan->args.len; i++)
        put_moved(&b, plan->args.items[i], rootdir);
    struct digest sum = digest_bytes(b.s, b.len);
    buf_free(&b);
    return sum;
}

static void put_digest(struct buf *b, const char *word, struct digest d) {
    char hex[33];
    digest_hex(d, hex);
    buf_fmt(b, "%s %s\n", word, hex);
}

static void put_place(struct buf *b, const struct project *p) {
    struct cache cache;
    struct remote remote;
    configured_place(p->arena, &p->config, &cache, &remote);
    buf_fmt(b, "dir %s\nsize %llu\n", cache.dir, (unsigned long long)cache.limit);
    if (remote.url && *remote.url)
        buf_fmt(b, "remote %s\n", remote.url);
    if (remote.write)
        buf_str(b, "write\n");
}

bool caching_write(const struct project *p, const struct plan *plan, const char *rules) {
    const char *path = os_join(p->arena, p->config.rootdir, RECALL_FILE);
    if (!p->config.testfan.cache || !plan->trace || !python_traces(&p->python))
        return unlink(path) == 0 || errno == ENOENT;
    struct strs variables = python_variables(p->arena, &p->config.testfan.env);
    const char *environment = python_environment(p->arena, &variables);
    struct buf b = {0};
    put_digest(&b, "base", digest_base(p, plan, rules, environment));
    put_digest(&b, "environment", digest_bytes(environment, strlen(environment)));
    for (uint32_t i = 0; i < variables.len; i++)
        buf_fmt(&b, "env %s\n", variables.items[i]);
    for (uint32_t i = 0; i < p->dists.sites.len; i++) {
        char hex[33];
        digest_hex(inputs_list(p->dists.sites.items[i], "", NULL), hex);
        buf_fmt(&b, "site %s %s\n", hex, p->dists.sites.items[i]);
    }
    put_place(&b, p);
    bool ok = out_write(path, b.s, b.len, NULL);
    buf_free(&b);
    return ok;
}
