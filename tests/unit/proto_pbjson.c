/* Protobuf <-> JSON: every type, presence, maps, unknown enums, refusals with their place. */
#include "proto/pbjson.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "tap.h"

static json_t *parse(const char *text)
{
    struct err err = ERR_INIT;
    json_t *json = json_parse(text, strlen(text), "test", &err);

    if (!json)
        printf("# %s: %s\n", text, err.text);
    return json;
}

/* JSON -> message -> bytes -> message -> JSON; compares as JSON values with `want`. */
static void check_round(const ProtobufCMessageDescriptor *type, const char *text, const char *want)
{
    auto_arena struct arena arena = ARENA_INIT;
    json_auto json_t *json = parse(text), *wanted = parse(want ? want : text);
    struct err err = ERR_INIT;
    size_t len;
    void *message = pb_from_json(type, json, &arena, &err);

    CHECK_STR(message ? "" : err.text, "");
    if (!message)
        return;
    void *bytes = pb_pack_arena(message, &arena, &len);
    void *again = pb_unpack(type, bytes, len, &arena, "round", &err);
    CHECK(again && pb_equal(message, again));
    json_auto json_t *back = again ? pb_to_json(again) : NULL;
    auto_free char *got = back ? json_dumps(back, JSON_COMPACT) : NULL;
    auto_free char *expected = json_dumps(wanted, JSON_COMPACT);
    CHECK(json_equal(back, wanted) || (printf("# %s\n# %s\n", got, expected), 0));
}

static void check_refused(const ProtobufCMessageDescriptor *type, const char *text,
                          const char *reason)
{
    auto_arena struct arena arena = ARENA_INIT;
    json_auto json_t *json = parse(text);
    struct err err = ERR_INIT;

    CHECK(!pb_from_json(type, json, &arena, &err));
    CHECK_INT(err.status, EXIT_INPUT);
    CHECK_STR(err.text, reason);
}

static void field_types(void)
{
    check_round(&health_check__descriptor,
                "{\"http\":{\"port\":80,\"path\":\"/\",\"statuses\":[200,4294967295]},"
                "\"delay_seconds\":0.5,\"consecutive_failures\":0,\"type\":\"HTTP\"}",
                NULL);
    check_round(&time_info__descriptor, "{\"nanoseconds\":-9223372036854775808}", NULL);
    check_round(&address__descriptor, "{\"port\":-2147483648}", NULL);
    check_round(&value__ranges__descriptor,
                "{\"range\":[{\"begin\":0,\"end\":9223372036854775807}]}", NULL);
    check_round(&task_status__descriptor,
                "{\"task_id\":{\"value\":\"\"},\"state\":\"TASK_STARTING\",\"healthy\":false,"
                "\"uuid\":\"AAEC/w==\",\"data\":\"\",\"message\":\"\\u00fc \\\" /\"}",
                NULL);
    check_round(&command_info__descriptor, "{\"shell\":false,\"arguments\":[\"a\",\"\"]}", NULL);
    check_round(&capability_info__descriptor, "{\"capabilities\":[\"CHOWN\",\"KILL\"]}", NULL);
    check_round(&container_id__descriptor,
                "{\"value\":\"a\",\"parent\":{\"value\":\"b\",\"parent\":{\"value\":\"c\"}}}",
                NULL);
}

static void presence(void)
{
    check_round(&command_info__descriptor, "{}", NULL);
    check_round(&call__descriptor, "{\"type\":\"SUPPRESS\",\"suppress\":{}}", NULL);
    check_round(&call__descriptor, "{\"type\":\"SUPPRESS\",\"suppress\":null}",
                "{\"type\":\"SUPPRESS\"}");
    check_round(&resource__descriptor, "{\"name\":\"cpus\",\"type\":\"SCALAR\"}", NULL);
    check_round(&resource__descriptor,
                "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"role\":\"*\",\"shared\":{}}", NULL);
    /* A value equal to the default is not the default. */
    check_round(&command_info__descriptor, "{\"shell\":true}", NULL);
    check_round(&offer__operation__descriptor, "{\"reserve\":{\"resources\":[]}}",
                "{\"reserve\":{}}");
    check_round(&offer__operation__descriptor, "{\"unknown\":[{\"a\":1}]}", "{}");
}

