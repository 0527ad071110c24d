/* What a requirement needs, worked out once from spec and state before any offer is looked at:
 * which tasks are stored and with what, which of the stored resources serve which part of the spec
 * (see offer-cycle 2.4, 2.6), and the sums that tell most offers apart at once. Internal. */
#ifndef DSE_OFFER_NEED_H
#define DSE_OFFER_NEED_H

#include "offer/placement.h"
#include "offer/resources.h"

struct stored_task {
    struct task *task;
    TaskInfo *info; /* never NULL */
};

/* One stored resource and the part of the spec it serves. */
enum match_kind { MATCH_ORPHAN, MATCH_SCALAR, MATCH_PORT, MATCH_VOLUME };
struct match {
    enum match_kind kind;
    const Resource *stored;
    const char *id; /* NULL: an orphan without one, of which nothing is left to do */
    const struct resource_spec *resource; /* SCALAR, PORT */
    const struct volume_spec *volume;     /* VOLUME; NULL: no longer in the spec, kept as it is */
};

/* One resource set of the pod, or the executor's resources and volumes. */
struct set_need {
    const struct resource_set *set;
    bool stored;           /* some stored task tells what was reserved; else all is new */
    bool wanted;           /* a task to launch uses it */
    struct match *matches; /* in stored order */
    size_t n_matches;
    /* Parts of the spec that nothing stored serves, in the order in which to reserve them. */
    const struct resource_spec **resources;
    size_t n_resources;
    const struct volume_spec **volumes;
    size_t n_volumes;
};

struct amount_need {
    const char *role, *name;
    milli amount;
};
struct port_need {
    const char *role;
    int64_t port;
};
struct id_need {
    const char *id, *what;
    bool volume;
};

struct offer_need {
    const struct offer_context *context;
    const struct requirement *requirement;
    const char *problem; /* why no offer can serve, or NULL */
    const struct pod_spec *pod;
    const char *instance; /* "dse-0" */
    const char *config_id, *framework_id;
    const char *role; /* that resources must be allocated to */
    bool existing;    /* the pipeline of 2.6, else of 2.5 */
    struct stored_task *stored;
    size_t n_stored;
    const struct task_spec **tasks; /* of the pod, by name */
    size_t n_tasks;
    struct set_need *sets; /* in order of their first task by name */
    size_t n_sets;
    struct resource_set executor_set; /* overhead and pod volumes in the shape of a set */
    struct set_need executor;
    const ExecutorInfo *running; /* executor to re-use, as stored; NULL: a new one */
    bool own_cgroups;            /* containers get linux_info.share_cgroups = false */
    struct rule *rule;           /* NULL: no rule, or none to ask */
    /* Necessary conditions. */
    struct amount_need *amounts;
    size_t n_amounts;
    struct port_need *ports;
    size_t n_ports;
    struct id_need *ids;
    size_t n_ids;
    size_t n_mounts;
};

/* Whether the port is taken from the agent: no network, or mesos-bridge (see offer-cycle 4.1). */
bool port_is_hosts(const struct resource_spec *port);
bool is_port(const struct resource_spec *resource);
/* Index of the task's set in need->sets. */
size_t need_set_of(const struct offer_need *need, const struct task_spec *task);
bool need_launches(const struct offer_need *need, const struct task_spec *task);
/* Number that a dynamic port of that name had in a stored, not failed task; 0 when none. */
int64_t need_prior_port(const struct offer_need *need, const struct resource_set *set,
                        const char *port_name);
/* Whether the recorded reservation is made again when it is not offered. */
bool need_may_reserve_again(const struct offer_need *need, const char *id);
struct stored_task *need_stored(const struct offer_need *need, const char *spec_name);

/* Why no offer can serve, as text, or NULL (rules.c). The first looks at spec and names and can be
 * asked before anything is loaded; the second at what would be launched: all of a requirement's own
 * that a master answers with TASK_ERROR (see offer-cycle 10.10). */
const char *need_spec_problem(const struct offer_need *need);
const char *need_launch_problem(const struct offer_need *need);

/* Fails fast: true when the offers cannot serve, with the reason. Allocates nothing unless a rule
 * looks at attributes. */
bool need_refuses(const struct offer_need *need, Offer *const *offers, size_t n_offers,
                  struct arena *arena, struct shortfall *ret);

#endif
