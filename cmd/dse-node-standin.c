/* dse-node-standin: takes the place of DSE and of its OpsCenter agent where their archives are not
 * at hand. `serve` counts its starts in a data folder, opens a port and answers each connection
 * with one line; `ask` reads that line. It stores nothing else. */
#define _GNU_SOURCE /* ppoll, accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/loop.h"
#include "base/opt.h"

enum { COUNT_BYTES = 32, ANSWER_BYTES = 1024 };

static const char *address = "127.0.0.1";
static long port;
static const char *data_dir;
static const char *label = "-";
static long timeout_ms = 5000;

static volatile sig_atomic_t stopped;

static void on_signal(int signo)
{
    (void)signo;
    stopped = 1;
}

/* Adds one to the count in DIR/starts, durably; a missing file counts as 0. */
static int count_start(const char *dir, long *ret, struct err *err)
{
    auto_free char *path = xasprintf("%s/starts", dir);
    auto_buf struct buf text = BUF_INIT;
    long count = 0;

    if (access(path, F_OK) == 0) {
        char *end;
        if (io_read_file(path, COUNT_BYTES, &text, err) < 0)
            return -1;
        errno = 0;
        count = strtol(buf_str(&text), &end, 10);
        if (end == text.data || (*end && *end != '\n') || errno || count < 0 || count == LONG_MAX)
            return err_set(err, EXIT_INPUT, "'%s' does not hold a count of starts", path);
    }
    buf_clear(&text);
    buf_addf(&text, "%ld\n", ++count);
    if (io_replace_file(path, text.data, text.len, 0644, true, err) < 0)
        return -1;
    *ret = count;
    return 0;
}

static int socket_address(struct sockaddr_in *ret, struct err *err)
{
    memset(ret, 0, sizeof *ret);
    ret->sin_family = AF_INET;
    ret->sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, address, &ret->sin_addr) != 1)
        return err_set(err, EXIT_USAGE, "'%s' is not an IPv4 address", address);
    return 0;
}

/* The port is taken before the start is counted: a start that cannot serve does not count. */
static int open_port(int *ret, struct err *err)
{
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    const int on = 1;

    if (socket_address(&addr, err) < 0)
        return -1;
    auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot open a socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&addr, len) < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot take port %ld of '%s'", port, address);
    if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot tell the port");
    port = ntohs(addr.sin_port);
    *ret = steal_fd(&fd);
    return 0;
}

/* One line a connection. A line is shorter than any socket buffer, so that nobody can hold us up by
 * not reading. */
static void answer_all(int listener, const struct buf *line)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        (void)!send(fd, line->data, line->len, MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
}

static int serve(const struct invocation *inv, struct err *err)
{
    (void)inv;
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked, before;
    auto_close int fd = -1;
    auto_buf struct buf line = BUF_INIT;
    long starts = 0;

    /* Blocked but while waiting, so that none is missed in between. */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    if (open_port(&fd, err) < 0)
        return -1;
    if (data_dir && count_start(data_dir, &starts, err) < 0)
        return err_prefix(err, "cannot count this start");
    if (listen(fd, 64) < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot listen at port %ld", port);
    buf_addf(&line, "UN %s %s", address, label);
    if (data_dir)
        buf_addf(&line, " starts=%ld", starts);
    buf_addc(&line, '\n');
    printf("stand-in for %s: listening at %s:%ld\n", label, address, port);
    fflush(stdout);

    while (!stopped) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        if (ppoll(&waiting, 1, NULL, &before) > 0)
            answer_all(fd, &line);
    }
    return EXIT_DONE;
}

