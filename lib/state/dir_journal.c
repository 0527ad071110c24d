#define _GNU_SOURCE
#include "state/dir_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crash.h"
#include "base/io.h"

/* Numbers are little-endian. Header: magic (8), number of the first record (8), checksum of those
 * (4), zero (4). Record: bytes of the body (4), checksum of number and body (4), number (8), body.
 * Body: operations of kind (1), zero (1), bytes of the path (2), bytes of the data (4; all ones:
 * null data), path, data. Checksums are CRC-32C. */
static const char magic[8] = {'D', 'S', 'E', 'j', 'r', 'n', 'l', '1'};
enum { RECORD_HEADER = 16, OP_HEADER = 8 };
enum { JOURNAL_BYTES = 512 << 20 };
static const uint32_t null_data = 0xffffffff;

static uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    static uint32_t table[256];
    const unsigned char *p = data;

    if (!table[1]) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int bit = 0; bit < 8; bit++)
                c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
            table[i] = c;
        }
    }
    crc = ~crc;
    while (len-- > 0)
        crc = table[(crc ^ *p++) & 0xff] ^ crc >> 8;
    return ~crc;
}

static void put(char *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (char)(value >> (8 * i));
}

static uint64_t get(const char *from, int bytes)
{
    uint64_t value = 0;

    for (int i = bytes; i-- > 0;)
        value = value << 8 | (unsigned char)from[i];
    return value;
}

/* ---- writing ---- */

int journal_encode(struct buf *out, uint64_t number, const struct txn *txn, struct err *err)
{
    const size_t start = out->len;
    char header[RECORD_HEADER] = {0};

    buf_add(out, header, sizeof header);
    for (size_t i = 0; i < txn_count(txn); i++) {
        const struct txn_op *op = txn_op(txn, i);
        char head[OP_HEADER] = {(char)op->kind};
        if (op->kind == TXN_CHECK)
            continue;
        put(head + 2, strlen(op->path), 2);
        put(head + 4, op->len < 0 ? null_data : (uint64_t)op->len, 4);
        buf_add(out, head, sizeof head);
        buf_adds(out, op->path);
        buf_add(out, op->data, op->len > 0 ? (size_t)op->len : 0);
    }
    const size_t body = out->len - start - RECORD_HEADER;
    if (body > JOURNAL_RECORD_LIMIT)
        return err_set(err, EXIT_INPUT, "a transaction of %zu bytes exceeds the limit of %d", body,
                       JOURNAL_RECORD_LIMIT);
    char *record = out->data + start;
    put(record, body, 4);
    put(record + 8, number, 8);
    put(record + 4, crc32c(0, record + 8, body + 8), 4);
    return 0;
}

static int write_header(int fd, uint64_t first)
{
    char header[JOURNAL_HEADER] = {0};

    memcpy(header, magic, sizeof magic);
    put(header + 8, first, 8);
    put(header + 16, crc32c(0, header, 16), 4);
    return io_write_all(fd, header, sizeof header);
}

