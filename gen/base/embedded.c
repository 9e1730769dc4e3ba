#include "base/embedded.h"
#include "base/diag.h"

#include <string.h>

const char *embedded_text(const char *name) {
    for (const struct embedded_file *f = embedded_files; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f->text;
    die("the program was built without %s", name);
}
