#include "unit.h"

#include "base/arena.h"
#include "facts_text.h"
#include "source/parse.h"

#include <stdlib.h>
#include <string.h>

static struct parser *parser;

static int make_parser(void **state) {
    (void)state;
    parser = parser_new();
    return 0;
}

static int free_parser(void **state) {
    (void)state;
    parser_free(parser);
    return 0;
}

/* Both ways of parsing give these facts; lines end in a blank where no place holds. */
static void check_bytes(const char *bytes, size_t n, const char *wanted) {
    struct arena a = {0};
    for (int full = 0; full < 2; full++) {
        struct buf text = {0};
        const struct facts *f =
            full ? parse_file_full(parser, &a, bytes, n) : parse_file(parser, &a, bytes, n);
        assert_true(facts_valid(f, f->size));
        facts_text(&text, f);
        assert_string_equal(text.s, wanted);
        buf_free(&text);
    }
    arena_free(&a);
}

static void check(const char *source, const char *wanted) {
    check_bytes(source, strlen(source), wanted);
}

static void test_waits(void **state) {
    (void)state;
    static const struct {
        const char *source;
        uint32_t ms;
    } cases[] = {{"", 0},
                 {"import time\ntime.sleep(1.25)\n", 1250},
                 {"def test():\n    await asyncio.sleep(2); sleep(.5)\n", 2500},
                 {"sleep(x)\nsleep(1 + 1)\nsleep(\"2\")\nno_sleep(3)\nsleep(", 0},
                 {"sleep(0.0004)\nsleep(99999999999999999999)\n", 60000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a = {0};
        size_t n = strlen(cases[i].source);
        assert_int_equal(parse_file(parser, &a, cases[i].source, n)->waits, cases[i].ms);
        assert_int_equal(parse_file_full(parser, &a, cases[i].source, n)->waits, cases[i].ms);
        arena_free(&a);
    }
}

static void test_imports(void **state) {
    (void)state;
    check("", "");
    check("import os", "import 1:1 os|| \n");
    check("import a.b as c, d ; import e\n", "import 1:1 a.b||c \nimport 1:1 d|| \nimport 1:22 e|| \n");
    check("from a.b import (c,  # why\n    d as e,\n)\n", "import 1:1 a.b|c| \nimport 1:1 a.b|d|e \n");
    check("from . import x\nfrom ... import *\nfrom .. a import y\n",
          "import 1:1 .|x| \nimport 2:1 ...|*| \nimport 3:1 ..a|y| \n");
    check("from __future__ import annotations\n", "import 1:1 __future__|annotations| \n");
    check("from a \\\n  import b\n", "import 1:1 a|b| \n");
    check("x = 'import no'\n# import no\ny = '''\nimport no\n'''\nimport yes\n", "import 6:1 yes|| \n");
}

static void test_examples(void **state) {
    (void)state;
    check("def f():\n    \"\"\"Says.\n\n    >>> import a\n    >>> def g():\n    ...     from b import c\n    "
          "1\n"
          "    import no\n    \"\"\"\nimport d\n",
          "import 10:1 d|| \nimport 4:1 a|| E\nimport 6:5 b|c| FE\ndef 1:1 .f \n");
    struct arena a = {0};
    struct buf text = {0};
    static const char source[] =
        "A text: import no\n\t>>> x = (\n>>> import a.b\n... more\n>>>import no\n>>> from c "
        "import d";
    facts_text(&text, parse_text(parser, &a, source, sizeof source - 1));
    assert_string_equal(text.s, "import 3:1 a.b|| E\nimport 6:1 c|d| E\n");
    buf_free(&text);
    arena_free(&a);
}

static void test_places(void **state) {
    (void)state;
    check("def f():\n    if x:\n        import a\n", "import 3:9 a|| FC\ndef 1:1 .f \n");
    check("if TYPE_CHECKING:\n    import a\nelse:\n    import b\n", "import 2:5 a|| TC\nimport 4:5 b|| C\n");
    check("if not t.TYPE_CHECKING:\n    import a\nelse:\n    import b\n",
          "import 2:5 a|| C\nimport 4:5 b|| TC\n");
    check("try:\n    import a\nexcept (ValueError, ImportError) as e:\n    import b\nelse:\n    import c\n"
          "finally:\n    import d\n",
          "import 2:5 a|| IC\nimport 4:5 b|| IC\nimport 6:5 c|| C\nimport 8:5 d|| C\n");
    check("try:\n    import a\nexcept KeyError:\n    import b\nexcept:\n    import c\n",
          "import 2:5 a|| IC\nimport 4:5 b|| C\nimport 6:5 c|| IC\n");
    check("with contextlib.suppress(ImportError):\n    import a\nwith open(p) as f:\n    import b\n",
          "import 2:5 a|| IC\nimport 4:5 b|| C\n");
    check("for x in y: import a\nwhile x:\n    import b\nmatch x:\n    case 1:\n        import c\n",
          "import 1:13 a|| C\nimport 3:5 b|| C\nimport 6:9 c|| C\n");
    check("class A:\n    import a\n    def f(self): import b\n",
          "import 2:5 a|| K\nimport 3:18 b|| FK\nclass 1:1 .A \ndef 3:5 A.f K\n");
}

static void test_definitions(void **state) {
    (void)state;
    check("def test_a(): pass\nasync def test_b():\n    def inner(): pass\nclass TestC(Base, x.Y, f(), "
          "metaclass=M):\n"
          "    def test_d(self): ...\n",
          "def 1:1 .test_a \ndef 2:1 .test_b \nclass 4:1 .TestC  <Base <x.Y <\ndef 5:5 TestC.test_d K\n");
    check("if x:\n    def a(): pass\nelif y:\n    def b(): pass\ntry:\n    class C: pass\nexcept E:\n    def "
          "d(): pass\n"
          "with w:\n    def e(): pass\nfor i in j:\n    def f(): pass\n",
          "def 2:5 .a C\ndef 4:5 .b C\nclass 6:5 .C C\ndef 8:5 .d C\ndef 10:5 .e C\ndef 12:5 .f C\n");
    check("class A:\n    class B:\n        def c(self): pass\n    def d(self): pass\n",
          "class 1:1 .A \nclass 2:5 A.B K\ndef 3:9 B.c K\ndef 4:5 A.d K\n");
    check("def f[T](x: T) -> T: ...\nclass A[T](B[T]): ...\n", "def 1:1 .f \nclass 2:1 .A  <\n");
}

static void test_decorators(void **state) {
    (void)state;
    check("@pytest.mark.slow\n@mark.skipif(x,  # why\n  reason='y')\n@fixture()\ndef f(): pass\n",
          "def 5:1 .f  @1:pytest.mark.slow @2:mark.skipif(x,  # why\n  reason='y') @4:fixture()\n");
    check("@a[0].b\n@(c)\n# between\n\n@d\nclass E: pass\n", "class 6:1 .E  @1: @2: @5:d\n");
    check("class A:\n    @staticmethod\n    def b(): pass\n",
          "class 1:1 .A \ndef 3:5 A.b K @2:staticmethod\n");
}

static void test_assignments(void **state) {
    (void)state;
    check("pytestmark = [pytest.mark.a,\n    pytest.mark.b]\n__test__ = False\n__all__ = ['x']\nother = 1\n",
          "assign 1:1 .pytestmark=[pytest.mark.a,\n    pytest.mark.b] \nassign 3:1 .__test__=False \n"
          "assign 4:1 .__all__=['x'] \n");
    check("class A:\n    pytestmark = x\n    def f(self):\n        pytestmark = y\n",
          "class 1:1 .A \ndef 3:5 A.f K\nassign 2:5 A.pytestmark=x K\n");
    check("pytest_plugins = ['a.b', \"c\"]\n",
          "assign 1:1 .pytest_plugins=['a.b', \"c\"] \nref 1:19 3 a.b \nref 1:26 3 c \n");
    check("x = pytestmark = 1\n", "assign 1:5 .pytestmark=1 \n");
    check("if x: collect_ignore = ['s.py']\n", "assign 1:7 .collect_ignore=['s.py'] C\n");
}

static void test_references(void **state) {
    (void)state;
    check("importlib.import_module('a.b')\nx = [import_module( # c\n  \"c\")]\n__import__('d')\n",
          "ref 1:25 0 a.b \nref 3:3 0 c \nref 4:12 0 d \n");
    check("def f():\n    pytest.importorskip('a')\n    mock.patch('b.c')\n    monkeypatch.setattr('d.e', 1)\n"
          "    monkeypatch.setattr(d, 'e', 1)\n",
          "def 1:1 .f \nref 2:25 1 a F\nref 3:16 2 b.c F\nref 4:25 2 d.e F\n");
    check(
        "find_spec('a')\nx = importlib.util.find_spec(name='b.c')\nfind_spec(a)\nfinder.find_spec(f'{a}')\n",
        "ref 1:11 5 a \nref 2:35 5 b.c \n");
    check("@mock.patch('a.b')\ndef f(): pass\n", "def 2:1 .f  @1:mock.patch('a.b')\nref 1:13 2 a.b \n");
    check("x = f\"{import_module('a')}\"\nx = (patch  # why\n  ('b.c'))\n",
          "ref 1:22 0 a \nref 3:4 2 b.c \n");
    check("import_module(name='a')\nimportorskip(modname='b')\npatch(target='c.d')\npatch(other='e.f')\n",
          "ref 1:20 0 a \nref 2:22 1 b \nref 3:14 2 c.d \n");
    check("patch('a' '.b')\npatch(('c.d'))\npatch(\n  'e.'  # why\n  'f')\n",
          "ref 1:7 2 a.b \nref 2:8 2 c.d \nref 4:3 2 e.f \n");
    check("import_module(f'{x}')\nimport_module('a' + b)\nimport_module('a\\x62')\nimport_module(b'a')\n"
          "reimport_module('a')\nimport_module()\nx = __import__(name=y)\n",
          "ref 1:15 4 f'{x}' \nref 2:15 4 'a' + b \nref 3:15 4 'a\\x62' \nref 4:15 4 b'a' \nref 7:21 4 y \n");
}

static void test_directives(void **state) {
    (void)state;
    check("# testfan: data=x/*.json\nimport a  # testfan: resolve a b.py  \n#testfan:ignore\n# not testfan: "
          "x\n",
          "import 2:1 a|| \ndirective 1 data=x/*.json\ndirective 2 resolve a b.py\ndirective 3 ignore\n");
    check("def f():\n    x = [1,  # testfan: serial\n    ]\ns = '# testfan: no'\n",
          "def 1:1 .f \ndirective 2 serial\n");
}

static void test_strings(void **state) {
    (void)state;
    check("x = f'{a['b']}' f\"{d!r:>{w}}\" '\\'' r'\\''\nimport a\n", "import 2:1 a|| \n");
    check("x = f'''{\n'}'\n}'''\nimport a\n", "import 4:1 a|| \n");
    check("x = rb'\\\nimport no'\nimport a\n", "import 3:1 a|| \n");
    check("x = '''\\''' '''\nimport a\n", "import 2:1 a|| \n");
    check("x = f'{{import}}' '\\N{DIGIT ONE}'\nimport a\n", "import 2:1 a|| \n");
}

static void test_line_ends_and_indentation(void **state) {
    (void)state;
    check("import a\r\nif x:\r\n\timport b\r\n", "import 1:1 a|| \nimport 3:2 b|| C\n");
    check("import a\rimport b\rx = 1\rimport c", "import 1:1 a|| \nimport 2:1 b|| \nimport 4:1 c|| \n");
    check("import a\n\fimport b\n", "import 1:1 a|| \nimport 2:2 b|| \n");
    check("x = (\n# c\n\n  1)\nimport a\n", "import 5:1 a|| \n");
    check("if x:\n        import a\n\n# c\n        import b\nimport c\n",
          "import 2:9 a|| C\nimport 5:9 b|| C\nimport 6:1 c|| \n");
}

/* A file that the outline gives up on may bind names that nobody reads. */

/* A backslash that continues no line once made the outline read the same byte for ever. */
static void test_stray_backslash(void **state) {
    (void)state;
    struct arena a = {0};
    const char *source = "x = (\n\\ 1)\n";
    const struct facts *f = parse_file(parser, &a, source, strlen(source));
    assert_int_equal(f->flags, FACT_SYNTAX_ERROR | FACT_MAKES_NAMES);
    arena_free(&a);
}

static void test_encodings(void **state) {
    (void)state;
    check("\xef\xbb\xbfimport a\n", "flags 8 0:0\nimport 1:4 a|| \n");
    check("# coding: latin-1\nx = '\xe9'\nimport a\n", "import 3:1 a|| \n");
    /* The second byte of the character is a backslash or a quote in ASCII. */
    check("# -*- coding: shift_jis -*-\nx = '\x95\x5c'\nimport a\n", "import 3:1 a|| \n");
    check("#!/usr/bin/python\n# vim: set fileencoding=big5 :\nx = '\xa4\x5c'\nimport a\n",
          "import 4:1 a|| \n");
    check("# coding=gb18030\nx = '\x81\x30\x81\x30'\nimport a\n", "import 3:1 a|| \n");
    check("# coding: euc_jp\nx = '\xc9\xbd'\nimport a\n", "import 3:1 a|| \n");
    check("import a\nimport b\n# coding: nonsense\n", "import 1:1 a|| \nimport 2:1 b|| \n");
    check("# coding: nonsense\nimport a\n", "flags 2 0:0\n");
    check("# coding: utf-7\nimport a\n", "flags 2 0:0\n");
    check("# coding: cp932\nx = '\x81\xff'\nimport a\n", "flags 2 0:0\n");
    check_bytes("\xff\xfei\0m\0", 6, "flags 2 0:0\n");
}

static void test_syntax_error_says_where_and_keeps_what_it_can(void **state) {
    (void)state;
    struct arena a = {0};
    struct buf text = {0};
    const char *source = "import a\n\ndef f(:\n    pass\n";
    const struct facts *f = parse_file(parser, &a, source, strlen(source));
    facts_text(&text, f);
    assert_int_equal(f->flags, FACT_SYNTAX_ERROR | FACT_MAKES_NAMES);
    assert_int_equal(f->error_line, 3);
    assert_non_null(strstr(text.s, "import 1:1 a|| \n"));
    buf_free(&text);
    check_bytes("import a\n\0import b\n", 19, "flags 9 2:1\nimport 1:1 a|| \nimport 2:2 b|| \n");
    arena_free(&a);
}

/* What Python takes and the grammar does not: the outline gives the facts, and no error. */
static void test_newer_python(void **state) {
    (void)state;
    struct arena a = {0};
    struct buf text = {0};
    const char *source = "try:\n    import a\nexcept* KeyError, ImportError, E:\n    import b\n"
                         "class A[T = int](B):\n    def f[U = int](self, x=t'{y}'): pass\nx = t'{z}'\n";
    facts_text(&text, parse_file(parser, &a, source, strlen(source)));
    assert_string_equal(text.s, "import 2:5 a|| IC\nimport 4:5 b|| IC\nclass 5:1 .A  <B\ndef 6:5 A.f K\n");
    buf_free(&text);
    arena_free(&a);
}

/* A node of more than 65,535 tokens once made libtree-sitter free what it did not own. */
static void test_errors_of_many_tokens(void **state) {
    (void)state;
    static const char *const parts[] = {"(", "f'{", "a b ", "[1 2\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct arena a = {0};
        struct buf b = {0};
        for (int j = 0; j < 70000; j++)
            buf_str(&b, parts[i]);
        const struct facts *f = parse_file_full(parser, &a, b.s, b.len);
        assert_true(f->flags & FACT_SYNTAX_ERROR);
        buf_free(&b);
        arena_free(&a);
    }
}

/* Nesting that no recursive walk would survive. */
static void test_deep_nesting(void **state) {
    (void)state;
    enum { N = 20000 };
    struct arena a = {0};
    struct buf b = {0};
    buf_str(&b, "x = ");
    for (int i = 0; i < N; i++)
        buf_char(&b, '(');
    buf_str(&b, "import_module('a')");
    for (int i = 0; i < N; i++)
        buf_char(&b, ')');
    const struct facts *f = parse_file(parser, &a, b.s, b.len);
    assert_int_equal(f->refs.len, 1);
    buf_free(&b);
    arena_free(&a);
}

static void test_outline_is_enough_for_plain_files(void **state) {
    (void)state;
    struct arena a = {0};
    bool by_outline = false;
    const char *plain = "import a\n\nclass A(B):\n    def f(self):\n        return {1: 'x'}\n";
    parse_file_how(parser, &a, plain, strlen(plain), &by_outline);
    assert_true(by_outline);
    const char *odd = "if x:\n\timport a\n        import b\n";
    parse_file_how(parser, &a, odd, strlen(odd), &by_outline);
    assert_false(by_outline);
    arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_imports),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_definitions),
        cmocka_unit_test(test_decorators),
        cmocka_unit_test(test_assignments),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_directives),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_line_ends_and_indentation),
        cmocka_unit_test(test_stray_backslash),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_syntax_error_says_where_and_keeps_what_it_can),
        cmocka_unit_test(test_newer_python),
        cmocka_unit_test(test_errors_of_many_tokens),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_outline_is_enough_for_plain_files),
    };
    return cmocka_run_group_tests(tests, make_parser, free_parser);
}
