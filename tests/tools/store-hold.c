/* store-hold URL HOLDER: takes the lock of a store and keeps it until killed. */
#include <stdio.h>
#include <unistd.h>

#include "state/store.h"

int main(int argc, char **argv)
{
    const struct store_options options = {.create_root = true};
    const struct lock_options lock = {.holder = argc > 2 ? argv[2] : "", .wait_ms = 0};
    struct err err = ERR_INIT;
    struct store *store = argc > 2 ? store_open(argv[1], &options, &err) : NULL;

    if (!store || store_lock(store, &lock, &err) < 0) {
        fprintf(stderr, "store-hold: %s\n", err.text);
        return 1;
    }
    for (;;)
        pause();
}
