#include "spec/package.h"

#include "base/alloc.h"
#include "base/json.h"
#include "tap.h"

static json_t *parse(const char *text)
{
    struct err err = ERR_INIT;
    json_t *json = json_parse(text, strlen(text), "test", &err);

    CHECK_STR(err.text, "");
    return json;
}

static void test_schema(void)
{
    static const struct {
        const char *schema, *value, *error; /* error NULL: valid */
    } samples[] = {
        {"{}", "{\"a\":[1]}", NULL},
        {"{\"type\":\"object\"}", "[]", "must be object, is array []"},
        {"{\"type\":\"integer\"}", "3.0", NULL},
        {"{\"type\":\"integer\"}", "3.5", "must be integer, is number 3.5"},
        {"{\"type\":\"number\"}", "3", NULL},
        {"{\"type\":[\"string\",\"null\"]}", "null", NULL},
        {"{\"type\":[\"string\",\"null\"]}", "true", "must be string or null, is boolean true"},
        {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":1}",
         "/a: must be string, is integer 1"},
        {"{\"properties\":{\"a/b~\":{\"type\":\"string\"}}}", "{\"a/b~\":1}",
         "/a~1b~0: must be string, is integer 1"},
        {"{\"properties\":{\"s\":{\"required\":[\"x\"]}}}", "{\"s\":{}}",
         "/s: 'x' is required, but has neither a value nor a default"},
        {"{\"properties\":{\"s\":{}},\"additionalProperties\":false}", "{\"s\":1,\"t\":1}",
         "/t: is no option of this package"},
        {"{\"additionalProperties\":{\"type\":\"string\"}}", "{\"t\":1}",
         "/t: must be string, is integer 1"},
        {"{\"enum\":[\"A\",1]}", "1", NULL},
        {"{\"enum\":[\"A\",1]}", "\"B\"", "must be one of \"A\", 1, is \"B\""},
        {"{\"minimum\":5}", "5", NULL},
        {"{\"minimum\":5}", "4.5", "must be at least 5, is 4.5"},
        {"{\"minimum\":5,\"exclusiveMinimum\":true}", "5", "must be more than 5, is 5"},
        {"{\"maximum\":5}", "6", "must be at most 5, is 6"},
        {"{\"minimum\":5}", "\"1\"", NULL},
        {"{\"pattern\":\"^a+$\"}", "\"aa\"", NULL},
        {"{\"pattern\":\"^a+$\"}", "\"ab\"", "must match the pattern '^a+$', is \"ab\""},
        {"{\"pattern\":\"^a+$\"}", "\"aa\\n\"", "must match the pattern '^a+$', is \"aa\\n\""},
        {"{\"pattern\":\"^[^\\\\u2028]*$\"}", "\"u2028\"", NULL},
        {"{\"pattern\":\"^[^\\\\u2028]*$\"}", "\"\\u2028\"",
         "must match the pattern '^[^\\u2028]*$', is \"\u2028\""},
        {"{\"pattern\":\"(\"}", "\"ab\"", "the schema's pattern '(' is no regular expression"},
        {"{\"minLength\":2}", "\"\xc3\xa9\"", "must have at least 2 characters, has 1"},
        {"{\"maxItems\":1}", "[1,2]", "must have at most 1 elements, has 2"},
        {"{\"items\":{\"type\":\"string\"}}", "[\"a\",1]", "/1: must be string, is integer 1"},
        {"{\"enum\":[1.0]}", "1", NULL},
        {"{\"multipleOf\":0.1}", "0.3", NULL},
        {"{\"multipleOf\":5}", "7", "must be a multiple of 5, is 7"},
        {"{\"uniqueItems\":true}", "[1,\"1\",1.0]", "elements must differ, 1.0 stands twice"},
        {"{\"items\":[{\"type\":\"string\"}],\"additionalItems\":false}", "[\"a\"]", NULL},
        {"{\"items\":[{\"type\":\"string\"}],\"additionalItems\":false}", "[\"a\",1]",
         "/1: is one element too many"},
        {"{\"items\":[{}],\"additionalItems\":{\"type\":\"string\"}}", "[1,2]",
         "/1: must be string, is integer 2"},
        {"{\"minProperties\":2}", "{\"a\":1}", "must have at least 2 members, has 1"},
        {"{\"maxProperties\":0}", "{\"a\":1}", "must have at most 0 members, has 1"},
        {"{\"patternProperties\":{\"^n\":{\"type\":\"integer\"}},\"additionalProperties\":false}",
         "{\"n1\":1}", NULL},
        {"{\"patternProperties\":{\"^n\":{\"type\":\"integer\"}}}", "{\"n1\":true}",
         "/n1: must be integer, is boolean true"},
        {"{\"dependencies\":{\"a\":[\"b\"]}}", "{\"a\":1}",
         "'a' wants 'b' too, which has neither a value nor a default"},
        {"{\"dependencies\":{\"a\":{\"required\":[\"b\"]}}}", "{\"c\":1}", NULL},
        {"{\"dependencies\":{\"a\":{\"properties\":{\"b\":{\"type\":\"string\"}}}}}",
         "{\"a\":1,\"b\":2}", "/b: must be string, is integer 2"},
        {"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "4", "must be at most 3, is 4"},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":3}]}", "3", NULL},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":3}]}", "2",
         "fits none of 2 alternatives, the first says: must be string, is integer 2"},
        {"{\"oneOf\":[{\"minimum\":1},{\"minimum\":3}]}", "2", NULL},
        {"{\"oneOf\":[{\"minimum\":1},{\"minimum\":3}]}", "3", "fits 2 alternatives, must fit one"},
        {"{\"oneOf\":[]}", "1", "fits none of 0 alternatives, the first says: "},
        {"{\"not\":{\"type\":\"null\"}}", "null", "is what the schema excludes"},
        {"{\"not\":{\"type\":\"null\"}}", "0", NULL},
        {"{\"definitions\":{\"a/b\":{\"type\":\"string\"}},\"properties\":{\"x\":{\"$ref\":"
         "\"#/definitions/a~1b\"}}}",
         "{\"x\":1}", "/x: must be string, is integer 1"},
        {"{\"$ref\":\"http://elsewhere\"}", "1",
         "the schema's reference 'http://elsewhere' leads nowhere inside of it"},
        {"{\"$ref\":\"#\"}", "1", "the schema takes too long to check"},
        {"{\"not\":{\"$ref\":\"#/gone\"}}", "1",
         "the schema's reference '#/gone' leads nowhere inside of it"},
        {"{\"anyOf\":[{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]},{\"$ref\":\"#\"}]}", "1",
         "the schema takes too long to check"},
        {"{\"format\":\"uri\",\"const\":2,\"title\":\"t\"}", "1", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct err err = ERR_INIT;
        json_auto json_t *schema = parse(samples[i].schema);
        json_error_t problem;
        json_auto json_t *value = json_loads(samples[i].value, JSON_DECODE_ANY, &problem);
        const int status = schema_check(schema, value, &err);
        CHECK_INT(status, samples[i].error ? -1 : 0);
        CHECK_STR(err.text, samples[i].error ? samples[i].error : "");
    }
}

