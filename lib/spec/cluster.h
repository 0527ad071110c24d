/* What a DC/OS cluster version supports (see service-spec 5, capabilities by version). */
#ifndef DSE_SPEC_CLUSTER_H
#define DSE_SPEC_CLUSTER_H

#include <stdbool.h>

#include "base/err.h"

struct cluster_caps {
    bool named_vips;                                                                 /* 1.8 */
    bool rlimits, gpus, cni_port_mapping;                                            /* 1.9 */
    bool file_secrets, env_secrets, pre_reserved_roles, partition_aware, refinement; /* 1.10 */
    bool v1_api, fault_domains;                                                      /* 1.11 */
    bool volume_profiles;                                                            /* 1.12 */
    bool seccomp;                                                                    /* 1.13 */
    bool shared_memory;                                                              /* 1.14 */
    bool resource_limits;                                                            /* 2.1 */
};

/* "1.13", "1.11-dev", "2.1.0"; NULL or "": everything present. */
int cluster_caps_parse(const char *version, struct cluster_caps *ret, struct err *err);

#endif
