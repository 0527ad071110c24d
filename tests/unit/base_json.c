#include "base/json.h"

#include <float.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/clock.h"
#include "tap.h"

static const char *number(double value, bool java)
{
    static struct buf out;

    buf_clear(&out);
    json_write_double(&out, value, java);
    return buf_str(&out);
}

static void doubles(void)
{
    CHECK_STR(number(0.1, false), "0.1");
    CHECK_STR(number(1.1, false), "1.1");
    CHECK_STR(number(2, false), "2.0");
    CHECK_STR(number(0, false), "0.0");
    CHECK_STR(number(-0.0, false), "-0.0");
    CHECK_STR(number(-12.5, false), "-12.5");
    CHECK_STR(number(100, false), "100.0");
    CHECK_STR(number(1e15, false), "1e+15");
    CHECK_STR(number(1e-4, false), "0.0001");
    CHECK_STR(number(1e-5, false), "1e-05");
    CHECK_STR(number(0.1 + 0.2, false), "0.30000000000000004");
    CHECK_STR(number(1605987654.123, false), "1605987654.123");
    CHECK_STR(number(5e-324, false), "4.9e-324");
    CHECK_STR(number(DBL_MAX, false), "1.7976931348623157e+308");
}

static void doubles_as_java(void)
{
    CHECK_STR(number(1e-4, true), "1.0E-4");
    CHECK_STR(number(0.001, true), "0.001");
    CHECK_STR(number(0.0012, true), "0.0012");
    CHECK_STR(number(1.024e7, true), "1.024E7");
    CHECK_STR(number(9999999, true), "9999999.0");
    CHECK_STR(number(1e7, true), "1.0E7");
    CHECK_STR(number(2, true), "2.0");
    CHECK_STR(number(0.5, true), "0.5");
    CHECK_STR(number(5e-324, true), "4.9E-324");
    CHECK_STR(number(-1e100, true), "-1.0E100");
}

/* Any double must survive being written and read. */
static void doubles_read_back(void)
{
    struct idgen ids = {.seed = 20261122};
    int wrong = 0;

    for (int i = 0; i < 20000; i++) {
        union {
            uint64_t bits;
            double value;
        } u = {idgen_below(&ids, UINT64_MAX)};
        if (u.value != u.value || u.value - u.value != 0)
            continue;
        if (strtod(number(u.value, i & 1), NULL) != u.value && wrong++ < 5)
            printf("# seed 20261122: %.17g is written as %s\n", u.value, number(u.value, i & 1));
    }
    CHECK_INT(wrong, 0);
}

static char *layout(const char *text, enum json_layout layout)
{
    struct err err = ERR_INIT;
    struct buf out = BUF_INIT;
    json_auto json_t *value = json_parse(text, strlen(text), "test", &err);

    CHECK(value);
    if (value)
        json_write(&out, value, layout);
    return buf_detach(&out);
}

#define CHECK_LAYOUT(text, kind, want)       \
    do {                                     \
        char *got_ = layout((text), (kind)); \
        CHECK_STR(got_, (want));             \
        free(got_);                          \
    } while (0)

static void layout_compact(void)
{
    CHECK_LAYOUT(
        "{ \"b\" : 1, \"a\" : [ 1, 2.0, null, true, false, \"x\" ], \"e\": {}, \"f\": [] }",
        JSON_LAYOUT_COMPACT, "{\"b\":1,\"a\":[1,2.0,null,true,false,\"x\"],\"e\":{},\"f\":[]}");
    CHECK_LAYOUT("\"\\u0001\\n\\\"\\\\/\\u001f\\u007f</\\u2028\"", JSON_LAYOUT_COMPACT,
                 "\"\\u0001\\n\\\"\\\\/\\u001F\x7f</\xe2\x80\xa8\"");
    CHECK_LAYOUT("-9223372036854775808", JSON_LAYOUT_COMPACT, "-9223372036854775808");
}

static void layout_pretty(void)
{
    CHECK_LAYOUT("{\"a\":1,\"b\":[1,{\"c\":2}],\"d\":{},\"e\":[]}", JSON_LAYOUT_PRETTY,
                 "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    {\n      \"c\": 2\n    }\n  ],\n"
                 "  \"d\": {},\n  \"e\": []\n}");
}

