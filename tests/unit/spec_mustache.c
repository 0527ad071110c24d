#include "spec/mustache.h"

#include <jansson.h>

#include "base/json.h"
#include "tap.h"

struct sample {
    const char *template, *want; /* want NULL: an error with `error` in it */
    const char *error;
};

static void render(const struct mustache_dialect *dialect, const char *values,
                   const struct sample *s)
{
    struct err err = ERR_INIT;
    auto_buf struct buf out = BUF_INIT;
    auto_mustache struct mustache_result result = {.notes = NULL};
    json_auto json_t *json = json_parse(values, strlen(values), "values", &err);
    const int status = mustache_render(dialect, s->template, strlen(s->template), "svc.yml", json,
                                       &out, &result, &err);

    if (s->want) {
        CHECK_STR(status < 0 ? err.text : buf_str(&out), s->want);
    } else {
        CHECK_INT(status, -1);
        CHECK_INT(err.status, EXIT_INPUT);
        CHECK_STR(err.text, s->error);
    }
}

/* Values as the scheduler's environment gives them. */
static const char env[] =
    "{\"T\":true,\"F\":false,\"E\":\"\",\"S\":\"text\",\"Z\":\"0\",\"N\":\"no\",\"B\":\" \","
    "\"Y\":\"{{S}}\",\"a.b\":\"dot\",\"x-y\":\"dash\",\"H\":\"&<>\\\"'=`/\\t\\n\\u000e~\"}";

static void test_scheduler_values(void)
{
    static const struct sample samples[] = {
        {"{{T}} {{F}}", "true false"},
        {"{{#E}}a{{/E}}{{^E}}b{{/E}}", "b"},
        {"{{#F}}a{{/F}}{{^F}}b{{/F}}", "b"},
        {"{{#gone}}a{{/gone}}{{^gone}}b{{/gone}}", "b"},
        {"{{#Z}}a{{/Z}}{{#N}}b{{/N}}{{#B}}c{{/B}}", "abc"},
        {"{{#S}}{{.}} {{Z}}{{/S}}", "text 0"},
        {"{{Y}} {{{Y}}}", "{{S}} {{S}}"},
        {"{{a.b}} {{x-y}}", "dot dash"},
        {"{{S.length}}|", "|"},
        {"{{H}}", "&amp;&lt;&gt;&quot;&#39;&#61;&#96;/&#9;&#10;\x0e~"},
        {"{{{H}}}", "&<>\"'=`/\t\n\x0e~"},
        {"{{&H}}", "&<>\"'=`/\t\n\x0e~"},
        {"{{ S }} {{# S }}a{{/ S }}", "text a"},
        {"{{ #S }}|", "|"},
        {"a{{! comment\nmore }}b", "ab"},
        {"{{=<% %>=}}<%S%> {{S}}", "text {{S}}"},
        {"{{=| |=}}|S| |&S|", "text text"},
        {"{{=<% %>=}}<%{H}%>", "&<>\"'=`/\t\n\x0e~"},
        {"{{=a  b = }}", NULL,
         "svc.yml:1:1: a tag that sets delimiters ends with '=': {{=<% %>=}}"},
        {"{{=< < % % >=}}", NULL, "svc.yml:1:1: delimiters are one or two characters each"},
        {"{{=| |=}}|{S}|", NULL,
         "svc.yml:1:10: '|{' needs delimiters of two characters: write '|&'"},
        {"{{ }}|", "|"},
        {"{{#T}}{{#S}}{{Z}}{{/S}}{{/T}}", "0"},
        {"{", "{"},
        {"{{E}}{{{E}}}", ""},
        {"a { b } c", "a { b } c"},
    };

    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        render(&mustache_scheduler, env, &samples[i]);
}

/* See service-spec 2.2, "Whitespace outside". */
static void test_scheduler_lines(void)
{
    static const struct sample samples[] = {
        {"a\n  {{#T}}\nb\n\t{{/T}}\nc\n", "a\nb\nc\n"},
        {"a\n{{#F}}\nb\n{{/F}}\nc\n", "a\nc\n"},
        {"a\n{{#T}}  \n  b\n{{/T}}\n", "a\n    b\n"},
        {"a\n{{#T}}\r\nb\r\n{{/T}}\r\nc", "a\nb\r\nc"},
        {"a\rb\r\n\nc", "ab\r\n\r\nc"},
        {"\r\n{{S}}\nb", "\r\ntext\nb"},
        {"a\n  {{#T}} b\n{{/T}}\n", "a\n b\n"},
        {"a\n  {{#T}}b{{/T}}\n", "a\n  b\n"},
        {"a\n  {{! c }}\nb\n", "a\n  \nb\n"},
        {"k: {{#T}}v{{/T}}\nl\n", "k: v\nl\n"},
        {"{{#T}}\n{{#T}}\na\n{{/T}}\n{{/T}}\nb", "a\nb"},
    };

    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        render(&mustache_scheduler, env, &samples[i]);
}

