#include "cli/project.h"
#include "base/diag.h"
#include "base/embedded.h"
#include "base/os.h"
#include "base/out.h"
#include "cli/caching.h"
#include "cli/collectors.h"
#include "cli/options.h"
#include "cli/support.h"
#include "cli/workspace.h"
#include "emit/ninja.h"
#include "run/schedule.h"
#include "run/shards.h"
#include "run/witness.h"
#include "graph/closure.h"
#include "graph/forget.h"
#include "graph/inputs.h"
#include "graph/mismatches.h"
#include "graph/preload.h"
#include "graph/resolve.h"
#include "report/times.h"
#include "source/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
    const char *stage;
    int64_t ns;
} timers[8];
static unsigned n_timers;
static int64_t timer_started;

static void timer_lap(const char *stage) {
    int64_t now = os_now();
    if (stage && n_timers < sizeof timers / sizeof *timers) {
        timers[n_timers].stage = stage;
        timers[n_timers++].ns = now - timer_started;
    }
    timer_started = now;
}

static const char *in_root(const struct project *p, const char *path) {
    return os_join(p->arena, p->config.rootdir, path);
}

static bool has_bad_name(const char *rootdir) {
    const char *end = strchr(rootdir, '\n');
    if (!end)
        return false;
    diag(DIAG_BAD_NAME, NULL, 0, 0,
         "the folder '%.*s\\n%s' cannot be worked in: no build file can hold a line break in a name",
         (int)(end - rootdir), rootdir, end + 1);
    hint("give it a name without one");
    return true;
}

static bool can_keep_results(const struct project *p) {
    const char *folder = in_root(p, ".testfan");
    if (access(os_is_dir(folder) ? folder : p->config.rootdir, W_OK) == 0)
        return true;
    diag(DIAG_IO, ".testfan", 0, 0, "cannot be written to: %s", strerror(errno));
    hint("testfan keeps its results in .testfan/ at the rootdir, which must be writable");
    return false;
}

