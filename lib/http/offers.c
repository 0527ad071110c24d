/* /v1/debug/offers and /v2/debug/offers: the last evaluations of the running scheduler, as it
 * leaves them in its run directory, in the forms of the older and the newer original (see
 * offer-cycle 8.2, 8.3). */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "base/io.h"
#include "http/routes.h"

enum { RECORDS_BYTES = 16 << 20 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* New: the records (doc/records.md, evaluations.ndjson), oldest first. */
static json_t *load_records(const struct exchange_ctx *x)
{
    const char *run_dir = x->options->run_dir;
    json_t *list = json_array();
    auto_buf struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    auto_free char *path = run_dir ? xasprintf("%s/evaluations.ndjson", run_dir) : NULL;

    if (!path || io_read_file(path, RECORDS_BYTES, &text, &err))
        return list;
    const char *at = buf_str(&text);
    for (const char *end; (end = strchr(at, '\n')); at = end + 1) {
        json_t *record = json_parse(at, (size_t)(end - at), path, &err);
        if (record)
            json_push(list, record);
    }
    return list;
}

/* Lines as the original logs them. Of an evaluation in a flood of offers only the first shortfall
 * is on record. */
static json_t *stage_lines(const json_t *record)
{
    json_t *stages = json_object_get(record, "stages");
    const bool pass = strcmp(text_of(record, "outcome"), "pass") == 0;

    if (json_array_size(stages))
        return json_incref(stages);
    auto_free char *line =
        xasprintf(pass ? "  PASS(OfferEvaluator): %s" : "  FAIL(OfferEvaluator): %s",
                  pass ? "every stage" : text_of(record, "text"));
    return json_pack("[s]", line);
}

static const char *offer_text(const json_t *record)
{
    const char *text = text_of(record, "offer_text");

    return *text ? text : text_of(record, "offer");
}

static json_t *outcome_json(const json_t *record, json_t *explanation)
{
    return json_pack("{s:s, s:s, s:o, s:s, s:O?}", "offer", offer_text(record), "pod-instance-name",
                     text_of(record, "step"), "explanation", explanation, "outcome",
                     text_of(record, "outcome"), "timestamp", json_object_get(record, "time"));
}

/* ---- version 2 ---- */

/* `  PASS(Stage): reason` becomes `PASS(Stage):reason`. */
static json_t *flat_line(const char *line)
{
    line += strspn(line, " ");
    const char *colon = strstr(line, "): ");
    auto_free char *flat =
        colon ? xasprintf("%.*s%s", (int)(colon + 2 - line), line, colon + 3) : xstrdup(line);
    return json_string(flat);
}

static json_t *flat_lines(const json_t *record)
{
    json_auto json_t *lines = stage_lines(record);
    json_t *flat = json_array(), *line;
    size_t i;

    json_array_foreach(lines, i, line) json_push(flat, flat_line(json_string_value(line)));
    return flat;
}

static json_t *total(const json_t *totals, const char *key)
{
    return json_integer(json_integer_value(json_object_get(totals, key)));
}

static void get_offers(struct exchange_ctx *x)
{
    json_auto json_t *records = load_records(x);
    json_auto json_t *metrics = run_dir_json(x->options->run_dir, "metrics.json");
    const json_t *totals = json_object_get(metrics, "evaluations");
    json_t *body = json_object(), *offers = json_array(), *record;
    size_t i;

    json_array_foreach(records, i, record)
        json_push(offers, outcome_json(record, flat_lines(record)));
    json_set(body, "offers", offers);
    json_set(body, "acceptedCount", total(totals, "accepted"));
    json_set(body, "failureReasons", json_sorted(json_object_get(totals, "reasons")));
    json_set(body, "rejectedCount", total(totals, "rejected"));
    json_set(body, "rejectedAgents", json_sorted(json_object_get(totals, "agents")));
    reply_json(x, 200, body, JSON_LAYOUT_ORG);
}

/* ---- version 1: newest first ---- */

static void add_lines(struct buf *out, const json_t *record)
{
    json_auto json_t *lines = stage_lines(record);
    json_t *line;
    size_t i;

    json_array_foreach(lines, i, line)
    {
        buf_adds(out, i ? "\n" : "");
        buf_adds(out, json_string_value(line));
    }
}

static json_t *outcomes_json(const json_t *records)
{
    json_t *list = json_array();

    for (size_t i = json_array_size(records); i-- > 0;) {
        const json_t *record = json_array_get(records, i);
        auto_buf struct buf text = BUF_INIT;
        add_lines(&text, record);
        json_push(list, outcome_json(record, json_string(buf_str(&text))));
    }
    return json_pack("{s:o}", "outcomes", list);
}

static void add_html(struct buf *out, const char *text)
{
    for (; *text; text++) {
        const char *entity = *text == '&'    ? "&amp;"
                             : *text == '<'  ? "&lt;"
                             : *text == '>'  ? "&gt;"
                             : *text == '"'  ? "&quot;"
                             : *text == '\'' ? "&#x27;"
                                             : NULL;
        if (entity)
            buf_adds(out, entity);
        else
            buf_addc(out, *text);
    }
}

static void add_cell(struct buf *out, const char *style, const char *text)
{
    buf_adds(out, *style ? "<td style=\"" : "<td");
    buf_addf(out, *style ? "%s\">" : "%s>", style);
    add_html(out, text);
    buf_adds(out, "</td>");
}

/* As Java's Date prints it. */
static void time_text(int64_t ms, char *ret, size_t size)
{
    const time_t s = (time_t)(ms / 1000);
    struct tm tm;

    *ret = '\0';
    if (gmtime_r(&s, &tm))
        strftime(ret, size, "%a %b %d %H:%M:%S UTC %Y", &tm);
}

static void add_row(struct buf *out, const json_t *record)
{
    char when[40];
    json_auto json_t *lines = stage_lines(record);
    json_t *line;
    size_t i;

    time_text(json_integer_value(json_object_get(record, "time")), when, sizeof when);
    buf_adds(out, "<tr>");
    add_cell(out, "white-space: nowrap", when);
    add_cell(out, "white-space: nowrap", text_of(record, "step"));
    add_cell(out, "", strcmp(text_of(record, "outcome"), "pass") == 0 ? "PASS" : "FAIL");
    buf_adds(out, "<td style=\"width: 500px\">");
    json_array_foreach(lines, i, line)
    {
        buf_adds(out, "<div><div>");
        add_html(out, json_string_value(line));
        buf_adds(out, "</div><br></div>");
    }
    buf_adds(out, "</td>");
    add_cell(out, "width: 500px", offer_text(record));
    buf_adds(out, "</tr>");
}

static void outcomes_html(const json_t *records, struct buf *out)
{
    buf_adds(out, "<html><style>table, th, td { border: 1px solid black; }\n"
                  "tbody tr:nth-child(odd) { background-color: #E8E8E8 }\n"
                  "th, td { padding: 10px }</style><body>"
                  "<table style=\"border: 1px solid black\"><tr><th>Time</th>"
                  "<th>Pod Instance</th><th>Outcome</th><th>Explanation</th><th>Offer</th></tr>");
    for (size_t i = json_array_size(records); i-- > 0;)
        add_row(out, json_array_get(records, i));
    buf_adds(out, "</table></body></html>");
}

static void get_offers_page(struct exchange_ctx *x)
{
    json_auto json_t *records = load_records(x);
    const char *json = x->request->query(x->request, "json");

    if (json && strcasecmp(json, "true") == 0) {
        reply_json(x, 200, outcomes_json(records), JSON_LAYOUT_ORG);
        return;
    }
    x->reply->status = 200;
    x->reply->content_type = "text/html";
    outcomes_html(records, &x->reply->body);
}

const struct route offer_routes[] = {
    {"GET", "/v1/debug/offers", get_offers_page, false},
    {"GET", "/v2/debug/offers", get_offers, false},
    {NULL, NULL, NULL, false},
};
