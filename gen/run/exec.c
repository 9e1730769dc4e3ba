#include "run/exec.h"
#include "base/diag.h"
#include "base/os.h"
#include "base/out.h"
#include "run/child.h"
#include "run/crash.h"
#include "run/environment.h"
#include "run/history.h"
#include "run/log.h"
#include "run/server.h"
#include "run/trace.h"
#include "source/config.h"

#include <cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NO_PASS_NO_TESTS = 5, OUTPUT_IN_REPORT = 8000 };

/* One target at work. */
struct target_run {
    struct arena arena;
    const char *python, *run_file, *digest;
    long expect;
    const char *file, *xml, *ok, *log;                              /* where things end up */
    char tmp_xml[PATH_MAX], tmp_log[PATH_MAX], tmp_trace[PATH_MAX]; /* where they are made, absolute */
    const char *rootdir;
    const char *worker, *server;     /* server: NULL when every target is to have a process of its own */
    struct strs args, nodes, before; /* before: modules to import first */
    bool filtered, trace;
    long maxfail;
    double limit, timeout; /* seconds for a test, and for the whole file; 0: none */
    struct timespec started;
};

static struct strs json_strings(struct arena *a, const cJSON *list) {
    struct strs out = {0};
    for (const cJSON *e = list ? list->child : NULL; e; e = e->next)
        if (cJSON_IsString(e))
            array_push(a, &out, arena_strdup(a, e->valuestring));
    return out;
}

static double json_number(const cJSON *json, const char *key) {
    const cJSON *n = cJSON_GetObjectItem(json, key);
    return cJSON_IsNumber(n) ? n->valuedouble : 0;
}

static bool read_run_file(struct target_run *t) {
    size_t n = 0;
    const char *text = os_read(&t->arena, t->run_file, &n);
    cJSON *json = text ? cJSON_ParseWithLength(text, n) : NULL;
    const char *worker = cJSON_GetStringValue(cJSON_GetObjectItem(json, "worker"));
    if (!worker) {
        diag(DIAG_IO, t->run_file, 0, 0, text ? "not written by testfan" : "cannot be read");
        hint("run: testfan gen");
        cJSON_Delete(json);
        return false;
    }
    t->worker = arena_strdup(&t->arena, worker);
    const char *server = cJSON_GetStringValue(cJSON_GetObjectItem(json, "server"));
    t->server = server && !getenv("TESTFAN_NO_WORKERS") ? arena_strdup(&t->arena, server) : NULL;
    t->args = json_strings(&t->arena, cJSON_GetObjectItem(json, "args"));
    const cJSON *nodes = cJSON_GetObjectItem(json, "nodes");
    t->nodes = json_strings(&t->arena, cJSON_GetObjectItemCaseSensitive(nodes, t->file));
    const cJSON *before = cJSON_GetObjectItem(json, "before");
    if (!t->before.len)
        t->before = json_strings(&t->arena, cJSON_GetObjectItemCaseSensitive(before, t->file));
    t->trace = cJSON_IsTrue(cJSON_GetObjectItem(json, "trace"));
    t->filtered = cJSON_IsTrue(cJSON_GetObjectItem(json, "filtered"));
    t->maxfail = (long)json_number(json, "maxfail");
    t->limit = json_number(json, "limit");
    t->timeout = json_number(json, "timeout");
    cJSON_Delete(json);
    return true;
}

static bool read_words(struct target_run *t, int argc, char **argv) {
    const char **places[] = {&t->file, &t->xml, &t->ok};
    int given = 0;
    for (int i = 3; i < argc; i++) {
        if (str_starts(argv[i], "--python="))
            t->python = argv[i] + 9;
        else if (str_starts(argv[i], "--run="))
            t->run_file = argv[i] + 6;
        else if (str_starts(argv[i], "--expect="))
            t->expect = strtol(argv[i] + 9, NULL, 10);
        else if (str_starts(argv[i], "--digest="))
            t->digest = argv[i] + 9;
        else if (str_starts(argv[i], "--before="))
            strs_split(&t->arena, &t->before, argv[i] + 9, ',');
        else if (given < 3)
            *places[given++] = argv[i];
    }
    bool run = argc > 2 && strcmp(argv[2], "run") == 0;
    if (run && given == 3 && t->python && t->run_file && str_ends(t->xml, ".xml"))
        return true;
    diag(DIAG_USAGE, NULL, 0, 0, "testfan exec is run by ninja, not by people");
    return false;
}

