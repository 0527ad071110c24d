/* Helpers of the svc.yml tests: a small service with keys put in, and what becomes of it. */
#ifndef DSE_TESTS_SVCYML_H
#define DSE_TESTS_SVCYML_H

#include "spec/svcyml.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "spec/specjson.h"
#include "tap.h"

static inline int read_template(void *ctx, const char *name, struct buf *out, struct err *err)
{
    (void)ctx;
    if (strcmp(name, "a.yaml") == 0)
        buf_adds(out, "x: {{Y}}\n");
    else if (strcmp(name, "bytes") == 0)
        buf_adds(out, "\xff\n");
    else if (strcmp(name, "empty") != 0)
        return err_set(err, EXIT_UNREACHABLE, "cannot open '%s': No such file or directory", name);
    return 0;
}

static struct pair variables[] = {
    {"X", "value"},           {"TASKCFG_ALL_A", "all"},  {"TASKCFG_P_A", "pod"},
    {"TASKCFG_P_B", "b"},     {"TASKCFG_OTHER_C", "no"}, {"TASKCFG_P_X_D", "x"},
    {"TASKCFG_ABC_A", "abc"}, {"BAD", "a\xff"},          {"TASKCFG_ALL_BAD", "a\xff"},
};

static inline struct svc_input input(const char *text, const struct cluster_caps *caps)
{
    return (struct svc_input){
        .text = text,
        .len = strlen(text),
        .file = "svc.yml",
        .env = {variables, ARRAY_LEN(variables)},
        .caps = caps,
        .read = read_template,
        .prove = true,
    };
}

static const struct cluster_caps old_cluster = {.named_vips = true};

/* The value at a/0/b of the spec with its plans, as compact JSON. */
static inline void check_value(const char *text, const char *path, const char *want)
{
    auto_svc struct svc_result result = {.spec = NULL};
    auto_buf struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    const struct svc_input in = input(text, &old_cluster);

    if (svcyml_load(&in, &result, &err) < 0) {
        printf("# %s\n", text);
        CHECK_STR(err.text, "");
        return;
    }
    json_auto json_t *json = spec_to_json(result.spec);
    json_set(json, "plans", plans_spec_to_json(result.plans));
    const json_t *value = json;
    for (const char *p = path; *p;) {
        const size_t len = strcspn(p, "/");
        auto_free char *key = xstrndup(p, len);
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(key))
                                     : json_object_get(value, key);
        p += len + (p[len] == '/');
    }
    if (value)
        json_write(&out, value, JSON_LAYOUT_COMPACT);
    CHECK_STR(buf_str(&out), want);
}

static inline void check_error(const char *text, const char *error)
{
    auto_svc struct svc_result result = {.spec = NULL};
    struct err err = ERR_INIT;
    const struct svc_input in = input(text, &old_cluster);

    CHECK_INT(svcyml_load(&in, &result, &err), -1);
    CHECK_STR(err.text, error);
    CHECK_INT(err.status, EXIT_INPUT);
}

struct sample {
    const char *text, *path, *want; /* path NULL: an error */
};
static inline void check_all(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (samples[i].path)
            check_value(samples[i].text, samples[i].path, samples[i].want);
        else
            check_error(samples[i].text, samples[i].want);
    }
}

#define PODS "pods: {p: {count: 1, tasks: {t: {goal: RUNNING, cmd: c, cpus: 1}}}}\n"
/* A key of the service in line 2, of the pod in line 6, of the task in line 9. */
#define SERVICE(key) "name: /f/s\n" key "\n" PODS
#define POD(key)                                                                                \
    "name: s\npods:\n  p:\n    count: 1\n    tasks: {t: {goal: RUNNING, cmd: c, cpus: 1}}\n   " \
    " " key "\n"
#define TASK(key)                                                                               \
    "name: s\npods:\n  p:\n    count: 1\n    tasks:\n      t:\n        goal: RUNNING\n        " \
    "cmd: "                                                                                     \
    "c\n        " key "\n"
#define TASK_CPU(key) TASK("cpus: 1\n        " key)

#endif