int journal_replace(int root, uint64_t first, struct err *err)
{
    auto_close int fd =
        openat(root, JOURNAL_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || write_header(fd, first) < 0 || fdatasync(fd) < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot write '%s'", JOURNAL_NEW);
    crash_point("new journal written, not yet in place");
    if (renameat(root, JOURNAL_NEW, root, JOURNAL_NAME) < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot replace '%s'", JOURNAL_NAME);
    crash_point("new journal in place");
    if (fsync(root) < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot sync the store's directory");
    return 0;
}

int journal_open(int root, struct err *err)
{
    int fd = openat(root, JOURNAL_NAME, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 && errno == ENOENT) {
        if (journal_replace(root, 1, err) < 0)
            return -1;
        fd = openat(root, JOURNAL_NAME, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    }
    if (fd < 0)
        return err_sys(err, errno == EACCES ? EXIT_DENIED : EXIT_UNREACHABLE, errno,
                       "cannot open '%s'", JOURNAL_NAME);
    return fd;
}

/* ---- reading ---- */

void journal_image_free(struct journal_image *image)
{
    buf_free(&image->bytes);
}

/* Bytes of the record at `at`, header included; 0 when it is not whole or not the one expected. */
static size_t record_at(const struct journal_image *image, size_t at, uint64_t number)
{
    const char *record = image->bytes.data + at;
    const size_t left = image->bytes.len - at;

    if (left < RECORD_HEADER)
        return 0;
    const size_t body = get(record, 4);
    if (body > JOURNAL_RECORD_LIMIT || body > left - RECORD_HEADER ||
        get(record + 8, 8) != number || get(record + 4, 4) != crc32c(0, record + 8, body + 8))
        return 0;
    return RECORD_HEADER + body;
}

static int read_header(const char *bytes, size_t len, uint64_t *ret_first, struct err *err)
{
    if (len < JOURNAL_HEADER || memcmp(bytes, magic, sizeof magic) != 0 ||
        get(bytes + 16, 4) != crc32c(0, bytes, 16))
        return err_set(err, EXIT_INPUT, "'%s' is not a journal of this version", JOURNAL_NAME);
    *ret_first = get(bytes + 8, 8);
    return 0;
}

static bool exists(int root)
{
    return faccessat(root, JOURNAL_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

int journal_read(int root, struct journal_image *ret, struct err *err)
{
    size_t record;

    *ret = (struct journal_image){.next = 1};
    if (!exists(root))
        return 0;
    if (io_read_file_at(root, JOURNAL_NAME, JOURNAL_BYTES, &ret->bytes, err) < 0 ||
        read_header(buf_str(&ret->bytes), ret->bytes.len, &ret->first, err) < 0)
        return -1;
    ret->valid = JOURNAL_HEADER;
    ret->next = ret->first;
    while ((record = record_at(ret, ret->valid, ret->next)) > 0) {
        ret->valid += record;
        ret->next++;
    }
    return 0;
}

int journal_read_first(int root, uint64_t *ret, struct err *err)
{
    char header[JOURNAL_HEADER];
    auto_close int fd = openat(root, JOURNAL_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    *ret = 0;
    if (fd < 0 && errno == ENOENT)
        return 0;
    ssize_t len = fd < 0 ? -1 : pread(fd, header, sizeof header, 0);
    if (len < 0)
        return err_sys(err, errno == EACCES ? EXIT_DENIED : EXIT_UNREACHABLE, errno,
                       "cannot read '%s'", JOURNAL_NAME);
    return read_header(header, (size_t)len, ret, err);
}

/* Adds the operation at `p`; its bytes, or 0 when it is broken (then so is the writer). */
static size_t add_op(struct txn *txn, const char *p, size_t left)
{
    if (left < OP_HEADER)
        return 0;
    const size_t path_len = get(p + 2, 2), data_len = get(p + 4, 4);
    const bool null = data_len == null_data;
    const size_t size = OP_HEADER + path_len + (null ? 0 : data_len);
    if (size > left)
        return 0;
    auto_free char *path = xstrndup(p + OP_HEADER, path_len);
    const char *data = null ? NULL : p + OP_HEADER + path_len;
    const ssize_t len = null ? -1 : (ssize_t)data_len;
    struct err err = ERR_INIT;
    if (tree_path_check(path, &err) < 0)
        return 0;
    switch (*p) {
    case TXN_CREATE:
        txn_create(txn, path, data, len);
        return size;
    case TXN_SET:
        txn_set(txn, path, data, len);
        return size;
    case TXN_DELETE:
        txn_delete(txn, path);
        return size;
    default:
        return 0;
    }
}

struct txn *journal_next(const struct journal_image *image, size_t *at)
{
    if (*at == 0)
        *at = JOURNAL_HEADER;
    if (*at >= image->valid)
        return NULL;
    const char *p = image->bytes.data + *at + RECORD_HEADER;
    size_t left = get(image->bytes.data + *at, 4), size;
    struct txn *txn = txn_new();

    *at += RECORD_HEADER + left;
    while (left && (size = add_op(txn, p, left)) > 0) {
        p += size;
        left -= size;
    }
    return txn;
}
