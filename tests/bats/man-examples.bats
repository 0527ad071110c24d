# What manuals show is run: each EXAMPLES section and the scripts of the section 7 pages, beside a deployed
# datastax-dse with three nodes.
load helpers
load service

setup_file() {
    local BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
    dse_env
    export PORT_API=$((20000 + RANDOM % 12000)) # below those that connections get
    cluster "$BATS_FILE_TMPDIR" 1000
    start_bg scheduler dse-scheduler "$TOP/universe/datastax-dse/svc.yml"
    dse-plan show deploy --wait=90 >/dev/null
    # The offers that all three agents made; later ones depend on what was going on.
    retry 10 test -s "$DSE_RUN_DIR/offers.ndjson"
    mkdir "$BATS_FILE_TMPDIR/offered"
    cp "$DSE_RUN_DIR/offers.ndjson" "$BATS_FILE_TMPDIR/offered"
    export -p | sed -n '/ BATS\| PWD=\| OLDPWD=/!s/^declare -x/export/p' >"$BATS_FILE_TMPDIR/exports"
}
teardown_file() {
    local BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
    stop_bg scheduler
    stop_all
}
setup() {
    # shellcheck disable=SC1091 # made above; the helpers unset part of it
    . "$BATS_FILE_TMPDIR/exports"
    ln -s "$TOP/universe" universe
}
# What an example leaves running is stopped by the pids that its shell noted.
teardown() {
    local pid
    for pid in $(cat jobs 2>/dev/null); do kill -TERM "$pid" 2>/dev/null && retry 30 has_ended "$pid"; done
    stop_all
}

# script PAGE SECTION: the commands of a section: its lines .Dl and blocks .Bd.
script() {
    awk -v want="$2" '
        /^\.Sh / { on = substr($0, 5) == want; next }
        !on { next }
        /^\.Bd / { block = 1; next }
        /^\.Ed/ { block = 0; next }
        block { print; next }
        /^\.Dl / { print substr($0, 5) }' "$TOP/man/$1" | sed 's/\\e/\\/g; s/^\\&//'
}
# example PAGE SECTION [SED]: runs them, edited; output in out, messages in err, and in failed each command whose
# status was not 0, with it.
example() {
    script "$1" "$2" | sed "${3:-}" >example.sh
    [ -s example.sh ]
    : >failed
    timeout 150 bash -u -c 'set -o pipefail -E
        trap '\''echo "$? $BASH_COMMAND" >>failed'\'' ERR
        trap '\''jobs -p >>jobs'\'' EXIT
        . ./example.sh' >out 2>err 3>&- || true
    sed -i '/ \. \.\/example\.sh$/d' failed
    cat example.sh out err failed # shown when the test fails
}
nothing_failed() { [ ! -s failed ]; }

@test "dse(7): examples" {
    example dse.7 EXAMPLES
    nothing_failed
    grep -qx '"datastax-dse"' out
    grep -q '^deploy (serial strategy) (COMPLETE)' out
    grep -q '"pod": "dse-0"' out
}

@test "dse(7): the tutorial, from nothing to nothing" {
    unset DSE_MASTER DSE_STORE DSE_RUN_DIR FRAMEWORK_NAME PORT_API
    example dse.7 TUTORIAL 's/--no-switch-user/& --allocation-interval 0.1/'
    [ "$(grep -v 'kill -9\|wait $scheduler' failed)" = '1 dse-plan diff blue.json' ]
    [ "$(grep -c '^deploy (serial strategy) (COMPLETE)' out)" -eq 4 ]
    grep -q '^   ├─ hello-0:\[server\] (COMPLETE)' out
    grep -q 'environment.COLOUR: "red" => "blue"' out
    grep -q ' hello-0:\[server\] agent[1-3].local placed$' out
    grep -q 'nothing is installed' out
    [ "$(grep -c '"reservations":\(\[\]\|{}\)' out)" -eq 3 ]
    [ ! -d state/Tasks ]
}

