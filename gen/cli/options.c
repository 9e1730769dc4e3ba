#include "cli/options.h"
#include "base/diag.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum value_kind { VALUE_FLAG, VALUE_TEXT, VALUE_NUMBER, VALUE_LIST };

struct option {
    const char *name;  /* without dashes */
    char letter;       /* 0: none */
    const char *value; /* what the help calls its value */
    enum value_kind kind;
    size_t field; /* in struct invocation */
    unsigned commands;
    const char *choices; /* the words it takes, between spaces; NULL: any */
    const char *help;    /* NULL: not for people */
};

#define FIELD(f) offsetof(struct invocation, f)

static const struct option options[] = {
    {"keyword", 'k', "EXPR", VALUE_TEXT, FIELD(keyword), CMD_TEST | CMD_SELECT, NULL,
     "only tests that match, by pytest's -k"},
    {"markexpr", 'm', "EXPR", VALUE_TEXT, FIELD(markexpr), CMD_TEST | CMD_SELECT, NULL,
     "only tests with such marks, by pytest's -m"},
    {"since", 0, "REV", VALUE_TEXT, FIELD(since), CMD_TEST | CMD_SELECT, NULL,
     "only what is reached from what differs from REV in git"},
    {"failed", 0, NULL, VALUE_FLAG, FIELD(failed), CMD_TEST | CMD_SELECT, NULL,
     "only files that failed or did not finish last"},
    {"new", 0, NULL, VALUE_FLAG, FIELD(fresh), CMD_TEST | CMD_SELECT, NULL, "only files that never passed"},
    {"explain", 0, NULL, VALUE_FLAG, FIELD(explain), CMD_SELECT, NULL,
     "say after each what it is selected for"},
    {"jobs", 'j', "N", VALUE_NUMBER, FIELD(jobs), CMD_TEST | CMD_AUDIT | CMD_LEARN, NULL,
     "run N targets at once (as ninja decides)"},
    {"load", 0, "N", VALUE_NUMBER, FIELD(load), CMD_TEST | CMD_AUDIT | CMD_LEARN, NULL,
     "start no further target while the machine's load average is above N"},
    {"live", 0, NULL, VALUE_FLAG, FIELD(live), CMD_TEST, NULL,
     "show what failed as soon as its file has ended, not at the end"},
    {"maxfail", 0, "N", VALUE_NUMBER, FIELD(maxfail), CMD_TEST, NULL,
     "start no more targets after N failures (0: no limit)"},
    {"exitfirst", 'x', NULL, VALUE_FLAG, FIELD(exitfirst), CMD_TEST, NULL, "the same as --maxfail 1"},
    {"retries", 0, "N", VALUE_NUMBER, FIELD(retries), CMD_TEST, NULL,
     "run again what failed, up to N times; what passes then is flaky"},
    {"fail-on-flaky", 0, NULL, VALUE_FLAG, FIELD(fail_on_flaky), CMD_TEST | CMD_MERGE, NULL,
     "exit with 1 when a test passed only when it was run again"},
    {"no-workers", 0, NULL, VALUE_FLAG, FIELD(no_workers), CMD_TEST | CMD_AUDIT | CMD_LEARN, NULL,
     "start Python anew for each target, fork none"},
    {"isolation", 0, "NAME", VALUE_TEXT, FIELD(isolation), CMD_TEST, " file session auto ",
     "a process for each file, for many after another, or as their set-up wants (auto)"},
    {"no-cache", 0, NULL, VALUE_FLAG, FIELD(no_cache), CMD_TEST | CMD_AUDIT | CMD_LEARN, NULL,
     "run what has changed even if it passed before with the same inputs, and keep no results"},
    {"strict-isolation", 0, NULL, VALUE_FLAG, FIELD(strict_isolation), CMD_TEST, NULL,
     "a file that fails alone has failed, whatever it does among the others"},
    {"engine", 0, "NAME", VALUE_TEXT, FIELD(engine), CMD_GEN | CMD_INIT, " ninja bazel ",
     "the build system to write for: ninja, bazel"},
    {"check", 0, NULL, VALUE_FLAG, FIELD(check), CMD_GEN, NULL,
     "write nothing; exit with 1 and print a diff when something is stale"},
    {"format", 0, "NAME", VALUE_TEXT, FIELD(format), CMD_SELECT, " paths ninja bazel json ",
     "how to print: paths (one a line), ninja (targets), bazel (labels), json"},
    {"format", 0, "NAME", VALUE_TEXT, FIELD(format), CMD_DEPS | CMD_RDEPS, " paths json ",
     "how to print: paths (one a line), json"},
    {"format", 0, "NAME", VALUE_TEXT, FIELD(format), CMD_WHY | CMD_AUDIT | CMD_CACHE, " text json ",
     "how to print: text, json"},
    {"format", 0, "NAME", VALUE_TEXT, FIELD(format), CMD_GRAPH, " json dot ",
     "how to print: json, or dot for Graphviz"},
    {"direct", 0, NULL, VALUE_FLAG, FIELD(direct), CMD_DEPS | CMD_RDEPS, NULL, "only what one edge away"},
    {"output", 'o', "OUT.xml", VALUE_TEXT, FIELD(output), CMD_MERGE, NULL, "where the merged report goes"},
    {"durations", 0, NULL, VALUE_FLAG, FIELD(durations), CMD_MERGE, NULL,
     "note in testfan.times.json how long each file took: check it in, and long files are split"},
    {"bep", 0, "FILE", VALUE_TEXT, FIELD(bep), CMD_MERGE, NULL,
     "the reports that Bazel's build event file (JSON) names"},
    {"plan", 0, "PLAN.json", VALUE_TEXT, FIELD(plan), CMD_MERGE, NULL, NULL},
    {"stamp", 0, "FILE", VALUE_TEXT, FIELD(stamp), CMD_MERGE, NULL, NULL},
    {"directory", 'C', "DIR", VALUE_TEXT, FIELD(dir), CMD_ALL, NULL, "as if started in DIR"},
    {"python", 0, "PATH", VALUE_TEXT, FIELD(python), CMD_ALL, NULL, "the interpreter that runs the tests"},
    {"error", 0, "CODE", VALUE_LIST, FIELD(error), CMD_ALL, NULL, "make an error of a diagnostic"},
    {"ignore", 0, "CODE", VALUE_LIST, FIELD(ignore), CMD_ALL, NULL, "print nothing of a diagnostic"},
    {"color", 0, "WHEN", VALUE_TEXT, FIELD(color), CMD_ALL, " auto yes no ", "auto (on a terminal), yes, no"},
    {"verbose", 'v', NULL, VALUE_FLAG, FIELD(verbose), CMD_ALL, NULL, "say more; show what pytest prints"},
    {"stats", 0, NULL, VALUE_FLAG, FIELD(stats), CMD_ALL, NULL,
     "print counts and times of each stage to standard error"},
    {"version", 0, NULL, VALUE_FLAG, FIELD(version), CMD_ALL, NULL, "print the version"},
    {"help", 'h', NULL, VALUE_FLAG, FIELD(help), CMD_ALL, NULL, "print this"},
};
enum { OPTIONS = sizeof options / sizeof *options };

