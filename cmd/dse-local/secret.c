/* Values of secrets, from a JSON object given by --secrets. Never logged. */
#include <string.h>

#include "local.h"
#include "proto/pbjson.h"

static const char BASE64_PREFIX[] = "__dcos_base64__";

int secret_value(const struct master *m, const Secret *secret, struct buf *out, struct err *err)
{
    if (secret->value) {
        buf_add(out, secret->value->data.data, secret->value->data.len);
        return 0;
    }
    const char *name = secret->reference ? secret->reference->name : "";
    const char *value = json_string_value(json_object_get(m->config.secrets, name));
    if (!value)
        return err_set(err, EXIT_INPUT, "secret '%s' is not known", name);
    /* DC/OS keeps binary secrets as text under such names and hands out the bytes. */
    const char *base = strrchr(name, '/');
    base = base ? base + 1 : name;
    if (strncmp(base, BASE64_PREFIX, sizeof BASE64_PREFIX - 1) != 0) {
        buf_adds(out, value);
        return 0;
    }
    if (base64_decode(value, strlen(value), out) < 0)
        return err_set(err, EXIT_INPUT, "secret '%s' is not base64", name);
    return 0;
}
