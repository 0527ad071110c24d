/* dse-render: templates and options to what the scheduler and Marathon take. `dse-render FILE` does
 * what the scheduler does at its start, up to the Service Spec; `dse-render app` what the packaging
 * service does with a package. */
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "base/opt.h"
#include "spec/package.h"
#include "spec/schedenv.h"
#include "spec/specjson.h"
#include "spec/svcschema.h"
#include "spec/svcyml.h"
#include "spec/validate.h"

enum { FILE_BYTES = 1 << 20, OPTIONS_BYTES = 4 << 20 };

extern char **environ;

static struct opt_list env_given, env_files;
static const char *env_from, *cluster_version, *options_file;
static const char *explain_path, *target_file;
static bool no_environment, spec_only, check_only, strict, example, exact_numbers;

static void warn(const char *text)
{
    auto_buf struct buf line = BUF_INIT;

    buf_adds(&line, "dse-render: warning: ");
    buf_adds(&line, text);
    for (size_t i = 0; i < line.len; i++) {
        if ((unsigned char)line.data[i] < 0x20 || line.data[i] == 0x7f)
            line.data[i] = '?';
    }
    buf_addc(&line, '\n');
    io_write_all(STDERR_FILENO, line.data, line.len);
}

/* ---- environment ---- */

/* Later settings of a name replace earlier ones; an object keeps names once. */
static int set_variable(json_t *env, const char *setting, const char *what, struct err *err)
{
    const char *equals = strchr(setting, '=');

    /* The text is not repeated: a file may hold secrets. */
    if (!equals || equals == setting)
        return err_set(err, EXIT_INPUT, "%s: not of the form NAME=VALUE", what);
    auto_free char *name = xstrndup(setting, (size_t)(equals - setting));
    json_t *value = mustache_bootstrap_value(equals + 1);
    /* Only for its clean UTF-8 text; booleans are recognised when the template is rendered. */
    if (!json_is_string(value)) {
        json_decref(value);
        value = json_string(equals + 1);
    }
    if (json_object_set_new(env, name, value) < 0 && what[0] == '-')
        return err_set(err, EXIT_INPUT, "%s: the name '%s' is not UTF-8", what, name);
    return 0;
}

/* NAME=VALUE a line; blank lines and lines that start with # are left out. */
static int add_env_file(json_t *env, const char *path, struct err *err)
{
    auto_buf struct buf text = BUF_INIT;
    size_t number = 1;

    if (io_read_file(path, OPTIONS_BYTES, &text, err) < 0)
        return -1;
    for (const char *p = buf_str(&text); *p; number++) {
        size_t len = strcspn(p, "\n");
        auto_free char *line = xstrndup(p, len);
        auto_free char *what = xasprintf("%s:%zu:1", path, number);
        if (len && line[len - 1] == '\r')
            line[len - 1] = '\0';
        if (line[strspn(line, " \t")] && line[0] != '#' && set_variable(env, line, what, err) < 0)
            return -1;
        p += len + (p[len] == '\n');
    }
    return 0;
}

/* The `env` of a Marathon app. References to secrets have no value here and are left out. */
static int add_env_from(json_t *env, const char *path, struct err *err)
{
    json_auto json_t *app = json_read_file(path, err);
    const char *name;
    json_t *value;

    if (!app)
        return -1;
    json_t *from = json_object_get(app, "env");
    if (!json_is_object(from))
        return err_set(err, EXIT_INPUT, "'%s' is no Marathon app: it has no object 'env'", path);
    json_object_foreach(from, name, value)
    {
        if (json_is_object(value) && json_object_get(value, "secret"))
            continue;
        if (!json_is_string(value))
            return err_set(err, EXIT_INPUT, "'%s': env.%s is no string", path, name);
        json_object_set(env, name, value);
    }
    return 0;
}

static json_t *collect_env(struct err *err)
{
    json_t *env = json_object();
    int status = 0;

    for (char **p = environ; !no_environment && *p; p++) {
        if (**p != '=' && strchr(*p, '='))
            set_variable(env, *p, "environment", err);
    }
    if (env_from)
        status = add_env_from(env, env_from, err);
    for (size_t i = 0; status == 0 && i < env_files.count; i++)
        status = add_env_file(env, env_files.items[i], err);
    for (size_t i = 0; status == 0 && i < env_given.count; i++)
        status = set_variable(env, env_given.items[i], "--env", err);
    if (status == 0)
        return env;
    json_decref(env);
    return NULL;
}

