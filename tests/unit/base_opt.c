#define _GNU_SOURCE
#include "base/opt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "tap.h"

/* ---- a program to try things on ---------------------------------------------------------------
 */

static const char *store = "mem:", *output = "text", *secret_file;
static bool force, quiet, wait_given, by_name, by_id;
static long wait_ms = -1, port = 80, window = 1;
static struct opt_list sets;

static const struct opt common[] = {
    {'s', "store", OPT_STRING, "URL", "where the state is", &store, .env = "T_STORE"},
    {'o', "output", OPT_CHOICE, "FORMAT", "form of the output", &output,
     .choices = "text json ndjson", .env = "T_OUTPUT"},
    {'q', "quiet", OPT_FLAG, NULL, "say less", &quiet, .env = "T_QUIET"},
    {0, "secret-file", OPT_STRING, "FILE", "not shown", &secret_file, .flags = OPT_HIDDEN},
    OPT_END,
};
static const struct opt start_opts[] = {
    {'w', "wait", OPT_SECONDS, "SECONDS", "wait for the end", &wait_ms, .flags = OPT_OPTIONAL,
     .given = &wait_given},
    {'f', "force", OPT_FLAG, NULL, "do it anyway", &force},
    {'e', "set", OPT_LIST, "KEY=VALUE", "a parameter", &sets},
    {'p', "port", OPT_INT, "PORT", "a port", &port, .min = 1, .max = 65535},
    {0, "by-name", OPT_FLAG, NULL, "one way", &by_name, .group = 1},
    {0, "by-id", OPT_FLAG, NULL, "another way", &by_id, .group = 1},
    OPT_END,
};
static const struct opt need_opts[] = {
    {0, "window", OPT_SECONDS, NULL, "how long", &window, .flags = OPT_REQUIRED, .min = 1000,
     .max = 60000, .env = "T_WINDOW"},
    OPT_END,
};

static int show(const struct invocation *inv, struct err *err)
{
    (void)err;
    printf("%s", inv->verb ? inv->verb->name : "no verb");
    for (int i = 0; i < inv->count; i++)
        printf(" <%s>", inv->operands[i]);
    printf(" store=%s output=%s quiet=%d force=%d wait=%d,%ld port=%ld window=%ld sets=", store,
           output, quiet, force, wait_given, wait_ms, port, window);
    for (size_t i = 0; i < sets.count; i++)
        printf("%s;", sets.items[i]);
    printf(" secret=%s\n", secret_file ? secret_file : "-");
    return inv->operands[inv->count] ? EXIT_BUG : EXIT_DONE;
}

static int answer_no(const struct invocation *inv, struct err *err)
{
    (void)inv;
    (void)err;
    return EXIT_NO;
}

static int fail(const struct invocation *inv, struct err *err)
{
    if (inv->count)
        return err_set(err, EXIT_LOCKED, "cannot lock '%s': held", inv->operands[0]);
    return -1;
}

static int loud(const struct invocation *inv, struct err *err)
{
    (void)inv;
    (void)err;
    for (int i = 0; i < 20000; i++)
        puts("line");
    return EXIT_DONE;
}

static void live(const char *kind)
{
    const struct invocation *at = completion_context();

    if (strcmp(kind, "hang") == 0)
        pause();
    printf("%s-a\n%s-b%d %s\n", kind, kind, at->count, store);
}

static const struct verb verbs[] = {
    {"start", "begin go", "PLAN [PHASE [STEP]]", "start a plan", start_opts, show,
     "plan phase step"},
    {"config list", NULL, NULL, "list configurations", NULL, show, NULL},
    {"config show", NULL, "ID", "show a configuration", NULL, show, "config"},
    {"many", NULL, "POD...", "any number", NULL, show, "pod"},
    {"need", NULL, "[FILE]", "wants an option", need_opts, show, "file"},
    {"no", NULL, NULL, "answers no", NULL, answer_no, NULL},
    {"fail", NULL, "[NAME]", "fails", NULL, fail, "hang"},
    {"loud", NULL, NULL, "prints much", NULL, loud, NULL},
    {NULL},
};
static const struct program program = {.name = "dse-test",
                                       .summary = "try the option parser",
                                       .opts = common,
                                       .verbs = verbs,
                                       .live_words = live};

static const struct verb filter_verbs[] = {
    {"log", NULL, NULL, "show the log", NULL, show, NULL},
    {NULL},
};
static const struct program filter = {.name = "dse-filter",
                                      .summary = "a filter",
                                      .opts = common,
                                      .verbs = filter_verbs,
                                      .run = show};