static void test_errors(void)
{
    static const struct sample samples[] = {
        {"a\n {{#A}}x", NULL, "svc.yml:2:2: the section 'A' is not closed: {{/A}} is missing"},
        {"{{#A}}\nx{{/B}}", NULL, "svc.yml:2:2: {{/B}} does not close the section 'A' of line 1"},
        {"{{/B}}", NULL, "svc.yml:1:1: {{/B}} closes a section, but none is open"},
        {"{{/B}}  \n", NULL, "svc.yml:1:1: {{/B}} closes a section, but none is open"},
        {"é {{A", NULL, "svc.yml:1:3: the tag is not closed: '}}' is missing"},
        {"{{{A}} ", NULL, "svc.yml:1:1: '{{{' is not closed by '}}}'"},
        {"{{}}", NULL, "svc.yml:1:1: the tag is empty"},
        {"{{#}}", NULL, "svc.yml:1:1: the section tag has no name"},
        {"{{=abcd e=}}", NULL, "svc.yml:1:1: delimiters are one or two characters each"},
        {"{{>part}}", NULL,
         "svc.yml:1:1: {{>part}}: partials, inheritance and pragmas are not supported"},
        {"{{$x}}d{{/x}}", NULL,
         "svc.yml:1:1: {{$x}}: partials, inheritance and pragmas are not supported"},
    };

    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        render(&mustache_scheduler, env, &samples[i]);
}

static void test_limits(void)
{
    struct err err = ERR_INIT;
    auto_buf struct buf template = BUF_INIT, out = BUF_INIT;
    auto_mustache struct mustache_result result = {.notes = NULL};

    for (int i = 0; i < 300; i++)
        buf_adds(&template, "{{#T}}");
    CHECK_INT(mustache_render(&mustache_scheduler, template.data, template.len, "t", NULL, &out,
                              &result, &err),
              -1);
    CHECK_STR(err.text, "t:1:1531: sections are nested more than 256 deep");

    /* An output that grows without bound. */
    json_auto json_t *values = json_object();
    json_t *list = json_array();
    for (int i = 0; i < 1000; i++)
        json_push(list, json_integer(i));
    json_set(values, "l", list);
    static const char bomb[] = "{{#l}}{{#l}}{{#l}}xxxxxxxxxxxxxxxxxxxxxxxx{{/l}}{{/l}}{{/l}}";
    mustache_result_free(&result);
    CHECK_INT(
        mustache_render(&mustache_package, bomb, sizeof bomb - 1, "t", values, &out, &result, &err),
        -1);
    CHECK(strstr(err.text, "the rendered text exceeds 16 MB"));
}

static void test_notes_and_places(void)
{
    static const char template[] = "a: {{X}}\n{{#F}}{{G}}{{/F}}b: {{{Y}}} {{X}}\nc: {{H}}é{{S}}\n"
                                   "{{#T}} \nz\n{{/T}}\n";
    struct err err = ERR_INIT;
    auto_buf struct buf out = BUF_INIT;
    auto_mustache struct mustache_result result = {.notes = NULL};
    json_auto json_t *values =
        json_pack("{s:s, s:s, s:b, s:b}", "H", "a&b", "S", "s", "F", 0, "T", 1);
    size_t line, column;

    CHECK_INT(mustache_render(&mustache_scheduler, template, sizeof template - 1, "t", values, &out,
                              &result, &err),
              0);
    CHECK_STR(buf_str(&out), "a: \nb:  \nc: a&amp;bés\n z\n");
    CHECK_INT(result.n_notes, 5);
    static const struct {
        int kind;
        const char *name;
        size_t line, column;
    } wanted[] = {
        {MUSTACHE_SHIFTED, "T", 4, 1},  {MUSTACHE_MISSING, "X", 1, 4},
        {MUSTACHE_MISSING, "Y", 2, 21}, {MUSTACHE_MISSING, "X", 2, 29},
        {MUSTACHE_ESCAPED, "H", 3, 4},
    };
    for (size_t i = 0; i < result.n_notes && i < 5; i++) {
        CHECK_INT(result.notes[i].kind, wanted[i].kind);
        CHECK_STR(result.notes[i].name, wanted[i].name);
        CHECK_INT(result.notes[i].line, wanted[i].line);
        CHECK_INT(result.notes[i].column, wanted[i].column);
    }
    const char *z = strchr(out.data, 'z'), *amp = strstr(out.data, "amp"),
               *b = strchr(out.data, 'b');
    mustache_locate(&result, (size_t)(z - out.data), &line, &column);
    CHECK_INT(line, 5);
    CHECK_INT(column, 1);
    mustache_locate(&result, (size_t)(amp - out.data), &line, &column);
    CHECK_INT(line, 3);
    CHECK_INT(column, 4);
    mustache_locate(&result, (size_t)(b - out.data), &line, &column);
    CHECK_INT(line, 2);
    CHECK_INT(column, 18);
}

/* As package_values() gives them. */
static const char options[] =
    "{\"service\":{\"name\":\"/a\",\"on\":true,\"off\":false,\"n\":3,\"d\":0.25,\"zero\":0,"
    "\"q\":\"[[\\\"x\\\"]]\",\"list\":[\"\\\"p\\\"\",\"\\\"q\\\"\"],\"none\":[],\"deep\":[[1],[]],"
    "\"objs\":[{\"k\":1,\"l\":null},{\"k\":2}],\"null\":null,\"html\":\"<&>'=\"}}";

