#include "cli/suite.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/outcome.h"
#include "cli/project.h"
#include "cli/selection.h"
#include "base/diag.h"
#include "base/os.h"
#include "base/out.h"
#include "run/ninja.h"
#include "run/notes.h"
#include "run/recall.h"
#include "run/schedule.h"
#include "run/screen.h"
#include "run/witness.h"
#include "run/shared.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* A second `testfan test` in the same tree waits for the first, and for its ninja, which may outlive it: when
 * interrupted ninja removes what its commands were making. */
static int lock_tree(const struct project *p) {
    char *path = os_join(p->arena, p->config.rootdir, ".testfan/lock");
    os_mkdirs(os_dirname(p->arena, path));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        diag(DIAG_IO, ".testfan/lock", 0, 0, "cannot be made");
        hint("testfan keeps its results in .testfan/ at the rootdir, which must be writable");
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        fputs("testfan: another testfan runs in this tree; waiting for it\n", stderr);
        if (flock(fd, LOCK_EX) != 0)
            die("cannot wait for the lock:");
    }
    return fd;
}

/* In rootdir. */
static void end_session(const char *dir) {
    os_remove_tree(dir);
    unlink(TOUCHED_FILE);
}

/* Where exec counts the failures of this run, for --maxfail, and tells what it does. */
static char *start_session(const struct project *p) {
    char *dir = os_join(p->arena, p->config.rootdir, NOTES_FOLDER);
    out_clear_tmp();
    end_session(dir);
    os_mkdirs(dir);
    setenv("TESTFAN_SESSION", dir, 1);
    return dir;
}

/* A run at work, for what is to be shown as soon as it is known. */
struct live {
    struct invocation *in;
    const struct plan *plan;
    int64_t started;
    bool *shown; /* by target: it has been */
};

static void show_failures(void *ctx, const char *file) {
    struct live *live = ctx;
    for (uint32_t i = 0; i < live->plan->targets.len; i++) {
        const struct target *t = &live->plan->targets.items[i];
        if (live->shown[i] || strcmp(t->file, file) != 0 || !outcome_is_new(t, live->started))
            continue;
        live->shown[i] = true;
        outcome_show(live->in, t);
    }
}

/* What exec is to know of this run. */
static void tell_exec(const struct invocation *in, const struct plan *plan) {
    setenv("TESTFAN_QUIET", "1", 1);
    setenv("TESTFAN_RUN", arena_printf(in->arena, "%ld", (long)getpid()), 1);
    if (in->jobs >= 0)
        setenv("TESTFAN_JOBS", arena_printf(in->arena, "%ld", in->jobs ? in->jobs : 1), 1);
    setenv("TESTFAN_MAXFAIL", arena_printf(in->arena, "%ld", plan->maxfail), 1);
    if (in->verbose)
        setenv("TESTFAN_VERBOSE", "1", 1);
    if (in->no_workers)
        setenv("TESTFAN_NO_WORKERS", "1", 1);
    if (in->no_cache)
        setenv("TESTFAN_NO_CACHE", "1", 1);
    if (in->retries >= 0)
        setenv("TESTFAN_RETRIES", arena_printf(in->arena, "%ld", in->retries), 1);
    if (in->isolation)
        setenv("TESTFAN_ISOLATION", in->isolation, 1);
    if (in->strict_isolation)
        setenv("TESTFAN_STRICT_ISOLATION", "1", 1);
}

static int run_plan(struct invocation *in, struct project *p, const struct plan *plan, bool part,
                    const char *build_file, int lock, int64_t started) {
    struct strs targets = {0};
    if (plan->filtered)
        array_push(in->arena, &targets, arena_printf(in->arena, "%s/merged", plan->dir));
    else if (part)
        ARRAY_FOR (const struct target, t, &plan->targets)
            array_push(in->arena, &targets, arena_printf(in->arena, "%s.xml", t->result));
    struct schedule schedule;
    project_schedule(p, plan, &schedule);
    struct live live = {in, plan, started, arena_alloc(in->arena, plan->targets.len + 1)};
    const struct screen_options screen = {
        .live = screen_is_live(2),
        .verbose = in->verbose,
        .color = options_color(in, 2),
        .others = plan->filtered ? 1
                  : part         ? 0
                                 : 2,
        .schedule = &schedule,
        .failed = in->live && !in->verbose ? show_failures : NULL,
        .ctx = &live,
    };
    return ninja_run(in->arena, &(struct ninja_call){.file = build_file,
                                                     .targets = &targets,
                                                     .jobs = in->jobs,
                                                     .load = in->load,
                                                     .lock = lock,
                                                     .screen = &screen});
}

static int run_tests(struct invocation *in, struct project *p, int lock, struct plan *plan_out) {
    struct filter filter;
    const struct filter all = {.maxfail = -1};
    struct plan whole, plan;
    if (!selection_read(in, p, &filter))
        return EXIT_USAGE;
    bool part = filter.paths.len > 0 || selection_is_asked(in);
    if (!plan_targets(in->arena, &p->sure, &p->scan, &p->config, p->store.facts, &all, &whole) ||
        !plan_targets(in->arena, &p->sure, &p->scan, &p->config, p->store.facts, &filter, &plan))
        return EXIT_USAGE;
    project_refine(p, &whole, !in->whole_files, true);
    project_refine(p, &plan, !in->whole_files, plan.filtered);
    if (!selection_apply(in, p, &filter, &plan, NULL))
        return EXIT_USAGE;
    *plan_out = plan;
    if (!project_write(p, &whole) || (plan.filtered && !project_write(p, &plan)))
        return EXIT_USAGE;
    if (in->stats)
        project_stats(p, &plan);
    if (!plan.targets.len) {
        puts("no tests ran");
        return EXIT_NO_TESTS;
    }
    struct schedule schedule;
    const struct plan *built = plan.filtered ? &plan : &whole;
    project_schedule(p, built, &schedule);
    const char *build_file = project_write_ordered(p, built, &schedule);
    if (!build_file)
        return EXIT_USAGE;
    if (chdir(p->config.rootdir) != 0)
        die("cannot enter %s:", p->config.rootdir);
    setenv("PWD", p->config.rootdir, 1);
    if (in->command->bit & (CMD_AUDIT | CMD_LEARN))
        shared_forget(in->arena, &plan);
    char *session = start_session(p);
    tell_exec(in, &plan);
    int64_t begun = os_now();
    int64_t started = os_file_time();
    int status = run_plan(in, p, &plan, part, build_file, lock, started);
    unsigned cached = recall_count(session);
    end_session(session);
    if (status == 127)
        return EXIT_USAGE;
    struct outcome outcome = {.plan = &plan,
                              .python = p->python.path,
                              .part = part || plan.filtered,
                              .ninja_status = status,
                              .cached = cached,
                              .started = started,
                              .seconds = (double)(os_now() - begun) / 1e9};
    int code = outcome_report(in, &outcome);
    return code == EXIT_PASSED && diag_errors() ? EXIT_FAILED : code;
}

int suite_run(struct invocation *in, struct project *p, struct plan *plan) {
    int lock = lock_tree(p);
    int code = lock < 0 ? EXIT_USAGE : run_tests(in, p, lock, plan);
    if (lock >= 0)
        close(lock);
    return code;
}
