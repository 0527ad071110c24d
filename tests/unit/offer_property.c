/* Random services, agents and events; what must hold after each step whatever happens:
 *   - a strict master carries out everything that was accepted (offer_world.h)
 *   - evaluation changes neither offers nor state
 *   - the quick answer equals the full one
 *   - the order of an offer's resources does not matter, MOUNT disks aside
 *   - at rest, the reservations on the agents are those in the state, amounts included */
#include "offer_world.h"

static struct idgen dice;

static bool chance(unsigned percent)
{
    return idgen_below(&dice, 100) < percent;
}

static int between(int low, int high)
{
    return low + (int)idgen_below(&dice, (uint64_t)(high - low + 1));
}

/* ---- random services ---- */

/* Volumes may not change between configurations, so they are drawn once. */
struct pod_draw {
    int n_tasks;
    int set_of[3]; /* tasks may share a set */
    int volumes[3], pod_volumes;
    bool mount[3];
};

static void add_set(struct buf *out, const struct pod_draw *pod, int set)
{
    buf_addf(out, "\"resource-set\":{\"id\":\"set%d\",\"resource-specifications\":[", set);
    buf_addf(out,
             "{\"@type\":\"DefaultResourceSpec\",\"name\":\"cpus\",\"value\":{\"type\":\"SCALAR\","
             "\"scalar\":{\"value\":%d.%d}},\"role\":\"dse-role\",\"pre-reserved-role\":\"*\","
             "\"principal\":\"dse-principal\"},",
             between(0, 1), between(1, 9));
    buf_addf(out,
             "{\"@type\":\"DefaultResourceSpec\",\"name\":\"mem\",\"value\":{\"type\":\"SCALAR\","
             "\"scalar\":{\"value\":%d}},\"role\":\"dse-role\",\"pre-reserved-role\":\"*\","
             "\"principal\":\"dse-principal\"}",
             between(1, 5) * 100);
    for (int i = between(0, 2); i > 0; i--) {
        int port = chance(50) ? 0 : 9000 + set * 10 + i;
        buf_addf(out,
                 ",{\"@type\":\"PortSpec\",\"value\":{\"type\":\"RANGES\",\"ranges\":{\"range\":[{"
                 "\"begin\":%d,\"end\":%d}]}},\"role\":\"dse-role\",\"pre-reserved-role\":\"*\","
                 "\"principal\":\"dse-principal\",\"env-key\":\"P%d\",\"port-name\":\"p%d-%d\","
                 "\"visibility\":\"CLUSTER\",\"network-names\":[],\"ranges\":[],\"name\":"
                 "\"ports\"}",
                 port, port, i, i, between(0, 1));
    }
    buf_adds(out, "],\"volume-specifications\":[");
    for (int i = 0; i < pod->volumes[set]; i++)
        buf_addf(out,
                 "%s{\"@type\":\"DefaultVolumeSpec\",\"type\":\"%s\",\"container-path\":"
                 "\"v%d-%d\",\"profiles\":[],\"name\":\"disk\",\"value\":{\"type\":\"SCALAR\","
                 "\"scalar\":{\"value\":100}},\"role\":\"dse-role\",\"pre-reserved-role\":"
                 "\"*\",\"principal\":\"dse-principal\"}",
                 i ? "," : "", pod->mount[set] ? "MOUNT" : "ROOT", set, i);
    buf_adds(out, "],\"role\":\"dse-role\",\"principal\":\"dse-principal\",\"resource-limits\":{"
                  "\"cpus\":null,\"memory\":null}}");
}

