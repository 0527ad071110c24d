/* dse-bootstrap: runs in a task before its command, as the original's bootstrap does (see
 * service-spec 4.4): finds the container's address, prints the environment, waits until names
 * resolve, renders config templates. In archives for tasks it is called `bootstrap`. */
#define _GNU_SOURCE /* environ, strcasestr */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/json.h"
#include "base/loop.h"
#include "flags.h"
#include "spec/mustache.h"

#define PREFIX "CONFIG_TEMPLATE_"

enum { RETRY_MS = 1000 };

static bool help, version, verbose, get_task_ip;
static bool print_env = true, insecure, resolve = true, self_resolve = true;
static bool template = true, install_certs = true, install_certs_given;
static const char *resolve_hosts;
static int64_t resolve_timeout_ms = 5 * 60 * 1000;
static int64_t template_max_bytes = 1 << 20;

static const struct flag flags[] = {
    {"get-task-ip", FLAG_SWITCH, &get_task_ip, "print the address of this container and exit",
     NULL},
    {"h", FLAG_SWITCH, &help, "the same as -help", NULL},
    {"help", FLAG_SWITCH, &help, "show this text", NULL},
    {"insecure", FLAG_SWITCH, &insecure, "taken for compatibility, changes nothing", NULL},
    {"install-certs", FLAG_SWITCH, &install_certs,
     "not supported: false only (the original imports a CA into Java's store)",
     &install_certs_given},
    {"print-env", FLAG_SWITCH, &print_env, "print the environment, without secrets (default true)",
     NULL},
    {"resolve", FLAG_SWITCH, &resolve, "wait until the hosts resolve (default true)", NULL},
    {"resolve-hosts", FLAG_TEXT, &resolve_hosts,
     "hosts, separated by commas (default $TASK_NAME.$FRAMEWORK_HOST)", NULL},
    {"resolve-timeout", FLAG_TIME, &resolve_timeout_ms,
     "longest wait for all of them, 0: no limit (default 5m)", NULL},
    {"self-resolve", FLAG_SWITCH, &self_resolve,
     "this task's name must resolve to this container alone (default true)", NULL},
    {"template", FLAG_SWITCH, &template, "render config templates (default true)", NULL},
    {"template-max-bytes", FLAG_BYTES, &template_max_bytes,
     "largest template, 0: the engine's limit of 1 MB (default 1048576)", NULL},
    {"verbose", FLAG_SWITCH, &verbose, "say more", NULL},
    {"version", FLAG_SWITCH, &version, "show the version", NULL},
    {NULL, FLAG_SWITCH, NULL, NULL, NULL}};

extern char **environ;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    auto_buf struct buf line = BUF_INIT;
    va_list args;

    buf_adds(&line, "dse-bootstrap: ");
    va_start(args, format);
    buf_vaddf(&line, format, args);
    va_end(args);
    buf_addc(&line, '\n');
    (void)!io_write_all(STDERR_FILENO, line.data, line.len);
}

/* ---- the container's address -------------------------------------------------------------------
 */

/* Numeric form of the address in `text`, or NULL when it is none. */
static char *canonical_address(const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    char out[INET6_ADDRSTRLEN];

    for (int i = 0; i < 2; i++) {
        const int family = i ? AF_INET6 : AF_INET;
        if (inet_pton(family, text, bytes) == 1)
            return xstrdup(inet_ntop(family, bytes, out, sizeof out));
    }
    return NULL;
}

/* All addresses of a host as numeric texts, in the resolver's order, without repetition; returns
 * how many, or -1 when the host has none. At most `max` are kept. */
static int lookup(const char *host, char texts[][INET6_ADDRSTRLEN], int max)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int n = 0;

    int code = getaddrinfo(host, NULL, &hints, &found);
    if (code != 0) {
        if (verbose)
            say("'%s' does not resolve: %s", host, gai_strerror(code));
        return -1;
    }
    for (struct addrinfo *a = found; a && n < max; a = a->ai_next) {
        int seen = 0;
        if (getnameinfo(a->ai_addr, a->ai_addrlen, texts[n], INET6_ADDRSTRLEN, NULL, 0,
                        NI_NUMERICHOST) != 0)
            continue;
        while (seen < n && strcmp(texts[seen], texts[n]) != 0)
            seen++;
        n += seen == n;
    }
    freeaddrinfo(found);
    return n ? n : -1;
}

