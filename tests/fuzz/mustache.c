#define _GNU_SOURCE /* memmem */
/* Templates in all dialects: no crash, output within its limit, every byte of it has a place in the
 * template, and what has no tags comes out as it went in (Java drops carriage returns that stand
 * alone). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "spec/mustache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char values[] = "{\"A\":\"text\",\"B\":true,\"C\":false,\"D\":\"\",\"H\":\"<&>'="
                             "\\\"\",\"n\":1.5,\"o\":{\"k\":\"v\","
                             "\"l\":[1,2,{\"k\":\"w\"}]},\"l\":[\"a\",\"b\"],\"e\":[]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mustache_dialect *const dialects[] = {
        &mustache_scheduler, &mustache_package, &mustache_bootstrap};
    const char *text = (const char *)data;
    struct err err = ERR_INIT;
    json_auto json_t *json = json_parse(values, sizeof values - 1, "values", &err);

    for (size_t i = 0; i < 3; i++) {
        auto_buf struct buf out = BUF_INIT;
        auto_mustache struct mustache_result result = {.notes = NULL};
        const int status =
            mustache_render(dialects[i], text, size, "fuzz", json, &out, &result, &err);
        if (status < 0 && err.status != EXIT_INPUT)
            abort();
        const bool plain =
            !memmem(text, size, "{{", 2) &&
            (dialects[i]->lines == MUSTACHE_LINES_STANDARD || !memchr(text, '\r', size));
        if (status == 0 && plain && (out.len != size || memcmp(buf_str(&out), text, size) != 0))
            abort();
        size_t line, column;
        for (size_t at = 0; status == 0 && at < out.len; at += 1 + out.len / 16) {
            mustache_locate(&result, at, &line, &column);
            if (line < 1 || column < 1 || line > size + 1 || column > size + 1)
                abort();
        }
    }
    return 0;
}
