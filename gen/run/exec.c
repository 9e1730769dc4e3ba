#include "run/exec.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/os.h"
#include "base/out.h"
#include "report/property.h"
#include "run/attempt.h"
#include "run/history.h"
#include "run/limits.h"
#include "run/notes.h"
#include "run/opinion.h"
#include "run/recall.h"
#include "run/retry.h"
#include "run/schedule.h"
#include "run/shared.h"
#include "run/trace.h"
#include "run/turn.h"
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

static bool holds(const cJSON *list, const char *word) {
    for (const cJSON *e = list ? list->child : NULL; e; e = e->next)
        if (cJSON_IsString(e) && strcmp(e->valuestring, word) == 0)
            return true;
    return false;
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
    const cJSON *branch;
    cJSON_ArrayForEach(branch, cJSON_GetObjectItem(json, "branches")) {
        if (!holds(cJSON_GetObjectItem(branch, "files"), t->file))
            continue;
        t->preload = json_strings(&t->arena, cJSON_GetObjectItem(branch, "modules"));
        t->preload_paths = json_strings(&t->arena, cJSON_GetObjectItem(branch, "paths"));
    }
    t->trace = cJSON_IsTrue(cJSON_GetObjectItem(json, "trace"));
    t->filtered = cJSON_IsTrue(cJSON_GetObjectItem(json, "filtered"));
    t->late = cJSON_IsTrue(cJSON_GetObjectItem(json, "late"));
    t->maxfail = (long)json_number(json, "maxfail");
    struct strs serial = json_strings(&t->arena, cJSON_GetObjectItem(json, "serial"));
    t->takes_turns = serial.len > 0;
    t->alone = strs_has(&serial, t->file);
    t->limit = json_number(json, "limit");
    t->timeout = json_number(json, "timeout");
    const char *isolation = getenv("TESTFAN_ISOLATION");
    if (!isolation)
        isolation = cJSON_GetStringValue(
            cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItem(json, "isolation"), t->file));
    t->isolation = t->isolation ? t->isolation : isolation ? arena_strdup(&t->arena, isolation) : NULL;
    const char *retries = getenv("TESTFAN_RETRIES");
    const cJSON *known = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItem(json, "retries"), t->file);
    t->retries = cJSON_IsNumber(known) ? (long)known->valuedouble : 0;
    if (retries && *retries)
        t->retries = strtol(retries, NULL, 10);
    cJSON_Delete(json);
    return true;
}

/* FILE, REPORT.xml and REPORT.ok; of a group all its files, then for each its report and its pass. */
struct exec_words {
    struct strs words, expect;
};

static bool read_words(struct target_run *t, struct exec_words *w, int argc, char **argv) {
    for (int i = 3; i < argc; i++) {
        if (str_starts(argv[i], "--python="))
            t->python = argv[i] + 9;
        else if (str_starts(argv[i], "--run="))
            t->run_file = argv[i] + 6;
        else if (str_starts(argv[i], "--expect="))
            strs_split(&t->arena, &w->expect, argv[i] + 9, ',');
        else if (str_starts(argv[i], "--digest=")) /* for ninja, which compares commands */
            continue;
        else if (str_starts(argv[i], "--shard="))
            t->shard = argv[i] + 8;
        else if (str_starts(argv[i], "--split="))
            t->fingerprint = argv[i] + 8;
        else if (str_starts(argv[i], "--group="))
            t->group = arena_printf(&t->arena, "%s.%ld", argv[i] + 8, (long)getpid());
        else if (str_starts(argv[i], "--isolation="))
            t->isolation = argv[i] + 12;
        else if (str_starts(argv[i], "--before="))
            strs_split(&t->arena, &t->before, argv[i] + 9, ',');
        else
            array_push(&t->arena, &w->words, argv[i]);
    }
    bool run = argc > 2 && strcmp(argv[2], "run") == 0 && w->words.len && w->words.len % 3 == 0;
    for (uint32_t i = w->words.len / 3; run && i < w->words.len; i += 2)
        run = str_ends(w->words.items[i], ".xml");
    if (run && t->python && t->run_file)
        return true;
    diag(DIAG_USAGE, NULL, 0, 0, "testfan exec is run by ninja, not by people");
    return false;
}

