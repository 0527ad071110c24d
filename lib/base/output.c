#include "base/output.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/loop.h"
#include "base/screen.h"
#include "base/text.h"

enum { LOOK_AGAIN_MS = 200 };

bool output_is(const struct output *output, const char *form)
{
    const char *chosen = output->json ? "json" : output->form;

    return chosen && strcmp(chosen, form) == 0;
}

bool output_is_json(const struct output *output)
{
    return output_is(output, "json") || output_is(output, "ndjson");
}

bool output_is_for_people(const struct output *output)
{
    return !output->form && !output->json;
}

static void add_line(const json_t *json, enum json_layout layout, struct buf *out)
{
    json_write(out, json, layout);
    buf_addc(out, '\n');
}

void output_add_json(const struct output *output, const json_t *json, struct buf *out)
{
    if (!output_is(output, "ndjson"))
        add_line(json, JSON_LAYOUT_PRETTY, out);
    else if (!json_is_array(json))
        add_line(json, JSON_LAYOUT_COMPACT, out);
    else
        for (size_t i = 0; i < json_array_size(json); i++)
            add_line(json_array_get(json, i), JSON_LAYOUT_COMPACT, out);
}

void output_json(const struct output *output, const json_t *json)
{
    auto_buf struct buf text = BUF_INIT;

    output_add_json(output, json, &text);
    output_text(&text);
}

void output_text(const struct buf *text)
{
    if (text->len > 0 && fwrite(text->data, 1, text->len, stdout) != text->len)
        return;
}

void output_tree(const struct buf *text)
{
    auto_buf struct buf painted = BUF_INIT;

    if (!text_colour()) {
        output_text(text);
        return;
    }
    buf_add(&painted, buf_str(text), text->len);
    text_paint(&painted);
    output_text(&painted);
}

/* ---- once, or at each change ---- */

/* Until it is time to look again. False when stdout's reader is gone. */
static bool pause_for_reader(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    return poll(&out, 1, LOOK_AGAIN_MS) <= 0 || !(out.revents & (POLLERR | POLLHUP));
}

static int watch(const struct output *output, render_fn *render, void *ctx, struct err *err)
{
    auto_buf struct buf now = BUF_INIT, before = BUF_INIT;
    struct screen screen;
    int result = EXIT_DONE;

    screen_open(&screen, stdout);
    for (bool first = true; result == EXIT_DONE;) {
        bool yes = true;
        buf_clear(&now);
        if (render(ctx, &now, &yes, err) < 0)
            result = -1;
        else if (screen.able)
            screen_show(&screen, buf_str(&now));
        else if (first || strcmp(buf_str(&now), buf_str(&before)) != 0) {
            if (!first && output_is_for_people(output))
                printf("\n");
            output_text(&now);
            fflush(stdout);
            buf_clear(&before);
            buf_add(&before, buf_str(&now), now.len);
            first = false;
        }
        if (result == EXIT_DONE && (ferror(stdout) || !pause_for_reader()))
            result = EXIT_NO;
    }
    screen_close(&screen);
    return result;
}

int output_show(const struct output *output, render_fn *render, void *ctx, struct err *err)
{
    auto_buf struct buf text = BUF_INIT;
    bool yes = true;

    if (output->watch)
        return watch(output, render, ctx, err);
    if (render(ctx, &text, &yes, err) < 0)
        return -1;
    if (output_is_for_people(output))
        output_tree(&text);
    else
        output_text(&text);
    return yes ? EXIT_DONE : EXIT_NO;
}

int output_await(render_fn *render, void *ctx, int64_t wait_ms, struct buf *last, struct err *err)
{
    const int64_t start = loop_now_ms();
    struct screen screen;
    int result = -2; /* not known yet */

    screen_open(&screen, stderr);
    while (result == -2) {
        bool yes = true;
        buf_clear(last);
        if (render(ctx, last, &yes, err) < 0)
            result = -1;
        else if (yes)
            result = 1;
        else if (wait_ms >= 0 && loop_now_ms() - start >= wait_ms)
            result = 0;
        else {
            screen_show(&screen, buf_str(last));
            poll(NULL, 0, LOOK_AGAIN_MS);
        }
    }
    screen_clear(&screen);
    screen_close(&screen);
    return result;
}
