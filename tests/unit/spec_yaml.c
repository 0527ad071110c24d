#include "spec/yaml.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "spec/mustache.h"
#include "tap.h"

/* Prints a tree on one line: text, 'quoted', [list], {key: value}. */
static void dump(const struct yaml_node *node, struct buf *out)
{
    switch (node->type) {
    case YAML_SCALAR:
        buf_addf(out, node->quoted ? "'%s'" : "%s", node->text);
        break;
    case YAML_LIST:
        buf_addc(out, '[');
        for (size_t i = 0; i < node->count; i++) {
            buf_adds(out, i ? ", " : "");
            dump(node->items[i], out);
        }
        buf_addc(out, ']');
        break;
    case YAML_MAP:
        buf_addc(out, '{');
        for (size_t i = 0; i < node->count; i++) {
            buf_addf(out, "%s%s: ", i ? ", " : "", node->entries[i].key->text);
            dump(node->entries[i].value, out);
        }
        buf_addc(out, '}');
    }
}

static void test_values(void)
{
    static const struct {
        const char *text, *want;
    } samples[] = {
        {"a: 1\nb: 'x'\nc: \"y\\u00e9\"\nd: |\n  t\n", "{a: 1, b: 'x', c: 'yé', d: 't\n'}"},
        {"[1, ~, null, '', x]", "[1, ~, null, '', x]"},
        {"a:\n- b\n- c: d\n", "{a: [b, {c: d}]}"},
        {"--- # comment\na: yes\n...\n", "{a: yes}"},
        {"a: &x [1, 2]\nb: *x\nc: *x\n", "{a: [1, 2], b: [1, 2], c: [1, 2]}"},
        {"a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "{a: 1, b: 1, c: 2, d: 2}"},
        {"d: &d {p: 1, q: 2}\ne:\n  <<: *d\n  q: 3\n", "{d: {p: 1, q: 2}, e: {q: 3, p: 1}}"},
        {"- &a {p: 1}\n- &b {p: 2, q: 2}\n- {<<: [*a, *b], r: 3}\n",
         "[{p: 1}, {p: 2, q: 2}, {r: 3, p: 1, q: 2}]"},
        {"'<<': 1", "{<<: 1}"},
        {"a: !!str 5\nb: !!int 5", "{a: '5', b: 5}"},
        {"a: !own 5\nb: !own {c: 1}\nd: ! x", "{a: '5', b: {c: 1}, d: x}"},
    };

    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct err err = ERR_INIT;
        auto_yaml struct yaml_doc doc = {.root = NULL};
        auto_buf struct buf out = BUF_INIT;
        CHECK_INT(yaml_parse(samples[i].text, strlen(samples[i].text), "f", NULL, &doc, &err), 0);
        CHECK_STR(err.text, "");
        if (doc.root)
            dump(doc.root, &out);
        CHECK_STR(buf_str(&out), samples[i].want);
    }
}

static void test_null(void)
{
    static const char text[] = "- ~\n-\n- null\n- Null\n- NULL\n- ''\n- 'null'\n- nul\n- {}\n";
    static const bool want[] = {true, true, true, true, true, false, false, false, false};
    struct err err = ERR_INIT;
    auto_yaml struct yaml_doc doc = {.root = NULL};

    CHECK_INT(yaml_parse(text, sizeof text - 1, "f", NULL, &doc, &err), 0);
    for (size_t i = 0; doc.root && i < doc.root->count; i++)
        CHECK_INT(yaml_is_null(doc.root->items[i]), want[i]);
}

