#include "run/server.h"
#include "base/hash.h"
#include "base/os.h"
#include "base/out.h"
#include "run/line.h"

#include <cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    TRIES = 6,          /* a server that is stale is started again; a branch of it is waited for */
    COLD_SECONDS = 60,  /* how long a refusal holds */
    START_SECONDS = 60, /* until a child is there */
    GATHER_SECONDS = 300,
    IDLE_SECONDS = 300,  /* after which a server ends itself */
    HIGH_FD = 200,       /* what pytest opens has the numbers that it would have without us */
    FINISH_SECONDS = 90, /* longer than the server lets any tear-down take */
    PIPE_SIZE = 1 << 20  /* what a server may print before it forks */
};

/* As in rules/testfan_server.py. */
#define BRANCH ".branch" /* as tests/soak/kills.py has it */
#define COMPANY ".company"

static void add_text(struct digest *sum, const char *text) {
    *sum = digest_chain(*sum, digest_bytes(text, strlen(text)));
}

/* Variables that shells set anew, and nobody reads. */
static bool is_idle(const char *entry) {
    return str_starts(entry, "_=") || str_starts(entry, "SHLVL=") || str_starts(entry, "OLDPWD=");
}

static void add_limits(struct digest *sum) {
    for (int i = 0; i < 16; i++) {
        struct rlimit limit = {0};
        getrlimit((unsigned)i, &limit);
        *sum = digest_chain(*sum, digest_bytes(&limit, sizeof limit));
    }
    int nice_value = getpriority(PRIO_PROCESS, 0);
    *sum = digest_chain(*sum, digest_bytes(&nice_value, sizeof nice_value));
}

/* The path of the socket: one for all that a child inherits. */
static const char *socket_name(const struct server *s) {
    struct digest sum = {0}, env = {0};
    size_t n = 0;
    const char *stamp = os_read(s->arena, ".testfan/stamp", &n);
    add_text(&sum, s->python);
    add_text(&sum, stamp ? stamp : "");
    for (uint32_t i = 0; i < s->args->len; i++)
        add_text(&sum, s->args->items[i]);
    for (uint32_t i = 0; i + 1 < s->env->len; i++)
        if (!is_idle(s->env->items[i]))
            digest_add(&env, digest_bytes(s->env->items[i], strlen(s->env->items[i])));
    sum = digest_chain(sum, env);
    add_limits(&sum);
    char hex[33];
    digest_hex(sum, hex);
    return arena_printf(s->arena, SERVER_FOLDER "/%.16s", hex);
}

