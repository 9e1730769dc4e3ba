#ifndef RUN_LIMITS_H
#define RUN_LIMITS_H

struct run_log;

/*
 * Time limits by history, `timeout = "auto"`: seconds that a test, and a whole file, may take: three times
 * what the slowest test, or all of them, took in the run that `log` tells of, and never less than a minute,
 * or five. Without such a run ten minutes and an hour.
 */
double limits_test(const struct run_log *log);
double limits_file(const struct run_log *log);

#endif
