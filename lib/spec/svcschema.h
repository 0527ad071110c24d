/* What a svc.yml may say: the keys of each of its mappings, with type, default and rule (see
 * service-spec 3). Reading refuses keys that are not here and suggests the nearest. */
#ifndef DSE_SPEC_SVCSCHEMA_H
#define DSE_SPEC_SVCSCHEMA_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct schema_key {
    const char *name;    /* NULL ends the list */
    const char *type;    /* "text", "integer", "list of text", "mapping name -> port" … */
    const char *deflt;   /* NULL: required; "" none */
    const char *rule;    /* allowed values or bounds; "" when any */
    const char *meaning; /* one line */
    enum schema_shape {
        SCHEMA_PLAIN,
        SCHEMA_OBJECT, /* a mapping with the keys of `child` */
        SCHEMA_MAP,    /* names of the writer's choice, each with such a mapping */
        SCHEMA_LIST,   /* a list of such mappings */
    } shape;
    const struct schema_key *child;
};

extern const struct schema_key schema_service[], schema_scheduler[], schema_pod[],
    schema_resource_set[], schema_task[], schema_port[], schema_vip[], schema_port_range[],
    schema_volume[], schema_limits[], schema_health_check[], schema_readiness_check[],
    schema_discovery[], schema_config[], schema_transport_encryption[], schema_network[],
    schema_rlimit[], schema_secret[], schema_host_volume[], schema_external_volume[], schema_plan[],
    schema_phase[];

/* The key most like `word`, or NULL when none is near. */
const char *schema_nearest(const struct schema_key *keys, const char *word);

/* The key of that name (`len` bytes), or NULL. */
const struct schema_key *schema_find(const struct schema_key *keys, const char *name, size_t len);

/* The key at a path such as `pods.NAME.tasks.NAME.goal`, or of the entry that it names; or NULL. */
const struct schema_key *schema_at(const char *path);

/* Explains the key at a path such as `pods.NAME.tasks.NAME.goal` (names are free; "" or "." is the
 * whole service): type, default, rule, meaning, and the keys below it, as text for people. Returns
 * 0, or -1 with EXIT_INPUT when there is no such key. */
int schema_explain(const char *path, struct buf *out, struct err *err);

/* A svc.yml with every key, which renders without variables or other files. */
extern const char svc_example[];

#endif
