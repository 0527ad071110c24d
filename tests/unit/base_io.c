#define _GNU_SOURCE
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "tap.h"

static char folder[] = "/tmp/base_io.XXXXXX";

static char *in_folder(const char *name)
{
    return xasprintf("%s/%s", folder, name);
}

static void reading(void)
{
    struct err err = ERR_INIT;
    auto_buf struct buf out = BUF_INIT;
    auto_free char *path = in_folder("read");

    CHECK_INT(io_replace_file(path, "12345", 5, 0644, true, &err), 0);
    CHECK_INT(io_read_file(path, 5, &out, &err), 0);
    CHECK_STR(buf_str(&out), "12345");
    CHECK_INT(io_read_file(path, 5, &out, &err), 0);
    CHECK_STR(buf_str(&out), "1234512345");
    CHECK_INT(io_read_file(path, 4, &out, &err), -1);
    CHECK_INT(err.status, EXIT_INPUT);
    CHECK(strstr(err.text, "larger than 4 bytes"));
    CHECK_INT(io_read_file("/nonexistent/x", 4, &out, &err), -1);
    CHECK_INT(err.status, EXIT_UNREACHABLE);
    CHECK_STR(err.text, "cannot open '/nonexistent/x': No such file or directory");
    CHECK_INT(io_read_file(folder, 4, &out, &err), -1);
    CHECK_INT(err.status, EXIT_UNREACHABLE);
    CHECK_INT(io_read_file("/dev/zero", 100000, &out, &err), -1);
    CHECK_INT(err.status, EXIT_INPUT);
}

static void reading_nothing(void)
{
    struct err err = ERR_INIT;
    auto_buf struct buf out = BUF_INIT;

    CHECK_INT(io_read_file("/dev/null", 10, &out, &err), 0);
    CHECK_INT(out.len, 0);
    CHECK(out.data);
}

static size_t entries(void)
{
    auto_free char *command = xasprintf("ls -A %s | wc -l", folder);
    FILE *pipe = popen(command, "r");
    size_t n = 99;

    CHECK(pipe && fscanf(pipe, "%zu", &n) == 1);
    if (pipe)
        pclose(pipe);
    return n;
}

static void replacing(void)
{
    struct err err = ERR_INIT;
    auto_buf struct buf out = BUF_INIT;
    auto_free char *path = in_folder("replaced"), *missing = in_folder("no/such/file");
    struct stat st;

    CHECK_INT(io_replace_file(path, "old", 3, 0600, true, &err), 0);
    const size_t before = entries();
    CHECK_INT(io_replace_file(path, "newer", 5, 0600, false, &err), 0);
    CHECK_INT(entries(), before); /* no temporary left */
    CHECK_INT(io_read_file(path, 100, &out, &err), 0);
    CHECK_STR(buf_str(&out), "newer");
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_INT(io_replace_file(missing, "x", 1, 0600, true, &err), -1);
    CHECK_INT(err.status, EXIT_UNREACHABLE);
    /* A folder is in the way: the rename fails and the temporary goes. */
    auto_free char *dir = in_folder("dir");
    CHECK_INT(io_make_dirs(dir, 0755, &err), 0);
    CHECK_INT(io_replace_file(dir, "x", 1, 0600, true, &err), -1);
    CHECK_INT(entries(), before + 1);
}

static void below_a_directory(void)
{
    struct err err = ERR_INIT;
    auto_buf struct buf out = BUF_INIT;
    int dirfd = open(folder, O_RDONLY | O_DIRECTORY);

    CHECK_INT(io_replace_file_at(dirfd, "at", "x", 1, 0644, true, &err), 0);
    CHECK_INT(io_read_file_at(dirfd, "at", 10, &out, &err), 0);
    CHECK_STR(buf_str(&out), "x");
    close(dirfd);
}

