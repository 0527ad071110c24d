/* Plans and phases: which children the strategy would select, and the counters above them. */
#include <string.h>

#include "base/alloc.h"
#include "plan/internal.h"

static bool bit_get(const uint64_t *bits, size_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

static void bit_put(uint64_t *bits, size_t i, bool value)
{
    if (value)
        bits[i / 64] |= UINT64_C(1) << (i % 64);
    else
        bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

size_t group_next(const struct group *g, const uint64_t *bits, size_t from)
{
    while (from < g->n) {
        const uint64_t word = bits[from / 64] >> (from % 64);
        if (word)
            return from + (size_t)__builtin_ctzll(word);
        from = (from / 64 + 1) * 64;
    }
    return g->n;
}

void group_init(struct group *g, struct plans *plans, enum level level, struct group *parent)
{
    g->plans = plans;
    g->e.level = level;
    g->e.parent = parent;
}

void group_release(struct group *g)
{
    free(g->children);
    free(g->incomplete);
    free(g->ready);
}

void group_append(struct group *g, struct element *child)
{
    if (g->n == g->room) {
        const size_t words = g->room / 64;
        g->room = g->room ? g->room * 2 : 64;
        g->children = xreallocarray(g->children, g->room, sizeof *g->children);
        g->incomplete = xreallocarray(g->incomplete, g->room / 64, sizeof *g->incomplete);
        g->ready = xreallocarray(g->ready, g->room / 64, sizeof *g->ready);
        memset(g->incomplete + words, 0, (g->room / 64 - words) * sizeof *g->incomplete);
        memset(g->ready + words, 0, (g->room / 64 - words) * sizeof *g->ready);
    }
    child->parent = g;
    child->index = g->n;
    child->candidate = false;
    g->children[g->n++] = child;
    g->counts.children = g->n;
    bit_put(g->incomplete, child->index, child->status != STATUS_COMPLETE);
    bit_put(g->ready, child->index, false);
}

bool group_gated(const struct group *g)
{
    return g->released < g->n_canary;
}

/* Does the order of work allow this child now? Whether it wants work is eligible()'s question. */
static bool admitted(const struct group *g, size_t i)
{
    if (group_gated(g)) {
        for (size_t c = 0; c < g->n_canary; c++)
            if (g->canary_step[c] == i)
                return true;
        return false;
    }
    switch (g->order) {
    case ORDER_PARALLEL:
        return true;
    case ORDER_SERIAL:
        return g->cursor == i;
    case ORDER_DEPENDENCY:
        if (!g->chain)
            return i + 1 < g->n || g->cursor == i;
        return group_next(g, g->incomplete, g->chain[i]) == i;
    }
    return false;
}

static bool eligible(const struct element *e)
{
    return e->status != STATUS_COMPLETE && e->status != STATUS_ERROR && !e->interrupted;
}

static void uncount(struct group *g, struct element *e)
{
    g->counts.count[e->status]--;
    if (e->candidate)
        g->counts.candidates[e->status]--;
}

static void count(struct group *g, struct element *e)
{
    const bool candidate = eligible(e) && admitted(g, e->index);
    const bool turned = candidate != e->candidate;

    e->candidate = candidate;
    g->counts.count[e->status]++;
    if (candidate)
        g->counts.candidates[e->status]++;
    if (turned)
        plans_touch(e);
}

static void recount(struct group *g, size_t i)
{
    if (i < g->n) {
        uncount(g, g->children[i]);
        count(g, g->children[i]);
    }
}

/* The flag that parents and verbs see: of a canary group true while steps are held back and no
 * released one is at work (plans-and-recovery 1.6). */
static bool interrupted(const struct group *g)
{
    if (!group_gated(g))
        return g->flag;
    for (size_t c = 0; c < g->released; c++)
        if (g->children[g->canary_step[c]]->status != STATUS_COMPLETE)
            return g->flag;
    return true;
}

static void refresh(struct group *g)
{
    g->counts.errors = g->errors.count > 0;
    g->counts.interrupted = interrupted(g);
    element_set(&g->e, rollup_status(&g->counts), g->counts.interrupted);
}

void group_recount(struct group *g)
{
    for (size_t i = 0; i < g->n; i++)
        recount(g, i);
    refresh(g);
}

void group_count(struct group *g)
{
    memset(&g->counts, 0, sizeof g->counts);
    g->counts.children = g->n;
    for (size_t i = 0; i < g->n; i++)
        bit_put(g->incomplete, i, g->children[i]->status != STATUS_COMPLETE);
    g->cursor = g->n ? group_next(g, g->incomplete, 0) : 0;
    for (size_t i = 0; i < g->n; i++)
        count(g, g->children[i]);
    g->counts.errors = g->errors.count > 0;
    g->counts.interrupted = interrupted(g);
    g->e.interrupted = g->counts.interrupted;
    g->e.status = rollup_status(&g->counts);
}

/* Bits and numbers of the children from `from` on, after they moved. The ready bits travel. */
static void renumber(struct group *g, size_t from)
{
    for (size_t i = from; i < g->n; i++) {
        g->children[i]->index = i;
        bit_put(g->incomplete, i, g->children[i]->status != STATUS_COMPLETE);
    }
    g->cursor = g->n ? group_next(g, g->incomplete, 0) : 0;
}

/* Makes room for a bit at place, or closes the gap there. */
static void shift_ready(struct group *g, size_t place, bool open)
{
    if (open) {
        for (size_t i = g->n - 1; i > place; i--)
            bit_put(g->ready, i, bit_get(g->ready, i - 1));
        bit_put(g->ready, place, false);
    } else {
        for (size_t i = place; i < g->n; i++)
            bit_put(g->ready, i, bit_get(g->ready, i + 1));
        bit_put(g->ready, g->n, false);
    }
}

void group_insert(struct group *g, struct element *child, size_t place)
{
    group_append(g, child);
    memmove(g->children + place + 1, g->children + place, (g->n - 1 - place) * sizeof *g->children);
    g->children[place] = child;
    shift_ready(g, place, true);
    renumber(g, place);
    count(g, child);
    refresh(g);
}

void group_remove(struct group *g, struct element *child)
{
    const size_t place = child->index;

    element_set_ready(child, false);
    uncount(g, child);
    child->candidate = false;
    memmove(g->children + place, g->children + place + 1, (g->n - 1 - place) * sizeof *g->children);
    bit_put(g->incomplete, g->n - 1, false);
    g->n--;
    shift_ready(g, place, false);
    g->counts.children = g->n;
    renumber(g, place);
    refresh(g);
}

void element_set(struct element *e, enum status status, bool held)
{
    struct group *g = e->parent;
    const bool was_complete = e->status == STATUS_COMPLETE;
    const bool complete = status == STATUS_COMPLETE;

    if (e->status == status && e->interrupted == held)
        return;
    if (!g) {
        const bool turned = e->interrupted != held;
        e->status = status;
        e->interrupted = held;
        if (turned)
            plans_touch(e);
        return;
    }
    const size_t old_cursor = g->cursor;
    uncount(g, e);
    e->status = status;
    e->interrupted = held;
    if (was_complete != complete) {
        bit_put(g->incomplete, e->index, !complete);
        if (!complete && e->index < g->cursor)
            g->cursor = e->index;
        else if (complete && e->index == g->cursor)
            g->cursor = group_next(g, g->incomplete, g->cursor);
    }
    count(g, e);
    if (was_complete != complete) {
        if (g->order == ORDER_DEPENDENCY && g->chain)
            for (size_t i = e->index; i < g->n && g->chain[i] == g->chain[e->index]; i++)
                recount(g, i);
        else if (g->cursor != old_cursor) {
            recount(g, old_cursor);
            recount(g, g->cursor);
        }
    }
    refresh(g);
}

void element_set_ready(struct element *e, bool ready)
{
    struct group *g = e->parent;

    if (!g || bit_get(g->ready, e->index) == ready)
        return;
    bit_put(g->ready, e->index, ready);
    g->n_ready += ready ? 1 : (size_t)-1;
    g->plans->changed = true;
    element_set_ready(&g->e, g->n_ready > 0);
}

bool group_proceed(struct group *g)
{
    if (group_gated(g)) {
        struct step *step = (struct step *)g->children[g->canary_step[g->released++]];
        step->held = false;
        step_refresh(step);
    } else if (g->flag)
        g->flag = false;
    else
        return false;
    group_recount(g);
    return true;
}

bool group_interrupt(struct group *g)
{
    if (group_gated(g))
        return false;
    g->flag = true;
    group_recount(g);
    return true;
}
