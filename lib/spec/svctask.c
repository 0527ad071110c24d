/* Tasks of a pod (see service-spec 3.7, 3.10, 3.11). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "spec/blank.h"
#include "spec/nearest.h"
#include "spec/svcbuild.h"
#include "spec/taskenv.h"

static int read_goal(const struct ynode *task, enum goal *ret)
{
    const struct ynode node = ynode_key(task, "goal");
    const char *text;

    if (yneed_string(task, "goal", &text) < 0)
        return -1;
    char *word = arena_strdup(task->r->arena, text);
    for (char *p = word; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    for (int goal = GOAL_RUNNING; goal < GOAL_UNKNOWN; goal++) {
        if (strcmp(word, goal_name((enum goal)goal)) == 0) {
            *ret = (enum goal)goal;
            return 0;
        }
    }
    if (strcmp(word, "FINISHED") == 0)
        return ynode_fail(&node, "write ONCE, its new name, or FINISH",
                          "the goal FINISHED is not supported any more");
    return ynode_fail(&node, "one of RUNNING, FINISH, ONCE", "unknown goal '%s'", text);
}

static int read_env(struct pod_builder *p, const struct ynode *task, struct pairs *ret)
{
    const struct ynode env = ynode_key(task, "env");
    struct pairs own = {NULL, 0};
    size_t count = 0;

    if (env.value && ynode_map(&env, &count) < 0)
        return -1;
    own.items = ARENA_ARRAY(task->r->arena, count, struct pair);
    for (; own.count < count; own.count++) {
        const struct ynode entry = ynode_entry(&env, own.count);
        own.items[own.count].key = arena_strdup(task->r->arena, entry.name);
        own.items[own.count].value = "";
        if (entry.value && ynode_string(&entry, &own.items[own.count].value) < 0)
            return -1;
    }
    task_env_route(&p->b->in->env, p->pod->type, &own, task->r->arena, ret);
    return 0;
}

static int read_config(struct pod_builder *p, const struct ynode *node, struct config_file *ret)
{
    const struct ynode template = ynode_key(node, "template");
    const struct svc_input *in = p->b->in;
    auto_buf struct buf content = BUF_INIT;
    struct err err = ERR_INIT;
    const char *name;

    ret->name = arena_strdup(node->r->arena, node->name);
    if (ynode_object(node, schema_config, false) < 0 || yneed_string(node, "template", &name) < 0 ||
        yneed_string(node, "dest", &ret->relative_path) < 0)
        return -1;
    if (!*ret->relative_path) {
        const struct ynode dest = ynode_key(node, "dest");
        return ynode_fail(&dest, "name the file to write", "the path is empty");
    }
    if (!in->read)
        return ynode_fail(&template, NULL, "config templates cannot be read here");
    name += strspn(name, "/"); /* SDK-COMPAT: an absolute name is taken relative too */
    if (in->read(in->read_ctx, name, &content, &err) < 0)
        return ynode_fail(&template, "the file stands beside svc.yml", "%s", err.text);
    if (content.len == 0)
        return ynode_fail(&template, "a template has a text", "the file '%s' is empty", name);
    if (strlen(content.data) != content.len)
        return ynode_fail(&template, "a template is text", "the file '%s' holds NUL bytes", name);
    json_t *utf8 = json_stringn(content.data, content.len);
    if (!utf8)
        return ynode_fail(&template, "a template is UTF-8 text", "the file '%s' is not UTF-8",
                          name);
    json_decref(utf8);
    ret->template_content = arena_strndup(node->r->arena, content.data, content.len);
    return 0;
}

static int read_configs(struct pod_builder *p, const struct ynode *task_node,
                        struct task_spec *task)
{
    const struct ynode configs = ynode_key(task_node, "configs");
    size_t count;

    if (!configs.value)
        return 0;
    if (ynode_map(&configs, &count) < 0)
        return -1;
    task->config_files = ARENA_ARRAY(task_node->r->arena, count, struct config_file);
    for (size_t i = 0; i < count; i++) {
        const struct ynode node = ynode_entry(&configs, i);
        struct config_file *config = &task->config_files[i];
        if (read_config(p, &node, config) < 0)
            return -1;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(task->config_files[j].relative_path, config->relative_path) == 0)
                return ynode_fail(&node, "each dest may stand once", "duplicate dest '%s'",
                                  config->relative_path);
        }
        task->n_config_files++;
    }
    return 0;
}