static char *draw_spec(struct arena *arena, const struct pod_draw *pod)
{
    auto_buf struct buf out = BUF_INIT;
    char *sets[3] = {NULL};
    for (int i = 0; i < 3; i++) {
        auto_buf struct buf set = BUF_INIT;
        add_set(&set, pod, i);
        sets[i] = arena_strdup(arena, buf_str(&set));
    }
    buf_adds(&out,
             "{\"name\":\"dse\",\"role\":\"dse-role\",\"principal\":\"dse-principal\",\"user\":"
             "\"nobody\",\"goal\":\"RUNNING\",\"region\":null,\"web-url\":null,\"zookeeper\":"
             "\"m:2181\",\"replacement-failure-policy\":null,\"pod-specs\":[{\"type\":\"dse\","
             "\"user\":\"nobody\",\"count\":4,\"allow-decommission\":false,\"image\":null,"
             "\"networks\":[],\"rlimits\":[],\"uris\":[],\"task-specs\":[");
    for (int i = 0; i < pod->n_tasks; i++)
        buf_addf(
            &out,
            "%s{\"name\":\"t%d\",\"goal\":\"RUNNING\",\"essential\":true,%s,\"command-spec\":{"
            "\"value\":\"x\",\"environment\":{}},\"task-labels\":{},\"health-check-spec\":null,"
            "\"readiness-check-spec\":null,\"config-files\":[],\"discovery-spec\":null,"
            "\"kill-grace-period\":0,\"transport-encryption\":[],\"ipc-mode\":null,"
            "\"shm-size\":null}",
            i ? "," : "", i, sets[pod->set_of[i]]);
    buf_adds(&out, "],\"placement-rule\":" MAX_PER_HOST(6, "dse-.*") ",\"volumes\":[");
    for (int i = 0; i < pod->pod_volumes; i++)
        buf_addf(
            &out,
            "%s{\"@type\":\"DefaultVolumeSpec\",\"type\":\"ROOT\",\"container-path\":\"pod%d\","
            "\"profiles\":[],\"name\":\"disk\",\"value\":{\"type\":\"SCALAR\",\"scalar\":{"
            "\"value\":50}},\"role\":\"dse-role\",\"pre-reserved-role\":\"*\",\"principal\":"
            "\"dse-principal\"}",
            i ? "," : "", i);
    buf_adds(&out, "],\"pre-reserved-role\":\"*\",\"secrets\":[],\"share-pid-namespace\":false,"
                   "\"host-volumes\":[],\"external-volumes\":[],\"seccomp-unconfined\":false,"
                   "\"seccomp-profile-name\":null,\"ipc-mode\":null,\"shm-size\":null}]}");
    return arena_strndup(arena, buf_str(&out), out.len);
}

static struct pod_draw draw_pod(void)
{
    struct pod_draw pod = {.n_tasks = between(1, 3), .pod_volumes = between(0, 2)};
    for (int i = 0; i < 3; i++) {
        pod.set_of[i] = i && chance(30) ? pod.set_of[i - 1] : i;
        pod.volumes[i] = between(0, 2);
        pod.mount[i] = chance(30);
    }
    return pod;
}

static void draw_agent(struct world *w, int index)
{
    auto_buf struct buf out = BUF_INIT;
    buf_addf(&out,
             "[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":%d.%d}},{\"name\":"
             "\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":%d}},{\"name\":\"disk\",\"type\":"
             "\"SCALAR\",\"scalar\":{\"value\":%d}},{\"name\":\"ports\",\"type\":\"RANGES\","
             "\"ranges\":{\"range\":[{\"begin\":9000,\"end\":9100},{\"begin\":31000,\"end\":31010}]"
             "}}",
             between(1, 6), between(0, 9), between(500, 4000), between(500, 4000));
    for (int i = between(0, 4); i > 0; i--)
        buf_addf(&out,
                 ",{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":%d},\"disk\":{"
                 "\"source\":{\"type\":\"MOUNT\",\"mount\":{\"root\":\"/m%d\"}}}}",
                 between(50, 300), i);
    buf_adds(&out, "]");
    char host[] = {'h', (char)('0' + index), '\0'};
    world_agent(w, host, buf_str(&out), NULL);
}

/* ---- what must hold ---- */

static char *state_text(struct world *w)
{
    auto_buf struct buf out = BUF_INIT;
    for (struct task *t = state_task_first(w->state); t; t = state_task_after(w->state, t)) {
        ssize_t len;
        auto_free char *path = xasprintf("Tasks/%s/TaskInfo", t->name);
        const char *bytes = state_get(w->state, path, &len);
        if (bytes)
            buf_add(&out, bytes, (size_t)len);
        buf_addf(&out, "|%s|%d|", t->id, (int)t->status_state);
    }
    char *text = arena_alloc(&w->arena, out.len + 8);
    memcpy(text, &out.len, sizeof out.len);
    memcpy(text + sizeof out.len, out.len ? out.data : "", out.len);
    return text;
}

static bool same_bytes(const char *a, const char *b)
{
    size_t n, m;
    memcpy(&n, a, sizeof n);
    memcpy(&m, b, sizeof m);
    return n == m && memcmp(a, b, n + sizeof n) == 0;
}

