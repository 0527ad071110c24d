/* The Service Spec in memory: what a rendered svc.yml becomes and what Configurations/<id> holds
 * (see service-spec 6.3). Pure data, wholly in one arena. Lists are (items, count); a NULL pointer
 * or string means absent (JSON null) unless said otherwise. Orders are those of the source. */
#ifndef DSE_SPEC_MODEL_H
#define DSE_SPEC_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct pair {
    const char *key, *value;
};
struct pairs {
    struct pair *items;
    size_t count;
};
struct strings {
    const char **items;
    size_t count;
};
struct port_range {
    int64_t begin, end;
};

enum goal { GOAL_RUNNING, GOAL_FINISH, GOAL_ONCE, GOAL_UNKNOWN };
const char *goal_name(enum goal goal);

enum resource_kind { RESOURCE_SCALAR, RESOURCE_PORT, RESOURCE_VIP_PORT };
struct resource_spec {
    enum resource_kind kind;
    const char *name; /* "cpus", "mem", "gpus", "ports" */
    double scalar;    /* RESOURCE_SCALAR; mem in MB */
    int64_t port;     /* ports: 0 = dynamic */
    const char *role, *pre_reserved_role /* "*" when none */, *principal;
    /* ports only */
    const char *env_key; /* or NULL */
    const char *port_name;
    const char *visibility; /* "EXTERNAL", "CLUSTER", "FRAMEWORK" */
    struct strings network_names;
    struct port_range *ranges;
    size_t n_ranges;
    /* RESOURCE_VIP_PORT only */
    const char *protocol, *vip_name;
    int64_t vip_port;
};

struct volume_spec {
    const char *type; /* "ROOT" or "MOUNT" */
    const char *container_path;
    struct strings profiles;
    double size_mb;
    const char *role, *pre_reserved_role, *principal;
};

struct resource_set {
    const char *id;
    struct resource_spec *resources;
    size_t n_resources;
    struct volume_spec *volumes;
    size_t n_volumes;
    const char *role, *principal;
    bool has_limits;                       /* the member resource-limits was an object */
    const char *limit_cpus, *limit_memory; /* texts: a number or "unlimited"; or NULL */
};

struct health_check {
    const char *command;
    int64_t max_consecutive_failures, delay_s, interval_s, timeout_s, grace_period_s;
};
struct readiness_check {
    const char *command;
    int64_t delay_s, interval_s, timeout_s;
};
struct config_file {
    const char *name, *relative_path, *template_content;
};
struct discovery_spec {
    const char *prefix, *visibility;
};
struct transport_encryption {
    const char *name, *type; /* "TLS", "KEYSTORE" */
};

struct task_spec {
    const char *name;
    enum goal goal;
    bool essential;
    struct resource_set *resource_set; /* tasks that share a set have equal copies: compare ids */
    const char *command;               /* NULL: no command-spec */
    struct pairs environment;          /* sorted by name */
    struct pairs labels;
    struct health_check *health_check;
    struct readiness_check *readiness_check;
    struct config_file *config_files;
    size_t n_config_files;
    struct discovery_spec *discovery;
    int64_t kill_grace_period_s;
    struct transport_encryption *transport_encryption;
    size_t n_transport_encryption;
    const char *ipc_mode;
    int64_t *shm_size_mb;
};

struct network_spec {
    const char *name;
    struct port_mapping {
        int64_t host_port, container_port;
    } * port_mappings;
    size_t n_port_mappings;
    struct pairs labels;
};
struct rlimit_spec {
    const char *name;
    int64_t *soft, *hard;
};
struct secret_spec {
    const char *secret, *env_key, *file;
};
struct host_volume {
    const char *host_path, *container_path, *mode;
};
struct external_volume {
    const char *container_path, *driver_name;
    struct pairs driver_options;
    const char *volume_name, *volume_mode, *type;
};

