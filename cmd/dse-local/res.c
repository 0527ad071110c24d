#include "res.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* ---- interned kinds ---- */

static struct {
    struct res_meta **buckets;
    size_t n_buckets, count;
} kinds;

static size_t hash_bytes(const char *data, size_t len)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)data[i]) * 1099511628211u;
    return (size_t)h;
}

static void kinds_grow(void)
{
    const size_t n = kinds.n_buckets ? kinds.n_buckets * 2 : 256;
    struct res_meta **fresh = xcalloc(n, sizeof *fresh);
    for (size_t i = 0; i < kinds.n_buckets; i++)
        for (struct res_meta *m = kinds.buckets[i], *next; m; m = next) {
            next = m->next;
            struct res_meta **slot = &fresh[hash_bytes(m->key, m->key_len) & (n - 1)];
            m->next = *slot;
            *slot = m;
        }
    free(kinds.buckets);
    kinds.buckets = fresh;
    kinds.n_buckets = n;
}

static void meta_unref(struct res_meta *m)
{
    if (!m || --m->refs > 0)
        return;
    struct res_meta **slot = &kinds.buckets[hash_bytes(m->key, m->key_len) & (kinds.n_buckets - 1)];
    while (*slot != m)
        slot = &(*slot)->next;
    *slot = m->next;
    if (--kinds.count == 0) {
        free(kinds.buckets);
        kinds.buckets = NULL;
        kinds.n_buckets = 0;
    }
    arena_free(&m->arena);
    free(m->key);
    free(m);
}

void *message_keep(const void *message, struct arena *arena)
{
    auto_arena struct arena scratch = ARENA_INIT;
    (void)pb_copy(message, &scratch);
    arena_room(arena, scratch.bytes);
    return pb_copy(message, arena);
}

static int compare_labels(const void *a, const void *b)
{
    const Label *x = *(Label *const *)a, *y = *(Label *const *)b;
    const int by_key = strcmp(x->key, y->key);
    if (by_key)
        return by_key;
    return strcmp(x->value ? x->value : "", y->value ? y->value : "");
}

/* Labels compare as multisets, so the identity holds them sorted. */
static Labels *sorted_labels(const Labels *labels, struct arena *arena)
{
    if (!labels)
        return NULL;
    Labels *out = PB_NEW(arena, Labels, labels);
    if (labels->n_labels == 0)
        return out;
    out->n_labels = labels->n_labels;
    out->labels = arena_memdup(arena, labels->labels, labels->n_labels * sizeof *labels->labels);
    qsort(out->labels, out->n_labels, sizeof *out->labels, compare_labels);
    return out;
}

/* The canonical form of what m is, for comparing. */
static void canonical(const Resource *model, struct buf *out)
{
    auto_arena struct arena scratch = ARENA_INIT;
    Resource r = *model;
    r.reservations = arena_zalloc(&scratch, model->n_reservations, sizeof *r.reservations);
    for (size_t i = 0; i < model->n_reservations; i++) {
        Resource__ReservationInfo *copy =
            arena_memdup(&scratch, model->reservations[i], sizeof *copy);
        copy->labels = sorted_labels(copy->labels, &scratch);
        r.reservations[i] = copy;
    }
    Resource__DiskInfo disk;
    Resource__DiskInfo__Persistence persistence;
    if (model->disk) {
        disk = *model->disk;
        disk.volume = NULL;
        if (disk.persistence) {
            persistence = *disk.persistence;
            persistence.principal = NULL;
            disk.persistence = &persistence;
        }
        r.disk = &disk;
    }
    pb_pack(&r, out);
}

/* model lies in foreign memory and is normalised; a new reference. */
static struct res_meta *intern(const Resource *model)
{
    auto_buf struct buf key = BUF_INIT;
    canonical(model, &key);
    if (kinds.count >= kinds.n_buckets)
        kinds_grow();
    struct res_meta **slot = &kinds.buckets[hash_bytes(key.data, key.len) & (kinds.n_buckets - 1)];
    for (struct res_meta *m = *slot; m; m = m->next)
        if (m->key_len == key.len && memcmp(m->key, key.data, key.len) == 0) {
            m->refs++;
            return m;
        }
    struct res_meta *m = xcalloc(1, sizeof *m);
    m->refs = 1;
    m->key_len = key.len;
    m->key = xmemdup(key.data, key.len);
    m->next = *slot;
    *slot = m;
    kinds.count++;

