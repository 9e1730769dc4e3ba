#include "cli/commands.h"
#include "cli/learning.h"
#include "cli/options.h"
#include "cli/project.h"
#include "graph/audit.h"
#include "run/company.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a file is known to lean on stays, since it passes with that; what is found new is added. */
static void learn_imports(struct arena *a, const struct learned_target *old,
                          const struct company_files *company, struct learned_target *lesson) {
    struct strs *imports = &lesson->lists[LEARNED_IMPORTS];
    if (old)
        *imports = old->lists[LEARNED_IMPORTS];
    ARRAY_FOR (const struct company_file, f, company)
        if (f->leans_on && strcmp(f->file, lesson->file) == 0 && !strs_has(imports, f->leans_on))
            array_push(a, imports, f->leans_on);
}

/* Takes the lessons of the targets that ran; those of others in the tree stay, those of no target go. */
static struct learned relearn(struct invocation *in, const struct project *p, const struct audit *audit,
                              const struct company_files *company) {
    struct learned now = {0}, before = p->learned;
    ARRAY_FOR (const struct audit_target, t, audit) {
        struct learned_target *old = learned_find(&before, t->file);
        if (t->traced) {
            now.targets = now.len == now.cap
                              ? array_grow(in->arena, now.targets, &now.cap, sizeof *now.targets)
                              : now.targets;
            now.targets[now.len] = audit_lesson(in->arena, t, &p->graph, &p->dists);
            learn_imports(in->arena, old, company, &now.targets[now.len++]);
            if (old)
                old->file = "";
        }
    }
    for (uint32_t i = 0; i < before.len; i++) {
        uint32_t node = graph_find(&p->graph, before.targets[i].file);
        if (node >= p->scan.files.len + p->scan.texts.len)
            continue;
        now.targets = now.len == now.cap ? array_grow(in->arena, now.targets, &now.cap, sizeof *now.targets)
                                         : now.targets;
        now.targets[now.len++] = before.targets[i];
    }
    return now;
}

static uint32_t count_learned(const struct learned *l) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->len; i++)
        for (int j = 0; j < LEARNED_LISTS_N; j++)
            n += l->targets[i].lists[j].len;
    return n;
}

static bool any_failed(struct arena *a, const struct plan *plan) {
    ARRAY_FOR (const struct target, t, &plan->targets)
        if (access(arena_printf(a, "%s.ok", t->result), F_OK) != 0)
            return true;
    return false;
}

int cmd_learn(struct invocation *in) {
    struct project with, without;
    struct plan plan;
    struct audit audit;
    if (!project_load(in->arena, in, PROJECT_RUNS, &with))
        return EXIT_USAGE;
    bool ok = run_and_audit(in, &with, &plan, &audit);
    in->dir = with.start;
    ok = ok && project_load(in->arena, in, PROJECT_RUNS | PROJECT_UNLEARNED, &without);
    if (!ok) {
        project_free(&with);
        return EXIT_USAGE;
    }
    for (uint32_t i = 0; i < plan.targets.len; i++)
        plan.targets.items[i].node = graph_find(&without.graph, plan.targets.items[i].file);
    audit_targets(in->arena, &plan, &without.graph, &without.dists, NULL, &audit);
    struct company_files company = {0};
    if (any_failed(in->arena, &plan))
        company_check(&(struct company){in->arena, with.python.path, &plan}, &company);
    struct learned now = relearn(in, &without, &audit, &company);
    ok = learned_write(&now, without.config.rootdir);
    if (ok)
        printf("%s: %u entries for %u of %u targets\n", LEARNED_FILE, count_learned(&now), now.len,
               audit.len);
    project_free(&without);
    project_free(&with);
    return ok ? EXIT_PASSED : EXIT_USAGE;
}
