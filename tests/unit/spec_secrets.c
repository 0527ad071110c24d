/* The path authorisation table of api-and-cli 3.3, row by row. */
#include "spec/secrets.h"

#include "base/alloc.h"
#include "tap.h"

static void test_paths(void)
{
    static const struct {
        const char *secret, *service;
        bool readable;
    } rows[] = {
        {"Secret_Path1", "/user", true},
        {"Secret_Path1", "/dev1/user", true},
        {"secret-svc/Secret_Path1", "/user", false},
        {"secret-svc/Secret_Path1", "/user/dev1", false},
        {"secret-svc/Secret_Path1", "/secret-svc", true},
        {"secret-svc/Secret_Path1", "/secret-svc/dev1", true},
        {"secret-svc/Secret_Path1", "/secret-svc/instance2/dev2", true},
        {"secret-svc/Secret_Path1", "/secret-svc/a/b/c/dev3", true},
        {"secret-svc/instance1/Secret_Path2", "/secret-svc/dev1", false},
        {"secret-svc/instance1/Secret_Path2", "/secret-svc/instance2/dev3", false},
        {"secret-svc/instance1/Secret_Path2", "/secret-svc/instance1", true},
        {"secret-svc/instance1/Secret_Path2", "/secret-svc/instance1/dev3", true},
        {"secret-svc/instance1/Secret_Path2", "/secret-svc/instance1/someDir/dev3", true},
        /* whole segments; a leading slash makes no difference */
        {"secret/Path", "/secret-svc", false},
        {"secret-svc/Path", "/secret", false},
        {"/secret-svc/Path", "secret-svc", true},
        {"/Path", "/user", true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_arena struct arena arena = ARENA_INIT;
        const char *problem = secret_problem(rows[i].secret, rows[i].service, false, &arena);
        if ((problem == NULL) != rows[i].readable)
            printf("# %s for %s\n", rows[i].secret, rows[i].service);
        CHECK((problem == NULL) == rows[i].readable);
    }
}

static void test_binary(void)
{
    auto_arena struct arena arena = ARENA_INIT;

    CHECK_STR(secret_problem("a/__dcos_base64__key", "/a", false, &arena), NULL);
    CHECK(secret_problem("a/__dcos_base64__key", "/a", true, &arena) != NULL);
    CHECK(secret_problem("__dcos_base64__key", "/a", true, &arena) != NULL);
    CHECK_STR(secret_problem("__dcos_base64__/key", "/__dcos_base64__", true, &arena), NULL);
    CHECK_STR(secret_problem("a/key__dcos_base64__", "/a", true, &arena), NULL);
}

static void test_space(void)
{
    struct pair both[] = {{"MARATHON_APP_ID", "/app"}, {"DCOS_SPACE", "/space/x"}},
                blank[] = {{"DCOS_SPACE", "/"}};

    CHECK_STR(secrets_space(&(struct pairs){NULL, 0}, "/f/name"), "f/name");
    CHECK_STR(secrets_space(&(struct pairs){both, 1}, "/f/name"), "app");
    CHECK_STR(secrets_space(&(struct pairs){both, 2}, "/f/name"), "space/x");
    CHECK_STR(secrets_space(&(struct pairs){blank, 1}, "name"), "name");
}

TAP_MAIN(TEST(test_paths), TEST(test_binary), TEST(test_space))