static void test_errors(void)
{
    static const struct {
        const char *text, *error;
    } samples[] = {
        {"", "f:1:1: the document is empty"},
        {"# only\n", "f:1:1: the document is empty"},
        {"a: 1\nb: 2\na: 3\n", "f:3:1: duplicate key 'a': each key may stand once in a mapping"},
        {"{x: {c: 1, 'c': 2}}", "f:1:12: duplicate key 'c': each key may stand once in a mapping"},
        {"a: {{FOO}}",
         "f:1:5: a key must be plain text: is this a '{{...}}' that was not rendered?"},
        {"[a]: 1", "f:1:1: a key must be plain text: is this a '{{...}}' that was not rendered?"},
        {"a: 1\n---\nb: 2\n", "f:2:1: a second document begins: there must be exactly one"},
        {"a: *x", "f:1:4: alias '*x' names no anchor: '&x' must stand before it"},
        {"a: &x [*x]", "f:1:8: alias '*x' stands inside the value that it names"},
        {"a: &x 1\n*x : 2",
         "f:2:1: a key must be plain text: is this a '{{...}}' that was not rendered?"},
        {"<<: 1", "f:1:1: '<<' wants a mapping or a list of mappings, as '<<: *name'"},
        {"a: \"x\\0y\"", "f:1:4: the text holds a NUL character"},
        {"a:\n\t- b\n", "f:2:1: not YAML: while scanning for the next token, found character that "
                        "cannot start any token"},
        {"a: é\nb: [1\n", "f:3:1: not YAML: while parsing a flow sequence, did not find expected "
                          "',' or ']'"},
    };

    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct err err = ERR_INIT;
        auto_yaml struct yaml_doc doc = {.root = NULL};
        CHECK_INT(yaml_parse(samples[i].text, strlen(samples[i].text), "f", NULL, &doc, &err), -1);
        CHECK_STR(err.text, samples[i].error);
        CHECK_INT(err.status, EXIT_INPUT);
    }
}

static void refuse(struct buf *text, const char *error)
{
    struct err err = ERR_INIT;
    auto_yaml struct yaml_doc doc = {.root = NULL};

    CHECK_INT(yaml_parse(text->data, text->len, "f", NULL, &doc, &err), -1);
    CHECK_STR(err.text, error);
}

static void test_limits(void)
{
    auto_buf struct buf deep = BUF_INIT, laughs = BUF_INIT, large = BUF_INIT, merges = BUF_INIT;

    for (int i = 0; i < 5000; i++)
        buf_addc(&deep, '[');
    refuse(&deep, "f:1:65: values are nested more than 64 deep");

    /* Each line ten times the one before. */
    buf_adds(&laughs, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++) {
        buf_addf(&laughs, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            buf_addf(&laughs, "%s*a%d", j ? ", " : "", i - 1);
        buf_adds(&laughs, "]\n");
    }
    refuse(&laughs, "f:6:15: more than 200000 values (aliases count each time)");

    for (int i = 0; i < 200000; i++)
        buf_adds(&large, "- abc\n");
    refuse(&large, "f: the document is larger than 1048576 bytes");

    buf_adds(&merges, "- &m {");
    for (int i = 0; i < 9000; i++)
        buf_addf(&merges, "k%d: , ", i);
    buf_adds(&merges, "}\n- {<<: *m}\n");
    refuse(&merges, "f:2:3: merge keys ('<<') bring too many entries together");
}

static void test_places(void)
{
    static const char template[] = "a: {{{X}}}\né: [ {{{Y}}}, b ]\n";
    struct err err = ERR_INIT;
    auto_mustache struct mustache_result rendering = {.notes = NULL};
    auto_buf struct buf text = BUF_INIT;
    auto_yaml struct yaml_doc doc = {.root = NULL};
    json_t *values = json_pack("{s:s, s:s}", "X", "\"1\"", "Y", "c, \n d");
    size_t line, column;

    CHECK_INT(mustache_render(&mustache_bootstrap, template, sizeof template - 1, "t", values,
                              &text, &rendering, &err),
              0);
    json_decref(values);
    CHECK_INT(yaml_parse(text.data, text.len, "t", &rendering, &doc, &err), 0);
    CHECK_STR(err.text, "");
    if (!doc.root)
        return;
    const struct yaml_entry *e = yaml_get(doc.root, "é");
    CHECK(e && e->value->count == 3);
    yaml_place(&doc, e->value->items[1]->at, &line, &column);
    CHECK_INT(line, 2); /* inside the value of {{{Y}}}: the tag's place */
    CHECK_INT(column, 6);
    yaml_place(&doc, e->value->items[2]->at, &line, &column);
    CHECK_INT(line, 2);
    CHECK_INT(column, 15);
    CHECK(yaml_get(doc.root, "b") == NULL);
}

TAP_MAIN(TEST(test_values), TEST(test_null), TEST(test_errors), TEST(test_limits),
         TEST(test_places))