static bool make_folder(const char **why) {
    struct stat st;
    os_mkdirs(".testfan/tmp");
    if (mkdir(SERVER_FOLDER, 0700) != 0 && errno != EEXIST) {
        *why = SERVER_FOLDER " cannot be made";
        return false;
    }
    if (lstat(SERVER_FOLDER, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
        (st.st_mode & 077) == 0)
        return true;
    *why = SERVER_FOLDER " is not its user's alone";
    return false;
}

/* Why servers of this name were refused lately, or NULL. */
static const char *refusal(struct arena *a, const char *name) {
    struct os_stat st;
    const char *path = arena_printf(a, "%s.cold", name);
    if (!os_stat(path, &st))
        return NULL;
    if (st.mtime_ns / 1000000000 + COLD_SECONDS < (int64_t)time(NULL)) {
        unlink(path);
        return NULL;
    }
    size_t n = 0;
    char *text = os_read(a, path, &n);
    return text;
}

/* A pipe that its only holder both writes and reads: what is printed before there is a child to print it. */
static int own_pipe(void) {
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
#ifdef F_SETPIPE_SZ
    fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
#endif
    char path[32];
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    int both = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    close(ends[0]);
    close(ends[1]);
    return both;
}

static void close_others(int kept, int too) {
    DIR *d = opendir("/dev/fd");
    for (struct dirent *e; d && (e = readdir(d));) {
        int fd = atoi(e->d_name);
        if (fd > 2 && fd != kept && fd != too && fd != dirfd(d))
            close(fd);
    }
    if (d)
        closedir(d);
}

static int raise_fd(int fd) {
    int raised = fcntl(fd, F_DUPFD, HIGH_FD);
    return raised < 0 ? dup(fd) : raised;
}

/* Its arguments, or a line that they come by. */
static void become_server(const struct server *s, const char *name, int listener, int line, int out) {
    child_detach(out);
    int fd = raise_fd(listener), told = line < 0 ? -1 : raise_fd(line);
    close_others(fd, told);
    struct strs argv = {0};
    const char *idle = getenv("TESTFAN_IDLE");
    const char *const words[] = {os_self(s->arena),
                                 "exec",
                                 "keep",
                                 s->python,
                                 s->program,
                                 arena_printf(s->arena, "%d", fd),
                                 name,
                                 idle ? idle : arena_printf(s->arena, "%d", IDLE_SECONDS),
                                 s->args ? "--" : arena_printf(s->arena, "%d", told)};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        array_push(s->arena, &argv, words[i]);
    for (uint32_t i = 0; s->args && i < s->args->len; i++)
        array_push(s->arena, &argv, s->args->items[i]);
    array_push(s->arena, &argv, NULL);
    union {
        const char *const *given;
        char *const *taken;
    } taken = {argv.items}, vars = {s->env->items};
    execve(argv.items[0], taken.taken, vars.taken);
    _exit(127);
}

/* The server is nobody's child. */
static bool launch(const struct server *s, const char *name, int listener, int line) {
    int out = own_pipe();
    fflush(NULL);
    pid_t pid = out < 0 ? -1 : fork();
    if (pid == 0) {
        if (fork() == 0)
            become_server(s, name, listener, line, out);
        _exit(0);
    }
    if (out >= 0)
        close(out);
    if (pid < 0)
        return false;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return true;
}

/* Held while sockets come and go. */
static int lock_folder(void) {
    int lock = open(SERVER_FOLDER "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    while (lock >= 0 && flock(lock, LOCK_EX) != 0 && errno == EINTR) {
    }
    return lock;
}

/* Nobody is to wait for this one again; its keeper ends it when it sees that. */
static void give_up(const struct server *s, const char *name, const char *why) {
    int lock = lock_folder();
    if (unlink(name) == 0)
        out_write(arena_printf(s->arena, "%s.cold", name), why, strlen(why), NULL);
    if (lock >= 0)
        close(lock);
}

/* A socket that nobody listens at. */
static void forget(const char *name) {
    errno = 0;
    int line = line_reach(name);
    if (line >= 0)
        close(line);
    else if (errno == ECONNREFUSED)
        unlink(name);
}

void server_forget(void) {
    struct arena a = {0};
    int lock = lock_folder();
    DIR *d = opendir(SERVER_FOLDER);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct os_stat st;
        const char *name = arena_printf(&a, SERVER_FOLDER "/%s", e->d_name);
        if (os_stat(name, &st) && S_ISSOCK(st.mode))
            forget(name);
    }
    if (d)
        closedir(d);
    if (lock >= 0)
        close(lock);
    arena_free(&a);
}

/* Two clients that find no server start one. Returns the connection, or -1. */
static int start_one(const struct server *s, const char *name, bool *started, const char **why) {
    int lock = lock_folder();
    int line = lock < 0 ? -1 : line_reach(name), listener = -1;
    if (line < 0)
        *why = refusal(s->arena, name);
    if (line < 0 && !*why) {
        listener = line_listen(s->arena, name);
        *why = "no socket can be made in " SERVER_FOLDER;
    }
    if (listener >= 0) {
        *why = "it cannot be started";
        *started = launch(s, name, listener, -1);
        if (*started)
            line = line_reach(name);
        close(listener);
    }
    if (lock >= 0)
        close(lock);
    return line;
}

static int find_or_start(const struct server *s, const char *name, bool *started, const char **why) {
    *why = NULL;
    *started = false;
    if (!make_folder(why))
        return -1;
    int line = line_reach(name);
    if (line < 0)
        *why = refusal(s->arena, name);
    return line < 0 && !*why ? start_one(s, name, started, why) : line;
}

