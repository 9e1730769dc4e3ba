#ifndef EMIT_BUILD_FILE_H
#define EMIT_BUILD_FILE_H

#include "emit/starlark.h"

#include <stdint.h>
#include <tree_sitter/api.h>

/* A call at the top level of a BUILD file that has a name. */
struct build_rule {
    const char *kind, *name;
    struct strs srcs; /* as far as they stand there as strings */
    bool ours;        /* has the tag, so testfan may change it */
    bool keep;        /* `# keep` stands before or behind it, or a line in it ends with a backslash */
    uint32_t line;    /* from 1 */
    TSNode statement, call;
};

/* A BUILD file as it stands on disk, or the one that is to be made. */
struct build_file {
    struct arena *arena;
    const char *path; /* relative to rootdir */
    const char *text; /* "" when there is none yet */
    bool exists;
    bool unread;             /* it is what testfan alone wrote, and has not been parsed */
    bool broken;             /* it does not parse: reported, and never changed */
    bool default_visibility; /* package() says who sees its rules */
    ARRAY(struct build_rule) rules;
    struct strs exported; /* by exports_files() that somebody wrote by hand */
    TSTree *tree;
};

/* What shall stand in it of testfan's. */
struct build_wanted {
    struct wanted_rule {
        struct rule rule;
        const char *bzl;   /* the file that its kind is loaded from */
        struct strs once;  /* names of attributes that are written with a new rule and then left alone */
        struct strs grown; /* names of lists to which what is missing is added, and from which nothing goes */
    } * items;
    uint32_t len, cap;
    struct strs exports;      /* sorted */
    const struct strs *kinds; /* all kinds that testfan makes: a rule of another kind is never its own */
};

/* Reads and parses; `text` NULL: there is none. */
void build_file_read(struct build_file *f, struct arena *a, const char *path, const char *text);
void build_file_free(struct build_file *f);

/* The rule of that name, or NULL. */
const struct build_rule *build_file_find(const struct build_file *f, const char *name);

/*
 * Appends the file's new text: rules of testfan that differ are written again, those that are wanted no more
 * go, new ones come at the end; everything else stays byte for byte. `# keep` before a rule, before or behind
 * an attribute or an element of a list leaves it as it is. Gives the old text where nothing has to change.
 */
void build_file_update(const struct build_file *f, const struct build_wanted *wanted, struct buf *out);

#endif
