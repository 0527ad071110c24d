/* yaml2json FILE: one YAML document as JSON; every scalar is a text, null is null. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/json.h"
#include "spec/yaml.h"

static json_t *to_json(const struct yaml_node *node)
{
    json_t *out;

    switch (node->type) {
    case YAML_LIST:
        out = json_array();
        for (size_t i = 0; i < node->count; i++)
            json_array_append_new(out, to_json(node->items[i]));
        return out;
    case YAML_MAP:
        out = json_object();
        for (size_t i = 0; i < node->count; i++)
            json_object_set_new(out, node->entries[i].key->text, to_json(node->entries[i].value));
        return out;
    case YAML_SCALAR:
        break;
    }
    return yaml_is_null(node) ? json_null() : json_string(node->text);
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    auto_buf struct buf text = BUF_INIT;
    auto_yaml struct yaml_doc doc = {0};

    if (argc != 2) {
        fputs("usage: yaml2json FILE\n", stderr);
        return EXIT_USAGE;
    }
    if (io_read_file(argv[1], YAML_BYTES, &text, &err) < 0 ||
        yaml_parse(buf_str(&text), text.len, argv[1], NULL, &doc, &err) < 0) {
        fprintf(stderr, "yaml2json: %s\n", err.text);
        return (int)err.status;
    }
    json_auto json_t *json = to_json(doc.root);
    json_dumpf(json, stdout, JSON_INDENT(1));
    putchar('\n');
    return EXIT_DONE;
}
