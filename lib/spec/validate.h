/* Validators of a candidate configuration, beside the target that it would replace (see
 * service-spec 8). Pure. */
#ifndef DSE_SPEC_VALIDATE_H
#define DSE_SPEC_VALIDATE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "spec/cluster.h"
#include "spec/model.h"

struct validation_error {
    const char *field, *old_value /* NULL: none */, *new_value, *message;
    bool fatal;
};
struct validation {
    struct arena arena;
    struct validation_error *errors;
    size_t n_errors;
};
void validation_free(struct validation *validation);
#define auto_validation __attribute__((cleanup(validation_free)))

/* Text form of the original: Field: '…'; Transition: '…' => '…'; Message: '…'; Fatal: false. */
void validation_error_text(const struct validation_error *error, struct buf *out);

/* All validators of service-spec 8 on (old target or NULL, candidate). deployed: the first
 * deployment has completed. caps NULL: everything is supported. Errors are added to `ret`. */
void spec_validate(const struct service_spec *old, const struct service_spec *candidate,
                   bool deployed, const struct cluster_caps *caps, struct validation *ret);

#endif
