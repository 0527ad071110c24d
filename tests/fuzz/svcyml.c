/* A svc.yml from anywhere: refused as input with a place, or a spec that is stored and read back
 * the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "spec/specjson.h"
#include "spec/svcyml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_template(void *ctx, const char *name, struct buf *out, struct err *err)
{
    (void)ctx;
    if (*name == 'x')
        return err_set(err, EXIT_UNREACHABLE, "cannot open it");
    buf_adds(out, "a: {{B}}\n");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pair env[] = {{"A", "text"}, {"B", "TRUE"}, {"TASKCFG_ALL_C", "c"}};
    struct err err = ERR_INIT;
    struct cluster_caps caps;
    auto_svc struct svc_result result = {.spec = NULL};
    const struct svc_input in = {
        .text = (const char *)data,
        .len = size,
        .file = "svc.yml",
        .env = {env, 3},
        .caps = &caps,
        .read = read_template,
        .prove = true,
    };

    cluster_caps_parse(NULL, &caps, &err);
    if (svcyml_load(&in, &result, &err) < 0) {
        /* EXIT_BUG: the spec does not survive being stored. */
        if (err.status != EXIT_INPUT || !*err.text)
            abort();
        return 0;
    }
    auto_buf struct buf first = BUF_INIT, second = BUF_INIT;
    spec_write(result.spec, &first);
    json_auto json_t *json = json_parse(first.data, first.len, "spec", &err);
    struct service_spec *again = json ? spec_from_json(json, &err) : NULL;
    if (!again)
        abort();
    spec_write(again, &second);
    if (strcmp(first.data, second.data) != 0)
        abort();
    service_spec_free(again);
    json_auto json_t *plans_json = plans_spec_to_json(result.plans);
    struct plans_spec *plans = plans_spec_from_json(plans_json, &err);
    if (!plans)
        abort();
    plans_spec_free(plans);
    return 0;
}
