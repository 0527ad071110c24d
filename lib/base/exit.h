/* Exit statuses of every program (dse(7), EXIT STATUS). One list: the library puts the status into
 * the error object where it is known what kind of failure it was, and main returns it.
 * dse-scheduler alone maps these to the original's codes (see api-and-cli 1.14). */
#ifndef DSE_BASE_EXIT_H
#define DSE_BASE_EXIT_H

enum exit_status {
    EXIT_DONE = 0,        /* done, or the answer is yes */
    EXIT_NO = 1,          /* the answer is no: not complete, not found, differs, not placed */
    EXIT_USAGE = 2,       /* wrong command line */
    EXIT_INPUT = 3,       /* invalid input */
    EXIT_UNREACHABLE = 4, /* cannot reach ZooKeeper, Mesos or a file */
    EXIT_LOCKED = 5,      /* lock held, or changed underneath */
    EXIT_DENIED = 6,      /* not authorised */
    EXIT_BUG = 70,        /* a bug in the toolkit */
    EXIT_TIMEOUT = 124,   /* --wait ran out */
};

#endif
