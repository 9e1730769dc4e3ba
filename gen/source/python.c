#include "source/python.h"
#include "base/diag.h"
#include "base/embedded.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/os.h"
#include "base/out.h"

#include <cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Environment variables that change what tests see or how pytest and the interpreter behave. */
static const char *const counting[] = {
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LC_COLLATE",
    "LC_MESSAGES",
    "LC_MONETARY",
    "LC_NUMERIC",
    "LC_TIME",
    "PYTEST_ADDOPTS",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD",
    "PYTEST_PLUGINS",
    "PYTHONDEVMODE",
    "PYTHONHASHSEED",
    "PYTHONHOME",
    "PYTHONOPTIMIZE",
    "PYTHONPATH",
    "PYTHONSAFEPATH",
    "PYTHONUTF8",
    "PYTHONWARNINGS",
    "TZ",
};

static void say_gone(const char *what, const char *instead) {
    diag(DIAG_NO_ENVIRONMENT, NULL, 0, 0, "no interpreter runs at '%s'; %s", what, instead);
    hint("make it anew, or name another one with --python PATH or [tool.testfan] python");
}

/* The interpreter of a virtual environment; that it has none is told where there should be one. */
static const char *in_venv(struct arena *a, const char *venv, bool expected) {
    const char *command = os_which(a, os_join(a, venv, "bin/python"));
    if (!command && expected)
        say_gone(os_join(a, venv, "bin/python"), "the next one that can be found is taken");
    return command;
}

const char *python_locate(struct arena *a, const char *rootdir, const char *wanted) {
    if (wanted)
        return strchr(wanted, '/') && *wanted != '/' ? os_which(a, os_join(a, rootdir, wanted))
                                                     : os_which(a, wanted);
    const char *venv = getenv("VIRTUAL_ENV");
    const char *command = venv && *venv ? in_venv(a, venv, true) : NULL;
    const char *local = os_join(a, rootdir, ".venv");
    if (!command)
        command = in_venv(a, local, os_is_dir(local));
    if (!command)
        command = os_which(a, "python3");
    return command ? command : os_which(a, "python");
}

static const cJSON *first_of(const cJSON *object, const char *key) {
    const cJSON *list = cJSON_GetObjectItem(object, key);
    return list ? list->child : NULL;
}

static const char *text_of(const cJSON *object, const char *key) {
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(object, key));
    return s ? s : "";
}

static void key_file(struct buf *b, const char *path) {
    struct os_stat st;
    if (os_stat(path, &st))
        buf_fmt(b, "%s %llu %lld %lld\n", path, (unsigned long long)st.ino, (long long)st.mtime_ns,
                (long long)st.size);
    else
        buf_fmt(b, "%s -\n", path);
}

