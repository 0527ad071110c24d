/* Every key of a svc.yml: a smallest valid case with what becomes of it, and an invalid one with
 * the message and its place. A key of the schema that has no row fails the test. */
#include "spec/svcschema.h"
#include "svcyml.h"

#define SET(keys)                                                                                  \
    "name: s\npods:\n  p:\n    count: 1\n    resource-sets:\n      r: {" keys "}\n    tasks: {t: " \
    "{goal: RUNNING, cmd: c, resource-set: r}}\n"

static const struct row {
    const char *path, *valid, *at, *want, *invalid, *error;
} rows[] = {
    {"name", "name: /a/b\npods: {p: {count: 1, tasks: {t: {goal: RUNNING, cmd: c, cpus: 1}}}}\n",
     "name", "\"/a/b\"",
     "name: a__b\npods: {p: {count: 1, tasks: {t: {goal: RUNNING, cmd: c, cpus: 1}}}}\n",
     "svc.yml:1:7: name: the name 'a__b' has double underscores: use single ones, or folders"},
    {"web-url", SERVICE("web-url: http://x"), "web-url", "\"http://x\"", SERVICE("web-url: [x]"),
     "svc.yml:2:10: web-url: is a list: text is wanted"},
    {"scheduler", SERVICE("scheduler: {}"), "principal", "\"/f/s-principal\"",
     SERVICE("scheduler: x"), "svc.yml:2:12: scheduler: is a plain value: a mapping is wanted"},
    {"scheduler.principal", SERVICE("scheduler: {principal: q}"), "principal", "\"q\"",
     SERVICE("scheduler: {principal: {}}"),
     "svc.yml:2:24: scheduler.principal: is a mapping: text is wanted"},
    {"scheduler.zookeeper", SERVICE("scheduler: {zookeeper: \"z:1\"}"), "zookeeper", "\"z:1\"",
     SERVICE("scheduler: {zookeeper: []}"),
     "svc.yml:2:24: scheduler.zookeeper: is a list: text is wanted"},
    {"scheduler.user", SERVICE("scheduler: {user: u}"), "pod-specs/0/user", "\"u\"",
     SERVICE("scheduler: {usr: u}"),
     "svc.yml:2:13: scheduler.usr: unknown key: did you mean 'user'?"},
    {"pods", "name: s\npods: {p: {count: 1, tasks: {t: {goal: RUNNING, cmd: c, cpus: 1}}}}\n",
     "pod-specs/0/type", "\"p\"", "name: s\npods: {}\n",
     "svc.yml:2:7: pods: there are no pods: a service has at least one pod"},
    {"plans", SERVICE("plans: {}"), "plans", "{}", SERVICE("plans: {other: {phases: {}}}"),
     "svc.yml:2:8: plans: there is no plan 'deploy': add it, or leave 'plans' out for a generated "
     "one"},
    {"pods.NAME.count",
     "name: s\npods: {p: {count: 0, tasks: {t: {goal: RUNNING, cmd: c, cpus: 1}}}}\n",
     "pod-specs/0/count", "0",
     "name: s\npods: {p: {count: -1, tasks: {t: {goal: RUNNING, cmd: c, cpus: 1}}}}\n",
     "svc.yml:2:19: pods.p.count: -1 is too small: 0 or more is wanted"},
    {"pods.NAME.tasks", POD(""), "pod-specs/0/task-specs/0/name", "\"t\"",
     "name: s\npods: {p: {count: 1, tasks: {}}}\n",
     "svc.yml:2:29: pods.p.tasks: there are no tasks: a pod has at least one task"},
    {"pods.NAME.placement", POD("placement: 'hostname:UNIQUE'"), "pod-specs/0/placement-rule/@type",
     "\"MaxPerHostnameRule\"", POD("placement: 'hostname:MAX_PER:0'"),
     "svc.yml:6:16: pods.p.placement: MAX_PER wants a number of 1 or more, not 0"},
    {"pods.NAME.image", POD("image: i"), "pod-specs/0/image", "\"i\"", POD("image: ''"),
     "svc.yml:6:12: pods.p.image: the image is empty: leave it out, or name an image"},
    {"pods.NAME.networks", POD("networks: {dcos: {}}"), "pod-specs/0/networks/0/network-name",
     "\"dcos\"", POD("networks: [dcos]"),
     "svc.yml:6:15: pods.p.networks: is a list: a mapping is wanted"},
    {"pods.NAME.networks.NAME.host-ports",
     POD("networks: {mesos-bridge: {host-ports: [1], container-ports: [2]}}"),
     "pod-specs/0/networks/0/port-mappings", "{\"1\":2}",
     POD("networks: {mesos-bridge: {host-ports: [65536], container-ports: [2]}}"),
     "svc.yml:6:44: pods.p.networks.mesos-bridge.host-ports[0]: 65536 is no port number: a port is "
     "0 to 65535"},
    {"pods.NAME.networks.NAME.container-ports",
     POD("networks: {mesos-bridge: {host-ports: [80, 16], container-ports: [2, 3]}}"),
     "pod-specs/0/networks/0/port-mappings", "{\"80\":2,\"16\":3}",
     POD("networks: {mesos-bridge: {host-ports: [1, 1], container-ports: [2, 3]}}"),
     "svc.yml:6:30: pods.p.networks.mesos-bridge: duplicate host port 1: each host port is mapped "
     "once"},
    {"pods.NAME.networks.NAME.labels", POD("networks: {dcos: {labels: 'a:b'}}"),
     "pod-specs/0/networks/0/network-labels", "{\"a\":\"b\"}",
     POD("networks: {dcos: {labels: 'a'}}"),
     "svc.yml:6:31: pods.p.networks.dcos.labels: 'a' has no colon: pairs are wanted, as "
     "'key:value,key:value'"},
    {"pods.NAME.rlimits", POD("rlimits: {RLIMIT_CPU: {}}"), "pod-specs/0/rlimits/0/name",
     "\"RLIMIT_CPU\"", POD("rlimits: {RLIMIT_UNKNOWN: {}}"),
     "svc.yml:6:31: pods.p.rlimits.RLIMIT_UNKNOWN: unknown value 'RLIMIT_UNKNOWN': one of "
     "RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_LOCKS, RLIMIT_MEMLOCK, "
     "RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_RSS, RLIMIT_RTPRIO, "
     "RLIMIT_RTTIME, RLIMIT_SIGPENDING, RLIMIT_STACK"},
    {"pods.NAME.rlimits.NAME.soft", POD("rlimits: {RLIMIT_CPU: {soft: 1, hard: 2}}"),
     "pod-specs/0/rlimits/0/soft", "1", POD("rlimits: {RLIMIT_CPU: {soft: 3, hard: 2}}"),
     "svc.yml:6:27: pods.p.rlimits.RLIMIT_CPU: soft 3 is more than hard 2: the soft limit must not "
     "exceed the hard one"},
    {"pods.NAME.rlimits.NAME.hard", POD("rlimits: {RLIMIT_CPU: {soft: -1, hard: -1}}"),
     "pod-specs/0/rlimits/0/hard", "-1", POD("rlimits: {RLIMIT_CPU: {soft: 1, hard: x}}"),
     "svc.yml:6:43: pods.p.rlimits.RLIMIT_CPU.hard: 'x' is no whole number: a whole number such as "
     "3 is wanted"},
    {"pods.NAME.uris", POD("uris: [a]"), "pod-specs/0/uris", "[\"a\"]", POD("uris: ['a b']"),
     "svc.yml:6:12: pods.p.uris[0]: illegal character in path at index 1 of 'a b': write other "
     "characters as %XX"},
    {"pods.NAME.resource-sets", POD("resource-sets: {r: {cpus: 1}}"), "pod-specs/0/type", "\"p\"",
     POD("resource-sets: {r: {}}"),
     "svc.yml:6:24: pods.p.resource-sets.r: there are no resources: at least one of cpus, gpus, "
     "memory and ports is wanted"},
    {"pods.NAME.volume", POD("volume: {path: a, type: ROOT, size: 1}"),
     "pod-specs/0/volumes/0/container-path", "\"a\"",
     POD("volume: {path: a.b, type: ROOT, size: 1}"),
     "svc.yml:6:20: pods.p.volume.path: 'a.b' cannot be a volume's path: letters, digits, '_' and "
     "'-' only, a letter or digit first"},
    {"pods.NAME.volumes", POD("volumes: {v: {path: a, type: MOUNT, size: 1}}"),
     "pod-specs/0/volumes/0/type", "\"MOUNT\"", POD("volumes: {v: {path: a, type: root, size: 1}}"),
     "svc.yml:6:34: pods.p.volumes.v.type: unknown value 'root': one of ROOT, MOUNT"},
    {"pods.NAME.volume.path", POD("volume: {path: A-b_1, type: ROOT, size: 1}"),
     "pod-specs/0/volumes/0/container-path", "\"A-b_1\"",
     POD("volume: {path: _a, type: ROOT, size: 1}"),
     "svc.yml:6:20: pods.p.volume.path: '_a' cannot be a volume's path: letters, digits, '_' and "
     "'-' only, a letter or digit first"},
    {"pods.NAME.volume.type", POD("volume: {path: a, type: ROOT, size: 1}"),
     "pod-specs/0/volumes/0/type", "\"ROOT\"", POD("volume: {path: a, size: 1}"),
     "svc.yml:6:13: pods.p.volume.type: is missing or empty: the key is required"},
    {"pods.NAME.volume.size", POD("volume: {path: a, type: ROOT, size: 10}"),
     "pod-specs/0/volumes/0/value/scalar/value", "10.0",
     POD("volume: {path: a, type: ROOT, size: 0}"),
     "svc.yml:6:41: pods.p.volume.size: the size is 0: a size in MB of 1 or more is wanted"},
    {"pods.NAME.volume.profiles", POD("volume: {path: a, type: MOUNT, size: 1, profiles: [x.y]}"),
     "pod-specs/0/volumes/0/profiles", "[\"x.y\"]",
     POD("volume: {path: a, type: MOUNT, size: 1, profiles: [x, x]}"),
     "svc.yml:6:55: pods.p.volume.profiles: duplicate profile 'x': each profile may stand once"},
    {"pods.NAME.pre-reserved-role", POD("pre-reserved-role: r"), "pod-specs/0/volumes", "[]",
     POD("pre-reserved-role: ''"),
     "svc.yml:6:24: pods.p.pre-reserved-role: the role is empty: leave it out, or name a role"},
    {"pods.NAME.secrets", POD("secrets: {a: {secret: x}}"), "pod-specs/0/secrets/0/file", "\"x\"",
     POD("secrets: {a: }"),
     "svc.yml:6:18: pods.p.secrets.a: is missing or empty: a mapping is wanted"},
    {"pods.NAME.secrets.NAME.secret", POD("secrets: {a: {secret: x}}"),
     "pod-specs/0/secrets/0/secret", "\"x\"", POD("secrets: {a: {secret: ''}}"),
     "svc.yml:6:27: pods.p.secrets.a.secret: the secret has no path: the path of the secret is "
     "wanted"},
    {"pods.NAME.secrets.NAME.env-key", POD("secrets: {a: {secret: x, env-key: K}}"),
     "pod-specs/0/secrets/0/env-key", "\"K\"", POD("secrets: {a: {secret: x, env-key: []}}"),
     "svc.yml:6:39: pods.p.secrets.a.env-key: is a list: text is wanted"},
    {"pods.NAME.secrets.NAME.file", POD("secrets: {a: {secret: x, file: 'a/b'}}"),
     "pod-specs/0/secrets/0/file", "\"a/b\"", POD("secrets: {a: {secret: x, file: _a}}"),
     "svc.yml:6:36: pods.p.secrets.a.file: '_a' cannot be a secret's file: a relative path of "
     "letters, digits, '.', '_', '-' and '/' is wanted"},
    {"pods.NAME.share-pid-namespace", POD("share-pid-namespace: yes"),
     "pod-specs/0/share-pid-namespace", "true", POD("share-pid-namespace: T"),
     "svc.yml:6:26: pods.p.share-pid-namespace: 'T' is no boolean: true or false is wanted"},
    {"pods.NAME.allow-decommission", POD("allow-decommission: 'True'"),
     "pod-specs/0/allow-decommission", "true", POD("allow-decommission: maybe"),
     "svc.yml:6:25: pods.p.allow-decommission: 'maybe' is no boolean: true or false is wanted"},
    {"pods.NAME.host-volumes", POD("host-volumes: {h: {host-path: /a, container-path: b}}"),
     "pod-specs/0/host-volumes/0/mode", "null", POD("host-volumes: [a]"),
     "svc.yml:6:19: pods.p.host-volumes: is a list: a mapping is wanted"},
    {"pods.NAME.host-volumes.NAME.host-path",
     POD("host-volumes: {h: {host-path: /a/b, container-path: b}}"),
     "pod-specs/0/host-volumes/0/host-path", "\"/a/b\"",
     POD("host-volumes: {h: {host-path: a, container-path: b}}"),
     "svc.yml:6:35: pods.p.host-volumes.h.host-path: 'a' cannot be a host path: an absolute path "
     "of letters, digits, '.', '_', '-' and '/' is wanted"},
    {"pods.NAME.host-volumes.NAME.container-path",
     POD("host-volumes: {h: {host-path: /a, container-path: b/c}}"),
     "pod-specs/0/host-volumes/0/container-path", "\"b/c\"",
     POD("host-volumes: {h: {host-path: /a, container-path: /b}}"),
     "svc.yml:6:55: pods.p.host-volumes.h.container-path: '/b' cannot be a container path: a "
     "relative path of letters, digits, '.', '_', '-' and '/' is wanted"},
    {"pods.NAME.host-volumes.NAME.mode",
     POD("host-volumes: {h: {host-path: /a, container-path: b, mode: RO}}"),
     "pod-specs/0/host-volumes/0/mode", "\"RO\"",
     POD("host-volumes: {h: {host-path: /a, container-path: b, mode: ro}}"),
     "svc.yml:6:64: pods.p.host-volumes.h.mode: unknown value 'ro': one of RW, RO"},
    {"pods.NAME.external-volumes", POD("external-volumes: {e: {type: DOCKER}}"),
     "pod-specs/0/external-volumes/0/driver-options", "{}", POD("external-volumes: {e: x}"),
     "svc.yml:6:27: pods.p.external-volumes.e: is a plain value: a mapping is wanted"},
    {"pods.NAME.external-volumes.NAME.type", POD("external-volumes: {e: {type: DOCKER}}"),
     "pod-specs/0/external-volumes/0/type", "\"DOCKER\"",
     POD("external-volumes: {e: {type: docker}}"),
     "svc.yml:6:34: pods.p.external-volumes.e.type: unknown value 'docker': one of DOCKER"},
    {"pods.NAME.external-volumes.NAME.container-path",
     POD("external-volumes: {e: {type: DOCKER, container-path: c}}"),
     "pod-specs/0/external-volumes/0/container-path", "\"c\"",
     POD("external-volumes: {e: {type: DOCKER, container-path: [c]}}"),
     "svc.yml:6:58: pods.p.external-volumes.e.container-path: is a list: text is wanted"},
    {"pods.NAME.external-volumes.NAME.driver-name",
     POD("external-volumes: {e: {type: DOCKER, driver-name: pxd}}"),
     "pod-specs/0/external-volumes/0/driver-name", "\"pxd\"",
     POD("external-volumes: {e: {type: DOCKER, driver: pxd}}"),
     "svc.yml:6:42: pods.p.external-volumes.e.driver: unknown key: known are type, container-path, "
     "driver-name, driver-options, volume-name, volume-mode"},
    {"pods.NAME.external-volumes.NAME.driver-options",
     POD("external-volumes: {e: {type: DOCKER, driver-options: 'size=1;repl=2;a=3'}}"),
     "pod-specs/0/external-volumes/0/driver-options", "{\"a\":\"3\",\"size\":\"1\",\"repl\":\"2\"}",
     POD("external-volumes: {e: {type: DOCKER, driver-options: 'a=b=c'}}"),
     "svc.yml:6:58: pods.p.external-volumes.e.driver-options: invalid driver option 'a=b=c': "
     "options are wanted as 'key=value;key=value'"},
    {"pods.NAME.external-volumes.NAME.volume-name",
     POD("external-volumes: {e: {type: DOCKER, volume-name: n}}"),
     "pod-specs/0/external-volumes/0/volume-name", "\"n\"",
     POD("external-volumes: {e: {type: DOCKER, volume-name: {}}}"),
     "svc.yml:6:55: pods.p.external-volumes.e.volume-name: is a mapping: text is wanted"},
    {"pods.NAME.external-volumes.NAME.volume-mode",
     POD("external-volumes: {e: {type: DOCKER, volume-mode: RW}}"),
     "pod-specs/0/external-volumes/0/volume-mode", "\"RW\"",
     POD("external-volumes: {e: {type: DOCKER, volume-mode: rw}}"),
     "svc.yml:6:55: pods.p.external-volumes.e.volume-mode: unknown value 'rw': one of RW, RO"},
    {"pods.NAME.seccomp-unconfined", POD("seccomp-unconfined: 1"), "pod-specs/0/seccomp-unconfined",
     "true", POD("seccomp-unconfined: true\n    seccomp-profile-name: x"),
     "svc.yml:6:25: pods.p.seccomp-unconfined: seccomp-unconfined and seccomp-profile-name stand "
     "together: use one of them"},
    {"pods.NAME.seccomp-profile-name", POD("seccomp-profile-name: x"),
     "pod-specs/0/seccomp-profile-name", "\"x\"", POD("seccomp-profile-name: []"),
     "svc.yml:6:27: pods.p.seccomp-profile-name: is a list: text is wanted"},
    {"pods.NAME.ipc-mode", POD("ipc-mode: PRIVATE"), "pod-specs/0/ipc-mode", "\"PRIVATE\"",
     POD("ipc-mode: SHARE_PARENT"),
     "svc.yml:6:15: pods.p.ipc-mode: SHARE_PARENT is for tasks: only PRIVATE is allowed for a pod"},
    {"pods.NAME.shm-size", POD("shm-size: 5"), "pod-specs/0/shm-size", "5", POD("shm-size: 0x10"),
     "svc.yml:6:15: pods.p.shm-size: '0x10' is no whole number: a whole number such as 3 is "
     "wanted"},
    {"pods.NAME.tasks.NAME.goal",
     "name: s\npods: {p: {count: 1, tasks: {t: {goal: finish, cmd: c, cpus: 1}}}}\n",
     "pod-specs/0/task-specs/0/goal", "\"FINISH\"",
     "name: s\npods: {p: {count: 1, tasks: {t: {goal: FINISHED, cmd: c, cpus: 1}}}}\n",
     "svc.yml:2:40: pods.p.tasks.t.goal: the goal FINISHED is not supported any more: write ONCE, "
     "its new name, or FINISH"},
    {"pods.NAME.tasks.NAME.cmd",
     "name: s\npods: {p: {count: 1, tasks: {t: {goal: RUNNING, cmd: \"\", cpus: 1}}}}\n",
     "pod-specs/0/task-specs/0/command-spec/value", "\"\"",
     "name: s\npods: {p: {count: 1, tasks: {t: {goal: RUNNING, cpus: 1}}}}\n",
     "svc.yml:2:33: pods.p.tasks.t.cmd: is missing or empty: the key is required"},
    {"pods.NAME.tasks.NAME.essential", TASK_CPU("essential: no"),
     "pod-specs/0/task-specs/0/essential", "false", TASK_CPU("essential: 2.5"),
     "svc.yml:10:20: pods.p.tasks.t.essential: '2.5' is no boolean: true or false is wanted"},
    {"pods.NAME.tasks.NAME.env", TASK_CPU("env: {E: 1.50, F: }"),
     "pod-specs/0/task-specs/0/command-spec/environment/E", "\"1.50\"", TASK_CPU("env: {A: [x]}"),
     "svc.yml:10:18: pods.p.tasks.t.env.A: is a list: text is wanted"},
    {"pods.NAME.tasks.NAME.labels", TASK_CPU("labels: 'team:x,env:y,owner:z'"),
     "pod-specs/0/task-specs/0/task-labels", "{\"owner\":\"z\",\"team\":\"x\",\"env\":\"y\"}",
     TASK_CPU("labels: 'a:b,a:c'"),
     "svc.yml:10:17: pods.p.tasks.t.labels: duplicate key 'a': each key may stand once"},
    {"pods.NAME.tasks.NAME.configs", TASK_CPU("configs: {c: {template: a.yaml, dest: d}}"),
     "pod-specs/0/task-specs/0/config-files",
     "[{\"name\":\"c\",\"relative-path\":\"d\",\"template-content\":\"x: {{Y}}\\n\"}]",
     TASK_CPU("configs: {c: {template: a.yaml, dest: d}, e: {template: a.yaml, dest: d}}"),
     "svc.yml:10:54: pods.p.tasks.t.configs.e: duplicate dest 'd': each dest may stand once"},
    {"pods.NAME.tasks.NAME.configs.NAME.template",
     TASK_CPU("configs: {c: {template: /a.yaml, dest: d}}"),
     "pod-specs/0/task-specs/0/config-files/0/template-content", "\"x: {{Y}}\\n\"",
     TASK_CPU("configs: {c: {dest: d}}"),
     "svc.yml:10:22: pods.p.tasks.t.configs.c.template: is missing or empty: the key is required"},
    {"pods.NAME.tasks.NAME.configs.NAME.dest",
     TASK_CPU("configs: {c: {template: a.yaml, dest: d/e}}"),
     "pod-specs/0/task-specs/0/config-files/0/relative-path", "\"d/e\"",
     TASK_CPU("configs: {c: {template: a.yaml}}"),
     "svc.yml:10:22: pods.p.tasks.t.configs.c.dest: is missing or empty: the key is required"},
    {"pods.NAME.tasks.NAME.gpus", TASK_CPU("gpus: 2"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/1/name", "\"gpus\"",
     TASK_CPU("gpus: 0"),
     "svc.yml:10:15: pods.p.tasks.t.gpus: the value is 0: more than 0 is wanted"},
    {"pods.NAME.tasks.NAME.memory", TASK_CPU("memory: 5"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/1/name", "\"mem\"",
     TASK_CPU("memory: 5000000000"),
     "svc.yml:10:17: pods.p.tasks.t.memory: '5000000000' is too large: it must fit into 32 bits"},
    {"pods.NAME.tasks.NAME.ports", TASK_CPU("ports: {x: {port: 0}}"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/1/port-name", "\"x\"",
     TASK_CPU("ports: {x: {port: 5}, y: {port: 5}}"),
     "svc.yml:10:34: pods.p.tasks.t.ports.y: port 'x' has the number 5 too: each number may stand "
     "once in a task"},
    {"pods.NAME.tasks.NAME.ports.NAME.port", TASK_CPU("ports: {x: {port: 5}}"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/1/value/ranges/range",
     "[{\"begin\":5,\"end\":5}]", TASK_CPU("ports: {x: {}}"),
     "svc.yml:10:20: pods.p.tasks.t.ports.x.port: is missing or empty: the key is required"},
    {"pods.NAME.tasks.NAME.ports.NAME.env-key", TASK_CPU("ports: {x: {port: 5, env-key: K}}"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/1/env-key", "\"K\"",
     TASK_CPU("ports: {x: {port: 5, env-key: {}}}"),
     "svc.yml:10:39: pods.p.tasks.t.ports.x.env-key: is a mapping: text is wanted"},
    {"pods.NAME.tasks.NAME.ports.NAME.advertise",
     TASK_CPU("ports: {x: {port: 5, advertise: true}}"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/1/visibility", "\"EXTERNAL\"",
     TASK_CPU("ports: {x: {port: 5, advertise: si}}"),
     "svc.yml:10:41: pods.p.tasks.t.ports.x.advertise: 'si' is no boolean: true or false is "
     "wanted"},
    {"pods.NAME.tasks.NAME.ports.NAME.vip", TASK_CPU("ports: {x: {port: 5, vip: {}}}"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/1/vip-name", "\"x\"",
     TASK_CPU("ports: {x: {port: 5, vip: a}}"),
     "svc.yml:10:35: pods.p.tasks.t.ports.x.vip: is a plain value: a mapping is wanted"},
    {"pods.NAME.tasks.NAME.ports.NAME.vip.prefix",
     TASK_CPU("ports: {x: {port: 5, vip: {prefix: v}}}"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/1/vip-name", "\"v\"",
     TASK_CPU("ports: {x: {port: 5, vip: {prefix: y}}, y: {port: 6}}"),
     "svc.yml:10:20: pods.p.tasks.t.ports.x: the VIP prefix 'y' is also the name of a port: a VIP "
     "prefix must not be the name of another port"},
    {"pods.NAME.tasks.NAME.ports.NAME.vip.port", TASK_CPU("ports: {x: {port: 5, vip: {port: 7}}}"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/1/vip-port", "7",
     TASK_CPU("ports: {x: {port: 5, vip: {port: -1}}}"),
     "svc.yml:10:42: pods.p.tasks.t.ports.x.vip.port: -1 is no port number: a port is 0 to 65535"},
    {"pods.NAME.tasks.NAME.ports.NAME.ranges", TASK_CPU("ports: {x: {port: 0, ranges: [{}]}}"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/1/ranges",
     "[{\"begin\":0,\"end\":65535}]", TASK_CPU("ports: {x: {port: 0, ranges: {}}}"),
     "svc.yml:10:38: pods.p.tasks.t.ports.x.ranges: is a mapping: a list is wanted, as [ a, b ]"},
    {"pods.NAME.tasks.NAME.ports.NAME.ranges[0].begin",
     TASK_CPU("ports: {x: {port: 0, ranges: [{begin: 5}]}}"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/1/ranges",
     "[{\"begin\":5,\"end\":65535}]",
     TASK_CPU("ports: {x: {port: 0, ranges: [{begin: 5, end: 4}]}}"),
     "svc.yml:10:39: pods.p.tasks.t.ports.x.ranges[0]: invalid range 5-4: begin must not exceed "
     "end"},
    {"pods.NAME.tasks.NAME.ports.NAME.ranges[0].end",
     TASK_CPU("ports: {x: {port: 0, ranges: [{end: 5}]}}"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/1/ranges",
     "[{\"begin\":0,\"end\":5}]", TASK_CPU("ports: {x: {port: 0, ranges: [{end: 65536}]}}"),
     "svc.yml:10:45: pods.p.tasks.t.ports.x.ranges[0].end: 65536 is no port number: a port is 0 to "
     "65535"},
    {"pods.NAME.tasks.NAME.volume", TASK_CPU("volume: {path: a, type: ROOT, size: 1}"),
     "pod-specs/0/task-specs/0/resource-set/volume-specifications/0/container-path", "\"a\"",
     TASK_CPU("volume: {path: a, type: ROOT, size: 1, profiles: [x]}"),
     "svc.yml:10:58: pods.p.tasks.t.volume.profiles: a volume of type ROOT cannot have profiles: "
     "only MOUNT volumes have profiles"},
    {"pods.NAME.tasks.NAME.volumes", TASK_CPU("volumes: {v: {path: a, type: PATH, size: 1}}"),
     "pod-specs/0/task-specs/0/resource-set/volume-specifications/0/type", "\"MOUNT\"",
     TASK_CPU("volumes: {v: {path: a, type: ROOT, size: 1}, w: {path: a, type: ROOT, size: 1}}"),
     "svc.yml:10:57: pods.p.tasks.t.volumes.w: another volume has the path 'a': the paths of "
     "volumes differ"},
    {"pods.NAME.tasks.NAME.resource-limits", TASK_CPU("resource-limits: {}"),
     "pod-specs/0/task-specs/0/resource-set/resource-limits", "{\"cpus\":null,\"memory\":null}",
     TASK_CPU("resource-limits: x"),
     "svc.yml:10:26: pods.p.tasks.t.resource-limits: is a plain value: a mapping is wanted"},
    {"pods.NAME.tasks.NAME.resource-limits.cpus", TASK_CPU("resource-limits: {cpus: ' 2.5 '}"),
     "pod-specs/0/task-specs/0/resource-set/resource-limits", "{\"cpus\":\"2.5\",\"memory\":null}",
     TASK_CPU("resource-limits: {cpus: inf}"),
     "svc.yml:10:33: pods.p.tasks.t.resource-limits.cpus: 'inf' is no limit: a number or "
     "'unlimited' is wanted"},
    {"pods.NAME.tasks.NAME.resource-limits.memory",
     TASK_CPU("resource-limits: {memory: unlimited}"),
     "pod-specs/0/task-specs/0/resource-set/resource-limits",
     "{\"cpus\":null,\"memory\":\"unlimited\"}", TASK_CPU("resource-limits: {memory: 1x}"),
     "svc.yml:10:35: pods.p.tasks.t.resource-limits.memory: '1x' is no limit: a number or "
     "'unlimited' is wanted"},
    {"pods.NAME.tasks.NAME.health-check",
     TASK_CPU("health-check: {cmd: h, interval: 1, grace-period: 2, delay: 3, timeout: 4, "
              "max-consecutive-failures: 5}"),
     "pod-specs/0/task-specs/0/health-check-spec",
     "{\"command\":\"h\",\"max-consecutive-failures\":5,\"delay\":3,\"interval\":1,\"timeout\":4,"
     "\"grace-period\":2,\"gracePeriod\":2}",
     TASK_CPU("health-check: {}"),
     "svc.yml:10:23: pods.p.tasks.t.health-check.cmd: is missing or empty: the key is required"},
    {"pods.NAME.tasks.NAME.health-check.cmd",
     TASK_CPU("health-check: {cmd: h, interval: 1, grace-period: 2, delay: 3, timeout: 4, "
              "max-consecutive-failures: 5}"),
     "pod-specs/0/task-specs/0/health-check-spec/command", "\"h\"",
     TASK_CPU("health-check: {cmd: '', interval: 1, grace-period: 2, delay: 3, timeout: 4, "
              "max-consecutive-failures: 5}"),
     "svc.yml:10:29: pods.p.tasks.t.health-check.cmd: the command is empty: a command is wanted"},
    {"pods.NAME.tasks.NAME.health-check.interval",
     TASK_CPU("health-check: {cmd: h, interval: 1, grace-period: 2, delay: 3, timeout: 4, "
              "max-consecutive-failures: 5}"),
     "pod-specs/0/task-specs/0/health-check-spec/interval", "1",
     TASK_CPU("health-check: {cmd: h, interval: -1, grace-period: 2, delay: 3, timeout: 4, "
              "max-consecutive-failures: 5}"),
     "svc.yml:10:42: pods.p.tasks.t.health-check.interval: -1 is too small: 0 or more is wanted"},
    {"pods.NAME.tasks.NAME.health-check.grace-period",
     TASK_CPU("health-check: {cmd: h, interval: 1, grace-period: 2, delay: 3, timeout: 4, "
              "max-consecutive-failures: 5}"),
     "pod-specs/0/task-specs/0/health-check-spec/gracePeriod", "2",
     TASK_CPU("health-check: {cmd: h, interval: 1, grace-period: -1, delay: 3, timeout: 4, "
              "max-consecutive-failures: 5}"),
     "svc.yml:10:59: pods.p.tasks.t.health-check.grace-period: -1 is too small: 0 or more is "
     "wanted"},
    {"pods.NAME.tasks.NAME.health-check.delay",
     TASK_CPU("health-check: {cmd: h, interval: 1, grace-period: 2, delay: 3, timeout: 4, "
              "max-consecutive-failures: 5}"),
     "pod-specs/0/task-specs/0/health-check-spec/delay", "3",
     TASK_CPU("health-check: {cmd: h, interval: 1, grace-period: 2, timeout: 4, "
              "max-consecutive-failures: 5}"),
     "svc.yml:10:23: pods.p.tasks.t.health-check.delay: is missing or empty: the key is required"},
    {"pods.NAME.tasks.NAME.health-check.timeout",
     TASK_CPU("health-check: {cmd: h, interval: 1, grace-period: 2, delay: 3, timeout: 4, "
              "max-consecutive-failures: 5}"),
     "pod-specs/0/task-specs/0/health-check-spec/timeout", "4",
     TASK_CPU("health-check: {cmd: h, interval: 1, grace-period: 2, delay: 3, timeout: 1:30, "
              "max-consecutive-failures: 5}"),
     "svc.yml:10:81: pods.p.tasks.t.health-check.timeout: '1:30' is no whole number: a whole "
     "number such as 3 is wanted"},
    {"pods.NAME.tasks.NAME.health-check.max-consecutive-failures",
     TASK_CPU("health-check: {cmd: h, interval: 1, grace-period: 2, delay: 3, timeout: 4, "
              "max-consecutive-failures: 5}"),
     "pod-specs/0/task-specs/0/health-check-spec/max-consecutive-failures", "5",
     TASK_CPU("health-check: {cmd: h, interval: 1, grace-period: 2, delay: 3, timeout: 4, "
              "max-consecutive-failures: 0}"),
     "svc.yml:10:110: pods.p.tasks.t.health-check.max-consecutive-failures: 0 is too small: 1 or "
     "more is wanted"},
    {"pods.NAME.tasks.NAME.readiness-check",
     TASK_CPU("readiness-check: {cmd: h, interval: 1, delay: 3, timeout: 4}"),
     "pod-specs/0/task-specs/0/readiness-check-spec",
     "{\"command\":\"h\",\"delay\":3,\"interval\":1,\"timeout\":4}",
     TASK_CPU("readiness-check: [x]"),
     "svc.yml:10:26: pods.p.tasks.t.readiness-check: is a list: a mapping is wanted"},
    {"pods.NAME.tasks.NAME.readiness-check.cmd",
     TASK_CPU("readiness-check: {cmd: '', interval: 1, timeout: 2}"),
     "pod-specs/0/task-specs/0/readiness-check-spec",
     "{\"command\":\"\",\"delay\":0,\"interval\":1,\"timeout\":2}",
     TASK_CPU("readiness-check: {interval: 1, timeout: 2}"),
     "svc.yml:10:26: pods.p.tasks.t.readiness-check.cmd: is missing or empty: the key is required"},
    {"pods.NAME.tasks.NAME.readiness-check.interval",
     TASK_CPU("readiness-check: {cmd: h, interval: 1, delay: 3, timeout: 4}"),
     "pod-specs/0/task-specs/0/readiness-check-spec/interval", "1",
     TASK_CPU("readiness-check: {cmd: h, interval: -2, delay: 3, timeout: 4}"),
     "svc.yml:10:45: pods.p.tasks.t.readiness-check.interval: -2 is too small: 0 or more is "
     "wanted"},
    {"pods.NAME.tasks.NAME.readiness-check.delay",
     TASK_CPU("readiness-check: {cmd: h, interval: 1, delay: 3, timeout: 4}"),
     "pod-specs/0/task-specs/0/readiness-check-spec/delay", "3",
     TASK_CPU("readiness-check: {cmd: h, interval: 1, delay: -2, timeout: 4}"),
     "svc.yml:10:55: pods.p.tasks.t.readiness-check.delay: -2 is too small: 0 or more is wanted"},
    {"pods.NAME.tasks.NAME.readiness-check.timeout",
     TASK_CPU("readiness-check: {cmd: h, interval: 1, delay: 3, timeout: 4}"),
     "pod-specs/0/task-specs/0/readiness-check-spec/timeout", "4",
     TASK_CPU("readiness-check: {cmd: h, interval: 1, delay: 3}"),
     "svc.yml:10:26: pods.p.tasks.t.readiness-check.timeout: is missing or empty: the key is "
     "required"},
    {"pods.NAME.tasks.NAME.discovery", TASK_CPU("discovery: {}"),
     "pod-specs/0/task-specs/0/discovery-spec", "{\"prefix\":null,\"visibility\":\"CLUSTER\"}",
     TASK_CPU("discovery: x"),
     "svc.yml:10:20: pods.p.tasks.t.discovery: is a plain value: a mapping is wanted"},
    {"pods.NAME.tasks.NAME.discovery.prefix", TASK_CPU("discovery: {prefix: d}"),
     "pod-specs/0/task-specs/0/discovery-spec/prefix", "\"d\"",
     TASK_CPU("discovery: {prefix: [d]}"),
     "svc.yml:10:29: pods.p.tasks.t.discovery.prefix: is a list: text is wanted"},
    {"pods.NAME.tasks.NAME.discovery.visibility", TASK_CPU("discovery: {visibility: EXTERNAL}"),
     "pod-specs/0/task-specs/0/discovery-spec/visibility", "\"EXTERNAL\"",
     TASK_CPU("discovery: {visibility: external}"),
     "svc.yml:10:33: pods.p.tasks.t.discovery.visibility: unknown value 'external': one of "
     "FRAMEWORK, CLUSTER, EXTERNAL"},
    {"pods.NAME.tasks.NAME.kill-grace-period", TASK_CPU("kill-grace-period: 3600"),
     "pod-specs/0/task-specs/0/kill-grace-period", "3600", TASK_CPU("kill-grace-period: 3601"),
     "svc.yml:10:28: pods.p.tasks.t.kill-grace-period: 3601 is out of range: 0 to 3600 seconds are "
     "allowed"},
    {"pods.NAME.tasks.NAME.transport-encryption",
     TASK_CPU("transport-encryption: [{name: n, type: TLS}]"),
     "pod-specs/0/task-specs/0/transport-encryption", "[{\"name\":\"n\",\"type\":\"TLS\"}]",
     TASK_CPU("transport-encryption: {name: n, type: TLS}"),
     "svc.yml:10:31: pods.p.tasks.t.transport-encryption: is a mapping: a list is wanted, as [ a, "
     "b ]"},
    {"pods.NAME.tasks.NAME.transport-encryption[0].name",
     TASK_CPU("transport-encryption: [{name: n, type: KEYSTORE}]"),
     "pod-specs/0/task-specs/0/transport-encryption/0/name", "\"n\"",
     TASK_CPU("transport-encryption: [{name: ' ', type: TLS}]"),
     "svc.yml:10:32: pods.p.tasks.t.transport-encryption[0]: the name is blank: a name is wanted"},
    {"pods.NAME.tasks.NAME.transport-encryption[0].type",
     TASK_CPU("transport-encryption: [{name: n, type: KEYSTORE}]"),
     "pod-specs/0/task-specs/0/transport-encryption/0/type", "\"KEYSTORE\"",
     TASK_CPU("transport-encryption: [{name: n, type: tls}]"),
     "svc.yml:10:48: pods.p.tasks.t.transport-encryption[0].type: unknown value 'tls': one of TLS, "
     "KEYSTORE"},
    {"pods.NAME.tasks.NAME.ipc-mode", TASK_CPU("ipc-mode: SHARE_PARENT"),
     "pod-specs/0/task-specs/0/ipc-mode", "\"SHARE_PARENT\"", TASK_CPU("ipc-mode: PUBLIC"),
     "svc.yml:10:19: pods.p.tasks.t.ipc-mode: unknown value 'PUBLIC': one of PRIVATE, "
     "SHARE_PARENT"},
    {"pods.NAME.tasks.NAME.shm-size", TASK_CPU("ipc-mode: PRIVATE\n        shm-size: 5"),
     "pod-specs/0/task-specs/0/shm-size", "5",
     TASK_CPU("ipc-mode: SHARE_PARENT\n        shm-size: 5"),
     "svc.yml:11:19: pods.p.tasks.t.shm-size: shm-size does not apply with SHARE_PARENT: leave it "
     "out"},
    {"pods.NAME.tasks.NAME.cpus", TASK("cpus: 1e-1"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/0/value/scalar/value", "0.1",
     TASK("cpus: .inf"),
     "svc.yml:9:15: pods.p.tasks.t.cpus: '.inf' is no number: a number such as 0.5 is wanted"},
    {"pods.NAME.tasks.NAME.resource-set",
     "name: s\npods: {p: {count: 1, resource-sets: {node: {cpus: 1}}, tasks: {t: {goal: RUNNING, "
     "cmd: c, resource-set: node}}}}\n",
     "pod-specs/0/task-specs/0/resource-set/id", "\"node\"",
     "name: s\npods: {p: {count: 1, resource-sets: {node: {cpus: 1}}, tasks: {t: {goal: RUNNING, "
     "cmd: c, resource-set: nod}}}}\n",
     "svc.yml:2:105: pods.p.tasks.t.resource-set: there is no resource set 'nod': did you mean "
     "'node'?"},
    {"plans.NAME.strategy", SERVICE("plans: {deploy: {strategy: parallel, phases: {f: {pod: p}}}}"),
     "plans/deploy/strategy", "\"parallel\"",
     SERVICE("plans: {deploy: {strategy: canary, phases: {f: {pod: p}}}}"),
     "svc.yml:2:28: plans.deploy.strategy: unknown value 'canary': one of serial, parallel"},
    {"plans.NAME.phases", SERVICE("plans: {deploy: {phases: {f: {pod: p}}}}"),
     "plans/deploy/phases", "{\"f\":{\"pod\":\"p\"}}",
     SERVICE("plans: {deploy: {strategy: serial}}"),
     "svc.yml:2:17: plans.deploy.phases: is missing or empty: a mapping is wanted"},
    {"plans.NAME.phases.NAME.pod", SERVICE("plans: {deploy: {phases: {f: {pod: p}}}}"),
     "plans/deploy/phases/f/pod", "\"p\"", SERVICE("plans: {deploy: {phases: {f: {pod: q}}}}"),
     "svc.yml:2:36: plans.deploy.phases.f.pod: there is no pod 'q': name one of the pods"},
    {"plans.NAME.phases.NAME.strategy",
     SERVICE("plans: {deploy: {phases: {f: {pod: p, strategy: parallel-canary}}}}"),
     "plans/deploy/phases/f/strategy", "\"parallel-canary\"",
     SERVICE("plans: {deploy: {phases: {f: {pod: p, strategy: fast}}}}"),
     "svc.yml:2:49: plans.deploy.phases.f.strategy: unknown value 'fast': one of serial, parallel, "
     "serial-canary, canary, parallel-canary"},
    {"plans.NAME.phases.NAME.steps",
     SERVICE("plans: {deploy: {phases: {f: {pod: p, steps: [{default: [[t]]}]}}}}"),
     "plans/deploy/phases/f/steps", "[{\"default\":[[\"t\"]]}]",
     SERVICE("plans: {deploy: {phases: {f: {pod: p, steps: [{default: [t]}]}}}}"),
     "svc.yml:2:58: plans.deploy.phases.f.steps[0].default[0]: is no list of tasks: each step is a "
     "list of tasks, as [[a, b]]"},
    {"pods.NAME.resource-sets.NAME.cpus", SET("cpus: .5"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/0/value/scalar/value", "0.5",
     SET("cpus: 0"),
     "svc.yml:6:17: pods.p.resource-sets.r.cpus: the value is 0: more than 0 is wanted"},
    {"pods.NAME.resource-sets.NAME.gpus", SET("gpus: 1"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/0/name", "\"gpus\"",
     SET("gpus: -1"),
     "svc.yml:6:17: pods.p.resource-sets.r.gpus: the value is -1: more than 0 is wanted"},
    {"pods.NAME.resource-sets.NAME.memory", SET("memory: 2.7"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/0/value/scalar/value", "2.0",
     SET("memory: 0.5"),
     "svc.yml:6:19: pods.p.resource-sets.r.memory: the value is 0: more than 0 is wanted"},
    {"pods.NAME.resource-sets.NAME.ports", SET("ports: {x: {port: 1}}"),
     "pod-specs/0/task-specs/0/resource-set/resource-specifications/0/port-name", "\"x\"",
     SET("ports: {x: }"),
     "svc.yml:6:22: pods.p.resource-sets.r.ports.x: is missing or empty: a mapping is wanted"},
    {"pods.NAME.resource-sets.NAME.volume", SET("cpus: 1, volume: {path: a, type: ROOT, size: 1}"),
     "pod-specs/0/task-specs/0/resource-set/volume-specifications/0/type", "\"ROOT\"",
     SET("volume: {path: a, type: ROOT, size: 1}"),
     "svc.yml:6:10: pods.p.resource-sets.r: there are no resources: at least one of cpus, gpus, "
     "memory and ports is wanted"},
    {"pods.NAME.resource-sets.NAME.volumes",
     SET("cpus: 1, volumes: {v: {path: a, type: ROOT, size: 1}}"),
     "pod-specs/0/task-specs/0/resource-set/volume-specifications/0/container-path", "\"a\"",
     SET("cpus: 1, volume: {path: a, type: ROOT, size: 1}, volumes: {}"),
     "svc.yml:6:28: pods.p.resource-sets.r.volume: 'volume' and 'volumes' stand together: use one "
     "of them"},
    {"pods.NAME.resource-sets.NAME.resource-limits", SET("cpus: 1, resource-limits: {cpus: 2}"),
     "pod-specs/0/task-specs/0/resource-set/resource-limits", "{\"cpus\":\"2\",\"memory\":null}",
     SET("cpus: 1, resource-limits: {mem: 1}"),
     "svc.yml:6:38: pods.p.resource-sets.r.resource-limits.mem: unknown key: known are cpus, "
     "memory"},
};

static void test_rows(void)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const int before = tap_failures;
        check_value(rows[i].valid, rows[i].at, rows[i].want);
        check_error(rows[i].invalid, rows[i].error);
        if (tap_failures != before)
            printf("# in the row of %s\n", rows[i].path);
    }
}

static void check_listed(const struct schema_key *keys, const char *prefix)
{
    for (const struct schema_key *key = keys; key->name; key++) {
        auto_free char *path = xasprintf("%s%s%s", prefix, *prefix ? "." : "", key->name);
        bool listed = false;
        /* Volumes and the like are the same keys in several places: one row is enough. */
        for (size_t i = 0; i < ARRAY_LEN(rows) && !listed; i++)
            listed = schema_at(rows[i].path) == key;
        if (!listed)
            printf("# no row for %s\n", path);
        CHECK(listed);
        if (!key->child)
            continue;
        auto_free char *below = xasprintf("%s%s", path,
                                          key->shape == SCHEMA_MAP    ? ".NAME"
                                          : key->shape == SCHEMA_LIST ? "[0]"
                                                                      : "");
        CHECK(schema_at(below) == key);
        check_listed(key->child, below);
    }
}

static void test_all_keys(void)
{
    check_listed(schema_service, "");
    CHECK(schema_at("pods.x.nothing") == NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(schema_at(rows[i].path) != NULL);
}

TAP_MAIN(TEST(test_rows), TEST(test_all_keys))
