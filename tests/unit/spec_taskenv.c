#include "spec/taskenv.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "tap.h"

static void check(const char *pod, struct pair *env, size_t n_env, struct pair *own, size_t n_own,
                  const char *want)
{
    auto_arena struct arena arena = ARENA_INIT;
    auto_buf struct buf out = BUF_INIT;
    struct pairs result;

    task_env_route(&(struct pairs){env, n_env}, pod, &(struct pairs){own, n_own}, &arena, &result);
    for (size_t i = 0; i < result.count; i++)
        buf_addf(&out, "%s%s=%s", i ? " " : "", result.items[i].key, result.items[i].value);
    CHECK_STR(buf_str(&out), want);
}

/* See service-spec 4.2, all run there. */
static void test_routing(void)
{
    struct pair both[] = {{"TASKCFG_NODE_X", "pod"}, {"TASKCFG_ALL_X", "all"}, {"X", "none"}};
    struct pair early[] = {{"TASKCFG_ALL_X", "all"}, {"TASKCFG_ABC_X", "pod"}};
    struct pair prefix[] = {
        {"TASKCFG_NODE_X_FOO", "v"}, {"TASKCFG_NODEX", "no"}, {"taskcfg_ALL_A", ""}};
    struct pair all[] = {{"TASKCFG_ALL_THE_A", "1"}};
    struct pair odd[] = {{"TASKCFG_MY_POD_1_", "empty"}, {"TASKCFG_ALL_1A", "digit"}};
    struct pair own[] = {{"Z", "yaml"}, {"X", "yaml"}, {"B", ""}};

    check("node", both, 3, own, 3, "B= X=pod Z=yaml");
    check("abc", early, 2, NULL, 0, "X=all");
    check("node", prefix, 3, NULL, 0, "X_FOO=v");
    check("node-x", prefix, 3, NULL, 0, "FOO=v");
    check("all-the", all, 1, NULL, 0, "THE_A=1");
    check("my.pod-1", odd, 2, NULL, 0, "=empty 1A=digit");
    check("none", NULL, 0, own, 3, "B= X=yaml Z=yaml");
}

static void test_forms(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    static const struct {
        const char *text;
        int want;
    } booleans[] = {{"", 0},   {"  ", 0}, {"true", 1}, {" T", 1}, {"Yes", 1},
                    {"no", 0}, {"F", 0},  {"1", -1},   {"0", -1}, {"on", -1}};

    CHECK_STR(env_form("a-b.C_9\xc3\xa9", &arena), "A_B_C_9_");
    CHECK_STR(env_form("x\xf0\x9f\x98\x80y\xe2\x82\xac", &arena), "X__Y_");
    for (size_t i = 0; i < ARRAY_LEN(booleans); i++)
        CHECK_INT(env_bool(booleans[i].text), booleans[i].want);
    CHECK_STR(env_get(&(struct pairs){(struct pair[]){{"A", "1"}}, 1}, "A"), "1");
    CHECK_STR(env_get(&(struct pairs){(struct pair[]){{"A", "1"}}, 1}, "B"), NULL);
}

TAP_MAIN(TEST(test_routing), TEST(test_forms))