    const Resource *own = message_keep(model, &m->arena);
    m->model = own;
    m->ranges = own->type == VALUE__TYPE__RANGES;
    m->persistent = own->disk && own->disk->persistence;
    m->persist_id = m->persistent ? own->disk->persistence->id : NULL;
    m->exclusive =
        m->persistent || (own->disk && own->disk->source &&
                          own->disk->source->type != RESOURCE__DISK_INFO__SOURCE__TYPE__PATH);
    m->role = "*";
    if (own->n_reservations) {
        const Resource__ReservationInfo *last = own->reservations[own->n_reservations - 1];
        m->role = last->role ? last->role : "*";
        m->dynamic = last->type == RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
    }
    return m;
}

/* ---- one resource ---- */

void res_free(struct res *r)
{
    meta_unref(r->meta);
    free(r->ranges);
    *r = (struct res)RES_INIT;
}

struct res res_copy(const struct res *r)
{
    struct res copy = *r;
    copy.meta->refs++;
    if (r->n_ranges)
        copy.ranges = xmemdup(r->ranges, r->n_ranges * sizeof *r->ranges);
    else
        copy.ranges = NULL;
    return copy;
}

bool res_is_empty(const struct res *r)
{
    return r->meta->ranges ? r->n_ranges == 0 : r->milli == 0;
}

int64_t res_milli(double value)
{
    return llround(value * 1000.0);
}

static int compare_ranges(const void *a, const void *b)
{
    const struct res_range *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

/* Sorts and joins overlapping and adjacent ranges. */
static void ranges_normalise(struct res *r)
{
    if (r->n_ranges < 2)
        return;
    qsort(r->ranges, r->n_ranges, sizeof *r->ranges, compare_ranges);
    size_t n = 0;
    for (size_t i = 1; i < r->n_ranges; i++) {
        struct res_range *last = &r->ranges[n];
        if (last->end == UINT64_MAX || r->ranges[i].begin <= last->end + 1) {
            if (r->ranges[i].end > last->end)
                last->end = r->ranges[i].end;
        } else {
            r->ranges[++n] = r->ranges[i];
        }
    }
    r->n_ranges = n + 1;
}

struct res res_of_proto(const Resource *proto)
{
    Resource model = *proto;
    Resource__ReservationInfo single = RESOURCE__RESERVATION_INFO__INIT;
    Resource__ReservationInfo *stack[1] = {&single};

    model.role = resource__role__default_value;
    model.reservation = NULL;
    model.allocation_info = NULL;
    model.scalar = NULL;
    model.ranges = NULL;
    if (proto->n_reservations == 0 && proto->role && strcmp(proto->role, "*") != 0) {
        single.role = proto->role;
        single.has_type = 1;
        single.type = RESOURCE__RESERVATION_INFO__TYPE__STATIC;
        if (proto->reservation) {
            single.type = RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
            single.principal = proto->reservation->principal;
            single.labels = proto->reservation->labels;
        }
        model.n_reservations = 1;
        model.reservations = stack;
    }
    struct res r = RES_INIT;
    r.meta = intern(&model);
    if (proto->scalar)
        r.milli = res_milli(proto->scalar->value);
    else if (proto->set)
        r.milli = (int64_t)proto->set->n_item * 1000; /* whole sets only: items are identity */
    if (proto->ranges && proto->ranges->n_range) {
        r.n_ranges = proto->ranges->n_range;
        r.ranges = xcalloc(r.n_ranges, sizeof *r.ranges);
        for (size_t i = 0; i < r.n_ranges; i++) {
            r.ranges[i].begin = proto->ranges->range[i]->begin;
            r.ranges[i].end = proto->ranges->range[i]->end;
        }
        ranges_normalise(&r);
    }
    return r;
}

Resource *res_to_proto(const struct res *r, const char *allocation_role, bool refined,
                       struct arena *arena)
{
    Resource *out = arena_memdup(arena, r->meta->model, sizeof *out);
    if (r->meta->ranges) {
        out->ranges = PB_NEW(arena, Value__Ranges, value__ranges);
        out->ranges->n_range = r->n_ranges;
        out->ranges->range = ARENA_ARRAY(arena, r->n_ranges, Value__Range *);
        for (size_t i = 0; i < r->n_ranges; i++) {
            out->ranges->range[i] = PB_NEW(arena, Value__Range, value__range);
            out->ranges->range[i]->begin = r->ranges[i].begin;
            out->ranges->range[i]->end = r->ranges[i].end;
        }
    } else if (!out->set) {
        out->scalar = PB_NEW(arena, Value__Scalar, value__scalar);
        out->scalar->value = (double)r->milli / 1000.0;
    }
    if (allocation_role) {
        out->allocation_info = PB_NEW(arena, Resource__AllocationInfo, resource__allocation_info);
        out->allocation_info->role = arena_strdup(arena, allocation_role);
    }
    if (!refined && out->n_reservations == 1) {
        const Resource__ReservationInfo *only = out->reservations[0];
        out->role = only->role;
        if (only->type == RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC) {
            out->reservation = PB_NEW(arena, Resource__ReservationInfo, resource__reservation_info);
            out->reservation->principal = only->principal;
            out->reservation->labels = only->labels;
        }
        out->n_reservations = 0;
        out->reservations = NULL;
    }
    return out;
}

/* A resource of another kind with the same amount. */
static struct res with_model(const struct res *r, const Resource *model)
{
    struct res out = res_copy(r);
    meta_unref(out.meta);
    out.meta = intern(model);
    return out;
}

struct res res_pop_reservation(const struct res *r)
{
    Resource model = *r->meta->model;
    model.n_reservations--;
    return with_model(r, &model);
}

struct res res_strip_volume(const struct res *r)
{
    Resource model = *r->meta->model;
    Resource__DiskInfo disk;
    if (model.disk) {
        disk = *model.disk;
        disk.persistence = NULL;
        disk.volume = NULL;
        model.disk = disk.source ? &disk : NULL;
    }
    return with_model(r, &model);
}

bool role_is_below(const char *role, const char *ancestor)
{
    const size_t len = strlen(ancestor);
    return strncmp(role, ancestor, len) == 0 && role[len] == '/';
}

bool res_usable_by(const struct res *r, const char *role)
{
    return strcmp(r->meta->role, "*") == 0 || strcmp(r->meta->role, role) == 0 ||
           role_is_below(role, r->meta->role);
}

/* ---- lists ---- */

void res_list_free(struct res_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        res_free(&list->items[i]);
    free(list->items);
    *list = (struct res_list)RES_LIST_INIT;
}

static void list_push(struct res_list *list, struct res r)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 8;
        list->items = xreallocarray(list->items, list->cap, sizeof *list->items);
    }
    list->items[list->count++] = r;
}

