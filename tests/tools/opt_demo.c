/* A program with every kind of option, for the suites of manuals and completion: it prints what it
 * understood. */
#include <stdio.h>

#include "base/opt.h"

static const char *store = "mem:", *output = "text", *file;
static bool force, by_name, by_id, waits;
static long wait_ms;
static struct opt_list sets;

static const struct opt common[] = {
    {'s', "store", OPT_STRING, "URL", "where the state is", &store, .env = "DSE_STORE"},
    {'o', "output", OPT_CHOICE, "FORMAT", "form of the output", &output,
     .choices = "text json ndjson name"},
    {'f', "file", OPT_STRING, "FILE", "a file", &file, .complete = "file"},
    OPT_END,
};
static const struct opt start_opts[] = {
    {0, "wait", OPT_SECONDS, NULL, "wait for the end", &wait_ms, .flags = OPT_OPTIONAL,
     .given = &waits},
    {0, "force", OPT_FLAG, NULL, "do it anyway", &force},
    {0, "set", OPT_LIST, "KEY=VALUE", "a parameter", &sets},
    {0, "by-name", OPT_FLAG, NULL, "one way", &by_name, .group = 1},
    {0, "by-id", OPT_FLAG, NULL, "another way", &by_id, .group = 1},
    OPT_END,
};

static int run(const struct invocation *inv, struct err *err)
{
    (void)err;
    printf("%s", inv->verb->name);
    for (int i = 0; i < inv->count; i++)
        printf(" %s", inv->operands[i]);
    printf("\n");
    return EXIT_DONE;
}

static void live_words(const char *kind)
{
    printf("%s-of-%s\n%s:two\n", kind, store, kind);
}

static const struct verb verbs[] = {
    {"start", "begin", "PLAN [PHASE [STEP]]", "start a plan", start_opts, run, "plan phase step"},
    {"config list", NULL, NULL, "list configurations", NULL, run, NULL},
    {"config show", NULL, "ID", "show a configuration", NULL, run, "config"},
    {"read", NULL, "(FILE... | --all)", "read files", NULL, run, "file"},
    {NULL},
};

int main(int argc, char **argv)
{
    static const struct program program = {.name = "opt_demo",
                                           .summary = "show how options are read",
                                           .opts = common,
                                           .verbs = verbs,
                                           .live_words = live_words,
                                           .epilog = "For tests."};

    return program_main(&program, argc, argv);
}