/* Changes whenever the interpreter could answer differently. */
static char *answer_key(struct arena *a, const char *command, const cJSON *answer) {
    struct buf b = {0};
    buf_str(&b, embedded_text("testfan_probe.py"));
    key_file(&b, command);
    key_file(&b, os_join(a, os_dirname(a, command), "../pyvenv.cfg"));
    key_file(&b, ".python-version");
    static const char *const names[] = {"PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE", "PYENV_VERSION"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        buf_fmt(&b, "%s=%s\n", names[i], getenv(names[i]) ? getenv(names[i]) : "");
    const char *const lists[] = {"path", "pth"};
    for (int i = 0; i < 2; i++)
        for (const cJSON *e = first_of(answer, lists[i]); e; e = e->next)
            key_file(&b, cJSON_IsString(e) ? e->valuestring : "");
    for (const cJSON *d = first_of(answer, "dists"); d; d = d->next)
        key_file(&b, text_of(d, "info"));
    char hex[33];
    digest_hex(digest_bytes(b.s, b.len), hex);
    buf_free(&b);
    return arena_strdup(a, hex);
}

static cJSON *answer_cached(struct arena *a, const char *command, const char *cache) {
    size_t n = 0;
    char *text = cache ? os_read(a, cache, &n) : NULL;
    cJSON *answer = text ? cJSON_ParseWithLength(text, n) : NULL;
    const char *key = cJSON_GetStringValue(cJSON_GetObjectItem(answer, "key"));
    const char *of = cJSON_GetStringValue(cJSON_GetObjectItem(answer, "command"));
    if (answer && str_eq(of, command) && str_eq(key, answer_key(a, command, answer)))
        return answer;
    cJSON_Delete(answer);
    return NULL;
}

static cJSON *answer_ask(struct arena *a, const char *command, const char *cache) {
    struct buf out = {0};
    int status =
        os_run((const char *const[]){command, "-c", embedded_text("testfan_probe.py"), NULL}, &out, false);
    cJSON *answer = status == 0 ? cJSON_ParseWithLength(out.s, out.len) : NULL;
    buf_free(&out);
    if (!answer || !cache)
        return answer;
    cJSON_AddStringToObject(answer, "command", command);
    cJSON_AddStringToObject(answer, "key", answer_key(a, command, answer));
    char *text = cJSON_PrintUnformatted(answer);
    out_write(cache, text, strlen(text), NULL);
    cJSON_free(text);
    return answer;
}

static struct strs strings_of(struct arena *a, const cJSON *object, const char *key) {
    return json_strings(a, cJSON_GetObjectItem(object, key));
}

static const char *string_of(struct arena *a, const cJSON *object, const char *key) {
    return arena_strdup(a, text_of(object, key));
}

static struct dist take_dist(struct arena *a, const cJSON *d) {
    struct dist dist = {.name = string_of(a, d, "name"),
                        .version = string_of(a, d, "version"),
                        .digest = string_of(a, d, "digest"),
                        .recorded = cJSON_IsTrue(cJSON_GetObjectItem(d, "record")),
                        .site = string_of(a, d, "site"),
                        .info = string_of(a, d, "info"),
                        .names = strings_of(a, d, "names"),
                        .requires = strings_of(a, d, "requires"),
                        .extras = strings_of(a, d, "extras"),
                        .plugins = strings_of(a, d, "plugins"),
                        .collects = cJSON_IsTrue(cJSON_GetObjectItem(d, "collects"))};
    if (*text_of(d, "editable"))
        dist.editable = string_of(a, d, "editable");
    for (const cJSON *e = first_of(d, "mapping"); e; e = e->next)
        if (cJSON_IsString(e)) {
            array_push(a, &dist.mapped, arena_strdup(a, e->string));
            array_push(a, &dist.at, arena_strdup(a, e->valuestring));
        }
    return dist;
}

static void take_answer(struct arena *a, const cJSON *answer, struct python *py) {
    py->path = string_of(a, answer, "executable");
    py->version = string_of(a, answer, "version");
    py->build = string_of(a, answer, "build");
    py->prefix = string_of(a, answer, "prefix");
    py->stdlib_dir = string_of(a, answer, "stdlib_folder");
    py->sys_path = strings_of(a, answer, "path");
    py->pth = strings_of(a, answer, "pth");
    py->stdlib = (struct map){.arena = a};
    struct strs names = strings_of(a, answer, "stdlib");
    for (uint32_t i = 0; i < names.len; i++)
        map_add(&py->stdlib, names.items[i], strlen(names.items[i]), 1);
    for (const cJSON *d = first_of(answer, "dists"); d; d = d->next)
        array_push(a, &py->dists, take_dist(a, d));
    ARRAY_FOR (const struct dist, dist, &py->dists)
        if (strcmp(dist->name, "pytest") == 0)
            py->pytest = dist->version;
    py->pytest_major = py->pytest ? (unsigned)strtoul(py->pytest, NULL, 10) : 0;
}

bool python_find(struct arena *a, const char *command, const char *wanted, const char *cache, bool must,
                 struct python *py) {
    *py = (struct python){.stdlib = {.arena = a}};
    cJSON *answer = command ? answer_cached(a, command, cache) : NULL;
    if (command && !answer)
        answer = answer_ask(a, command, cache);
    if (!answer && !must) {
        if (wanted || command)
            say_gone(wanted ? wanted : command, "what is installed is not known");
        return false;
    }
    if (!answer) {
        if (command)
            diag(DIAG_NO_INTERPRETER, NULL, 0, 0, "'%s' does not run as a Python interpreter", command);
        else if (wanted)
            diag(DIAG_NO_INTERPRETER, NULL, 0, 0, "there is no interpreter '%s'", wanted);
        else
            diag(DIAG_NO_INTERPRETER, NULL, 0, 0, "there is no python3 on PATH");
        hint("install Python 3.8 or newer (apt-get install python3), or name one with --python PATH");
        return false;
    }
    take_answer(a, answer, py);
    cJSON_Delete(answer);
    return true;
}

struct strs python_variables(struct arena *a, const struct strs *also) {
    struct strs names = {0};
    for (size_t i = 0; i < sizeof counting / sizeof *counting; i++)
        array_push(a, &names, counting[i]);
    for (uint32_t i = 0; i < also->len; i++)
        array_push(a, &names, also->items[i]);
    return names;
}

char *python_environment(struct arena *a, const struct strs *variables) {
    struct buf b = {0};
    size_t n = 0;
    const char *zone = os_read(a, "/etc/localtime", &n);
    char hex[33];
    digest_hex(digest_bytes(zone ? zone : "", n), hex);
    buf_fmt(&b, "localtime %s\nroot %d\n", hex, geteuid() == 0);
    for (uint32_t i = 0; i < variables->len; i++) {
        const char *value = getenv(variables->items[i]);
        if (value)
            buf_fmt(&b, "env %s=%s\n", variables->items[i], value);
    }
    char *text = arena_strndup(a, b.s, b.len);
    buf_free(&b);
    return text;
}

char *python_stamp(struct arena *a, const struct python *py, const struct strs *also) {
    struct strs variables = python_variables(a, also);
    return arena_printf(a, "python %s %s %s\n%s", py->path ? py->path : "-", py->version ? py->version : "-",
                        py->build ? py->build : "", python_environment(a, &variables));
}

bool python_traces(const struct python *py) {
    unsigned major = 0, minor = 0;
    return py->path && py->version && sscanf(py->version, "%u.%u", &major, &minor) == 2 &&
           (major > 3 || (major == 3 && minor >= 8));
}
