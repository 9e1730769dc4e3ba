#include "cli/commands.h"
#include "cli/learning.h"
#include "cli/options.h"
#include "cli/project.h"
#include "cli/suite.h"
#include "base/diag.h"
#include "graph/audit.h"
#include "run/company.h"

#include <cJSON.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool run_and_audit(struct invocation *in, struct project *p, struct plan *plan, struct audit *audit) {
    fflush(stdout);
    int out = dup(1);
    dup2(2, 1);
    in->strict_isolation = in->whole_files = true;
    in->isolation = "file"; /* what others in a process read is no need of this one */
    int code = suite_run(in, p, plan);
    fflush(stdout);
    dup2(out, 1);
    close(out);
    if (code == EXIT_USAGE || code == EXIT_INTERRUPTED)
        return false;
    audit_targets(in->arena, plan, &p->graph, &p->dists, &p->learned, audit);
    return true;
}

/* The line that cures a miss, to be pasted into the test file; NULL where only `testfan learn` can. */
static const char *cure(struct arena *a, const struct input *miss) {
    if (miss->kind == INPUT_READ || (miss->kind == INPUT_STAT && !strchr(miss->path, ' ')))
        return arena_printf(a, "# testfan: data=/%s", miss->path);
    if (miss->kind == INPUT_LIST)
        return arena_printf(a, "# testfan: data=/%s", *miss->path ? miss->path : "*");
    return NULL;
}

static const char *class_of(const struct input *miss) {
    return miss->kind == INPUT_READ && str_ends(miss->path, ".py") ? "import"
           : miss->kind == INPUT_READ                              ? "data"
                                                                   : input_kind_name(miss->kind);
}

static void print_target(const struct invocation *in, const struct audit_target *t) {
    if (!t->traced)
        printf("%s: its last run left no trace\n", t->file);
    ARRAY_FOR (const struct input, miss, &t->missed) {
        printf("%s: missed %s %s\n", t->file, class_of(miss), *miss->path ? miss->path : ".");
        const char *line = cure(in->arena, miss);
        if (line)
            printf("  hint: %s\n", line);
    }
    for (uint32_t i = 0; i < t->started.len; i++)
        printf("%s: ran %s, which cannot be watched\n", t->file, t->started.items[i]);
    for (uint32_t i = 0; in->verbose && i < t->unused.len; i++)
        printf("%s: unused %s\n", t->file, t->unused.items[i]);
}

static void print_company(const struct company_files *company) {
    ARRAY_FOR (const struct company_file, f, company) {
        if (f->unstable)
            printf("%s: test ids change from run to run: %s\n", f->file, f->id);
        if (!f->order_dependent)
            continue;
        printf("%s: fails alone and passes in company%s%s\n", f->file,
               f->leans_on ? ": it leans on the import of " : "", f->leans_on ? f->leans_on : "");
        if (f->leans_on)
            printf("  hint: import %s\n", f->leans_on);
    }
}

static void print_text(const struct invocation *in, const struct audit *audit,
                       const struct company_files *company) {
    print_company(company);
    ARRAY_FOR (const struct audit_target, t, audit)
        print_target(in, t);
    double share = audit->pairs ? 100.0 * audit->unused / audit->pairs : 0;
    printf("%u targets, %u edges to Python files: %u missed, %u unused (%.1f %%)\n", audit->len, audit->pairs,
           audit->missed, audit->unused, share);
    if (audit->missed)
        puts("  hint: paste the lines into the test files, or: testfan learn");
}

static cJSON *strings_json(const struct strs *list) {
    return list->len ? cJSON_CreateStringArray(list->items, (int)list->len) : cJSON_CreateArray();
}

static cJSON *target_json(const struct audit_target *t) {
    cJSON *object = cJSON_CreateObject(), *missed = cJSON_CreateArray();
    cJSON_AddStringToObject(object, "file", t->file);
    cJSON_AddBoolToObject(object, "traced", t->traced);
    cJSON_AddNumberToObject(object, "pairs", t->pairs);
    ARRAY_FOR (const struct input, miss, &t->missed) {
        cJSON *m = cJSON_CreateObject();
        cJSON_AddStringToObject(m, "path", miss->path);
        cJSON_AddStringToObject(m, "kind", class_of(miss));
        cJSON_AddItemToArray(missed, m);
    }
    cJSON_AddItemToObject(object, "missed", missed);
    cJSON_AddItemToObject(object, "unused", strings_json(&t->unused));
    cJSON_AddItemToObject(object, "started", strings_json(&t->started));
    return object;
}

static void add_company_json(cJSON *json, const struct company_files *company) {
    cJSON *unstable = cJSON_AddArrayToObject(json, "unstable");
    cJSON *dependent = cJSON_AddArrayToObject(json, "order_dependent");
    ARRAY_FOR (const struct company_file, f, company) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "file", f->file);
        if (f->order_dependent && f->leans_on)
            cJSON_AddStringToObject(object, "leans_on", f->leans_on);
        if (!f->order_dependent)
            cJSON_AddStringToObject(object, "id", f->id);
        cJSON_AddItemToArray(f->order_dependent ? dependent : unstable, object);
    }
}

static void print_json(const struct audit *audit, const struct company_files *company) {
    cJSON *json = cJSON_CreateObject();
    cJSON *targets = cJSON_AddArrayToObject(json, "targets");
    ARRAY_FOR (const struct audit_target, t, audit)
        cJSON_AddItemToArray(targets, target_json(t));
    cJSON_AddNumberToObject(json, "pairs", audit->pairs);
    cJSON_AddNumberToObject(json, "missed", audit->missed);
    cJSON_AddNumberToObject(json, "unused", audit->unused);
    cJSON_AddNumberToObject(json, "untraced", audit->untraced);
    add_company_json(json, company);
    char *text = cJSON_Print(json);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(json);
}

int cmd_audit(struct invocation *in) {
    struct project p;
    struct plan plan;
    struct audit audit;
    struct company_files company = {0};
    if (!project_load(in->arena, in, PROJECT_RUNS, &p))
        return EXIT_USAGE;
    bool ok = run_and_audit(in, &p, &plan, &audit);
    if (ok)
        company_check(&(struct company){in->arena, p.python.path, &plan}, &company);
    if (ok && strcmp(in->format, "json") == 0)
        print_json(&audit, &company);
    else if (ok)
        print_text(in, &audit, &company);
    project_free(&p);
    return !ok ? EXIT_USAGE : audit.missed ? EXIT_FAILED : EXIT_PASSED;
}