static const char config[] =
    "{\"type\":\"object\",\"properties\":{\"service\":{\"type\":\"object\",\"properties\":{"
    "\"name\":{"
    "\"type\":\"string\",\"default\":\"dse\"},\"n\":{\"type\":\"integer\"},\"deep\":{\"type\":"
    "\"object\",\"default\":{\"a\":1,\"b\":2},\"properties\":{\"a\":{\"default\":9}}}}}}}";

static void test_options(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct strings unknown = {NULL, 0};
    auto_buf struct buf out = BUF_INIT;
    json_auto json_t *schema = parse(config);
    json_auto json_t *user =
        parse("{\"service\":{\"n\":3,\"deep\":{\"a\":5},\"odd\":{\"x\":1}},\"more\":1}");
    json_auto json_t *options = package_options(schema, user, &arena, &unknown, &err);

    CHECK_STR(err.text, "");
    json_write(&out, options, JSON_LAYOUT_COMPACT);
    CHECK_STR(buf_str(&out), "{\"service\":{\"name\":\"dse\",\"deep\":{\"a\":5,\"b\":2},\"n\":3,"
                             "\"odd\":{\"x\":1}},\"more\":1}");
    CHECK_INT(unknown.count, 2);
    CHECK_STR(unknown.items[0], "/service/odd: the package has no such option");
    CHECK_STR(unknown.items[1], "/more: the package has no such option");

    json_auto json_t *bad = parse("{\"service\":{\"n\":\"x\"}}");
    CHECK(package_options(schema, bad, &arena, NULL, &err) == NULL);
    CHECK_STR(err.text, "/service/n: must be integer, is string \"x\"");
}

