/* Whether two Service Specs are the same target, and whether a pod's tasks must be relaunched
 * between them (see service-spec 9.1, 9.2; state-store 6.4). Compared as JSON, so that a member
 * added to the model is compared without a word here. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "plan/update.h"
#include "spec/specjson.h"

bool update_same_spec(const struct service_spec *a, const struct service_spec *b)
{
    json_auto json_t *x = spec_to_json(a), *y = spec_to_json(b);

    return json_equal(x, y);
}

static json_t *pod_json(const json_t *spec, const char *type)
{
    const json_t *pods = json_object_get(spec, "pod-specs");

    for (size_t i = 0; i < json_array_size(pods); i++) {
        json_t *pod = json_array_get(pods, i);
        const char *name = json_string_value(json_object_get(pod, "type"));
        if (name && strcmp(name, type) == 0)
            return pod;
    }
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* SDK-COMPAT: a map by name, so of several ports only the last one counts; of it the number, the
 * pre-reserved role and the principal. */
static json_t *comparable_resources(const json_t *set)
{
    const json_t *list = json_object_get(set, "resource-specifications");
    json_t *map = json_object();

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *resource = json_array_get(list, i);
        json_t *plain = json_object();
        json_object_set(plain, "value", json_object_get(resource, "value"));
        json_object_set(plain, "principal", json_object_get(resource, "principal"));
        json_object_set(plain, "pre-reserved-role", json_object_get(resource, "pre-reserved-role"));
        json_set(map, json_string_value(json_object_get(resource, "name")), plain);
    }
    return map;
}

/* A multiset: sorted texts. */
static json_t *comparable_volumes(const json_t *set)
{
    const json_t *list = json_object_get(set, "volume-specifications");
    const size_t n = json_array_size(list);
    auto_free char **texts = xcalloc(n + 1, sizeof *texts);
    json_t *sorted = json_array();

    for (size_t i = 0; i < n; i++) {
        json_object_del(json_array_get(list, i), "role");
        texts[i] = json_dumps(json_array_get(list, i), JSON_SORT_KEYS | JSON_COMPACT);
    }
    qsort(texts, n, sizeof *texts, by_text);
    for (size_t i = 0; i < n; i++) {
        json_push(sorted, json_string(texts[i]));
        free(texts[i]);
    }
    return sorted;
}

static void reduce_task(json_t *task)
{
    json_t *set = json_object_get(task, "resource-set");

    json_set(task, "resources", comparable_resources(set));
    json_set(task, "volumes", comparable_volumes(set));
    json_object_del(task, "resource-set");
    json_object_del(task, "essential");
    json_object_del(task, "transport-encryption");
}

static void reduce_pod(json_t *pod)
{
    const json_t *tasks = json_object_get(pod, "task-specs");

    json_object_del(pod, "count");
    json_object_del(pod, "placement-rule");
    json_object_del(pod, "allow-decommission");
    for (size_t i = 0; i < json_array_size(tasks); i++)
        reduce_task(json_array_get(tasks, i));
}

bool update_pod_changed(const struct service_spec *a, const struct service_spec *b,
                        const char *pod_type)
{
    json_auto json_t *x = spec_to_json(a), *y = spec_to_json(b);
    json_t *pod_x = pod_json(x, pod_type), *pod_y = pod_json(y, pod_type);

    if (!pod_x || !pod_y)
        return true;
    reduce_pod(pod_x);
    reduce_pod(pod_y);
    return !json_equal(pod_x, pod_y);
}
