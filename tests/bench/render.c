/* dse-render beside a program that only parses the same YAML and dumps it as JSON, as whole
 * processes, one after the other. Run without arguments it measures; with `floor FILE` it is the
 * other program. Prints a line of JSON; ends with 1 when the goal is missed. The goal is held
 * against the processor time of the processes: on a busy machine the time that passes is mostly
 * that of others. */
#define _GNU_SOURCE /* wait4 */
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yaml.h>

#include "bench.h"

enum { ROUNDS = 151, DEPTH = 64 };
static const double GOAL = 1.3;

extern char **environ;

/* ---- the other program ---- */

static json_t *scalar(const yaml_event_t *event)
{
    return json_stringn((const char *)event->data.scalar.value, event->data.scalar.length);
}

/* Events to a tree: the innermost collection is on top of the stack. */
static json_t *parse(FILE *file)
{
    json_t *stack[DEPTH] = {NULL}, *root = NULL, *keys[DEPTH] = {NULL};
    int depth = 0;
    yaml_parser_t parser;
    yaml_event_t event;
    bool end = false;

    yaml_parser_initialize(&parser);
    yaml_parser_set_input_file(&parser, file);
    while (!end && yaml_parser_parse(&parser, &event)) {
        json_t *value = event.type == YAML_SCALAR_EVENT           ? scalar(&event)
                        : event.type == YAML_MAPPING_START_EVENT  ? json_object()
                        : event.type == YAML_SEQUENCE_START_EVENT ? json_array()
                                                                  : NULL;
        json_t *top = depth ? stack[depth - 1] : NULL;
        if (value && json_is_object(top) && !keys[depth - 1]) {
            keys[depth - 1] = value;
        } else if (value) {
            if (!top)
                root = value;
            else if (json_is_array(top))
                json_array_append_new(top, value);
            else
                json_object_set_new(top, json_string_value(keys[depth - 1]), value);
            if (top) {
                json_decref(keys[depth - 1]);
                keys[depth - 1] = NULL;
            }
            if (event.type != YAML_SCALAR_EVENT && depth < DEPTH)
                stack[depth++] = value;
        } else if (event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT) {
            depth--;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return root;
}

static int floor_main(const char *path)
{
    FILE *file = fopen(path, "r");
    json_t *root = file ? parse(file) : NULL;
    const int bad = !root || json_dumpf(root, stdout, JSON_INDENT(2)) < 0;

    putchar('\n');
    json_decref(root);
    if (file)
        fclose(file);
    return bad;
}

/* ---- the template ---- */

/* A service of about `bytes`; tags stand in quotes, so that the text is YAML before rendering, too.
 */
static void write_template(FILE *out, long bytes)
{
    fprintf(out, "name: \"{{{FRAMEWORK_NAME}}}\"\nscheduler: { principal: \"{{P}}\", user: nobody "
                 "}\npods:\n");
    for (int pod = 0; ftell(out) < bytes; pod++) {
        fprintf(
            out,
            "  pod%d:\n    count: 3\n    placement: '[[\"hostname\",\"MAX_PER\",\"1\"]]'\n"
            "    uris: [ \"{{{URI}}}\", \"http://host/scripts-%d.tgz\" ]\n"
            "    rlimits:\n      RLIMIT_NOFILE: { soft: 100000, hard: 100000 }\n"
            "    resource-sets:\n      node:\n        cpus: 2\n        memory: 8000\n"
            "        ports:\n          client-%d: { port: 9042, env-key: PORT, advertise: true }"
            "\n          other: { port: 0 }\n"
            "        volume: { path: data, type: ROOT, size: 10240 }\n"
            "    tasks:\n",
            pod, pod, pod);
        for (int task = 0; task < 3; task++) {
            fprintf(out, "      task%d:\n        goal: RUNNING\n        %s\n", task,
                    task ? "cpus: 0.5\n        memory: 512" : "resource-set: node");
            fprintf(out, "        cmd: \"./bootstrap && exec ./task --level {{{LEVEL}}}\"\n"
                         "        env:\n");
            for (int i = 0; i < 8; i++)
                fprintf(out, "          VARIABLE_%d: \"{{VALUE_%d}}\"\n", i, i);
            fprintf(out, "        readiness-check: { cmd: ./ready, interval: 5, delay: 0, timeout: "
                         "10 }\n");
        }
    }
}

/* ---- measuring ---- */

struct cost {
    double cpu, wall; /* seconds */
};

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static struct cost run(char *const argv[])
{
    struct rusage usage;
    int status = 0;

    const double begun = now_s();
    const pid_t pid = vfork();
    if (pid == 0) {
        const int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        execve(argv[0], argv, environ);
        _exit(127);
    }
    wait4(pid, &status, 0, &usage);
    const double ended = now_s();
    if (status) {
        fprintf(stderr, "%s failed\n", argv[0]);
        exit(1);
    }
    return (struct cost){
        .cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime),
        .wall = ended - begun,
    };
}

static bool measure(char *self, char *render, long bytes)
{
    char path[] = "/tmp/dse-bench-XXXXXX";
    double cpu[2][ROUNDS], wall[2][ROUNDS];
    const int fd = mkstemp(path);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

    if (!file)
        return false;
    write_template(file, bytes);
    const long size = ftell(file);
    fclose(file);
    char *const argv[2][4] = {{self, (char[]){"floor"}, path, NULL}, {render, path, NULL}};
    for (int i = 0; i < ROUNDS; i++) {
        for (int j = 0; j < 2; j++) {
            const struct cost cost = run(argv[j]);
            cpu[j][i] = cost.cpu;
            wall[j][i] = cost.wall;
        }
    }
    unlink(path);
    const double floor_cpu = median(cpu[0], ROUNDS), render_cpu = median(cpu[1], ROUNDS);
    const double floor_wall = median(wall[0], ROUNDS), render_wall = median(wall[1], ROUNDS);
    printf("{\"bench\":\"render\",\"template_bytes\":%ld,\"cpu_ms\":%.3f,\"floor_cpu_ms\":%.3f,"
           "\"ratio\":%.2f,\"wall_ms\":%.3f,\"floor_wall_ms\":%.3f,\"wall_ratio\":%.2f,"
           "\"goal\":%.1f}\n",
           size, render_cpu * 1e3, floor_cpu * 1e3, render_cpu / floor_cpu, render_wall * 1e3,
           floor_wall * 1e3, render_wall / floor_wall, GOAL);
    fflush(stdout);
    return render_cpu <= GOAL * floor_cpu;
}

int main(int argc, char **argv)
{
    static char variable[16][64] = {"FRAMEWORK_NAME=/f/bench", "P=principal", "LEVEL=INFO",
                                    "URI=http://host/b.zip?a=1&b=2"};
    static char *variables[16];
    char self[4096], render[4200];
    size_t n = 4;

    if (argc == 3 && strcmp(argv[1], "floor") == 0)
        return floor_main(argv[2]);
    const ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len < 0)
        return 1;
    self[len] = '\0';
    char *name = strrchr(self, '/');
    *name = '\0';
    snprintf(render, sizeof render, "%s/../bin/dse-render", self);
    *name = '/';
    for (int i = 0; i < 8; i++)
        snprintf(variable[n++], sizeof variable[0], "VALUE_%d=value %d", i, i);
    for (size_t i = 0; i < n; i++)
        variables[i] = variable[i];
    environ = variables;
    const bool small = measure(self, render, 3 << 10), large = measure(self, render, 30 << 10);
    return small && large ? 0 : 1;
}
