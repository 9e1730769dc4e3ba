#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

struct invocation;

/* One function per command: each returns the exit status of the program. */
int cmd_gen(struct invocation *in);
int cmd_test(struct invocation *in);
int cmd_select(struct invocation *in);
int cmd_deps(struct invocation *in);
int cmd_rdeps(struct invocation *in);
int cmd_why(struct invocation *in);
int cmd_graph(struct invocation *in);
int cmd_audit(struct invocation *in);
int cmd_learn(struct invocation *in);
int cmd_init(struct invocation *in);
int cmd_merge(struct invocation *in);
int cmd_cache(struct invocation *in);

/* pytest's exit codes, which are testfan's too. */
enum exit_code {
    EXIT_PASSED = 0,
    EXIT_FAILED = 1,
    EXIT_INTERRUPTED = 2,
    EXIT_INTERNAL = 3,
    EXIT_USAGE = 4,
    EXIT_NO_TESTS = 5
};

#endif
