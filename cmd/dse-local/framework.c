/* Frameworks: subscription, failover, disconnection, removal (see offer-cycle 10.3, 10.8). */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "local.h"
#include "proto/pbjson.h"
#include "proto/recordio.h"
#include "rules.h"

struct framework *framework_find(const struct master *m, const char *id)
{
    return map_get(&m->frameworks, id);
}

static const struct role *role_named(const struct role *roles, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(roles[i].name, name) == 0)
            return &roles[i];
    return NULL;
}

bool framework_has_role(const struct framework *f, const char *role)
{
    return role_named(f->roles, f->n_roles, role) != NULL;
}

/* ---- events ---- */

static void encode_event(const Event *event, bool json, struct buf *out)
{
    auto_buf struct buf bytes = BUF_INIT;
    if (json) {
        json_auto json_t *object = pb_to_json(event);
        json_write(&bytes, object, JSON_LAYOUT_COMPACT);
    } else {
        pb_pack(event, &bytes);
    }
    record_frame(out, bytes.data, bytes.len);
}

static void send_on(struct http_conn *conn, bool json, const Event *event)
{
    auto_buf struct buf record = BUF_INIT;
    encode_event(event, json, &record);
    http_send(conn, record.data, record.len);
}

bool framework_send(struct framework *f, const Event *event)
{
    if (!f->conn)
        return false;
    send_on(f->conn, f->json, event);
    return true;
}

static void send_error(struct http_conn *conn, bool json, const char *message)
{
    Event__Error error = EVENT__ERROR__INIT;
    Event event = EVENT__INIT;
    error.message = message;
    event.has_type = 1;
    event.type = EVENT__TYPE__ERROR;
    event.error = &error;
    send_on(conn, json, &event);
    http_end(conn);
}

static void send_heartbeat(struct framework *f)
{
    Event event = EVENT__INIT;
    event.has_type = 1;
    event.type = EVENT__TYPE__HEARTBEAT;
    framework_send(f, &event);
}

static void heartbeat_due(void *ctx)
{
    struct framework *f = ctx;
    loop_timer_in(f->heartbeat, f->master->config.heartbeat_ms);
    send_heartbeat(f);
}

static void send_subscribed(struct framework *f)
{
    const struct master *m = f->master;
    static const MasterInfo__Capability__Type able[] = {MASTER_INFO__CAPABILITY__TYPE__AGENT_UPDATE,
                                                        MASTER_INFO__CAPABILITY__TYPE__QUOTA_V2};
    auto_arena struct arena arena = ARENA_INIT;
    MasterInfo *info = PB_NEW(&arena, MasterInfo, master_info);
    const int port = http_port(m->http);
    struct in_addr ip = {0};
    inet_pton(AF_INET, m->config.host, &ip);
    info->id = arena_strdup(&arena, m->id);
    info->ip = ip.s_addr;
    info->port = (uint32_t)port;
    info->pid = arena_printf(&arena, "master@%s:%d", m->config.host, port);
    info->hostname = arena_strdup(&arena, m->config.host);
    info->version = arena_strdup(&arena, m->config.version);
    info->address = PB_NEW(&arena, Address, address);
    info->address->hostname = info->hostname;
    info->address->ip = info->hostname;
    info->address->port = port;
    info->domain = m->domain;
    for (size_t i = 0; i < ARRAY_LEN(able); i++) {
        MasterInfo__Capability *capability =
            PB_NEW(&arena, MasterInfo__Capability, master_info__capability);
        capability->has_type = 1;
        capability->type = able[i];
        PB_ADD(&arena, info->n_capabilities, info->capabilities, capability);
    }
    FrameworkID id = FRAMEWORK_ID__INIT;
    Event__Subscribed subscribed = EVENT__SUBSCRIBED__INIT;
    Event event = EVENT__INIT;
    id.value = f->id;
    subscribed.framework_id = &id;
    subscribed.has_heartbeat_interval_seconds = 1;
    subscribed.heartbeat_interval_seconds = (double)m->config.heartbeat_ms / 1000;
    subscribed.master_info = info;
    event.has_type = 1;
    event.type = EVENT__TYPE__SUBSCRIBED;
    event.subscribed = &subscribed;
    framework_send(f, &event);
}

/* ---- what a framework is ---- */

static void free_roles(struct framework *f)
{
    for (size_t i = 0; i < f->n_roles; i++)
        free(f->roles[i].name);
    free(f->roles);
    f->roles = NULL;
    f->n_roles = 0;
}

/* Those of f->info. A role that is no longer the framework's loses its filters, and so does one
 * that ends being suppressed, which is a revival. */