/* Mesos tells the address; where it does not (0.0.0.0, older agents), the host name does. */
static int find_address(char **ret, struct err *err)
{
    static const char *const variables[] = {"MESOS_CONTAINER_IP", "LIBPROCESS_IP"};
    char host[256] = "", texts[1][INET6_ADDRSTRLEN];

    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        const char *text = getenv(variables[i]);
        if (!text || !*text)
            continue;
        char *address = canonical_address(text);
        if (!address)
            return err_set(err, EXIT_INPUT, "%s: '%s' is not an address", variables[i], text);
        if (strcmp(address, "0.0.0.0") != 0 && strcmp(address, "::") != 0) {
            *ret = address;
            return 0;
        }
        free(address);
    }
    if (gethostname(host, sizeof host - 1) < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot read the host name");
    if (lookup(host, texts, 1) < 0)
        return err_set(err, EXIT_UNREACHABLE,
                       "cannot find the address of this container: neither MESOS_CONTAINER_IP nor "
                       "LIBPROCESS_IP is set and the host name '%s' does not resolve",
                       host);
    *ret = xstrdup(texts[0]);
    return 0;
}

/* ---- environment ------------------------------------------------------------------------------
 */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_secret(const char *entry)
{
    static const char *const words[] = {"credential", "password", "secret", "token"};
    auto_free char *name = xstrndup(entry, strcspn(entry, "="));

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcasestr(name, words[i]))
            return true;
    return false;
}

static void show_environment(void)
{
    auto_buf struct buf out = BUF_INIT;
    size_t n = 0;

    while (environ[n])
        n++;
    auto_free char **sorted = xmemdup(environ, (n + 1) * sizeof *environ);
    qsort(sorted, n, sizeof *sorted, compare_texts);
    buf_adds(&out, "dse-bootstrap: environment:\n");
    for (size_t i = 0; i < n; i++) {
        if (is_secret(sorted[i]))
            buf_addf(&out, "%.*s=********\n", (int)strcspn(sorted[i], "="), sorted[i]);
        else
            buf_addf(&out, "%s\n", sorted[i]);
    }
    (void)!io_write_all(STDERR_FILENO, out.data, out.len);
}

/* ---- names ------------------------------------------------------------------------------------
 */

/* True when the host resolves, to `address` alone unless that is NULL; otherwise `why` says what is
 * missing. */
static bool resolves(const char *host, const char *address, struct buf *why)
{
    char texts[16][INET6_ADDRSTRLEN];
    auto_buf struct buf list = BUF_INIT;
    const int n = lookup(host, texts, (int)ARRAY_LEN(texts));

    buf_clear(why);
    for (int i = 0; i < n; i++)
        buf_addf(&list, "%s%s", i ? ", " : "", texts[i]);
    if (n < 0)
        buf_adds(why, "it does not resolve");
    else if (address && n > 1)
        buf_addf(why, "it resolves to %d addresses: %s", n, buf_str(&list));
    else if (address && strcmp(texts[0], address) != 0)
        buf_addf(why, "it resolves to %s, not to this container's %s", texts[0], address);
    else {
        say("'%s' resolves to %s", host, buf_str(&list));
        return true;
    }
    if (verbose)
        say("'%s': %s", host, buf_str(why));
    return false;
}

static int64_t deadline_from_now(void)
{
    return resolve_timeout_ms ? loop_now_ms() + resolve_timeout_ms : -1;
}

static int wait_for_host(const char *host, const char *address, int64_t deadline, struct err *err)
{
    auto_buf struct buf why = BUF_INIT;

    if (address)
        say("waiting until '%s' resolves to %s", host, address);
    else
        say("waiting until '%s' resolves", host);
    while (!resolves(host, address, &why)) {
        int64_t pause = RETRY_MS;
        if (deadline >= 0) {
            const int64_t left = deadline - loop_now_ms();
            if (left <= 0)
                return err_set(err, EXIT_TIMEOUT,
                               "time ran out while waiting for '%s': %s: see -resolve-timeout, "
                               "-self-resolve=false, -resolve=false",
                               host, buf_str(&why));
            if (left < pause)
                pause = left;
        }
        const struct timespec wait = {.tv_sec = pause / 1000, .tv_nsec = pause % 1000 * 1000000};
        nanosleep(&wait, NULL);
    }
    return 0;
}