static void list_drop(struct res_list *list, size_t at)
{
    res_free(&list->items[at]);
    memmove(&list->items[at], &list->items[at + 1], (list->count - at - 1) * sizeof *list->items);
    list->count--;
}

static struct res *list_find(const struct res_list *list, const struct res_meta *meta)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].meta == meta)
            return &list->items[i];
    return NULL;
}

static void ranges_add(struct res *into, const struct res *r)
{
    into->ranges = xreallocarray(into->ranges, into->n_ranges + r->n_ranges, sizeof *into->ranges);
    memcpy(into->ranges + into->n_ranges, r->ranges, r->n_ranges * sizeof *r->ranges);
    into->n_ranges += r->n_ranges;
    ranges_normalise(into);
}

void res_list_add(struct res_list *list, const struct res *r)
{
    if (res_is_empty(r))
        return;
    struct res *same = r->meta->exclusive ? NULL : list_find(list, r->meta);
    if (!same)
        list_push(list, res_copy(r));
    else if (r->meta->ranges)
        ranges_add(same, r);
    else
        same->milli += r->milli;
}

void res_list_add_all(struct res_list *list, const struct res_list *other)
{
    for (size_t i = 0; i < other->count; i++)
        res_list_add(list, &other->items[i]);
}

void res_list_of_proto(struct res_list *list, size_t count, Resource *const *protos)
{
    for (size_t i = 0; i < count; i++) {
        auto_res struct res r = res_of_proto(protos[i]);
        res_list_add(list, &r);
    }
}

