/* Resource arithmetic as Mesos does it (see offer-cycle 10.10, 11.4). Pure: no I/O, no clock.
 *
 * What a resource is (name, reservation stack, disk identity) is interned: two resources are of the
 * same kind exactly when their `meta` pointers are equal, so that adding and subtracting lists is
 * cheap whatever labels they carry. How much of it there is lies beside it: thousandths of a scalar
 * (Mesos computes in fixed point with three decimals) or a sorted list of ranges.
 *
 * Not part of the identity, as in Mesos: allocation role, persistence principal and the volume's
 * container path; the first interned form is the one shown in offers. */
#ifndef DSE_LOCAL_RES_H
#define DSE_LOCAL_RES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "proto/pb.h"

struct res_meta {
    unsigned refs;
    char *key; /* canonical bytes */
    size_t key_len;
    struct res_meta *next; /* in its bucket */
    struct arena arena;    /* of model */
    const Resource *model; /* normalised: `reservations` format, no value, no allocation */
    bool ranges;
    bool exclusive;         /* never merged or split: persistent volumes and MOUNT disks */
    bool persistent;        /* has disk.persistence */
    bool dynamic;           /* its last reservation is DYNAMIC */
    const char *role;       /* of the last reservation, "*" when unreserved */
    const char *persist_id; /* NULL unless persistent */
};

struct res_range {
    uint64_t begin, end; /* both inclusive */
};

/* One resource. Owns a reference of meta and its ranges. */
struct res {
    struct res_meta *meta;
    int64_t milli;
    struct res_range *ranges;
    size_t n_ranges;
};

/* A sum of resources: no two mergeable entries of one kind. */
struct res_list {
    struct res *items;
    size_t count, cap;
};

#define RES_INIT         \
    {                    \
        NULL, 0, NULL, 0 \
    }
#define RES_LIST_INIT \
    {                 \
        NULL, 0, 0    \
    }

/* A copy in an arena of just its size, for what lives long in great numbers. */
void *message_keep(const void *message, struct arena *arena);

void res_free(struct res *r);
struct res res_copy(const struct res *r);
bool res_is_empty(const struct res *r);
void res_list_free(struct res_list *list);
#define auto_res __attribute__((cleanup(res_free)))
#define auto_res_list __attribute__((cleanup(res_list_free)))

/* Takes a resource that res_check() accepts, in either reservation format. Sets are never equal to
 * what an agent has; they keep their items in the identity. */
struct res res_of_proto(const Resource *proto);
/* Adds all of them up. */
void res_list_of_proto(struct res_list *list, size_t count, Resource *const *protos);

/* In the arena, with the allocation role when not NULL. `refined` selects the `reservations`
 * format; else one reservation is written as `role` and `reservation` (see offer-cycle 10.11). */
Resource *res_to_proto(const struct res *r, const char *allocation_role, bool refined,
                       struct arena *arena);

void res_list_add(struct res_list *list, const struct res *r);
void res_list_add_all(struct res_list *list, const struct res_list *other);
bool res_list_has(const struct res_list *list, const struct res *r);
bool res_list_contains(const struct res_list *list, const struct res_list *other);
/* Subtracts; false, and nothing changed, when not contained. */
bool res_list_sub(struct res_list *list, const struct res *r);
bool res_list_sub_all(struct res_list *list, const struct res_list *other);
struct res_list res_list_copy(const struct res_list *list);
bool res_list_equal(const struct res_list *a, const struct res_list *b);
/* Sum of all scalars of that name, in thousandths; *found says whether there was one. */
int64_t res_list_scalar(const struct res_list *list, const char *name, bool *found);

/* The resource with its last reservation taken away (r must be reserved). */
struct res res_pop_reservation(const struct res *r);
/* The disk below a persistent volume: without persistence and volume. */
struct res res_strip_volume(const struct res *r);
/* True when `role` may use it: unreserved, or reserved to the role or an ancestor of it. */
bool res_usable_by(const struct res *r, const char *role);
/* True when `role` lies strictly below `ancestor`. */
bool role_is_below(const char *role, const char *ancestor);

/* Texts as the master writes them into messages (see captures/rejections). */
/* A resource as it came, whether valid or not. */
void res_proto_text(const Resource *proto, struct buf *out);
void res_text(const struct res *r, const char *allocation_role, struct buf *out);
void res_list_text(const struct res_list *list, const char *allocation_role, struct buf *out);
/* NULL is as no labels. */
void labels_text(const Labels *labels, struct buf *out);
/* A scalar in thousandths the way Mesos prints it: at most three decimals, no trailing zeros. */
void res_milli_text(int64_t milli, struct buf *out);
int64_t res_milli(double value);

#endif
