#include <stdint.h>

#include "proto/pbjson.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, const void *data, size_t len)
{
    const unsigned char *in = data;

    buf_reserve(out, (len + 2) / 3 * 4);
    for (size_t i = 0; i < len; i += 3) {
        size_t here = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)in[i] << 16 | (uint32_t)(here > 1 ? in[i + 1] : 0) << 8 |
                        (uint32_t)(here > 2 ? in[i + 2] : 0);
        buf_addc(out, digits[bits >> 18]);
        buf_addc(out, digits[bits >> 12 & 63]);
        buf_addc(out, here > 1 ? digits[bits >> 6 & 63] : '=');
        buf_addc(out, here > 2 ? digits[bits & 63] : '=');
    }
}

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

long base64_decode(const char *text, size_t len, struct buf *out)
{
    size_t start = out->len, padding = 0;

    if (len % 4 != 0)
        return -1;
    while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
        padding++;
    buf_reserve(out, len / 4 * 3);
    for (size_t i = 0; i < len; i += 4) {
        uint32_t bits = 0;
        size_t missing = i + 4 == len ? padding : 0;
        for (size_t j = 0; j < 4; j++) {
            int value = j >= 4 - missing ? 0 : digit_value(text[i + j]);
            if (value < 0)
                return -1;
            bits = bits << 6 | (uint32_t)value;
        }
        /* Bits behind the last byte must be zero, else two texts would mean the same bytes. */
        if (bits & ((1u << missing * 8) - 1))
            return -1;
        for (size_t j = 0; j < 3 - missing; j++)
            buf_addc(out, (char)(bits >> (16 - 8 * j)));
    }
    return (long)(out->len - start);
}