@test "dse-render(1), dse-plan(1): examples" {
    echo '{"dsenode": {"count": 5}}' >my.json
    echo SERVICE_NAME=example >my.env
    (unset MARATHON_APP_ID && example dse-render.1 EXAMPLES)
    nothing_failed
    json '."pod-specs"[0].count == 5' spec.json
    example dse-plan.1 EXAMPLES
    nothing_failed
    grep -q '^deploy (serial strategy) (COMPLETE)' out
    grep -q '^nodetool-ser (serial strategy) (COMPLETE)' out
}

# Three nodes, of which one has started once on its volume.
counted_anew() {
    [ "$(cat "$BATS_FILE_TMPDIR"/mesos/agent*/volumes/roles/*/*/starts | sed 's/^1$/once/; s/^[0-9]*$/more/' | sort | paste -sd ' ')" = \
        'more more once' ]
}

@test "dse-pod(1): examples" {
    local before
    before=$(dse-state tasks -o json | jq -r '.[] | select(.name | endswith("node")) | .id' | sort)
    example dse-pod.1 EXAMPLES
    nothing_failed
    [ "$(grep -c '^127\.[0-9.]*:9042$' out)" -eq 3 ]
    # Every node has another task now, and only dse-2 counts its starts anew.
    [ -z "$(dse-state tasks -o json | jq -r '.[] | select(.name | endswith("node")) | .id' | sort | comm -12 - <(echo "$before"))" ]
    retry 20 counted_anew
}

@test "dse-state(1), dse-offers(1): examples" {
    example dse-state.1 EXAMPLES
    [ -z "$(grep -v '^1 sort -u' failed)" ] # the pipe's diff: it differs
    grep -q '^dse-0-node agent[1-3].local$' out
    grep -q '"path":"Tasks/dse-0-node/TaskInfo"' out
    [ "$(dse-state --store "dir:$PWD/copy" ls Properties | grep -c last-completed)" -eq 0 ]
    rm -rf copy
    # A recording of a subscription.
    printf '%s\n' '{"type":"DSE_CONNECTED"}' \
        '{"type":"SUBSCRIBED","subscribed":{"framework_id":{"value":"'"$(dse-state framework-id)"'"},"heartbeat_interval_seconds":15}}' >events.ndjson
    example dse-offers.1 EXAMPLES
    [ -z "$(grep -v ' dse-offers explain' failed)" ]
    [ "$(head -n 1 calls.ndjson | jq -r .type)" = SUBSCRIBE ]
}

@test "dse-mesos(1), dse-http(1): examples" {
    example dse-mesos.1 EXAMPLES
    grep -qx SUBSCRIBED out
    grep -q '"type":"DSE_CONNECTED"' events.ndjson
    example dse-http.1 EXAMPLES
    nothing_failed
    grep -qx COMPLETE out
    grep -qx '\["dse-0","dse-1","dse-2"\]' out
}

@test "dse-local(1), dse-uninstall(1): examples" {
    example dse-local.1 EXAMPLES
    nothing_failed
    [ "$(grep -c '"reservations"' out)" -eq 3 ]
    example dse-uninstall.1 EXAMPLES
    [ -z "$(grep -v '^1 dse-uninstall status' failed)" ]
}

@test "dse-bootstrap(1), dse-node-standin(1): examples" {
    ln -s "$BUILD/bin/dse-bootstrap" bootstrap
    printf '#!/bin/sh\necho started\n' >start-dse
    chmod +x start-dse
    unset CONFIG_TEMPLATE_PATH
    export MESOS_SANDBOX=$PWD MESOS_CONTAINER_IP=127.0.0.1 # as in a task
    (script dse-bootstrap.1 EXAMPLES | head -n 1 | bash) >out
    grep -qx started out
    example dse-bootstrap.1 EXAMPLES 1d
    nothing_failed
    [ "$(cat out.conf)" = 'colour: red' ]
    example dse-node-standin.1 EXAMPLES "s/9042/$((20000 + RANDOM % 10000))/"
    grep -q '^UN 127.0.0.1 dse-0-node starts=1$' out
    [ "$(cat dse-data/starts)" = 1 ]
}