static struct pairs env_pairs(const json_t *env, struct arena *arena)
{
    struct pairs pairs = {ARENA_ARRAY(arena, json_object_size(env), struct pair), 0};
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)env, name, value)
    {
        pairs.items[pairs.count++] = (struct pair){name, json_string_value(value)};
    }
    return pairs;
}

/* ---- notes ---- */

static const char *note_text(const struct mustache_note *note)
{
    switch (note->kind) {
    case MUSTACHE_MISSING:
        return "there is no value for '%s'";
    case MUSTACHE_ESCAPED:
        return "HTML escaping changed the value of '%s': write {{{...}}} to keep it";
    case MUSTACHE_SHIFTED:
        return "blanks behind the tag of '%s' move to the next line";
    }
    return "%s";
}

/* Prints the notes as warnings; with --strict missing values are an error. */
static int show_notes(const char *file, const struct mustache_result *rendering, bool missing_only,
                      struct err *err)
{
    const struct mustache_note *first = NULL;
    size_t missing = 0;

    for (size_t i = 0; i < rendering->n_notes; i++) {
        const struct mustache_note *note = &rendering->notes[i];
        auto_buf struct buf line = BUF_INIT;
        if (missing_only && note->kind != MUSTACHE_MISSING)
            continue;
        if (note->kind == MUSTACHE_MISSING && !missing++)
            first = note;
        buf_addf(&line, "%s:%zu:%zu: ", file, note->line, note->column);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        buf_addf(&line, note_text(note), note->name);
#pragma GCC diagnostic pop
        warn(line.data);
    }
    if (!strict || !missing)
        return 0;
    return err_set(err, EXIT_INPUT,
                   "%s:%zu:%zu: %zu value%s missing, '%s' first: set it, or leave --strict out",
                   file, first->line, first->column, missing, missing == 1 ? " is" : "s are",
                   first->name);
}

/* ---- svc.yml ---- */

static int read_template(void *ctx, const char *name, struct buf *out, struct err *err)
{
    const int *dir = ctx;

    return io_read_file_at(*dir, name, FILE_BYTES, out, err);
}

static int open_folder(const char *file, struct err *err)
{
    auto_free char *copy = xstrdup(file);
    const char *folder = strcmp(file, "-") == 0 ? "." : dirname(copy);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? err_set(err, EXIT_UNREACHABLE, "cannot open the folder '%s'", folder) : fd;
}

static int show_warnings(const char *file, const struct svc_result *result, struct err *err)
{
    for (size_t i = 0; i < result->warnings.count; i++)
        warn(result->warnings.items[i]);
    if (show_notes(file, &result->rendering, false, err) < 0)
        return -1;
    if ((!strict && !check_only) || !result->invalid.count)
        return 0;
    const size_t more = result->invalid.count - 1;
    return more ? err_set(err, EXIT_INPUT, "%s, and %zu more", result->invalid.items[0], more)
                : err_set(err, EXIT_INPUT, "%s", result->invalid.items[0]);
}

/* What an update would refuse, of a new service or beside the target. Placement rules were named
 * with their place. */
static int validate(const char *file, const struct cluster_caps *caps, struct svc_result *result,
                    struct err *err)
{
    auto_validation struct validation found = {.n_errors = 0};
    struct service_spec *target = NULL;

    if (target_file) {
        json_auto json_t *json = json_read_file(target_file, err);
        target = json ? spec_from_json(json, err) : NULL;
        if (!target)
            return err_prefix(err, "target '%s'", target_file);
    }
    spec_validate(target, result->spec, true, caps, &found);
    service_spec_free(target);
    for (size_t i = 0; i < found.n_errors; i++) {
        auto_buf struct buf text = BUF_INIT;
        if (strstr(found.errors[i].message, "had invalid constraints"))
            continue;
        validation_error_text(&found.errors[i], &text);
        const char *line = arena_printf(&result->arena, "%s: validation will refuse this: %s", file,
                                        buf_str(&text));
        *ARENA_PUSH(&result->arena, result->warnings.items, result->warnings.count) = line;
        *ARENA_PUSH(&result->arena, result->invalid.items, result->invalid.count) = line;
    }
    return 0;
}

