/* The whole: rendering, parsing, service and pods, region rule, proof (see service-spec 1, 3). */
#include "spec/svcyml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "spec/blank.h"
#include "spec/placement.h"
#include "spec/schedenv.h"
#include "spec/specjson.h"
#include "spec/svcbuild.h"
#include "spec/taskenv.h"

/* ---- role (3.4) ---- */

static int bad_variable(const struct svc_builder *b, const char *name, const char *wrong)
{
    return err_set(b->r.err, EXIT_INPUT, "environment variable %s: %s", name, wrong);
}

static int service_role(const struct svc_builder *b, const char **ret)
{
    static const char role_name[] = "MESOS_ALLOCATION_ROLE",
                      enforce_name[] = "MARATHON_APP_ENFORCE_GROUP_ROLE";
    const char *role = env_get(&b->in->env, role_name);
    const char *enforce = env_get(&b->in->env, enforce_name);
    const int enforced = enforce ? env_bool(enforce) : 0;

    if (enforced < 0)
        return bad_variable(b, enforce_name, "must be true or false");
    if (enforced && !role)
        return bad_variable(b, role_name,
                            "is missing, but MARATHON_APP_ENFORCE_GROUP_ROLE wants it");
    if (!role || (!enforced && strcmp(role, "slave_public") == 0)) {
        *ret = arena_printf(b->r.arena, "%s-role", spec_escape_name(b->r.arena, b->spec->name));
        return 0;
    }
    if (strstr(role, "__"))
        return bad_variable(b, role_name, "must not contain '__'");
    *ret = spec_escape_name(b->r.arena, role);
    if (!**ret)
        return bad_variable(b, role_name, "is empty: unset it, or name a role");
    return 0;
}

/* ---- service and pods ---- */

static int read_scheduler(struct svc_builder *b, const struct ynode *root)
{
    const struct ynode node = ynode_key(root, "scheduler");
    struct service_spec *spec = b->spec;

    if (node.value && (ynode_object(&node, schema_scheduler, false) < 0 ||
                       yget_string(&node, "principal", &spec->principal) < 0 ||
                       yget_string(&node, "zookeeper", &spec->zookeeper) < 0 ||
                       yget_string(&node, "user", &spec->user) < 0))
        return -1;
    if (!spec->principal || !*spec->principal)
        spec->principal = arena_printf(b->r.arena, "%s-principal", spec->name);
    if (blank_java(spec->zookeeper))
        spec->zookeeper = "master.mesos:2181";
    if (!spec->user || !*spec->user)
        spec->user = "root";
    return 0;
}

static int read_placement(struct pod_builder *p, const struct ynode *pod)
{
    const struct ynode node = ynode_key(pod, "placement");
    const char *text = "", *problem = NULL;
    struct err err = ERR_INIT;

    if (yget_string(pod, "placement", &text) < 0)
        return -1;
    if (placement_parse(text, p->pod->type, pod->r->arena, &p->pod->placement, &problem, &err) < 0)
        return ynode_fail(&node, NULL, "%s", err.text);
    if (problem)
        ynode_refused(&node, "validation will refuse this rule: %s", problem);
    return 0;
}

static int read_isolation(const struct ynode *node, struct pod_spec *pod)
{
    const struct ynode unconfined = ynode_key(node, "seccomp-unconfined"),
                       mode = ynode_key(node, "ipc-mode");

    if (yget_bool(node, "share-pid-namespace", &pod->share_pid_namespace) < 0 ||
        yget_bool(node, "seccomp-unconfined", &pod->seccomp_unconfined) < 0 ||
        yget_string(node, "seccomp-profile-name", &pod->seccomp_profile_name) < 0 ||
        yget_string(node, "ipc-mode", &pod->ipc_mode) < 0 ||
        yget_int_ptr(node, "shm-size", &pod->shm_size_mb) < 0)
        return -1;
    if (pod->seccomp_unconfined && pod->seccomp_profile_name)
        return ynode_fail(&unconfined, "use one of them",
                          "seccomp-unconfined and seccomp-profile-name stand together");
    if (pod->ipc_mode && strcmp(pod->ipc_mode, "SHARE_PARENT") == 0)
        return ynode_fail(&mode, "only PRIVATE is allowed for a pod", "SHARE_PARENT is for tasks");
    return pod->ipc_mode ? ynode_word(node, "ipc-mode", pod->ipc_mode, "PRIVATE") : 0;
}

