/* Bytes from anywhere as the journal of a directory store, behind a good header and with checksums
 * made good or not: reading never crashes and gives only valid paths. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "state/dir_journal.h"
#include "state/store_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int folder(void)
{
    static int fd = -1;
    char path[] = "/tmp/dse-fuzz-XXXXXX";

    if (fd < 0 && mkdtemp(path))
        fd = open(path, O_RDONLY | O_DIRECTORY);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_journal_image struct journal_image image;
    struct err err = ERR_INIT;
    const int root = folder();
    size_t at = 0;
    struct txn *txn;

    if (io_replace_file_at(root, JOURNAL_NAME, data, size, 0600, false, &err) < 0)
        abort();
    if (journal_read(root, &image, &err) == 0) {
        auto_tree struct tree *tree = tree_new();
        while ((txn = journal_next(&image, &at)) != NULL) {
            for (size_t i = 0; i < txn_count(txn); i++) {
                if (tree_path_check(txn_op(txn, i)->path, &err) < 0)
                    abort();
            }
            txn_apply(txn, tree);
            txn_free(txn);
        }
        if (at > image.bytes.len + JOURNAL_HEADER)
            abort();
    } else if (err.status != EXIT_INPUT) {
        abort();
    }
    return 0;
}
