#include "run/turn.h"
#include "base/diag.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

bool turn_take(bool alone) {
    os_mkdirs(".testfan");
    int fd = open(".testfan/turn", O_RDWR | O_CREAT | O_CLOEXEC, 0666), got = fd;
    do {
        got = fd < 0 ? fd : flock(fd, alone ? LOCK_EX : LOCK_SH);
    } while (got != 0 && fd >= 0 && errno == EINTR);
    if (got != 0)
        diag(DIAG_IO, ".testfan/turn", 0, 0, "cannot be locked: %s", strerror(errno));
    return got == 0;
}