static const struct program plain = {.name = "dse-plain",
                                     .summary = "without verbs",
                                     .operands = "[FILE]",
                                     .opts = start_opts,
                                     .run = show,
                                     .complete = "file"};

/* ---- running it -------------------------------------------------------------------------------
 */

static char out[100000], errors[10000];
static int status;

static void read_back(FILE *file, char *text, size_t size)
{
    rewind(file);
    const size_t n = fread(text, 1, size - 1, file);
    text[n] = '\0';
    fclose(file);
}

/* Runs the program in a child on the words of a line; ENV words before `:` are put into the
 * environment. Fills out, errors and status. */
static void run_program(const struct program *p, const char *line)
{
    char *words[64], *copy = strdup(line), *rest = copy;
    int count = 0, environment = 0, result;
    FILE *o = tmpfile(), *e = tmpfile();

    words[count++] = (char *)p->name;
    for (char *word; (word = strsep(&rest, " "));) {
        if (strcmp(word, ":") == 0)
            environment = count - 1;
        else if (*word)
            words[count++] = strcmp(word, "''") == 0 ? word + 2 : word;
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 1; i <= environment; i++)
            putenv(words[i]);
        words[environment] = words[0];
        words[count] = NULL;
        dup2(fileno(o), STDOUT_FILENO);
        dup2(fileno(e), STDERR_FILENO);
        exit(program_main(p, count - environment, words + environment));
    }
    waitpid(pid, &result, 0);
    status = WIFEXITED(result) ? WEXITSTATUS(result) : 1000 + WTERMSIG(result);
    read_back(o, out, sizeof out);
    read_back(e, errors, sizeof errors);
    free(copy);
}

#define DEFAULTS \
    " store=mem: output=text quiet=0 force=0 wait=0,-1 port=80 window=1 sets= secret=-\n"

#define WORKS(line, want)             \
    do {                              \
        run_program(&program, line);  \
        CHECK_STR(out, want);         \
        CHECK_STR(errors, "");        \
        CHECK_INT(status, EXIT_DONE); \
    } while (0)

#define REFUSED(line, want)                                               \
    do {                                                                  \
        run_program(&program, line);                                      \
        CHECK_STR(errors, "dse-test: " want ": try 'dse-test --help'\n"); \
        CHECK_STR(out, "");                                               \
        CHECK_INT(status, EXIT_USAGE);                                    \
    } while (0)

static void verbs_and_operands(void)
{
    WORKS("start deploy", "start <deploy>" DEFAULTS);
    WORKS("begin deploy phase step", "start <deploy> <phase> <step>" DEFAULTS);
    WORKS("go deploy", "start <deploy>" DEFAULTS);
    WORKS("config list", "config list" DEFAULTS);
    WORKS("config show x", "config show <x>" DEFAULTS);
    WORKS("many a b c d", "many <a> <b> <c> <d>" DEFAULTS);
    WORKS("many -- -a --help", "many <-a> <--help>" DEFAULTS);
    WORKS("many -", "many <->" DEFAULTS);
    REFUSED("", "no verb given");
    REFUSED("stop", "unknown verb 'stop'");
    REFUSED("sta x", "unknown verb 'sta'");
    REFUSED("config", "unknown verb 'config': there are 'config list', 'config show'");
    REFUSED("config drop", "unknown verb 'config drop': there are 'config list', 'config show'");
    REFUSED("start", "missing operand PLAN");
    REFUSED("many", "missing operand POD");
    REFUSED("start a b c d", "too many operands: 'd'");
    REFUSED("config list x", "too many operands: 'x'");
}

static void options_anywhere(void)
{
    const char *want = "start <deploy> store=zk://h output=json quiet=1 force=1 wait=0,-1 port=80 "
                       "window=1 sets= secret=-\n";
    WORKS("--store zk://h -q -o json start deploy --force", want);
    WORKS("start --store=zk://h deploy -fq -ojson", want);
    WORKS("-f -szk://h start -q --output=json deploy", want);
    WORKS("config --quiet show --output=ndjson x",
          "config show <x> store=mem: output=ndjson quiet=1 force=0 wait=0,-1 port=80 window=1 "
          "sets= secret=-\n");
    WORKS("start x -e a=1 --set b=2 --set=c=",
          "start <x> store=mem: output=text quiet=0 force=0 wait=0,-1 port=80 window=1 "
          "sets=a=1;b=2;c=; secret=-\n");
    WORKS("start --secret-file s x",
          "start <x> store=mem: output=text quiet=0 force=0 wait=0,-1 port=80 window=1 sets= "
          "secret=s\n");
}

