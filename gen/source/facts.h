#ifndef SOURCE_FACTS_H
#define SOURCE_FACTS_H

#include "base/array.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What one Python file says by itself: a pure function of its bytes, which knows of no other file. Facts are
 * one block of memory without pointers, so that the cache writes them to disk and maps them back as they are.
 * A fact_str is the offset of a NUL-ended string in the block's text; 0 is the empty string. Lines count from
 * 1, columns (in bytes) from 1.
 */
typedef uint32_t fact_str;

enum { FACT_NONE = UINT32_MAX };

/* Where a statement stands; several can hold. */
enum fact_place {
    PLACE_FUNCTION = 1, /* in the body of a function, however deep */
    PLACE_TYPE_CHECKING =
        2, /* under `if TYPE_CHECKING:` (also typing.TYPE_CHECKING, t.TYPE_CHECKING), not its else */
    PLACE_TRY_IMPORT =
        4, /* in the body of a try whose handler takes ImportError, ModuleNotFoundError, Exception,
              BaseException or everything, or in such a handler, or under suppress() of one of these */
    PLACE_CONDITIONAL = 8, /* under if, else, for, while, try, with or match: may or may not be executed */
    PLACE_CLASS = 16,      /* in the body of a class */
    PLACE_EXAMPLE = 32,    /* in a doctest example: executed only where doctests are collected */
};

/* One name that an import statement brings; `from a import b, c` makes two. */
struct fact_import {
    fact_str module; /* dotted; "" in `from . import x` */
    fact_str name;   /* "" for `import a.b`, "*" for a star, else the imported name */
    fact_str as;     /* the name it is bound to when that is said by `as`, else "" */
    uint16_t level;  /* the dots before the module of a from import */
    uint16_t place;  /* enum fact_place */
    uint32_t line, col;
};

enum fact_def_kind { DEF_FUNCTION, DEF_CLASS };

/* A function or class at module level or in the body of a class (however deep in if/for/try/with), not in a
 * function. */
struct fact_def {
    fact_str name;
    uint32_t parent; /* the enclosing class, an index into the defs, or FACT_NONE */
    uint16_t kind;   /* enum fact_def_kind */
    uint16_t place;  /* enum fact_place */
    uint32_t line, col;
    uint32_t first_decorator, decorators; /* into the decorators, in source order */
    uint32_t first_base, bases;           /* of a class: into the bases */
};

/* `@callee(args)`: marks, fixtures and others alike. */
struct fact_decorator {
    fact_str callee; /* dotted, as written (`pytest.mark.slow`, `mark.parametrize`); "" when it is no dotted
                        name */
    fact_str args; /* the text between the parentheses, comments and line breaks as written; "" when there are
                      none */
    uint32_t called; /* 1 when it has parentheses */
    uint32_t line;
    /* For a callee that ends in `parametrize`, and for a fixture with params: what is known of the ids of its
       parameter sets (source/params.h), and how well. */
    uint32_t first_id, ids, ids_known; /* enum fact_ids */
};

enum fact_ids {
    IDS_UNKNOWN,  /* neither the ids nor how many there are: none is listed */
    IDS_EXACT,    /* all of them, as pytest makes them from literals */
    IDS_PATTERNS, /* one pattern for each parameter set */
    IDS_SOME,     /* patterns that all ids have one of; how many there are is not known */
};

/* A base class, as written: dotted, or "" for any other expression. */
typedef fact_str fact_base;

/* A module- or class-level assignment to a name that pytest reads: pytestmark, pytest_plugins, __test__,
   __all__, collect_ignore, collect_ignore_glob. */
struct fact_assign {
    fact_str name;
    fact_str value;  /* the text of the right side */
    uint32_t parent; /* the class, or FACT_NONE */
    uint32_t place, line, col;
};

/* A string literal that names a module or an attribute; the first argument, or by its keyword (name=,
   modname=, target=). */
enum fact_ref_kind {
    REF_IMPORT_MODULE, /* importlib.import_module("x"), import_module("x"), __import__("x") */
    REF_IMPORTORSKIP,  /* pytest.importorskip("x") */
    REF_PATCH,         /* mock.patch("a.b.c"), mocker.patch, monkeypatch.setattr("a.b.c", …) */
    REF_PLUGINS,       /* an element of pytest_plugins */
    REF_COMPUTED,      /* import_module(x), __import__(x): the argument as written */
    REF_FIND_SPEC,     /* importlib.util.find_spec("x") */
};

