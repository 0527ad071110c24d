#include "flags.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool flags_switch(const char *text, bool *ret)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (strcmp(text, yes[i]) == 0) {
            *ret = true;
            return true;
        }
        if (strcmp(text, no[i]) == 0) {
            *ret = false;
            return true;
        }
    }
    return false;
}

static bool parse_bytes(const char *text, int64_t *ret)
{
    char *end;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (*end || errno)
        return false;
    *ret = n;
    return true;
}

bool flags_duration(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"ns", 1e-6}, {"us", 1e-3}, {"\xc2\xb5s", 1e-3}, {"ms", 1},
                 {"s", 1e3},   {"m", 6e4},   {"h", 3.6e6}};
    double total = 0;

    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return true;
    }
    if (!*text)
        return false;
    while (*text) {
        const size_t digits = strspn(text, "0123456789.");
        char number[32];
        char *end;
        if (digits == 0 || digits >= sizeof number)
            return false;
        memcpy(number, text, digits);
        number[digits] = '\0';
        const double n = strtod(number, &end);
        if (*end || end == number)
            return false;
        text += digits;

        const size_t letters = strcspn(text, "0123456789.");
        size_t i = 0;
        while (i < sizeof units / sizeof *units &&
               (strlen(units[i].name) != letters || memcmp(units[i].name, text, letters) != 0))
            i++;
        if (i == sizeof units / sizeof *units)
            return false;
        text += letters;
        total += n * units[i].ms;
    }
    if (total > 9.2e15 / 1e3)
        return false;
    /* Never rounded to 0, which means something else. */
    *ret_ms = total > 0 && total < 1 ? 1 : (int64_t)total;
    return true;
}

static const struct flag *find(const struct flag *table, const char *name, size_t len)
{
    for (; table->name; table++)
        if (strlen(table->name) == len && memcmp(table->name, name, len) == 0)
            return table;
    return NULL;
}

static int set(const struct flag *flag, const char *value, struct err *err)
{
    bool good = true;
    const char *wanted = "";

    switch (flag->kind) {
    case FLAG_SWITCH:
        good = flags_switch(value, flag->target);
        wanted = "true or false";
        break;
    case FLAG_TEXT:
        *(const char **)flag->target = value;
        break;
    case FLAG_BYTES:
        good = parse_bytes(value, flag->target);
        wanted = "a number of bytes";
        break;
    case FLAG_TIME:
        good = flags_duration(value, flag->target);
        wanted = "a time such as 90s or 5m";
        break;
    }
    if (!good)
        return err_set(err, EXIT_USAGE, "flag '-%s': '%s' is not %s", flag->name, value, wanted);
    if (flag->given)
        *flag->given = true;
    return 0;
}

int flags_parse(const struct flag *table, int argc, char **argv, struct err *err)
{
    int i = 1;

    while (i < argc) {
        const char *word = argv[i];
        if (word[0] != '-' || !word[1])
            break;
        i++;
        if (strcmp(word, "--") == 0)
            break;
        const char *name = word + (word[1] == '-' ? 2 : 1);
        const size_t len = strcspn(name, "=");
        const struct flag *flag = find(table, name, len);
        if (!flag)
            return err_set(err, EXIT_USAGE, "unknown flag '%s': see -help", word);

        const char *value = name[len] ? name + len + 1 : NULL;
        if (!value && flag->kind == FLAG_SWITCH)
            value = "true";
        if (!value && i == argc)
            return err_set(err, EXIT_USAGE, "flag '-%s' needs a value", flag->name);
        if (!value)
            value = argv[i++];
        if (set(flag, value, err) < 0)
            return -1;
    }
    return i;
}

void flags_help(const struct flag *table, struct buf *out)
{
    static const char *const label[] = {
        [FLAG_SWITCH] = "", [FLAG_TEXT] = " TEXT", [FLAG_BYTES] = " N", [FLAG_TIME] = " TIME"};

    for (; table->name; table++) {
        const int used = (int)(strlen(table->name) + strlen(label[table->kind]));
        buf_addf(out, "  -%s%s%*s  %s\n", table->name, label[table->kind],
                 used < 22 ? 22 - used : 0, "", table->help);
    }
}

void flags_words(const struct flag *table, struct buf *out)
{
    for (; table->name; table++)
        buf_addf(out, "-%s%s\t%s\n", table->name, table->kind == FLAG_SWITCH ? "" : "=",
                 table->help);
}