static int read_pod(struct svc_builder *b, const struct ynode *node, struct pod_spec *pod)
{
    struct pod_builder p = {.b = b, .pod = pod, .role = b->spec->role};
    const struct ynode count = ynode_key(node, "count"), image = ynode_key(node, "image"),
                       pre_reserved = ynode_key(node, "pre-reserved-role");

    if (ynode_object(node, schema_pod, true) < 0)
        return -1;
    pod->type = arena_strdup(b->r.arena, node->name);
    pod->user = b->spec->user;
    pod->pre_reserved_role = "*";
    if (blank_java(pod->type))
        return ynode_fail(node, "give the pod a type", "the pod type is blank");
    if (yneed_int(node, "count", &pod->count) < 0 ||
        yget_bool(node, "allow-decommission", &pod->allow_decommission) < 0 ||
        yget_string(node, "image", &pod->image) < 0 ||
        yget_string(node, "pre-reserved-role", &pod->pre_reserved_role) < 0)
        return -1;
    if (pod->count < 0)
        return ynode_fail(&count, "0 or more is wanted", "%lld is too small",
                          (long long)pod->count);
    if (pod->image && !*pod->image)
        return ynode_fail(&image, "leave it out, or name an image", "the image is empty");
    if (!*pod->pre_reserved_role)
        return ynode_fail(&pre_reserved, "leave it out, or name a role", "the role is empty");
    if (strcmp(pod->pre_reserved_role, "*") != 0)
        p.role = arena_printf(b->r.arena, "%s/%s", pod->pre_reserved_role, b->spec->role);
    if (svc_networks(&p, node) < 0 || svc_rlimits(&p, node) < 0 || svc_uris(&p, node) < 0 ||
        svc_resource_sets(&p, node) < 0 || svc_tasks(&p, node) < 0 ||
        svc_port_mappings(&p, node) < 0 || read_placement(&p, node) < 0 ||
        svc_pod_volumes(&p, node) < 0 || svc_secrets(&p, node) < 0 ||
        svc_host_volumes(&p, node) < 0 || svc_external_volumes(&p, node) < 0)
        return -1;
    return read_isolation(node, pod);
}

static int read_service(struct svc_builder *b, const struct ynode *root)
{
    const struct ynode name = ynode_key(root, "name"), pods = ynode_key(root, "pods");
    struct service_spec *spec = b->spec;
    size_t count;

    if (ynode_object(root, schema_service, false) < 0 ||
        yneed_string(root, "name", &spec->name) < 0)
        return -1;
    if (strstr(spec->name, "__"))
        return ynode_fail(&name, "use single ones, or folders",
                          "the name '%s' has double underscores", spec->name);
    if (blank_java(spec->name))
        return ynode_fail(&name, "name the service", "the name is blank");
    spec->goal = GOAL_RUNNING;
    if (yget_string(root, "web-url", &spec->web_url) < 0 || read_scheduler(b, root) < 0 ||
        service_role(b, &spec->role) < 0 || ynode_map(&pods, &count) < 0)
        return -1;
    if (count == 0)
        return ynode_fail(&pods, "a service has at least one pod", "there are no pods");
    spec->pods = ARENA_ARRAY(b->r.arena, count, struct pod_spec);
    for (size_t i = 0; i < count; i++) {
        const struct ynode pod = ynode_entry(&pods, i);
        if (read_pod(b, &pod, &spec->pods[i]) < 0)
            return -1;
        spec->n_pods++;
    }
    return 0;
}

/* ---- the whole ---- */

/* An environment may hold any bytes, a spec only UTF-8: values get U+FFFD for what is not, names
 * that are not are left out. */
