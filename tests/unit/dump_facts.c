/* Prints the parametrize ids that parse_file finds in a file, as JSON: dump_facts FILE. An object by the name
 * of the function; each parametrize is a list of ids, or null when they are not known. */

#include "base/diag.h"
#include "base/os.h"
#include "source/facts.h"
#include "source/params.h"
#include "source/parse.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cJSON *string_without_marks(const char *id) {
    char *text = strdup(id);
    text[strcspn(text, (char[]){HOLE_MARKS, 0})] = 0;
    cJSON *json = cJSON_CreateString(text);
    free(text);
    return json;
}

static cJSON *ids_of(const struct facts *f, const struct fact_decorator *d) {
    if (d->ids_known != IDS_EXACT)
        return cJSON_CreateNull();
    cJSON *list = cJSON_CreateArray();
    const fact_str *ids = facts_at(f, f->ids.at);
    for (uint32_t i = d->first_id; i < d->first_id + d->ids; i++)
        cJSON_AddItemToArray(list, string_without_marks(facts_str(f, ids[i])));
    return list;
}

int main(int argc, char **argv) {
    if (argc != 2)
        die("usage: dump_facts FILE");
    size_t n = 0;
    char *bytes = os_read(NULL, argv[1], &n);
    if (!bytes)
        return 1;
    struct arena a = {0};
    struct parser *p = parser_new();
    const struct facts *f = parse_file(p, &a, bytes, n);
    const struct fact_decorator *decorators = facts_at(f, f->decorators.at);
    cJSON *out = cJSON_CreateObject();
    FACTS_FOR(struct fact_def, d, f, defs) {
        cJSON *lists = cJSON_AddArrayToObject(out, facts_str(f, d->name));
        for (uint32_t i = d->first_decorator; i < d->first_decorator + d->decorators; i++)
            if (strstr(facts_str(f, decorators[i].callee), "parametrize"))
                cJSON_AddItemToArray(lists, ids_of(f, &decorators[i]));
    }
    char *printed = cJSON_Print(out);
    puts(printed);
    free(printed);
    cJSON_Delete(out);
    parser_free(p);
    arena_free(&a);
    free(bytes);
    return 0;
}
