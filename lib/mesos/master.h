/* Where the master is: the forms in which its place is written. Pure. */
#ifndef DSE_MESOS_MASTER_H
#define DSE_MESOS_MASTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* `http://HOST[:PORT]` or `zk://HOST:PORT[,HOST:PORT...]/PATH`. All strings belong to the struct.
 */
struct master_url {
    bool zk;
    char *base;  /* http: "http://host:port", without a slash at the end */
    char *hosts; /* zk: "host:port,host:port"; IPv6 addresses without brackets */
    char *path;  /* zk: "/mesos" */
};

/* Returns 0, or -1 with status EXIT_USAGE. Refused by name: other schemes, credentials in the URL,
 * a path behind http. The port of http is 5050 when missing, of ZooKeeper 2181. */
int master_url_parse(const char *text, struct master_url *ret, struct err *err);
void master_url_free(struct master_url *url);

/* "http://host:port" of an absolute URL, such as a redirect leads to, with the port of HTTP when it
 * has none; NULL when it is none of http. For the caller to free. */
char *master_base_of(const char *url);

/* The leader among the children of the ZooKeeper directory: the one with the smallest number behind
 * its last '_'; others, such as `log_replicas`, are ignored (see state-store 9). NULL: none. */
const char *master_leader_child(const char *const *children, size_t count);

/* "http://ip:port" from the data of that child: JSON MasterInfo behind the label `json.info`,
 * protobuf behind `info`. Returns NULL with status EXIT_INPUT. For the caller to free. */
char *master_of_child(const char *child, const void *data, size_t len, struct err *err);

#endif
