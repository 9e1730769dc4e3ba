#include "run/environment.h"
#include "source/config.h"

extern char **environ;

struct strs run_environment(struct arena *a) {
    static const char *const dropped[] = {"PYTEST_XDIST_", "TESTFAN_", "NINJA_STATUS="};
    struct strs env = {0};
    for (char **e = environ; *e; e++) {
        bool drop = false;
        for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
            drop |= str_starts(*e, dropped[i]);
        struct strs words = {0};
        struct options options;
        struct buf b = {0};
        if (str_starts(*e, "PYTEST_ADDOPTS=") && shell_split(a, *e + 15, &words) &&
            options_parse(a, &words, ".", "PYTEST_ADDOPTS", &options)) {
            buf_str(&b, "PYTEST_ADDOPTS=");
            for (uint32_t i = 0; i < options.kept.len; i++) {
                buf_str(&b, i ? " " : "");
                escape_shell(&b, options.kept.items[i]);
            }
        }
        if (!drop)
            array_push(a, &env, b.s ? arena_strdup(a, b.s) : *e);
        buf_free(&b);
    }
    array_push(a, &env, NULL);
    return env;
}
