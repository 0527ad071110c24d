#include "mesos/link.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "mesos/calls.h"
#include "mesos/leader.h"
#include "mesos/master.h"
#include "mesos/post.h"
#include "mesos/transfer.h"
#include "proto/pb.h"
#include "proto/pbjson.h"

enum { REDIRECTS_MAX = 5, QUEUE_BYTES = 256 << 20 };

enum link_state {
    LINK_FINDING,    /* no master leads, as far as we know */
    LINK_PROBING,    /* connecting, to see whether it is there */
    LINK_WAITING,    /* for SUBSCRIBE */
    LINK_OPENING,    /* SUBSCRIBE sent, SUBSCRIBED has not come */
    LINK_SUBSCRIBED, /* calls go out */
    LINK_RESTING,    /* back-off */
};

struct link {
    struct link_options options;
    struct loop *loop;
    struct transfers *transfers;
    struct leader *leader;
    enum link_state state;
    bool announced; /* DSE_CONNECTED without DSE_DISCONNECTED so far */

    char *leads;    /* base URL that the leader detection told, NULL: none */
    char *redirect; /* another that a master sent us to, or NULL */
    char *base;     /* of the present connection */
    int redirects;  /* in a row */

    struct post stream;           /* the probe, then the subscription */
    struct call *subscribe;       /* waiting for a connection, or being answered */
    struct record_reader records; /* of the stream */
    struct err failure;           /* why a callback ended the stream; status 0: it did not */
    bool hold, paused;            /* asked to; the transfer is */
    struct loop_timer *watchdog;
    int64_t silence_ms;

    struct post sending; /* of `first`, while in_flight */
    struct call *first, *last;
    size_t queued_bytes;
    bool in_flight, kept; /* kept: the stream's calls have a connection */
    int64_t sent_ns;      /* when the one in flight was */
    unsigned long calls;  /* read so far */

    struct loop_timer *backoff;
    int failures; /* in a row */
    struct idgen ids;
    bool input_ended, ended;
};

