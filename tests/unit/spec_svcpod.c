/* One valid and one invalid case for each key and check of pods, resources and tasks (see
 * service-spec 3.5 to 3.16). */
#include "svcyml.h"

#define POD0 "pod-specs/0/"
static void test_pod(void)
{
    static const struct sample samples[] = {
        {POD(""), POD0 "type", "\"p\""},
        {POD(""), POD0 "image", "null"},
        {POD("image: a/b:1"), POD0 "image", "\"a/b:1\""},
        {POD("image: ''"), NULL,
         "svc.yml:6:12: pods.p.image: the image is empty: leave it out, or name an image"},
        {POD("allow-decommission: true"), POD0 "allow-decommission", "true"},
        {POD("share-pid-namespace: true"), POD0 "share-pid-namespace", "true"},
        {POD("pre-reserved-role: dev"), POD0 "pre-reserved-role", "\"dev\""},
        {POD("pre-reserved-role: dev"), POD0 "task-specs/0/resource-set/role", "\"dev/s-role\""},
        {POD("pre-reserved-role: ''"), NULL,
         "svc.yml:6:24: pods.p.pre-reserved-role: the role is empty: leave it out, or name a role"},
        {POD("placement: 'hostname:UNIQUE'"), POD0 "placement-rule/@type",
         "\"MaxPerHostnameRule\""},
        {POD("placement: 'hostname:FOO'"), POD0 "placement-rule/@type", "\"InvalidPlacementRule\""},
        {POD("placement: 'hostname:LIKE:('"), NULL,
         "svc.yml:6:16: pods.p.placement: '(' is no regular expression: missing closing "
         "parenthesis"},
        {POD("uris: ['http://a/b?c=d&e=f#g', '', 'a%20b']"), POD0 "uris",
         "[\"http://a/b?c=d&e=f#g\",\"\",\"a%20b\"]"},
        {POD("uris: ['a b']"), NULL,
         "svc.yml:6:12: pods.p.uris[0]: illegal character in path at index 1 of 'a b': write other "
         "characters as %XX"},
        {POD("uris: ['a%2']"), NULL,
         "svc.yml:6:12: pods.p.uris[0]: malformed escape at index 1 of 'a%2': write other "
         "characters as %XX"},
        {POD("uris: a"), NULL,
         "svc.yml:6:11: pods.p.uris: is a plain value: a list is wanted, as [ a, b ]"},
        {POD("seccomp-unconfined: true"), POD0 "seccomp-unconfined", "true"},
        {POD("seccomp-profile-name: x"), POD0 "seccomp-profile-name", "\"x\""},
        {POD("seccomp-unconfined: true\n    seccomp-profile-name: x"), NULL,
         "svc.yml:6:25: pods.p.seccomp-unconfined: seccomp-unconfined and seccomp-profile-name "
         "stand "
         "together: use one of them"},
        {POD("ipc-mode: PRIVATE"), POD0 "ipc-mode", "\"PRIVATE\""},
        {POD("ipc-mode: SHARE_PARENT"), NULL,
         "svc.yml:6:15: pods.p.ipc-mode: SHARE_PARENT is for "
         "tasks: only PRIVATE is allowed for a pod"},
        {POD("ipc-mode: x"), NULL,
         "svc.yml:6:15: pods.p.ipc-mode: unknown value 'x': one of PRIVATE"},
        {POD("shm-size: 64"), POD0 "shm-size", "64"},
        {POD("allowDecommission: 64"), NULL,
         "svc.yml:6:5: pods.p.allowDecommission: unknown key: did you mean 'allow-decommission'?"},
        {"name: s\npods: {' ': {}}", NULL,
         "svc.yml:2:13: pods. : the pod type is blank: give the pod a type"},
        {"name: s\npods: {p: {count: -1}}", NULL,
         "svc.yml:2:19: pods.p.count: -1 is too small: 0 or more is wanted"},
        {"name: s\npods: {p: {count: 1}}", NULL,
         "svc.yml:2:11: pods.p.tasks: is missing or empty: a mapping is wanted"},
        {"name: s\npods: {p: {count: 1, tasks: {}}}", NULL,
         "svc.yml:2:29: pods.p.tasks: there are no tasks: a pod has at least one task"},
        {"name: s\npods: {p: }", NULL,
         "svc.yml:2:11: pods.p: is missing or empty: a mapping is "
         "wanted"},
        /* networks */
        {POD("networks: {dcos: {labels: 'a:b,c:d:e'}}"), POD0 "networks",
         "[{\"network-name\":\"dcos\",\"port-mappings\":{},\"network-labels\":{\"a\":\"b\",\"c\":"
         "\"d:e\"}}]"},
        {POD("networks: {dcos: }"), POD0 "networks/0/network-name", "\"dcos\""},
        {POD("networks: {dcos: {labels: 'a'}}"), NULL,
         "svc.yml:6:31: pods.p.networks.dcos.labels: 'a' has no colon: pairs are wanted, as "
         "'key:value,key:value'"},
        {POD("networks: {dcos: {labels: 'a:1,a:2'}}"), NULL,
         "svc.yml:6:31: pods.p.networks.dcos.labels: duplicate key 'a': each key may stand once"},
        {POD("networks: {mesos-bridge: {host-ports: [80, 81], container-ports: [8080, 8081]}}"),
         POD0 "networks/0/port-mappings", "{\"80\":8080,\"81\":8081}"},
        {POD("networks: {mesos-bridge: {host-ports: [80]}}"), POD0 "networks/0/port-mappings",
         "{}"},
        {POD("networks: {dcos: 'text'}"), NULL,
         "svc.yml:6:22: pods.p.networks.dcos: is a plain value: a mapping is wanted"},
        {POD("networks: {dcos: }"), POD0 "networks/0/network-labels", "{}"},
        {POD("networks: {'': }"), NULL,
         "svc.yml:6:20: pods.p.networks.: the name is empty: name the network"},
        {POD("networks: {dcos: {labels: 'a:b,,'}}"), POD0 "networks/0/network-labels",
         "{\"a\":\"b\"}"},
        {POD("networks: {mesos-bridge: {host-ports: [80], container-ports: []}}"), NULL,
         "svc.yml:6:30: pods.p.networks.mesos-bridge: there are 1 host ports and 0 container "
         "ports: "
         "host-ports and container-ports have the same length"},
        {POD("networks: {dcos: {host-ports: [80], container-ports: [8080]}}"), NULL,
         "svc.yml:6:22: pods.p.networks.dcos: network 'dcos' does not map ports: only the network "
         "'mesos-bridge' maps ports"},
        /* rlimits */
        {POD("rlimits: {RLIMIT_AS: {}, RLIMIT_NOFILE: {soft: 5000000000, hard: 5000000000}, "
             "RLIMIT_STACK: {soft: -1, hard: -1}}"),
         POD0 "rlimits",
         "[{\"name\":\"RLIMIT_AS\",\"soft\":null,\"hard\":null},{\"name\":\"RLIMIT_NOFILE\","
         "\"soft\":"
         "5000000000,\"hard\":5000000000},{\"name\":\"RLIMIT_STACK\",\"soft\":-1,\"hard\":-1}]"},
        {POD("rlimits: {RLIMIT_X: {}}"), NULL,
         "svc.yml:6:25: pods.p.rlimits.RLIMIT_X: unknown value 'RLIMIT_X': one of RLIMIT_AS, "
         "RLIMIT_CORE, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_LOCKS, RLIMIT_MEMLOCK, "
         "RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_RSS, RLIMIT_RTPRIO, "
         "RLIMIT_RTTIME, RLIMIT_SIGPENDING, RLIMIT_STACK"},
        {POD("rlimits: {RLIMIT_AS: }"), NULL,
         "svc.yml:6:26: pods.p.rlimits.RLIMIT_AS: is empty: write {} for unlimited"},
        {POD("rlimits: {RLIMIT_AS: {soft: 1}}"), NULL,
         "svc.yml:6:26: pods.p.rlimits.RLIMIT_AS: only one of soft and hard is set: set both, or "
         "none for unlimited"},
        {POD("rlimits: {RLIMIT_AS: {soft: 2, hard: 1}}"), NULL,
         "svc.yml:6:26: pods.p.rlimits.RLIMIT_AS: soft 2 is more than hard 1: the soft limit must "
         "not "
         "exceed the hard one"},
        {POD("rlimits: {RLIMIT_AS: {soft: -2, hard: 1}}"), NULL,
         "svc.yml:6:26: pods.p.rlimits.RLIMIT_AS: a limit is negative: limits are 0 or more, or -1 "
         "for unlimited"},
        {POD("rlimits: {RLIMIT_AS: {soft: -1, hard: 1}}"), NULL,
         "svc.yml:6:26: pods.p.rlimits.RLIMIT_AS: only one limit is -1: -1, unlimited, is for both "
         "or "
         "none"},
        /* secrets */
        {POD("secrets: {a: {secret: x/y}, b: {secret: z, env-key: K}, c: {secret: z, file: f/g}}"),
         POD0 "secrets",
         "[{\"secret\":\"x/y\",\"env-key\":null,\"file\":\"x/y\"},{\"secret\":\"z\",\"env-key\":"
         "\"K\",\"file\":null},{\"secret\":\"z\",\"env-key\":null,\"file\":\"f/g\"}]"},
        {POD("secrets: {a: {file: f}}"), NULL,
         "svc.yml:6:18: pods.p.secrets.a.secret: is missing or empty: the key is required"},
        {POD("secrets: {a: {secret: ''}}"), NULL,
         "svc.yml:6:27: pods.p.secrets.a.secret: the secret has no path: the path of the secret is "
         "wanted"},
        {POD("secrets: {a: {secret: s, file: /f}}"), NULL,
         "svc.yml:6:36: pods.p.secrets.a.file: '/f' cannot be a secret's file: a relative path of "
         "letters, digits, '.', '_', '-' and '/' is wanted"},
        /* host and external volumes */
        {POD("host-volumes: {a: {host-path: /etc/x, container-path: y}}"), POD0 "host-volumes",
         "[{\"host-path\":\"/etc/x\",\"container-path\":\"y\",\"mode\":null}]"},
        {POD("host-volumes: {a: {host-path: x, container-path: y}}"), NULL,
         "svc.yml:6:35: pods.p.host-volumes.a.host-path: 'x' cannot be a host path: an absolute "
         "path "
         "of letters, digits, '.', '_', '-' and '/' is wanted"},
        {POD("host-volumes: {a: {host-path: /x, container-path: /y}}"), NULL,
         "svc.yml:6:55: pods.p.host-volumes.a.container-path: '/y' cannot be a container path: a "
         "relative path of letters, digits, '.', '_', '-' and '/' is wanted"},
        {POD("host-volumes: {a: {container-path: y}}"), NULL,
         "svc.yml:6:23: pods.p.host-volumes.a.host-path: is missing or empty: the key is required"},
        {POD("host-volumes: {a: {host-path: /x, container-path: y, mode: ''}}"),
         POD0 "host-volumes/0/mode", "null"},
        {POD("external-volumes: {a: {type: DOCKER, volume-mode: ''}}"),
         POD0 "external-volumes/0/volume-mode", "null"},
        {POD("host-volumes: {a: {host-path: /x, container-path: y, mode: rw}}"), NULL,
         "svc.yml:6:64: pods.p.host-volumes.a.mode: unknown value 'rw': one of RW, RO"},
        {POD("external-volumes: {a: {type: DOCKER, container-path: c, driver-name: d, "
             "driver-options: 'k=v;l=w', volume-name: n, volume-mode: RO}}"),
         POD0 "external-volumes",
         "[{\"container-path\":\"c\",\"driver-name\":\"d\",\"driver-options\":{\"k\":\"v\",\"l\":"
         "\"w\"}"
         ",\"volume-name\":\"n\",\"volume-mode\":\"RO\",\"type\":\"DOCKER\"}]"},
        {POD("external-volumes: {a: {type: X}}"), NULL,
         "svc.yml:6:34: pods.p.external-volumes.a.type: unknown value 'X': one of DOCKER"},
        {POD("external-volumes: {a: {type: DOCKER, driver-options: 'c'}}"), NULL,
         "svc.yml:6:58: pods.p.external-volumes.a.driver-options: invalid driver option 'c': "
         "options "
         "are wanted as 'key=value;key=value'"},
        {POD("external-volumes: {a: {type: DOCKER, driver-options: 'size=1;repl=2=;;'}}"),
         POD0 "external-volumes/0/driver-options", "{\"size\":\"1\",\"repl\":\"2\"}"},
        {POD("external-volumes: {a: {type: DOCKER, driver-options: 'a=1;a=2'}}"), NULL,
         "svc.yml:6:58: pods.p.external-volumes.a.driver-options: duplicate option 'a': each "
         "option may stand once"},
        {POD("external-volumes: {a: {type: DOCKER, driver-options: 'a=1;;b=2'}}"), NULL,
         "svc.yml:6:58: pods.p.external-volumes.a.driver-options: invalid driver option '': "
         "options are wanted as 'key=value;key=value'"},
        {POD("external-volumes: {a: {type: DOCKER, driver-options: 'a='}}"), NULL,
         "svc.yml:6:58: pods.p.external-volumes.a.driver-options: invalid driver option 'a=': "
         "options are wanted as 'key=value;key=value'"},
        {POD("external-volumes: {a: {type: DOCKER, driver-options: 'name=c'}}"), NULL,
         "svc.yml:6:58: pods.p.external-volumes.a.driver-options: the option 'name' is not "
         "accepted: "
         "use volume-name"},
        {POD("external-volumes: {a: {type: DOCKER, volume-mode: rw}}"), NULL,
         "svc.yml:6:55: pods.p.external-volumes.a.volume-mode: unknown value 'rw': one of RW, RO"},
        /* pod volumes */
        {POD("volume: {path: a, type: ROOT, size: 1, profiles: [x]}"), POD0 "volumes/0/profiles",
         "[]"},
        {POD("volume: {path: a, type: PATH, size: 1}"), POD0 "volumes/0/type", "\"MOUNT\""},
        {POD("volume: {path: a, type: MOUNT, size: 5}\n    volumes: {x: {path: b, type: ROOT, "
             "size: "
             "6}}"),
         POD0 "volumes/1/value/scalar/value", "6.0"},
    };

    check_all(samples, ARRAY_LEN(samples));
}

