#define _GNU_SOURCE
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"

/* ---- what the terminal can do -----------------------------------------------------------------
 */

static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value && *value;
}

bool text_colour_on(FILE *to)
{
    const char *term = getenv("TERM");

    return isatty(fileno(to)) && !is_set("NO_COLOR") && !(term && strcmp(term, "dumb") == 0);
}

bool text_colour(void)
{
    return text_colour_on(stdout);
}

static const struct {
    const char *colour; /* of SGR */
    const char *statuses;
} paints[] = {
    {"32", " COMPLETE RUNNING FINISHED "},
    {"36", " IN_PROGRESS PREPARED STARTING STARTED STAGING "},
    {"33",
     " PENDING WAITING DELAYED PAUSING PAUSED KILLING DECOMMISSIONING DECOMMISSIONED KILLED "},
    {"31", " ERROR FAILED LOST DROPPED UNREACHABLE GONE GONE_BY_OPERATOR UNKNOWN "},
};

static const char *paint_of(const char *status, size_t len)
{
    auto_free char *word = xasprintf(" %.*s ", (int)len, status);

    for (size_t i = 0; i < ARRAY_LEN(paints); i++)
        if (len && strstr(paints[i].statuses, word))
            return paints[i].colour;
    return NULL;
}

void text_paint(struct buf *text)
{
    struct buf out = BUF_INIT;

    for (const char *at = buf_str(text); *at;) {
        const size_t len = strcspn(at, "\n");
        const char *end = at + len, *open = end;
        while (open > at && *open != '(')
            open--;
        const char *colour = len > 2 && end[-1] == ')' && *open == '('
                                 ? paint_of(open + 1, (size_t)(end - open - 2))
                                 : NULL;
        if (colour)
            buf_addf(&out, "%.*s\033[%sm%.*s\033[0m)", (int)(open + 1 - at), at, colour,
                     (int)(end - open - 2), open + 1);
        else
            buf_add(&out, at, len);
        at = end;
        if (*at == '\n') {
            buf_addc(&out, '\n');
            at++;
        }
    }
    buf_free(text);
    *text = out;
}

bool text_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (is_set(names[i]))
            return strcasestr(getenv(names[i]), "utf-8") || strcasestr(getenv(names[i]), "utf8");
    }
    return false;
}

/* ---- trees ------------------------------------------------------------------------------------
 */

void text_tree_branch(struct buf *out, const bool *last, size_t depth, bool utf8)
{
    for (size_t i = 0; i + 1 < depth; i++)
        buf_adds(out, last[i] ? "   " : utf8 ? "│  " : "|  ");
    if (!depth)
        return;
    if (last[depth - 1])
        buf_adds(out, utf8 ? "└─ " : "`- ");
    else
        buf_adds(out, utf8 ? "├─ " : "|- ");
}

/* ---- tables -----------------------------------------------------------------------------------
 */

struct text_table {
    size_t columns, rows, room; /* rows and room count the headings, which are row 0 */
    char **cells;               /* row by row */
};

/* Characters: bytes without the continuation bytes of UTF-8. */
static size_t width_of(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

void text_table_row(struct text_table *table, const char *const *cells)
{
    if (table->rows == table->room) {
        table->room = table->room ? table->room * 2 : 16;
        table->cells =
            xreallocarray(table->cells, table->room, table->columns * sizeof *table->cells);
    }
    for (size_t i = 0; i < table->columns; i++) {
        auto_buf struct buf clean = BUF_INIT;
        text_clean(&clean, cells[i] ? cells[i] : "");
        table->cells[table->rows * table->columns + i] = buf_detach(&clean);
    }
    table->rows++;
}

struct text_table *text_table_new(size_t columns, const char *const *headings)
{
    struct text_table *table = xcalloc(1, sizeof *table);

    table->columns = columns;
    text_table_row(table, headings);
    return table;
}

static void add_blanks(struct buf *out, size_t count)
{
    buf_reserve(out, count);
    while (count--)
        buf_addc(out, ' ');
}

void text_table_print(const struct text_table *table, bool headings, struct buf *out)
{
    const size_t first = headings ? 0 : 1;
    auto_free size_t *widths = xcalloc(table->columns, sizeof *widths);

    for (size_t i = first * table->columns; i < table->rows * table->columns; i++) {
        const size_t width = width_of(table->cells[i]);
        if (width > widths[i % table->columns])
            widths[i % table->columns] = width;
    }
    for (size_t row = first; row < table->rows; row++) {
        size_t pending = 0; /* blanks owed before the next cell that is not empty */
        for (size_t i = 0; i < table->columns; i++) {
            const char *cell = table->cells[row * table->columns + i];
            if (*cell) {
                add_blanks(out, pending);
                buf_adds(out, cell);
                pending = 0;
            }
            pending += widths[i] - width_of(cell) + 2;
        }
        buf_addc(out, '\n');
    }
}

void text_table_free(struct text_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->rows * table->columns; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}

/* ---- texts of a few parts ---------------------------------------------------------------------
 */

char *text_join_all(struct arena *arena, const char *const *parts)
{
    size_t len = 0;

    for (const char *const *p = parts; *p; p++)
        len += strlen(*p);
    char *text = arena ? arena_alloc(arena, len + 1) : xmalloc(len + 1), *at = text;
    for (const char *const *p = parts; *p; p++) {
        const size_t n = strlen(*p);
        memcpy(at, *p, n);
        at += n;
    }
    *at = '\0';
    return text;
}

const char *text_of_number(int64_t number, char room[TEXT_NUMBER])
{
    char *at = room + TEXT_NUMBER;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    *--at = '\0';
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        *--at = '-';
    return at;
}

char *text_number(struct arena *arena, int64_t number)
{
    char room[TEXT_NUMBER];

    return arena_strdup(arena, text_of_number(number, room));
}

/* Eight bytes at a time: names and ids are longer than that. */
uint64_t text_hash(uint64_t before, const char *text)
{
    const uint64_t factor = 0x9e3779b97f4a7c15;
    size_t len = strlen(text);
    uint64_t hash = before ^ (len + 1) * factor, word;

    for (; len >= sizeof word; len -= sizeof word, text += sizeof word) {
        memcpy(&word, text, sizeof word);
        hash = (hash ^ word) * factor;
        hash ^= hash >> 32;
    }
    word = 0;
    memcpy(&word, text, len);
    hash = (hash ^ word) * factor;
    return hash ^ hash >> 32;
}

/* ---- foreign text -----------------------------------------------------------------------------
 */

void text_copy(char *to, size_t size, const char *text)
{
    const size_t len = strnlen(text, size - 1);

    memcpy(to, text, len);
    to[len] = '\0';
}

void text_clean(struct buf *out, const char *s)
{
    const size_t start = out->len;

    buf_adds(out, s);
    for (char *p = out->data + start; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
        /* C1 controls, which terminals obey too, are U+0080 to U+009F: c2 80 to c2 9f. */
        if ((unsigned char)*p == 0xc2 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0)
            p[0] = p[1] = '?';
    }
}

size_t text_utf8_sequence(const unsigned char *s, size_t len)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if (s[0] > 0xf4 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    /* Overlong forms, surrogates, and beyond U+10FFFF. */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
        return 0;
    return n;
}