static bool ranges_contain(const struct res *all, const struct res *part)
{
    size_t j = 0;
    for (size_t i = 0; i < part->n_ranges; i++) {
        while (j < all->n_ranges && all->ranges[j].end < part->ranges[i].begin)
            j++;
        if (j == all->n_ranges || all->ranges[j].begin > part->ranges[i].begin ||
            all->ranges[j].end < part->ranges[i].end)
            return false;
    }
    return true;
}

/* The entry of the list that r can be taken from, or NULL. */
static struct res *list_source(const struct res_list *list, const struct res *r)
{
    for (size_t i = 0; i < list->count; i++) {
        struct res *have = &list->items[i];
        if (have->meta != r->meta)
            continue;
        if (r->meta->exclusive ? have->milli == r->milli
            : r->meta->ranges  ? ranges_contain(have, r)
                               : have->milli >= r->milli)
            return have;
    }
    return NULL;
}

bool res_list_has(const struct res_list *list, const struct res *r)
{
    return res_is_empty(r) || list_source(list, r);
}

static void ranges_sub(struct res *from, const struct res *part)
{
    struct res_range *out =
        xcalloc(from->n_ranges + part->n_ranges, sizeof *out); /* each cut adds at most one */
    size_t n = 0, j = 0;
    for (size_t i = 0; i < from->n_ranges; i++) {
        uint64_t begin = from->ranges[i].begin;
        const uint64_t end = from->ranges[i].end;
        bool used_up = false;
        for (; j < part->n_ranges && part->ranges[j].begin <= end; j++) {
            if (part->ranges[j].begin > begin)
                out[n++] = (struct res_range){begin, part->ranges[j].begin - 1};
            used_up = part->ranges[j].end == end;
            begin = part->ranges[j].end + 1;
        }
        if (!used_up)
            out[n++] = (struct res_range){begin, end};
    }
    free(from->ranges);
    from->ranges = out;
    from->n_ranges = n;
}

bool res_list_sub(struct res_list *list, const struct res *r)
{
    if (res_is_empty(r))
        return true;
    struct res *have = list_source(list, r);
    if (!have)
        return false;
    if (r->meta->ranges)
        ranges_sub(have, r);
    else
        have->milli -= r->milli;
    if (res_is_empty(have))
        list_drop(list, (size_t)(have - list->items));
    return true;
}

bool res_list_contains(const struct res_list *list, const struct res_list *other)
{
    /* Entries of one list never share a source, so that they can be looked up one by one. */
    for (size_t i = 0; i < other->count; i++)
        if (!res_list_has(list, &other->items[i]))
            return false;
    return true;
}

bool res_list_sub_all(struct res_list *list, const struct res_list *other)
{
    if (!res_list_contains(list, other))
        return false;
    for (size_t i = 0; i < other->count; i++)
        (void)res_list_sub(list, &other->items[i]);
    return true;
}

struct res_list res_list_copy(const struct res_list *list)
{
    struct res_list copy = RES_LIST_INIT;
    for (size_t i = 0; i < list->count; i++)
        list_push(&copy, res_copy(&list->items[i]));
    return copy;
}

bool res_list_equal(const struct res_list *a, const struct res_list *b)
{
    return res_list_contains(a, b) && res_list_contains(b, a);
}

int64_t res_list_scalar(const struct res_list *list, const char *name, bool *found)
{
    int64_t sum = 0;
    *found = false;
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].meta->model->name, name) == 0) {
            *found = true;
            sum += list->items[i].milli;
        }
    return sum;
}

/* ---- texts ---- */

void res_milli_text(int64_t milli, struct buf *out)
{
    buf_addf(out, "%lld", (long long)(milli / 1000));
    long long rest = llabs(milli % 1000);
    if (!rest)
        return;
    int digits = 3;
    while (rest % 10 == 0) {
        rest /= 10;
        digits--;
    }
    buf_addf(out, ".%0*lld", digits, rest);
}

void labels_text(const Labels *labels, struct buf *out)
{
    buf_addc(out, '{');
    for (size_t i = 0; labels && i < labels->n_labels; i++) {
        const Label *l = labels->labels[i];
        buf_addf(out, "%s%s", i ? ", " : "", l->key);
        if (l->value)
            buf_addf(out, ": %s", l->value);
    }
    buf_addc(out, '}');
}

