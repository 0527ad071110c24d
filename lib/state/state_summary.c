/* From stored bytes to the summary of a task (see state-store 4.2, 4.3, 5.3). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "state/state_impl.h"
#include "state/wire.h"

/* ---- pool ---- */

static size_t hash(const char *text, size_t len)
{
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * 0x100000001b3;
    return (size_t)(h ^ h >> 29);
}

static size_t pool_slot(const struct text_pool *pool, const char *text, size_t len)
{
    size_t at = hash(text, len) & (pool->room - 1);

    while (pool->slots[at] &&
           (strncmp(pool->slots[at], text, len) != 0 || pool->slots[at][len] != '\0'))
        at = (at + 1) & (pool->room - 1);
    return at;
}

const char *text_pool_add(struct text_pool *pool, const char *text, size_t len)
{
    if (len == 0)
        return "";
    if (memchr(text, '\0', len))
        len = strlen(text);
    if (pool->count * 2 >= pool->room) {
        struct text_pool old = *pool;
        pool->room = old.room ? old.room * 2 : 32;
        pool->slots = xcalloc(pool->room, sizeof *pool->slots);
        for (size_t i = 0; i < old.room; i++) {
            if (old.slots[i])
                pool->slots[pool_slot(pool, old.slots[i], strlen(old.slots[i]))] = old.slots[i];
        }
        free(old.slots);
    }
    size_t at = pool_slot(pool, text, len);
    if (!pool->slots[at]) {
        pool->slots[at] = xstrndup(text, len);
        pool->count++;
    }
    return pool->slots[at];
}

void text_pool_free(struct text_pool *pool)
{
    for (size_t i = 0; i < pool->room; i++)
        free(pool->slots[i]);
    free(pool->slots);
    *pool = (struct text_pool){0};
}

/* ---- TaskInfo ---- */

struct info_labels {
    struct span type, index, config, hostname, attributes, region, zone, failed, legacy_check;
};

static void take_info_label(void *ctx, struct span key, struct span value)
{
    struct info_labels *l = ctx;
    const struct {
        const char *key;
        struct span *to;
    } known[] = {
        {"task_type", &l->type},
        {"index", &l->index},
        {"target_configuration", &l->config},
        {"offer_hostname", &l->hostname},
        {"offer_attributes", &l->attributes},
        {"offer_region", &l->region},
        {"offer_zone", &l->zone},
        {"permanently-failed", &l->failed},
        {"readiness_check", &l->legacy_check},
    };

    if (!value.data)
        value = (struct span){"", 0};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (span_is(key, known[i].key))
            *known[i].to = value;
    }
}

static const char *pooled(struct state *state, struct span span)
{
    return text_pool_add(&state->pool, span.data ? span.data : "", span.len);
}

static int parse_index(struct span text)
{
    int value = 0;

    if (!text.data || text.len == 0 || text.len > 8)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return -1;
        value = value * 10 + (text.data[i] - '0');
    }
    return value;
}

/* The part of the name behind "<type>-<index>-"; the whole name when it has another form. */
static const char *spec_name_of(const struct task *task)
{
    auto_free char *prefix = pod_prefix(task->pod_type, task->pod_index);
    size_t len = strlen(prefix);

    return strncmp(task->name, prefix, len) == 0 ? task->name + len : task->name;
}

/* Copies spans one behind the other into one piece of memory. */
static char *join_spans(const struct span *spans, const char **to[], size_t count)
{
    size_t size = 0, at = 0;

    for (size_t i = 0; i < count; i++)
        size += spans[i].len + 1;
    char *all = xmalloc(size);
    for (size_t i = 0; i < count; i++) {
        if (spans[i].len)
            memcpy(all + at, spans[i].data, spans[i].len);
        all[at + spans[i].len] = '\0';
        *to[i] = all + at;
        at += spans[i].len + 1;
    }
    return all;
}

/* The role that a resource is reserved to, in either format; absent when it is not reserved. */
static struct span reserved_to(const void *data, size_t len)
{
    struct span top = wire_get(data, len, 13);

    if (top.data)
        return wire_get(top.data, top.len, 3);
    return wire_get(data, len, 8).data ? wire_get(data, len, 6) : (struct span){0};
}