static void set_roles(struct framework *f, size_t n_suppressed, const char *const *suppressed)
{
    const char *const *roles;
    const size_t n_roles = framework_roles(f->info, &roles);
    struct role *fresh = xcalloc(n_roles ? n_roles : 1, sizeof *fresh);
    for (size_t i = 0; i < n_roles; i++) {
        fresh[i].name = xstrdup(roles[i]);
        for (size_t j = 0; j < n_suppressed; j++)
            if (strcmp(suppressed[j], roles[i]) == 0)
                fresh[i].suppressed = true;
    }
    for (size_t i = 0; i < f->n_roles; i++) {
        const struct role *old = &f->roles[i], *now = role_named(fresh, n_roles, old->name);
        if (!now || (old->suppressed && !now->suppressed))
            filters_drop(f, old->name);
    }
    free_roles(f);
    f->roles = fresh;
    f->n_roles = n_roles;
}

/* Takes over info (copied); user and checkpoint stay as they were. */
static void set_info(struct framework *f, const FrameworkInfo *info, size_t n_suppressed,
                     const char *const *suppressed)
{
    struct arena fresh = ARENA_INIT;
    FrameworkInfo *own = pb_copy(info, &fresh);
    if (f->info) {
        own->user = arena_strdup(&fresh, f->info->user);
        own->has_checkpoint = f->info->has_checkpoint;
        own->checkpoint = f->info->checkpoint;
    }
    own->id = PB_NEW(&fresh, FrameworkID, framework_id);
    own->id->value = arena_strdup(&fresh, f->id);
    arena_free(&f->arena);
    f->arena = fresh;
    f->info = own;
    f->multi_role = framework_can(own, FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE);
    f->refinement = framework_can(own, FRAMEWORK_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT);
    f->partition_aware = framework_can(own, FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE);
    f->killing_state = framework_can(own, FRAMEWORK_INFO__CAPABILITY__TYPE__TASK_KILLING_STATE);
    f->gpus = framework_can(own, FRAMEWORK_INFO__CAPABILITY__TYPE__GPU_RESOURCES);
    f->region_aware = framework_can(own, FRAMEWORK_INFO__CAPABILITY__TYPE__REGION_AWARE);
    set_roles(f, n_suppressed, suppressed);
    for (struct offer *o = f->offers, *next; o; o = next) { /* of roles it no longer has */
        next = o->next;
        if (!framework_has_role(f, o->role))
            offer_rescind(o, true);
    }
}

static bool was_removed(const struct master *m, const char *id)
{
    for (size_t i = 0; i < REMOVED_REMEMBERED; i++)
        if (m->removed[i] && strcmp(m->removed[i], id) == 0)
            return true;
    return false;
}

static void failover_due(void *ctx)
{
    struct framework *f = ctx;
    log_info("framework '%s' did not come back in time", f->id);
    framework_remove(f);
}

static struct framework *framework_new(struct master *m, const char *id)
{
    struct framework *f = xcalloc(1, sizeof *f);
    f->master = m;
    f->id = id ? xstrdup(id) : xasprintf("%s-%04lu", m->id, m->next_framework++);
    f->heartbeat = loop_timer_add(m->loop, heartbeat_due, f);
    f->failover = loop_timer_add(m->loop, failover_due, f);
    map_put(&m->frameworks, f->id, f);
    return f;
}

/* ---- connection ---- */

static void lost_connection(void *ctx)
{
    struct framework *f = ctx;
    f->conn = NULL;
    log_info("framework '%s' disconnected", f->id);
    loop_timer_stop(f->heartbeat);
    offers_rescind_all(f, false);
    filters_drop(f, NULL);
    const double seconds = f->info->has_failover_timeout ? f->info->failover_timeout : 0;
    loop_timer_in(f->failover, seconds > 0 ? (int64_t)(seconds * 1000) : 0);
}

void framework_disconnect(struct framework *f)
{
    if (!f->conn)
        return;
    struct http_conn *conn = f->conn;
    lost_connection(f);
    http_abort(conn);
}

static int check_subscribe(const struct master *m, const Call__Subscribe *call, struct buf *why)
{
    const FrameworkInfo *info = call->framework_info;
    const char *id = framework_id_of(info);
    if (check_framework(info, why))
        return -1;
    if (id && was_removed(m, id))
        return refuse(why, "Framework has been removed");
    if (check_suppressed(info, call->n_suppressed_roles, call->suppressed_roles, why) ||
        check_constraints(info, call->offer_constraints, why))
        return -1;
    const struct framework *f = id ? framework_find(m, id) : NULL;
    const char *old = f && f->info->principal ? f->info->principal : "";
    if (f && strcmp(old, info->principal ? info->principal : "") != 0)
        return refuse(why, "Changing framework's principal is not allowed.");
    return 0;
}