static void abbreviations(void)
{
    WORKS("start x --forc", "start <x> store=mem: output=text quiet=0 force=1 wait=0,-1 port=80 "
                            "window=1 sets= secret=-\n");
    REFUSED("start x --by", "option '--by' is ambiguous: '--by-name' or '--by-id'");
    REFUSED("start x --s 1", "option '--s' is ambiguous: '--set' or '--store'");
    REFUSED("start x --secret s", "unknown option '--secret'");
    REFUSED("start x --foo", "unknown option '--foo'");
    REFUSED("--foo start x", "unknown option '--foo'");
    REFUSED("start x --foo=bar", "unknown option '--foo'");
    REFUSED("start x -z", "unknown option '-z'");
    REFUSED("config list --force", "unknown option '--force'");
    REFUSED("--force config list", "unknown option '--force'");
    REFUSED("start x --=1", "unknown option '--'");
}

static void optional_values(void)
{
    WORKS("start x --wait", "start <x> store=mem: output=text quiet=0 force=0 wait=1,-1 port=80 "
                            "window=1 sets= secret=-\n");
    WORKS("start --wait 5", "start <5> store=mem: output=text quiet=0 force=0 wait=1,-1 port=80 "
                            "window=1 sets= secret=-\n");
    WORKS("start x --wait=1.5", "start <x> store=mem: output=text quiet=0 force=0 wait=1,1500 "
                                "port=80 window=1 sets= secret=-\n");
    WORKS("start x -w2m", "start <x> store=mem: output=text quiet=0 force=0 wait=1,120000 port=80 "
                          "window=1 sets= secret=-\n");
    WORKS("start x -fw", "start <x> store=mem: output=text quiet=0 force=1 wait=1,-1 port=80 "
                         "window=1 sets= secret=-\n");
}

static void values(void)
{
    WORKS("start x --port 65535", "start <x> store=mem: output=text quiet=0 force=0 wait=0,-1 "
                                  "port=65535 window=1 sets= secret=-\n");
    REFUSED("start x --port 65536", "option '--port': '65536' is not between 1 and 65535");
    REFUSED("start x --port 0", "option '--port': '0' is not between 1 and 65535");
    REFUSED("start x --port 99999999999999999999",
            "option '--port': '99999999999999999999' is not between 1 and 65535");
    REFUSED("start x --port 80x", "option '--port': '80x' is not a whole number");
    REFUSED("start x --port ''", "option '--port': '' is not a whole number");
    REFUSED("start x --port", "option '--port' needs a value: PORT");
    REFUSED("start x --force=1", "option '--force' takes no value");
    REFUSED("start x -o xml", "option '--output': 'xml' is not one of: text, json, ndjson");
    REFUSED("start x -o js", "option '--output': 'js' is not one of: text, json, ndjson");
    REFUSED("start x --wait=-1",
            "option '--wait': '-1' is not a duration such as 10, 1.5, 10s, 2m or 1h");
    REFUSED("start x --wait=",
            "option '--wait': '' is not a duration such as 10, 1.5, 10s, 2m or 1h");
    REFUSED("start x --wait=1e3",
            "option '--wait': '1e3' is not a duration such as 10, 1.5, 10s, 2m or 1h");
    REFUSED("start x --wait=1.2.3",
            "option '--wait': '1.2.3' is not a duration such as 10, 1.5, 10s, 2m or 1h");
    REFUSED("start x --wait=20000000h", "option '--wait': '20000000h' is longer than ten years");
    REFUSED("need --window 61", "option '--window': '61' is not between 1 and 60 seconds");
    WORKS("need --window 1000ms", "need store=mem: output=text quiet=0 force=0 wait=0,-1 port=80 "
                                  "window=1000 sets= secret=-\n");
}

static void groups_and_required(void)
{
    REFUSED("start x --by-id --by-name", "options '--by-id' and '--by-name' exclude each other");
    run_program(&program, "start x --by-id --by-id");
    CHECK_INT(status, EXIT_DONE);
    REFUSED("need", "option '--window' is required");
    WORKS("T_WINDOW=2 : need", "need store=mem: output=text quiet=0 force=0 wait=0,-1 port=80 "
                               "window=2000 sets= secret=-\n");
}

