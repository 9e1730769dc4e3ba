#include "run/history.h"
#include "base/os.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void name(char *out, const char *xml, const char *suffix) {
    snprintf(out, PATH_MAX, "%.*s%s", (int)strlen(xml) - 4, xml, suffix);
}

void history_begin(const char *xml, const char *file) {
    char failed[PATH_MAX];
    name(failed, xml, ".failed");
    if (link(file, failed) == 0)
        return;
    int fd = open(failed, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    if (fd >= 0)
        close(fd);
}

void history_passed(const char *xml) {
    char failed[PATH_MAX], passed[PATH_MAX];
    name(failed, xml, ".failed");
    name(passed, xml, ".passed");
    rename(failed, passed);
    unlink(failed); /* which rename leaves where both are names of one file */
}

static bool stands(const char *rootdir, const char *result, const char *suffix) {
    char path[PATH_MAX];
    struct os_stat st;
    snprintf(path, sizeof path, "%s/%s%s", rootdir, result, suffix);
    return os_stat(path, &st);
}

bool history_is_failed(const char *rootdir, const char *result) {
    return stands(rootdir, result, ".failed");
}

bool history_is_new(const char *rootdir, const char *result) {
    return !stands(rootdir, result, ".passed");
}
