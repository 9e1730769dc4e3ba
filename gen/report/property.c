#define _GNU_SOURCE /* memmem */
#include "report/property.h"
#include "report/junit.h"

#include <string.h>

bool report_mark(struct buf *b, const char *report, size_t n, const char *name, const char *value) {
    static const char begin[] = "<properties>";
    const char *suite = memmem(report, n, "<testsuite ", strlen("<testsuite "));
    const char *end = suite ? memchr(suite, '>', n - (size_t)(suite - report)) : NULL;
    if (!end)
        return false;
    bool empty = end[-1] == '/';
    const char *rest = end + 1;
    size_t left = n - (size_t)(rest - report);
    buf_add(b, report, (size_t)(end - report) - empty);
    buf_fmt(b, ">%s<property name=\"", begin);
    junit_escape_attribute(b, name);
    buf_str(b, "\" value=\"");
    junit_escape_attribute(b, value);
    buf_str(b, "\"/>");
    bool more = !empty && left > strlen(begin) && memcmp(rest, begin, strlen(begin)) == 0;
    buf_str(b, more ? "" : "</properties>");
    buf_str(b, empty ? "</testsuite>" : "");
    rest += more ? strlen(begin) : 0;
    buf_add(b, rest, n - (size_t)(rest - report));
    return true;
}