static void layout_spec(void)
{
    CHECK_LAYOUT(
        "{\"a\":[{\"b\":[\"x\",\"y\"]},{\"c\":0.0001}],\"d\":[],\"e\":{},\"f\":\"\\b\\u001f\"}",
        JSON_LAYOUT_SPEC,
        "{\n  \"a\" : [ {\n    \"b\" : [ \"x\", \"y\" ]\n  }, {\n    \"c\" : 1.0E-4\n  } ],\n"
        "  \"d\" : [ ],\n  \"e\" : { },\n  \"f\" : \"\\b\\u001F\"\n}");
}

static void layout_org(void)
{
    CHECK_LAYOUT("[\"deploy\"]", JSON_LAYOUT_ORG, "[\"deploy\"]");
    CHECK_LAYOUT("{\"message\":\"x\"}", JSON_LAYOUT_ORG, "{\"message\": \"x\"}");
    CHECK_LAYOUT("{}", JSON_LAYOUT_ORG, "{}");
    CHECK_LAYOUT("[]", JSON_LAYOUT_ORG, "[]");
    CHECK_LAYOUT("[{\"a\":1,\"b\":2}]", JSON_LAYOUT_ORG, "[{\n  \"a\": 1,\n  \"b\": 2\n}]");
    CHECK_LAYOUT("{\"p\":[{\"a\":1,\"b\":[1,2]},{\"c\":3}],\"q\":1}", JSON_LAYOUT_ORG,
                 "{\n  \"p\": [\n    {\n      \"a\": 1,\n      \"b\": [\n        1,\n        2\n"
                 "      ]\n    },\n    {\"c\": 3}\n  ],\n  \"q\": 1\n}");
    CHECK_LAYOUT("\"a/b</c\\u0080\\u009f\\u00a0\\u2000\\u20ff\\u2100\\u001f\"", JSON_LAYOUT_ORG,
                 "\"a/b<\\/c\\u0080\\u009f\xc2\xa0\\u2000\\u20ff\xe2\x84\x80\\u001f\"");
    CHECK_LAYOUT("[2.0,2.50,10.0,1e10,1e-5]", JSON_LAYOUT_ORG,
                 "[\n  2,\n  2.5,\n  10,\n  1.0E10,\n  1.0E-5\n]");
}

static void refused(const char *text, const char *want)
{
    struct err err = ERR_INIT;
    json_auto json_t *value = json_parse(text, strlen(text), "svc.json", &err);

    CHECK(!value);
    CHECK_INT(err.status, EXIT_INPUT);
    if (strncmp(err.text, want, strlen(want)) != 0)
        CHECK_STR(err.text, want);
}

static void parse_errors(void)
{
    refused("{\n  \"a\": 1,\n  \"b\" 2\n}", "svc.json:3:7: ':' expected");
    refused("{\"a\":1,\n\"a\":2}", "svc.json:2:3: duplicate object key");
    refused("", "svc.json:1:1: no JSON value: the input is empty");
    refused(" \n ", "svc.json:2:1: no JSON value");
    refused("{} x", "svc.json:1:4: end of file expected");
    refused("\"\\u0000\"", "svc.json:1:8: \\u0000 is not allowed");
    refused("99999999999999999999", "svc.json:1:20: too big integer");
    refused("[1,", "svc.json:1:3: ");
    refused("\"\xff\"", "svc.json:1:");
}

static void depth_is_limited(void)
{
    struct buf text = BUF_INIT;
    struct err err = ERR_INIT;

    for (int i = 0; i < JSON_DEPTH; i++)
        buf_addc(&text, '[');
    for (int i = 0; i < JSON_DEPTH; i++)
        buf_addc(&text, ']');
    json_t *value = json_parse(text.data, text.len, "deep", &err);
    CHECK(value);
    json_decref(value);
    buf_clear(&text);
    buf_adds(&text, "[\"[[\\\"[\",\n");
    for (int i = 0; i < JSON_DEPTH; i++)
        buf_addc(&text, '[');
    CHECK(!json_parse(text.data, text.len, "deep", &err));
    CHECK_STR(err.text, "deep:2:200: nested deeper than 200 levels");
    CHECK_INT(err.status, EXIT_INPUT);
    buf_free(&text);
}