/* What has no default has no object either; without a schema there are no options. */
static void test_defaults(void)
{
    struct err err = ERR_INIT;
    auto_buf struct buf out = BUF_INIT;
    json_auto json_t *schema =
        parse("{\"required\":[\"x\"],\"properties\":{\"a\":{\"properties\":{\"b\":{\"type\":"
              "\"string\"}}},"
              "\"c\":{\"default\":null},\"d\":{\"default\":{},\"properties\":{}},\"e\":true}}");
    json_auto json_t *defaults = package_defaults(schema);
    json_auto json_t *none = parse("{}"), *some = parse("{\"a\":1}");
    json_auto json_t *empty = parse("{\"required\":[\"x\"]}");
    json_auto json_t *nothing = package_options(empty, NULL, NULL, NULL, &err),
                     *no_schema = package_options(NULL, none, NULL, NULL, &err);

    json_write(&out, defaults, JSON_LAYOUT_COMPACT);
    CHECK_STR(buf_str(&out), "{\"c\":null,\"d\":{}}");
    CHECK_INT(json_object_size(nothing), 0);
    CHECK_INT(json_object_size(no_schema), 0);
    CHECK_STR(err.text, "");
    CHECK(package_options(NULL, some, NULL, NULL, &err) == NULL);
    CHECK_STR(err.text, "the package has no config.json: it takes no options");
}

static void test_values(void)
{
    json_auto json_t *given = parse(
        "{\"s\":\"a\\\"b\\n\\u0001<\",\"l\":[\"p\",1,[\"q\"],{\"k\":\"v\"}],\"i\":10000000000,"
        "\"r\":[3.0,0.90,1e-5,1e3,1.5e10,-1.25e2,0.0,1.7e25,1e23],\"b\":true,\"n\":null}");
    json_auto json_t *values = package_values(given, false), *exact = package_values(given, true);
    auto_buf struct buf out = BUF_INIT, second = BUF_INIT;

    json_write(&out, values, JSON_LAYOUT_COMPACT);
    CHECK_STR(buf_str(&out),
              "{\"s\":\"a\\\\\\\"b\\\\n\\\\u0001<\",\"l\":[\"\\\"p\\\"\",1,[\"\\\"q\\\"\"],"
              "{\"k\":\"v\"}],\"i\":10000000000,\"r\":[\"3\",\"0.9\",\"1.0E-5\",\"1000\","
              "\"15000000000\",\"-125\",\"0\",\"17000000000000000000000000\","
              "\"100000000000000000000000\"],"
              "\"b\":true,\"n\":null}");
    json_write(&second, json_object_get(exact, "r"), JSON_LAYOUT_COMPACT);
    CHECK_STR(buf_str(&second), "[3.0,0.9,1e-05,1000.0,15000000000.0,-125.0,0.0,1.7e+25,1e+23]");
}

static json_t *app(const char *template, bool *duplicates, struct err *err)
{
    json_auto json_t *options =
        parse("{\"service\":{\"name\":\"a\\\"b\",\"on\":true},\"resource\":{\"own\":1}}");
    json_auto json_t *resource = parse("{\"assets\":{\"uris\":{\"x-zip\":\"http://x?a=1&b=2\"}}}");
    auto_mustache struct mustache_result rendering = {.notes = NULL};
    const struct package_input in = {
        .template = template,
        .len = strlen(template),
        .file = "marathon.json.mustache",
        .options = options,
        .resource = resource,
    };

    *err = (struct err)ERR_INIT;
    return package_app(&in, &rendering, duplicates, err);
}

static void test_app(void)
{
    struct err err;
    bool duplicates;
    auto_buf struct buf out = BUF_INIT;
    json_auto json_t *good =
        app("{\"id\": \"{{service.name}}\", \"u\": \"{{resource.assets.uris.x-zip}}\", \"o\": "
            "{{resource.own}}}",
            &duplicates, &err);

    CHECK_STR(err.text, "");
    json_write(&out, good, JSON_LAYOUT_COMPACT);
    CHECK_STR(buf_str(&out), "{\"id\":\"a\\\"b\",\"u\":\"http://x?a=1&b=2\",\"o\":1}");
    CHECK(!duplicates);

    json_auto json_t *twice = app("{\"a\":1,\"a\":2}", &duplicates, &err);
    CHECK(duplicates);
    CHECK_INT(json_integer_value(json_object_get(twice, "a")), 2);

    CHECK(app("{\n  {{#service.on}}\n  \"a\": \"1\"\n  {{/service.on}}\n\n  \"b\": 2\n}",
              &duplicates, &err) == NULL);
    CHECK_STR(err.text,
              "marathon.json.mustache:6:3: the rendered text is not JSON: '}' expected near "
              "'\"b\"' (what stands before ends at 3:10)");
    CHECK(app("[1]", &duplicates, &err) == NULL);
    CHECK_STR(err.text, "marathon.json.mustache: the rendered text is not a JSON object");
    CHECK(app("{\"labels\":{\"a\":1}}", &duplicates, &err) == NULL);
    CHECK_STR(err.text, "marathon.json.mustache: label 'a' is not a string");
    CHECK(app("", &duplicates, &err) == NULL);
    CHECK(strstr(err.text, "marathon.json.mustache:1:1: the rendered text is not JSON") != NULL);
}

TAP_MAIN(TEST(test_schema), TEST(test_options), TEST(test_defaults), TEST(test_values),
         TEST(test_app))