@test "dse-scheduler(1): examples" {
    export HELLO_COUNT=1 HELLO_CPUS=0.1 HELLO_COLOUR=red HELLO_PLACEMENT= HELLO_STRATEGY=serial HELLO_PORT=8180
    export FRAMEWORK_NAME=other SERVICE_USER=root master=$DSE_MASTER
    unset DSE_STORE DSE_MASTER DSE_RUN_DIR PORT_API
    cp "$TOP/tests/data/hello/svc.yml" .
    script dse-scheduler.1 EXAMPLES | sed "s,http://127.0.0.1:5050,$master,; s/PORT_API=8080/PORT_API=0/; s/=datastax-dse/=other/" >all.sh
    sed -n 1,2p all.sh >first.sh
    sed '2d; 4d' all.sh >second.sh
    sed '2,3d' all.sh >third.sh
    for script in first second; do
        start_bg scheduler bash -c "$(sed '$s/dse-scheduler/exec &/' "$script.sh")"
        DSE_STORE=dir:$PWD/state dse-plan show deploy --wait=30
        retry 10 grep -q 'subscribed as' "$BATS_TEST_TMPDIR/scheduler.err"
        stop_bg scheduler
    done
    start_bg scheduler bash -c "$(sed '$s/dse-scheduler/exec &/' third.sh)"
    DSE_STORE=dir:$PWD/state retry 30 sh -c 'dse-uninstall status | grep "nothing is installed"'
}

@test "dse-takeover(7): the look before" {
    example dse-takeover.7 DESCRIPTION "s,zk://[^ ]*,$DSE_STORE,"
    grep -q . before.ndjson
    grep -q '^take-over is possible: 6 tasks go on, none is restarted' out
}

@test "dse-scripting(7): waiting, rolling restart with checks" {
    example dse-scripting.7 'WAITING AND ASKING'
    nothing_failed
    example dse-scripting.7 'ROLLING RESTART WITH CHECKS'
    nothing_failed
    [ "$(cat out)" = $'dse-0 restarted\ndse-1 restarted\ndse-2 restarted' ]
    # A node that is down stops it before the first pod.
    local id
    id=$(dse-state task dse-0-node | jq -r .task_id.value)
    example dse-scripting.7 'ROLLING RESTART WITH CHECKS' 's/"RUNNING"/"RUNNING-NOT"/'
    grep -q '^not before dse-0: some pod is down' err
    [ "$(dse-state task dse-0-node | jq -r .task_id.value)" = "$id" ]
}

@test "dse-scripting(7): what if, on a laptop" {
    export DSE_RUN_DIR=$BATS_FILE_TMPDIR/offered
    example dse-scripting.7 'WHAT IF, ON A LAPTOP'
    [ "$(grep '^  dse-' out)" = '  dse-3:[node, agent]' ]
    grep -qx '[1-3] of [1-3] agents: max per hostname' out
    [ "$(tail -n 2 out)" = $'fits 1 of 1 agents: new\n1 of 1 agents: mem 8000.0 of 8788.0' ]
}

@test "dse-scripting(7): recording, replaying, bisecting" {
    # A service of its own, which begins with the recording.
    export HELLO_COUNT=2 HELLO_CPUS=0.1 HELLO_COLOUR=red HELLO_PLACEMENT= HELLO_STRATEGY=serial HELLO_PORT=8180
    export FRAMEWORK_NAME=recorded SERVICE_USER=root DSE_STORE=dir:$PWD/state
    unset DSE_RUN_DIR
    dse-render "$TOP/tests/data/hello/svc.yml" | dse-plan update >/dev/null 2>&1
    example dse-scripting.7 'RECORDING AND REPLAYING'
    grep -q '^deploy (serial strategy) (COMPLETE)' out
    grep -q '[1-9] ACCEPT$' out
    [ -z "$(grep -v 'wait' failed)" ]
    { script dse-scripting.7 'RECORDING AND REPLAYING' | sed -n '/^replay()/,/^}/p'
      script dse-scripting.7 'BISECTING A DECISION'; } >example.sh
    bash -u example.sh >out 2>err
    cat out err
    # The event named is the one: one less decides nothing.
    grep -q '^event [0-9]* decides:$' out
    grep -q '"type":"OFFERS"' out
}