/* pytest's arguments that are this target's own. */
static struct strs own_arguments(struct target_run *t, long failures_left) {
    struct strs args = {0};
    array_push(&t->arena, &args, arena_printf(&t->arena, "--junitxml=%s", t->tmp_xml));
    if (t->maxfail)
        array_push(&t->arena, &args, arena_printf(&t->arena, "--maxfail=%ld", failures_left));
    return args;
}

static bool run_cold(struct target_run *t, const struct strs *env, const struct strs *own, struct child *c) {
    struct arena *a = &t->arena;
    struct strs argv = {0};
    const char *const words[] = {t->python,
                                 t->worker,
                                 t->file,
                                 t->tmp_log,
                                 t->trace ? t->tmp_trace : "",
                                 arena_printf(a, "%.17g", t->limit),
                                 strs_join(a, &t->before, ",")};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        array_push(a, &argv, words[i]);
    for (uint32_t i = 0; i < t->nodes.len; i++)
        array_push(a, &argv, t->nodes.items[i]);
    array_push(a, &argv, "--");
    for (uint32_t i = 0; i < t->args.len; i++)
        array_push(a, &argv, t->args.items[i]);
    for (uint32_t i = 0; i < own->len; i++)
        array_push(a, &argv, own->items[i]);
    array_push(a, &argv, NULL);
    if (child_run(argv.items, env->items, t->timeout, c))
        return true;
    diag(DIAG_IO, t->python, 0, 0, "cannot be started: %s", strerror(errno));
    return false;
}

static bool run_served(struct target_run *t, const struct strs *env, const struct strs *own,
                       long failures_left, struct child *c) {
    const struct server server = {&t->arena, t->server, t->python, &t->args, env};
    const struct request request = {.file = t->file,
                                    .log = t->tmp_log,
                                    .trace = t->trace ? t->tmp_trace : NULL,
                                    .xml = t->tmp_xml,
                                    .nodes = &t->nodes,
                                    .before = &t->before,
                                    .args = *own,
                                    .limit = t->limit,
                                    .maxfail = t->maxfail ? failures_left : 0};
    const char *why = NULL;
    if (server_run(&server, &request, t->timeout, c, &why))
        return true;
    if (getenv("TESTFAN_VERBOSE"))
        printf("%s runs in a process of its own: %s\n", t->file, why);
    unlink(t->tmp_xml);
    unlink(t->tmp_log);
    unlink(t->tmp_trace);
    return false;
}

/* Outputs are as old as the start of the run, by the clock of the file system: what is edited meanwhile is
 * newer. */
static void date_back(const struct target_run *t, const char *path) {
    const struct timespec times[2] = {t->started, t->started};
    utimensat(AT_FDCWD, path, times, 0);
}

static bool put_text(const struct target_run *t, const char *path, const char *text, size_t n) {
    if (!out_write(path, text, n, NULL))
        return false;
    date_back(t, path);
    return true;
}

/* How many tests have failed so far in this whole run. */
static long count_failures(const char *session) {
    long n = 0;
    DIR *d = session ? opendir(session) : NULL;
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] == 'f';
    if (d)
        closedir(d);
    return n;
}

static void note_failures(const char *session, long n) {
    for (long i = 0; session && i < n; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/f%ld.%ld", session, (long)getpid(), i);
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
    }
}

static bool put_not_run(const struct target_run *t) {
    static const char text[] =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><testsuites name=\"pytest tests\"><testsuite "
        "name=\"pytest\" errors=\"0\" failures=\"0\" skipped=\"0\" tests=\"0\" time=\"0.000\"><properties>"
        "<property name=\"testfan.not-run\" value=\"maxfail\"/></properties></testsuite></testsuites>";
    unlink(t->log);
    return put_text(t, t->xml, text, sizeof text - 1);
}

/* Whether faulthandler has printed the stacks of a test that took too long. */
static bool has_stacks(const char *output) {
    const char *timeout = strstr(output, "Timeout (");
    return timeout && strstr(timeout, " (most recent call first):");
}

