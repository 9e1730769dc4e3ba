#include "cli/support.h"
#include "base/embedded.h"
#include "base/os.h"
#include "base/out.h"
#include "cli/caching.h"
#include "cli/options.h"
#include "cli/project.h"
#include "emit/ninja.h"
#include "graph/closure.h"
#include "graph/inputs.h"
#include "run/environment.h"
#include "run/server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RULES_FOLDER ".testfan/rules/"

static bool write_text(const struct project *p, const char *path, const char *text) {
    return out_write(os_join(p->arena, p->config.rootdir, path), text, strlen(text), NULL);
}

const char *support_rules(struct arena *a) {
    const char *names[] = {"testfan_bazel.py", "testfan_collectors.py", "testfan_company.py",
                           "testfan_probe.py"};
    const struct strs others = {.items = names, .len = sizeof names / sizeof *names};
    struct digest sum = {0};
    char hex[33];
    for (const struct embedded_file *f = embedded_files; f->name; f++)
        if (str_ends(f->name, ".py") && !strs_has(&others, f->name))
            digest_add(&sum, digest_bytes(f->text, strlen(f->text)));
    digest_hex(sum, hex);
    return arena_strdup(a, hex);
}

static bool write_lists(const struct project *p) {
    bool ok = true;
    for (uint32_t i = 0; i < p->graph.nodes && ok; i++) {
        const char *path = graph_path(&p->graph, i);
        size_t n = strlen(path);
        if (!n || path[n - 1] != '/')
            continue;
        const char *dir = arena_strndup(p->arena, path, n - 1);
        char hex[34];
        digest_hex(inputs_list(p->config.rootdir, dir, NULL), hex);
        ok = write_text(p, arena_printf(p->arena, LIST_FOLDER "%s" LIST_NAME, n == 1 ? "" : path), hex);
    }
    return ok;
}

/* Where an embedded file lies in .testfan; NULL: it is not among what runs the tests there. */
static const char *rule_path(struct arena *a, const char *name) {
    const char *names[] = {"testfan_bazel.py", "testfan_collectors.py", "testfan_probe.py"};
    bool ours = !strs_has(&(struct strs){.items = names, .len = sizeof names / sizeof *names}, name);
    const char *folder = strcmp(name, "sitecustomize.py") == 0 ? "child/"
                         : str_ends(name, ".pyc")              ? "__pycache__/" /* PEP 3147 */
                         : str_ends(name, ".py") && ours       ? ""
                                                               : NULL;
    return folder ? arena_printf(a, RULES_FOLDER "%s%s", folder, name) : NULL;
}

static bool write_rules(const struct project *p) {
    bool ok = write_text(p, ".testfan/.gitignore", "*\n");
    for (const struct embedded_file *f = embedded_files; f->name && ok; f++) {
        const char *path = rule_path(p->arena, f->name);
        ok = !path || out_write(os_join(p->arena, p->config.rootdir, path), f->text, f->len, NULL);
    }
    return ok;
}

/* What the fork server reads when it starts. */
static bool write_base(const struct project *p, const struct dists *dists) {
    const char *stamp =
        arena_printf(p->arena, "%s%srules %s\n", dists_stamp(dists),
                     python_stamp(p->arena, &p->python, &p->config.testfan.env), support_rules(p->arena));
    return write_rules(p) && write_text(p, ".testfan/stamp", stamp) && dists_write_sites(dists);
}

bool support_write(struct project *p, const struct strs *watched) {
    bool ok = write_base(p, &p->dists) && dists_write(&p->dists, &p->graph) && write_lists(p);
    ok = ok && closure_write(&p->sure, os_join(p->arena, p->config.rootdir, CLOSURE_SURE)) &&
         closure_write(&p->graph, os_join(p->arena, p->config.rootdir, CLOSURE_ALL));
    struct buf b = {0};
    emit_ninja_machine(&b, &(struct machine){os_self(p->arena), p->python.path, p->config.rootdir}, watched);
    ok = ok && out_write(os_join(p->arena, p->config.rootdir, ".testfan/machine.ninja"), b.s, b.len, NULL);
    buf_free(&b);
    return ok;
}

static bool may_start(const struct project *p, const struct invocation *in) {
    bool narrowed = in->keyword || in->markexpr || in->rest.len;
    bool known = !in->no_cache && caching_may_answer(p->arena, &p->config);
    return p->config.testfan.workers && !in->no_workers && !narrowed && !known &&
           !os_is_dir(os_join(p->arena, p->config.rootdir, ".testfan/results"));
}

/* In a process that goes no further than this; false: it cannot be done. */
static bool enter_rootdir(const struct project *p) {
    return chdir(p->config.rootdir) == 0 && setenv("PWD", p->config.rootdir, 1) == 0;
}

static void start_server(const struct project *p) {
    struct dists dists;
    const char *why;
    const struct strs args = plan_arguments(p->arena, &p->config, &(struct strs){0});
    dists_index(&dists, p->arena, &p->python, &p->config);
    if (!write_base(p, &dists) || !enter_rootdir(p))
        return;
    struct strs env = run_environment(p->arena);
    const struct server server = {p->arena, SERVER_PROGRAM, p->python.path, &args, &env};
    bool waits = p->early.path && str_eq(p->early.python, p->python.path);
    if (!waits || !server_settle(&server, p->early.path, p->early.line))
        server_start(&server, &why);
}

static void start_early(const struct project *p, int line) {
    if (!write_rules(p) || !enter_rootdir(p))
        return;
    struct strs env = run_environment(p->arena);
    server_start_early(&(struct server){p->arena, SERVER_PROGRAM, p->early.python, NULL, &env}, p->early.path,
                       line);
}

/* Its own child is nobody's. */
static bool fork_away(void) {
    pid_t pid = fork();
    if (pid == 0 && fork() == 0)
        return true;
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return false;
}

void support_start_server(struct project *p, const struct invocation *in) {
    if (may_start(p, in) && fork_away()) {
        start_server(p);
        _exit(0);
    }
    if (p->early.path)
        close(p->early.line);
    p->early = (struct early_server){0};
}

void support_start_early(struct project *p, const struct invocation *in, const char *command) {
    int ends[2];
    if (!may_start(p, in) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return;
    const char *path = arena_printf(p->arena, SERVER_FOLDER "/early.%ld", (long)getpid());
    p->early =
        (struct early_server){os_normalize(p->arena, os_join(p->arena, p->start, command)), path, ends[0]};
    if (fork_away()) {
        close(ends[0]);
        start_early(p, ends[1]);
        _exit(0);
    }
    close(ends[1]);
}