/* Values built by programs may be deeper than what is read: writing does not recurse. */
static void writing_deep_values(void)
{
    struct buf out = BUF_INIT;
    json_t *value = json_array();

    for (int i = 1; i < 5000; i++) {
        json_t *outer = json_array();
        json_push(outer, value);
        value = outer;
    }
    json_write(&out, value, JSON_LAYOUT_COMPACT);
    CHECK_INT(out.len, 10000);
    buf_free(&out);
    json_decref(value);
}

static void members(void)
{
    struct err err = ERR_INIT;
    const char *text = "{\"s\":\"x\",\"i\":7,\"r\":7.0,\"f\":7.5,\"n\":null,\"b\":true,\"o\":{}}";
    json_auto json_t *obj = json_parse(text, strlen(text), "t", &err);
    const char *s = "kept";
    int64_t i = -1;
    double d = -1;
    bool b = false;

    CHECK_INT(json_get_string(obj, "s", "pod 'a'", &s, &err), 0);
    CHECK_STR(s, "x");
    CHECK_INT(json_get_string_opt(obj, "n", "pod 'a'", &s, &err), 0);
    CHECK_INT(json_get_string_opt(obj, "absent", "pod 'a'", &s, &err), 0);
    CHECK_STR(s, "x");
    CHECK_INT(json_get_string(obj, "n", "pod 'a'", &s, &err), -1);
    CHECK_STR(err.text, "pod 'a': 'n' is missing");
    CHECK_INT(json_get_string(obj, "o", "pod 'a'", &s, &err), -1);
    CHECK_STR(err.text, "pod 'a': 'o' must be a string, not an object");
    CHECK_INT(json_get_int_opt(obj, "i", "t", &i, &err), 0);
    CHECK_INT(i, 7);
    i = -1;
    CHECK_INT(json_get_int_opt(obj, "r", "t", &i, &err), 0);
    CHECK_INT(i, 7);
    CHECK_INT(json_get_int_opt(obj, "f", "t", &i, &err), -1);
    CHECK_STR(err.text, "t: 'f' must be an integer, not a number");
    CHECK_INT(json_get_double_opt(obj, "i", "t", &d, &err), 0);
    CHECK(d == 7);
    CHECK_INT(json_get_double_opt(obj, "s", "t", &d, &err), -1);
    CHECK_INT(json_get_bool_opt(obj, "b", "t", &b, &err), 0);
    CHECK(b);
    CHECK_INT(json_get_bool_opt(obj, "i", "t", &b, &err), -1);
    CHECK_INT(err.status, EXIT_INPUT);
}

static void foreign_text(void)
{
    json_auto json_t *clean = json_text("a\xc3\xa9\xff\xc3", 5);
    json_auto json_t *worse = json_text("\xed\xa0\x80\xc0\xaf\xf4\x90\x80\x80\xf0\x9f\x98\x80", 13);

    CHECK_STR(json_string_value(clean), "a\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
    CHECK(worse);
    CHECK(strstr(json_string_value(worse), "\xf0\x9f\x98\x80"));
    CHECK(!strstr(json_string_value(worse), "\xed"));
}

static void files(void)
{
    struct err err = ERR_INIT;
    char path[] = "/tmp/base_json.XXXXXX";
    int fd = mkstemp(path);

    CHECK(write(fd, "{\"a\":\n}", 7) == 7);
    close(fd);
    CHECK(!json_read_file(path, &err));
    CHECK(strncmp(err.text, path, strlen(path)) == 0);
    CHECK(strncmp(err.text + strlen(path), ":2:1: ", 6) == 0);
    unlink(path);
    CHECK(!json_read_file(path, &err));
    CHECK_INT(err.status, EXIT_UNREACHABLE);
}

TAP_MAIN(TEST(doubles), TEST(doubles_as_java), TEST(doubles_read_back), TEST(layout_compact),
         TEST(layout_pretty), TEST(layout_spec), TEST(layout_org), TEST(parse_errors),
         TEST(depth_is_limited), TEST(writing_deep_values), TEST(members), TEST(foreign_text),
         TEST(files))
