#include "base/diag.h"
#include "base/os.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/verdict.h"
#include "run/exec.h"
#include "run/keeper.h"
#include "run/ninja.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool set_diagnostics(const struct invocation *in) {
    diag_color(options_color(in, 2));
    const struct strs *const lists[] = {&in->error, &in->ignore};
    for (int i = 0; i < 2; i++)
        for (uint32_t j = 0; j < lists[i]->len; j++)
            if (!diag_set(lists[i]->items[j], i == 1)) {
                diag(DIAG_USAGE, NULL, 0, 0, "there is no diagnostic '%s'", lists[i]->items[j]);
                return false;
            }
    return true;
}

static int run_command(struct arena *a, int argc, char **argv) {
    struct invocation in;
    if (!options_read(a, argc, argv, &in) || !set_diagnostics(&in))
        return EXIT_USAGE;
    if (in.version) {
        puts("testfan " TESTFAN_VERSION);
        return 0;
    }
    if (in.help || !in.command) {
        options_help(in.command);
        return in.help ? 0 : EXIT_USAGE;
    }
    return in.command->run(&in);
}

int main(int argc, char **argv) {
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is a full disk: an error of write(2), not the end */
    ninja_own_lock();
    if (argc > 2 && strcmp(argv[1], "exec") == 0)
        return strcmp(argv[2], "verdict") == 0 ? verdict_main(argc, argv)
               : strcmp(argv[2], "keep") == 0  ? keeper_main(argc, argv)
                                               : exec_main(argc, argv);
    struct arena arena = {0};
    int status = run_command(&arena, argc, argv);
    arena_free(&arena);
    if (fflush(stdout) != 0 || ferror(stdout))
        die("cannot write to standard output:");
    return status;
}
