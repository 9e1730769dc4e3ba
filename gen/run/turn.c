#include "run/turn.h"
#include "base/diag.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

bool turn_take(bool alone) {
    static bool taken;
    if (taken)
        return true;
    os_mkdirs(".testfan");
    int fd = open(".testfan/turn", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    while (fd < 0 || flock(fd, alone ? LOCK_EX : LOCK_SH) != 0) {
        if (fd >= 0 && errno == EINTR)
            continue;
        diag(DIAG_IO, ".testfan/turn", 0, 0, "cannot be locked: %s", strerror(errno));
        return false;
    }
    taken = true;
    return true;
}
