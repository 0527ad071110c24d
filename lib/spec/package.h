/* A package of the catalogue -> its Marathon app, as the packaging service makes it: defaults of
 * config.json, the user's options over them, all of it held against config.json's JSON schema, then
 * marathon.json.mustache over options and `resource` (see service-spec 5, 10). Pure. */
#ifndef DSE_SPEC_PACKAGE_H
#define DSE_SPEC_PACKAGE_H

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "spec/model.h"
#include "spec/mustache.h"

/* Checks value against a JSON schema of draft 4: all its keywords, but references only inside the
 * schema and formats not at all; unknown keywords are passed over. The error names what is wrong by
 * JSON pointer: `/dsenode/count: must be integer, is string`. Returns 0 or -1 (EXIT_INPUT). */
int schema_check(const json_t *schema, const json_t *value, struct err *err);
/* The member of `properties` that is most like name, or NULL. */
const char *schema_nearest_option(const json_t *properties, const char *name);

/* The defaults of a config.json: an object's own `default`, else those of its properties; an object
 * without any is left out. New. */
json_t *package_defaults(const json_t *config);

/* Defaults with `user` (an object or NULL) over them, checked unless there are none. A package
 * without config.json (NULL) takes no options. Unknown options that the schema lets
 * through are added to `unknown` (`pointer: what is wrong`, in the arena; may be NULL). New, or
 * NULL. */
json_t *package_options(const json_t *config, const json_t *user, struct arena *arena,
                        struct strings *unknown, struct err *err);

/* Options as the packaging service hands them to its templates, for mustache_package. New. */
json_t *package_values(const json_t *options, bool exact_numbers);

struct package_input {
    const char *template; /* text of marathon.json.mustache */
    size_t len;
    const char *file;       /* its name in messages */
    const json_t *options;  /* of package_options() */
    const json_t *resource; /* resource.json, or NULL */
    /* Fractions as they are written. Else as the packaging service prints them: 0.00001 as 1.0E-5,
     * 1e3 and 1000.0 as 1000. */
    bool exact_numbers;
};
/* The app: a new object, or NULL. Text that is no JSON is refused with its place in the template.
 * As the packaging service does, of duplicate keys the last wins; they are added to `duplicates`
 * when there is one. Its labels must be texts. */
json_t *package_app(const struct package_input *in, struct mustache_result *rendering,
                    bool *ret_duplicates, struct err *err);

#endif
