/* Listening sockets. Only lib/http/ includes this. */
#ifndef DSE_HTTP_LISTEN_H
#define DSE_HTTP_LISTEN_H

#include "base/err.h"

struct listening {
    int fd;
    int port;   /* 0 on a socket file */
    char *url;  /* for people; owned */
    char *path; /* of the socket file, removed at the end; or NULL. Owned. */
};
/* address: IPv4, IPv6 or `unix:PATH`. See server_start(). */
int listen_open(const char *address, int port, struct listening *ret, struct err *err);
/* Removes the socket file and frees; the descriptor is closed by whom it was given to. */
void listen_release(struct listening *listening);

#endif
