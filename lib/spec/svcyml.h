/* A svc.yml and an environment -> Service Spec and plans: what the scheduler does at start, up to
 * the loopback test (see service-spec 1, steps 2 to 10). Pure: files come through a callback. */
#ifndef DSE_SPEC_SVCYML_H
#define DSE_SPEC_SVCYML_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "spec/cluster.h"
#include "spec/model.h"
#include "spec/mustache.h"

/* Appends the config template `name`, a path relative to the folder of svc.yml. */
typedef int svc_read_fn(void *ctx, const char *name, struct buf *out, struct err *err);

struct svc_input {
    const char *text; /* the template; outlives the result's rendering */
    size_t len;
    const char *file; /* its name in messages */
    struct pairs env; /* the scheduler's environment: all of it */
    const struct cluster_caps *caps;
    svc_read_fn *read;
    void *read_ctx;
    bool prove; /* that the spec survives being stored, byte for byte (6.6) */
};

struct svc_result {
    struct service_spec *spec;
    struct plans_spec *plans;
    struct mustache_result rendering; /* notes: missing values and the like */
    struct strings warnings;          /* `file:line:column: path: text`, in the arena */
    struct strings invalid;           /* those of them that should not pass a check */
    struct arena arena;
};

/* Renders, parses, converts, adds the region rule. Returns 0, or -1 with EXIT_INPUT; the result is
 * released with svc_result_free() in both cases. */
int svcyml_load(const struct svc_input *in, struct svc_result *ret, struct err *err);
void svc_result_free(struct svc_result *result);
#define auto_svc __attribute__((cleanup(svc_result_free)))

#endif