static void reservations_text(const Resource *model, struct buf *out)
{
    if (model->n_reservations == 0)
        return;
    buf_adds(out, "(reservations: [");
    for (size_t i = 0; i < model->n_reservations; i++) {
        const Resource__ReservationInfo *info = model->reservations[i];
        buf_addf(out, "%s(%s,%s", i ? "," : "",
                 info->type == RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC ? "DYNAMIC" : "STATIC",
                 info->role ? info->role : "");
        if (info->principal)
            buf_addf(out, ",%s", info->principal);
        if (info->labels) {
            buf_addc(out, ',');
            labels_text(info->labels, out);
        }
        buf_addc(out, ')');
    }
    buf_adds(out, "])");
}

static void source_text(const Resource__DiskInfo__Source *source, struct buf *out)
{
    static const char *const names[] = {"UNKNOWN", "PATH", "MOUNT", "BLOCK", "RAW"};
    const size_t type = (size_t)source->type;
    const char *root = NULL; /* of the two kinds that have one */
    if (source->type == RESOURCE__DISK_INFO__SOURCE__TYPE__MOUNT && source->mount)
        root = source->mount->root;
    else if (source->type == RESOURCE__DISK_INFO__SOURCE__TYPE__PATH && source->path)
        root = source->path->root;
    buf_adds(out, type < ARRAY_LEN(names) ? names[type] : "UNKNOWN");
    if (source->id || source->profile)
        buf_addf(out, "(%s,%s,%s)", source->vendor ? source->vendor : "",
                 source->id ? source->id : "", source->profile ? source->profile : "");
    else if (root)
        buf_addf(out, ":%s", root);
}

static void disk_text(const Resource__DiskInfo *disk, struct buf *out)
{
    buf_addc(out, '[');
    if (disk->source)
        source_text(disk->source, out);
    if (disk->persistence)
        buf_addf(out, "%s%s", disk->source ? "," : "", disk->persistence->id);
    if (disk->volume)
        buf_addf(out, ":%s", disk->volume->container_path);
    buf_addc(out, ']');
}

/* Everything but the amount. */
static void kind_text(const Resource *model, const char *allocation_role, struct buf *out)
{
    buf_adds(out, model->name);
    if (allocation_role)
        buf_addf(out, "(allocated: %s)", allocation_role);
    reservations_text(model, out);
    if (model->disk)
        disk_text(model->disk, out);
    if (model->revocable)
        buf_adds(out, "{REV}");
    if (model->shared)
        buf_adds(out, "<SHARED>");
    buf_addc(out, ':');
}

static void set_text(const Value__Set *set, struct buf *out)
{
    buf_addc(out, '{');
    for (size_t i = 0; set && i < set->n_item; i++)
        buf_addf(out, "%s%s", i ? ", " : "", set->item[i]);
    buf_addc(out, '}');
}

static void range_text(size_t i, uint64_t begin, uint64_t end, struct buf *out)
{
    buf_addf(out, "%s%" PRIu64 "-%" PRIu64, i ? ", " : "", begin, end);
}

void res_proto_text(const Resource *proto, struct buf *out)
{
    kind_text(proto, proto->allocation_info ? proto->allocation_info->role : NULL, out);
    if (proto->type == VALUE__TYPE__RANGES) {
        buf_addc(out, '[');
        for (size_t i = 0; proto->ranges && i < proto->ranges->n_range; i++)
            range_text(i, proto->ranges->range[i]->begin, proto->ranges->range[i]->end, out);
        buf_addc(out, ']');
    } else if (proto->type == VALUE__TYPE__SET) {
        set_text(proto->set, out);
    } else {
        buf_addf(out, "%.15g", proto->scalar ? proto->scalar->value : 0.0);
    }
}

void res_text(const struct res *r, const char *allocation_role, struct buf *out)
{
    const Resource *model = r->meta->model;
    kind_text(model, allocation_role, out);
    if (r->meta->ranges) {
        buf_addc(out, '[');
        for (size_t i = 0; i < r->n_ranges; i++)
            range_text(i, r->ranges[i].begin, r->ranges[i].end, out);
        buf_addc(out, ']');
    } else if (model->set) {
        set_text(model->set, out);
    } else {
        res_milli_text(r->milli, out);
    }
}

void res_list_text(const struct res_list *list, const char *allocation_role, struct buf *out)
{
    if (list->count == 0)
        buf_adds(out, "{}");
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            buf_adds(out, "; ");
        res_text(&list->items[i], allocation_role, out);
    }
}
