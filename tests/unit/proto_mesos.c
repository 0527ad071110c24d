/* The helpers on Mesos messages: states, labels, reservations, ids. */
#include "proto/mesos.h"

#include "tap.h"

static void states(void)
{
    /* One letter a state, by number: t terminal, d dead but not terminal, u dead without recovery,
     * - alive (see plans-and-recovery 5.1). */
    static const char want[] = "--tttd-t-tdtdu";

    for (int i = 0; i <= TASK_STATE__TASK_UNKNOWN; i++) {
        TaskState state = (TaskState)i;
        CHECK_INT(task_state_is_terminal(state), want[i] == 't');
        CHECK_INT(task_state_is_dead(state), want[i] != '-');
        CHECK_INT(task_state_needs_recovery(state), want[i] == 't' || want[i] == 'd');
    }
}

static void labels(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    Labels *set = labels_set(&arena, NULL, "m", "1");

    set = labels_set(&arena, set, "z", "2");
    set = labels_set(&arena, set, "a", "3");
    set = labels_set(&arena, set, "m", "4");
    CHECK_INT(set->n_labels, 3);
    CHECK_STR(set->labels[0]->key, "a");
    CHECK_STR(set->labels[1]->key, "m");
    CHECK_STR(set->labels[2]->key, "z");
    CHECK_STR(labels_get(set, "m"), "4");
    CHECK_STR(labels_get(set, "q"), NULL);
    CHECK_STR(labels_get(NULL, "m"), NULL);

    /* A foreign set: not sorted, with a key twice; the last one counts. */
    Label *x1 = PB_NEW(&arena, Label, label), *b = PB_NEW(&arena, Label, label);
    Label *x2 = PB_NEW(&arena, Label, label);
    x1->key = x2->key = "x";
    b->key = "b";
    x1->value = "old";
    x2->value = "new";
    Label *foreign[] = {x1, b, x2};
    Labels *other = PB_NEW(&arena, Labels, labels);
    other->labels = foreign;
    other->n_labels = 3;
    CHECK_STR(labels_get(other, "x"), "new");
    other = labels_set(&arena, other, "k", NULL);
    CHECK_INT(other->n_labels, 3);
    CHECK_STR(other->labels[0]->key, "b");
    CHECK_STR(other->labels[1]->key, "k");
    CHECK_STR(other->labels[2]->value, "new");
}

static Resource__ReservationInfo *reserved(struct arena *arena, const char *id)
{
    Resource__ReservationInfo *info =
        PB_NEW(arena, Resource__ReservationInfo, resource__reservation_info);

    info->labels = id ? labels_set(arena, NULL, "resource_id", id) : NULL;
    return info;
}

static void reservations(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    Resource *r = PB_NEW(&arena, Resource, resource);

    CHECK(resource_reservation(r) == NULL);
    CHECK_STR(resource_id(r), NULL);
    r->reservation = reserved(&arena, "old-format");
    CHECK_STR(resource_id(r), "old-format");
    PB_ADD(&arena, r->n_reservations, r->reservations, reserved(&arena, NULL));
    CHECK_STR(resource_id(r), NULL);
    PB_ADD(&arena, r->n_reservations, r->reservations, reserved(&arena, "refined"));
    CHECK_STR(resource_id(r), "refined");

    CHECK(!resource_is_volume(r) && !resource_is_mount(r));
    r->disk = PB_NEW(&arena, Resource__DiskInfo, resource__disk_info);
    CHECK(!resource_is_volume(r) && !resource_is_mount(r));
    r->disk->persistence =
        PB_NEW(&arena, Resource__DiskInfo__Persistence, resource__disk_info__persistence);
    CHECK(resource_is_volume(r) && !resource_is_mount(r));
    r->disk->source = PB_NEW(&arena, Resource__DiskInfo__Source, resource__disk_info__source);
    r->disk->source->type = RESOURCE__DISK_INFO__SOURCE__TYPE__PATH;
    CHECK(!resource_is_mount(r));
    r->disk->source->type = RESOURCE__DISK_INFO__SOURCE__TYPE__MOUNT;
    CHECK(resource_is_mount(r));
}

static void ids(void)
{
    static const struct {
        const char *id, *name, *service;
    } cases[] = {
        {"dse-0-node__u", "dse-0-node", NULL},
        {"path.to.svc__dse-0-node__u", "dse-0-node", "path.to.svc"},
        {"x__svc__t__u", "t", "svc"},
        {"svc____u", "", "svc"},
        {"other___u", "other_", NULL},
        {"nothing", NULL, NULL},
        {"", NULL, NULL},
        {"_", NULL, NULL},
        {"__", "", NULL},
    };
    auto_arena struct arena arena = ARENA_INIT;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_STR(task_name_of_id(&arena, cases[i].id), cases[i].name);
        CHECK_STR(service_of_id(&arena, cases[i].id), cases[i].service);
    }
    CHECK_STR(make_task_id(&arena, "/path/to/svc/", "dse-0-node", "u"),
              "path.to.svc__dse-0-node__u");
    CHECK_STR(make_task_id(&arena, "dse", "n", "u"), "dse__n__u");
    CHECK_STR(make_task_id(&arena, "d__se", "n", "u"), NULL);
    CHECK_STR(make_task_id(&arena, "dse", "n__m", "u"), NULL);
}

TAP_MAIN(TEST(states), TEST(labels), TEST(reservations), TEST(ids))
