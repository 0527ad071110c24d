#include "plan/pods.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/text.h"
#include "proto/pbjson.h"
#include "state/inspect.h"

/* One pod instance in the mirror. */
struct instance {
    const char *type;
    int index;
    char *name;
};
struct instances {
    struct instance *items;
    size_t count;
};

static bool labelled(const struct task *task)
{
    return task->pod_type[0] && task->pod_index >= 0;
}

static void instances_free(struct instances *all)
{
    for (size_t i = 0; i < all->count; i++)
        free(all->items[i].name);
    free(all->items);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct instance *)a)->name, ((const struct instance *)b)->name);
}

static int by_number(const void *a, const void *b)
{
    const struct instance *x = a, *y = b;
    const int types = strcmp(x->type, y->type);

    return types ? types : x->index - y->index;
}

/* Each pod is listed with the first of its tasks. */
static struct instances instances_of(const struct state *state,
                                     int (*order)(const void *, const void *))
{
    struct instances all = {NULL, 0};
    size_t room = 0;

    for (struct task *t = state_task_first(state); t; t = state_task_after(state, t)) {
        if (!labelled(t) || state_pod(state, t->pod_type, t->pod_index) != t)
            continue;
        if (all.count == room) {
            room = room ? room * 2 : 16;
            all.items = xreallocarray(all.items, room, sizeof *all.items);
        }
        all.items[all.count++] = (struct instance){t->pod_type, t->pod_index,
                                                   xasprintf("%s-%d", t->pod_type, t->pod_index)};
    }
    if (all.count > 1)
        qsort(all.items, all.count, sizeof *all.items, order);
    return all;
}

bool pod_find(const struct state *state, const char *pod, char **ret_type, int *ret_index)
{
    const char *dash = strrchr(pod, '-');
    char *end;

    if (!dash || dash == pod || !isdigit((unsigned char)dash[1]))
        return false;
    const long index = strtol(dash + 1, &end, 10);
    if (*end || index > INT32_MAX || (dash[1] == '0' && dash[2]))
        return false;
    auto_free char *type = xstrndup(pod, (size_t)(dash - pod));
    if (!state_pod(state, type, (int)index))
        return false;
    *ret_type = steal_ptr(type);
    *ret_index = (int)index;
    return true;
}

json_t *pods_list(const struct state *state)
{
    struct instances all = instances_of(state, by_text);
    json_t *list = json_array();

    for (size_t i = 0; i < all.count; i++)
        json_push(list, json_string(all.items[i].name));
    for (struct task *t = state_task_first(state); t; t = state_task_after(state, t))
        if (!labelled(t))
            json_push(list, json_sprintf("UNKNOWN_POD_%s", t->name));
    instances_free(&all);
    return list;
}

/* ---- status ---- */

/* A status belongs to a record by its task id: what was recorded anew without a launch has none. */
static bool has_own_status(const struct task *task)
{
    return task->status_id && strcmp(task->status_id, task->id) == 0;
}

const char *task_display_status(const struct task *task)
{
    if (!has_own_status(task))
        return NULL;
    if (task->override != OVERRIDE_NONE || task->progress != PROGRESS_COMPLETE) {
        static const char *const at[] = {"", "PAUSED", "DECOMMISSIONED"};
        static const char *const towards[] = {"STARTING", "PAUSING", "DECOMMISSIONING"};
        return task->progress == PROGRESS_COMPLETE ? at[task->override] : towards[task->override];
    }
    const char *name = pb_enum_name(&task_state__descriptor, (int)task->status_state);
    return strncmp(name, "TASK_", 5) == 0 ? name + 5 : name;
}

static json_t *task_json(const struct task *task)
{
    json_t *json = json_object();
    const char *status = task_display_status(task);

    json_set(json, "name", json_string(task->name));
    json_set(json, "id", json_string(task->id));
    if (status)
        json_set(json, "status", json_string(status));
    return json;
}

static json_t *instance_json(const struct state *state, const char *name, const char *type,
                             int index)
{
    json_t *json = json_object(), *tasks = json_array();

    for (struct task *t = state_pod(state, type, index); t; t = t->next_in_pod)
        json_push(tasks, task_json(t));
    json_set(json, "name", json_string(name));
    json_set(json, "tasks", tasks);
    return json;
}

static json_t *type_json(const char *name, json_t *instances)
{
    json_t *json = json_object();

    json_set(json, "instances", instances);
    json_set(json, "name", json_string(name));
    return json;
}