static void folders(void)
{
    struct err err = ERR_INIT;
    auto_free char *deep = in_folder("a//b/c/"), *top = in_folder("a"), *file = in_folder("a/b/f");
    auto_free char *link = in_folder("a/link"), *under = in_folder("a/b/f/g");
    auto_free char *keep = in_folder("keep"), *kept = in_folder("keep/kept");
    struct stat st;

    CHECK_INT(io_make_dirs(deep, 0755, &err), 0);
    CHECK_INT(io_make_dirs(deep, 0755, &err), 0);
    CHECK(stat(deep, &st) == 0 && S_ISDIR(st.st_mode));
    CHECK_INT(io_replace_file(file, "", 0, 0644, false, &err), 0);
    CHECK_INT(io_make_dirs(under, 0755, &err), -1);
    CHECK_INT(err.status, EXIT_UNREACHABLE);
    CHECK_INT(io_make_dirs(keep, 0755, &err), 0);
    CHECK_INT(io_replace_file(kept, "", 0, 0644, false, &err), 0);
    CHECK_INT(symlink(keep, link), 0);
    CHECK_INT(io_remove_tree(top, &err), 0);
    CHECK(stat(top, &st) < 0);
    CHECK(stat(kept, &st) == 0); /* links are not followed */
    CHECK_INT(io_remove_tree(top, &err), 0);
}

static void writing_to_a_closed_pipe(void)
{
    int ends[2];

    signal(SIGPIPE, SIG_IGN);
    CHECK_INT(pipe(ends), 0);
    close(ends[0]);
    errno = 0;
    CHECK_INT(io_write_all(ends[1], "x", 1), -1);
    CHECK_INT(errno, EPIPE);
    close(ends[1]);
    signal(SIGPIPE, SIG_DFL);
}

/* More than a pipe holds: the writer must go on after each short write, and wait when the pipe is
 * one that does not block. */
static void write_in_parts(bool nonblocking)
{
    enum { SIZE = 1 << 20 };
    int ends[2], status;
    auto_free char *data = xcalloc(1, SIZE);

    CHECK_INT(pipe(ends), 0);
    if (nonblocking)
        CHECK_INT(io_nonblock(ends[1]), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        _exit(io_write_all(ends[1], data, SIZE) == 0 ? 0 : 1);
    }
    close(ends[1]);
    size_t total = 0;
    ssize_t n;
    while ((n = read(ends[0], data, 1000)) > 0)
        total += (size_t)n;
    close(ends[0]);
    CHECK_INT(total, SIZE);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void writing_in_parts(void)
{
    write_in_parts(false);
    write_in_parts(true);
}

/* Runs fn in a child with stderr going to the file `out`; returns the wait status. */
static int in_child(void (*fn)(void), const char *out)
{
    int status = -1;

    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        dup2(fd, STDERR_FILENO);
        dup2(fd, STDOUT_FILENO);
        fn();
        exit(0);
    }
    waitpid(pid, &status, 0);
    return status;
}

static void say_things(void)
{
    log_init("dse-test", "Warn");
    log_info("hidden");
    errno = ENOENT;
    log_warn("task '%s' is lost", "a\nb");
    log_error(errno == ENOENT ? "errno kept" : "errno lost");
}

static void logging(void)
{
    struct err err = ERR_INIT;
    auto_buf struct buf out = BUF_INIT;
    auto_free char *path = in_folder("log");

    CHECK_INT(in_child(say_things, path), 0);
    CHECK_INT(io_read_file(path, 1000, &out, &err), 0);
    CHECK(strncmp(out.data, "dse-test: 20", 12) == 0);
    CHECK(!strstr(out.data, "hidden"));
    const char *line = strstr(out.data, "Z warning: task 'a?b' is lost\n");
    CHECK(line == out.data + strlen("dse-test: 2026-11-22T18:00:00.123"));
    CHECK(strstr(out.data, "Z error: errno kept\n"));
}

static void reach_five(void)
{
    for (int i = 0; i < 5; i++)
        crash_point("between two writes");
}

static void reach_none(void)
{
}

static void reach_five_and_be_ended(void)
{
    reach_five();
    raise(SIGTERM);
}

static void crashing(void)
{
    struct err err = ERR_INIT;
    auto_buf struct buf out = BUF_INIT;
    auto_free char *path = in_folder("crash"), *count = in_folder("count");

    setenv("DSE_CRASH_COUNT", count, 1);
    CHECK_INT(in_child(reach_none, path), 0);
    CHECK(access(count, F_OK) < 0);
    CHECK_INT(in_child(reach_five, path), 0);
    CHECK_INT(io_read_file(count, 100, &out, &err), 0);
    CHECK_STR(buf_str(&out), "5\n");
    CHECK_INT(unlink(count), 0);
    int status = in_child(reach_five_and_be_ended, path);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    buf_clear(&out);
    CHECK_INT(io_read_file(count, 100, &out, &err), 0);
    CHECK_STR(buf_str(&out), "5\n");
    unsetenv("DSE_CRASH_COUNT");
    setenv("DSE_CRASH_AT", "5", 1);
    status = in_child(reach_five, path);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    buf_clear(&out);
    CHECK_INT(io_read_file(path, 100, &out, &err), 0);
    CHECK_STR(buf_str(&out), "crash point 5: between two writes\n");
    setenv("DSE_CRASH_AT", "6", 1);
    CHECK_INT(in_child(reach_five, path), 0);
    unsetenv("DSE_CRASH_AT");
    CHECK_INT(in_child(reach_five, path), 0);
}

