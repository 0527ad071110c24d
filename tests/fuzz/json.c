/* JSON from anywhere: what parses is written in every layout and reads back as the same value. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum json_layout layouts[] = {JSON_LAYOUT_COMPACT, JSON_LAYOUT_PRETTY,
                                               JSON_LAYOUT_SPEC, JSON_LAYOUT_ORG};
    struct err err = ERR_INIT;
    json_auto json_t *value = json_parse((const char *)data, size, "fuzz", &err);

    if (!value && err.status != EXIT_INPUT)
        abort();
    for (size_t i = 0; value && i < 4; i++) {
        auto_buf struct buf text = BUF_INIT;
        json_write(&text, value, layouts[i]);
        json_auto json_t *again = json_parse(text.data, text.len, "written", &err);
        if (!again)
            abort();
        /* org.json writes 2.0 as 2, which is another type to jansson. */
        if (layouts[i] != JSON_LAYOUT_ORG && !json_equal(value, again))
            abort();
    }
    json_decref(json_text((const char *)data, size));
    return 0;
}