#define TASK0 POD0 "task-specs/0/"
#define SET TASK0 "resource-set/"
static void test_resources(void)
{
    static const struct sample samples[] = {
        {TASK("cpus: 1"), SET "id", "\"t-resource-set\""},
        {TASK("cpus: 1\n        gpus: 2\n        memory: 3"), SET "resource-specifications/1/name",
         "\"gpus\""},
        {TASK("memory: 300"), SET "resource-specifications/0",
         "{\"@type\":\"DefaultResourceSpec\",\"name\":\"mem\",\"value\":{\"type\":\"SCALAR\","
         "\"scalar\":{\"value\":300.0}},\"role\":\"s-role\",\"pre-reserved-role\":\"*\","
         "\"principal\":"
         "\"s-principal\"}"},
        {TASK("memory: 0.5"), NULL,
         "svc.yml:9:17: pods.p.tasks.t.memory: the value is 0: more than 0 is wanted"},
        {TASK("volume: {path: a, type: ROOT, size: 1}"), NULL,
         "svc.yml:7:9: pods.p.tasks.t: there are no resources: at least one of cpus, gpus, memory "
         "and "
         "ports is wanted"},
        {TASK("resource-set: r"), NULL,
         "svc.yml:9:23: pods.p.tasks.t.resource-set: there is no resource set 'r': name one of the "
         "pod's resource-sets"},
        {TASK("resource-set: r\n    resource-sets: {r: {cpus: 7}}"), SET "id", "\"r\""},
        {TASK("resource-set: r\n        cpus: 0\n    resource-sets: {r: {cpus: 7}}"),
         SET "resource-specifications/0/value/scalar/value", "7.0"},
        {TASK("resource-set: ' '\n        cpus: 5\n    resource-sets: {r: {cpus: 7}}"), SET "id",
         "\"t-resource-set\""},
        {TASK("cpus: 1\n    resource-sets: {'': {cpus: 1}}"), NULL,
         "svc.yml:10:25: pods.p.resource-sets.: the id is empty: give the resource set an id"},
        {TASK("cpus: 1\n    resource-sets: {r: {}}"), NULL,
         "svc.yml:10:24: pods.p.resource-sets.r: there are no resources: at least one of cpus, "
         "gpus, "
         "memory and ports is wanted"},
        {TASK_CPU("resource-limits: {cpus: ' unlimited ', memory: 20}"), SET "resource-limits",
         "{\"cpus\":\"unlimited\",\"memory\":\"20\"}"},
        {TASK_CPU("resource-limits: {cpus: x}"), NULL,
         "svc.yml:10:33: pods.p.tasks.t.resource-limits.cpus: 'x' is no limit: a number or "
         "'unlimited' is wanted"},
        {TASK_CPU("resource-limits: {mem: 2}"), NULL,
         "svc.yml:10:27: pods.p.tasks.t.resource-limits.mem: unknown key: known are cpus, memory"},
        /* ports */
        {TASK("ports: {a: {port: 80, env-key: K, advertise: true}}"),
         SET "resource-specifications/0",
         "{\"@type\":\"PortSpec\",\"value\":{\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":"
         "80,"
         "\"end\":80}]}},\"role\":\"s-role\",\"pre-reserved-role\":\"*\",\"principal\":\"s-"
         "principal\","
         "\"env-key\":\"K\",\"port-name\":\"a\",\"visibility\":\"EXTERNAL\",\"network-names\":[],"
         "\"ranges\":[],\"name\":\"ports\"}"},
        {TASK("ports: {a: {port: 80, vip: {prefix: '', port: 8}}}"),
         SET "resource-specifications/0/vip-name", "\"a\""},
        {TASK("ports: {a: {port: 80, vip: {prefix: v}}}"), SET "resource-specifications/0/vip-port",
         "0"},
        {TASK("ports: {a: {port: 0, ranges: [{begin: 5}, {end: 9}]}}"),
         SET "resource-specifications/0/ranges",
         "[{\"begin\":5,\"end\":65535},{\"begin\":0,\"end\":9}]"},
        {TASK("ports: {a: {port: 0, ranges: [{begin: 5, end: 4}]}}"), NULL,
         "svc.yml:9:39: pods.p.tasks.t.ports.a.ranges[0]: invalid range 5-4: begin must not exceed "
         "end"},
        {TASK("ports: {a: {port: 0, ranges: [{begin: 5}], vip: {port: 1}}}"),
         SET "resource-specifications/0/ranges", "[]"},
        {TASK("ports: {a: {}}"), NULL,
         "svc.yml:9:20: pods.p.tasks.t.ports.a.port: is missing or empty: the key is required"},
        {TASK("ports: {a: {port: 65536}}"), NULL,
         "svc.yml:9:27: pods.p.tasks.t.ports.a.port: 65536 is no port number: a port is 0 to "
         "65535"},
        {TASK("ports: {a: {port: 5}, b: {port: 5}}"), NULL,
         "svc.yml:9:34: pods.p.tasks.t.ports.b: port 'a' has the number 5 too: each number may "
         "stand "
         "once in a task"},
        {TASK("ports: {a: {port: 0}, b: {port: 0}}"), SET "resource-specifications/1/port-name",
         "\"b\""},
        {TASK("ports: {a: {port: 5, vip: {prefix: b}}, b: {port: 6}}"), NULL,
         "svc.yml:9:20: pods.p.tasks.t.ports.a: the VIP prefix 'b' is also the name of a port: a "
         "VIP "
         "prefix must not be the name of another port"},
        {TASK(
             "ports: {a: {port: 5, advertise: true}}\n    resource-sets: {r: {ports: {a: {port: 6, "
             "advertise: true}}}}"),
         NULL,
         "svc.yml:9:20: pods.p.tasks.t.ports.a: another port 'a' is advertised: names of "
         "advertised "
         "ports are unique in the whole service"},
        {TASK("ports: {a: {port: 5, prot: x}}"), NULL,
         "svc.yml:9:30: pods.p.tasks.t.ports.a.prot: unknown key: did you mean 'port'?"},
        {TASK("ports: {a: {port: 0}, b: {port: 7}}\n    networks: {mesos-bridge: {host-ports: [7], "
              "container-ports: [8]}}"),
         POD0 "networks/0/port-mappings", "{\"0\":0,\"7\":8}"},
        {TASK("ports: {a: {port: 0}}\n    networks: {x: , y: }"),
         SET "resource-specifications/0/network-names", "[\"x\",\"y\"]"},
        /* volumes */
        {TASK_CPU("volume: {path: a_-1, type: MOUNT, size: 5, profiles: [a.b, c]}"),
         SET "volume-specifications/0",
         "{\"@type\":\"DefaultVolumeSpec\",\"type\":\"MOUNT\",\"container-path\":\"a_-1\","
         "\"profiles\":"
         "[\"a.b\",\"c\"],\"name\":\"disk\",\"value\":{\"type\":\"SCALAR\",\"scalar\":{\"value\":5."
         "0}},"
         "\"role\":\"s-role\",\"pre-reserved-role\":\"*\",\"principal\":\"s-principal\"}"},
        {TASK_CPU(
             "volumes: {x: {path: a, type: ROOT, size: 1}, y: {path: b, type: ROOT, size: 2}}"),
         SET "volume-specifications/1/container-path", "\"b\""},
        {TASK_CPU(
             "volumes: {x: {path: a, type: ROOT, size: 1}, y: {path: a, type: ROOT, size: 2}}"),
         NULL,
         "svc.yml:10:57: pods.p.tasks.t.volumes.y: another volume has the path 'a': the paths of "
         "volumes differ"},
        {TASK_CPU("volume: {path: a, type: ROOT, size: 1}\n        volumes: {}"), NULL,
         "svc.yml:10:17: pods.p.tasks.t.volume: 'volume' and 'volumes' stand together: use one of "
         "them"},
        {TASK_CPU("volume: {path: a/b, type: ROOT, size: 1}"), NULL,
         "svc.yml:10:24: pods.p.tasks.t.volume.path: 'a/b' cannot be a volume's path: letters, "
         "digits, '_' and '-' only, a letter or digit first"},
        {TASK_CPU("volume: {path: a, type: root, size: 1}"), NULL,
         "svc.yml:10:33: pods.p.tasks.t.volume.type: unknown value 'root': one of ROOT, MOUNT"},
        {TASK_CPU("volume: {path: a, type: ROOT, size: 0}"), NULL,
         "svc.yml:10:45: pods.p.tasks.t.volume.size: the size is 0: a size in MB of 1 or more is "
         "wanted"},
        {TASK_CPU("volume: {path: a, type: ROOT, size: 1, profiles: [x]}"), NULL,
         "svc.yml:10:58: pods.p.tasks.t.volume.profiles: a volume of type ROOT cannot have "
         "profiles: "
         "only MOUNT volumes have profiles"},
        {TASK_CPU("volume: {path: a, type: MOUNT, size: 1, profiles: [x, x]}"), NULL,
         "svc.yml:10:59: pods.p.tasks.t.volume.profiles: duplicate profile 'x': each profile may "
         "stand once"},
        {TASK_CPU("volume: {path: a, type: MOUNT, size: 1, profiles: ['x y']}"), NULL,
         "svc.yml:10:59: pods.p.tasks.t.volume.profiles: 'x y' cannot be a profile: letters, "
         "digits, "
         "'_', '.' and '-', 1 to 128 of them"},
    };

    check_all(samples, ARRAY_LEN(samples));
}

