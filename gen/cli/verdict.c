#include "cli/verdict.h"
#include "base/arena.h"
#include "base/out.h"
#include "report/merge.h"
#include "report/terminal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int verdict_main(int argc, char **argv) {
    bool show = argc == 6 && strcmp(argv[3], "--show") == 0;
    if (argc != 5 && !show)
        return 2;
    const char *report = argv[argc - 2], *stamp = argv[argc - 1];
    struct arena a = {0};
    struct summary s = {0};
    bool whole = merge_verdict(&a, report, &s);
    int code = summary_exit(&s);
    if (whole && show)
        terminal_summary(stdout, &s, &(struct terminal_options){.width = 80, .wall = s.time});
    bool passed = whole && code != 1;
    if (!passed)
        unlink(stamp);
    out_set_tmp(".testfan/tmp");
    bool ok = passed && out_stamp(stamp, "passed\n");
    fflush(stdout);
    arena_free(&a);
    return ok ? 0 : 1;
}
