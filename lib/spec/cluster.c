#include "spec/cluster.h"

#include <stddef.h>

static bool read_number(const char **text, int *ret)
{
    const char *p = *text;
    int n = 0;

    if (*p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        n = n * 10 + (*p - '0');
        if (n > 9999)
            return false;
    }
    *ret = n;
    *text = p;
    return true;
}

int cluster_caps_parse(const char *version, struct cluster_caps *ret, struct err *err)
{
    int major = 9999, minor = 0;

    if (version && *version) {
        const char *p = version;
        /* What follows the two numbers ("-dev", ".3", "-EE") does not count. */
        if (!read_number(&p, &major) || *p++ != '.' || !read_number(&p, &minor))
            return err_set(err, EXIT_INPUT,
                           "cannot read cluster version '%s': not of the form 1.13 or 2.1.0",
                           version);
    }
    const long v = (long)major * 10000 + minor;
#define SINCE(major_, minor_) (v >= (long)(major_)*10000 + (minor_))
    *ret = (struct cluster_caps){
        .named_vips = SINCE(1, 8),
        .rlimits = SINCE(1, 9),
        .gpus = SINCE(1, 9),
        .cni_port_mapping = SINCE(1, 9),
        .file_secrets = SINCE(1, 10),
        .env_secrets = SINCE(1, 10),
        .pre_reserved_roles = SINCE(1, 10),
        .partition_aware = SINCE(1, 10),
        .refinement = SINCE(1, 10),
        .v1_api = SINCE(1, 11),
        .fault_domains = SINCE(1, 11),
        .volume_profiles = SINCE(1, 12),
        .seccomp = SINCE(1, 13),
        .shared_memory = SINCE(1, 14),
        .resource_limits = SINCE(2, 1),
    };
#undef SINCE
    return 0;
}