/* The name of this task: new, or NULL. */
static char *task_host(const char *otherwise, struct err *err)
{
    const char *task = getenv("TASK_NAME"), *domain = getenv("FRAMEWORK_HOST");

    if (task && domain)
        return xasprintf("%s.%s", task, domain);
    err_set(err, EXIT_INPUT,
            "which host to wait for? TASK_NAME and FRAMEWORK_HOST are not both set: give %s",
            otherwise);
    return NULL;
}

/* The hosts of the list, or this task's own, must resolve; then, with a new limit of time, the own
 * one to this container. */
static int wait_for_hosts(const char *address, struct err *err)
{
    auto_free char *hosts =
        resolve_hosts ? xstrdup(resolve_hosts) : task_host("-resolve-hosts or -resolve=false", err);
    int64_t deadline = deadline_from_now();
    char *rest;

    if (!hosts)
        return -1;
    for (char *host = strtok_r(hosts, ", \t", &rest); host; host = strtok_r(NULL, ", \t", &rest))
        if (wait_for_host(host, NULL, deadline, err) < 0)
            return -1;
    if (!self_resolve)
        return 0;
    auto_free char *own = task_host("-self-resolve=false", err);
    return own ? wait_for_host(own, address, deadline_from_now(), err) : -1;
}

/* ---- templates --------------------------------------------------------------------------------
 */

static json_t *template_values(void)
{
    json_t *values = json_object();

    for (char **entry = environ; *entry; entry++) {
        const char *is = strchr(*entry, '=');
        if (!is)
            continue;
        auto_free char *name = xstrndup(*entry, (size_t)(is - *entry));
        /* A name that is not UTF-8 is left out: a template, which is text, cannot have it. */
        json_object_set_new(values, name, mustache_bootstrap_value(is + 1));
    }
    return values;
}

