#include "base/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"

enum { ROWS = 24, COLUMNS = 80 }; /* of a terminal that does not say */

void screen_open(struct screen *screen, FILE *to)
{
    const char *term = getenv("TERM");

    *screen = (struct screen){.to = to,
                              .able = isatty(fileno(to)) && !(term && strcmp(term, "dumb") == 0)};
}

static void size_of(const struct screen *screen, size_t *ret_rows, size_t *ret_columns)
{
    struct winsize size;
    const bool known = ioctl(fileno(screen->to), TIOCGWINSZ, &size) == 0;

    *ret_rows = known && size.ws_row > 1 ? size.ws_row : ROWS;
    *ret_columns = known && size.ws_col > 1 ? size.ws_col : COLUMNS;
}

/* Up to the first of our lines, and everything from there on away. */
void screen_clear(struct screen *screen)
{
    if (screen->lines)
        fprintf(screen->to, "\033[%zuA\r\033[J", screen->lines);
    fflush(screen->to);
    screen->lines = 0;
    buf_clear(&screen->shown);
}

/* Bytes of the first `columns` characters. A character of two columns is a rare guest in names; the
 * line would wrap, and one line more than needed be left. */
static size_t fitting(const char *line, size_t len, size_t columns)
{
    size_t at = 0;

    for (size_t n = 0; at < len; at++) {
        if (((unsigned char)line[at] & 0xc0) == 0x80)
            continue;
        if (n++ == columns)
            break;
    }
    return at;
}

void screen_show(struct screen *screen, const char *text)
{
    auto_buf struct buf cut = BUF_INIT;
    size_t rows, columns, lines = 0;

    if (!screen->able || strcmp(text, buf_str(&screen->shown)) == 0)
        return;
    size_of(screen, &rows, &columns);
    for (const char *at = text; *at && lines + 1 < rows; lines++) {
        const size_t len = strcspn(at, "\n");
        buf_add(&cut, at, fitting(at, len, columns));
        buf_addc(&cut, '\n');
        at += len + (at[len] == '\n');
    }
    screen_clear(screen);
    if (text_colour_on(screen->to))
        text_paint(&cut);
    fwrite(buf_str(&cut), 1, cut.len, screen->to);
    fflush(screen->to);
    screen->lines = lines;
    buf_adds(&screen->shown, text);
}

void screen_close(struct screen *screen)
{
    buf_free(&screen->shown);
}