static void print_buf(const struct buf *out)
{
    fwrite(out->data, 1, out->len, stdout);
}

static void print_json(const json_t *json, enum json_layout layout)
{
    auto_buf struct buf out = BUF_INIT;

    json_write(&out, json, layout);
    buf_addc(&out, '\n');
    print_buf(&out);
}

static int render_service(const char *path, struct err *err)
{
    const char *file = strcmp(path, "-") == 0 ? "stdin" : path;
    auto_arena struct arena arena = ARENA_INIT;
    auto_buf struct buf text = BUF_INIT;
    auto_svc struct svc_result result = {.spec = NULL};
    struct cluster_caps caps;

    if (cluster_caps_parse(cluster_version, &caps, err) < 0 ||
        io_read_file(path, FILE_BYTES, &text, err) < 0)
        return -1;
    auto_close int folder = open_folder(path, err);
    json_auto json_t *env = folder < 0 ? NULL : collect_env(err);
    if (!env)
        return -1;
    const struct svc_input in = {
        .text = buf_str(&text),
        .len = text.len,
        .file = file,
        .env = env_pairs(env, &arena),
        .caps = &caps,
        .read = read_template,
        .read_ctx = &folder,
        .prove = check_only || strict,
    };
    const int status = svcyml_load(&in, &result, err);
    if (status == 0 && (check_only || strict) && validate(file, &caps, &result, err) < 0)
        return -1;
    struct err shown = ERR_INIT;
    if (show_warnings(file, &result, &shown) < 0 && status == 0) {
        *err = shown;
        return -1;
    }
    if (status < 0)
        return -1;
    if (check_only)
        return EXIT_DONE;
    auto_buf struct buf out = BUF_INIT;
    buf_reserve(&out, 8 * text.len); /* about what a spec grows to */
    spec_write_with_plans(result.spec, spec_only ? NULL : result.plans, &out);
    buf_addc(&out, '\n');
    print_buf(&out);
    return EXIT_DONE;
}

/* ---- for people ---- */

static int print_text(const char *text)
{
    fputs(text, stdout);
    return EXIT_DONE;
}

static int run_main(const struct invocation *inv, struct err *err)
{
    auto_buf struct buf text = BUF_INIT;

    if ((explain_path || example) && inv->count > 0)
        return usage_error(err, "%s takes no FILE", example ? "--example" : "--explain");
    if (example)
        return print_text(svc_example);
    const struct sched_variable *variable = explain_path ? sched_variable(explain_path) : NULL;
    if (variable) {
        sched_variable_explain(variable, &text);
        return print_text(buf_str(&text));
    }
    if (explain_path)
        return schema_explain(explain_path, &text, err) < 0 ? -1 : print_text(buf_str(&text));
    if (inv->count == 0)
        return usage_error(err, "a FILE is wanted");
    if (target_file && !check_only && !strict)
        return usage_error(err, "--target goes with --check or --strict");
    return render_service(inv->operands[0], err);
}

/* ---- packages ---- */

/* A part that a package may lack: then *ret is NULL. Some published ones have keys that stand
 * twice; as in the packaging service the last one counts. */
static int read_part(const char *package, const char *name, json_t **ret, struct err *err)
{
    auto_free char *path = xasprintf("%s/%s", package, name);
    auto_buf struct buf text = BUF_INIT;

    *ret = NULL;
    if (access(path, F_OK) != 0)
        return 0;
    if (io_read_file(path, OPTIONS_BYTES, &text, err) < 0)
        return -1;
    *ret = json_parse(buf_str(&text), text.len, path, err);
    if (*ret)
        return 0;
    struct err strict_err = *err;
    *err = (struct err)ERR_INIT;
    *ret = json_parse_last(buf_str(&text), text.len, path, err);
    if (*ret)
        warn(strict_err.text);
    return *ret ? 0 : -1;
}

