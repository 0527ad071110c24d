/* Amounts, port ranges and the Resource and Operation messages built from them. Pure.
 *
 * Scalars are counted in thousandths, as Mesos does: doubles are for the wire only. Everything made
 * lives in the arena; messages share the strings they are given. */
#ifndef DSE_OFFER_RESOURCES_H
#define DSE_OFFER_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/text.h"
#include "proto/mesos.h"
#include "spec/model.h"

typedef int64_t milli; /* thousandths */

/* Rounds to the nearest; not a number counts as 0, amounts beyond 2^52 are cut there. */
milli milli_from(double value);
double milli_value(milli amount);
/* "0.5", "32.0", for people. */
char *milli_text(struct arena *arena, milli amount);

/* Inclusive ranges, ascending, apart from each other. */
struct ranges {
    struct port_range *items;
    size_t count;
};
/* Adds one range, merging neighbours; an inverted one or one beyond int64 is ignored. */
void ranges_add(struct arena *arena, struct ranges *ranges, uint64_t begin, uint64_t end);
void ranges_add_all(struct arena *arena, struct ranges *ranges, const Value__Ranges *from);
bool ranges_have(const struct ranges *ranges, int64_t number);
/* The number must be in the ranges. */
void ranges_take(struct arena *arena, struct ranges *ranges, int64_t number);

/* How a resource of ours is reserved (see offer-cycle 2.1). */
struct reservation {
    const char *role, *pre_reserved_role; /* "*" or NULL: none */
    const char *principal;
    const char *resource_id;
    const char *framework_id; /* label; NULL: none */
};
Resource *resource_new_scalar(struct arena *arena, const char *name, milli amount,
                              const struct reservation *reservation);
Resource *resource_new_port(struct arena *arena, int64_t port,
                            const struct reservation *reservation);
/* A resource with the reservations of `like` (of which it shares the messages) and another amount;
 * no disk, no allocation. */
Resource *resource_like(struct arena *arena, const Resource *like, milli amount);
/* A shallow copy without allocation, and without persistence and volume when `bare`: what RESERVE
 * and UNRESERVE name (disk.source stays, see offer-cycle 6.1). */
Resource *resource_shallow(struct arena *arena, const Resource *resource, bool bare);
/* Adds persistence and volume. */
void resource_make_volume(struct arena *arena, Resource *resource, const char *persistence_id,
                          const char *principal, const char *container_path);

/* Role of the last reservation in either format, "*" when unreserved. */
const char *resource_role(const Resource *resource);
/* Whether the last reservation is dynamic. */
bool resource_is_dynamic(const Resource *resource);
/* Role below the last reservation: what UNRESERVE gives it back to. */
const char *resource_role_below(const Resource *resource);
/* The framework id label is absent, or there is no id, or both are equal (offer-cycle 1.1). */
bool resource_of_framework(const Resource *resource, const char *framework_id);
/* The single port of a `ports` resource; -1 when it has none or several. */
int64_t resource_port(const Resource *resource);
milli resource_amount(const Resource *resource);
/* Whether its values can be counted: no revocable or shared ones, scalars or ranges. */
bool resource_is_plain(const Resource *resource);

Offer__Operation *operation_reserve(struct arena *arena, Resource *resource);
Offer__Operation *operation_unreserve(struct arena *arena, Resource *resource);
Offer__Operation *operation_create(struct arena *arena, Resource *volume);
Offer__Operation *operation_destroy(struct arena *arena, Resource *volume);
Offer__Operation *operation_launch_group(struct arena *arena, ExecutorInfo *executor,
                                         TaskInfo *task);

char *new_uuid(struct arena *arena, struct idgen *ids);

#endif
