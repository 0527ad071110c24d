/* What the master knows of the framework: roles and capabilities that the target wants
 * (see offer-cycle 2.2). */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cycle/internal.h"

static bool wants_gpus(const struct service_spec *spec)
{
    for (size_t i = 0; i < spec->n_pods; i++)
        for (size_t j = 0; j < spec->pods[i].n_tasks; j++) {
            const struct resource_set *set = spec->pods[i].tasks[j].resource_set;
            for (size_t k = 0; set && k < set->n_resources; k++)
                if (strcmp(set->resources[k].name, "gpus") == 0)
                    return true;
        }
    return false;
}

/* With the id when there is one and it is asked for. */
static FrameworkInfo *framework_info(struct cycle *cycle, bool with_id)
{
    const struct cluster_caps *caps = &cycle->options.caps;
    const struct framework_caps wanted = {
        .partition_aware = caps->partition_aware,
        .gpus = caps->gpus && wants_gpus(cycle->target),
        .region_aware = caps->fault_domains && cycle->options.settings.region_aware,
    };
    return offer_framework_info(cycle->target, with_id ? cycle->framework_id : NULL, &cycle->roles,
                                &wanted, &cycle->scratch);
}

void framework_update_roles(struct cycle *cycle)
{
    arena_reset(&cycle->roles_arena);
    offer_roles(cycle->target, &cycle->options.settings, cycle->state, &cycle->roles_arena,
                &cycle->roles);
}

/* Whether the master is of that version or later; one that does not tell counts as new. */
static bool master_is_from(const MasterInfo *master, int major, int minor)
{
    const char *version = master ? master->version : NULL;
    int have_major, have_minor;

    if (!version || sscanf(version, "%d.%d", &have_major, &have_minor) != 2)
        return true;
    return have_major > major || (have_major == major && have_minor >= minor);
}

void framework_note_master(struct cycle *cycle, const MasterInfo *master)
{
    struct offer_settings *settings = &cycle->options.settings;

    settings->share_cgroups_false = master_is_from(master, 1, 10);
    settings->operation_ids =
        settings->operation_feedback && master && master->version && master_is_from(master, 1, 8);
    cycle->updates_framework = master_is_from(master, 1, 9);
}

/* A master before 1.9 takes changes only with a subscription, which wants a connection of its own:
 * the next start makes one. Nothing is lost by that: what is not stored yet is done then. */
static void update(struct cycle *cycle)
{
    if (!cycle->updates_framework) {
        cycle_stop(
            cycle, EXIT_UNREACHABLE,
            "the target wants other roles or capabilities, which this master takes only with "
            "a new connection: start again");
        return;
    }
    Call *call = cycle_call(cycle, CALL__TYPE__UPDATE_FRAMEWORK);
    call->update_framework = PB_NEW(&cycle->scratch, Call__UpdateFramework, call__update_framework);
    call->update_framework->framework_info = framework_info(cycle, true);
    cycle_send(cycle, call);
    cycle->suppressed = false; /* by naming no suppressed role */
    log_info("the framework's roles or capabilities change with the target");
}

static void subscribe(struct cycle *cycle)
{
    Call *call = cycle_call(cycle, CALL__TYPE__SUBSCRIBE);

    call->subscribe = PB_NEW(&cycle->scratch, Call__Subscribe, call__subscribe);
    call->subscribe->framework_info = framework_info(cycle, true);
    if (cycle->framework_id) {
        call->framework_id = PB_NEW(&cycle->scratch, FrameworkID, framework_id);
        call->framework_id->value = cycle->framework_id;
    }
    cycle_send(cycle, call);
}

void cycle_subscribe(struct cycle *cycle)
{
    if (!cycle->connected || !cycle->target || cycle->stopped)
        return;
    auto_buf struct buf wanted = BUF_INIT;
    framework_update_roles(cycle);
    pb_pack(framework_info(cycle, false), &wanted);
    const bool same = wanted.len == cycle->framework_info.len &&
                      memcmp(buf_str(&wanted), buf_str(&cycle->framework_info), wanted.len) == 0;
    if (cycle->subscribed && same)
        return;
    buf_clear(&cycle->framework_info);
    buf_add(&cycle->framework_info, wanted.data, wanted.len);
    if (cycle->subscribed)
        update(cycle);
    else
        subscribe(cycle);
}