/* Waits until fd is ready for events or the deadline has passed. */
static int wait_ready(int fd, short events, int64_t deadline, struct err *err)
{
    for (;;) {
        struct pollfd waiting = {.fd = fd, .events = events};
        int64_t left = deadline - loop_now_ms();
        int n = poll(&waiting, 1, left > 0 ? (int)left : 0);
        if (n > 0)
            return 0;
        if (n == 0)
            return err_set(err, EXIT_UNREACHABLE, "no answer from '%s' port %ld in time", address,
                           port);
        if (errno != EINTR)
            return err_sys(err, EXIT_UNREACHABLE, errno, "cannot wait for '%s'", address);
    }
}

static int ask(const struct invocation *inv, struct err *err)
{
    (void)inv;
    struct sockaddr_in addr;
    const int64_t deadline = loop_now_ms() + timeout_ms;
    auto_buf struct buf answer = BUF_INIT;
    int failure = 0;
    socklen_t len = sizeof failure;

    if (socket_address(&addr, err) < 0)
        return -1;
    auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot open a socket");
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0 && errno != EINPROGRESS)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot reach '%s' port %ld", address, port);
    if (wait_ready(fd, POLLOUT, deadline, err) < 0)
        return -1;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len);
    if (failure)
        return err_sys(err, EXIT_UNREACHABLE, failure, "cannot reach '%s' port %ld", address, port);

    for (;;) {
        char piece[256];
        if (wait_ready(fd, POLLIN, deadline, err) < 0)
            return -1;
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return err_sys(err, EXIT_UNREACHABLE, errno, "cannot read from '%s' port %ld", address,
                           port);
        if (n == 0)
            break;
        buf_add(&answer, piece, (size_t)n);
        if (answer.len > ANSWER_BYTES)
            break;
    }
    if (answer.len < 4 || answer.len > ANSWER_BYTES || memcmp(answer.data, "UN ", 3) != 0 ||
        answer.data[answer.len - 1] != '\n')
        return err_set(err, EXIT_UNREACHABLE, "what answers at '%s' port %ld is no stand-in",
                       address, port);
    fwrite(answer.data, 1, answer.len, stdout);
    return EXIT_DONE;
}

static const struct opt opts[] = {{.letter = 'a',
                                   .name = "address",
                                   .kind = OPT_STRING,
                                   .arg = "IP",
                                   .help = "address to listen at or to ask (default 127.0.0.1)",
                                   .target = &address,
                                   .env = "MESOS_CONTAINER_IP"},
                                  {.letter = 'p',
                                   .name = "port",
                                   .kind = OPT_INT,
                                   .arg = "PORT",
                                   .help = "port; serve takes 0 for any free one",
                                   .target = &port,
                                   .flags = OPT_REQUIRED,
                                   .min = 0,
                                   .max = 65535},
                                  OPT_END};

static const struct opt serve_opts[] = {{.letter = 'd',
                                         .name = "data",
                                         .kind = OPT_STRING,
                                         .arg = "DIR",
                                         .help = "count starts in DIR/starts",
                                         .target = &data_dir,
                                         .complete = "dir"},
                                        {.letter = 'l',
                                         .name = "label",
                                         .kind = OPT_STRING,
                                         .arg = "NAME",
                                         .help = "name in the answer",
                                         .target = &label,
                                         .env = "TASK_NAME"},
                                        OPT_END};

static const struct opt ask_opts[] = {{.letter = 't',
                                       .name = "timeout",
                                       .kind = OPT_SECONDS,
                                       .arg = "SECONDS",
                                       .help = "give up after that long (default 5)",
                                       .target = &timeout_ms},
                                      OPT_END};

static const struct verb verbs[] = {
    {.name = "serve",
     .help = "open the port and answer until TERM",
     .opts = serve_opts,
     .run = serve},
    {.name = "ask", .help = "print the answer of a stand-in", .opts = ask_opts, .run = ask},
    {.name = NULL}};

static const struct program program = {.name = "dse-node-standin",
                                       .summary = "stand in for a DSE node in demos and tests",
                                       .opts = opts,
                                       .verbs = verbs};

int main(int argc, char **argv)
{
    return program_main(&program, argc, argv);
}
