#ifndef RUN_EXEC_H
#define RUN_EXEC_H

/*
 * `testfan exec run --python=PY --run=RUN.json [--expect=N|-1] [--digest=HEX] TESTFILE... REPORT.xml
 * REPORT.ok...`: what a ninja edge runs, in the folder where pytest would be started. Runs one test file
 * through the worker (rules/testfan_worker.py) and puts in place, by rename: REPORT.xml always (pytest's own,
 * or one made here that names what went wrong), REPORT.log (the worker's log), and REPORT.ok on a pass only.
 * RUN.json says what all targets share (graph/plan.h writes it).
 *
 * Exits 0 whenever these files are in place, so that ninja goes on and failures run again; 2 when they could
 * not be written; 128 + signal when it was told to stop, with the target's processes ended.
 */
int exec_main(int argc, char **argv);

#endif
