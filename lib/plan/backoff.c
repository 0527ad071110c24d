/* Delays of failing tasks: Toolkit/backoff/<task> = {"task_id", "delay_ms", "until_ms"} (see
 * plans-and-recovery 6). Stored, so that a restart of ours does not shorten them. */
#include <string.h>

#include "base/json.h"
#include "plan/internal.h"

static void backoff_path(const char *task_name, struct buf *out)
{
    buf_adds(out, "Toolkit/backoff/");
    buf_adds(out, task_name);
}

static json_t *backoff_read(const struct plans *plans, const char *task_name)
{
    struct err err = ERR_INIT;
    auto_buf struct buf path = BUF_INIT;

    backoff_path(task_name, &path);
    const char *text = state_get_text(plans->state, buf_str(&path));
    return text ? json_parse(text, strlen(text), buf_str(&path), &err) : NULL;
}

int64_t backoff_until(const struct plans *plans, const char *task_name)
{
    json_auto json_t *record = backoff_read(plans, task_name);

    return record ? json_integer_value(json_object_get(record, "until_ms")) : 0;
}

void backoff_failed(struct plans *plans, struct txn *txn, const struct task *task, int64_t now_ms)
{
    const struct plans_options *options = &plans->options;
    auto_buf struct buf path = BUF_INIT, text = BUF_INIT;

    if (!options->backoff)
        return;
    json_auto json_t *old = backoff_read(plans, task->name);
    const char *for_id = json_string_value(json_object_get(old, "task_id"));
    if (for_id && strcmp(for_id, task->id) == 0)
        return; /* this failure has been counted */
    int64_t delay = options->backoff_initial_ms;
    if (old) {
        const double next =
            (double)json_integer_value(json_object_get(old, "delay_ms")) * options->backoff_factor;
        delay = next > (double)options->backoff_max_ms ? options->backoff_max_ms : (int64_t)next;
    }
    json_auto json_t *record = json_object();
    json_set(record, "task_id", json_string(task->id));
    json_set(record, "delay_ms", json_integer(delay));
    json_set(record, "until_ms", json_integer(now_ms + delay));
    json_write(&text, record, JSON_LAYOUT_COMPACT);
    backoff_path(task->name, &path);
    state_put(plans->state, txn, buf_str(&path), text.data, (ssize_t)text.len);
}

void backoff_clear(struct plans *plans, struct txn *txn, const char *task_name)
{
    auto_buf struct buf path = BUF_INIT;
    ssize_t len;

    backoff_path(task_name, &path);
    if (state_get(plans->state, buf_str(&path), &len))
        state_delete(plans->state, txn, buf_str(&path));
}