static const struct option *find_long(const char *name, size_t n, unsigned command) {
    for (int i = 0; i < OPTIONS; i++)
        if (options[i].commands & command && strlen(options[i].name) == n &&
            memcmp(options[i].name, name, n) == 0)
            return &options[i];
    return NULL;
}

static const struct option *find_short(char letter, unsigned command) {
    for (int i = 0; i < OPTIONS; i++)
        if (options[i].commands & command && options[i].letter == letter)
            return &options[i];
    return NULL;
}

static bool usage_error(const struct invocation *in, const char *what, const char *word, const char *near) {
    diag(DIAG_USAGE, NULL, 0, 0, "%s '%s'", what, word);
    if (near)
        hint("did you mean '%s'?", near);
    else
        hint("see: testfan %s%s--help", in->command ? in->command->name : "", in->command ? " " : "");
    return false;
}

static bool unknown_option(const struct invocation *in, const char *word) {
    struct strs names = {0};
    for (int i = 0; i < OPTIONS; i++)
        if (options[i].help && (!in->command || options[i].commands & in->command->bit))
            array_push(in->arena, &names, arena_printf(in->arena, "--%s", options[i].name));
    char *name = arena_strndup(in->arena, word, strcspn(word, "="));
    return usage_error(in, "unknown option", name, str_nearest(name, &names));
}

static bool set_value(struct invocation *in, const struct option *o, const char *value) {
    char *field = (char *)in + o->field;
    if (o->choices && (!*value || !strstr(o->choices, arena_printf(in->arena, " %s ", value)))) {
        diag(DIAG_USAGE, NULL, 0, 0, "--%s takes one of%snot '%s'", o->name, o->choices, value);
        return false;
    }
    if (o->kind == VALUE_NUMBER) {
        char *end;
        errno = 0;
        long n = strtol(value, &end, 10);
        if (!*value || *end || errno || n < 0) {
            diag(DIAG_USAGE, NULL, 0, 0, "--%s takes a number, not '%s'", o->name, value);
            return false;
        }
        *(long *)(void *)field = n;
    } else if (o->kind == VALUE_LIST) {
        array_push(in->arena, (struct strs *)(void *)field, value);
    } else {
        *(const char **)(void *)field = value;
    }
    return true;
}