static bool load_config(struct project *p, const struct invocation *in, unsigned flags) {
    if (!config_load(p->arena, p->start, 0, &p->config) || has_bad_name(p->config.rootdir) ||
        (flags & PROJECT_RUNS && !can_keep_results(p)))
        return false;
    if (in->since)
        git_start(p->arena, p->config.rootdir, in->since, &p->git);
    const char *wanted = in->python ? in->python : p->config.testfan.python;
    bool must_run = flags & PROJECT_RUNS, must = must_run || in->python;
    const char *cache = in_root(p, ".testfan/cache/python.json");
    const char *command = python_locate(p->arena, p->config.rootdir, wanted);
    out_set_tmp(in_root(p, ".testfan/tmp"));
    if ((flags & PROJECT_STARTS) && command && !os_is_file(cache))
        support_start_early(p, in, command);
    if (!python_find(p->arena, command, wanted, cache, must, &p->python) && must)
        return false;
    if (must_run && !p->python.pytest) {
        diag(DIAG_NO_INTERPRETER, NULL, 0, 0, "'%s' has no pytest", p->python.path);
        hint("run: %s -m pip install pytest", p->python.path);
        return false;
    }
    return !p->python.pytest_major || p->python.pytest_major >= 9 ||
           config_load(p->arena, p->start, p->python.pytest_major, &p->config);
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Every stage up to the graph; what is wrong with files is left in `findings`. */
static bool load(struct arena *a, const struct invocation *in, unsigned flags, struct project *p,
                 struct findings *findings, int64_t *started) {
    *p = (struct project){.arena = a};
    timer_lap(NULL);
    p->start = os_realpath(a, in->dir);
    if (!p->start || !os_is_dir(p->start)) {
        diag(DIAG_USAGE, NULL, 0, 0, "there is no folder '%s'", in->dir);
        return false;
    }
    if (!load_config(p, in, flags))
        return false;
    size_t n = strlen(p->config.rootdir);
    bool inside = strncmp(p->start, p->config.rootdir, n) == 0 && strlen(p->start) > n;
    p->below = inside ? p->start + n + (p->config.rootdir[n - 1] != '/') : "";
    timer_lap("config");
    os_mkdirs(in_root(p, ".testfan/cache")); /* now, so that it does not look like a change of the tree */
    if (flags & PROJECT_STARTS)
        support_start_server(p, in);
    *started = now_ns();
    if (!scan_tree(a, &p->config, &p->scan))
        return false;
    if (in->since) {
        if (!git_finish(a, &p->git, &p->changes))
            return false;
        scan_add_gone(a, &p->changes.deleted, &p->scan);
    }
    timer_lap("scan");
    const char *facts = in_root(p, ".testfan/cache/facts");
    bool recalled = collectors_recall(p);
    store_load(&p->store, p->config.rootdir, &p->scan, facts);
    if (!recalled && collectors_find(p)) {
        store_free(&p->store);
        store_load(&p->store, p->config.rootdir, &p->scan, facts);
    }
    timer_lap("parse");
    p->initial = resolve_initial_conftests(a, &p->scan, &p->config);
    graph_new(&p->graph, a);
    for (uint32_t i = 0; i < p->scan.files.len; i++)
        graph_node(&p->graph, p->scan.files.items[i].path);
    for (uint32_t i = 0; i < p->scan.texts.len; i++)
        graph_node(&p->graph, p->scan.texts.items[i].path);
    modules_index(&p->modules, a, &p->scan, &p->config, &p->python, &p->initial);
    dists_index(&p->dists, a, &p->python, &p->config);
    *findings = (struct findings){.arena = a};
    if (!learned_read(a, p->config.rootdir, &p->learned))
        return false;
    if (!(flags & PROJECT_NO_EDGES))
        resolve_imports(&p->graph, &p->modules, &p->dists, &p->config, p->store.facts, &p->initial,
                        flags & PROJECT_UNLEARNED ? NULL : &p->learned, findings);
    timer_lap("resolve");
    if (!(flags & (PROJECT_UNLEARNED | PROJECT_NO_EDGES)))
        learned_edges(&p->learned, &p->graph, &p->dists, &p->scan, p->config.rootdir);
    graph_finish(&p->graph);
    p->sure = p->graph;
    if (p->config.testfan.trace && python_traces(&p->python))
        graph_without_late(&p->graph, &p->sure);
    timer_lap("graph");
    return true;
}

bool project_load(struct arena *a, const struct invocation *in, unsigned flags, struct project *p) {
    struct findings findings;
    for (int tries = 3;; tries--) {
        int64_t started;
        n_timers = 0;
        if (!load(a, in, flags, p, &findings, &started))
            return false;
        if (!scan_changed(&p->scan, p->config.rootdir, started))
            break;
        if (!tries) {
            diag(DIAG_TREE_CHANGED, p->config.rootdir, 0, 0,
                 "files change faster than they can be read; the answer may be of two states");
            break;
        }
        project_free(p);
    }
    resolve_report(&findings, &p->graph, &p->scan);
    mismatches_report(&p->modules);
    return true;
}

void project_free(struct project *p) {
    store_free(&p->store);
}

const char *project_path(const struct project *p, const char *word) {
    const char *node = strstr(word, "::");
    char *path = os_normalize(p->arena, os_join(p->arena, p->start, collect_path(p->arena, word)));
    size_t n = strlen(p->config.rootdir);
    if (strncmp(path, p->config.rootdir, n) != 0 || (path[n] && path[n] != '/')) {
        diag(DIAG_USAGE, NULL, 0, 0, "'%s' lies outside the rootdir %s", word, p->config.rootdir);
        return NULL;
    }
    path += n + (path[n] == '/');
    return node ? arena_printf(p->arena, "%s%s", path, node) : path;
}

bool project_node(const struct project *p, const char *word, uint32_t *node) {
    const char *path = project_path(p, word);
    if (!path)
        return false;
    *node = graph_find(&p->graph, path);
    if (*node == MAP_NONE)
        *node = graph_find(&p->graph, arena_printf(p->arena, "%s/", path));
    if (*node == MAP_NONE)
        *node = graph_find(&p->graph, arena_printf(p->arena, DIST_FOLDER "%s", word));
    if (*node != MAP_NONE)
        return true;
    struct strs files = {0};
    for (uint32_t i = 0; i < p->graph.nodes; i++)
        array_push(p->arena, &files, graph_path(&p->graph, i));
    diag(DIAG_USAGE, NULL, 0, 0, "'%s' is no file of the graph", word);
    const char *near = str_nearest(path, &files);
    if (near)
        hint("did you mean '%s'?", near);
    return false;
}

/* The folders in which a path would appear that runs looked for in vain. */
static void watch_learned(const struct project *p, struct strs *paths) {
    for (uint32_t i = 0; i < p->learned.len; i++) {
        const struct strs *absent = &p->learned.targets[i].lists[LEARNED_ABSENT];
        for (uint32_t j = 0; j < absent->len; j++) {
            const char *dir = os_dirname(p->arena, in_root(p, absent->items[j]));
            while (!os_is_dir(dir))
                dir = os_dirname(p->arena, dir);
            array_push(p->arena, paths, dir);
        }
    }
}

/* Everything that, changed, can change build.ninja. */
static struct strs watched_paths(const struct project *p) {
    struct strs paths = {0};
    for (uint32_t i = 0; i < p->config.inputs.len; i++)
        array_push(p->arena, &paths, p->config.inputs.items[i]);
    if (p->learned.len)
        array_push(p->arena, &paths, in_root(p, LEARNED_FILE));
    if (os_is_file(in_root(p, TIMES_KEPT)))
        array_push(p->arena, &paths, in_root(p, TIMES_KEPT));
    for (uint32_t i = 0; i < p->collectors.len; i++)
        array_push(p->arena, &paths, in_root(p, p->collectors.items[i]));
    watch_learned(p, &paths);
    for (uint32_t i = 0; i < p->scan.dirs.len; i++)
        array_push(p->arena, &paths,
                   strcmp(p->scan.dirs.items[i], ".") == 0 ? p->config.rootdir
                                                           : in_root(p, p->scan.dirs.items[i]));
    for (uint32_t i = p->scan.files.len + p->scan.texts.len; i < p->graph.nodes; i++) {
        const char *path = graph_path(&p->graph, i);
        size_t n = strlen(path);
        if (str_starts(path, DIST_FOLDER))
            continue;
        array_push(p->arena, &paths,
                   in_root(p, path[n - 1] == '/' ? arena_strndup(p->arena, path, n - 1)
                                                 : os_dirname(p->arena, path)));
    }
    for (uint32_t i = 0; i < p->dists.sites.len; i++)
        if (os_is_dir(p->dists.sites.items[i]))
            array_push(p->arena, &paths, p->dists.sites.items[i]);
    for (uint32_t i = 0; i < p->python.pth.len; i++)
        array_push(p->arena, &paths, p->python.pth.items[i]);
    dists_watched(&p->dists, &p->graph, &paths);
    strs_sort(&paths);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < paths.len; i++)
        if (!kept || strcmp(paths.items[kept - 1], paths.items[i]) != 0)
            paths.items[kept++] = paths.items[i];
    paths.len = kept;
    return paths;
}