static int render_app(const struct invocation *inv, struct err *err)
{
    const char *package = inv->operands[0];
    auto_arena struct arena arena = ARENA_INIT;
    auto_buf struct buf text = BUF_INIT;
    auto_mustache struct mustache_result rendering = {.notes = NULL};
    auto_free char *template = xasprintf("%s/marathon.json.mustache", package);
    struct strings unknown = {NULL, 0};
    bool duplicates;

    json_auto json_t *config = NULL, *resource = NULL, *user = NULL;
    if (read_part(package, "config.json", &config, err) < 0 ||
        read_part(package, "resource.json", &resource, err) < 0 ||
        (options_file && !(user = json_read_file(options_file, err))) ||
        io_read_file(template, FILE_BYTES, &text, err) < 0)
        return -1;
    json_auto json_t *options = package_options(config, user, &arena, &unknown, err);
    if (!options)
        return err_prefix(err, "%s", options_file ? options_file : "default options");
    for (size_t i = 0; i < unknown.count; i++) {
        auto_free char *line = xasprintf("%s: %s", options_file, unknown.items[i]);
        warn(line);
    }
    const struct package_input in = {
        .template = buf_str(&text),
        .len = text.len,
        .file = template,
        .options = options,
        .resource = resource,
        .exact_numbers = exact_numbers,
    };
    json_auto json_t *app = package_app(&in, &rendering, &duplicates, err);
    if (!app)
        return -1;
    if (show_notes(template, &rendering, true, err) < 0)
        return -1;
    if (duplicates)
        warn("the app has duplicate keys: the last one of each counts");
    if (!check_only)
        print_json(app, JSON_LAYOUT_PRETTY);
    return EXIT_DONE;
}

static const struct opt options[] = {
    {.name = "check",
     .kind = OPT_FLAG,
     .help = "validate only, print nothing",
     .target = &check_only},
    {.name = "strict",
     .kind = OPT_FLAG,
     .help = "missing template values, and what --check refuses, are errors",
     .target = &strict},
    {.name = "env",
     .letter = 'e',
     .kind = OPT_LIST,
     .arg = "NAME=VALUE",
     .help = "set a variable of the template (not for secrets)",
     .target = &env_given},
    {.name = "env-file",
     .kind = OPT_LIST,
     .arg = "FILE",
     .help = "set those in FILE, one NAME=VALUE a line",
     .target = &env_files,
     .complete = "file"},
    {.name = "env-from",
     .kind = OPT_STRING,
     .arg = "APP.json",
     .help = "set those of a Marathon app",
     .target = &env_from,
     .complete = "file"},
    {.name = "no-environment",
     .kind = OPT_FLAG,
     .help = "leave the process's own environment out",
     .target = &no_environment},
    {.name = "cluster-version",
     .kind = OPT_STRING,
     .arg = "VERSION",
     .help = "version of the cluster (default: everything present)",
     .target = &cluster_version,
     .env = "DSE_CLUSTER_VERSION"},
    {.name = "target",
     .kind = OPT_STRING,
     .arg = "SPEC.json",
     .help = "with --check: the target configuration that it would replace",
     .target = &target_file,
     .complete = "file"},
    {.name = "spec-only",
     .kind = OPT_FLAG,
     .help = "leave the member 'plans' out",
     .target = &spec_only},
    {.name = "explain",
     .kind = OPT_STRING,
     .arg = "KEY",
     .help = "explain a key of svc.yml, such as pods.NAME.tasks.NAME.goal",
     .target = &explain_path,
     .group = 1},
    {.name = "example",
     .kind = OPT_FLAG,
     .help = "print a svc.yml with every key",
     .target = &example,
     .group = 1},
    OPT_END,
};

static const struct opt app_options[] = {
    {.name = "options",
     .kind = OPT_STRING,
     .arg = "FILE",
     .help = "the user's options, a JSON object",
     .target = &options_file,
     .complete = "file"},
    {.name = "exact-numbers",
     .kind = OPT_FLAG,
     .help = "numbers as they are written, not as the packaging service prints them",
     .target = &exact_numbers},
    OPT_END,
};

static const struct verb verbs[] = {
    {.name = "app",
     .operands = "PACKAGE",
     .help = "print the Marathon app of a package folder",
     .opts = app_options,
     .run = render_app,
     .complete = "dir"},
    {.name = NULL},
};

static const struct program program = {
    .name = "dse-render",
    .summary = "turn a svc.yml into a Service Spec, a package into a Marathon app",
    .operands = "[FILE]",
    .opts = options,
    .verbs = verbs,
    .run = run_main,
    .complete = "file",
};

int main(int argc, char **argv)
{
    return program_main(&program, argc, argv);
}
