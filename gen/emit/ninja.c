#include "emit/ninja.h"
#include "base/embedded.h"
#include "base/diag.h"
#include "base/map.h"
#include "graph/graph.h"
#include "graph/inputs.h"
#include "graph/isolation.h"
#include "graph/plan.h"

#include <string.h>

static const char first_line[] = "# Made by testfan: change nothing here, `testfan gen` makes it again.\n";

void escape_ninja(struct buf *b, const char *s) {
    for (; *s; s++) {
        if (*s == '|') {
            buf_str(b, "${pipe}");
            continue;
        }
        if (*s == '$' || *s == ' ' || *s == ':')
            buf_char(b, '$');
        buf_char(b, *s);
    }
}

/* Names of ours that a path of the tree may have too: there the path is written from the root of the disk. */
struct names {
    struct arena *arena;
    struct map taken;
};

struct targets {
    const struct target **items;
    uint32_t len, cap;
};

static void take_name(struct names *n, const char *name) {
    map_add(&n->taken, name, strlen(name), 1);
}

static struct names take_names(struct arena *a, const struct plan *plan) {
    struct names n = {.arena = a, .taken = {.arena = a}};
    static const char *const fixed[] = {"test", "all", "build.ninja"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        take_name(&n, fixed[i]);
    ARRAY_FOR (const struct target, t, &plan->targets)
        take_name(&n, arena_printf(a, "%s.test", t->file));
    return n;
}

static void put_source(struct buf *b, const struct names *names, const char *path) {
    size_t n = strlen(path);
    bool folder = n && path[n - 1] == '/';
    buf_char(b, ' ');
    if (folder)
        buf_str(b, LIST_FOLDER);
    else if (map_get(&names->taken, path, n) != MAP_NONE)
        buf_str(b, "$root/");
    escape_ninja(b, folder && n == 1 ? "" : path);
    if (folder)
        buf_str(b, LIST_NAME);
}

static void put_word(struct buf *b, const char *word) {
    buf_char(b, ' ');
    escape_ninja(b, word);
}

static bool has_phony(const struct graph *g, uint32_t unit) {
    return g->unit_first[unit + 1] - g->unit_first[unit] > 1 ||
           g->unit_edges_first[unit + 1] > g->unit_edges_first[unit];
}

static void put_unit(struct buf *b, const struct names *names, const struct graph *g, uint32_t unit) {
    const char *path = graph_path(g, g->unit_nodes[g->unit_first[unit]]);
    if (!has_phony(g, unit)) {
        put_source(b, names, path);
        return;
    }
    buf_str(b, " .testfan/units/");
    escape_ninja(b, path);
}

static void emit_unit(struct buf *b, const struct names *names, const struct graph *g, uint32_t unit) {
    buf_str(b, "build");
    put_unit(b, names, g, unit);
    buf_str(b, ": phony");
    for (uint32_t i = g->unit_first[unit]; i < g->unit_first[unit + 1]; i++)
        put_source(b, names, graph_path(g, g->unit_nodes[i]));
    for (uint32_t i = g->unit_edges_first[unit]; i < g->unit_edges_first[unit + 1]; i++)
        put_unit(b, names, g, g->unit_edges[i]);
    buf_char(b, '\n');
}

static void emit_units(struct buf *b, const struct names *names, const struct plan *plan,
                       const struct graph *g) {
    struct arena scratch = {0};
    unsigned char *seen = arena_alloc(&scratch, g->units + 1), *done = arena_alloc(&scratch, g->units + 1);
    struct unit_edges forward = graph_forward(g);
    ARRAY_FOR (const struct target, t, &plan->targets)
        graph_reach(g, &forward, g->unit_of[t->node], seen);
    for (uint32_t i = 0; i < g->nodes; i++) {
        uint32_t unit = g->unit_of[i];
        if (seen[unit] && !done[unit] && has_phony(g, unit))
            emit_unit(b, names, g, unit);
        done[unit] = 1;
    }
    arena_free(&scratch);
}

static void put_value(struct buf *b, const char *name, const char *value) {
    buf_fmt(b, "%s = ", name);
    for (; *value; value++) {
        if (*value == '$')
            buf_char(b, '$');
        buf_char(b, *value);
    }
    buf_char(b, '\n');
}

/* A group is one edge: its files run one after the other in one process, all or none. */
static struct targets members_of(const struct names *names, const struct plan *plan, const struct target *t) {
    struct targets members = {0};
    if (!t->together)
        array_push(names->arena, &members, t);
    else
        ARRAY_FOR (const struct target, other, &plan->targets)
            if (str_eq(other->together, t->together))
                array_push(names->arena, &members, other);
    return members;
}

static void put_inputs(struct buf *b, const struct names *names, const struct targets *members,
                       const struct graph *g) {
    for (uint32_t i = 0; i < members->len; i++) {
        put_word(b, arena_printf(names->arena, "%s.xml", members->items[i]->result));
        put_word(b, arena_printf(names->arena, "%s.ok", members->items[i]->result));
    }
    buf_str(b, ": run");
    for (uint32_t i = 0; i < members->len; i++)
        put_source(b, names, members->items[i]->file);
    buf_str(b, " |");
    for (uint32_t i = 0; i < members->len; i++)
        put_unit(b, names, g, g->unit_of[members->items[i]->node]);
}

static void emit_target(struct buf *b, const struct names *names, const struct plan *plan,
                        const struct target *t, const struct graph *g) {
    struct targets members = members_of(names, plan, t);
    struct digest sum = t->digest;
    for (uint32_t i = 1; i < members.len; i++)
        sum = digest_chain(sum, members.items[i]->digest);
    char digest[33];
    digest_hex(sum, digest);
    buf_str(b, "\nbuild");
    put_inputs(b, names, &members, g);
    buf_fmt(b, " .testfan/stamp\n  digest = %s\n  expect = %ld", digest, plan_expected(t));
    for (uint32_t i = 1; i < members.len; i++)
        buf_fmt(b, ",%ld", plan_expected(members.items[i]));
    buf_char(b, '\n');
    if (t->together)
        buf_fmt(b, "  shard = --group=%s\n", t->together);
    if (t->shards)
        buf_fmt(b, "  shard = --shard=%u/%u --split=%s\n", t->shard, t->shards, t->fingerprint);
    if (t->serial || t->resource)
        buf_fmt(b, "  pool = %s%s\n", t->serial ? "serial" : "resource_", t->serial ? "" : t->resource);
    put_value(b, "  depfile", arena_printf(names->arena, "%s.d", t->result));
}

static const char *verdict_name(const struct names *names, const struct target *t) {
    return arena_printf(names->arena, "%s.verdict", t->result);
}

/* FILE.test stands for all parts of the file, which follow each other in the plan. */
static void emit_file_names(struct buf *b, const struct names *names, const struct target *t) {
    buf_str(b, "build");
    put_word(b, verdict_name(names, t));
    buf_str(b, ": verdict_file");
    put_word(b, arena_printf(names->arena, "%s.xml", t->result));
    buf_char(b, '\n');
    if (t->shard > 1)
        return;
    buf_str(b, "build");
    put_word(b, arena_printf(names->arena, "%s.test", t->file));
    buf_str(b, ": phony");
    for (uint32_t i = 0; i < (t->shards ? t->shards : 1); i++)
        put_word(b, verdict_name(names, t + i));
    buf_char(b, '\n');
}

/* Ninja starts first what stands first: what runs alone comes last, when nothing has to wait for it. */
static void emit_targets(struct buf *b, const struct names *names, const struct plan *plan,
                         const struct graph *g, const uint32_t *order, bool serial) {
    for (uint32_t i = 0; i < plan->targets.len; i++) {
        const struct target *t = &plan->targets.items[order ? order[i] : i];
        if (t->serial != serial)
            continue;
        if (isolation_leader(plan, t) == t)
            emit_target(b, names, plan, t, g);
        if (!plan->filtered)
            emit_file_names(b, names, t);
    }
}

static void emit_pools(struct buf *b, const struct plan *plan) {
    bool serial = false;
    ARRAY_FOR (const struct target, t, &plan->targets)
        serial |= t->serial;
    if (serial)
        buf_str(b, "\npool serial\n  depth = 1\n");
    ARRAY_FOR (const struct resource, r, &plan->resources)
        buf_fmt(b, "\npool resource_%s\n  depth = %ld\n", r->name, r->limit);
}

void emit_ninja(struct buf *b, const struct plan *plan, const struct graph *g, const uint32_t *order) {
    struct arena scratch = {0};
    struct names names = take_names(&scratch, plan);
    buf_str(b, first_line);
    buf_fmt(b, "builddir = %s\nresults = %s\n", plan->dir, plan->dir);
    buf_str(b, embedded_text("ninja_rules.in"));
    if (!plan->filtered)
        buf_str(b, embedded_text("ninja_whole.in"));
    emit_pools(b, plan);
    buf_char(b, '\n');
    emit_units(b, &names, plan, g);
    emit_targets(b, &names, plan, g, order, false);
    emit_targets(b, &names, plan, g, order, true);
    buf_fmt(b, "\nbuild %s %s/merged: merge", plan->report, plan->dir);
    ARRAY_FOR (const struct target, t, &plan->targets) {
        buf_str(b, " $\n   ");
        put_word(b, arena_printf(&scratch, "%s.xml", t->result));
    }
    buf_fmt(b, " | %s/plan.json\n", plan->dir);
    arena_free(&scratch);
}

static void put_command(struct buf *b, const char *name, const char *path) {
    struct buf quoted = {0};
    escape_shell(&quoted, path);
    put_value(b, name, quoted.s);
    buf_free(&quoted);
}

/* Whether ninja's depfile parser reads the name as one word; space and '#' can be escaped there. */
static bool depfile_holds(const char *path) {
    for (; *path; path++) {
        bool letter = (*path >= 'a' && *path <= 'z') || (*path >= 'A' && *path <= 'Z') ||
                      (*path >= '0' && *path <= '9');
        if (!letter && !strchr("/._-+,~%=@ #", *path) && (unsigned char)*path < 0x80)
            return false;
    }
    return true;
}

/* A path that is declared as a phony output may be missing: then build.ninja is made again, where an input
   that is missing would be an error. */
void emit_ninja_machine(struct buf *b, const struct machine *m, const struct strs *watched) {
    buf_str(b, "# What belongs to this machine; made by testfan, ignored by git.\n");
    put_command(b, "testfan", m->testfan);
    put_command(b, "python", m->python ? m->python : "python3");
    put_value(b, "root", m->rootdir);
    buf_str(b, "pipe = |\n");
    struct buf list = {0};
    for (uint32_t i = 0; i < watched->len; i++) {
        if (depfile_holds(watched->items[i]) || strpbrk(watched->items[i], "\n\r"))
            continue;
        buf_str(b, "build");
        put_word(b, watched->items[i]);
        buf_str(b, ": phony\n");
        put_word(&list, watched->items[i]);
    }
    buf_fmt(b, "build .testfan/watched: phony .testfan/.gitignore%s\n", list.s ? list.s : "");
    buf_free(&list);
}

static void put_depfile_name(struct buf *b, const char *path) {
    for (; *path; path++) {
        if (*path == ' ' || *path == '#')
            buf_char(b, '\\');
        buf_char(b, *path);
    }
}

void emit_depfile(struct buf *b, const char *output, const struct strs *inputs) {
    buf_str(b, "");
    if (!depfile_holds(output))
        return;
    put_depfile_name(b, output);
    buf_char(b, ':');
    for (uint32_t i = 0; i < inputs->len; i++) {
        if (!depfile_holds(inputs->items[i]))
            continue;
        buf_str(b, " \\\n  ");
        put_depfile_name(b, inputs->items[i]);
    }
    buf_char(b, '\n');
}

bool emit_ninja_is_ours(const char *text) {
    return str_starts(text, "# Made by testfan:");
}