/* ---- checks ---- */

static int need_seconds(const struct ynode *check, const char *key, int64_t min, int64_t *ret)
{
    const struct ynode node = ynode_key(check, key);

    if (yneed_int(check, key, ret) < 0)
        return -1;
    if (*ret >= min)
        return 0;
    return ynode_fail(&node, min ? "1 or more is wanted" : "0 or more is wanted",
                      "%lld is too small", (long long)*ret);
}

static int read_health_check(const struct ynode *task, struct health_check **ret)
{
    const struct ynode node = ynode_key(task, "health-check"), cmd = ynode_key(&node, "cmd");

    if (!node.value)
        return 0;
    struct health_check *check = ARENA_NEW(task->r->arena, struct health_check);
    *ret = check;
    if (ynode_object(&node, schema_health_check, false) < 0 ||
        yneed_string(&node, "cmd", &check->command) < 0 ||
        need_seconds(&node, "interval", 0, &check->interval_s) < 0 ||
        need_seconds(&node, "grace-period", 0, &check->grace_period_s) < 0 ||
        need_seconds(&node, "delay", 0, &check->delay_s) < 0 ||
        need_seconds(&node, "timeout", 0, &check->timeout_s) < 0 ||
        need_seconds(&node, "max-consecutive-failures", 1, &check->max_consecutive_failures) < 0)
        return -1;
    return *check->command ? 0 : ynode_fail(&cmd, "a command is wanted", "the command is empty");
}

static int read_readiness_check(const struct ynode *task, struct readiness_check **ret)
{
    const struct ynode node = ynode_key(task, "readiness-check"), delay = ynode_key(&node, "delay");

    if (!node.value)
        return 0;
    struct readiness_check *check = ARENA_NEW(task->r->arena, struct readiness_check);
    *ret = check;
    if (ynode_object(&node, schema_readiness_check, false) < 0 ||
        yneed_string(&node, "cmd", &check->command) < 0 ||
        need_seconds(&node, "interval", 0, &check->interval_s) < 0 ||
        need_seconds(&node, "timeout", 0, &check->timeout_s) < 0 ||
        yget_int(&node, "delay", &check->delay_s) < 0)
        return -1;
    return check->delay_s >= 0 ? 0
                               : ynode_fail(&delay, "0 or more is wanted", "%lld is too small",
                                            (long long)check->delay_s);
}

/* ---- the rest ---- */

static int read_discovery(struct pod_builder *p, const struct ynode *task,
                          struct discovery_spec **ret)
{
    const struct ynode node = ynode_key(task, "discovery");

    if (!node.value)
        return 0;
    struct discovery_spec *discovery = ARENA_NEW(task->r->arena, struct discovery_spec);
    *ret = discovery;
    discovery->visibility = "CLUSTER";
    if (ynode_object(&node, schema_discovery, false) < 0 ||
        yget_string(&node, "prefix", &discovery->prefix) < 0 ||
        yget_string(&node, "visibility", &discovery->visibility) < 0 ||
        ynode_word(&node, "visibility", discovery->visibility, "FRAMEWORK CLUSTER EXTERNAL") < 0)
        return -1;
    if (!discovery->prefix)
        return 0;
    /* Within one pod a prefix may repeat. */
    const struct service_spec *spec = p->b->spec;
    for (size_t i = 0; i < spec->n_pods; i++) {
        const struct pod_spec *pod = &spec->pods[i];
        for (size_t j = 0; pod != p->pod && j < pod->n_tasks; j++) {
            const struct discovery_spec *other = pod->tasks[j].discovery;
            if (other && other->prefix && strcmp(other->prefix, discovery->prefix) == 0)
                return ynode_fail(&node, "tasks of different pods cannot share DNS names",
                                  "pod '%s' has the prefix '%s' too", pod->type, discovery->prefix);
        }
    }
    return 0;
}

