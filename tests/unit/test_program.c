#include "unit.h"
#include "base/os.h"
#include "base/out.h"
#include "run/program.h"

#include <stdlib.h>
#include <string.h>

static void test_who_asks_the_machine(void **state) {
    (void)state;
    assert_true(program_asks_host("uname"));
    assert_true(program_asks_host("/usr/sbin/ldconfig"));
    assert_false(program_asks_host("./uname"));
    assert_false(program_asks_host("/usr/bin/cat"));
}

/* What a compiled module has in it, with dots for NUL. */
static const struct {
    const char *bytes;
    bool opens;
} modules[] = {{".ELF..PyInit_x..strlen..", false},
               {".ELF..fopen64..", true},
               {".ELF..fopen..", true},
               {".ELF..open64..", true},
               {".ELF..openat..", true},
               {".ELF..open..", true},
               {".ELF..reopen..", false},
               {".ELF..opened..", false},
               {".ELF..is open..", false},
               {".ELF..reopen..open.", true},
               {"open", false},
               {"", false}};

static void test_what_opens_files(void **state) {
    (void)state;
    char dir[] = "/tmp/testfan-program-XXXXXX";
    struct arena a = {0};
    struct strs sites = {0};
    assert_non_null(mkdtemp(dir));
    array_push(&a, &sites, arena_printf(&a, "%s/site", dir));
    const char *path = arena_printf(&a, "%s/site/pkg/x.so", dir);
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        char *bytes = arena_strdup(&a, modules[i].bytes);
        size_t n = strlen(bytes);
        for (char *s = bytes; s < bytes + n; s++)
            *s = *s == '.' ? 0 : *s;
        assert_true(out_write(path, bytes, n, NULL));
        assert_int_equal(program_opens_files(&a, &sites, path), modules[i].opens);
    }
    assert_true(program_opens_files(&a, &sites, arena_printf(&a, "%s/site/none.so", dir)));
    assert_true(os_mkdirs(arena_printf(&a, "%s/site/pkg.libs", dir)));
    assert_true(program_opens_files(&a, &sites, path));
    os_remove_tree(dir);
    arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_asks_the_machine),
        cmocka_unit_test(test_what_opens_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
