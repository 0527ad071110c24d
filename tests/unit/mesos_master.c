/* The forms in which a master's place is written. */
#include "mesos/master.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "proto/pb.h"
#include "tap.h"

static void urls(void)
{
    static const struct {
        const char *text, *base, *hosts, *path;
    } good[] = {
        {"http://10.0.0.1:5050", "http://10.0.0.1:5050", NULL, NULL},
        {"http://leader.mesos", "http://leader.mesos:5050", NULL, NULL},
        {"http://leader.mesos:80/", "http://leader.mesos:80", NULL, NULL},
        {"http://[::1]:5050", "http://[::1]:5050", NULL, NULL},
        {"http://[::1]", "http://[::1]:5050", NULL, NULL},
        {"zk://a:2181/mesos", NULL, "a:2181", "/mesos"},
        {"zk://a:1,b,c:3/x/y/", NULL, "a:1,b:2181,c:3", "/x/y"},
        {"zk://[::1]:2182,[fe80::2]/m", NULL, "::1:2182,fe80::2:2181", "/m"},
    };
    static const char *const bad[] = {
        "",          "10.0.0.1:5050",  "http://",       "http://:5050",  "http://a:0",
        "http://a:", "http://a:65536", "http://a:5x",   "http://a/api",  "http://a b",
        "zk://a",    "zk:///mesos",    "zk://a,/mesos", "zk://a//mesos", "https://a:5050",
        "zk://a/",   "http://u:p@a",   "zk://u:p@a/m",  "http://[::1",   "http://a?x",
    };

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct master_url url;
        struct err err = ERR_INIT;
        CHECK_INT(master_url_parse(good[i].text, &url, &err), 0);
        CHECK_STR(err.text, "");
        CHECK_INT(url.zk, good[i].hosts != NULL);
        CHECK_STR(url.base, good[i].base);
        CHECK_STR(url.hosts, good[i].hosts);
        CHECK_STR(url.path, good[i].path);
        master_url_free(&url);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct master_url url;
        struct err err = ERR_INIT;
        CHECK(master_url_parse(bad[i], &url, &err) == -1 || (printf("# %s\n", bad[i]), 0));
        CHECK_INT(err.status, EXIT_USAGE);
        CHECK(!strstr(err.text, "u:p")); /* credentials are not repeated */
        master_url_free(&url);
    }
}

static void redirects(void)
{
    auto_free char *one = master_base_of("http://10.0.0.1:5050/api/v1/scheduler");
    auto_free char *two = master_base_of("http://10.0.0.1");

    CHECK_STR(one, "http://10.0.0.1:5050");
    CHECK_STR(two, "http://10.0.0.1:80");
    CHECK(!master_base_of("https://10.0.0.1:5050/"));
    CHECK(!master_base_of("/api/v1/scheduler"));
    CHECK(!master_base_of("http:///x"));
}

static void leaders(void)
{
    static const char *const three[] = {"json.info_0000000012", "log_replicas",
                                        "json.info_0000000003", "json.info_0000000044"};
    static const char *const none[] = {"log_replicas", "x_", "_1a", ""};
    static const char *const old[] = {"info_0000000002", "json.info_0000000003", "0000000001"};

    CHECK_STR(master_leader_child(three, 4), "json.info_0000000003");
    CHECK_STR(master_leader_child(three, 2), "json.info_0000000012");
    CHECK_STR(master_leader_child(none, 4), NULL);
    CHECK_STR(master_leader_child(NULL, 0), NULL);
    CHECK_STR(master_leader_child(old, 2), "info_0000000002");
    CHECK_STR(master_leader_child(old, 3), "0000000001");
}

static void check_json(const char *json, const char *want)
{
    struct err err = ERR_INIT;
    auto_free char *got = master_of_child("json.info_0000000001", json, strlen(json), &err);

    CHECK_STR(got, want);
    CHECK_INT(err.status, want ? EXIT_DONE : EXIT_INPUT);
}

static void nodes(void)
{
    check_json("{\"address\":{\"hostname\":\"h\",\"ip\":\"10.0.0.1\",\"port\":5050},\"port\":1}",
               "http://10.0.0.1:5050");
    check_json("{\"address\":{\"ip\":\"fd00::1\",\"port\":5051}}", "http://[fd00::1]:5051");
    check_json("{\"pid\":\"master@10.0.0.2:5052\",\"ip\":16777226}", "http://10.0.0.2:5052");
    check_json("{\"ip\":16777226,\"port\":5050}", NULL);
    check_json("{", NULL);

    auto_arena struct arena arena = ARENA_INIT;
    MasterInfo *info = PB_NEW(&arena, MasterInfo, master_info);
    struct err err = ERR_INIT;
    size_t len;
    info->id = "x";
    memcpy(&info->ip, "\x0a\0\0\x01", 4);
    void *bytes = pb_pack_arena(info, &arena, &len);
    auto_free char *plain = master_of_child("info_0000000001", bytes, len, &err);
    CHECK_STR(plain, "http://10.0.0.1:5050");
    info->pid = "master@10.0.0.9:7";
    bytes = pb_pack_arena(info, &arena, &len);
    auto_free char *pid = master_of_child("info_0000000001", bytes, len, &err);
    CHECK_STR(pid, "http://10.0.0.9:7");
    CHECK(!master_of_child("info_0000000001", bytes, 3, &err));
    CHECK(!master_of_child("0000000001", "master@10.0.0.1:5050", 20, &err));
    CHECK_STR(err.text, "cannot read the leading master's node '0000000001': unknown label");
}

TAP_MAIN(TEST(urls), TEST(redirects), TEST(leaders), TEST(nodes))