/* Tasks without labels, as one instance of an unknown pod. */
static json_t *unknown_json(const struct state *state)
{
    json_t *tasks = json_array();

    for (struct task *t = state_task_first(state); t; t = state_task_after(state, t))
        if (!labelled(t))
            json_push(tasks, task_json(t));
    if (json_array_size(tasks) == 0) {
        json_decref(tasks);
        return NULL;
    }
    json_t *instance = json_object(), *instances = json_array();
    json_set(instance, "name", json_string("UNKNOWN_POD-0"));
    json_set(instance, "tasks", tasks);
    json_push(instances, instance);
    return type_json("UNKNOWN_POD", instances);
}

json_t *pods_status(const struct state *state)
{
    struct instances all = instances_of(state, by_number);
    json_t *json = json_object(), *pods = json_array(), *instances = NULL;
    const char *service = state_service_name(state);

    json_set(json, "service", json_string(service ? service : ""));
    for (size_t i = 0; i < all.count; i++) {
        const struct instance *it = &all.items[i];
        if (i == 0 || strcmp(it->type, all.items[i - 1].type) != 0) {
            instances = json_array();
            json_push(pods, type_json(it->type, instances));
        }
        json_push(instances, instance_json(state, it->name, it->type, it->index));
    }
    json_t *unknown = unknown_json(state);
    if (unknown)
        json_push(pods, unknown);
    if (json_array_size(pods) > 0)
        json_set(json, "pods", pods);
    else
        json_decref(pods);
    instances_free(&all);
    return json;
}

json_t *pod_status(const struct state *state, const char *pod)
{
    auto_free char *type = NULL;
    int index;

    return pod_find(state, pod, &type, &index) ? instance_json(state, pod, type, index) : NULL;
}

/* ---- info: protobuf as the original's JSON library renders it ---- */

/* agent_id -> slaveId: clients know the older names. */
static char *member_name(const char *name)
{
    struct buf out = BUF_INIT;
    const char *agent = strstr(name, "agent");

    for (const char *p = name; *p; p++) {
        if (p == agent) {
            buf_adds(&out, "slave");
            p += strlen("agent") - 1;
        } else if (*p == '_' && p[1]) {
            buf_addc(&out, (char)toupper((unsigned char)*++p));
        } else {
            buf_addc(&out, *p);
        }
    }
    return buf_detach(&out);
}

static json_t *message_json(const ProtobufCMessage *message);

static json_t *value_json(const ProtobufCFieldDescriptor *field, const void *value)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_integer(*(const int32_t *)value);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer(*(const uint32_t *)value);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return json_integer(*(const int64_t *)value);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return json_integer((json_int_t) * (const uint64_t *)value);
    case PROTOBUF_C_TYPE_FLOAT:
        return json_real((double)*(const float *)value);
    case PROTOBUF_C_TYPE_DOUBLE:
        return json_real(*(const double *)value);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)value);
    case PROTOBUF_C_TYPE_ENUM:
        return json_string(pb_enum_name(field->descriptor, *(const int *)value));
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(const char *const *)value;
        json_t *json = text ? json_string(text) : NULL;
        return json ? json : json_string("");
    }
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *bytes = value;
        auto_buf struct buf text = BUF_INIT;
        base64_encode(&text, bytes->data, bytes->len);
        return json_string(buf_str(&text));
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *inner = *(const ProtobufCMessage *const *)value;
        return inner ? message_json(inner) : json_null();
    }
    }
    return json_null();
}

static size_t value_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    default:
        return 4;
    }
}

static bool is_set(const ProtobufCFieldDescriptor *field, const char *message)
{
    if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const void *pointer = *(void *const *)(message + field->offset);
        return pointer && pointer != field->default_value;
    }
    return field->label != PROTOBUF_C_LABEL_OPTIONAL ||
           *(const protobuf_c_boolean *)(message + field->quantifier_offset);
}

/* The entries of a map field are messages of a key and a value. */
static bool is_map(const ProtobufCFieldDescriptor *field)
{
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    const size_t len = field->type == PROTOBUF_C_TYPE_MESSAGE ? strlen(entry->short_name) : 0;

    return len > 5 && strcmp(entry->short_name + len - 5, "Entry") == 0 && entry->n_fields == 2 &&
           entry->fields[0].type == PROTOBUF_C_TYPE_STRING &&
           strcmp(entry->fields[0].name, "key") == 0 && strcmp(entry->fields[1].name, "value") == 0;
}