static const char *answer(struct world *w, const struct requirement *need, Offer *offer,
                          bool explain, struct evaluation *ret)
{
    struct offer_context context = world_context(w);
    struct idgen ids = w->ids;
    auto_buf struct buf out = BUF_INIT;
    context.ids = &ids; /* each way of asking draws the same ids */
    context.explain = explain;
    offer_evaluate(&context, need, &offer, 1, ret);
    if (ret->pass) {
        json_auto json_t *json = world_json(ret, need);
        json_object_del(json, "explanation");
        json_write(&out, json, JSON_LAYOUT_COMPACT);
    }
    return arena_strndup(&w->arena, buf_str(&out), out.len);
}

/* Another order of the same resources; disks stay behind each other as they were. */
static Offer *shuffled(struct world *w, const Offer *offer)
{
    Offer *copy = pb_copy(offer, &w->arena);
    for (size_t i = 0; i + 1 < copy->n_resources; i++) {
        size_t j = i + (size_t)idgen_below(&dice, copy->n_resources - i);
        Resource *a = copy->resources[i], *b = copy->resources[j];
        if (a->disk || b->disk)
            continue;
        copy->resources[i] = b;
        copy->resources[j] = a;
    }
    for (size_t i = 0; i < copy->n_resources; i++) {
        Value__Ranges *ranges = copy->resources[i]->ranges;
        if (!ranges || ranges->n_range < 2 || resource_id(copy->resources[i]))
            continue;
        Value__Range *first = ranges->range[0];
        ranges->range[0] = ranges->range[ranges->n_range - 1];
        ranges->range[ranges->n_range - 1] = first;
    }
    return copy;
}

static void try_place(struct world *w, struct agent *a, const struct requirement *need)
{
    struct evaluation quick, full, other, e;
    Offer *offer = world_offer(w, a), *before = pb_copy(offer, &w->arena);
    const char *state_before = state_text(w);
    const char *first = answer(w, need, offer, false, &quick);
    const char *second = answer(w, need, offer, true, &full);
    const char *third = answer(w, need, shuffled(w, offer), true, &other);
    CHECK(pb_equal(offer, before));
    CHECK(same_bytes(state_before, state_text(w)));
    CHECK_INT(quick.pass, full.pass);
    CHECK_STR(first, second);
    CHECK_STR(second, third);
    CHECK_INT(quick.n_failed == 0, quick.pass);
    if (!quick.pass)
        CHECK(quick.shortfall.kind != SHORT_NONE && quick.shortfall.kind == full.shortfall.kind);
    world_place(w, a, need, &e); /* the master of the world complains itself */
}

static void clean_up(struct world *w)
{
    struct strings roles;
    offer_roles(w->spec, &w->settings, NULL, &w->arena, &roles);
    for (size_t i = 0; i < w->n_agents; i++) {
        struct cleanup cleanup = {0};
        Offer *offer = world_offer(w, w->agents[i]);
        const struct reservation_owner us = {"5d7b1a52-0007", w->spec->principal, &roles};
        offer_cleanup(w->state, &us, false, &offer, 1, &w->arena, &cleanup);
        if (!world_accept(w, w->agents[i], cleanup.operations, cleanup.n_operations)) {
            printf("# clean-up refused: %s\n", w->problem);
            tap_failures++;
        }
    }
}

struct ledger {
    const char *id;
    const Resource *resource;
    milli amount;
};

static void enter(struct world *w, struct ledger **list, size_t *n, const Resource *r)
{
    const char *id = resource_id(r);
    if (!id)
        return;
    for (size_t i = 0; i < *n; i++)
        if (strcmp((*list)[i].id, id) == 0)
            return;
    *ARENA_PUSH(&w->arena, *list, *n) = (struct ledger){id, r, resource_amount(r)};
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct ledger *)a)->id, ((const struct ledger *)b)->id);
}

/* At rest: nothing reserved that is not recorded, nothing recorded that is not reserved. */
static void check_at_rest(struct world *w)
{
    struct ledger *stored = NULL, *real = NULL;
    size_t n_stored = 0, n_real = 0;
    for (struct task *t = state_task_first(w->state); t; t = state_task_after(w->state, t)) {
        TaskInfo *info = state_task_info(w->state, t, &w->arena, NULL);
        for (size_t i = 0; !t->permanently_failed && i < info->n_resources; i++)
            enter(w, &stored, &n_stored, info->resources[i]);
        for (size_t i = 0; !t->permanently_failed && i < info->executor->n_resources; i++)
            enter(w, &stored, &n_stored, info->executor->resources[i]);
    }
    for (size_t i = 0; i < w->n_agents; i++)
        for (size_t j = 0; j < w->agents[i]->n_held; j++)
            if (w->agents[i]->held[j].resource)
                enter(w, &real, &n_real, w->agents[i]->held[j].resource);
    CHECK_INT(n_stored, n_real);
    if (n_stored == 0 || n_real == 0)
        return;
    qsort(stored, n_stored, sizeof *stored, by_id);
    qsort(real, n_real, sizeof *real, by_id);
    for (size_t i = 0; i < n_stored && i < n_real; i++) {
        CHECK_STR(stored[i].id, real[i].id);
        CHECK_INT(stored[i].amount, real[i].amount);
        CHECK(world_same_kind(w, stored[i].resource, real[i].resource));
    }
}

