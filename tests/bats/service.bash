# A whole service on a local Mesos, for end-to-end suites: `load service` behind `load helpers`.
# start_local, hello_env, start_scheduler, wait_complete, and what to compare afterwards.

start_local() { # [OPTION...]: sets DSE_MASTER
    local port=$BATS_TEST_TMPDIR/port
    start_bg local dse-local --agents 3 --port 0 --port-file "$port" \
        --work-dir "$BATS_TEST_TMPDIR/mesos" --no-switch-user --allocation-interval 0.05 "$@"
    retry 10 test -s "$port"
    export DSE_MASTER=http://127.0.0.1:$(cat "$port")
}

hello_env() {
    export FRAMEWORK_NAME=hello SERVICE_USER=root HELLO_COUNT=2 HELLO_CPUS=0.5 HELLO_COLOUR=red
    export HELLO_PLACEMENT='[["hostname","MAX_PER","1"]]' HELLO_STRATEGY=serial HELLO_PORT=8180
    export DSE_STORE=dir:$BATS_TEST_TMPDIR/state DSE_RUN_DIR=$BATS_TEST_TMPDIR/run
    export DSE_REVIVE_INTERVAL_MS=50 DSE_API_HOST=127.0.0.1
}

start_scheduler() { start_bg scheduler dse-scheduler "$TOP/tests/data/hello/svc.yml"; }

deploy_is_complete() { [ "$(dse-plan show deploy 2>&1 | head -1)" = "deploy (serial strategy) (COMPLETE)" ]; }
wait_complete() { retry "${1:-30}" deploy_is_complete; }

# Resource ids that the records hold, and those that the agents hold, one a line, sorted.
recorded_ids() {
    dse-state tasks -o name | while read -r task; do dse-state task "$task"; done |
        jq -r '.. | objects | select(.key? == "resource_id") | .value' | sort -u
}
reserved_ids() {
    curl -sf "$DSE_MASTER/state" | jq -r '.. | objects | select(.key? == "resource_id") | .value' | sort -u
}
nothing_leaked() {
    recorded_ids >"$BATS_TEST_TMPDIR/recorded"
    reserved_ids >"$BATS_TEST_TMPDIR/reserved"
    [ -s "$BATS_TEST_TMPDIR/recorded" ] &&
        diff "$BATS_TEST_TMPDIR/recorded" "$BATS_TEST_TMPDIR/reserved"
}
# How often tasks were started on all agents together.
starts() { cat "$BATS_TEST_TMPDIR"/mesos/*/volumes/roles/*/*/starts 2>/dev/null | grep -c hello; }
pid_of() { pgrep -P "$(cat "$BATS_TEST_TMPDIR/scheduler.pid")" -x "$1"; }

# The scheduler's pipe, once, without the script that would start it anew; NAME=VALUE for the worker,
# which is dse-offers or $WORKER.
start_pipe() {
    rm -f "$DSE_RUN_DIR/calls"
    mkfifo "$DSE_RUN_DIR/calls"
    # In a subshell of its own, so that bash does not tell of each killed worker.
    (exec 2>/dev/null; dse-mesos --backoff 50ms <"$DSE_RUN_DIR/calls" 2>>"$DSE_RUN_DIR/mesos.log" |
        env "$@" "${WORKER:-dse-offers}" >"$DSE_RUN_DIR/calls" 2>>"$DSE_RUN_DIR/offers.log") 3>&- &
    pipe=$!
}
stop_pipe() {
    [ -n "${pipe:-}" ] || return 0
    pkill -P "$pipe" || true
    wait "$pipe" 2>/dev/null || true
    pipe=''
}

# ---- kill -9 at the crash points of a deployment and of an update ----
# Each cut is a service of its own, hello0 and so on, on the same agents and the store $CUT_STORE followed
# by its name. DSE_CUT_STRIDE=1 cuts at every point, else each $STRIDE-th, beginning somewhere else each time.

