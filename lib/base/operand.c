/* Operand patterns: "PLAN [PHASE [STEP]]", "(POD | --all)", "FILE...".
 *
 *   alternatives = sequence { "|" sequence }
 *   sequence     = { item [ "..." ] }
 *   item         = WORD | "[" alternatives "]" | "(" alternatives ")"
 *
 * Words that start with '-' are options and count nothing. Patterns are literals of our programs.
 */
#include <ctype.h>
#include <string.h>

#include "base/optimpl.h"

static struct operand_range alternatives(const char **p);

static const char *skip_blanks(const char *p)
{
    while (*p == ' ')
        p++;
    return p;
}

static int add(int a, int b)
{
    return a == INT_MAX || b == INT_MAX ? INT_MAX : a + b;
}

static struct operand_range item(const char **p)
{
    struct operand_range range = {1, 1};
    const char open = **p;

    if (open == '[' || open == '(') {
        ++*p;
        range = alternatives(p);
        if (**p)
            ++*p;
        if (open == '[')
            range.min = 0;
    } else {
        if (open == '-')
            range = (struct operand_range){0, 0};
        while (**p && !strchr(" []()|", **p) && strncmp(*p, "...", 3) != 0)
            ++*p;
    }
    if (strncmp(skip_blanks(*p), "...", 3) == 0) {
        *p = skip_blanks(*p) + 3;
        range.max = INT_MAX;
    }
    return range;
}

static struct operand_range sequence(const char **p)
{
    struct operand_range range = {0, 0};

    for (;;) {
        *p = skip_blanks(*p);
        if (!**p || strchr("])|", **p))
            return range;
        const struct operand_range next = item(p);
        range.min += next.min;
        range.max = add(range.max, next.max);
    }
}

static struct operand_range alternatives(const char **p)
{
    struct operand_range range = sequence(p);

    while (**p == '|') {
        ++*p;
        const struct operand_range next = sequence(p);
        range.min = next.min < range.min ? next.min : range.min;
        range.max = next.max > range.max ? next.max : range.max;
    }
    return range;
}

struct operand_range operand_range_of(const char *pattern)
{
    return pattern ? alternatives(&pattern) : (struct operand_range){0, 0};
}

void operand_name(const char *pattern, int n, struct buf *out)
{
    for (const char *p = pattern ? pattern : ""; *p;) {
        const size_t len = strcspn(p, " []()|");
        const bool counts = len && *p != '-' && *p != '.';
        if (counts && n-- == 0) {
            buf_add(out, p, len > 3 && strncmp(p + len - 3, "...", 3) == 0 ? len - 3 : len);
            return;
        }
        p += len ? len : 1;
    }
    buf_adds(out, "operand");
}