static bool may_overwrite(const struct project *p, const char *path) {
    struct arena scratch = {0};
    size_t n = 0;
    const char *old = os_read(&scratch, in_root(p, path), &n);
    bool ours = old ? emit_ninja_is_ours(old) : errno == ENOENT;
    arena_free(&scratch);
    if (ours)
        return true;
    diag(DIAG_NOT_OURS, path, 0, 0, "testfan did not write this file and leaves it as it is");
    hint("move it away, then run: testfan gen");
    return false;
}

/* A file that is newer than the folders it was made from needs no regeneration: its own making has touched
 * the root. */
static void make_newest(const char *path) {
    utimensat(AT_FDCWD, path, NULL, 0);
}

bool project_write(struct project *p, const struct plan *plan) {
    const char *file = plan->filtered ? os_join(p->arena, plan->dir, "build.ninja") : "build.ninja";
    struct strs watched = watched_paths(p);
    unlink(in_root(p, TOUCHED_FILE));
    if (!may_overwrite(p, file) || !support_write(p, &watched) || !plan_write(plan, p->config.rootdir) ||
        (!plan->filtered && !caching_write(p, plan, support_rules(p->arena))))
        return false;
    forget_stale(plan, &p->sure, &p->graph, &p->dists, p->config.rootdir);
    struct buf b = {0};
    bool ok = true, changed = false;
    if (!plan->filtered) {
        emit_depfile(&b, "build.ninja", &watched);
        ok = out_write(in_root(p, ".testfan/gen.d"), b.s, b.len, NULL);
        buf_reset(&b);
    }
    emit_ninja(&b, plan, &p->sure, NULL);
    ok = ok && out_write(in_root(p, file), b.s, b.len, &changed);
    if (ok && changed)
        make_newest(in_root(p, file));
    buf_free(&b);
    timer_lap("emit");
    return ok;
}

