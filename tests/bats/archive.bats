#!/usr/bin/env bats
# The relocatable archive, and the packages' Marathon apps: unpacked elsewhere, the app's command with the app's
# environment, as Marathon and Mesos would set it, deploys the service.

load helpers
load service

setup() {
    SANDBOX=$BATS_TEST_TMPDIR/sandbox
    mkdir "$SANDBOX"
    [ -s "$BUILD/share/dse-toolkit.tar.gz" ] || { echo "no archive: make toolkit"; return 1; }
    tar xzf "$BUILD/share/dse-toolkit.tar.gz" -C "$SANDBOX"
    cd "$SANDBOX" || return 1
    # Nothing of the build: neither its programs nor a library path.
    clean="env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8"
}
teardown() { stop_bg app; stop_bg local; stop_all; }

# A port that was free a moment ago.
free_port() {
    start_bg probe dse-node-standin serve --port 0
    retry 10 grep -q listening "$BATS_TEST_TMPDIR/probe.out"
    sed 's/.*://' "$BATS_TEST_TMPDIR/probe.out"
    stop_bg probe
}

@test "programs find their libraries beside themselves; only glibc is the system's" {
    for program in dse-toolkit/bin/*; do
        case $program in */dse-scheduler) continue ;; esac
        $clean "$program" --version >/dev/null 2>&1 || $clean "$program" -version >/dev/null
        ldd "$program" | awk '$2 == "=>" { print $3 }' | grep -v "^$SANDBOX/dse-toolkit/" | sed 's,.*/,,' || true
    done | sort -u >outside
    [ -z "$(grep -v '^lib\(c\|m\|resolv\|dl\|rt\|pthread\)\.so\.[0-9]*$' outside)" ] || { cat outside; return 1; }
    # Without the folder they do not start: the libraries used are those.
    mv dse-toolkit/lib away
    mkdir dse-toolkit/lib
    for library in away/*; do : >"dse-toolkit/lib/$(basename "$library")"; done
    run -127 $clean dse-toolkit/bin/dse-plan --version
}

@test "the archive is the same whenever it is made, owned by root, without odd modes" {
    [ -z "$(tar tvzf "$BUILD/share/dse-toolkit.tar.gz" | awk '$2 != "0/0" || $1 !~ /^(-rw-r--r--|-rwxr-xr-x|drwxr-xr-x|l)/')" ]
    $clean dse-toolkit/bin/dse-scheduler --version | grep -qx 'dse-scheduler [0-9.]*'
    # What it holds works from there, manuals included.
    [ -f dse-toolkit/share/man/man1/dse-plan.1 ]
    $clean dse-toolkit/bin/dse-render app dse-toolkit/share/dse-toolkit/universe/datastax-dse >app.json
    json '.env.DSE_NODE_POD_COUNT == "3"' app.json
}

# run_app PACKAGE OPTIONS_JSON [NAME=VALUE...]: what Marathon and Mesos do with the package's app, as process `app`.
run_app() {
    local package=$1 options=$2 port
    shift 2
    printf '%s\n' "$options" >options.json
    $clean dse-toolkit/bin/dse-render app "dse-toolkit/share/dse-toolkit/universe/$package" --options options.json >app.json
    json '.cpus == 0.1 and .mem == 32 and .instances == 1' app.json
    json '.portDefinitions == [{"port": 0, "protocol": "tcp", "name": "api", "labels": {"VIP_0": ("/api." + .id + ":80")}}]' app.json
    json '.healthChecks == [{"protocol": "MESOS_HTTP", "path": "/v1/health", "portIndex": 0, "gracePeriodSeconds": 900,
        "intervalSeconds": 30, "timeoutSeconds": 30, "maxConsecutiveFailures": 0}]
        and .upgradeStrategy == {"minimumHealthCapacity": 0, "maximumOverCapacity": 0}' app.json
    json '.labels == {"DCOS_COMMONS_API_VERSION": "v1", "DCOS_COMMONS_UNINSTALL": "true", "DCOS_PACKAGE_FRAMEWORK_NAME": .id,
        "DCOS_SERVICE_NAME": .id, "DCOS_SERVICE_PORT_INDEX": "0", "DCOS_SERVICE_SCHEME": "http", "MARATHON_SINGLE_INSTANCE_APP": "true"}' app.json
    # The archive is what it fetches, and its command stays in the sandbox.
    json '[.fetch[].uri | split("/")[-1]] == ["dse-toolkit.tar.gz"] and (.cmd | startswith("exec dse-toolkit/bin/dse-scheduler "))' app.json
    jq -r '.env | to_entries[] | select(.value | type == "string") | "\(.key)=\(.value)"' app.json >app.env
    mapfile -t vars <app.env
    port=$(free_port)
    API=http://127.0.0.1:$port
    # Marathon's and Mesos's, then where this cluster differs from DC/OS.
    start_bg app $clean "${vars[@]}" PORT_API="$port" PORT0="$port" PORT="$port" PORTS="$port" "PORT_$port=$port" HOST=127.0.0.1 \
        MARATHON_APP_ID="/$(jq -r .id app.json)" MARATHON_APP_ENFORCE_GROUP_ROLE=FALSE \
        MARATHON_APP_LABEL_DCOS_SERVICE_NAME="$(jq -r .labels.DCOS_SERVICE_NAME app.json)" \
        MESOS_SANDBOX="$SANDBOX" MESOS_TASK_ID=app.1 LIBPROCESS_IP=127.0.0.1 STATSD_UDP_HOST=127.0.0.1 STATSD_UDP_PORT=8125 \
        DSE_MASTER="$DSE_MASTER" DSE_STORE="dir:$BATS_TEST_TMPDIR/state" DSE_API_HOST=127.0.0.1 DSE_REVIVE_INTERVAL_MS=50 \
        TASKCFG_ALL_BOOTSTRAP_FLAGS=-resolve=false READINESS_CHECK_DELAY=0 READINESS_CHECK_INTERVAL=1 \
        BOOTSTRAP_URI="file://$SANDBOX/dse-toolkit/share/dse-toolkit/bootstrap.tar.gz" "$@" \
        sh -c "$(jq -r .cmd app.json)"
}

# Private and shared-by-share memory of the app's processes, in KB.
memory() {
    local pid total=0 part
    for pid in $(cat "$BATS_TEST_TMPDIR/app.pid") $(pgrep -P "$(cat "$BATS_TEST_TMPDIR/app.pid")"); do
        part=$(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup")
        total=$((total + part))
    done
    echo $total
}

@test "datastax-dse: the app deploys three nodes, is healthy, and stays within its 32 MB" {
    start_local --mem 16384 --disk 65536
    run_app datastax-dse '{"opscenter": {"poll_period": 77}}' \
        DATASTAX_SCRIPTS_URI="file://$SANDBOX/dse-toolkit/share/dse-toolkit/datastax-scripts.tar.gz"
    export DSE_STORE=dir:$BATS_TEST_TMPDIR/state
    wait_complete 60
    run -0 dse-plan show deploy
    [ "$output" = 'deploy (serial strategy) (COMPLETE)
└─ dse-phase (serial strategy) (COMPLETE)
   ├─ dse-0:[node, agent] (COMPLETE)
   ├─ dse-1:[node, agent] (COMPLETE)
   └─ dse-2:[node, agent] (COMPLETE)' ]
    [ "$(curl -s -o health -w '%{http_code}' "$API/v1/health")" = 200 ]
    # Tasks on other agents reach it, too, at whichever address.
    [ "$(curl -s -o health -w '%{http_code}' "${API/127.0.0.1/127.0.0.9}/v1/health")" = 200 ]
    # The templates came through the scheduler's API into each task.
    find "$BATS_TEST_TMPDIR/mesos" -type f -name address.yaml -exec grep -x 'poll_period: 77' {} + >polled || true
    [ "$(wc -l <polled)" -ge 3 ] || { find "$BATS_TEST_TMPDIR/mesos" -name 'address*'; return 1; }
    nothing_leaked
    [[ $BUILD == *san* ]] || [ "$(memory)" -lt 32768 ]
    # Marathon stops it with TERM.
    pid=$(cat "$BATS_TEST_TMPDIR/app.pid")
    kill -TERM "$pid"
    wait "$pid"
}

@test "datastax-ops: the app deploys OpsCenter's pod with its endpoint" {
    start_local --mem 16384 --disk 65536
    run_app datastax-ops '{"opscenter": {"ui": {"storagemap_ttl": 77}}}' \
        INIT_CLUSTER_URI="file://$SANDBOX/dse-toolkit/share/dse-toolkit/opscenter-scripts.tar.gz"
    export DSE_STORE=dir:$BATS_TEST_TMPDIR/state
    wait_complete 60
    run -0 dse-plan show deploy
    [ "$output" = 'deploy (serial strategy) (COMPLETE)
└─ opscenter-phase (serial strategy) (COMPLETE)
   └─ opscenter-0:[node] (COMPLETE)' ]
    [ "$(dse-pod endpoints -o name)" = opscenter ]
    dse-pod endpoints --json opscenter >endpoint.json
    json '.vip == "opscenter.datastax-ops.l4lb.thisdcos.directory:8888" and (.address | length) == 1' endpoint.json
    find "$BATS_TEST_TMPDIR/mesos" -type f -name opscenterd.conf -exec grep -x 'storagemap_ttl = 77' {} + >polled
    # The stand-in keeps its count on the volume.
    [ "$(find "$BATS_TEST_TMPDIR/mesos" -name starts -exec cat {} +)" = 1 ]
    nothing_leaked
}
