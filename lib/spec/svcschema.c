#include "spec/svcschema.h"

#include <stddef.h>
#include <string.h>

#include "spec/nearest.h"

#define END                  \
    {                        \
        NULL, "", "", "", "" \
    }
#define RESOURCE_KEYS                                                                     \
    {"cpus", "number", "", "more than 0", "CPU shares"},                                  \
        {"gpus", "number", "", "more than 0", "GPUs"},                                    \
        {"memory", "integer MB", "", "more than 0", "memory"},                            \
        {"ports", "mapping name -> port", "", "", "ports", SCHEMA_MAP, schema_port},      \
        {"volume",     "volume",      "",           "not together with volumes",          \
         "one volume", SCHEMA_OBJECT, schema_volume},                                     \
        {"volumes",      "mapping name -> volume",        "",                             \
         "paths differ", "volumes; their names are free", SCHEMA_MAP,                     \
         schema_volume},                                                                  \
    {                                                                                     \
        "resource-limits", "mapping", "", "", "limits above the requests", SCHEMA_OBJECT, \
            schema_limits                                                                 \
    }

const struct schema_key schema_service[] = {
    {"name", "text", NULL, "no '__'", "service name; folders by '/'"},
    {"web-url", "text", "", "", "link of the service in the cluster's web page"},
    {"scheduler", "mapping", "", "", "how the scheduler presents itself", SCHEMA_OBJECT,
     schema_scheduler},
    {"pods", "mapping type -> pod", NULL, "at least one", "what to run", SCHEMA_MAP, schema_pod},
    {"plans", "mapping name -> plan", "", "deploy among them", "in which order to run it",
     SCHEMA_MAP, schema_plan},
    END,
};
const struct schema_key schema_scheduler[] = {
    {"principal", "text", "<name>-principal", "", "Mesos principal"},
    {"zookeeper", "text", "master.mesos:2181", "host:port[,...]", "ZooKeeper servers"},
    {"user", "text", "root", "", "user of the service and of every pod"},
    END,
};
const struct schema_key schema_pod[] = {
    {"count", "integer", NULL, "0 or more", "number of instances"},
    {"tasks", "mapping name -> task", NULL, "at least one", "tasks of an instance", SCHEMA_MAP,
     schema_task},
    {"placement", "text", "", "Marathon constraints", "where instances may run"},
    {"image", "text", "", "not empty", "container image"},
    {"networks", "mapping name -> network", "", "", "virtual networks; none: the host's",
     SCHEMA_MAP, schema_network},
    {"rlimits", "mapping name -> rlimit", "", "", "limits of setrlimit(2)", SCHEMA_MAP,
     schema_rlimit},
    {"uris", "list of text", "", "URIs", "archives and files to fetch"},
    {"resource-sets", "mapping id -> resource set", "", "", "resources that tasks may share",
     SCHEMA_MAP, schema_resource_set},
    {"volume", "volume", "", "", "one volume of the whole instance", SCHEMA_OBJECT, schema_volume},
    {"volumes", "mapping name -> volume", "", "", "volumes of the whole instance", SCHEMA_MAP,
     schema_volume},
    {"pre-reserved-role", "text", "*", "", "role whose reservations are refined"},
    {"secrets", "mapping name -> secret", "", "", "secrets; their names here are free", SCHEMA_MAP,
     schema_secret},
    {"share-pid-namespace", "boolean", "false", "", "tasks see each other's processes"},
    {"allow-decommission", "boolean", "false", "", "count may shrink, the pod may go"},
    {"host-volumes", "mapping name -> host volume", "", "", "folders of the agent", SCHEMA_MAP,
     schema_host_volume},
    {"external-volumes", "mapping name -> external volume", "", "", "volumes of a Docker driver",
     SCHEMA_MAP, schema_external_volume},
    {"seccomp-unconfined", "boolean", "false", "not with a profile", "no seccomp filter"},
    {"seccomp-profile-name", "text", "", "", "seccomp profile"},
    {"ipc-mode", "text", "", "PRIVATE", "IPC namespace"},
    {"shm-size", "integer MB", "", "", "size of /dev/shm"},
    END,
};
const struct schema_key schema_resource_set[] = {RESOURCE_KEYS, END};
const struct schema_key schema_task[] = {
    {"goal", "text", NULL, "RUNNING, FINISH or ONCE",
     "keep running; end once per configuration; "
     "end once"},
    {"cmd", "text", NULL, "", "shell command"},
    {"essential", "boolean", "true", "", "its failure restarts the whole instance"},
    {"env", "mapping name -> text", "", "", "environment"},
    {"labels", "text", "", "k:v,k:v", "labels of the task"},
    {"configs", "mapping name -> config", "", "", "files rendered in the task", SCHEMA_MAP,
     schema_config},
    {"resource-set", "text", "", "an id of resource-sets", "resources; else the task's own"},
    RESOURCE_KEYS,
    {"health-check", "mapping", "", "", "kill and restart when it fails", SCHEMA_OBJECT,
     schema_health_check},
    {"readiness-check", "mapping", "", "", "deployment goes on when it succeeds", SCHEMA_OBJECT,
     schema_readiness_check},
    {"discovery", "mapping", "", "", "DNS name", SCHEMA_OBJECT, schema_discovery},
    {"kill-grace-period", "integer s", "0", "0 to 3600", "time between TERM and KILL"},
    {"transport-encryption", "list of mappings", "", "", "TLS artifacts", SCHEMA_LIST,
     schema_transport_encryption},
    {"ipc-mode", "text", "", "PRIVATE or SHARE_PARENT", "IPC namespace"},
    {"shm-size", "integer MB", "", "not with SHARE_PARENT", "size of /dev/shm"},
    END,
};
const struct schema_key schema_port[] = {
    {"port", "integer", NULL, "0 to 65535", "port number; 0: any"},
    {"env-key", "text", "", "", "variable that tells the task its port"},
    {"advertise", "boolean", "false", "", "listed as an endpoint"},
    {"vip", "mapping", "", "", "named virtual address", SCHEMA_OBJECT, schema_vip},
    {"ranges", "list of mappings", "", "not with vip", "where a port 0 may be", SCHEMA_LIST,
     schema_port_range},
    END,
};
const struct schema_key schema_vip[] = {
    {"prefix", "text", "the port's name", "", "first part of the name"},
    {"port", "integer", "0", "0 to 65535", "port of the address"},
    END,
};
const struct schema_key schema_port_range[] = {
    {"begin", "integer", "0", "0 to 65535", "first port"},
    {"end", "integer", "65535", "begin to 65535", "last port"},
    END,
};
const struct schema_key schema_volume[] = {
    {"path", "text", NULL, "letters, digits, _ and -", "folder in the sandbox"},
    {"type", "text", NULL, "ROOT or MOUNT", "a share of the disk, or a disk of its own"},
    {"size", "integer MB", NULL, "more than 0", "size"},
    {"profiles", "list of text", "", "only with MOUNT", "profiles that the disk may have"},
    END,
};
const struct schema_key schema_limits[] = {
    {"cpus", "text", "", "a number or unlimited", "limit of CPU shares"},
    {"memory", "text", "", "a number of MB or unlimited", "limit of memory"},
    END,
};
const struct schema_key schema_health_check[] = {
    {"cmd", "text", NULL, "not empty", "shell command"},
    {"interval", "integer s", NULL, "0 or more", "time between checks"},
    {"grace-period", "integer s", NULL, "0 or more", "failures do not count before"},
    {"delay", "integer s", NULL, "0 or more", "time before the first"},
    {"timeout", "integer s", NULL, "0 or more", "time that one may take"},
    {"max-consecutive-failures", "integer", NULL, "1 or more", "failures that kill the task"},
    END,
};
const struct schema_key schema_readiness_check[] = {
    {"cmd", "text", NULL, "", "shell command"},
    {"interval", "integer s", NULL, "0 or more", "time between checks"},
    {"delay", "integer s", "0", "0 or more", "time before the first"},
    {"timeout", "integer s", NULL, "0 or more", "time that one may take"},
    END,
};
const struct schema_key schema_discovery[] = {
    {"prefix", "text", "", "", "DNS name is <prefix>-<index>"},
    {"visibility", "text", "CLUSTER", "FRAMEWORK, CLUSTER or EXTERNAL", "who should see it"},
    END,
};
const struct schema_key schema_config[] = {
    {"template", "text", NULL, "a file beside svc.yml", "template"},
    {"dest", "text", NULL, "", "path in the sandbox"},
    END,
};
const struct schema_key schema_transport_encryption[] = {
    {"name", "text", NULL, "not blank", "file name of the artifacts"},
    {"type", "text", NULL, "TLS or KEYSTORE", "PEM files or a Java key store"},
    END,
};
const struct schema_key schema_network[] = {
    {"host-ports", "list of integers", "", "as many as container-ports", "ports of the agent"},
    {"container-ports", "list of integers", "", "only on mesos-bridge", "ports in the container"},
    {"labels", "text", "", "k:v,k:v", "labels for the network's plugin"},
    END,
};
const struct schema_key schema_rlimit[] = {
    {"soft", "integer", "unlimited", "-1 or more", "soft limit"},
    {"hard", "integer", "unlimited", "soft or more", "hard limit"},
    END,
};
const struct schema_key schema_secret[] = {
    {"secret", "text", NULL, "not empty", "path of the secret"},
    {"env-key", "text", "", "", "variable that holds it"},
    {"file", "text", "the path, without env-key", "relative", "file that holds it"},
    END,
};
const struct schema_key schema_host_volume[] = {
    {"host-path", "text", NULL, "absolute", "folder of the agent"},
    {"container-path", "text", NULL, "relative", "folder in the sandbox"},
    {"mode", "text", "", "RW or RO", "read-write or read-only"},
    END,
};
const struct schema_key schema_external_volume[] = {
    {"type", "text", NULL, "DOCKER", "kind of volume"},
    {"container-path", "text", "", "", "folder in the sandbox"},
    {"driver-name", "text", "", "", "Docker volume driver"},
    {"driver-options", "text", "", "k=v;k=v", "options of the driver"},
    {"volume-name", "text", "", "", "name; else service and pod type"},
    {"volume-mode", "text", "", "RW or RO", "read-write or read-only"},
    END,
};
const struct schema_key schema_plan[] = {
    {"strategy", "text", "serial", "serial or parallel", "order of the phases"},
    {"phases", "mapping name -> phase", NULL, "", "phases", SCHEMA_MAP, schema_phase},
    END,
};
const struct schema_key schema_phase[] = {
    {"pod", "text", NULL, "a pod type", "pod that the steps launch"},
    {"strategy", "text", "serial", "serial, parallel, serial-canary, parallel-canary",
     "order of the steps"},
    {"steps", "list of mappings", "one per instance", "", "steps by pod index"},
    END,
};

const char *schema_nearest(const struct schema_key *keys, const char *word)
{
    struct nearest nearest = nearest_to(word);

    for (; keys->name; keys++)
        nearest_try(&nearest, keys->name);
    return nearest.found;
}

const struct schema_key *schema_find(const struct schema_key *keys, const char *name, size_t len)
{
    for (; keys->name; keys++) {
        if (strlen(keys->name) == len && memcmp(keys->name, name, len) == 0)
            return keys;
    }
    return NULL;
}