/* What is wrong beyond failing tests, in one line; NULL when nothing is. */
static const char *find_crash(struct target_run *t, const struct child *c, const struct run_log *log,
                              const char *output, bool whole) {
    struct arena *a = &t->arena;
    const char *during = log->running ? arena_printf(a, " while running %s", log->running) : "";
    if (c->timed_out)
        return arena_printf(a, "timed out after %g s%s", t->timeout, during);
    if (WIFSIGNALED(c->status))
        return arena_printf(a, "killed by %s%s", crash_signal_name(WTERMSIG(c->status)), during);
    int exit = WEXITSTATUS(c->status);
    if (t->limit > 0 && exit == 1 && log->running && has_stacks(output))
        return arena_printf(a, "timed out after %g s%s", t->limit, during);
    if (!log->finished)
        return arena_printf(a, "the interpreter ended with status %d%s", exit,
                            *during ? during : " before pytest had finished");
    if (exit != log->exit)
        return arena_printf(a, "the interpreter ended with status %d after pytest had finished with %d", exit,
                            log->exit);
    if (exit > 2 && exit != NO_PASS_NO_TESTS)
        return arena_printf(a, "pytest ended with status %d", exit);
    if (!whole)
        return "pytest left no complete report";
    if ((exit == 1 || exit == 2) && !log->failed)
        return arena_printf(a, "pytest ended with status %d though no test failed", exit);
    return NULL;
}

/* A hook may take all items away, told or not; but the tests that the file surely holds must have been seen.
 */
static bool misses_its_tests(const struct target_run *t, const struct run_log *log, int exit) {
    bool none = (exit == 0 || exit == NO_PASS_NO_TESTS) && !log->collected && !log->skipped && !log->ignored;
    return none && t->expect > 0 && !t->filtered;
}

/* Where the last lines begin that are `most` bytes together. */
static size_t last_part(const char *text, size_t n, size_t most) {
    if (n <= most)
        return 0;
    const char *line = memchr(text + n - most, '\n', most);
    return line ? (size_t)(line + 1 - text) : n - most;
}

static bool put_report(struct target_run *t, const struct run_log *log, const char *crash_message,
                       const struct buf *output, const char *report, size_t n) {
    if (!crash_message)
        return put_text(t, t->xml, report, n);
    size_t from = last_part(output->s, output->len, OUTPUT_IN_REPORT);
    struct crash crash = {t->file, crash_message, output->s + from, output->len - from};
    struct buf b = {0};
    if (!report || !crash_append(&b, &crash, log, report, n)) {
        buf_reset(&b);
        crash_report(&b, &crash, log);
    }
    bool ok = put_text(t, t->xml, b.s, b.len);
    buf_free(&b);
    return ok;
}

/* Whether PYTEST_ADDOPTS is what it was when the stamp was made: else this run says nothing about the one
 * that is meant. */
static bool environment_is_stamped(struct arena *a) {
    static const char name[] = "\nenv PYTEST_ADDOPTS=";
    size_t n = 0;
    const char *stamp = os_read(a, ".testfan/stamp", &n), *now = getenv("PYTEST_ADDOPTS");
    const char *then = stamp ? strstr(stamp, name) : NULL;
    if (!then || !now)
        return !then && !now;
    then += sizeof name - 1;
    return strcspn(then, "\n") == strlen(now) && str_starts(then, now);
}

/* What the run read: for ninja, for audit and learn, and for gen. */
static bool put_trace(struct target_run *t) {
    struct trace trace = {.raw = t->tmp_trace,
                          .rootdir = t->rootdir,
                          .file = t->file,
                          .started = (int64_t)t->started.tv_sec * 1000000000 + t->started.tv_nsec};
    struct inputs in;
    trace_restore_times(&trace);
    trace_inputs(&t->arena, &trace, &in);
    const char *stem = arena_strndup(&t->arena, t->xml, strlen(t->xml) - 4);
    return trace_depfile(&in, t->rootdir, t->xml, arena_printf(&t->arena, "%s.d", stem)) &&
           inputs_write(&in, arena_printf(&t->arena, "%s.trace", stem), false) &&
           inputs_write(&in, arena_printf(&t->arena, "%s.extra", stem), true);
}