#define CHECK_KEYS "interval: 1, grace-period: 2, delay: 3, timeout: 4, max-consecutive-failures: "
static void test_task(void)
{
    static const struct sample samples[] = {
        {TASK_CPU(""), TASK0 "goal", "\"RUNNING\""},
        {"name: s\npods: {p: {count: 1, tasks: {t: {goal: once, cmd: c, cpus: 1}}}}\n",
         TASK0 "goal", "\"ONCE\""},
        {"name: s\npods: {p: {count: 1, tasks: {t: {goal: Finish, cmd: c, cpus: 1}}}}\n",
         TASK0 "goal", "\"FINISH\""},
        {"name: s\npods: {p: {count: 1, tasks: {t: {goal: FINISHED, cmd: c, cpus: 1}}}}\n", NULL,
         "svc.yml:2:40: pods.p.tasks.t.goal: the goal FINISHED is not supported any more: write "
         "ONCE, "
         "its new name, or FINISH"},
        {"name: s\npods: {p: {count: 1, tasks: {t: {goal: UNKNOWN, cmd: c, cpus: 1}}}}\n", NULL,
         "svc.yml:2:40: pods.p.tasks.t.goal: unknown goal 'UNKNOWN': one of RUNNING, FINISH, ONCE"},
        {"name: s\npods: {p: {count: 1, tasks: {t: {cmd: c, cpus: 1}}}}\n", NULL,
         "svc.yml:2:33: pods.p.tasks.t.goal: is missing or empty: the key is required"},
        {"name: s\npods: {p: {count: 1, tasks: {t: {goal: ONCE, cpus: 1}}}}\n", NULL,
         "svc.yml:2:33: pods.p.tasks.t.cmd: is missing or empty: the key is required"},
        {"name: s\npods: {p: {count: 1, tasks: {'': {goal: ONCE, cpus: 1}}}}\n", NULL,
         "svc.yml:2:34: pods.p.tasks.: the name is empty: give the task a name"},
        {TASK_CPU("labels: 'a:b,c: d,'"), TASK0 "task-labels", "{\"a\":\"b\",\"c\":\" d\"}"},
        {TASK_CPU("labels: ''"), TASK0 "task-labels", "{}"},
        {TASK_CPU("labels: 'a'"), NULL,
         "svc.yml:10:17: pods.p.tasks.t.labels: 'a' has no colon: pairs are wanted, as "
         "'key:value,key:value'"},
        {TASK_CPU("env: {Z: '{{{X}}}', E: , N: 010}"), TASK0 "command-spec/environment",
         "{\"A\":\"pod\",\"B\":\"b\",\"BAD\":\"a\xef\xbf\xbd\",\"E\":\"\",\"N\":\"010\",\"X_D\":"
         "\"x\","
         "\"Z\":\"value\"}"},
        {TASK_CPU("env: {A: yaml}"), TASK0 "command-spec/environment/A", "\"pod\""},
        {TASK_CPU("env: {A: [1]}"), NULL,
         "svc.yml:10:18: pods.p.tasks.t.env.A: is a list: text is wanted"},
        {TASK_CPU("configs: {c: {template: /a.yaml, dest: d/e}}"), TASK0 "config-files",
         "[{\"name\":\"c\",\"relative-path\":\"d/e\",\"template-content\":\"x: {{Y}}\\n\"}]"},
        {TASK_CPU("configs: {c: {template: none, dest: d}}"), NULL,
         "svc.yml:10:33: pods.p.tasks.t.configs.c.template: cannot open 'none': No such file or "
         "directory: the file stands beside svc.yml"},
        {TASK_CPU("configs: {c: {template: empty, dest: d}}"), NULL,
         "svc.yml:10:33: pods.p.tasks.t.configs.c.template: the file 'empty' is empty: a template "
         "has "
         "a text"},
        {TASK_CPU("configs: {c: {template: bytes, dest: d}}"), NULL,
         "svc.yml:10:33: pods.p.tasks.t.configs.c.template: the file 'bytes' is not UTF-8: a "
         "template "
         "is UTF-8 text"},
        {TASK_CPU("configs: {c: {template: a.yaml, dest: ''}}"), NULL,
         "svc.yml:10:47: pods.p.tasks.t.configs.c.dest: the path is empty: name the file to write"},
        {TASK_CPU("configs: {c: {template: a.yaml}}"), NULL,
         "svc.yml:10:22: pods.p.tasks.t.configs.c.dest: is missing or empty: the key is required"},
        {TASK_CPU("configs: {c: {template: a.yaml, dest: d}, b: {template: a.yaml, dest: d}}"),
         NULL,
         "svc.yml:10:54: pods.p.tasks.t.configs.b: duplicate dest 'd': each dest may stand once"},
        {TASK_CPU("health-check: {cmd: h, " CHECK_KEYS "5}"), TASK0 "health-check-spec",
         "{\"command\":\"h\",\"max-consecutive-failures\":5,\"delay\":3,\"interval\":1,\"timeout\":"
         "4,"
         "\"grace-period\":2,\"gracePeriod\":2}"},
        {TASK_CPU("health-check: {cmd: h, " CHECK_KEYS "0}"), NULL,
         "svc.yml:10:110: pods.p.tasks.t.health-check.max-consecutive-failures: 0 is too small: 1 "
         "or "
         "more is wanted"},
        {TASK_CPU("health-check: {cmd: h, interval: 1}"), NULL,
         "svc.yml:10:23: pods.p.tasks.t.health-check.grace-period: is missing or empty: the key is "
         "required"},
        {TASK_CPU("health-check: {cmd: '', " CHECK_KEYS "1}"), NULL,
         "svc.yml:10:29: pods.p.tasks.t.health-check.cmd: the command is empty: a command is "
         "wanted"},
        {TASK_CPU("readiness-check: {cmd: r, interval: 1, timeout: 2}"),
         TASK0 "readiness-check-spec",
         "{\"command\":\"r\",\"delay\":0,\"interval\":1,\"timeout\":2}"},
        {TASK_CPU("readiness-check: {cmd: r, interval: 1, timeout: -2}"), NULL,
         "svc.yml:10:57: pods.p.tasks.t.readiness-check.timeout: -2 is too small: 0 or more is "
         "wanted"},
        {TASK_CPU("readiness-check: {cmd: r, interval: 1, timeout: 2, delay: -1}"), NULL,
         "svc.yml:10:67: pods.p.tasks.t.readiness-check.delay: -1 is too small: 0 or more is "
         "wanted"},
        {TASK_CPU("discovery: {prefix: d}"), TASK0 "discovery-spec",
         "{\"prefix\":\"d\",\"visibility\":\"CLUSTER\"}"},
        {TASK_CPU("discovery: {visibility: foo}"), NULL,
         "svc.yml:10:33: pods.p.tasks.t.discovery.visibility: unknown value 'foo': one of "
         "FRAMEWORK, "
         "CLUSTER, EXTERNAL"},
        {TASK_CPU(
             "discovery: {prefix: d}\n  q: {count: 1, tasks: {t: {goal: ONCE, cmd: c, cpus: 1, "
             "discovery: {prefix: d}}}}"),
         NULL,
         "svc.yml:11:69: pods.q.tasks.t.discovery: pod 'p' has the prefix 'd' too: tasks of "
         "different "
         "pods cannot share DNS names"},
        {TASK_CPU("kill-grace-period: 3600"), TASK0 "kill-grace-period", "3600"},
        {TASK_CPU("kill-grace-period: 3601"), NULL,
         "svc.yml:10:28: pods.p.tasks.t.kill-grace-period: 3601 is out of range: 0 to 3600 seconds "
         "are allowed"},
        {TASK_CPU("transport-encryption: [{name: n, type: TLS}]"), TASK0 "transport-encryption",
         "[{\"name\":\"n\",\"type\":\"TLS\"}]"},
        {TASK_CPU("transport-encryption: [{name: n, type: tls}]"), NULL,
         "svc.yml:10:48: pods.p.tasks.t.transport-encryption[0].type: unknown value 'tls': one of "
         "TLS, "
         "KEYSTORE"},
        {TASK_CPU("transport-encryption: [{name: ' ', type: TLS}]"), NULL,
         "svc.yml:10:32: pods.p.tasks.t.transport-encryption[0]: the name is blank: a name is "
         "wanted"},
        {TASK_CPU("transport-encryption: {}"), NULL,
         "svc.yml:10:31: pods.p.tasks.t.transport-encryption: is a mapping: a list is wanted, as [ "
         "a, "
         "b ]"},
        {TASK_CPU("ipc-mode: SHARE_PARENT"), TASK0 "ipc-mode", "\"SHARE_PARENT\""},
        {TASK_CPU("ipc-mode: PRIVATE\n        shm-size: 5"), TASK0 "shm-size", "5"},
        {TASK_CPU("ipc-mode: SHARE_PARENT\n        shm-size: 5"), NULL,
         "svc.yml:11:19: pods.p.tasks.t.shm-size: shm-size does not apply with SHARE_PARENT: leave "
         "it "
         "out"},
        {TASK_CPU("ipc-mode: x"), NULL,
         "svc.yml:10:19: pods.p.tasks.t.ipc-mode: unknown value 'x': one of PRIVATE, SHARE_PARENT"},
        {TASK_CPU("essental: true"), NULL,
         "svc.yml:10:9: pods.p.tasks.t.essental: unknown key: did you mean 'essential'?"},
    };

    check_all(samples, ARRAY_LEN(samples));
}

TAP_MAIN(TEST(test_pod), TEST(test_resources), TEST(test_task))
