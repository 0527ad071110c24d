#include "offer/outcome.h"

#include <string.h>

#include "base/json.h"

struct outcome *outcome_new(struct arena *arena, bool pass, const char *source, const char *format,
                            ...)
{
    if (!arena)
        return NULL;
    auto_buf struct buf text = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_vaddf(&text, format, args);
    va_end(args);
    struct outcome *outcome = ARENA_NEW(arena, struct outcome);
    outcome->pass = pass;
    outcome->source = source;
    outcome->reason = arena_strndup(arena, buf_str(&text), text.len);
    return outcome;
}

void outcome_add(struct arena *arena, struct outcome *parent, struct outcome *child)
{
    if (arena && parent && child)
        *ARENA_PUSH(arena, parent->children, parent->n_children) = child;
}

/* Rules nest as deep as the spec's JSON does, which is bounded where it is read. */
static void print_at(const struct outcome *outcome, int level, struct buf *out)
{
    buf_addf(out, "%*s%s(%s): %s\n", 2 + 2 * level, "", outcome->pass ? "PASS" : "FAIL",
             outcome->source, outcome->reason);
    for (size_t i = 0; i < outcome->n_children; i++)
        print_at(outcome->children[i], level + 1, out);
}

void outcome_print(struct outcome *const *stages, size_t n_stages, struct buf *out)
{
    for (size_t i = 0; i < n_stages; i++)
        print_at(stages[i], 0, out);
}

void requirement_name(const struct requirement *requirement, struct buf *out)
{
    buf_addf(out, "%s-%d:[", requirement->pod_type, requirement->pod_index);
    for (size_t i = 0; i < requirement->tasks.count; i++)
        buf_addf(out, "%s%s", i ? ", " : "", requirement->tasks.items[i]);
    buf_addc(out, ']');
}

void evaluation_print(const struct evaluation *evaluation, const struct requirement *requirement,
                      size_t number, const char *offer_id, struct buf *out)
{
    if (evaluation->pass)
        buf_addf(out, "Offer %zu: passed all %zu evaluation stages, returning %zu recommendations ",
                 number, evaluation->n_stages, evaluation->n_operations + evaluation->n_records);
    else
        buf_addf(out, "Offer %zu, %s: failed %zu of %zu evaluation stages ", number, offer_id,
                 evaluation->n_failed, evaluation->n_stages);
    buf_adds(out, "for ");
    requirement_name(requirement, out);
    buf_adds(out, ":\n");
    outcome_print(evaluation->stages, evaluation->n_stages, out);
}

void shortfall_print(const struct shortfall *shortfall, struct buf *out)
{
    const char *what = shortfall->what ? shortfall->what : "";
    switch (shortfall->kind) {
    case SHORT_NONE:
        buf_adds(out, "nothing");
        break;
    case SHORT_SCALAR:
        buf_adds(out, what);
        buf_addc(out, ' ');
        json_write_double(out, shortfall->have, false);
        buf_adds(out, " of ");
        json_write_double(out, shortfall->want, false);
        break;
    case SHORT_PORT:
        buf_addf(out, "port %s", what);
        break;
    case SHORT_VOLUME:
        if (shortfall->want > 0)
            buf_addf(out, "%s volumes %.0f of %.0f", what, shortfall->have, shortfall->want);
        else
            buf_addf(out, "volume %s", what);
        break;
    case SHORT_PLACEMENT:
        buf_adds(out, what);
        break;
    case SHORT_ROLE:
        buf_adds(out, "role");
        break;
    case SHORT_RESERVED:
        buf_addf(out, "reserved %s not offered", what);
        break;
    case SHORT_EXECUTOR:
        buf_adds(out, "executor not running there");
        break;
    case SHORT_SPEC:
        buf_adds(out, what);
        break;
    }
}