cut_env() {
    export HELLO_STRATEGY=parallel HELLO_PORT=0 HELLO_CPUS=0.1 DSE_REVIVE_INTERVAL_MS=20
}
cut_stride() { echo "${DSE_CUT_STRIDE:-$1}"; }
deployed() { [ "$(dse-state property get last-completed-update-type 2>/dev/null)" = DEPLOY ]; }
# All tasks are ready with a target that is not $OLD_TARGET.
updated() {
    local target
    target=$(dse-state config target 2>/dev/null) && [ "$target" != "$OLD_TARGET" ] &&
        dse-state tasks -o json | jq -e --arg t "$target" 'length == 2 and all(.config == $t and .ready)' >/dev/null
}
ended_or() { ! kill -0 "$pipe" 2>/dev/null || "$@"; }
# Reservations of this cut's service only.
nothing_of_it_leaked() {
    recorded_ids >"$DSE_RUN_DIR/recorded"
    curl -sf "$DSE_MASTER/state" | jq -r --arg role "$FRAMEWORK_NAME-role" '.. | objects
        | select(.role? == $role) | .labels?.labels[]? | select(.key == "resource_id") | .value' |
        sort -u >"$DSE_RUN_DIR/reserved"
    [ "$(wc -l <"$DSE_RUN_DIR/recorded")" -eq 16 ] && diff "$DSE_RUN_DIR/recorded" "$DSE_RUN_DIR/reserved"
}
its_starts() { # what its pods noted in their volumes: each task, each colour once
    cat "$BATS_TEST_TMPDIR"/mesos/*/volumes/roles/"$FRAMEWORK_NAME-role"/*/starts | grep hello | sort | tr '\n' ' '
}
starts_are() { [ "$(its_starts)" = "$1" ]; }
cut_failed() { echo "cut $1: $2"; tail -n 5 "$DSE_RUN_DIR"/*.log; return 1; }
# cut_once N deploy|update: the worker dies at its N-th point; a new one goes on and ends the work.
# Returns 2 when the run was over before that point.
cut_once() {
    local n=$1 finished=1
    export FRAMEWORK_NAME=hello$2$n DSE_RUN_DIR=$BATS_TEST_TMPDIR/$2$n DSE_STORE=${CUT_STORE}hello$2$n
    mkdir -p "$DSE_RUN_DIR"
    dse-render "$TOP/tests/data/hello/svc.yml" | dse-plan update >/dev/null
    start_pipe DSE_CRASH_AT="$n" DSE_CRASH_COUNT="$DSE_RUN_DIR/count"
    retry 30 ended_or deployed || cut_failed "$n" hangs || return 1
    if [ "$2" = update ]; then
        if ! kill -0 "$pipe" 2>/dev/null; then # it was among the last of the deployment
            finished=0
            start_pipe DSE_CRASH_AT=
            retry 30 deployed || cut_failed "$n" 'did not converge' || return 1
        fi
        [ "$n" -ne 0 ] || cp "$DSE_RUN_DIR/count" "$BATS_TEST_TMPDIR/first"
        OLD_TARGET=$(dse-state config target)
        HELLO_COLOUR=blue dse-render "$TOP/tests/data/hello/svc.yml" | dse-plan update >/dev/null
        retry 30 ended_or updated || cut_failed "$n" hangs || return 1
    fi
    if ! kill -0 "$pipe" 2>/dev/null; then
        finished=0
        wait "$pipe" || true
        start_pipe DSE_CRASH_AT=
        if [ "$2" = update ]; then retry 30 updated; else retry 30 deployed; fi ||
            cut_failed "$n" 'did not converge' || return 1
    fi
    retry 10 nothing_of_it_leaked || cut_failed "$n" leaked || return 1
    local starts='hello-0-server red hello-1-server red ' # in the pods' volumes
    [ "$2" = deploy ] || starts='hello-0-server blue hello-0-server red hello-1-server blue hello-1-server red '
    retry 10 starts_are "$starts" || { echo "cut $n: starts: $(its_starts)"; return 1; }
    stop_pipe
    [ $finished -eq 0 ] || return 2
}
# cut_all deploy|update STRIDE LEAST: until a run finishes; there are more than LEAST points.
cut_all() {
    local stride n least=$3 status
    stride=$(cut_stride "$2")
    n=$((1 + RANDOM % stride))
    if [ "$1" = update ]; then # the points of the deployment before it are not cut here
        cut_once 0 update || [ $? -eq 2 ]
        n=$(($(cat "$BATS_TEST_TMPDIR/first") + n)) least=$(($(cat "$BATS_TEST_TMPDIR/first") + least))
    fi
    echo "first cut: $n"
    for (( ; n < 1000; n += stride)); do
        status=0
        cut_once "$n" "$1" || status=$?
        [ $status -ne 1 ] || return 1
        [ $status -ne 2 ] || { [ "$n" -gt "$least" ]; return; }
    done
    echo 'no run finished'
    return 1
}

# ---- the service of the demo ----

# dse_env: the demo's environment, as Marathon would set it, with the archives of this build.
dse_env() {
    dse-render app "$TOP/universe/datastax-dse" >"$BATS_TEST_TMPDIR/app.json"
    jq -r '.env | to_entries[] | select(.value | type == "string") | "export \(.key)=\(.value | @sh)"' \
        "$BATS_TEST_TMPDIR/app.json" >"$BATS_TEST_TMPDIR/env"
    sed 's/^/export /' "$BUILD/share/local.env" >>"$BATS_TEST_TMPDIR/env"
    # shellcheck disable=SC1091 # made above
    . "$BATS_TEST_TMPDIR/env"
    export DSE_REVIVE_INTERVAL_MS=50 DSE_API_HOST=127.0.0.1 MARATHON_APP_ID=/datastax-dse
}

# cluster DIR NUMBER: a local Mesos whose agents have addresses of their own, since nodes use fixed ports.
cluster() {
    local BATS_TEST_TMPDIR=$1
    jq -n --argjson n "$2" '"127.\(7 + ($n / 250 | floor)).\($n % 250)." as $net
        | {agents: [range(1; 4) | {name: "agent\(.)", ip: "\($net)\(.)", cpus: 8, mem: 16384, disk: 65536}]}' \
        >"$1/topology.json"
    start_bg local dse-local --topology "$1/topology.json" --port 0 --port-file "$1/port" \
        --work-dir "$1/mesos" --no-switch-user --allocation-interval 50ms
    retry 10 test -s "$1/port"
    DSE_MASTER=http://127.0.0.1:$(cat "$1/port")
    export DSE_MASTER DSE_STORE=dir:$1/state DSE_RUN_DIR=$1/run
    mkdir -p "$1/run"
}
