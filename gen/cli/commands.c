#include "cli/commands.h"
#include "cli/options.h"

const struct command commands[] = {
    {"init", CMD_INIT, "--engine bazel", "make the folder a Bazel workspace that works",
     "Copies the rules to tools/testfan and writes what a workspace needs and does not have: WORKSPACE, "
     "MODULE.bazel, lines of\n"
     ".bazelrc and .bazelignore. What is there stays as it is. Then: testfan gen --engine bazel && bazel "
     "test "
     "//...",
     cmd_init},
    {"gen", CMD_GEN, "[--engine ninja|bazel] [--check]",
     "write build.ninja or BUILD files, one target per test file",
     "Reads the tree, works out what each test file depends on, and writes build.ninja (and what belongs to "
     "this machine\n"
     "to .testfan/, which git ignores). After that `ninja test` is enough: it calls testfan again when files "
     "come or go.\n"
     "`ninja FILE.test` runs one file.\n"
     "For Bazel: writes or updates BUILD.bazel in every folder that holds Python, beside what people wrote "
     "there.",
     cmd_gen},
    {"test", CMD_TEST,
     "[PATH[::NODE]...] [-k EXPR] [-m EXPR] [--since REV] [--failed] [--new] [-j N] [-x] [--maxfail N] "
     "[--live] "
     "[-- PYTEST_ARGS]",
     "run what has changed on ninja, merge, and sum up",
     "Runs the test files below the given paths (all without one) whose inputs have changed since they last "
     "passed, each\n"
     "in a pytest process of its own, and writes the report that one plain pytest run would have written to\n"
     ".testfan/report.xml. Exits as pytest does: 0 passed, 1 failed, 2 interrupted, 3 internal error, 4 "
     "usage, 5 no tests.\n"
     "What is given with -k, -m, ::NODE or after `--` is passed on to pytest; such a run keeps results of "
     "its own.\n"
     "A terminal shows in one line how many files are done and failed, how long the rest may take, and what "
     "runs now;\n"
     "elsewhere a line tells of each file that has ended, and after a minute of silence one of what still "
     "runs;\n"
     "-v shows what each file prints, as it comes.",
     cmd_test},
    {"select", CMD_SELECT,
     "[PATH[::NODE]...] [-k EXPR] [-m EXPR] [--since REV] [--failed] [--new] [--explain] [--format "
     "paths|ninja|bazel|json]",
     "print the test files that would run, and run nothing",
     "Prints the test files that `testfan test` with the same words is about, one a line, sorted; no Python "
     "is "
     "started.\n"
     "What is given together must all hold. -k and -m are pytest's: a file is left out when none of its "
     "tests "
     "can match.\n"
     "--explain says for each what it is selected for. Exits with 5 when there is none.",
     cmd_select},
    {"deps", CMD_DEPS, "FILE [--direct] [--format paths|json]", "what FILE depends on",
     "Prints every file that FILE needs, directly or not, one a line, sorted. Folders end in '/'.", cmd_deps},
    {"rdeps", CMD_RDEPS, "FILE [--direct] [--format paths|json]", "what depends on FILE",
     "Prints every file that needs FILE, directly or not, one a line, sorted.", cmd_rdeps},
    {"why", CMD_WHY, "TARGET FILE [--format text|json]", "why TARGET depends on FILE",
     "Prints the shortest chain of edges from TARGET to FILE, one a line: where the edge comes from with the "
     "line that\n"
     "causes it, its kind, and what it leads to. FILE may be the import name of something installed. Exits "
     "with 1 when there\n"
     "is none.",
     cmd_why},
    {"graph", CMD_GRAPH, "[--format json|dot]", "all files and edges",
     "Prints the whole graph, sorted: targets, nodes, and edges with their kind and line.", cmd_graph},
    {"audit", CMD_AUDIT, "[PATH...] [-j N] [--format text|json]",
     "compare the edges with what the tests read",
     "Runs what is not up to date, then compares for each target what the graph says with what its run was "
     "seen to read:\n"
     "what was missed, with the line that cures it, and with -v what was not used. Exits with 1 when "
     "something "
     "was missed.",
     cmd_audit},
    {"learn", CMD_LEARN, "[PATH...] [-j N]", "write what was missed to testfan.learned.json",
     "Runs what is not up to date and writes what the tests were seen to need and the graph does not have "
     "to\n"
     "testfan.learned.json, to be checked in: from then on these edges count on every machine and engine.",
     cmd_learn},
    {"merge", CMD_MERGE, "-o OUT.xml [--bep FILE] [--durations] [REPORT.xml...]",
     "many JUnit reports into one; exits as pytest would have",
     "Merges JUnit XML reports into one and prints a summary. Totals are counted again. A report that is "
     "missing or broken\n"
     "becomes an <error>, after the testcases that could be read. --bep takes the reports of a `bazel test\n"
     "--build_event_json_file=FILE`; a target of it without a report is an <error>, too.",
     cmd_merge},
    {"cache", CMD_CACHE, "stats|clear [--format text|json]", "what the cache of passed results holds",
     "What passed once is not run again for the same inputs, whatever the time stamps: its report is taken "
     "from "
     "the cache.\n"
     "stats: where it lies, what it holds, how often it could answer. clear: empties it, but for the "
     "server's "
     "part.",
     cmd_cache},
    {0},
};
