#include "run/limits.h"
#include "run/log.h"

enum { TIMES = 3, TEST_LEAST = 60, TEST_NEW = 600, FILE_LEAST = 300, FILE_NEW = 3600 };

static double at_least(double seconds, double least) {
    return seconds > least ? seconds : least;
}

double limits_test(const struct run_log *log) {
    double longest = 0;
    ARRAY_FOR (const struct logged_test, t, &log->tests)
        longest = at_least(t->seconds, longest);
    return log->tests.len ? at_least(TIMES * longest, TEST_LEAST) : TEST_NEW;
}

double limits_file(const struct run_log *log) {
    double sum = 0;
    ARRAY_FOR (const struct logged_test, t, &log->tests)
        sum += t->seconds;
    return log->tests.len ? at_least(TIMES * sum, FILE_LEAST) : FILE_NEW;
}
