#include "spec/javaregex.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

/* Classes of ASCII characters that Java names so; the text stands inside brackets. */
static const struct {
    const char *name, *class;
} classes[] = {
    {"Lower", "a-z"},
    {"Upper", "A-Z"},
    {"ASCII", "\\x00-\\x7f"},
    {"Alpha", "A-Za-z"},
    {"Digit", "0-9"},
    {"Alnum", "A-Za-z0-9"},
    {"Punct", "!-\\/:-@\\[-`{-~"},
    {"Graph", "!-~"},
    {"Print", " -~"},
    {"Blank", " \\t"},
    {"Cntrl", "\\x00-\\x1f\\x7f"},
    {"XDigit", "0-9A-Fa-f"},
    {"Space", " \\t\\n\\x0b\\f\\r"},
};

/* Copies the escape at *p and moves behind it; in a class no brackets may be put around. */
static void copy_escape(const char **p, bool in_class, struct buf *out)
{
    const char *at = *p;
    const size_t hex = at[1] == 'u' ? strspn(at + 2, "0123456789abcdefABCDEF") : 0;

    if (hex >= 4) {
        buf_addf(out, "\\x{%.4s}", at + 2);
        *p = at + 6;
        return;
    }
    for (size_t i = 0; at[1] == 'p' && at[2] == '{' && i < ARRAY_LEN(classes); i++) {
        const size_t len = strlen(classes[i].name);
        if (strncmp(at + 3, classes[i].name, len) != 0 || at[3 + len] != '}')
            continue;
        buf_addf(out, in_class ? "%s" : "[%s]", classes[i].class);
        *p = at + 3 + len + 1;
        return;
    }
    buf_addc(out, *at++);
    if (*at)
        buf_addc(out, *at++);
    /* \x{..}, \p{..}, \k<..> and their like: the braces are theirs. */
    if (*at == '{' && strchr("xpPN", at[-1])) {
        const size_t len = strcspn(at, "}");
        buf_add(out, at, len + (at[len] == '}'));
        at += len + (at[len] == '}');
    }
    *p = at;
}

/* Length of the repetition at p: {n}, {n,} or {n,m}; 0 when it is none. */
static size_t repetition(const char *p)
{
    const char *at = p + 1;
    size_t digits = strspn(at, "0123456789");

    if (!digits)
        return 0;
    at += digits;
    if (*at == ',')
        at += 1 + strspn(at + 1, "0123456789");
    return *at == '}' ? (size_t)(at + 1 - p) : 0;
}

char *java_regex(const char *pattern, const char **ret_problem)
{
    struct buf out = BUF_INIT;
    size_t depth = 0; /* of classes */
    bool atom = false;

    for (const char *p = pattern; *p;) {
        const char *quoted = strncmp(p, "\\Q", 2) == 0 ? p : NULL;
        if (quoted) {
            const char *end = strstr(p, "\\E");
            const size_t len = end ? (size_t)(end + 2 - p) : strlen(p);
            buf_add(&out, p, len);
            p += len;
            atom = true;
        } else if (*p == '\\') {
            copy_escape(&p, depth > 0, &out);
            atom = true;
        } else if (depth == 0 && *p == '{') {
            const size_t len = repetition(p);
            if (!len || !atom) {
                *ret_problem = "'{' begins no repetition: write '\\{'";
                buf_free(&out);
                return NULL;
            }
            buf_add(&out, p, len);
            p += len;
        } else {
            if (*p == '[')
                depth++;
            else if (*p == ']' && depth)
                depth--;
            atom = !strchr("(|^", *p);
            buf_addc(&out, *p++);
        }
    }
    char *text = xstrdup(buf_str(&out));
    buf_free(&out);
    return text;
}
