#include "filter/match.h"
#include "base/os.h"
#include "source/config.h"
#include "filter/pattern.h"
#include "filter/values.h"
#include "graph/dists.h"
#include "graph/modules.h"
#include "source/facts.h"
#include "source/params.h"
#include "source/scan.h"

#include <stdlib.h>
#include <string.h>

enum { COMBINATIONS_MOST = 20000 };

static const struct item_marks no_marks;

/* One test, or one parameter set of it, as the expression sees it. */
struct subject {
    struct match *m;
    const struct strs *places; /* names of the folders and the file */
    const struct strs *maybe_places;
    const struct item *item;
    const struct hooked *hooked;
    const char *name;             /* the item's own, with parameters, as a pattern */
    const struct item_marks *own; /* marks of its parameter sets */
    bool any_params, keyword;
};

static enum answer3 most(enum answer3 a, enum answer3 b) {
    return a > b ? a : b;
}

static enum answer3 least(enum answer3 a, enum answer3 b) {
    return a < b ? a : b;
}

static enum answer3 in_any(const struct strs *patterns, uint32_t n, const char *word, enum answer3 top,
                           const struct strs *texts) {
    enum answer3 answer = ANSWER_NO;
    for (uint32_t i = 0; i < n && answer < top; i++)
        answer = most(answer, least(pattern_contains(patterns->items[i], word, texts), top));
    return answer;
}

static enum answer3 in_marks(const struct item_marks *marks, const char *word, const struct strs *texts) {
    enum answer3 answer = ANSWER_NO;
    for (uint32_t i = 0; i < marks->len; i++) {
        enum answer3 here = pattern_contains(marks->items[i].name, word, texts);
        answer = most(answer, marks->items[i].sure ? here : least(here, ANSWER_UNKNOWN));
    }
    return answer;
}

static bool straddles(const char *word) {
    return strpbrk(word, "[]-") != NULL;
}

static enum answer3 match_keyword(const struct subject *s, const char *word);

/* Whether a hook may add its marks to the test: to one that has a certain keyword. */
static bool meets_condition(const struct subject *s) {
    struct subject bare = *s;
    struct hooked without = *s->hooked;
    without.when.len = 0;
    bare.hooked = &without;
    for (uint32_t i = 0; i < s->hooked->when.len; i++)
        if (match_keyword(&bare, s->hooked->when.items[i]) != ANSWER_NO)
            return true;
    return false;
}

/* pytest's KeywordMatcher. */
static enum answer3 match_keyword(const struct subject *s, const char *word) {
    const struct item *item = s->item;
    const struct strs *texts = &s->m->items.names->texts;
    enum answer3 answer = in_any(s->places, s->places->len, word, ANSWER_YES, texts);
    answer = most(answer, in_any(s->maybe_places, s->maybe_places->len, word, ANSWER_UNKNOWN, texts));
    answer =
        most(answer, in_any(&item->names, item->names.len - (item->names.len > 0), word, ANSWER_YES, texts));
    answer = most(answer, pattern_contains(s->name, word, texts));
    answer = most(answer, in_marks(&item->marks, word, texts));
    answer = most(answer, in_marks(s->own, word, texts));
    if (answer == ANSWER_YES)
        return answer;
    bool any =
        item->any_name || item->any_mark || s->any_params || s->hooked->any_name || s->hooked->any_mark;
    if (any || (s->hooked->ids.len && straddles(word)))
        return ANSWER_UNKNOWN;
    answer = most(answer, in_any(&item->attributes, item->attributes.len, word, ANSWER_UNKNOWN, texts));
    answer = most(answer, in_any(&s->hooked->marks, s->hooked->marks.len, word, ANSWER_UNKNOWN, texts));
    if (answer == ANSWER_NO &&
        in_any(&s->hooked->when_marks, s->hooked->when_marks.len, word, ANSWER_UNKNOWN, texts) &&
        meets_condition(s))
        answer = ANSWER_UNKNOWN;
    return most(answer, in_any(&s->hooked->ids, s->hooked->ids.len, word, ANSWER_UNKNOWN, texts));
}

