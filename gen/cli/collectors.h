#ifndef CLI_COLLECTORS_H
#define CLI_COLLECTORS_H

#include <stdbool.h>

struct project;

/*
 * Tests in files that pytest's own rules do not name: a conftest.py or a plugin makes them by
 * pytest_collect_file or pytest_collect_directory (YAML, Markdown, or every source file, for a linter).
 * Where something in the tree or among the plugins has such a hook, pytest is asked for the files it would
 * collect; the answer is kept in .testfan/cache and holds until a name in the tree, a file that was read on
 * the way, the configuration or what is installed changes. Such files become tests of the scan.
 */

/* By the answer that was kept; false when there is none that holds. */
bool collectors_recall(struct project *p);
/* By the facts of the tree, and pytest where they speak of such a hook. True when the scan has changed, so
 * that facts are still to be read. */
bool collectors_find(struct project *p);

#endif