static bool read_long(struct invocation *in, unsigned command, int argc, char **argv, int *i) {
    const char *word = argv[*i] + 2, *equals = strchr(word, '=');
    const struct option *o = find_long(word, equals ? (size_t)(equals - word) : strlen(word), command);
    if (!o)
        return unknown_option(in, argv[*i]);
    if (o->kind == VALUE_FLAG) {
        if (equals)
            return usage_error(in, "takes no value:", argv[*i], NULL);
        *(bool *)((char *)in + o->field) = true;
        return true;
    }
    if (!equals && *i + 1 >= argc)
        return usage_error(in, "wants a value:", argv[*i], NULL);
    return set_value(in, o, equals ? equals + 1 : argv[++*i]);
}

static bool read_short(struct invocation *in, unsigned command, int argc, char **argv, int *i) {
    for (const char *p = argv[*i] + 1; *p; p++) {
        const struct option *o = find_short(*p, command);
        if (!o)
            return unknown_option(in, argv[*i]);
        if (o->kind != VALUE_FLAG) {
            if (!p[1] && *i + 1 >= argc)
                return usage_error(in, "wants a value:", argv[*i], NULL);
            return set_value(in, o, p[1] ? p + 1 : argv[++*i]);
        }
        *(bool *)((char *)in + o->field) = true;
    }
    return true;
}

static bool find_command(struct invocation *in, const char *word) {
    struct strs names = {0};
    for (const struct command *c = commands; c->name; c++) {
        if (strcmp(c->name, word) == 0) {
            in->command = c;
            return true;
        }
        array_push(in->arena, &names, c->name);
    }
    return usage_error(in, "unknown command", word, str_nearest(word, &names));
}

bool options_read(struct arena *a, int argc, char **argv, struct invocation *in) {
    *in = (struct invocation){.arena = a,
                              .dir = ".",
                              .engine = "ninja",
                              .format = "paths",
                              .color = "auto",
                              .jobs = -1,
                              .load = -1,
                              .maxfail = -1,
                              .retries = -1};
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        unsigned command = in->command ? in->command->bit : CMD_ALL;
        if (strcmp(word, "--") == 0) {
            while (++i < argc)
                array_push(a, &in->rest, argv[i]);
        } else if (str_starts(word, "--")) {
            if (!read_long(in, command, argc, argv, &i))
                return false;
        } else if (word[0] == '-' && word[1]) {
            if (!read_short(in, command, argc, argv, &i))
                return false;
        } else if (!in->command) {
            if (!find_command(in, word))
                return false;
        } else {
            array_push(a, &in->words, word);
        }
    }
    if (in->exitfirst && in->maxfail < 0)
        in->maxfail = 1;
    if (in->rest.len && in->command && in->command->bit != CMD_TEST)
        return usage_error(in, "takes nothing after '--', given", in->rest.items[0], NULL);
    return true;
}

bool options_color(const struct invocation *in, int fd) {
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    if (strcmp(in->color, "auto") != 0)
        return strcmp(in->color, "yes") == 0;
    return isatty(fd) && !(no_color && *no_color) && !str_eq(term, "dumb");
}

static void print_option(const struct option *o) {
    char left[64];
    snprintf(left, sizeof left, "%c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
             o->letter ? ", " : "  ", o->name, o->value ? " " : "", o->value ? o->value : "");
    printf("  %-24s %s\n", left, o->help);
}

void options_help(const struct command *command) {
    if (!command) {
        puts("testfan fans a pytest suite out over a build system and fans its reports back in.\n\nusage: "
             "testfan COMMAND "
             "[OPTION]...\n");
        for (const struct command *c = commands; c->name; c++)
            printf("  %-8s %s\n", c->name, c->summary);
        puts("\nEvery command has its own help: testfan COMMAND --help. Everywhere:\n");
    } else {
        printf("usage: testfan %s %s\n\n%s\n\n", command->name, command->words, command->text);
    }
    for (int i = 0; i < OPTIONS; i++) {
        const struct option *o = &options[i];
        if (o->help && (command ? o->commands & command->bit : o->commands == CMD_ALL))
            print_option(o);
    }
}
