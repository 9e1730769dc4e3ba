#ifndef GRAPH_MISMATCHES_H
#define GRAPH_MISMATCHES_H

struct modules;

/*
 * Test files that pytest imports by one name, as two test_a.py in folders without __init__.py: it takes the
 * first, and stops at the others ("import file mismatch", importtestmodule in _pytest/python.py). In
 * processes of their own each runs. Reports them, as same-name.
 */
void mismatches_report(const struct modules *m);

#endif
