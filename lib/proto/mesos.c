#include "proto/mesos.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"

/* ---- states --------------------------------------------------------------------------------- */

bool task_state_is_terminal(TaskState state)
{
    switch (state) {
    case TASK_STATE__TASK_DROPPED:
    case TASK_STATE__TASK_ERROR:
    case TASK_STATE__TASK_FAILED:
    case TASK_STATE__TASK_FINISHED:
    case TASK_STATE__TASK_GONE:
    case TASK_STATE__TASK_KILLED:
        return true;
    default:
        return false;
    }
}

bool task_state_needs_recovery(TaskState state)
{
    /* SDK-COMPAT: UNKNOWN alone does not ask for recovery. */
    return task_state_is_dead(state) && state != TASK_STATE__TASK_UNKNOWN;
}

bool task_state_is_dead(TaskState state)
{
    switch (state) {
    case TASK_STATE__TASK_LOST:
    case TASK_STATE__TASK_UNREACHABLE:
    case TASK_STATE__TASK_GONE_BY_OPERATOR:
    case TASK_STATE__TASK_UNKNOWN:
        return true;
    default:
        return task_state_is_terminal(state);
    }
}

/* ---- labels --------------------------------------------------------------------------------- */

const char *labels_get(const Labels *labels, const char *key)
{
    for (size_t i = labels ? labels->n_labels : 0; i-- > 0;) {
        if (strcmp(labels->labels[i]->key, key) == 0)
            return labels->labels[i]->value;
    }
    return NULL;
}

/* Puts a label into a sorted array with room for it; an equal key is replaced. */
static size_t put_label(Label **sorted, size_t count, Label *label)
{
    size_t at = count;

    while (at && strcmp(sorted[at - 1]->key, label->key) > 0)
        at--;
    if (at && strcmp(sorted[at - 1]->key, label->key) == 0) {
        sorted[at - 1] = label;
        return count;
    }
    memmove(sorted + at + 1, sorted + at, (count - at) * sizeof *sorted);
    sorted[at] = label;
    return count + 1;
}

Labels *labels_set(struct arena *arena, Labels *labels, const char *key, const char *value)
{
    Labels *set = labels ? labels : PB_NEW(arena, Labels, labels);
    Label **sorted = ARENA_ARRAY(arena, set->n_labels + 1, Label *);
    Label *label = PB_NEW(arena, Label, label);
    size_t count = 0;

    label->key = arena_strdup(arena, key);
    label->value = value ? arena_strdup(arena, value) : NULL;
    for (size_t i = 0; i < set->n_labels; i++)
        count = put_label(sorted, count, set->labels[i]);
    set->n_labels = put_label(sorted, count, label);
    set->labels = sorted;
    return set;
}

/* ---- resources ------------------------------------------------------------------------------ */

const Resource__ReservationInfo *resource_reservation(const Resource *resource)
{
    if (resource->n_reservations)
        return resource->reservations[resource->n_reservations - 1];
    return resource->reservation;
}

const char *resource_id(const Resource *resource)
{
    const Resource__ReservationInfo *reservation = resource_reservation(resource);

    return reservation ? labels_get(reservation->labels, "resource_id") : NULL;
}

bool resources_have_id(Resource *const *resources, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        const char *one = resource_id(resources[i]);
        if (one && strcmp(one, id) == 0)
            return true;
    }
    return false;
}

bool resource_is_volume(const Resource *resource)
{
    return resource->disk && resource->disk->persistence;
}

bool resource_is_mount(const Resource *resource)
{
    return resource->disk && resource->disk->source &&
           resource->disk->source->type == RESOURCE__DISK_INFO__SOURCE__TYPE__MOUNT;
}

/* ---- ids ------------------------------------------------------------------------------------ */

/* Service names may hold slashes, ids must not: outer ones go, inner ones become dots. */
static char *sanitised_service(struct arena *arena, const char *service)
{
    size_t len;

    service += strspn(service, "/");
    len = strlen(service);
    while (len && service[len - 1] == '/')
        len--;
    char *name = arena_strndup(arena, service, len);
    for (char *p = name; *p; p++) {
        if (*p == '/')
            *p = '.';
    }
    return name;
}

char *make_task_id(struct arena *arena, const char *service, const char *task_name,
                   const char *uuid)
{
    char *name = sanitised_service(arena, service);

    if (strstr(name, "__") || strstr(task_name, "__"))
        return NULL;
    return text_join(arena, name, "__", task_name, "__", uuid);
}

/* Start of the last "__" that begins at or before `limit`, or -1. */
static ptrdiff_t last_separator(const char *id, ptrdiff_t limit)
{
    for (ptrdiff_t at = limit; at >= 0; at--) {
        if (id[at] == '_' && id[at + 1] == '_')
            return at;
    }
    return -1;
}

/* Where the parts of an id lie; false when malformed. P is -1 without a service. */
static bool separators(const char *id, ptrdiff_t *ret_p, ptrdiff_t *ret_l)
{
    *ret_l = last_separator(id, (ptrdiff_t)strlen(id) - 2);
    *ret_p = *ret_l < 0 ? -1 : last_separator(id, *ret_l - 2);
    return *ret_l >= 0;
}

char *task_name_of_id(struct arena *arena, const char *task_id)
{
    ptrdiff_t p, l;

    if (!separators(task_id, &p, &l))
        return NULL;
    ptrdiff_t start = p < 0 ? 0 : p + 2;
    return arena_strndup(arena, task_id + start, (size_t)(l - start));
}

char *service_of_id(struct arena *arena, const char *task_id)
{
    ptrdiff_t p, l;

    if (!separators(task_id, &p, &l) || p < 0)
        return NULL;
    ptrdiff_t before = last_separator(task_id, p - 2);
    ptrdiff_t start = before < 0 ? 0 : before + 2;
    return arena_strndup(arena, task_id + start, (size_t)(p - start));
}