static void test_package(void)
{
    static const struct sample samples[] = {
        {"{{service.name}} {{service.n}} {{service.d}}", "/a 3 0.25"},
        {"{{service.on}} {{service.off}}", "true false"},
        {"{{{service.q}}} {{service.q}} {{&service.q}}", "[[\"x\"]] [[\"x\"]] [[\"x\"]]"},
        {"{{service.html}}", "<&>'="},
        {"{{#service.on}}1{{/service.on}}{{#service.off}}2{{/service.off}}", "1"},
        {"{{#service.zero}}1{{/service.zero}}", "1"},
        {"{{#service.list}}<{{.}}>{{/service.list}}", "<\"p\"><\"q\">"},
        {"{{service.list}} {{service.none}} {{service.deep}}", "[\"p\", \"q\"] [] [[1], []]"},
        {"{{service.objs}}", "[{k=1, l=null}, {k=2}]"},
        {"{{#service.none}}1{{/service.none}}{{^service.none}}2{{/service.none}}", "2"},
        {"{{#service.objs}}{{k}}{{n}}{{/service.objs}}", "12"},
        {"{{#service}}{{n}}{{/service}}", "3"},
        {"{{^service.none.isEmpty}}1{{/service.none.isEmpty}}{{service.list.isEmpty}}", "false"},
        {"{{#service.none.isEmpty}}1{{/service.none.isEmpty}}{{service.name.isEmpty}}", "1"},
        {"{{#service.null}}1{{/service.null}}{{service.null}}|", "|"},
        {"{{service.name.x}}|{{service.}}|{{.}}|", "|||"},
    };

    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        render(&mustache_package, options, &samples[i]);
}

static void test_bootstrap(void)
{
    static const char values[] = "{\"A\":\"x\",\"Fa\":false,\"B\":\"  \",\"E\":\"\",\"T\":\"True\","
                                 "\"H\":\"\\\"'&<>=`\",\"a.b\":\"dot\",\"W\":\"\\u00a0 "
                                 "\\u2003\"}";
    static const struct sample samples[] = {
        {"{{A}} {{gone}} {{Fa}} {{T}}", "x  false True"},
        {"{{#Fa}}1{{/Fa}}{{#B}}2{{/B}}{{#E}}3{{/E}}{{#gone}}4{{/gone}}{{#T}}5{{/T}}", "5"},
        {"{{H}} {{{H}}}", "&#34;&#39;&amp;&lt;&gt;=` \"'&<>=`"},
        {"a\n  {{#A}}  \r\nb\r\n  {{/A}}\r\nc", "a\nb\r\nc"},
        {"a\n{{! c }} \nb", "a\nb"},
        {"a\n{{=<% %>=}}\nb<%A%>", "a\nbx"},
        {"{{#A}}\n  {{A}}\n{{/A}}", "  x\n"},
        {"  {{A}}\n", "  x\n"},
        {"| {{#A}}x{{/A}} |\n", "| x |\n"},
        {"{{#A}} {{#A}}\nx\n{{/A}}{{/A}}\n", " \nx\n\n"},
        {"{{ #A }}x{{ /A }} {{ {H} }}{{ &H }}", "x \"'&<>=`\"'&<>=`"},
        {"{{a.b}}|{{.}}|{{#A}}{{.}}{{a.b}}{{/A}}|{{$A}}{{%A}}|", "||||"},
        {"{{#W}}x{{/W}}{{^W}}blank{{/W}}", "blank"},
        {"{{=<<< >>>=}}a<<<A>>> {{A}}", "ax {{A}}"},
        {"{{=a=}}{{A}}", "x"},
        {"x\n{{! c }}  ", "x\n  "},
        {"a\r\n\rb{{A}}\r\n", "a\r\n\rbx\r\n"},
        {"{{  }}", NULL, "svc.yml:1:1: the tag is empty"},
        {"{{>part}}", NULL,
         "svc.yml:1:1: {{>part}}: partials, inheritance and pragmas are not supported"},
    };

    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        render(&mustache_bootstrap, values, &samples[i]);
}

static void test_environment_values(void)
{
    json_auto json_t *yes = mustache_scheduler_value("TRUE"),
                     *no = mustache_scheduler_value("False"),
                     *text = mustache_scheduler_value("yes"),
                     *odd = mustache_scheduler_value("a\xff\xc3\xa9"),
                     *boot = mustache_bootstrap_value("TRUE");

    CHECK(json_is_true(yes));
    CHECK(json_is_false(no));
    CHECK_STR(json_string_value(text), "yes");
    CHECK_STR(json_string_value(odd), "a\xef\xbf\xbd\xc3\xa9");
    CHECK_STR(json_string_value(boot), "TRUE");
}

TAP_MAIN(TEST(test_scheduler_values), TEST(test_scheduler_lines), TEST(test_errors),
         TEST(test_limits), TEST(test_notes_and_places), TEST(test_package), TEST(test_bootstrap),
         TEST(test_environment_values))
