#ifndef CLI_VERDICT_H
#define CLI_VERDICT_H

/* `testfan exec verdict [--show] REPORT.xml STAMP`, the last edge of a ninja build: exits 0 and makes STAMP
   when the report holds no failure, else exits 1; --show prints the summary first. */
int verdict_main(int argc, char **argv);

#endif