/* Outputs are as old as the start of the run, by the clock of the file system: what is edited meanwhile is
 * newer. */
static void date_back(const struct target_run *t, const char *path) {
    const struct timespec times[2] = {t->started, t->started};
    utimensat(AT_FDCWD, path, times, 0);
}

/* What the child wrote is kept as it is, where it can be renamed. */
static bool put_own(const struct target_run *t, const char *tmp, const char *path) {
    date_back(t, tmp);
    return rename(tmp, path) == 0;
}

static bool put_text(const struct target_run *t, const char *spare, const char *path, const char *text,
                     size_t n) {
    if (!out_reuse(spare, path, text, n))
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

static void note_failures(const struct target_run *t, const char *session, long n) {
    for (long i = 0; session && i < n && i < t->maxfail; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/f%ld.%ld", session, (long)getpid(), i);
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
    }
}

static bool put_report(struct target_run *t, const char *report, size_t n, bool own) {
    struct buf b = {0};
    if (own && !*t->shard && put_own(t, t->tmp_xml, t->xml))
        return true;
    const char *part = arena_printf(&t->arena, "%s %s", t->shard, t->fingerprint);
    bool marked = *t->shard && report_mark(&b, report, n, "testfan.shard", part);
    bool ok = marked ? put_text(t, NULL, t->xml, b.s, b.len) : put_text(t, NULL, t->xml, report, n);
    buf_free(&b);
    return ok;
}

static bool put_not_run(struct target_run *t) {
    static const char text[] =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><testsuites name=\"pytest tests\"><testsuite "
        "name=\"pytest\" errors=\"0\" failures=\"0\" skipped=\"0\" tests=\"0\" time=\"0.000\"><properties>"
        "<property name=\"testfan.not-run\" value=\"maxfail\"/></properties></testsuite></testsuites>";
    unlink(t->log);
    return put_report(t, text, sizeof text - 1, false);
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

static const char *beside(struct target_run *t, const char *suffix) {
    return arena_printf(&t->arena, "%.*s%s", (int)strlen(t->xml) - 3, t->xml, suffix);
}

/* What the run read: for ninja, for audit and learn, and for gen. */
static bool put_trace(struct target_run *t, struct inputs *in) {
    struct trace trace = {.rootdir = t->rootdir,
                          .file = t->file,
                          .started = (int64_t)t->started.tv_sec * 1000000000 + t->started.tv_nsec};
    trace.raw = os_read(&t->arena, t->tmp_trace, &trace.size);
    trace_inputs(&t->arena, &trace, in);
    inputs_sort(in);
    return trace_depfile(in, t->rootdir, t->xml, beside(t, "d")) &&
           inputs_write(in, beside(t, "trace"), t->tmp_trace, false) &&
           inputs_write(in, beside(t, "extra"), NULL, true);
}

/* A second name of the report. */
static bool put_pass(struct target_run *t) {
    static const char text[] = "passed\n";
    history_passed(t->xml);
    return link(t->xml, t->ok) == 0 || put_text(t, NULL, t->ok, text, sizeof text - 1);
}

static bool put_kept(struct target_run *t, const struct kept *kept) {
    bool ok = true;
    for (int i = 0; i < KEPT_PARTS && ok; i++) {
        const char *path = beside(t, recall_suffixes[i]);
        if (kept->part[i])
            ok = put_text(t, i == KEPT_LOG ? t->tmp_log : NULL, path, kept->part[i], kept->size[i]);
        else
            unlink(path);
    }
    if (getenv("TESTFAN_VERBOSE"))
        printf("%s comes from the cache\n", t->file);
    return ok && put_pass(t);
}

static void keep(struct recall *recall, const struct attempt *at, struct inputs *in) {
    const char *why = recall_keep(recall, at, in);
    if (why && getenv("TESTFAN_VERBOSE"))
        printf("%s is not kept in the cache: %s\n", recall->t->file, why);
}

static bool put_results(struct target_run *t, const struct attempt *at, struct recall *recall) {
    struct inputs in = {0};
    bool passed = at->passed && environment_is_stamped(&t->arena);
    if (getenv("TESTFAN_VERBOSE") && !notes_have_output())
        fwrite(at->output.s, 1, at->output.len, stdout);
    if (!passed)
        printf("FAILED %s%s%s\n", t->file, at->crash ? ": " : "", at->crash ? at->crash : "");
    note_failures(t, recall->session, at->crash ? at->log.failed + 1 : at->log.failed);
    bool ok = put_report(t, at->report, at->size, at->own_report) &&
              ((at->own_log && put_own(t, t->tmp_log, t->log)) ||
               put_text(t, NULL, t->log, at->log_text, strlen(at->log_text))) &&
              (!t->trace || put_trace(t, &in));
    if (!ok || !passed)
        return ok;
    keep(recall, at, &in);
    return put_pass(t);
}

/* The time that the file system gives to files now: not before that of any file written so far, nor after
 * that of one written from now on. Newer kernels give a finer one than any clock to a file that was looked
 * at. */
static void read_file_clock(const char *path, struct timespec *now) {
    struct stat st;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0 && fstat(fd, &st) == 0 && futimens(fd, NULL) == 0 && fstat(fd, &st) == 0)
        *now = st.st_mtim;
    else
        clock_gettime(CLOCK_REALTIME, now);
    if (fd >= 0)
        close(fd);
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
    t->result = arena_strndup(&t->arena, t->xml, strlen(t->xml) - 4);
    t->log = arena_printf(&t->arena, "%s.log", t->result);
    unlink(arena_printf(&t->arena, "%s.torn", t->result));
    if (unlink(t->ok) != 0 && errno != ENOENT) {
        diag(DIAG_IO, t->ok, 0, 0, "cannot be removed: %s", strerror(errno));
        return NULL;
    }
    if (t->started.tv_sec) /* the group's: what is edited while others of it run is newer, too */
        return cwd;
    read_file_clock(t->tmp_log, &t->started); /* it is made anyway */
    return cwd;
}

static void remove_made(const struct target_run *t) {
    unlink(t->tmp_xml);
    unlink(t->tmp_log);
    unlink(t->tmp_trace);
}

/* What failed after others in one process may have failed for them. */
static bool run_alone(struct target_run *t, struct attempt *at) {
    if (getenv("TESTFAN_VERBOSE"))
        printf("%s%s runs again in a process of its own: %s\n", at->output.s, t->file,
               at->crash ? at->crash : "it failed after other files");
    attempt_free(at);
    remove_made(t);
    t->traced = false;
    t->share = "";
    if (!attempt_run(t, &t->nodes, at))
        return false;
    if (at->passed) {
        diag(DIAG_ORDER_DEPENDENT, t->file, 0, 0, "fails after other files in one process, and passes alone");
        hint("give it a process of its own: # testfan: isolation=file");
    }
    return true;
}

/* The next time it has a process of its own at once. */
static void set_apart(struct target_run *t, struct attempt *at) {
    at->log_text = arena_printf(&t->arena, "%s{\"e\": \"apart\"}\n", at->log_text);
    at->own_log = false;
}

static bool run_attempts(struct target_run *t, const struct run_log *last, struct attempt *at) {
    t->share = !t->server ? "" : *t->group ? "session" : shared_choose(t->isolation, last);
    if (!attempt_run(t, &t->nodes, at))
        return false;
    bool doubtful = at->log.after && !at->passed && !at->child.timed_out && !at->child.interrupted;
    if (doubtful && !*t->group && !run_alone(t, at))
        return false;
    bool apart = !at->child.interrupted && !at->shared && at->passed && (doubtful || last->apart);
    t->share = "";
    if (apart && !*t->group)
        set_apart(t, at);
    return at->child.interrupted || retry_failed(t, at);
}

static void take_limits(struct target_run *t, const struct run_log *last) {
    if (t->limit < 0)
        t->limit = limits_test(last);
    if (t->timeout < 0)
        t->timeout = limits_file(last);
}

static int run_again(struct target_run *t, struct recall *recall) {
    notes_begin(schedule_name(&t->arena, t->file, t->shard));
    struct run_log last;
    log_read(&t->arena, t->log, &last);
    take_limits(t, &last);
    struct attempt at = {0};
    bool ran = run_attempts(t, &last, &at);
    int interrupted = at.child.interrupted;
    if (ran && !interrupted && !at.passed)
        opinion_prepare(t, &at.log);
    int status = !ran ? 2 : interrupted ? 128 + interrupted : put_results(t, &at, recall) ? 0 : 2;
    attempt_free(&at);
    return status;
}

static int find_or_run(struct target_run *t) {
    const char *session = getenv("TESTFAN_SESSION");
    session = session && *session ? session : NULL;
    const char *maxfail = getenv("TESTFAN_MAXFAIL");
    t->maxfail = !session ? 0 : maxfail ? strtol(maxfail, NULL, 10) : t->maxfail;
    long failures = t->maxfail ? count_failures(session) : 0;
    if (t->maxfail && failures >= t->maxfail)
        return put_not_run(t) ? 0 : 2;
    /* What is to be run again can still pass, and then all that stands behind it must have run. */
    t->failures_left = t->maxfail && !t->retries ? t->maxfail - failures : 0;
    history_begin(t->xml, t->tmp_log);
    struct recall recall;
    struct kept kept;
    recall_begin(&recall, t, session);
    int status = !recall_find(&recall, &kept) ? run_again(t, &recall) : put_kept(t, &kept) ? 0 : 2;
    recall_end(&recall);
    return status;
}

static int run_target(struct target_run *t) {
    if (!read_run_file(t) || (t->takes_turns && !turn_take(t->alone)) || !prepare(t))
        return 2;
    int status = find_or_run(t);
    remove_made(t);
    return status;
}

/* Ninja reads one depfile for all outputs of an edge: that of the first says what all of the group read. */
static bool put_group_depfile(struct target_run *t, const struct exec_words *w) {
    struct inputs all = {0};
    uint32_t n = w->words.len / 3;
    const char *cwd = os_getcwd(&t->arena), *first = w->words.items[n];
    for (uint32_t i = n; i < w->words.len; i += 2) {
        struct inputs in;
        const char *xml = w->words.items[i];
        inputs_read(&t->arena, arena_printf(&t->arena, "%.*s.extra", (int)strlen(xml) - 4, xml), &in);
        ARRAY_FOR (struct input, input, &in) {
            input->extra = true;
            array_push(&t->arena, &all, *input);
        }
    }
    return trace_depfile(&all, cwd, first, arena_printf(&t->arena, "%.*s.d", (int)strlen(first) - 4, first));
}

int exec_main(int argc, char **argv) {
    struct target_run t = {.shard = "", .fingerprint = "", .share = "", .group = ""};
    struct exec_words w = {0};
    os_end_with_parent();
    int status = read_words(&t, &w, argc, argv) ? 0 : 2;
    struct timespec started = {0};
    for (uint32_t i = 0, n = w.words.len / 3; i < n && !status; i++) {
        struct target_run one = t;
        one.arena = (struct arena){0};
        one.file = w.words.items[i];
        one.xml = w.words.items[n + 2 * i];
        one.ok = w.words.items[n + 2 * i + 1];
        one.expect = i < w.expect.len ? strtol(w.expect.items[i], NULL, 10) : 0;
        one.started = started;
        status = run_target(&one);
        started = one.started;
        arena_free(&one.arena);
    }
    if (!status && w.words.len > 3 && !put_group_depfile(&t, &w))
        status = 2;
    fflush(stdout);
    arena_free(&t.arena);
    return status;
}