/* ---- one life of a service ---- */

static void end_some(struct world *w, unsigned percent)
{
    for (struct task *t = state_task_first(w->state); t; t = state_task_after(w->state, t))
        if (*t->id && t->status_id && t->status_state == TASK_STATE__TASK_RUNNING &&
            chance(percent))
            world_end(w, t->name, TASK_STATE__TASK_FAILED);
}

static void replace_one(struct world *w, int index)
{
    struct txn *txn = txn_new();
    for (struct task *t = state_pod(w->state, "dse", index); t; t = t->next_in_pod) {
        if (*t->id && t->status_state == TASK_STATE__TASK_RUNNING)
            world_end(w, t->name, TASK_STATE__TASK_KILLED);
        state_mark_permanently_failed(w->state, txn, t);
    }
    txn_free(txn);
}

/* Tasks that do not run now and whose set nobody uses. */
static void launch_some(struct world *w, const struct pod_draw *pod, int index)
{
    bool busy[3] = {false};
    auto_buf struct buf tasks = BUF_INIT;
    for (int i = 0; i < pod->n_tasks; i++) {
        auto_free char *name = xasprintf("dse-%d-t%d", index, i);
        const struct task *t = state_task(w->state, name);
        busy[pod->set_of[i]] |= t && *t->id && t->status_state == TASK_STATE__TASK_RUNNING;
    }
    for (int i = 0; i < pod->n_tasks; i++)
        if (!busy[pod->set_of[i]] && chance(70)) {
            busy[pod->set_of[i]] = true;
            buf_addf(&tasks, "%st%d", tasks.len ? " " : "", i);
        }
    if (tasks.len == 0)
        return;
    struct requirement need = world_requirement(w, "dse", index, buf_str(&tasks));
    for (size_t i = 0; i < w->n_agents; i++) {
        size_t before = w->agents[i]->n_tasks;
        try_place(w, w->agents[i], &need);
        if (w->agents[i]->n_tasks != before)
            return;
    }
}

static size_t launches;

static void one_life(uint64_t seed)
{
    dice.seed = seed;
    struct pod_draw pod = draw_pod();
    auto_arena struct arena texts = ARENA_INIT;
    auto_world struct world *w = world_new(draw_spec(&texts, &pod));
    for (int i = 0; i < 3; i++)
        draw_agent(w, i);
    for (int step = 0; step < 25; step++) {
        switch (between(0, 9)) {
        case 0:
            world_respec(w, draw_spec(&texts, &pod));
            break;
        case 1:
            w->settings.executor_cpus = between(1, 3) * 0.1;
            w->settings.executor_mem_mb = between(1, 2) * 32;
            break;
        case 2:
            replace_one(w, between(0, 3));
            clean_up(w);
            break;
        case 3:
        case 4:
            end_some(w, 60);
            break;
        default:
            launch_some(w, &pod, between(0, 3));
        }
    }
    for (size_t i = 0; i < w->n_agents; i++)
        launches += w->agents[i]->n_tasks;
    end_some(w, 100);
    clean_up(w);
    check_at_rest(w);
    clean_up(w); /* once is enough */
    check_at_rest(w);
}

static void test_lives(void)
{
    const char *from = getenv("DSE_TEST_SEED");
    uint64_t seed = from ? strtoull(from, NULL, 10) : 20261122;
    printf("# seed %llu (DSE_TEST_SEED)\n", (unsigned long long)seed);
    int lives = from ? 1 : 150;
    for (int i = 0; i < lives; i++) {
        int failures = tap_failures;
        one_life(seed + (uint64_t)i);
        if (tap_failures != failures) {
            printf("# failed with seed %llu\n", (unsigned long long)(seed + (uint64_t)i));
            return;
        }
    }
    printf("# %zu launches\n", launches);
    CHECK(from || launches > 500);
}

TAP_MAIN(TEST(test_lives))
