/* Which resource ids the stored tasks hold (see state-store 4.4, offer-cycle 7.1). */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "state/state_impl.h"
#include "state/wire.h"

void resource_table_free(struct resource_table *table)
{
    free(table->slots);
    *table = (struct resource_table){0};
}

/* ---- ids inside an encoded TaskInfo ---- */

struct id_walk {
    void (*fn)(void *ctx, const char *id, size_t len);
    void *ctx;
    struct span id;
};

static void take_label(void *ctx, struct span key, struct span value)
{
    struct id_walk *walk = ctx;

    if (span_is(key, "resource_id"))
        walk->id = value;
}

/* Resource: the last of `reservations` (13), else `reservation` (8); its labels are field 2. */
static void walk_resource(const struct wire_field *resource, struct id_walk *walk)
{
    struct span refined = wire_get(resource->data, resource->len, 13);
    struct span own = refined.data ? refined : wire_get(resource->data, resource->len, 8);
    struct span labels = own.data ? wire_get(own.data, own.len, 2) : own;

    if (!labels.data)
        return;
    walk->id = (struct span){NULL, 0};
    wire_labels(labels.data, labels.len, take_label, walk);
    if (walk->id.data)
        walk->fn(walk->ctx, walk->id.data, walk->id.len);
}

static void walk_resources(const void *data, size_t len, uint32_t number, struct id_walk *walk)
{
    struct wire w = wire_of(data, len);
    struct wire_field f;

    while (wire_next(&w, &f)) {
        if (f.number == number && f.type == WIRE_BYTES)
            walk_resource(&f, walk);
    }
}

void each_resource_id(const void *info, size_t len,
                      void (*fn)(void *ctx, const char *id, size_t id_len), void *ctx)
{
    struct id_walk walk = {.fn = fn, .ctx = ctx};
    struct span executor = wire_get(info, len, 5);

    walk_resources(info, len, 4, &walk);
    if (executor.data)
        walk_resources(executor.data, executor.len, 5, &walk);
}

/* ---- the table: open addressing, linear probing ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void key_of(const char *id, size_t len, unsigned char key[16])
{
    char text[UUID_TEXT];

    /* Ids are UUIDs; any other text is hashed to one. */
    if (len == UUID_TEXT - 1) {
        memcpy(text, id, len);
        text[len] = '\0';
    }
    if (len != UUID_TEXT - 1 || !uuid_is_canonical(text)) {
        auto_free char *copy = xstrndup(id, len);
        uuid_of_name(copy, text);
    }
    for (size_t i = 0, at = 0; i < 16; at++) {
        if (text[at] == '-')
            continue;
        key[i++] = (unsigned char)(hex(text[at]) << 4 | hex(text[at + 1]));
        at++;
    }
}

static size_t home_of(const struct resource_table *table, const unsigned char key[16])
{
    uint64_t a, b;

    memcpy(&a, key, 8);
    memcpy(&b, key + 8, 8);
    a = (a ^ b) * 0x9e3779b97f4a7c15;
    return (size_t)(a >> 20) & (table->room - 1);
}

static size_t slot_of(const struct resource_table *table, const unsigned char key[16])
{
    size_t at = home_of(table, key);

    while (table->slots[at].holders && memcmp(table->slots[at].key, key, 16) != 0)
        at = (at + 1) & (table->room - 1);
    return at;
}

static void grow(struct resource_table *table)
{
    struct resource_table old = *table;

    table->room = old.room ? old.room * 2 : 64;
    table->slots = xcalloc(table->room, sizeof *table->slots);
    for (size_t i = 0; i < old.room; i++) {
        if (old.slots[i].holders)
            table->slots[slot_of(table, old.slots[i].key)] = old.slots[i];
    }
    free(old.slots);
}

/* Empties a slot and moves up those behind it that no longer reach their place. */
static void empty_slot(struct resource_table *table, size_t at)
{
    const size_t mask = table->room - 1;
    size_t hole = at;

    table->count--;
    for (size_t i = (at + 1) & mask; table->slots[i].holders; i = (i + 1) & mask) {
        size_t home = home_of(table, table->slots[i].key);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            table->slots[hole] = table->slots[i];
            hole = i;
        }
    }
    table->slots[hole] = (struct resource_slot){0};
}

struct change {
    struct resource_table *table;
    struct task *task;
    bool expected;
};

static void add_one(void *ctx, const char *id, size_t len)
{
    const struct change *change = ctx;
    struct resource_table *table = change->table;
    unsigned char key[16];

    if (table->count * 3 >= table->room * 2)
        grow(table);
    key_of(id, len, key);
    struct resource_slot *slot = &table->slots[slot_of(table, key)];
    if (!slot->holders) {
        memcpy(slot->key, key, 16);
        table->count++;
    }
    if (!slot->owner)
        slot->owner = change->task;
    slot->holders++;
    slot->expected += change->expected;
}

static void remove_one(void *ctx, const char *id, size_t len)
{
    const struct change *change = ctx;
    struct resource_table *table = change->table;
    unsigned char key[16];

    key_of(id, len, key);
    size_t at = slot_of(table, key);
    struct resource_slot *slot = &table->slots[at];
    if (!slot->holders)
        return;
    if (slot->owner == change->task)
        slot->owner = NULL;
    slot->expected -= change->expected;
    if (--slot->holders == 0)
        empty_slot(table, at);
}

void resource_table_add(struct resource_table *table, struct task *task, const void *info,
                        size_t len, bool expected)
{
    struct change change = {table, task, expected};

    each_resource_id(info, len, add_one, &change);
}

void resource_table_remove(struct resource_table *table, const struct task *task, const void *info,
                           size_t len, bool expected)
{
    struct change change = {table, (struct task *)task, expected};

    if (table->room)
        each_resource_id(info, len, remove_one, &change);
}

const struct resource_slot *resource_table_find(const struct resource_table *table, const char *id)
{
    unsigned char key[16];

    if (!table->room)
        return NULL;
    key_of(id, strlen(id), key);
    const struct resource_slot *slot = &table->slots[slot_of(table, key)];
    return slot->holders ? slot : NULL;
}