static void maps_and_oneof(void)
{
    check_round(&task_info__descriptor,
                "{\"name\":\"n\",\"task_id\":{\"value\":\"t\"},\"agent_id\":{\"value\":\"a\"},"
                "\"limits\":{\"mem\":{\"value\":32.5},\"\":{\"value\":-1.0}}}",
                NULL);
    check_round(&task_info__descriptor,
                "{\"name\":\"n\",\"task_id\":{\"value\":\"t\"},\"agent_id\":{\"value\":\"a\"},"
                "\"limits\":{}}",
                "{\"name\":\"n\",\"task_id\":{\"value\":\"t\"},\"agent_id\":{\"value\":\"a\"}}");
    check_round(&offer_constraints__descriptor,
                "{\"role_constraints\":{\"r\":{\"groups\":[{\"attribute_constraints\":["
                "{\"selector\":{\"attribute_name\":\"rack\"},"
                "\"predicate\":{\"text_equals\":{\"value\":\"r1\"}}},"
                "{\"selector\":{\"pseudoattribute_type\":\"ZONE\"},\"predicate\":{\"exists\":{}}}"
                "]}]}}}",
                NULL);
    check_refused(&attribute_constraint__selector__descriptor,
                  "{\"attribute_name\":\"rack\",\"pseudoattribute_type\":\"ZONE\"}",
                  "attribute_name: stands beside another member that excludes it");
}

static void lenient_numbers(void)
{
    check_round(&address__descriptor, "{\"port\":\"31000\"}", "{\"port\":31000}");
    check_round(&address__descriptor, "{\"port\":31000.0}", "{\"port\":31000}");
    check_round(&address__descriptor, "{\"port\":\"-0\"}", "{\"port\":0}");
    check_round(&value__scalar__descriptor, "{\"value\":1}", "{\"value\":1.0}");
    check_round(&value__scalar__descriptor, "{\"value\":\"0.25\"}", "{\"value\":0.25}");
    check_round(&value__scalar__descriptor, "{\"value\":\"Infinity\"}", NULL);
    check_round(&value__scalar__descriptor, "{\"value\":\"-Infinity\"}", NULL);
    check_round(&command_info__descriptor, "{\"shell\":\"false\"}", "{\"shell\":false}");
    /* Beyond signed 64 bits a number travels as a string. */
    check_round(&rlimit_info__rlimit__descriptor, "{\"hard\":\"18446744073709551615\"}", NULL);
    check_round(&rlimit_info__rlimit__descriptor, "{\"hard\":9223372036854775808.0}",
                "{\"hard\":\"9223372036854775808\"}");
}

static void unknown_names(void)
{
    check_round(&call__descriptor, "{\"type\":\"FLY\"}", "{}");
    check_round(&capability_info__descriptor, "{\"capabilities\":[\"CHOWN\",\"X\",\"KILL\"]}",
                "{\"capabilities\":[\"CHOWN\",\"KILL\"]}");
    check_refused(&task_status__descriptor, "{\"task_id\":{\"value\":\"t\"},\"state\":\"TASK_X\"}",
                  "state: 'TASK_X' is not the name of a TaskState");

    static const unsigned char bytes[] = {0x0a, 0x03, 0x0a, 0x01, 't', 0x10, 99};
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    json_auto json_t *json =
        pb_to_json(pb_unpack(&task_status__descriptor, bytes, sizeof bytes, &arena, "x", &err));
    CHECK_STR(json_string_value(json_object_get(json, "state")), "UNKNOWN(99)");
    CHECK_STR(pb_enum_name(&task_state__descriptor, 1), "TASK_RUNNING");
    CHECK_INT(pb_enum_value(&task_state__descriptor, "TASK_LOST"), 5);
    CHECK_INT(pb_enum_value(&task_state__descriptor, "TASK_"), -1);
}

