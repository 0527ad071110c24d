/* What the parts of the svc.yml conversion share. Internal to this floor. */
#ifndef DSE_SPEC_SVCBUILD_H
#define DSE_SPEC_SVCBUILD_H

#include "spec/svcread.h"
#include "spec/svcyml.h"

struct svc_builder {
    struct svc_reader r;
    const struct svc_input *in;
    struct service_spec *spec;
    struct strings advertised; /* names of advertised ports of the whole service */
};

/* The pod that is being converted. */
struct pod_builder {
    struct svc_builder *b;
    struct pod_spec *pod;
    const char *role; /* of its resources: service-spec 3.4 */
    struct strings network_names;
    struct resource_set **sets; /* of resource-sets */
    size_t n_sets;
    int64_t *ports; /* all of the pod's ports, for port mappings */
    size_t n_ports;
};

/* svcres.c */
int svc_resource_sets(struct pod_builder *p, const struct ynode *pod);
struct resource_set *svc_find_set(const struct pod_builder *p, const char *id);
/* Reads the resource keys of `node` into a new set. */
int svc_resource_set(struct pod_builder *p, const struct ynode *node, const char *id,
                     struct resource_set **ret);
/* Warns of the resource keys of a task that names a set, which have no effect. SDK-COMPAT: its
 * ports still count for port mappings and for the names of advertised ones. */
int svc_unused_resources(struct pod_builder *p, const struct ynode *task);
int svc_pod_volumes(struct pod_builder *p, const struct ynode *pod);

/* svcpod.c */
int svc_networks(struct pod_builder *p, const struct ynode *pod);
int svc_port_mappings(struct pod_builder *p,
                      const struct ynode *pod); /* once all ports are known */
int svc_rlimits(struct pod_builder *p, const struct ynode *pod);
int svc_uris(struct pod_builder *p, const struct ynode *pod);
int svc_secrets(struct pod_builder *p, const struct ynode *pod);
int svc_host_volumes(struct pod_builder *p, const struct ynode *pod);
int svc_external_volumes(struct pod_builder *p, const struct ynode *pod);

/* svctask.c */
int svc_tasks(struct pod_builder *p, const struct ynode *pod);

/* svcplans.c */
int svc_plans(struct svc_builder *b, const struct ynode *root, struct plans_spec *ret);

/* A character class of service-spec's patterns: text[0] is in `first`, the rest in `first` or
 * `more`, both beside letters and digits. */
bool svc_matches(const char *text, const char *first, const char *more);

#endif