/* Numbers are drawn some at a time; a child must not use those of its parent. */
static void ids_after_fork(void)
{
    struct idgen real = {0};
    char ours[UUID_TEXT], theirs[UUID_TEXT] = "";
    int ends[2];

    idgen_uuid(&real, ours);
    CHECK_INT(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        idgen_uuid(&real, theirs);
        _exit(write(ends[1], theirs, sizeof theirs) != (ssize_t)sizeof theirs);
    }
    CHECK_INT(read(ends[0], theirs, sizeof theirs), sizeof theirs);
    CHECK_INT(waitpid(child, NULL, 0), child);
    idgen_uuid(&real, ours);
    CHECK(uuid_is_canonical(theirs) && strcmp(ours, theirs) != 0);
    close(ends[0]);
    close(ends[1]);
}

static void ids(void)
{
    struct idgen real = {0}, a = {.seed = 7}, b = {.seed = 7};
    char one[UUID_TEXT], two[UUID_TEXT];
    unsigned counts[3] = {0};

    idgen_uuid(&real, one);
    idgen_uuid(&real, two);
    CHECK(strcmp(one, two) != 0);
    CHECK(uuid_is_canonical(one));
    CHECK(one[14] == '4' && strchr("89ab", one[19]));
    idgen_uuid(&a, one);
    idgen_uuid(&b, two);
    CHECK_STR(one, two);
    idgen_uuid(&a, one);
    CHECK(strcmp(one, two) != 0);
    for (int i = 0; i < 3000; i++)
        counts[idgen_below(&a, 3)]++;
    for (int i = 0; i < 3; i++)
        CHECK(counts[i] > 850 && counts[i] < 1150);
    CHECK_INT(idgen_below(&a, 1), 0);
    CHECK_INT(idgen_below(&a, 0), 0);
    /* A state that steps onto zero must not turn to the kernel. */
    a.seed = b.seed = -0x9e3779b97f4a7c15u;
    CHECK(idgen_below(&a, 1000000007) == idgen_below(&b, 1000000007));
    CHECK(a.seed != 0);
    uuid_of_name("deploy/hello", one);
    uuid_of_name("deploy/hello", two);
    CHECK_STR(one, two);
    CHECK(one[14] == '5' && uuid_is_canonical(one));
    uuid_of_name("deploy/world", two);
    CHECK(strcmp(one, two) != 0);
    CHECK(!uuid_is_canonical("AAAAAAAA-0000-4000-8000-000000000000"));
    CHECK(!uuid_is_canonical("aaaaaaaa-0000-4000-8000-00000000000"));
    CHECK(!uuid_is_canonical("aaaaaaaa-0000-4000-8000-0000000000000"));
    CHECK(!uuid_is_canonical("aaaaaaaa00000-4000-8000-000000000000"));
    CHECK(!uuid_is_canonical(""));
}

/* Element ids that clients hold: this value must never change. */
static void name_ids_are_stable(void)
{
    char id[UUID_TEXT];

    uuid_of_name("stable", id);
    CHECK_STR(id, "6bf62d99-91d4-5f4b-9d71-e29ba712cc7a");
}

static void clocks(void)
{
    const struct clock fixed = {.fixed_ms = 1234}, real = {0};

    CHECK_INT(clock_now_ms(&fixed), 1234);
    CHECK(clock_now_ms(&real) > 1700000000000);
}

static void make_folder(void)
{
    CHECK(mkdtemp(folder));
}

static void drop_folder(void)
{
    struct err err = ERR_INIT;

    CHECK_INT(io_remove_tree(folder, &err), 0);
    CHECK(access(folder, F_OK) < 0);
}

TAP_MAIN(TEST(make_folder), TEST(reading), TEST(reading_nothing), TEST(replacing),
         TEST(below_a_directory), TEST(folders), TEST(writing_to_a_closed_pipe),
         TEST(writing_in_parts), TEST(logging), TEST(crashing), TEST(ids), TEST(ids_after_fork),
         TEST(name_ids_are_stable), TEST(clocks), TEST(drop_folder))
