#ifndef REPORT_TERMINAL_H
#define REPORT_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

struct summary;

struct terminal_options {
    bool color;
    bool told;             /* the texts of what failed have been shown already */
    int width;             /* of the terminal, in columns; 0 means 80 */
    long durations;        /* how many slowest tests to list; at most SLOW_TESTS; 0: none */
    double wall;           /* seconds that the run took */
    unsigned targets, ran; /* how many there are; how many ran this time; */
    unsigned cached;       /* how many results came from the cache in place of that */
    unsigned passed;       /* how many had passed already */
};

/*
 * Prints the summary as pytest's terminal plugin does: ERRORS and FAILURES with their texts, slowest
 * durations, a line for each problem, the counts. Texts are those that the summary kept (PROBLEM_TEXTS);
 * lines are given for all. What controls a terminal is shown as pytest's reports show it: #x1B.
 * terminal_problems prints ERRORS and FAILURES alone.
 */
void terminal_problems(FILE *out, const struct summary *s, const struct terminal_options *options);
void terminal_summary(FILE *out, const struct summary *s, const struct terminal_options *options);

#endif