struct fact_ref {
    fact_str value;
    uint16_t kind; /* enum fact_ref_kind */
    uint16_t place;
    uint32_t line, col;
};

/* `# testfan: text` on a line of its own or after code. */
struct fact_directive {
    fact_str text; /* after the colon, stripped */
    uint32_t line;
};

/* A word of a string literal that may name a file, a folder or a module (source/words.h). */
struct fact_word {
    fact_str text;
    uint32_t line;
    uint32_t flags; /* enum fact_word_flag */
};

enum fact_word_flag {
    WORD_RUN = 1,      /* after "-m" in a command line: a module that is run */
    WORD_SEARCHED = 2, /* on a line that speaks of sys.path */
    WORD_PLACE = 4,    /* on a line that speaks of paths, folders or loading */
};

/* A name that is bound by an assignment at module level, or maybe in a class (source/bindings.h). */
struct fact_binding {
    fact_str name;  /* "x", or "x.attribute" */
    fact_str value; /* the dotted name that it is bound to; "name()" for a call of one; "[]" for a list, set
                       or dict; "" for anything else */
    uint32_t line, col;
};

/* The parser had to recover, and the facts may not be all: error_line and error_col say where. Or the file is
   in an encoding that cannot be read, and there are no other facts. */
enum fact_flag {
    FACT_SYNTAX_ERROR = 1,
    FACT_ENCODING = 2,
    FACT_LAZY = 4, /* it has a `__getattr__` at module level */
    FACT_MAKES_NAMES =
        8, /* globals(), exec() and their like stand in it: it may bind names that nobody reads */
};

enum { FACT_PARTS = 11 };

struct facts_part {
    uint32_t at, len;
};

struct facts {
    uint32_t size; /* of the whole block, in bytes */
    uint32_t flags;
    uint32_t error_line, error_col;
    uint32_t first_code; /* the line of the first statement at module level that is no import, no definition
                            and no assignment of a plain value; FACT_NONE: there is none; 0: not known */
    uint32_t waits;      /* what it says to sleep, in milliseconds (source/waits.h) */
    /* Where each array starts, in bytes from the start of the block, and how many it has. */
    union {
        struct {
            struct facts_part imports, defs, decorators, ids, bases, assigns, refs, directives, words,
                bindings, text;
        };
        struct facts_part parts[FACT_PARTS];
    };
};

static inline const void *facts_at(const struct facts *f, uint32_t at) {
    return (const char *)f + at;
}
static inline const char *facts_str(const struct facts *f, fact_str s) {
    return (const char *)f + f->text.at + s;
}

#define FACTS_FOR(type, var, f, array)                                                                     \
    for (const type *var = facts_at(f, (f)->array.at), *var##_end = var + (f)->array.len; var < var##_end; \
         var++)

/* Facts being gathered; facts_pack() makes them one block. */
struct facts_builder {
    struct arena *arena;
    ARRAY(struct fact_import) imports;
    ARRAY(struct fact_def) defs;
    ARRAY(struct fact_decorator) decorators;
    ARRAY(fact_str) ids;
    ARRAY(fact_base) bases;
    ARRAY(struct fact_assign) assigns;
    ARRAY(struct fact_ref) refs;
    ARRAY(struct fact_directive) directives;
    ARRAY(struct fact_word) words;
    ARRAY(struct fact_binding) bindings;
    ARRAY(char) text;
    uint32_t flags, error_line, error_col, first_code, waits;
};

/* Whether what stands there is executed when the module is imported, outside of classes. */
bool facts_is_global(uint32_t place);
/* Whether an import statement binds the name. */
bool facts_binds(const struct facts *f, const struct fact_import *i, const char *name);

fact_str facts_add_text(struct facts_builder *b, const char *s, uint32_t n);
/* The block, in the arena, 8-aligned; padding is zero, so that equal facts are equal bytes. */
const struct facts *facts_pack(const struct facts_builder *b, struct arena *a);
/* Whether a block read back from disk is one that facts_pack() could have made: every offset inside, every
 * string ended. */
bool facts_valid(const struct facts *f, uint32_t size);

#endif
