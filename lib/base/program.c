/* What every program does around its own work. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/optimpl.h"

/* A file opened later must not become standard input or output. What stands in for a closed one
 * fails when used, instead of losing what is written. */
static void open_standard_descriptors(void)
{
    static const int modes[] = {O_WRONLY, O_RDONLY, O_WRONLY};

    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
            _exit(EXIT_UNREACHABLE);
    }
}

/* Some parents leave it ignored or blocked; a filter must end when its reader is gone. */
static void restore_sigpipe(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void print_error(const struct program *program, const struct err *err)
{
    auto_buf struct buf line = BUF_INIT;

    buf_addf(&line, "%s: %s", program->name, err->text);
    if (err->status == EXIT_USAGE)
        buf_addf(&line, ": try '%s --help'", program->name);
    buf_addc(&line, '\n');
    if (io_write_all(STDERR_FILENO, line.data, line.len) < 0)
        errno = 0; /* nowhere left to say it */
}

/* Only the reader's leaving is silent: it has what it wanted. The error may be an older one of
 * which only stdio's flag is left, so the pipe itself is asked too. */
static bool reader_left(int error)
{
    struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return error == EPIPE || (!error && poll(&fd, 1, 0) == 1 && (fd.revents & POLLERR));
}

/* Results that did not reach their file are a failure: full disks are often told only on flush, and
 * network file systems on close, which a duplicate takes so that stdout stays open. */
static int check_stdout(const struct program *program, int status)
{
    struct err err = ERR_INIT;
    int error = 0;

    const bool failed = ferror(stdout);
    errno = 0;
    if (fflush(stdout) != 0)
        error = errno ? errno : EIO;
    if (!error && !failed) {
        const int copy = dup(STDOUT_FILENO);
        if (copy >= 0 && close(copy) != 0 && errno != EINTR)
            error = errno;
    }
    if ((!error && !failed) || reader_left(error))
        return status;
    err_set(&err, EXIT_UNREACHABLE, "cannot write standard output: %s",
            error ? strerror(error) : "an earlier write failed");
    print_error(program, &err);
    return EXIT_UNREACHABLE;
}

static void print_help(const struct program *program, const struct verb *verb)
{
    auto_buf struct buf text = BUF_INIT;

    if (verb)
        opt_verb_help(program, verb, &text);
    else
        program_help(program, &text);
    fputs(text.data, stdout);
}

static int run(const struct program *program, const struct parsed *parsed, struct err *err)
{
    const struct invocation inv = {.program = program,
                                   .verb = parsed->verb,
                                   .operands = parsed->operands,
                                   .count = parsed->count};
    int status = parsed->verb ? parsed->verb->run(&inv, err) : program->run(&inv, err);

    if (status >= 0)
        return status;
    if (err->status == EXIT_DONE)
        err_set(err, EXIT_BUG, "failed without saying why: please report this");
    return -1;
}

static int parse_and_run(const struct program *program, int argc, char **argv, struct err *err)
{
    struct parsed parsed;
    int status = opt_parse(program, argc, argv, &parsed, err);

    if (status == 0 && opt_want_version && !parsed.help)
        printf("%s %s\n", program->name, DSE_VERSION);
    else if (status == 0 && parsed.help)
        print_help(program, parsed.verb);
    else if (status == 0)
        status = run(program, &parsed, err);
    free(parsed.operands);
    return status;
}

int program_main(const struct program *program, int argc, char **argv)
{
    struct err err = ERR_INIT;

    open_standard_descriptors();
    restore_sigpipe();
    log_init(program->name, NULL);
    if (argc > 1 && strcmp(argv[1], "--dse-complete") == 0) {
        opt_complete(program, argv + 2, argc - 2);
        return EXIT_DONE;
    }
    if (argc == 2 && strcmp(argv[1], "--dse-synopsis") == 0) {
        auto_buf struct buf text = BUF_INIT;
        opt_synopsis_mdoc(program, &text);
        fputs(buf_str(&text), stdout);
        return check_stdout(program, EXIT_DONE);
    }
    int status = parse_and_run(program, argc, argv, &err);
    if (status < 0) {
        status = err.status;
        fflush(stdout); /* in the order in which things happened */
        if (err.text[0])
            print_error(program, &err);
    }
    return check_stdout(program, status);
}