/* pytest's MarkMatcher. */
static enum answer3 match_mark(const struct subject *s, const struct expr *name) {
    enum answer3 answer = ANSWER_NO;
    const struct item_marks *lists[] = {&s->item->marks, s->own};
    for (int i = 0; i < 2; i++)
        for (uint32_t j = 0; j < lists[i]->len; j++) {
            const struct item_mark *mark = &lists[i]->items[j];
            if (strcmp(mark->name, "?") == 0)
                answer = most(answer, ANSWER_UNKNOWN);
            else if (strcmp(mark->name, name->name) == 0)
                answer = most(answer, mark->sure && !name->n_values ? ANSWER_YES : ANSWER_UNKNOWN);
        }
    bool maybe = s->item->any_mark || s->hooked->any_mark || s->any_params ||
                 strs_has(&s->hooked->marks, name->name) ||
                 (strs_has(&s->hooked->when_marks, name->name) && meets_condition(s));
    return most(answer, maybe ? ANSWER_UNKNOWN : ANSWER_NO);
}

static enum answer3 match_name(void *ctx, const struct expr *name) {
    const struct subject *s = ctx;
    return s->keyword ? match_keyword(s, name->name) : match_mark(s, name);
}

static enum answer3 answer_of(struct subject *s) {
    enum answer3 answer = ANSWER_YES;
    if (s->m->keyword) {
        s->keyword = true;
        answer = expr_eval(s->m->keyword, match_name, s);
    }
    if (s->m->marks && answer != ANSWER_NO) {
        s->keyword = false;
        answer = least(answer, expr_eval(s->m->marks, match_name, s));
    }
    return s->item->sure ? answer : least(answer, ANSWER_UNKNOWN);
}

/* One parametrize with its holes filled. */
struct filled {
    const char **ids;
    struct item_marks *marks; /* of each */
    uint32_t n;
};

static void read_marks(struct arena *a, const char *pattern, struct item_marks *out) {
    const char *s = strchr(pattern, HOLE_MARKS);
    while (s && *s) {
        size_t n = strcspn(++s, ",");
        struct item_mark mark = {arena_strndup(a, s, n), NULL, true};
        mark.sure = strcmp(mark.name, "?") != 0;
        array_push(a, out, mark);
        s += n;
    }
}

static struct filled fill(struct match *m, const struct item_params *p) {
    struct filled out = {arena_alloc(m->arena, (p->n + 1) * sizeof(char *)),
                         arena_alloc(m->arena, (p->n + 1) * sizeof *out.marks), p->n};
    struct map seen = {.arena = m->arena};
    for (uint32_t i = 0; i < p->n; i++) {
        const char *id = values_fill(m->items.names, p->file, p->ids[i]);
        if (map_add(&seen, id, strlen(id), i) != i) /* pytest numbers those that are alike */
            id = arena_printf(m->arena, "%s%c", id, HOLE_CLOSE);
        out.ids[i] = id;
        read_marks(m->arena, p->ids[i], &out.marks[i]);
    }
    for (uint32_t i = 0; i < p->n; i++) {
        uint32_t first = map_get(&seen, out.ids[i], strlen(out.ids[i]));
        if (first != MAP_NONE && first == i)
            for (uint32_t j = i + 1; j < p->n; j++)
                if (strncmp(out.ids[j], out.ids[i], strlen(out.ids[i])) == 0 &&
                    out.ids[j][strlen(out.ids[i])] == HOLE_CLOSE) {
                    out.ids[i] = arena_printf(m->arena, "%s%c", out.ids[i], HOLE_CLOSE);
                    break;
                }
    }
    return out;
}

static const char *own_name(const struct item *item) {
    return item->names.len ? item->names.items[item->names.len - 1] : "";
}

/* Goes through the combinations of the parameter sets until one matches. */
static enum answer3 answer_of_sets(struct subject *s) {
    const struct item *item = s->item;
    uint64_t combinations = 1;
    struct filled *params = arena_alloc(s->m->arena, (item->params.len + 1) * sizeof *params);
    for (uint32_t i = 0; i < item->params.len; i++) {
        params[i] = fill(s->m, &item->params.items[i]);
        combinations *= params[i].n < COMBINATIONS_MOST ? params[i].n : COMBINATIONS_MOST;
        if (combinations > COMBINATIONS_MOST)
            return ANSWER_UNKNOWN;
    }
    enum answer3 best = ANSWER_NO;
    struct buf name = {0};
    for (uint64_t c = 0; c < combinations && best != ANSWER_YES; c++) {
        struct item_marks marks = {0};
        uint64_t rest = c;
        buf_reset(&name);
        buf_fmt(&name, "%s[", own_name(item));
        for (uint32_t i = 0; i < item->params.len; i++) {
            uint32_t at = (uint32_t)(rest % params[i].n);
            rest /= params[i].n;
            buf_fmt(&name, "%s%s", i ? "-" : "", params[i].ids[at]);
            for (uint32_t j = 0; j < params[i].marks[at].len; j++)
                array_push(s->m->arena, &marks, params[i].marks[at].items[j]);
        }
        buf_char(&name, ']');
        struct subject set = *s;
        set.name = name.s;
        set.own = &marks;
        best = most(best, answer_of(&set));
    }
    buf_free(&name);
    return best;
}

