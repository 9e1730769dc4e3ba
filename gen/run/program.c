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

bool program_opens_files(struct arena *a, const struct strs *sites, const char *path) {
    static const char *const calls[] = {"fopen", "open64", "openat", "\0open\0"};
    static const size_t lengths[] = {5, 6, 6, 6};
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
    bool opens = !bytes;
    for (size_t i = 0; i < sizeof calls / sizeof *calls && !opens; i++)
        opens = memmem(bytes, n, calls[i], lengths[i]) != NULL;
    free(bytes);
    return opens;
}
