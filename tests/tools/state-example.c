/* Prints the worked example of state-store 10 as a dump for `dse-state load`. With `secrets` the
 * task has secrets in its environment, a volume and an image's credential. */
#include <string.h>

#include "../unit/state_example.h"
#include "state/inspect.h"

static Secret *secret_value(struct example *e, const char *text)
{
    Secret *secret = PB_NEW(&e->arena, Secret, secret);

    secret->has_type = 1;
    secret->type = SECRET__TYPE__VALUE;
    secret->value = PB_NEW(&e->arena, Secret__Value, secret__value);
    secret->value->data = (ProtobufCBinaryData){strlen(text), (uint8_t *)(char *)text};
    return secret;
}

static void add_secrets(struct example *e)
{
    Environment__Variable *variable = e->info->command->environment->variables[0];

    variable->has_type = 1;
    variable->type = ENVIRONMENT__VARIABLE__TYPE__SECRET;
    variable->value = (char *)"hunter2";
    variable->secret = secret_value(e, "hunter2");
    Volume__Source *source = PB_NEW(&e->arena, Volume__Source, volume__source);
    source->secret = secret_value(e, "hunter2");
    e->info->container->volumes[0]->source = source;
}

int main(int argc, char **argv)
{
    struct example e = example_new();
    auto_buf struct buf out = BUF_INIT;

    if (argc > 1 && strcmp(argv[1], "secrets") == 0)
        add_secrets(&e);
    auto_tree struct tree *tree = example_tree(&e);
    dump_tree(tree, &out);
    fputs(buf_str(&out), stdout);
    example_release(&e);
    return 0;
}