void project_refine(struct project *p, struct plan *plan, bool split, bool written) {
    plan_learned(plan, &p->learned);
    if (plan->workers && written)
        preload_find(p->arena, &p->sure, &p->scan, &p->modules, &p->dists, p->store.facts, &p->initial, plan);
    struct times times;
    long shards = p->config.testfan.shards < 0 ? SHARDS_USUAL : p->config.testfan.shards;
    times_read(p->arena, in_root(p, TIMES_KEPT), &times);
    if (split && !plan->filtered && shards > 1 && times.files.len)
        shards_split(p->arena, plan, &times, shards);
}

void project_schedule(struct project *p, const struct plan *plan, struct schedule *schedule) {
    struct times times;
    times_read(p->arena, in_root(p, TIMES_FILE), &times);
    schedule_make(p->arena, plan, &times, schedule);
}

const char *project_write_ordered(struct project *p, const struct plan *plan,
                                  const struct schedule *schedule) {
    const char *dir = plan->filtered ? plan->dir : ".testfan";
    uint32_t *order = arena_alloc(p->arena, (schedule->len + 1) * sizeof *order);
    for (uint32_t i = 0; i < schedule->len; i++)
        order[i] = schedule->items[i].index;
    struct buf b = {0};
    const char *file = os_join(p->arena, dir, "ordered.ninja");
    emit_ninja(&b, plan, &p->sure, order);
    bool ok = out_write(in_root(p, file), b.s, b.len, NULL);
    buf_free(&b);
    return ok ? file : NULL;
}

bool project_check(struct project *p, const struct plan *plan, bool *stale) {
    if (!may_overwrite(p, "build.ninja"))
        return false;
    struct buf b = {0};
    size_t n = 0;
    const char *old = os_read(p->arena, in_root(p, "build.ninja"), &n);
    emit_ninja(&b, plan, &p->sure, NULL);
    *stale = !old || strcmp(old, b.s) != 0;
    if (*stale)
        print_diff("build.ninja", old, b.s);
    buf_free(&b);
    return true;
}

void project_stats(const struct project *p, const struct plan *plan) {
    uint32_t edges = 0;
    for (uint32_t i = 0; i < p->graph.nodes; i++)
        edges += p->graph.edges[i].len;
    fprintf(stderr, "files %u\nparsed %u\nreused %u\nedges %u\nunits %u\n", p->scan.files.len,
            p->store.parsed, p->store.reused, edges, p->graph.units);
    if (plan)
        fprintf(stderr, "targets %u\n", plan->targets.len);
    for (unsigned i = 0; i < n_timers; i++)
        fprintf(stderr, "%s %.1f ms\n", timers[i].stage, (double)timers[i].ns / 1e6);
}