static void refusals(void)
{
    check_refused(&call__descriptor, "[]", "expected an object, found an array");
    check_refused(&call__descriptor, "{\"type\":3}",
                  "type: expected the name of a Call.Type, found an integer");
    check_refused(
        &call__descriptor, "{\"accept\":{\"operations\":[{\"type\":\"CREATE\"},{},{\"type\":[]}]}}",
        "accept.operations[2].type: expected the name of a Offer.Operation.Type, found an "
        "array");
    check_refused(&call__descriptor, "{\"kill\":{}}", "kill.task_id: required, but missing");
    check_refused(&call__descriptor, "{\"kill\":{\"task_id\":{\"value\":null}}}",
                  "kill.task_id.value: required, but missing");
    check_refused(&call__descriptor, "{\"kill\":{\"task_id\":{\"value\":5}}}",
                  "kill.task_id.value: expected a string, found an integer");
    check_refused(&call__descriptor, "{\"reconcile\":{\"tasks\":{}}}",
                  "reconcile.tasks: expected an array, found an object");
    check_refused(&call__descriptor, "{\"revive\":{\"roles\":[null]}}",
                  "revive.roles[0]: expected a string, found null");
    check_refused(&task_status__descriptor,
                  "{\"task_id\":{\"value\":\"t\"},\"state\":\"TASK_LOST\",\"uuid\":\"?\"}",
                  "uuid: not base64 text");
    check_refused(&task_status__descriptor,
                  "{\"task_id\":{\"value\":\"t\"},\"state\":\"TASK_LOST\",\"healthy\":1}",
                  "healthy: expected true or false, found an integer");
    check_refused(&address__descriptor, "{\"port\":1.5}",
                  "port: 1.5 is not a whole number in range");
    check_refused(&address__descriptor, "{\"port\":2147483648}",
                  "port: 2147483648 is out of range");
    check_refused(&address__descriptor, "{\"port\":\"1x\"}", "port: '1x' is not a whole number");
    check_refused(&address__descriptor, "{\"port\":\"\"}", "port: '' is not a whole number");
    check_refused(&port__descriptor, "{\"number\":-1}", "number: -1 is out of range");
    check_refused(&port__descriptor, "{\"number\":4294967296}",
                  "number: 4294967296 is out of range");
    check_refused(&time_info__descriptor, "{\"nanoseconds\":\"9223372036854775808\"}",
                  "nanoseconds: 9223372036854775808 is out of range");
    check_refused(&value__scalar__descriptor, "{\"value\":\"1 2\"}",
                  "value: '1 2' is not a number");
    check_refused(&value__scalar__descriptor, "{\"value\":\"0x10\"}",
                  "value: '0x10' is not a number");
    check_refused(&value__scalar__descriptor, "{\"value\":true}",
                  "value: expected a number, found a boolean");
    check_refused(&offer_constraints__descriptor, "{\"role_constraints\":{\"r\":7}}",
                  "role_constraints.r: expected an object, found an integer");
}

static void depth(void)
{
    for (int levels = PB_DEPTH - 1; levels <= PB_DEPTH + 1; levels++) {
        auto_arena struct arena arena = ARENA_INIT;
        struct err err = ERR_INIT;
        json_auto json_t *json = json_pack("{ss}", "value", "x");
        for (int i = 1; i < levels; i++)
            json = json_pack("{ssso}", "value", "x", "parent", json);
        CHECK_INT(pb_from_json(&container_id__descriptor, json, &arena, &err) != NULL,
                  levels <= PB_DEPTH);
        if (levels > PB_DEPTH)
            CHECK_STR(err.text, "ContainerID nested deeper than 100 levels");
    }
}

/* Foreign text that is not UTF-8 must neither vanish nor break the document. */
static void bad_text(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    TaskStatus *s = PB_NEW(&arena, TaskStatus, task_status);

    s->message = "a\xff\xc3\xa9\xed\xa0\x80\xe2\x82";
    json_auto json_t *json = pb_to_json(s);
    CHECK_STR(json_string_value(json_object_get(json, "message")),
              "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    json_auto json_t *nan = NULL;
    Value__Scalar *scalar = PB_NEW(&arena, Value__Scalar, value__scalar);
    scalar->value = NAN;
    nan = pb_to_json(scalar);
    CHECK_STR(json_string_value(json_object_get(nan, "value")), "NaN");
}

static void base64(void)
{
    static const char *const pairs[][2] = {
        {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
        {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd\xfb\xff", "//79+/8="},
    };
    static const char *const bad[] = {
        "Z", "Zg=", "Zg==Zg==", "Zh==", "Zm9=", "Z===", "====", "Zm 8", "Zm8-", "=Zm8"};

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        auto_buf struct buf text = BUF_INIT, bytes = BUF_INIT;
        base64_encode(&text, pairs[i][0], strlen(pairs[i][0]));
        CHECK_STR(buf_str(&text), pairs[i][1]);
        CHECK_INT(base64_decode(text.data ? text.data : "", text.len, &bytes),
                  (long)strlen(pairs[i][0]));
        CHECK_STR(buf_str(&bytes), pairs[i][0]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        auto_buf struct buf bytes = BUF_INIT;
        CHECK_INT(base64_decode(bad[i], strlen(bad[i]), &bytes), -1);
    }
}

TAP_MAIN(TEST(field_types), TEST(presence), TEST(maps_and_oneof), TEST(lenient_numbers),
         TEST(unknown_names), TEST(refusals), TEST(depth), TEST(bad_text), TEST(base64))