static bool put_results(struct target_run *t, const struct child *c, const char *session) {
    struct run_log log;
    log_read(&t->arena, t->tmp_log, &log);
    size_t n = 0;
    const char *report = os_read(&t->arena, t->tmp_xml, &n);
    bool whole = report && crash_is_whole(report, n);
    struct buf output = {0};
    buf_str(&output, "");
    capture_text(&c->output, &output);
    const char *crash = find_crash(t, c, &log, output.s, whole);
    int exit = WIFEXITED(c->status) ? WEXITSTATUS(c->status) : -1;
    if (!crash && misses_its_tests(t, &log, exit))
        crash = arena_printf(&t->arena, "pytest collected none of the %ld tests of this file [no-tests]",
                             t->expect);
    bool passed =
        !crash && !log.failed && (exit == 0 || exit == NO_PASS_NO_TESTS) && environment_is_stamped(&t->arena);
    if (getenv("TESTFAN_VERBOSE"))
        fwrite(output.s, 1, output.len, stdout);
    if (!passed)
        printf("FAILED %s%s%s\n", t->file, crash ? ": " : "", crash ? crash : "");
    note_failures(session, crash ? log.failed + 1 : log.failed);
    size_t log_size = 0;
    const char *log_text = os_read(&t->arena, t->tmp_log, &log_size);
    bool ok = put_report(t, &log, crash, &output, whole ? report : NULL, n) &&
              put_text(t, t->log, log_text ? log_text : "", log_size) && (!t->trace || put_trace(t));
    buf_free(&output);
    const char *line = arena_printf(&t->arena, "%s %d\n", t->digest ? t->digest : "-", exit);
    if (!ok || !passed)
        return ok;
    history_passed(t->xml);
    return put_text(t, t->ok, line, strlen(line));
}

static const char *prepare(struct target_run *t) {
    char *cwd = os_getcwd(&t->arena);
    out_set_tmp(os_join(&t->arena, cwd, ".testfan/tmp"));
    if (!os_mkdirs(".testfan/tmp")) {
        diag(DIAG_IO, ".testfan/tmp", 0, 0, "cannot be made: %s", strerror(errno));
        return NULL;
    }
    out_tmp_name(t->tmp_xml, sizeof t->tmp_xml, "report.xml");
    out_tmp_name(t->tmp_log, sizeof t->tmp_log, "report.log");
    out_tmp_name(t->tmp_trace, sizeof t->tmp_trace, "report.trace");
    t->rootdir = cwd;
    t->log = arena_printf(&t->arena, "%.*s.log", (int)strlen(t->xml) - 4, t->xml);
    if (unlink(t->ok) != 0 && errno != ENOENT) {
        diag(DIAG_IO, t->ok, 0, 0, "cannot be removed: %s", strerror(errno));
        return NULL;
    }
#ifdef CLOCK_REALTIME_COARSE
    clock_gettime(CLOCK_REALTIME_COARSE, &t->started);
#else
    clock_gettime(CLOCK_REALTIME, &t->started);
#endif
    return cwd;
}

static int run_target(struct target_run *t) {
    const char *session = getenv("TESTFAN_SESSION");
    session = session && *session ? session : NULL;
    if (!read_run_file(t) || !prepare(t))
        return 2;
    const char *maxfail = getenv("TESTFAN_MAXFAIL");
    t->maxfail = !session ? 0 : maxfail ? strtol(maxfail, NULL, 10) : t->maxfail;
    long failures = t->maxfail ? count_failures(session) : 0;
    if (t->maxfail && failures >= t->maxfail)
        return put_not_run(t) ? 0 : 2;
    history_begin(t->xml);
    struct strs own = own_arguments(t, t->maxfail - failures), env = run_environment(&t->arena);
    struct child c;
    if (!(t->server && run_served(t, &env, &own, t->maxfail - failures, &c)) && !run_cold(t, &env, &own, &c))
        return 2;
    int status = c.interrupted ? 128 + c.interrupted : put_results(t, &c, session) ? 0 : 2;
    unlink(t->tmp_xml);
    unlink(t->tmp_log);
    unlink(t->tmp_trace);
    capture_free(&c.output);
    return status;
}

int exec_main(int argc, char **argv) {
    struct target_run t = {.expect = 0};
    int status = read_words(&t, argc, argv) ? run_target(&t) : 2;
    fflush(stdout);
    arena_free(&t.arena);
    return status;
}