static void open_stream(struct master *m, struct http_conn *conn, bool json, loop_fn *on_close,
                        void *ctx, char ret_stream_id[UUID_TEXT])
{
    auto_arena struct arena arena = ARENA_INIT;
    idgen_uuid(&m->ids, ret_stream_id);
    http_stream(conn, json ? "application/json" : "application/x-protobuf",
                arena_printf(&arena, "Mesos-Stream-Id: %s\r\n", ret_stream_id), on_close, ctx);
}

void framework_subscribe(struct master *m, struct http_conn *conn, bool json,
                         const Call__Subscribe *call)
{
    auto_buf struct buf why = BUF_INIT;
    if (check_subscribe(m, call, &why)) {
        char unused[UUID_TEXT];
        open_stream(m, conn, json, NULL, NULL, unused);
        send_error(conn, json, buf_str(&why));
        return;
    }
    const FrameworkInfo *info = call->framework_info;
    const char *id = framework_id_of(info);
    struct framework *f = id ? framework_find(m, id) : NULL;
    const bool known = f != NULL;
    if (!f)
        f = framework_new(m, id);
    if (f->conn) {
        struct http_conn *old = f->conn;
        f->conn = NULL;
        send_error(old, f->json, "Framework failed over");
        offers_rescind_all(f, false); /* its filters stay: it was never disconnected */
    }
    loop_timer_stop(f->failover);
    set_info(f, info, call->n_suppressed_roles, call->suppressed_roles);
    f->json = json;
    f->conn = conn;
    open_stream(m, conn, json, lost_connection, f, f->stream_id);
    log_info("framework '%s' subscribed", f->id);
    send_subscribed(f);
    send_heartbeat(f);
    if (!f->conn)
        return; /* gone again already */
    loop_timer_in(f->heartbeat, m->config.heartbeat_ms);
    if (known)
        updates_resend(f);
    alloc_soon(m);
}

/* What may not change without a new subscription. */
static int check_same(const FrameworkInfo *old, const FrameworkInfo *info, struct buf *why)
{
    const char *principal = old->principal ? old->principal : "";
    if (strcmp(principal, info->principal ? info->principal : "") != 0)
        return refuse(why, "Changing framework's principal is not allowed.");
    if (strcmp(old->user, info->user) != 0)
        return refuse(
            why,
            "Updating 'FrameworkInfo.user' is unsupported; attempted to update from '%s' to "
            "'%s'",
            old->user, info->user);
    if (old->checkpoint != info->checkpoint)
        return refuse(why,
                      "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update "
                      "from '%s' to '%s'",
                      old->checkpoint ? "true" : "false", info->checkpoint ? "true" : "false");
    return 0;
}

int framework_update(struct framework *f, const Call__UpdateFramework *call, struct buf *why)
{
    const FrameworkInfo *info = call->framework_info;
    if (check_framework(info, why))
        return refuse_prefix(why, "Supplied FrameworkInfo is not valid: ");
    if (check_same(f->info, info, why))
        return refuse_prefix(why, "FrameworkInfo update is not valid: ");
    if (check_suppressed(info, call->n_suppressed_roles, call->suppressed_roles, why) ||
        check_constraints(info, call->offer_constraints, why))
        return refuse_prefix(why, "'UpdateFramework' call is not valid: ");
    set_info(f, info, call->n_suppressed_roles, call->suppressed_roles);
    alloc_soon(f->master);
    return 0;
}

/* ---- removal ---- */

static void framework_free(struct framework *f)
{
    struct master *m = f->master;
    offers_rescind_all(f, false);
    filters_drop(f, NULL);
    for (size_t i = 0; i < m->n_agents; i++)
        for (struct executor *e = m->agents[i]->executors, *next; e; e = next) {
            next = e->next;
            if (e->framework == f)
                executor_destroy(e);
        }
    /* What is left had ended and waits for its acknowledgement. */
    for (MAP_EACH(&f->tasks, e))
        if (MAP_LIVE(e))
            task_free(e->value);
    map_free(&f->tasks);
    operations_free(f);
    loop_timer_del(f->heartbeat);
    loop_timer_del(f->failover);
    map_take(&m->frameworks, f->id);
    free_roles(f);
    arena_free(&f->arena);
    free(f->id);
    free(f);
}

void framework_remove(struct framework *f)
{
    struct master *m = f->master;
    if (f->conn) {
        struct http_conn *conn = f->conn;
        f->conn = NULL;
        http_end(conn);
    }
    free(m->removed[m->next_removed]);
    m->removed[m->next_removed] = xstrdup(f->id);
    m->next_removed = (m->next_removed + 1) % REMOVED_REMEMBERED;
    framework_free(f);
}

void frameworks_free(struct master *m)
{
    for (MAP_EACH(&m->frameworks, e))
        if (MAP_LIVE(e))
            framework_free(e->value);
    map_free(&m->frameworks);
}