bool summarise_info(struct state *state, struct task_entry *entry, const void *data, size_t len,
                    const char **ret_why)
{
    struct task *task = &entry->task;
    struct span name = {0}, id = {0}, agent = {0}, executor = {0}, role = {0};
    struct info_labels labels = {0};
    struct wire w = wire_of(data, len);
    struct wire_field f;
    bool has_id = false, has_agent = false, has_check = false;

    while (wire_next(&w, &f)) {
        if (f.type != WIRE_BYTES)
            continue;
        switch (f.number) {
        case 1:
            name = (struct span){f.data, f.len};
            break;
        case 2:
            id = wire_get(f.data, f.len, 1);
            has_id = id.data != NULL;
            break;
        case 3:
            agent = wire_get(f.data, f.len, 1);
            has_agent = agent.data != NULL;
            break;
        case 4:
            if (!role.data)
                role = reserved_to(f.data, f.len);
            break;
        case 5: {
            struct span executor_id = wire_get(f.data, f.len, 1);
            executor = wire_get(executor_id.data ? executor_id.data : "", executor_id.len, 1);
            break;
        }
        case 10:
            wire_labels(f.data, f.len, take_info_label, &labels);
            break;
        case 13:
            has_check = true;
            break;
        default:
            break;
        }
    }
    *ret_why = w.broken                           ? "is not a TaskInfo"
               : !has_id                          ? "has no task_id"
               : !has_agent                       ? "has no slave_id"
               : !name.data                       ? "has no name"
               : !span_is(name, entry->task.name) ? "is that of another task"
                                                  : NULL;
    if (*ret_why)
        return false;
    free(entry->strings);
    entry->strings = join_spans((struct span[]){id, executor},
                                (const char **[]){&task->id, &task->executor_id}, 2);
    task->pod_type = pooled(state, labels.type);
    task->pod_index = parse_index(labels.index);
    task->config_id = pooled(state, labels.config);
    task->agent_id = pooled(state, agent);
    task->role = pooled(state, role);
    task->hostname = pooled(state, labels.hostname);
    task->attributes = pooled(state, labels.attributes);
    task->region = labels.region.data ? pooled(state, labels.region) : NULL;
    task->zone = labels.zone.data ? pooled(state, labels.zone) : NULL;
    task->permanently_failed =
        labels.failed.len == 4 && strncasecmp(labels.failed.data, "true", 4) == 0;
    task->has_check = has_check;
    task->has_legacy_check = labels.legacy_check.data != NULL;
    task->spec_name = spec_name_of(task);
    return true;
}

/* ---- TaskStatus ---- */

static void take_status_label(void *ctx, struct span key, struct span value)
{
    struct span *passed = ctx;

    if (span_is(key, "readiness_check_passed"))
        *passed = value;
}

/* CheckStatusInfo.command.exit_code is there and 0. */
static bool check_passed(struct span check)
{
    struct span command = wire_get(check.data, check.len, 2);
    struct wire w = wire_of(command.data ? command.data : "", command.len);
    struct wire_field f;
    bool passed = false;

    while (wire_next(&w, &f)) {
        if (f.number == 1 && f.type == WIRE_VARINT)
            passed = (int32_t)f.value == 0;
    }
    return passed;
}

static double as_double(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static void clear_status(struct task_entry *entry)
{
    struct task *task = &entry->task;

    free(entry->status_strings);
    entry->status_strings = NULL;
    task->status_id = NULL;
    task->status_agent_id = task->status_executor_id = "";
    task->status_state = TASK_STATE__TASK_STAGING;
    task->status_ready = false;
    task->status_timestamp = 0;
}

bool summarise_status(struct state *state, struct task_entry *entry, const void *data, ssize_t len,
                      const char **ret_why)
{
    struct task *task = &entry->task;
    struct span id = {0}, agent = {0}, executor = {0}, check = {0}, passed = {0};
    struct wire w = wire_of(data, len > 0 ? (size_t)len : 0);
    struct wire_field f;
    int64_t state_number = -1;
    double timestamp = 0;

    clear_status(entry);
    while (data && wire_next(&w, &f)) {
        if (f.number == 2 && f.type == WIRE_VARINT)
            state_number = (int64_t)f.value;
        else if (f.number == 6 && f.type == WIRE_FIXED64)
            timestamp = as_double(f.value);
        if (f.type != WIRE_BYTES)
            continue;
        switch (f.number) {
        case 1:
            id = wire_get(f.data, f.len, 1);
            break;
        case 5:
            agent = wire_get(f.data, f.len, 1);
            break;
        case 7:
            executor = wire_get(f.data, f.len, 1);
            break;
        case 12:
            wire_labels(f.data, f.len, take_status_label, &passed);
            break;
        case 15:
            check = (struct span){f.data, f.len};
            break;
        default:
            break;
        }
    }
    *ret_why = w.broken           ? "is not a TaskStatus"
               : len <= 0         ? "is empty"
               : !id.data         ? "has no task_id"
               : state_number < 0 ? "has no state"
                                  : NULL;
    if (*ret_why)
        return false;
    task->status_state = (TaskState)state_number;
    task->status_timestamp = timestamp;
    task->status_ready = check.data               ? check_passed(check)
                         : task->has_legacy_check ? span_is(passed, "true")
                                                  : true;
    task->status_agent_id = pooled(state, agent);
    /* The ids are those of the TaskInfo but in the middle of a repair: share them. */
    if (span_is(id, task->id) && (!executor.data || span_is(executor, task->executor_id))) {
        task->status_id = task->id;
        task->status_executor_id = executor.data ? task->executor_id : "";
        return true;
    }
    entry->status_strings =
        join_spans((struct span[]){id, executor},
                   (const char **[]){&task->status_id, &task->status_executor_id}, 2);
    return true;
}