/* Placement rules (see service-spec 7.3). */
enum rule_type {
    RULE_AND,
    RULE_OR,
    RULE_NOT,
    RULE_HOSTNAME,
    RULE_REGION,
    RULE_ZONE,
    RULE_ATTRIBUTE,
    RULE_AGENT,
    RULE_MAX_PER_HOSTNAME,
    RULE_MAX_PER_REGION,
    RULE_MAX_PER_ZONE,
    RULE_MAX_PER_ATTRIBUTE,
    RULE_ROUND_ROBIN_HOSTNAME,
    RULE_ROUND_ROBIN_REGION,
    RULE_ROUND_ROBIN_ZONE,
    RULE_ROUND_ROBIN_ATTRIBUTE,
    RULE_TASK_TYPE,
    RULE_IS_LOCAL_REGION,
    RULE_PASSTHROUGH,
    RULE_INVALID,
};
enum matcher_type { MATCHER_NONE /* null */, MATCHER_EXACT, MATCHER_REGEX, MATCHER_ANY };
struct matcher {
    enum matcher_type type;
    const char *text; /* string or pattern */
};
struct placement_rule {
    enum rule_type type;
    struct placement_rule **rules; /* AND, OR; NOT has one */
    size_t n_rules;
    struct matcher matcher;     /* HOSTNAME, REGION, ZONE, ATTRIBUTE, MAX_PER_ATTRIBUTE */
    struct matcher task_filter; /* MAX_PER_*, ROUND_ROBIN_* */
    int64_t max;                /* MAX_PER_* */
    int64_t *count;             /* ROUND_ROBIN_*: agent-count, value-count, …; NULL when absent */
    const char *name;           /* ROUND_ROBIN_ATTRIBUTE: attribute; AGENT: agent id */
    const char *task_type, *behavior;    /* TASK_TYPE: COLOCATE or AVOID */
    const char *exception, *constraints; /* INVALID */
};

struct pod_spec {
    const char *type, *user; /* user may be NULL in old specs */
    int64_t count;
    bool allow_decommission;
    const char *image;
    struct network_spec *networks;
    size_t n_networks;
    struct rlimit_spec *rlimits;
    size_t n_rlimits;
    struct strings uris;
    struct task_spec *tasks;
    size_t n_tasks;
    struct placement_rule *placement; /* or NULL */
    struct volume_spec *volumes;      /* pod level: of the executor */
    size_t n_volumes;
    const char *pre_reserved_role; /* "*" when none */
    struct secret_spec *secrets;
    size_t n_secrets;
    bool share_pid_namespace;
    struct host_volume *host_volumes;
    size_t n_host_volumes;
    struct external_volume *external_volumes;
    size_t n_external_volumes;
    bool seccomp_unconfined;
    const char *seccomp_profile_name, *ipc_mode;
    int64_t *shm_size_mb;
};

struct service_spec {
    struct arena arena;
    const char *name, *role, *principal, *user;
    enum goal goal;
    const char *region, *web_url, *zookeeper;
    bool has_replacement_policy;
    int64_t permanent_failure_timeout_s, min_replace_delay_s;
    struct pod_spec *pods;
    size_t n_pods;
};

/* Plans of the YAML, which the original keeps out of the stored spec. */
struct plan_step_spec {
    const char *index;          /* pod index as text, or "default" */
    struct strings *task_lists; /* each is one step */
    size_t n_task_lists;
};
struct plan_phase_spec {
    const char *name, *pod;
    const char *strategy; /* as in YAML; NULL = serial */
    struct plan_step_spec *steps;
    size_t n_steps;
};
struct plan_spec {
    const char *name;
    const char *strategy;
    struct plan_phase_spec *phases;
    size_t n_phases;
};
struct plans_spec {
    struct arena arena;
    struct plan_spec *plans; /* empty: the generated deploy plan (service-spec 3.17) */
    size_t n_plans;
    bool
        unknown; /* the target is the original's, which stores none: what was deployed is assumed */
};

void service_spec_free(struct service_spec *spec); /* NULL is allowed */
void plans_spec_free(struct plans_spec *plans);

/* Drops one leading slash and turns the others into `__`: roles, names of volumes. */
char *spec_escape_name(struct arena *arena, const char *name);
struct pod_spec *spec_find_pod(const struct service_spec *spec, const char *type);
struct task_spec *pod_find_task(const struct pod_spec *pod, const char *name);

#endif