static bool has_own_marks(const struct item *item) {
    for (uint32_t i = 0; i < item->params.len; i++)
        for (uint32_t j = 0; j < item->params.items[i].n; j++)
            if (strchr(item->params.items[i].ids[j], HOLE_MARKS))
                return true;
    return false;
}

static enum answer3 answer_of_item(struct subject *s) {
    const struct item *item = s->item;
    s->any_params = item->any_params || s->hooked->any_params;
    s->name = own_name(item);
    if (!item->params.len)
        return answer_of(s);
    struct item_mark unknown = {"?", NULL, false};
    struct item_marks maybe = {&unknown, 1, 1};
    struct subject outer = *s;
    outer.name = arena_printf(s->m->arena, "%s[%c]", own_name(item), HOLE_ANY);
    outer.own = has_own_marks(item) ? &maybe : &no_marks;
    enum answer3 answer = answer_of(&outer);
    return answer == ANSWER_UNKNOWN ? answer_of_sets(s) : answer;
}

/* The names of the folders and of the file: pytest 8 and later have a node for each folder below rootdir;
   before, a module that lies in no package goes by its whole path. */
static void name_places(const struct match *m, const char *path, struct strs *sure, struct strs *maybe) {
    struct strs *folders = m->pytest_major >= 8 ? sure : maybe;
    const char *s = path;
    for (const char *slash; (slash = strchr(s, '/')) != NULL; s = slash + 1)
        array_push(m->arena, folders, arena_strndup(m->arena, s, (size_t)(slash - s)));
    array_push(m->arena, sure, s);
    if (m->pytest_major < 8)
        array_push(m->arena, maybe, path);
}

static bool has_examples(const struct match *m, const char *path) {
    char *text = os_read(NULL, os_join(m->arena, m->items.config->rootdir, path), NULL);
    bool has = !text || strstr(text, ">>>");
    free(text);
    return has;
}

/* Whether the module skips itself as a whole: `pytest.importorskip` of what is not there. */
static bool skips_itself(const struct match *m, uint32_t file) {
    const struct names *n = m->items.names;
    FACTS_FOR(struct fact_ref, ref, n->facts[file], refs) {
        const char *name = facts_str(n->facts[file], ref->value);
        size_t top = strcspn(name, ".");
        if (ref->kind == REF_IMPORTORSKIP && !ref->place &&
            map_get(&n->modules->tops, name, top) == MAP_NONE &&
            !dists_has(m->dists, arena_strndup(m->arena, name, top)))
            return true;
    }
    return false;
}

struct match_result match_file(struct match *m, uint32_t file, const char *path, uint32_t flags) {
    struct match_result result = {.answer = ANSWER_NO};
    struct strs places = {0}, maybe = {0};
    static const struct hooked nothing;
    name_places(m, path, &places, &maybe);
    if (flags & SOURCE_HOOKED)
        return (struct match_result){.answer = ANSWER_UNKNOWN, .why = "a hook makes its tests"};
    bool text = !str_ends(path, ".py");
    if (!text && skips_itself(m, file))
        return result;
    struct items lists[2] = {{0}};
    if (flags & SOURCE_TEST && !text)
        lists[0] = items_find(&m->items, file);
    if ((flags & SOURCE_DOCTEST || text || m->doctests) && has_examples(m, path))
        lists[1] = items_doctests(&m->items, file, path);
    struct hooked hooked = text ? nothing : hooks_of(m->hooks, file);
    for (int i = 0; i < 2; i++)
        ARRAY_FOR (const struct item, item, &lists[i]) {
            struct subject s = {.m = m,
                                .places = &places,
                                .maybe_places = &maybe,
                                .item = item,
                                .own = &no_marks,
                                .hooked = i ? &nothing : &hooked};
            enum answer3 answer = answer_of_item(&s);
            if (answer <= result.answer)
                continue;
            result = (struct match_result){answer, item->id, item->why ? item->why : hooked.why,
                                           item->why ? item->line : 0};
            if (answer == ANSWER_YES)
                return result;
        }
    return result;
}
