#include "offer/matcher.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "spec/javaregex.h"

/* Bounds what one hostile expression may cost for one text. */
enum { MATCH_LIMIT = 100000, DEPTH_LIMIT = 1000, HEAP_LIMIT_KB = 4096 };

struct regex {
    char *pattern;
    pcre2_code *code; /* NULL: does not compile */
    struct regex *next;
};
struct regexes {
    struct regex *list; /* few: one a rule */
    pcre2_match_context *context;
    pcre2_match_data *data;
};

struct regexes *regexes_new(void)
{
    struct regexes *regexes = xcalloc(1, sizeof *regexes);
    regexes->context = pcre2_match_context_create(NULL);
    regexes->data = pcre2_match_data_create(1, NULL);
    if (!regexes->context || !regexes->data)
        abort();
    pcre2_set_match_limit(regexes->context, MATCH_LIMIT);
    pcre2_set_depth_limit(regexes->context, DEPTH_LIMIT);
    pcre2_set_heap_limit(regexes->context, HEAP_LIMIT_KB);
    return regexes;
}

void regexes_free(struct regexes *regexes)
{
    if (!regexes)
        return;
    while (regexes->list) {
        struct regex *regex = regexes->list;
        regexes->list = regex->next;
        pcre2_code_free(regex->code);
        free(regex->pattern);
        free(regex);
    }
    pcre2_match_data_free(regexes->data);
    pcre2_match_context_free(regexes->context);
    free(regexes);
}

static const struct regex *regex_get(struct regexes *regexes, const char *pattern)
{
    for (struct regex *r = regexes->list; r; r = r->next)
        if (strcmp(r->pattern, pattern) == 0)
            return r;
    int error;
    PCRE2_SIZE where;
    struct regex *regex = xcalloc(1, sizeof *regex);
    const char *problem;
    auto_free char *translated = java_regex(pattern, &problem);
    regex->pattern = xstrdup(pattern);
    if (translated)
        regex->code =
            pcre2_compile((PCRE2_SPTR)translated, PCRE2_ZERO_TERMINATED,
                          PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED,
                          &error, &where, NULL);
    regex->next = regexes->list;
    regexes->list = regex;
    return regex;
}

/* ---- exact ---- */

/* Length of the Java double at the start of text (which has no blanks around it), 0 when none. */
static size_t java_double_len(const char *text)
{
    const char *p = text;
    if (*p == '+' || *p == '-')
        p++;
    if (strncmp(p, "NaN", 3) == 0)
        return (size_t)(p + 3 - text);
    if (strncmp(p, "Infinity", 8) == 0)
        return (size_t)(p + 8 - text);
    bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
    if (hex)
        p += 2;
    size_t digits = 0;
    for (int part = 0; part < 2; part++) {
        while (hex ? isxdigit((unsigned char)*p) : isdigit((unsigned char)*p))
            p++, digits++;
        if (part == 0 && *p == '.')
            p++;
        else
            break;
    }
    if (digits == 0)
        return 0;
    bool exponent = hex ? *p == 'p' || *p == 'P' : *p == 'e' || *p == 'E';
    if (hex && !exponent)
        return 0;
    if (exponent) {
        const char *e = p + 1;
        if (*e == '+' || *e == '-')
            e++;
        if (!isdigit((unsigned char)*e))
            return 0;
        while (isdigit((unsigned char)*e))
            e++;
        p = e;
    }
    if (*p && strchr("fFdD", *p))
        p++;
    return (size_t)(p - text);
}

const char *matcher_normal(const char *text, char room[MATCHER_ROOM])
{
    const char *begin = text;
    while (*begin && (unsigned char)*begin <= ' ')
        begin++;
    size_t len = strlen(begin);
    while (len && (unsigned char)begin[len - 1] <= ' ')
        len--;
    if (len == 0 || len >= MATCHER_ROOM)
        return text;
    char number[MATCHER_ROOM];
    memcpy(number, begin, len);
    number[len] = '\0';
    if (java_double_len(number) != len)
        return text;
    if (strchr("fFdD", number[len - 1]) && strncasecmp(number, "0x", 2) != 0)
        number[len - 1] = '\0';
    int n = snprintf(room, MATCHER_ROOM, "%.3f", strtod(number, NULL));
    if (strchr(room, '.')) {
        while (room[n - 1] == '0')
            room[--n] = '\0';
        if (room[n - 1] == '.')
            room[--n] = '\0';
    }
    return room;
}

static bool exact(const char *pattern, const char *text)
{
    if (strcmp(pattern, text) == 0)
        return true;
    /* Numbers start with one of these; anything else is compared as it is. */
    if (!strpbrk(text, "0123456789NI") || !strpbrk(pattern, "0123456789NI"))
        return false;
    char room_a[MATCHER_ROOM], room_b[MATCHER_ROOM];
    return strcmp(matcher_normal(pattern, room_a), matcher_normal(text, room_b)) == 0;
}

static bool full_match(struct regexes *regexes, const char *pattern, const char *text)
{
    const struct regex *regex = regex_get(regexes, pattern);
    return regex->code && pcre2_match(regex->code, (PCRE2_SPTR)text, strlen(text), 0, 0,
                                      regexes->data, regexes->context) >= 0;
}

bool matcher_matches(struct regexes *regexes, const struct matcher *matcher, const char *text)
{
    switch (matcher->type) {
    case MATCHER_NONE:
    case MATCHER_ANY:
        return true;
    case MATCHER_EXACT:
        return exact(matcher->text ? matcher->text : "", text);
    case MATCHER_REGEX:
        return full_match(regexes, matcher->text ? matcher->text : "", text);
    }
    return false;
}

const char *matcher_text(const struct matcher *matcher)
{
    return matcher->type == MATCHER_NONE || matcher->type == MATCHER_ANY ? "*"
           : matcher->text                                               ? matcher->text
                                                                         : "";
}