bool server_start(const struct server *s, const char **why) {
    bool started;
    int line = find_or_start(s, socket_name(s), &started, why);
    if (line >= 0)
        close(line);
    return line >= 0;
}

void server_start_early(const struct server *s, const char *path, int line) {
    const char *why;
    if (!make_folder(&why))
        return;
    int lock = lock_folder();
    int listener = line_listen(s->arena, path);
    if (listener >= 0) {
        launch(s, path, listener, line);
        close(listener);
    }
    if (lock >= 0)
        close(lock);
}

static cJSON *strings(const struct strs *list) {
    cJSON *array = cJSON_CreateArray();
    for (uint32_t i = 0; i < list->len; i++)
        cJSON_AddItemToArray(array, cJSON_CreateString(list->items[i]));
    return array;
}

static void tell_rest(const struct server *s, const char *name, int line) {
    int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", name);
    cJSON_AddItemToObject(json, "args", strings(s->args));
    char *text = cJSON_PrintUnformatted(json);
    if (out >= 0) {
        line_send(line, out, text);
        close(out);
    }
    free(text);
    cJSON_Delete(json);
}

bool server_settle(const struct server *s, const char *path, int line) {
    const char *name = socket_name(s);
    const char *tmp = arena_printf(s->arena, "%s.%ld", name, (long)getpid());
    int lock = lock_folder(), other = line_reach(name);
    bool settled = other < 0 && !refusal(s->arena, name) && link(path, tmp) == 0 && rename(tmp, name) == 0;
    if (settled)
        tell_rest(s, name, line);
    if (other >= 0)
        close(other);
    if (lock >= 0)
        close(lock);
    return settled;
}

static char *request_text(const struct request *r, const char *branch) {
    cJSON *json = cJSON_CreateObject();
    mode_t mask = umask(0);
    umask(mask);
    cJSON_AddStringToObject(json, "file", r->file);
    cJSON_AddStringToObject(json, "log", r->log);
    cJSON_AddStringToObject(json, "trace", r->trace ? r->trace : "");
    cJSON_AddStringToObject(json, "xml", r->xml);
    cJSON_AddItemToObject(json, "nodes", strings(r->nodes));
    cJSON_AddItemToObject(json, "before", strings(r->before));
    cJSON_AddItemToObject(json, "args", strings(&r->args));
    cJSON *preload = cJSON_AddArrayToObject(json, "preload");
    for (uint32_t i = 0; i < r->preload->len; i++) {
        const char *pair[] = {r->preload->items[i], r->paths->items[i]};
        cJSON_AddItemToArray(preload, cJSON_CreateStringArray(pair, 2));
    }
    cJSON_AddStringToObject(json, "branch", branch);
    cJSON_AddStringToObject(json, "shard", r->shard);
    cJSON_AddNumberToObject(json, "limit", r->limit);
    cJSON_AddNumberToObject(json, "timeout", r->timeout);
    cJSON_AddNumberToObject(json, "maxfail", (double)r->maxfail);
    cJSON_AddNumberToObject(json, "umask", mask);
    cJSON_AddNumberToObject(json, "run", getppid());
    cJSON_AddStringToObject(json, "share", r->share);
    cJSON_AddStringToObject(json, "group", r->group);
    cJSON_AddStringToObject(json, "result", r->result);
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return text;
}

/* What the socket of the branch that has imported the modules is named, after that of its server; "" for
 * none, and where a child waits that shares more. */
static const char *branch_name(const struct server *s, const struct request *r, const char *name) {
    struct digest sum = {0};
    struct os_stat st;
    bool stays = *r->share && os_stat(arena_printf(s->arena, "%s.shared", name), &st);
    if (!r->preload->len || *r->group || stays)
        return "";
    for (uint32_t i = 0; i < r->preload->len; i++) {
        add_text(&sum, r->preload->items[i]);
        add_text(&sum, r->paths->items[i]);
    }
    char hex[33];
    digest_hex(sum, hex);
    return arena_printf(s->arena, ".%.8s" BRANCH, hex);
}