static void connect_now(struct link *link);
static void send_next(void *ctx);
static void disconnect(struct link *link, bool rest, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- records out ---------------------------------------------------------------------------- */

static void put_line(struct link *link, json_t *stolen)
{
    auto_buf struct buf line = BUF_INIT;

    json_write(&line, stolen, JSON_LAYOUT_COMPACT);
    buf_addc(&line, '\n');
    link->options.output(link->options.ctx, line.data, line.len);
    json_decref(stolen);
}

static json_t *link_record(const struct link *link, const char *type)
{
    json_t *record = json_object();

    json_set(record, "type", json_string(type));
    if (link->base)
        json_set(record, "master", json_string(link->base));
    return record;
}

static void report_failed(struct link *link, const struct call *call, const struct record *refused,
                          long status, enum call_fate fate, const char *message)
{
    auto_buf struct buf line = BUF_INIT;

    log_warn("call %lu%s%s failed%s: %s", call ? call->id : link->calls, call ? " " : "",
             call ? call_name(call) : "",
             fate == CALL_UNKNOWN ? ", unknown whether carried out" : "", message);
    call_failed_line(call, refused, (int)status, fate, message, &line);
    link->options.output(link->options.ctx, line.data, line.len);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void end(struct link *link, const struct err *why)
{
    if (link->ended)
        return;
    link->ended = true;
    link->options.ended(link->options.ctx, why);
}

static void end_if_done(void *ctx)
{
    struct link *link = ctx;

    if (link->input_ended && !link->first && !link->subscribe)
        end(link, NULL);
}

/* ---- the queue of calls --------------------------------------------------------------------- */

static struct call *pop_call(struct link *link)
{
    struct call *call = link->first;

    link->first = call->next;
    if (!link->first)
        link->last = NULL;
    link->queued_bytes -= call_size(call);
    return call;
}

/* The stream that they were for is gone: reports the call in flight and those behind it. */
static void drop_calls(struct link *link, const char *reason)
{
    while (link->first) {
        enum call_fate fate = CALL_NOT_SENT;
        auto_free struct call *call = pop_call(link);
        if (link->in_flight) {
            transfers_stop(link->transfers, link->sending.easy);
            link->in_flight = false;
            fate = link->sending.taken ? CALL_UNKNOWN : CALL_NOT_SENT;
        }
        report_failed(link, call, NULL, 0, fate, reason);
    }
}

static int64_t now_ns(void)
{
    static const struct clock clock;

    return clock_now_ns(&clock);
}

/* Whether the link to this master is done for, judged by a failed call. */
static bool ends_stream(const struct link *link, CURLcode result, long status)
{
    if (result == CURLE_COULDNT_CONNECT || result == CURLE_COULDNT_RESOLVE_HOST)
        return true;
    return result == CURLE_OK && call_answer_ends_stream(status, buf_str(&link->sending.answer));
}

static void call_done(void *ctx, CURLcode result)
{
    struct link *link = ctx;
    struct post *post = &link->sending;
    auto_free struct call *call = pop_call(link);
    long status = result == CURLE_OK ? post_status(post) : 0;
    const bool accepted = status == 200 || status == 202;

    if (link->options.answered)
        link->options.answered(link->options.ctx, accepted, now_ns() - link->sent_ns);
    link->in_flight = false;
    link->kept = result == CURLE_OK;
    if (accepted) {
        log_debug("call %lu %s: %ld", call->id, call_name(call), status);
        send_next(link);
        end_if_done(link);
        return;
    }
    enum call_fate fate = result == CURLE_OK ? call_fate_of_status(status)
                          : post->taken      ? CALL_UNKNOWN
                                             : CALL_NOT_SENT;
    const char *reason = post_reason(post, result);
    report_failed(link, call, NULL, status, fate, reason);
    if (ends_stream(link, result, status))
        disconnect(link, true, "a call failed: %s", reason);
    else
        send_next(link);
    end_if_done(link);
}

/* Starts the next call when none is on its way. */
static void send_next(void *ctx)
{
    struct link *link = ctx;
    struct post *post = &link->sending;

    if (link->state != LINK_SUBSCRIBED || link->in_flight || !link->first)
        return;
    buf_clear(&post->body);
    buf_add(&post->body, link->first->body, link->first->body_len);
    post_setup(post, &(struct post_options){
                         .base = link->base,
                         .json = link->options.json_wire,
                         .stream_id = link->stream.stream_id,
                         .authorization = link->options.authorization,
                         .fresh = !link->kept || !post_connection_usable(post),
                         .timeout_ms = (long)link->options.call_timeout_ms,
                     });
    link->in_flight = true;
    link->sent_ns = now_ns();
    transfers_start(link->transfers, post->easy, call_done, link);
}

/* ---- the subscription ----------------------------------------------------------------------- */

static void feed_watchdog(struct link *link)
{
    if (link->hold)
        loop_timer_stop(link->watchdog);
    else if (link->state == LINK_OPENING || link->state == LINK_SUBSCRIBED)
        loop_timer_in(link->watchdog, link->silence_ms);
}

static void silent(void *ctx)
{
    struct link *link = ctx;

    disconnect(link, true, "no event for %" PRId64 ".%03d s", link->silence_ms / 1000,
               (int)(link->silence_ms % 1000));
}

static void set_silence(struct link *link, double interval_s)
{
    double ms = (double)link->options.heartbeats *
                (interval_s > 0 ? interval_s * 1000 : (double)link->options.heartbeat_ms);

    link->silence_ms = ms < 1 ? 1 : ms > 1e9 ? 1000000000 : (int64_t)ms;
}

static void subscribed(struct link *link, const Event__Subscribed *event)
{
    double interval =
        event && event->has_heartbeat_interval_seconds ? event->heartbeat_interval_seconds : 0;

    set_silence(link, isfinite(interval) ? interval : 0);
    link->state = LINK_SUBSCRIBED;
    link->failures = link->redirects = 0;
    free(link->subscribe);
    link->subscribe = NULL;
    log_info("subscribed at %s, framework %s", link->base,
             event ? event->framework_id->value : "?");
    loop_defer(link->loop, send_next, link); /* not from inside the transfer */
    loop_defer(link->loop, end_if_done, link);
}

/* The type, without decoding the rest where it stands first, as the master writes it. */
static int type_of_bytes(const struct record *record)
{
    const unsigned char *bytes = (const unsigned char *)record->data;

    return record->len >= 2 && bytes[0] == 0x08 && bytes[1] < 0x80 ? bytes[1] : -1;
}

static const Event *decode_event(const struct link *link, const struct record *record, json_t *json,
                                 struct arena *arena, struct err *err)
{
    if (!link->options.json_wire)
        return PB_UNPACK(Event, event, record->data, record->len, arena, "event", err);
    return json ? PB_FROM_JSON(Event, event, json, arena, err) : NULL;
}

static void put_event(struct link *link, const struct record *record, const Event *event,
                      const json_t *json)
{
    auto_buf struct buf out = BUF_INIT;

    if (link->options.raw_events) {
        record_frame(&out, record->data, record->len);
    } else if (json && !memchr(record->data, '\n', record->len)) {
        buf_add(&out, record->data, record->len);
        buf_addc(&out, '\n');
    } else {
        json_auto json_t *own = json ? json_incref((json_t *)json) : pb_to_json(event);
        json_write(&out, own, JSON_LAYOUT_COMPACT);
        buf_addc(&out, '\n');
    }
    link->options.output(link->options.ctx, out.data, out.len);
}

/* One event of the stream. What cannot be read ends the stream: an event passed over in silence
 * would be lost, a new subscription brings the state of things again. */
static int take_event(struct link *link, const struct record *record, struct err *err)
{
    auto_arena struct arena arena = ARENA_INIT;
    json_auto json_t *json = NULL;
    const Event *event = NULL;
    int type = link->options.json_wire ? -1 : type_of_bytes(record);

    if (link->options.json_wire) {
        json = json_parse(record->data, record->len, "event", err);
        if (!json)
            return -1;
    }
    if (type < 0 || !link->options.raw_events || type == EVENT__TYPE__SUBSCRIBED) {
        event = decode_event(link, record, json, &arena, err);
        if (!event)
            return -1;
        type = event->has_type ? (int)event->type : EVENT__TYPE__UNKNOWN;
    }
    if (type == EVENT__TYPE__SUBSCRIBED && link->state == LINK_OPENING)
        subscribed(link, event->subscribed);
    if (type == EVENT__TYPE__ERROR) { /* an answer to SUBSCRIBE too; the master closes next */
        free(link->subscribe);
        link->subscribe = NULL;
    }
    put_event(link, record, event, json);
    return 0;
}

/* A 200 that does not look like the stream that was asked for. */
static int check_stream(const struct link *link, struct err *err)
{
    const char *content = NULL;
    const char *want = link->options.json_wire ? "application/json" : "application/x-protobuf";

    curl_easy_getinfo(link->stream.easy, CURLINFO_CONTENT_TYPE, &content);
    if (content && strncasecmp(content, want, strlen(want)) != 0)
        return err_set(err, EXIT_INPUT, "the master answers with '%s' instead of %s", content,
                       want);
    if (link->stream.bad_stream_id || !link->stream.stream_id[0])
        return err_set(err, EXIT_INPUT, "the master gave no usable Mesos-Stream-Id");
    return 0;
}

static size_t stream_data(char *data, size_t size, size_t count, void *ctx)
{
    struct link *link = ctx;
    size_t len = size * count;
    struct record record;
    int got;

    if (post_status(&link->stream) != 200) {
        post_keep_answer(&link->stream, data, len);
        return len;
    }
    if (link->hold) {
        link->paused = true;
        return CURL_WRITEFUNC_PAUSE; /* the same bytes come again */
    }
    if (check_stream(link, &link->failure) < 0)
        return 0;
    record_reader_feed(&link->records, data, len);
    while ((got = record_reader_next(&link->records, &record, &link->failure)) > 0) {
        if (take_event(link, &record, &link->failure) < 0) {
            got = -1;
            break;
        }
    }
    if (got < 0) /* ends the transfer */
        return 0;
    feed_watchdog(link);
    return len;
}

/* In words, where an answer 307 leads to. */
static char *redirect_reason(const char *base, const char *location)
{
    if (base)
        return xasprintf("%s leads", base);
    if (location)
        return xasprintf("it sends us to '%s', which is not http://HOST:PORT", location);
    return xstrdup("it does not say who leads");
}

/* The subscription was not accepted: the call is reported, and what to do next depends on why. */
static void refused(struct link *link, CURLcode result, long status)
{
    const struct post *post = &link->stream;
    auto_free struct call *call = steal_ptr(link->subscribe);
    auto_free char *reason = xstrdup(post_reason(post, result));
    enum call_fate fate = status        ? call_fate_of_status(status)
                          : post->taken ? CALL_UNKNOWN
                                        : CALL_NOT_SENT;
    const char *location = NULL;

    if (status == 307)
        curl_easy_getinfo(post->easy, CURLINFO_REDIRECT_URL, &location);
    char *redirect = location ? master_base_of(location) : NULL;
    if (status == 307) {
        free(reason);
        reason = redirect_reason(redirect, location);
    }
    report_failed(link, call, NULL, status, fate, reason);
    if (redirect && link->redirects < REDIRECTS_MAX) {
        link->redirects++;
        free(link->redirect);
        link->redirect = redirect;
        disconnect(link, false, "%s", reason);
        return;
    }
    free(redirect);
    disconnect(link, true, "cannot subscribe: %s%.0ld%s%s", status ? "status " : "", status,
               status ? ": " : "", reason);
    if (status == 401 || status == 403) {
        struct err err = ERR_INIT;
        err_set(&err, EXIT_DENIED, "cannot subscribe at '%s': status %ld: %s: see --credentials",
                link->base, status, reason);
        end(link, &err);
    }
}

static void stream_done(void *ctx, CURLcode result)
{
    struct link *link = ctx;
    long status = post_status(&link->stream);
    const char *reason = link->failure.status ? link->failure.text
                         : result == CURLE_OK ? "the master ended the stream"
                                              : post_reason(&link->stream, result);

    if (status != 200)
        refused(link, result, status);
    else
        disconnect(link, true, "%s", reason);
}

static void subscribe(struct link *link)
{
    struct post *post = &link->stream;

    record_reader_free(&link->records);
    link->records = (struct record_reader)RECORD_READER_INIT;
    link->records.only_frames = 1;
    link->failure = (struct err)ERR_INIT;
    link->paused = link->kept = false;
    buf_clear(&post->body);
    buf_add(&post->body, link->subscribe->body, link->subscribe->body_len);
    post_setup(post, &(struct post_options){
                         .base = link->base,
                         .json = link->options.json_wire,
                         .authorization = link->options.authorization,
                         .fresh = true,
                     });
    curl_easy_setopt(post->easy, CURLOPT_WRITEFUNCTION, stream_data);
    curl_easy_setopt(post->easy, CURLOPT_WRITEDATA, link);
    curl_easy_setopt(post->easy, CURLOPT_FORBID_REUSE, 1L);
    link->state = LINK_OPENING;
    set_silence(link, 0);
    feed_watchdog(link);
    transfers_start(link->transfers, post->easy, stream_done, link);
}

/* ---- connecting ----------------------------------------------------------------------------- */

static void rested(void *ctx)
{
    connect_now(ctx);
}

/* 2, 4, 8 ... s up to the limit, each by half longer or shorter (see offer-cycle 10.3). */
static void rest(struct link *link)
{
    int64_t ms = link->options.backoff_ms;

    for (int i = 0; i < link->failures && ms < link->options.backoff_max_ms; i++)
        ms *= 2;
    if (ms > link->options.backoff_max_ms)
        ms = link->options.backoff_max_ms;
    ms = ms / 2 + (int64_t)idgen_below(&link->ids, (uint64_t)ms + 1);
    link->failures++;
    link->state = LINK_RESTING;
    free(link->redirect); /* back to where we were told to begin */
    link->redirect = NULL;
    link->redirects = 0;
    log_info("connecting again in %" PRId64 ".%03d s", ms / 1000, (int)(ms % 1000));
    loop_timer_in(link->backoff, ms);
}

/* With nobody left to wait, what could not be sent is reported and the link ends. */
static bool give_up(struct link *link, const char *reason)
{
    struct err err = ERR_INIT;

    if (!link->input_ended || (!link->subscribe && !link->first))
        return false;
    auto_free struct call *call = steal_ptr(link->subscribe);
    if (call)
        report_failed(link, call, NULL, 0, CALL_NOT_SENT, reason);
    drop_calls(link, reason);
    err_set(&err, EXIT_UNREACHABLE, "cannot send the calls: %s", reason);
    end(link, &err);
    return true;
}

/* Ends the present connection, whatever its state. `rest`: back-off before the next. */
static void disconnect(struct link *link, bool with_rest, const char *format, ...)
{
    auto_buf struct buf reason = BUF_INIT;
    va_list args;

    va_start(args, format);
    buf_vaddf(&reason, format, args);
    va_end(args);
    transfers_stop(link->transfers, link->stream.easy);
    link->paused = false;
    loop_timer_stop(link->watchdog);
    loop_timer_stop(link->backoff);
    /* A SUBSCRIBE that was being answered died with its connection; one that waits for the first
     * connection goes on waiting. */
    if (link->state == LINK_OPENING && link->subscribe) {
        auto_free struct call *call = steal_ptr(link->subscribe);
        report_failed(link, call, NULL, 0, link->stream.taken ? CALL_UNKNOWN : CALL_NOT_SENT,
                      buf_str(&reason));
    }
    if (link->state == LINK_OPENING || link->state == LINK_SUBSCRIBED)
        drop_calls(link, buf_str(&reason));
    if (link->announced) {
        json_t *record = link_record(link, "DSE_DISCONNECTED");
        auto_buf struct buf clean = BUF_INIT;
        text_clean(&clean, buf_str(&reason));
        json_t *text = json_string(buf_str(&clean));
        json_set(record, "reason", text ? text : json_string("(not UTF-8)"));
        put_line(link, record);
        link->announced = false;
    }
    log_warn("disconnected from %s: %s", link->base, buf_str(&reason));
    link->state = LINK_FINDING;
    if (give_up(link, buf_str(&reason)))
        return;
    if (with_rest)
        rest(link);
    else
        connect_now(link);
    loop_defer(link->loop, end_if_done, link);
}

static void probed(void *ctx, CURLcode result)
{
    struct link *link = ctx;

    if (result != CURLE_OK) {
        auto_free char *reason =
            xasprintf("cannot connect to '%s': %s", link->base, post_reason(&link->stream, result));
        log_warn("%s", reason);
        if (!give_up(link, reason))
            rest(link);
        return;
    }
    post_free(&link->stream); /* closes the connection, which can carry nothing else */
    post_init(&link->stream);
    link->state = LINK_WAITING;
    if (!link->announced) {
        log_info("connected to %s", link->base);
        put_line(link, link_record(link, "DSE_CONNECTED"));
        link->announced = true;
    }
    if (link->subscribe)
        subscribe(link);
}

static void connect_now(struct link *link)
{
    const char *to = link->redirect ? link->redirect : link->leads;

    if (!to) {
        link->state = LINK_FINDING;
        return;
    }
    free(link->base);
    link->base = xstrdup(to);
    link->state = LINK_PROBING;
    post_setup_probe(&link->stream, link->base);
    transfers_start(link->transfers, link->stream.easy, probed, link);
}

static void leader_changed(void *ctx, const char *base)
{
    struct link *link = ctx;

    if (!base || !link->leads || strcmp(base, link->leads) != 0)
        log_info("leading master: %s", base ? base : "none");
    free(link->leads);
    link->leads = base ? xstrdup(base) : NULL;
    if (!base)
        return; /* what is open stands until it breaks or another leads */
    free(link->redirect);
    link->redirect = NULL;
    link->redirects = 0;
    switch (link->state) {
    case LINK_FINDING:
        connect_now(link);
        break;
    case LINK_RESTING:
        loop_timer_stop(link->backoff);
        link->failures = 0;
        connect_now(link);
        break;
    default:
        if (strcmp(base, link->base) != 0)
            disconnect(link, false, "%s leads", base);
        break;
    }
}

/* ---- the interface -------------------------------------------------------------------------- */

struct link *link_new(const struct link_options *options, struct err *err)
{
    struct link *link = xcalloc(1, sizeof *link);

    link->options = *options;
    link->loop = options->loop;
    link->transfers = transfers_new(link->loop, err);
    if (link->transfers)
        link->leader = leader_new(link->loop, options->master, leader_changed, link, err);
    if (!link->leader) {
        transfers_free(link->transfers);
        free(link);
        return NULL;
    }
    link->watchdog = loop_timer_add(link->loop, silent, link);
    link->backoff = loop_timer_add(link->loop, rested, link);
    post_init(&link->stream);
    post_init(&link->sending);
    return link;
}

void link_free(struct link *link)
{
    if (!link)
        return;
    loop_undefer(link->loop, send_next, link);
    loop_undefer(link->loop, end_if_done, link);
    leader_free(link->leader);
    transfers_stop(link->transfers, link->stream.easy);
    transfers_stop(link->transfers, link->sending.easy);
    post_free(&link->stream);
    post_free(&link->sending);
    transfers_free(link->transfers);
    loop_timer_del(link->watchdog);
    loop_timer_del(link->backoff);
    record_reader_free(&link->records);
    while (link->first)
        free(pop_call(link));
    free(link->subscribe);
    free(link->leads);
    free(link->redirect);
    free(link->base);
    free(link);
}

/* Why a call cannot be taken now, or NULL. */
static const char *not_now(const struct link *link, const struct call *call)
{
    bool open = link->state == LINK_OPENING || link->state == LINK_SUBSCRIBED;

    if (call->type == CALL__TYPE__SUBSCRIBE)
        return open || link->subscribe ? "there is a subscription already" : NULL;
    if (!open && !link->subscribe)
        return "there is no subscription";
    if (link->queued_bytes + call_size(call) > QUEUE_BYTES)
        return "too many calls are waiting";
    return NULL;
}

int link_call(struct link *link, const struct record *record, struct err *err)
{
    auto_free struct call *call =
        call_of_record(record, link->options.json_wire, ++link->calls, err);

    if (!call) {
        report_failed(link, NULL, record, 0, CALL_NOT_SENT, err->text);
        return -1;
    }
    const char *reason = not_now(link, call);
    if (reason) {
        report_failed(link, call, NULL, 0, CALL_NOT_SENT, reason);
        return 0;
    }
    if (call->type == CALL__TYPE__SUBSCRIBE) {
        link->subscribe = steal_ptr(call);
        if (link->state == LINK_WAITING)
            subscribe(link);
        return 0;
    }
    link->queued_bytes += call_size(call);
    if (link->last)
        link->last->next = call;
    else
        link->first = call;
    link->last = steal_ptr(call);
    send_next(link);
    return 0;
}

void link_end(struct link *link)
{
    link->input_ended = true;
    loop_defer(link->loop, end_if_done, link);
}

void link_hold(struct link *link, bool hold)
{
    if (link->hold == hold)
        return;
    link->hold = hold;
    feed_watchdog(link);
    if (hold || !link->paused)
        return;
    link->paused = false;
    /* May hand over what was kept at once. */
    CURLcode result = curl_easy_pause(link->stream.easy, CURLPAUSE_CONT);
    if (result != CURLE_OK && (link->state == LINK_OPENING || link->state == LINK_SUBSCRIBED)) {
        transfers_stop(link->transfers, link->stream.easy);
        stream_done(link, result);
    }
}