static void environment_values(void)
{
    WORKS("T_STORE=dir:x T_QUIET=yes T_OUTPUT=json : config list",
          "config list store=dir:x output=json quiet=1 force=0 wait=0,-1 port=80 window=1 sets= "
          "secret=-\n");
    WORKS("T_STORE=dir:x T_QUIET=0 T_OUTPUT= : config list -s y",
          "config list store=y output=text quiet=0 force=0 wait=0,-1 port=80 window=1 sets= "
          "secret=-\n");
    REFUSED("T_QUIET=maybe : config list",
            "environment variable T_QUIET: 'maybe' is neither true nor false");
    REFUSED("T_OUTPUT=xml : config list",
            "environment variable T_OUTPUT: 'xml' is not one of: text, json, ndjson");
}

static void statuses(void)
{
    run_program(&program, "no");
    CHECK_INT(status, EXIT_NO);
    CHECK_STR(errors, "");
    run_program(&program, "fail x");
    CHECK_INT(status, EXIT_LOCKED);
    CHECK_STR(errors, "dse-test: cannot lock 'x': held\n");
    run_program(&program, "fail");
    CHECK_INT(status, EXIT_BUG);
    CHECK_STR(errors, "dse-test: failed without saying why: please report this\n");
}

static void verbs_beside_a_run_function(void)
{
    run_program(&filter, "-q");
    CHECK(strncmp(out, "no verb store=mem:", 18) == 0);
    run_program(&filter, "log -q");
    CHECK(strncmp(out, "log store=mem:", 14) == 0);
    run_program(&filter, "lot");
    CHECK_STR(errors, "dse-filter: unknown verb 'lot': try 'dse-filter --help'\n");
    run_program(&plain, "a.json --force");
    CHECK(strncmp(out, "no verb <a.json> store=mem: output=text quiet=0 force=1", 50) == 0);
    run_program(&plain, "a b");
    CHECK_STR(errors, "dse-plain: too many operands: 'b': try 'dse-plain --help'\n");
}

static void help(void)
{
    auto_free char *whole = NULL;

    run_program(&program, "--help");
    CHECK_INT(status, EXIT_DONE);
    whole = strdup(out);
    CHECK(strstr(out,
                 "usage: dse-test [OPTION ...] start [--wait[=SECONDS]] [--force]\n"
                 "                [--set KEY=VALUE ...] [--port PORT] [--by-name | --by-id] PLAN\n"
                 "                [PHASE [STEP]]\n"
                 "       dse-test [OPTION ...] config list\n") == out);
    CHECK(strstr(out, "       dse-test [OPTION ...] need --window SECONDS [FILE]\n"));
    CHECK(strstr(
        out, "\n  -o, --output FORMAT     form of the output: text, json, ndjson (T_OUTPUT)\n"));
    CHECK(strstr(out, "\n  -V, --version           show the version\n"));
    CHECK(!strstr(out, "secret"));
    run_program(&program, "help");
    CHECK_STR(out, whole);
    run_program(&program, "-h");
    CHECK_STR(out, whole);
    run_program(&program, "help config show");
    CHECK(strncmp(out, "usage: dse-test [OPTION ...] config show ID\n\nshow a conf", 50) == 0);
    auto_free char *verb = strdup(out);
    run_program(&program, "config show --help");
    CHECK_STR(out, verb);
    run_program(&program, "--help config show");
    CHECK_STR(out, verb);
    REFUSED("help nothing", "unknown verb 'nothing'");
    run_program(&plain, "--help");
    CHECK(strncmp(out, "usage: dse-plain [--wait[=SECONDS]] [--force]", 44) == 0);
    run_program(&program, "--version");
    CHECK_STR(out, "dse-test " DSE_VERSION "\n");
    run_program(&program, "start --version");
    CHECK_STR(out, "dse-test " DSE_VERSION "\n");
}

static void synopsis(void)
{
    run_program(&plain, "--dse-synopsis");
    CHECK_STR(out, ".Nm dse-plain\n"
                   ".Op Fl -wait Ns Op = Ns Ar SECONDS\n"
                   ".Op Fl -force\n"
                   ".Op Fl -set Ar KEY=VALUE ...\n"
                   ".Op Fl -port Ar PORT\n"
                   ".Op Fl -by-name | Fl -by-id\n"
                   ".Oo\n.Ar FILE\n.Oc\n");
}

static void completes(const char *line, const char *want)
{
    auto_free char *whole = NULL;

    whole = xasprintf("--dse-complete %s", line);
    run_program(&program, whole);
    CHECK_STR(out, want);
    CHECK_INT(status, EXIT_DONE);
    CHECK_STR(errors, "");
}