/* Reads SOURCE below the sandbox, a regular file within the limits. */
static int read_template(const char *source, struct buf *out, char **ret_path, struct err *err)
{
    const char *sandbox = getenv("MESOS_SANDBOX");
    struct stat st;

    if (!sandbox || !*sandbox)
        return err_set(err, EXIT_INPUT, "MESOS_SANDBOX is not set");
    *ret_path = xasprintf("%s/%s", sandbox, source);
    if (stat(*ret_path, &st) < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot read template '%s'", *ret_path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, EXIT_INPUT, "template '%s' is not a regular file", *ret_path);
    if (template_max_bytes && st.st_size > template_max_bytes)
        return err_set(err, EXIT_INPUT,
                       "template '%s' has %lld bytes, more than %lld: see -template-max-bytes",
                       *ret_path, (long long)st.st_size, (long long)template_max_bytes);
    return io_read_file(*ret_path, MUSTACHE_TEMPLATE_BYTES, out, err);
}

/* In place, as the original does: the file may be there with a mode and owner of its own. */
static int write_file(const char *path, const struct buf *text, struct err *err)
{
    auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0 || io_write_all(fd, buf_str(text), text->len) < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot write '%s'", path);
    return 0;
}

static int render_template(const char *name, const char *value, const json_t *values,
                           struct err *err)
{
    const char *comma = strchr(value, ',');
    auto_buf struct buf text = BUF_INIT, out = BUF_INIT;
    auto_mustache struct mustache_result result = {0};
    auto_free char *path = NULL;

    if (!comma)
        return err_set(err, EXIT_INPUT, "'%s' is not SOURCE,DESTINATION", value);
    auto_free char *source = xstrndup(value, (size_t)(comma - value));
    if (read_template(source, &text, &path, err) < 0)
        return -1;
    if (mustache_render(&mustache_bootstrap, buf_str(&text), text.len, path, values, &out, &result,
                        err) < 0)
        return -1;
    if (write_file(comma + 1, &out, err) < 0)
        return -1;
    say("%s: wrote '%s' (%zu bytes) from '%s'", name, comma + 1, out.len, path);
    for (size_t i = 0; verbose && i < result.n_notes; i++)
        if (result.notes[i].kind == MUSTACHE_MISSING)
            say("%s:%zu:%zu: '%s' is not set", path, result.notes[i].line, result.notes[i].column,
                result.notes[i].name);
    return 0;
}

static int render_templates(struct err *err)
{
    json_auto json_t *values = template_values();

    for (char **entry = environ; *entry; entry++) {
        const char *is = strchr(*entry, '=');
        if (!is || strncmp(*entry, PREFIX, strlen(PREFIX)) != 0)
            continue;
        auto_free char *name = xstrndup(*entry, (size_t)(is - *entry));
        if (render_template(name, is + 1, values, err) < 0)
            return err_prefix(err, "cannot render %s", name);
    }
    return 0;
}

/* ---- certificates -----------------------------------------------------------------------------
 */

/* Not imported, but not passed over in silence either. */
static void mention_certificates(void)
{
    static const char *const files[] = {"ca-bundle.crt", "ca.crt"};
    const char *sandbox = getenv("MESOS_SANDBOX");

    for (size_t i = 0; sandbox && i < ARRAY_LEN(files); i++) {
        auto_free char *path = xasprintf("%s/.ssl/%s", sandbox, files[i]);
        if (access(path, F_OK) == 0) {
            say("'%s' is not imported into Java's trust store: not supported", path);
            return;
        }
    }
}

static int bootstrap(struct err *err)
{
    auto_free char *address = NULL;

    if (install_certs_given && install_certs)
        return err_set(err, EXIT_USAGE, "-install-certs is not supported: leave it out");
    if (find_address(&address, err) < 0)
        return -1;
    setenv("LIBPROCESS_IP", address, 1);
    setenv("MESOS_CONTAINER_IP", address, 1);
    if (get_task_ip) {
        /* SDK-COMPAT: without a newline. */
        fputs(address, stdout);
        return 0;
    }
    if (print_env)
        show_environment();
    if (resolve && wait_for_hosts(address, err) < 0)
        return -1;
    if (template && render_templates(err) < 0)
        return -1;
    if (install_certs)
        mention_certificates();
    say("done, address %s", address);
    return 0;
}

static void show_help(void)
{
    auto_buf struct buf out = BUF_INIT;

    buf_adds(&out, "usage: dse-bootstrap [-FLAG[=VALUE]]...\n\n"
                   "prepares the sandbox of a task: waits for names, renders config templates\n\n");
    flags_help(flags, &out);
    fputs(buf_str(&out), stdout);
}

/* What the manual's SYNOPSIS and the completions ask each program for (base/opt.h). */
static bool answer_hidden(int argc, char **argv)
{
    auto_buf struct buf out = BUF_INIT;

    if (argc > 1 && strcmp(argv[1], "--dse-complete") == 0)
        flags_words(flags, &out);
    else if (argc > 1 && strcmp(argv[1], "--dse-synopsis") == 0)
        buf_adds(&out, ".Nm dse-bootstrap\n.Op Fl FLAG Ns Op = Ns Ar VALUE\n.Ar ...\n");
    else
        return false;
    fputs(buf_str(&out), stdout);
    return true;
}

/* SDK-COMPAT: words behind the flags are passed over, since commands of the original have some. But
 * `-resolve false` would mean the opposite of what it says. */
static void check_words(char **words, struct err *err)
{
    bool value;

    if (flags_switch(words[0], &value)) {
        err_set(err, EXIT_USAGE, "'%s' is no flag: write the value of a switch behind '='",
                words[0]);
        return;
    }
    for (; *words; words++)
        say("'%s' is no flag, and has no effect", *words);
}

int main(int argc, char **argv)
{
    if (answer_hidden(argc, argv))
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_UNREACHABLE;

    struct err err = ERR_INIT;
    const int operands = flags_parse(flags, argc, argv, &err);

    if (operands >= 0 && operands < argc)
        check_words(argv + operands, &err);
    if (err.status == EXIT_DONE) {
        if (help)
            show_help();
        else if (version)
            puts("dse-bootstrap " DSE_VERSION);
        else
            bootstrap(&err);
    }

    if (err.status == EXIT_DONE && (fflush(stdout) != 0 || ferror(stdout)))
        err_sys(&err, EXIT_UNREACHABLE, errno, "cannot write the result");
    if (err.status != EXIT_DONE)
        say("%s", err.text);
    return (int)err.status;
}