static json_t *template_values(const struct pairs *env, struct arena *arena, struct pairs *ret)
{
    json_t *values = json_object();

    *ret = (struct pairs){ARENA_ARRAY(arena, env->count, struct pair), 0};
    for (size_t i = 0; i < env->count; i++) {
        json_t *value = mustache_scheduler_value(env->items[i].value);
        const char *text = json_is_string(value) ? json_string_value(value) : env->items[i].value;
        if (json_object_set(values, env->items[i].key, value) == 0)
            ret->items[ret->count++] = (struct pair){env->items[i].key, arena_strdup(arena, text)};
        json_decref(value);
    }
    return values;
}

static int add_region(struct svc_builder *b)
{
    const char *awareness = env_get(&b->in->env, "ALLOW_REGION_AWARENESS");
    const int aware = awareness ? env_bool(awareness) : 1;

    if (!b->in->caps->fault_domains)
        return 0;
    if (aware < 0)
        return bad_variable(b, "ALLOW_REGION_AWARENESS", "must be true or false");
    placement_add_region(b->spec, env_get(&b->in->env, "SERVICE_REGION"), aware);
    return 0;
}

/* What was stored must come back the same (6.6). */
static int check_loopback(const struct service_spec *spec, struct err *err)
{
    auto_buf struct buf text = BUF_INIT, second = BUF_INIT;

    spec_write(spec, &text);
    json_auto json_t *json = json_parse(buf_str(&text), text.len, "the spec as stored", err);
    struct service_spec *again = json ? spec_from_json(json, err) : NULL;
    if (!again)
        return err_prefix(err, "the spec does not survive being stored");
    spec_write(again, &second);
    service_spec_free(again);
    if (strcmp(buf_str(&text), buf_str(&second)) != 0)
        return err_set(err, EXIT_BUG, "the spec does not survive being stored");
    return 0;
}

static int build(const struct svc_input *in, const struct yaml_doc *doc, struct svc_result *ret,
                 struct err *err)
{
    struct svc_builder b = {
        .r = {.doc = doc,
              .arena = &ret->spec->arena,
              .warnings = {&ret->arena, &ret->warnings, &ret->invalid},
              .err = err},
        .in = in,
        .spec = ret->spec,
    };
    const struct ynode root = ynode_root(&b.r);

    if (read_service(&b, &root) < 0)
        return -1;
    b.r.arena = &ret->plans->arena;
    if (svc_plans(&b, &root, ret->plans) < 0)
        return -1;
    b.r.arena = &ret->spec->arena;
    if (add_region(&b) < 0)
        return -1;
    return in->prove ? check_loopback(ret->spec, err) : 0;
}

/* Variables that the scheduler would not understand. */
static void check_variables(const struct pairs *env, struct svc_result *ret)
{
    for (size_t i = 0; i < env->count; i++) {
        const struct sched_variable *variable = sched_variable(env->items[i].key);
        const char *problem =
            variable ? sched_variable_problem(variable, env->items[i].value, &ret->arena) : NULL;
        if (!problem)
            continue;
        *ARENA_PUSH(&ret->arena, ret->warnings.items, ret->warnings.count) = problem;
        *ARENA_PUSH(&ret->arena, ret->invalid.items, ret->invalid.count) = problem;
    }
}

int svcyml_load(const struct svc_input *in, struct svc_result *ret, struct err *err)
{
    auto_buf struct buf text = BUF_INIT;
    auto_yaml struct yaml_doc doc = {.root = NULL};
    struct svc_input clean = *in;

    *ret = (struct svc_result){
        .spec = xcalloc(1, sizeof *ret->spec),
        .plans = xcalloc(1, sizeof *ret->plans),
    };
    json_auto json_t *values = template_values(&in->env, &ret->arena, &clean.env);
    if (mustache_render(&mustache_scheduler, in->text, in->len, in->file, values, &text,
                        &ret->rendering, err) < 0 ||
        yaml_parse(buf_str(&text), text.len, in->file, &ret->rendering, &doc, err) < 0)
        return -1;
    if (build(&clean, &doc, ret, err) < 0)
        return -1;
    check_variables(&clean.env, ret);
    return 0;
}

void svc_result_free(struct svc_result *result)
{
    service_spec_free(result->spec);
    plans_spec_free(result->plans);
    mustache_result_free(&result->rendering);
    arena_free(&result->arena);
    *result = (struct svc_result){.spec = NULL};
}