static json_t *map_json(const ProtobufCFieldDescriptor *field, const char *items, size_t count)
{
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    const ProtobufCFieldDescriptor *key = &entry->fields[0], *value = &entry->fields[1];
    json_t *json = json_object();

    for (size_t i = 0; i < count; i++) {
        const char *bytes = ((const char *const *)(const void *)items)[i];
        const char *name = *(const char *const *)(const void *)(bytes + key->offset);
        json_set(json, name ? name : "", value_json(value, bytes + value->offset));
    }
    return json;
}

/* Fields in the order of their declaration, which is that of the C members. Repeated fields are
 * always there, unset ones never. Depth is bounded: what was decoded was at most PB_DEPTH deep. */
static json_t *message_json(const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    const char *bytes = (const char *)message;
    json_t *json = json_object();
    size_t done = 0;

    for (unsigned n = 0; n < type->n_fields; n++) {
        const ProtobufCFieldDescriptor *field = NULL;
        for (unsigned i = 0; i < type->n_fields; i++)
            if (type->fields[i].offset > done && (!field || type->fields[i].offset < field->offset))
                field = &type->fields[i];
        done = field->offset;
        auto_free char *name = member_name(field->name);
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            const size_t count = *(const size_t *)(bytes + field->quantifier_offset);
            const char *items = *(const char *const *)(bytes + field->offset);
            if (is_map(field)) {
                json_set(json, name, map_json(field, items, count));
                continue;
            }
            json_t *array = json_array();
            for (size_t i = 0; i < count; i++)
                json_push(array, value_json(field, items + i * value_size(field)));
            json_set(json, name, array);
        } else if (is_set(field, bytes)) {
            json_set(json, name, value_json(field, bytes + field->offset));
        }
    }
    return json;
}

json_t *pod_info(const struct state *state, const char *pod, struct err *err)
{
    auto_free char *type = NULL;
    auto_arena struct arena arena = ARENA_INIT;
    int index;

    if (!pod_find(state, pod, &type, &index))
        return NULL;
    json_auto json_t *list = json_array();
    for (struct task *t = state_pod(state, type, index); t; t = t->next_in_pod) {
        json_t *item = json_object();
        json_push(list, item);
        const TaskInfo *info = state_task_info(state, t, &arena, err);
        if (!info)
            return NULL;
        json_set(item, "info", message_json(&info->base));
        const TaskStatus *status =
            has_own_status(t) ? state_task_status(state, t, &arena, err) : NULL;
        json_set(item, "status", status ? message_json(&status->base) : json_null());
    }
    redact(list);
    return steal_ptr(list);
}

/* ---- trees ---- */

static void add_name(const json_t *json, const char *key, struct buf *out)
{
    const char *text = json_string_value(json_object_get(json, key));

    text_clean(out, text && *text ? text : "<UNKNOWN>");
}

static void print_tasks(const json_t *instance, bool *last, size_t depth, bool utf8,
                        struct buf *out)
{
    const json_t *tasks = json_object_get(instance, "tasks");
    const size_t n = json_array_size(tasks);

    for (size_t i = 0; i < n; i++) {
        const json_t *task = json_array_get(tasks, i);
        last[depth] = i + 1 == n;
        text_tree_branch(out, last, depth + 1, utf8);
        add_name(task, "name", out);
        buf_adds(out, " (");
        add_name(task, "status", out);
        buf_adds(out, ")\n");
    }
}

void pod_tree_print(const json_t *json, bool utf8, struct buf *out)
{
    bool last[1];

    add_name(json, "name", out);
    buf_addc(out, '\n');
    print_tasks(json, last, 0, utf8, out);
}

void pods_tree_print(const json_t *json, bool utf8, struct buf *out)
{
    const json_t *pods = json_object_get(json, "pods");
    const size_t n = json_array_size(pods);
    bool last[3];

    add_name(json, "service", out);
    buf_addc(out, '\n');
    for (size_t i = 0; i < n; i++) {
        const json_t *pod = json_array_get(pods, i);
        const json_t *instances = json_object_get(pod, "instances");
        const size_t m = json_array_size(instances);
        last[0] = i + 1 == n;
        text_tree_branch(out, last, 1, utf8);
        add_name(pod, "name", out);
        buf_addc(out, '\n');
        for (size_t j = 0; j < m; j++) {
            const json_t *instance = json_array_get(instances, j);
            last[1] = j + 1 == m;
            text_tree_branch(out, last, 2, utf8);
            add_name(instance, "name", out);
            buf_addc(out, '\n');
            print_tasks(instance, last, 2, utf8, out);
        }
    }
}
