#define _DEFAULT_SOURCE /* explicit_bzero */
#include "mesos/credentials.h"

#include <string.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "proto/pbjson.h"

enum { CREDENTIALS_BYTES = 64 << 10 };

static char *header(const char *principal, size_t principal_len, const char *secret,
                    size_t secret_len)
{
    auto_buf struct buf plain = BUF_INIT, line = BUF_INIT;

    buf_add(&plain, principal, principal_len);
    buf_addc(&plain, ':');
    buf_add(&plain, secret, secret_len);
    buf_adds(&line, "Authorization: Basic ");
    base64_encode(&line, plain.data, plain.len);
    explicit_bzero(plain.data, plain.len);
    return buf_detach(&line);
}

static char *of_json(const char *path, const struct buf *text, struct err *err)
{
    struct err inner = ERR_INIT; /* may quote the text: not passed on */
    json_auto json_t *json = json_parse(text->data, text->len, path, &inner);
    const char *principal = json_string_value(json_object_get(json, "principal"));
    const char *secret = json_string_value(json_object_get(json, "secret"));

    if (principal && secret && !strchr(principal, ':'))
        return header(principal, strlen(principal), secret, strlen(secret));
    err_set(err, EXIT_INPUT,
            "cannot use the credentials in '%s': the JSON object needs the strings 'principal' "
            "(without a colon) and 'secret'",
            path);
    return NULL;
}

char *credentials_header(const char *path, struct err *err)
{
    static const char blanks[] = " \t\r\n";
    auto_buf struct buf text = BUF_INIT;

    if (io_read_file(path, CREDENTIALS_BYTES, &text, err) < 0) {
        err_prefix(err, "cannot read the credentials");
        return NULL;
    }
    const char *principal = buf_str(&text) + strspn(buf_str(&text), blanks);
    if (*principal == '{')
        return of_json(path, &text, err);
    size_t principal_len = strcspn(principal, blanks);
    const char *secret = principal + principal_len;
    secret += strspn(secret, " \t");
    size_t secret_len = strcspn(secret, blanks);
    if (principal_len && secret_len && !memchr(principal, ':', principal_len))
        return header(principal, principal_len, secret, secret_len);
    err_set(err, EXIT_INPUT,
            "cannot use the credentials in '%s': its first line is not 'PRINCIPAL SECRET'", path);
    return NULL;
}
