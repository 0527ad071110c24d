/* A placement text from anywhere: a rule that reads back the same, or an error. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "spec/jsonread.h"
#include "spec/placement.h"
#include "spec/specjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct placement_rule *rule, *again;
    const char *problem;

    /* The text comes from YAML, which lets neither NUL nor other than UTF-8 pass. */
    json_auto json_t *clean = json_stringn((const char *)data, size);
    if (!clean || memchr(data, 0, size))
        return 0;
    auto_free char *text = xstrndup((const char *)data, size);
    if (placement_parse(text, "dse", &arena, &rule, &problem, &err) < 0) {
        if (err.status != EXIT_INPUT)
            abort();
        return 0;
    }
    json_auto json_t *first = placement_to_json(rule);
    const struct jnode root = jnode_root(json_is_null(first) ? NULL : first, &arena, &err);
    if (placement_from_json(&root, &again) < 0)
        abort();
    json_auto json_t *second = placement_to_json(again);
    if (!json_equal(first, second) || (problem != NULL) != (rule && rule->type == RULE_INVALID))
        abort();
    return 0;
}
