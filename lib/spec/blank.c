#include "spec/blank.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

/* The character that text begins with; its length, or 0 at the end. What is not UTF-8 counts as
 * some letter. */
static size_t next_char(const char *text, uint32_t *ret)
{
    const unsigned char *p = (const unsigned char *)text;
    const size_t len = p[0] == 0 ? 0 : p[0] < 0xc0 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    *ret = len < 2 ? p[0] : p[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            *ret = 'x';
            return i;
        }
        *ret = *ret << 6 | (p[i] & 0x3fU);
    }
    return len;
}

/* Space, line and paragraph separators of Unicode. */
static bool is_separator(uint32_t c)
{
    static const uint32_t others[] = {0x20, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000};

    if (c >= 0x2000 && c <= 0x200a)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (c == others[i])
            return true;
    }
    return false;
}

/* No-break spaces are none. */
static bool is_space_java(uint32_t c)
{
    if ((c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f))
        return true;
    return is_separator(c) && c != 0xa0 && c != 0x2007 && c != 0x202f;
}

static bool is_space_go(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == 0x85 || is_separator(c);
}

static bool blank(const char *text, bool (*is_space)(uint32_t))
{
    uint32_t c;

    for (size_t len; text && (len = next_char(text, &c)) > 0; text += len) {
        if (!is_space(c))
            return false;
    }
    return true;
}

bool blank_java(const char *text)
{
    return blank(text, is_space_java);
}

bool blank_go(const char *text)
{
    return blank(text, is_space_go);
}
