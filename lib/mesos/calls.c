#define _GNU_SOURCE /* strcasestr */
#include "mesos/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/text.h"
#include "proto/pbjson.h"

/* RecordIO may frame either encoding; no protobuf Call begins with '{' (a group, field 15). */
static bool looks_like_json(const struct record *record)
{
    return record->is_json || (record->len && record->data[0] == '{');
}

static Call *decode(const char *data, size_t len, bool is_json, struct arena *arena,
                    struct err *err)
{
    if (!is_json)
        return PB_UNPACK(Call, call, data, len, arena, "call", err);
    json_auto json_t *json = json_parse(data, len, "call", err);
    Call *call = json ? PB_FROM_JSON(Call, call, json, arena, err) : NULL;
    if (json && !call)
        err_prefix(err, "call");
    return call;
}

static void encode(const Call *decoded, bool as_json, struct buf *out)
{
    if (!as_json) {
        pb_pack(decoded, out);
        return;
    }
    json_auto json_t *json = pb_to_json(decoded);
    json_write(out, json, JSON_LAYOUT_COMPACT);
}

struct call *call_of_record(const struct record *record, bool json_wire, unsigned long id,
                            struct err *err)
{
    auto_arena struct arena arena = ARENA_INIT;
    auto_buf struct buf body = BUF_INIT;
    bool is_json = looks_like_json(record);
    const Call *decoded = decode(record->data, record->len, is_json, &arena, err);

    if (!decoded)
        return NULL;
    if (!decoded->has_type || decoded->type == CALL__TYPE__UNKNOWN ||
        !protobuf_c_enum_descriptor_get_value(&call__type__descriptor, decoded->type)) {
        err_set(err, EXIT_INPUT, "call: it has no type that is known");
        return NULL;
    }
    if (is_json != json_wire)
        encode(decoded, json_wire, &body);
    struct call *call = xmalloc(sizeof *call + record->len + body.len + 1);
    *call = (struct call){.id = id, .type = decoded->type, .is_json = is_json, .len = record->len};
    memcpy(call->data, record->data, record->len);
    if (body.len)
        memcpy(call->data + record->len, body.data, body.len);
    call->data[record->len + body.len] = '\0';
    call->body = is_json == json_wire ? call->data : call->data + record->len;
    call->body_len = is_json == json_wire ? record->len : body.len;
    return call;
}

size_t call_size(const struct call *call)
{
    return call->body == call->data ? call->len : call->len + call->body_len;
}

const char *call_name(const struct call *call)
{
    return pb_enum_name(&call__type__descriptor, call->type);
}

/* The call as JSON for a failure record; NULL when it cannot be shown. */
static json_t *shown(const char *data, size_t len, bool is_json)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;

    if (is_json)
        return json_parse(data, len, "call", &err);
    const Call *call = decode(data, len, false, &arena, &err);
    return call ? pb_to_json(call) : NULL;
}

void call_failed_line(const struct call *call, const struct record *refused, int status,
                      enum call_fate fate, const char *message, struct buf *out)
{
    json_auto json_t *line = json_object();
    json_t *json = NULL;

    if (call)
        json = shown(call->data, call->len, call->is_json);
    else if (refused)
        json = shown(refused->data, refused->len, looks_like_json(refused));
    json_set(line, "type", json_string("DSE_CALL_FAILED"));
    if (json)
        json_set(line, "call", json);
    json_set(line, "status", json_integer(status));
    json_set(line, "sent", json_string(fate == CALL_NOT_SENT ? "no" : "unknown"));
    auto_buf struct buf text = BUF_INIT;
    text_clean(&text, message);
    json_t *shown_text = json_string(buf_str(&text));
    json_set(line, "message", shown_text ? shown_text : json_string("(not UTF-8)"));
    json_write(out, line, JSON_LAYOUT_COMPACT);
    buf_addc(out, '\n');
}

bool call_answer_ends_stream(long status, const char *body)
{
    switch (status) {
    case 307:
    case 401:
    case 403:
    case 503:
        return true;
    case 400:
        return strcasestr(body, "stream id") || strcasestr(body, "stream-id") ||
               strcasestr(body, "framework cannot be found");
    default:
        return false;
    }
}

enum call_fate call_fate_of_status(long status)
{
    if ((status >= 300 && status < 500) || status == 501 || status == 503)
        return CALL_NOT_SENT;
    return CALL_UNKNOWN;
}