bool server_run(const struct server *s, const struct request *r, double timeout, struct child *c,
                const char **why) {
    const char *name = socket_name(s);
    enum served said = SERVED_STALE;
    for (int i = 0; i < TRIES && said == SERVED_STALE; i++) {
        bool started = false;
        const char *branch = branch_name(s, r, name);
        int line = *branch ? line_reach(arena_printf(s->arena, "%s%s", name, branch)) : -1;
        if (line < 0)
            line = find_or_start(s, name, &started, why);
        if (line < 0) {
            said = SERVED_COLD;
            break;
        }
        char *text = request_text(r, branch);
        said = line_ask(line, text, START_SECONDS, timeout, c);
        free(text);
        *why = said == SERVED_STALE  ? "what it has read changes all the time"
               : said == SERVED_COLD ? refusal(s->arena, name)
               : said == SERVED_LATE ? "it did not answer for a minute"
                                     : "it has ended";
        if (said == SERVED_LATE)
            give_up(s, name, *why);
        if (said == SERVED_NOT && !started)
            said = SERVED_STALE; /* it was about to end when we came */
    }
    if (!*why)
        *why = "it has refused";
    return said == SERVED_END;
}

static void finish_one(int line) {
    int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (out >= 0) {
        line_send(line, out, "{\"finish\": true}");
        close(out);
    }
    int64_t until = os_now() + (int64_t)FINISH_SECONDS * 1000000000;
    struct pollfd said = {.fd = line, .events = POLLIN};
    while (out >= 0 && poll(&said, 1, (int)((until - os_now()) / 1000000)) < 0 && errno == EINTR) {
    }
}

void server_finish(struct arena *a) {
    DIR *d = opendir(SERVER_FOLDER);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct os_stat st;
        const char *name = arena_printf(a, SERVER_FOLDER "/%s", e->d_name);
        bool listens = !str_ends(name, COMPANY) && os_stat(name, &st) && S_ISSOCK(st.mode);
        int line = listens ? line_reach(name) : -1;
        if (line < 0)
            continue;
        finish_one(line);
        close(line);
    }
    if (d)
        closedir(d);
}

static char *gather_text(pid_t run, int most) {
    cJSON *json = cJSON_CreateObject();
    mode_t mask = umask(0);
    umask(mask);
    cJSON_AddNumberToObject(json, "gather", run);
    if (most)
        cJSON_AddNumberToObject(json, "most", most);
    cJSON_AddNumberToObject(json, "umask", mask);
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return text;
}

void server_gather(const struct server *s, pid_t run, int most) {
    int line = line_reach(socket_name(s)), out = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (line >= 0 && out >= 0) {
        char *text = gather_text(run, most);
        line_send(line, out, text);
        free(text);
    }
    if (line >= 0)
        close(line);
    if (out >= 0)
        close(out);
}

static bool gather(const char *name, pid_t run) {
    int line = line_reach(name);
    if (line < 0)
        return false;
    struct child c;
    char *text = gather_text(run, 0);
    bool done = line_ask(line, text, START_SECONDS, 0, &c) == SERVED_END;
    capture_free(&c.output);
    free(text);
    return done;
}

bool server_visit(const struct server *s, const char *request, double timeout, struct child *c,
                  const char **why) {
    const char *name = socket_name(s), *seconds = getenv("TESTFAN_GATHER");
    const char *company = arena_printf(s->arena, "%s" COMPANY, name);
    int line = line_reach(company);
    if (line < 0 && gather(name, getpid()))
        line = line_reach(company);
    *c = (struct child){0};
    if (line < 0) {
        *why = refusal(s->arena, company);
        *why = *why ? *why : "no fork server has collected it";
        return false;
    }
    enum served said = line_ask(line, request, seconds ? strtod(seconds, NULL) : GATHER_SECONDS, timeout, c);
    *why = said == SERVED_STALE  ? "a file has changed since"
           : said == SERVED_COLD ? refusal(s->arena, company)
                                 : "collecting it has not come to an end";
    if (!*why)
        *why = "it has refused";
    gather(name, 0);
    return said == SERVED_END;
}
