#define _GNU_SOURCE /* for memmem */

#include "run/program.h"
#include "base/os.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

bool program_asks_host(const char *program) {
    static const char *const tellers[] = {"arch", "getconf", "hostname", "ldconfig", "nproc", "uname"};
    static const char *const folders[] = {"", "/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"};
    const char *name = os_basename(program);
    bool known = false, system = false;
    for (size_t i = 0; i < sizeof tellers / sizeof *tellers; i++)
        known |= strcmp(name, tellers[i]) == 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        system |= strlen(folders[i]) == (size_t)(name - program) && str_starts(program, folders[i]);
    return known && system;
}

/* fopen, open64, openat, or open by itself. */
static bool names_open(const char *bytes, size_t n) {
    const char *end = bytes + n;
    for (const char *s = bytes; (s = memmem(s, (size_t)(end - s), "open", 4)); s++) {
        const char before = s > bytes ? s[-1] : 'x', *after = s + 4; /* the last has a NUL after it */
        if (before == 'f' || str_starts(after, "64") || str_starts(after, "at") || (!before && !*after))
            return true;
    }
    return false;
}

bool program_opens_files(struct arena *a, const struct strs *sites, const char *path) {
    for (uint32_t i = 0; i < sites->len; i++) {
        size_t n = strlen(sites->items[i]);
        bool below = strncmp(path, sites->items[i], n) == 0 && path[n] == '/';
        const char *rest = below ? path + n + 1 : NULL;
        if (rest &&
            os_is_dir(arena_printf(a, "%s/%.*s.libs", sites->items[i], (int)strcspn(rest, "/."), rest)))
            return true;
    }
    size_t n = 0;
    char *bytes = os_read(NULL, path, &n);
    bool opens = !bytes || names_open(bytes, n);
    free(bytes);
    return opens;
}