static void completion(void)
{
    completes("''", "start\tstart a plan\nconfig\nmany\tany number\nneed\twants an option\n"
                    "no\tanswers no\nfail\tfails\nloud\tprints much\nhelp\tshow help\n");
    completes("config ''", "list\tlist configurations\nshow\tshow a configuration\n");
    completes("start ''", "plan-a\nplan-b0 mem:\n");
    completes("-s zk://x go p ''", "phase-a\nphase-b1 zk://x\n");
    completes("start a b c ''", "");
    completes("many a b c ''", "pod-a\npod-b3 mem:\n");
    completes("need ''", ":file\n");
    completes("start -o ''", "text\njson\nndjson\n");
    completes("start --output=j", "text\njson\nndjson\n");
    completes("start -- -", "plan-a\nplan-b0 mem:\n");
    completes("config list -", "--store=\twhere the state is\n--output=\tform of the output\n"
                               "--quiet\tsay less\n--help\tshow this help\n"
                               "--version\tshow the version\n");
    completes("start x -q --store y -o json --by-id --force --port 1 --set a=1 -",
              "--wait\twait for the end\n--wait=\twait for the end\n--set=\ta parameter\n"
              "--help\tshow this help\n--version\tshow the version\n");
    completes("fail ''", ""); /* live words that hang are given up */
}

/* ---- descriptors ------------------------------------------------------------------------------
 */

static int run_with(void (*prepare)(void), const char *verb, FILE *e)
{
    int result;

    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fileno(e), STDERR_FILENO);
        prepare();
        char *words[] = {(char *)program.name, (char *)verb, NULL};
        exit(program_main(&program, 2, words));
    }
    waitpid(pid, &result, 0);
    return WIFEXITED(result) ? WEXITSTATUS(result) : 1000 + WTERMSIG(result);
}

static void full_device(void)
{
    dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO);
}

static void no_stdout(void)
{
    close(STDOUT_FILENO);
    close(STDIN_FILENO);
}

static void no_reader(void)
{
    int ends[2];

    if (pipe(ends) != 0)
        _exit(99);
    close(ends[0]);
    dup2(ends[1], STDOUT_FILENO);
    signal(SIGPIPE, SIG_IGN); /* as some parents leave it */
}

static void standard_output(void)
{
    FILE *e = tmpfile();
    CHECK_INT(run_with(full_device, "loud", e), EXIT_UNREACHABLE);
    read_back(e, errors, sizeof errors);
    CHECK(strncmp(errors, "dse-test: cannot write standard output: ", 40) == 0);
    e = tmpfile();
    CHECK_INT(run_with(full_device, "--version", e), EXIT_UNREACHABLE);
    read_back(e, errors, sizeof errors);
    CHECK_STR(errors, "dse-test: cannot write standard output: No space left on device\n");
    e = tmpfile();
    CHECK_INT(run_with(full_device, "no", e), EXIT_NO); /* nothing was written */
    read_back(e, errors, sizeof errors);
    CHECK_STR(errors, "");
    e = tmpfile();
    CHECK_INT(run_with(no_stdout, "--version", e), EXIT_UNREACHABLE);
    read_back(e, errors, sizeof errors);
    CHECK_STR(errors, "dse-test: cannot write standard output: Bad file descriptor\n");
    e = tmpfile();
    CHECK_INT(run_with(no_stdout, "no", e), EXIT_NO);
    fclose(e);
    e = tmpfile();
    CHECK_INT(run_with(no_reader, "loud", e), 1000 + SIGPIPE);
    read_back(e, errors, sizeof errors);
    CHECK_STR(errors, "");
}

/* A program that ignores SIGPIPE itself ends silently with its own status. */
static int ignore_and_print(const struct invocation *inv, struct err *err)
{
    signal(SIGPIPE, SIG_IGN);
    return loud(inv, err);
}

static void ignored_sigpipe(void)
{
    static const struct program daemon = {
        .name = "dse-daemon", .summary = "a daemon", .run = ignore_and_print};
    FILE *e = tmpfile();
    int result;

    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        char *words[] = {(char *)daemon.name, NULL};
        dup2(fileno(e), STDERR_FILENO);
        no_reader();
        exit(program_main(&daemon, 1, words));
    }
    waitpid(pid, &result, 0);
    CHECK(WIFEXITED(result));
    CHECK_INT(WEXITSTATUS(result), EXIT_DONE);
    read_back(e, errors, sizeof errors);
    CHECK_STR(errors, "");
}

TAP_MAIN(TEST(verbs_and_operands), TEST(options_anywhere), TEST(abbreviations),
         TEST(optional_values), TEST(values), TEST(groups_and_required), TEST(environment_values),
         TEST(statuses), TEST(verbs_beside_a_run_function), TEST(help), TEST(synopsis),
         TEST(completion), TEST(standard_output), TEST(ignored_sigpipe))