static int read_transport_encryption(const struct ynode *task_node, struct task_spec *task)
{
    const struct ynode list = ynode_key(task_node, "transport-encryption");
    size_t count;

    if (!list.value)
        return 0;
    if (ynode_list(&list, &count) < 0)
        return -1;
    task->transport_encryption =
        ARENA_ARRAY(task_node->r->arena, count, struct transport_encryption);
    for (size_t i = 0; i < count; i++) {
        const struct ynode item = ynode_item(&list, i);
        struct transport_encryption *one =
            &task->transport_encryption[task->n_transport_encryption++];
        if (ynode_object(&item, schema_transport_encryption, false) < 0 ||
            yneed_string(&item, "name", &one->name) < 0 ||
            yneed_string(&item, "type", &one->type) < 0 ||
            ynode_word(&item, "type", one->type, "TLS KEYSTORE") < 0)
            return -1;
        if (blank_java(one->name))
            return ynode_fail(&item, "a name is wanted", "the name is blank");
    }
    return 0;
}

static int read_ipc(const struct ynode *node, struct task_spec *task)
{
    const struct ynode shm = ynode_key(node, "shm-size");

    if (yget_string(node, "ipc-mode", &task->ipc_mode) < 0 ||
        yget_int_ptr(node, "shm-size", &task->shm_size_mb) < 0 ||
        (task->ipc_mode &&
         ynode_word(node, "ipc-mode", task->ipc_mode, "PRIVATE SHARE_PARENT") < 0))
        return -1;
    if (task->shm_size_mb && task->ipc_mode && strcmp(task->ipc_mode, "SHARE_PARENT") == 0)
        return ynode_fail(&shm, "leave it out", "shm-size does not apply with SHARE_PARENT");
    return 0;
}

static const char *set_hint(const struct pod_builder *p, const char *id, struct arena *arena)
{
    struct nearest nearest = nearest_to(id);

    for (size_t i = 0; i < p->n_sets; i++)
        nearest_try(&nearest, p->sets[i]->id);
    return nearest_hint(&nearest, arena, "name one of the pod's resource-sets");
}

static int read_resources(struct pod_builder *p, const struct ynode *node, struct task_spec *task)
{
    const struct ynode at = ynode_key(node, "resource-set");
    const char *id = "";

    if (yget_string(node, "resource-set", &id) < 0)
        return -1;
    if (blank_java(id))
        return svc_resource_set(p, node,
                                arena_printf(node->r->arena, "%s-resource-set", task->name),
                                &task->resource_set);
    task->resource_set = svc_find_set(p, id);
    if (!task->resource_set)
        return ynode_fail(&at, set_hint(p, id, node->r->arena), "there is no resource set '%s'",
                          id);
    return svc_unused_resources(p, node);
}

static int read_task(struct pod_builder *p, const struct ynode *node, struct task_spec *task)
{
    const struct ynode grace = ynode_key(node, "kill-grace-period");

    if (ynode_object(node, schema_task, false) < 0)
        return -1;
    task->name = arena_strdup(node->r->arena, node->name);
    task->essential = true;
    if (!*task->name)
        return ynode_fail(node, "give the task a name", "the name is empty");
    if (read_goal(node, &task->goal) < 0 || yneed_string(node, "cmd", &task->command) < 0 ||
        yget_bool(node, "essential", &task->essential) < 0 ||
        read_env(p, node, &task->environment) < 0 ||
        yget_labels(node, "labels", &task->labels) < 0 || read_configs(p, node, task) < 0 ||
        read_resources(p, node, task) < 0 || read_health_check(node, &task->health_check) < 0 ||
        read_readiness_check(node, &task->readiness_check) < 0 ||
        read_discovery(p, node, &task->discovery) < 0 ||
        yget_int(node, "kill-grace-period", &task->kill_grace_period_s) < 0 ||
        read_transport_encryption(node, task) < 0)
        return -1;
    if (task->kill_grace_period_s < 0 || task->kill_grace_period_s > 3600)
        return ynode_fail(&grace, "0 to 3600 seconds are allowed", "%lld is out of range",
                          (long long)task->kill_grace_period_s);
    return read_ipc(node, task);
}

int svc_tasks(struct pod_builder *p, const struct ynode *pod)
{
    const struct ynode tasks = ynode_key(pod, "tasks");
    size_t count;

    if (ynode_map(&tasks, &count) < 0)
        return -1;
    if (count == 0)
        return ynode_fail(&tasks, "a pod has at least one task", "there are no tasks");
    p->pod->tasks = ARENA_ARRAY(pod->r->arena, count, struct task_spec);
    for (size_t i = 0; i < count; i++) {
        const struct ynode node = ynode_entry(&tasks, i);
        if (read_task(p, &node, &p->pod->tasks[i]) < 0)
            return -1;
        p->pod->n_tasks++;
    }
    return 0;
}
