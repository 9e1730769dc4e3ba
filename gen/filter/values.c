#include "filter/values.h"
#include "base/str.h"
#include "filter/decorators.h"
#include "graph/modules.h"
#include "source/facts.h"
#include "source/params.h"
#include "source/scan.h"

#include <ctype.h>
#include <string.h>

enum { DEEPEST = 16 };

/* What pytest takes for the id of a value: of its __name__, or of nothing it has. */
enum id_kind { ID_ANY, ID_CLOSE, ID_NAME, ID_FALLBACK, ID_MAYBE };

struct id {
    enum id_kind kind;
    const char *name;  /* of ID_MAYBE one that it may have, beside the fallback */
    const char *texts; /* of ID_MAYBE: numbers of texts that others stand in */
};

static const struct id any = {ID_ANY, "", ""};

static bool listed(const char *name, const char *const *list) {
    for (; *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static bool is_exception(const char *name) {
    return isupper((unsigned char)*name) &&
           (str_ends(name, "Error") || str_ends(name, "Exception") || str_ends(name, "Warning"));
}

static bool is_builtin_name(const char *name) {
    static const char *const names[] = {
        "abs",      "all",   "any",         "ascii",        "bin",        "bool",    "bytearray", "bytes",
        "callable", "chr",   "classmethod", "complex",      "dict",       "dir",     "divmod",    "enumerate",
        "filter",   "float", "format",      "frozenset",    "getattr",    "hasattr", "hash",      "hex",
        "id",       "input", "int",         "isinstance",   "issubclass", "iter",    "len",       "list",
        "map",      "max",   "memoryview",  "min",          "next",       "object",  "oct",       "open",
        "ord",      "pow",   "print",       "property",     "range",      "repr",    "reversed",  "round",
        "set",      "slice", "sorted",      "staticmethod", "str",        "sum",     "super",     "tuple",
        "type",     "zip",   NULL};
    return listed(name, names);
}

/* Functions and classes of the standard library whose __name__ is the name that they are known by. */
static bool keeps_name(const char *path) {
    static const char *const whole[] = {"re.compile",
                                        "re.match",
                                        "re.fullmatch",
                                        "re.search",
                                        "re.sub",
                                        "re.split",
                                        "re.findall",
                                        "re.finditer",
                                        "re.escape",
                                        "copy.copy",
                                        "copy.deepcopy",
                                        "collections.namedtuple",
                                        "collections.OrderedDict",
                                        "collections.defaultdict",
                                        "collections.deque",
                                        "collections.Counter",
                                        "collections.ChainMap",
                                        "datetime.date",
                                        "datetime.datetime",
                                        "datetime.time",
                                        "datetime.timedelta",
                                        "datetime.timezone",
                                        "decimal.Decimal",
                                        "fractions.Fraction",
                                        "uuid.UUID",
                                        "uuid.uuid1",
                                        "uuid.uuid3",
                                        "uuid.uuid4",
                                        "uuid.uuid5",
                                        "pathlib.Path",
                                        "pathlib.PurePath",
                                        "pathlib.PosixPath",
                                        "pathlib.WindowsPath",
                                        "pathlib.PurePosixPath",
                                        "pathlib.PureWindowsPath",
                                        "io.StringIO",
                                        "io.BytesIO",
                                        "functools.partial",
                                        "functools.reduce",
                                        "json.dumps",
                                        "json.loads",
                                        "json.dump",
                                        "json.load",
                                        "pickle.dumps",
                                        "pickle.loads",
                                        "types.SimpleNamespace",
                                        "enum.Enum",
                                        "enum.IntEnum",
                                        NULL};
    return listed(path, whole);
}

/* Calls of these give an object that has neither a text nor a number nor a __name__. */
static bool makes_object(const char *path) {
    static const char *const whole[] = {"datetime.date",
                                        "datetime.datetime",
                                        "datetime.time",
                                        "datetime.timedelta",
                                        "datetime.timezone",
                                        "datetime.datetime.now",
                                        "datetime.datetime.utcnow",
                                        "datetime.datetime.fromisoformat",
                                        "pathlib.Path.cwd",
                                        "pathlib.Path.home",
                                        "datetime.datetime.strptime",
                                        "datetime.datetime.combine",
                                        "datetime.date.today",
                                        "datetime.date.fromisoformat",
                                        "decimal.Decimal",
                                        "fractions.Fraction",
                                        "uuid.UUID",
                                        "uuid.uuid1",
                                        "uuid.uuid3",
                                        "uuid.uuid4",
                                        "uuid.uuid5",
                                        "collections.OrderedDict",
                                        "collections.defaultdict",
                                        "collections.deque",
                                        "collections.Counter",
                                        "collections.ChainMap",
                                        "pathlib.Path",
                                        "pathlib.PurePath",
                                        "pathlib.PurePosixPath",
                                        "pathlib.PureWindowsPath",
                                        "io.StringIO",
                                        "io.BytesIO",
                                        "types.SimpleNamespace",
                                        "functools.partial",
                                        "builtins.dict",
                                        "builtins.list",
                                        "builtins.set",
                                        "builtins.tuple",
                                        "builtins.frozenset",
                                        "builtins.object",
                                        "builtins.bytearray",
                                        "builtins.memoryview",
                                        "builtins.slice",
                                        "builtins.range",
                                        "builtins.iter",
                                        "builtins.enumerate",
                                        "builtins.zip",
                                        "builtins.map",
                                        "builtins.filter",
                                        "builtins.reversed",
                                        "builtins.sorted",
                                        "itertools.chain",
                                        "itertools.product",
                                        "itertools.count",
                                        "itertools.cycle",
                                        "itertools.repeat",
                                        NULL};
    return listed(path, whole) || (str_starts(path, "builtins.") && is_exception(path + 9));
}

/* A function or class of what is installed goes by its name. */
static struct id installed_id(struct names *n, const char *path) {
    struct foreign_def found = foreign_find(&n->foreign, path);
    const struct fact_def *d =
        found.facts ? (const struct fact_def *)facts_at(found.facts, found.facts->defs.at) + found.index
                    : NULL;
    return d && !d->decorators ? (struct id){ID_NAME, facts_str(found.facts, d->name), ""} : any;
}

static struct id foreign_id(struct names *n, const char *path, bool call) {
    static const char *const numbers[] = {
        "builtins.int",  "builtins.float", "builtins.bool", "builtins.complex", "builtins.len",
        "builtins.hash", "builtins.id",    "builtins.ord",  "math.sqrt",        NULL};
    if (call)
        return listed(path, numbers) ? (struct id){ID_CLOSE, "", ""}
               : makes_object(path)  ? (struct id){ID_FALLBACK, "", ""}
                                     : any;
    if (str_starts(path, "builtins."))
        return is_builtin_name(path + 9) || is_exception(path + 9) ? (struct id){ID_NAME, path + 9, ""} : any;
    static const char *const modules[] = {"copy",   "datetime", "functools", "itertools", "json",      "math",
                                          "ntpath", "operator", "os",        "pickle",    "posixpath", "re",
                                          "string", "sys",      "time",      NULL};
    if (listed(path, modules))
        return (struct id){ID_NAME, path, ""};
    return keeps_name(path) ? (struct id){ID_NAME, strrchr(path, '.') + 1, ""} : installed_id(n, path);
}

static const struct fact_def *def_of(const struct names *n, const struct named *d) {
    const struct facts *f = n->facts[d->file];
    return (const struct fact_def *)facts_at(f, f->defs.at) + d->index;
}

static bool is_plain(struct names *n, const struct named *d) {
    const struct facts *f = n->facts[d->file];
    const struct fact_def *def = def_of(n, d);
    const struct fact_decorator *decorators = facts_at(f, f->decorators.at);
    for (uint32_t i = 0; i < def->decorators; i++)
        if (decorator_effect(n, d->file, facts_str(f, decorators[def->first_decorator + i].callee)).kind ==
            EFFECT_UNKNOWN)
            return false;
    return true;
}

static bool is_harmless_base(const char *path) {
    static const char *const harmless[] = {"builtins.object",
                                           "builtins.dict",
                                           "builtins.list",
                                           "builtins.set",
                                           "builtins.tuple",
                                           "abc.ABC",
                                           "typing.Generic",
                                           "typing.Protocol",
                                           "typing.NamedTuple",
                                           "collections.OrderedDict",
                                           "collections.UserDict",
                                           "collections.UserList",
                                           "collections.abc.Mapping",
                                           "collections.abc.MutableMapping",
                                           "collections.abc.Sequence",
                                           "collections.abc.Set",
                                           "collections.abc.Iterable",
                                           "unittest.TestCase",
                                           NULL};
    return listed(path, harmless) || is_exception(strrchr(path, '.') + 1);
}

/* Whether what a class makes is an object without an id of its own. */
static bool makes_plain_objects(struct names *n, const struct named *d, unsigned depth) {
    static const char *const special[] = {"__name__",  "__getattr__", "__getattribute__",
                                          "__class__", "__new__",     NULL};
    const struct facts *f = n->facts[d->file];
    const struct fact_def *class = def_of(n, d);
    if (class->kind != DEF_CLASS || depth > DEEPEST || !is_plain(n, d))
        return false;
    FACTS_FOR(struct fact_def, member, f, defs)
    if (member->parent == d->index && listed(facts_str(f, member->name), special))
        return false;
    const fact_base *bases = facts_at(f, f->bases.at);
    for (uint32_t i = 0; i < class->bases; i++) {
        struct named base = names_find(n, d->file, facts_str(f, bases[class->first_base + i]));
        bool ok = base.kind == NAME_DEF && !*base.rest && makes_plain_objects(n, &base, depth + 1);
        ok |= base.kind == NAME_FOREIGN && is_harmless_base(base.path);
        if (!ok)
            return false;
    }
    return true;
}

/* What an object has for a name whose definition is decorated, or whose class makes it in a way of its own:
   its own name, or one that the code that makes it speaks of. */
static struct id maybe_id(struct names *n, const struct named *d, const char *name) {
    const struct facts *f = n->facts[d->file];
    const struct fact_def *def = def_of(n, d);
    const struct fact_decorator *decorators = facts_at(f, f->decorators.at);
    const struct source_file *files = n->modules->scan->files.items;
    const char *texts = arena_printf(n->arena, "%u", names_text(n, files[d->file].path));
    for (uint32_t i = 0; i < def->decorators; i++) {
        const char *callee = facts_str(f, decorators[def->first_decorator + i].callee);
        if (decorator_effect(n, d->file, callee).kind != EFFECT_UNKNOWN)
            continue;
        struct named found = *callee ? names_find(n, d->file, callee) : (struct named){.kind = NAME_UNKNOWN};
        if (found.kind != NAME_DEF)
            return any;
        texts = arena_printf(n->arena, "%s %u", texts, names_text(n, files[found.file].path));
    }
    return (struct id){ID_MAYBE, name, texts};
}

/* The same of what a class makes, with those of its bases. */
static struct id maybe_made(struct names *n, const struct named *d, unsigned depth) {
    const struct facts *f = n->facts[d->file];
    const struct fact_def *class = def_of(n, d);
    struct id id = class->kind == DEF_CLASS && depth < DEEPEST ? maybe_id(n, d, "") : any;
    const fact_base *bases = facts_at(f, f->bases.at);
    for (uint32_t i = 0; i < class->bases && id.kind == ID_MAYBE; i++) {
        struct named base = names_find(n, d->file, facts_str(f, bases[class->first_base + i]));
        if (base.kind == NAME_FOREIGN && is_harmless_base(base.path))
            continue;
        struct id other = base.kind == NAME_DEF && !*base.rest ? maybe_made(n, &base, depth + 1) : any;
        if (other.kind != ID_MAYBE)
            return any;
        id.texts = arena_printf(n->arena, "%s %s", id.texts, other.texts);
    }
    return id;
}

static bool has_method(const struct names *n, const struct named *d, const char *name) {
    const struct facts *f = n->facts[d->file];
    FACTS_FOR(struct fact_def, member, f, defs)
    if (member->parent == d->index && !member->decorators && member->kind == DEF_FUNCTION &&
        strcmp(facts_str(f, member->name), name) == 0)
        return true;
    return false;
}

/* A module's __name__: its path from the last folder above it that is no package. */
static const char *module_name(const struct names *n, uint32_t file) {
    const char *path = n->modules->scan->files.items[file].path;
    const char *base = modules_base(n->modules, path);
    char *name = arena_strdup(n->arena, path + strlen(base) + (*base != 0));
    name[strlen(name) - 3] = 0;
    if (str_ends(name, "/__init__"))
        name[strlen(name) - 9] = 0;
    for (char *s = name; *s; s++)
        *s = *s == '/' ? '.' : *s;
    return name;
}

static struct id value_id(struct names *n, uint32_t file, const char *dotted, bool call, unsigned depth) {
    struct named found = names_find(n, file, dotted);
    if (found.kind == NAME_FOREIGN)
        return foreign_id(n, found.path, call);
    if (found.kind == NAME_BINDING && !*found.rest && depth < DEEPEST) {
        const struct facts *f = n->facts[found.file];
        const struct fact_binding *b = (const struct fact_binding *)facts_at(f, f->bindings.at) + found.index;
        const char *value = facts_str(f, b->value);
        if (strcmp(value, "[]") == 0)
            return call ? any : (struct id){ID_FALLBACK, "", ""};
        bool calls = str_ends(value, "()");
        if (!*value || strcmp(value, "0") == 0 || (calls && call))
            return any;
        return value_id(n, found.file, arena_strndup(n->arena, value, strcspn(value, "(")), call || calls,
                        depth + 1);
    }
    if (found.kind == NAME_MODULE && !call && found.file != NO_FILE)
        return (struct id){ID_NAME, module_name(n, found.file), ""};
    if (found.kind != NAME_DEF)
        return any;
    const struct facts *f = n->facts[found.file];
    const struct fact_def *def = def_of(n, &found);
    if (call)
        return *found.rest                         ? any
               : makes_plain_objects(n, &found, 0) ? (struct id){ID_FALLBACK, "", ""}
                                                   : maybe_made(n, &found, 0);
    if (*found.rest)
        return def->kind == DEF_CLASS && has_method(n, &found, found.rest)
                   ? (struct id){ID_NAME, found.rest, ""}
                   : any;
    const char *name = facts_str(f, def->name);
    return is_plain(n, &found) ? (struct id){ID_NAME, name, ""} : maybe_id(n, &found, name);
}

static void put_id(struct names *n, uint32_t file, const char *name, const char *fallback, struct buf *out) {
    bool call = str_ends(name, "()");
    struct id id = value_id(n, file, arena_strndup(n->arena, name, strcspn(name, "(")), call, 0);
    if (id.kind == ID_ANY)
        buf_char(out, HOLE_ANY);
    else if (id.kind == ID_CLOSE)
        buf_char(out, HOLE_CLOSE);
    else if (id.kind == ID_MAYBE)
        buf_fmt(out, "%c%s %s%c%s%c", HOLE_MAYBE, id.name, fallback, HOLE_FALLBACK, id.texts, HOLE_END);
    else
        buf_str(out, id.kind == ID_NAME ? id.name : fallback);
}

const char *values_fill(struct names *n, uint32_t file, const char *pattern) {
    if (!strpbrk(pattern, (char[]){HOLE_VALUE, HOLE_MARKS, 0}))
        return pattern;
    struct buf out = {0};
    buf_str(&out, "");
    for (const char *s = pattern; *s && *s != HOLE_MARKS; s++) {
        if (*s != HOLE_VALUE) {
            buf_char(&out, *s);
            continue;
        }
        const char *middle = strchr(s, HOLE_FALLBACK), *end = middle ? strchr(middle, HOLE_END) : NULL;
        if (!end)
            break;
        put_id(n, file, arena_strndup(n->arena, s + 1, (size_t)(middle - s) - 1),
               arena_strndup(n->arena, middle + 1, (size_t)(end - middle) - 1), &out);
        s = end;
    }
    const char *filled = arena_strndup(n->arena, out.s, out.len);
    buf_free(&out);
    return filled;
}
