# What operators do to a running service, end to end on a local Mesos with real processes: the worked
# traces of pod restart, replace, pause, decommission and canary roll-out.
load helpers
load service

setup() {
    hello_env
    export PAUSE_OVERRIDE_CMD='sleep 100000'
    start_local
}
teardown() { stop_all; }

deployed() {
    start_scheduler
    wait_complete
}
host_of() { dse-state tasks -o json | jq -r --arg task "$1" '.[] | select(.name == $task) | .host'; }
id_of() { dse-state tasks -o json | jq -r --arg task "$1" '.[] | select(.name == $task) | .id'; }
# The volume of a pod that is mounted now: how often tasks were started on it.
starts_of() { # POD
    local id
    id=$(dse-state task "$1-server" | jq -r '.executor.resources[] | .disk.persistence.id // empty')
    cat "$BATS_TEST_TMPDIR"/mesos/*/volumes/roles/*/"$id"/starts 2>/dev/null | grep -c .
}
recovery_is() { [ "$(dse-plan show recovery --exit-zero)" = "$1" ]; }
shows() { dse-plan show "$1" --exit-zero | grep -qF -- "$2"; }

@test "pod restart: in place, with its data" {
    deployed
    host=$(host_of hello-1-server) id=$(id_of hello-1-server)
    [ "$(starts_of hello-1)" -eq 1 ]
    run -0 dse-pod restart hello-1 --wait=30
    [ "$(jq -c . <<<"$output")" = '{"pod":"hello-1","tasks":["hello-1-server"]}' ]
    [ "$(id_of hello-1-server)" != "$id" ]
    [ "$(host_of hello-1-server)" = "$host" ]
    retry 10 sh -c '[ "$(dse-plan show recovery | head -1)" = "recovery (parallel strategy) (COMPLETE)" ]'
    recovery_is "$(printf '%s\n' 'recovery (parallel strategy) (COMPLETE)' \
        '└─ hello-1:[server] (parallel strategy) (COMPLETE)' '   └─ hello-1:[server] (COMPLETE)')"
    retry 10 eval '[ "$(starts_of hello-1)" -eq 2 ]'
    deploy_is_complete
    nothing_leaked
}

@test "pod replace: anywhere, without its data; the old is destroyed" {
    deployed
    old=$(dse-state task hello-0-server | jq -r '.executor.resources[] | .disk.persistence.id // empty')
    ls -d "$BATS_TEST_TMPDIR"/mesos/*/volumes/roles/*/"$old"
    run -0 dse-pod replace hello-0 --yes --wait=30
    [ "$(starts_of hello-0)" -eq 1 ]
    deploy_is_complete
    retry 10 shows recovery 'hello-0:[server] (COMPLETE)'
    retry 20 nothing_leaked
    run ! ls -d "$BATS_TEST_TMPDIR"/mesos/*/volumes/roles/*/"$old"
}

@test "commands before and after a replacement: at least once, within their time" {
    local log=$BATS_TEST_TMPDIR/hooks
    export DSE_REPLACE_AFTER="echo \$DSE_HOOK \$DSE_SERVICE \$DSE_POD \$DSE_SEED \$DSE_OLD_HOST \$DSE_NEW_HOST >>$log"
    export DSE_REPLACE_BEFORE="$DSE_REPLACE_AFTER; sleep 100000 & echo \$\$ \$! >$log.new; mv $log.new $log.pids; wait"
    export DSE_REPLACE_TIMEOUT=300
    deployed
    host=$(host_of hello-1-server) id=$(id_of hello-1-server)
    dse-pod replace hello-1 --yes --wait=60 >/dev/null 3>&- &
    replacing=$!
    retry 20 test -s "$log.pids"
    dse-plan why hello-1 | grep -q 'DSE_REPLACE_BEFORE, has not ended yet'
    # The command and its children die with a worker that is killed, and the next runs it again.
    read -r shell child <"$log.pids"
    rm "$log.pids"
    kill -9 "$(pid_of dse-offers)"
    retry 10 has_ended "$child"
    retry 10 has_ended "$shell"
    retry 30 test -s "$log.pids"
    # So they do with a scheduler that is stopped.
    read -r shell child <"$log.pids"
    stop_bg scheduler
    retry 10 has_ended "$child"
    retry 10 has_ended "$shell"
    rm "$log.pids"
    DSE_REPLACE_TIMEOUT=3 start_scheduler
    retry 20 test -s "$log.pids"
    [ "$(id_of hello-1-server)" = "$id" ] # not placed meanwhile
    wait "$replacing"
    read -r shell child <"$log.pids"
    retry 10 has_ended "$child" # its time was up
    retry 10 has_ended "$shell"
    retry 10 grep -q ^after "$log"
    [ "$(cat "$log")" = "$(printf '%s\n' "before hello hello-1 true $host" "before hello hello-1 true $host" \
        "before hello hello-1 true $host" "after hello hello-1 true $host $(host_of hello-1-server)")" ]
    retry 10 eval '[ "$(dse-state get Toolkit/replaced/hello-1 | jq -r "[.before.state, .after.state] | join(\" \")")" = "timeout done" ]'
}

@test "pause and resume" {
    deployed
    run -0 dse-pod pause hello-0 --wait=30
    [ "$(dse-pod status hello-0)" = "$(printf '%s\n' hello-0 '└─ hello-0-server (PAUSED)')" ]
    shows deploy '├─ hello-0:[server] (PAUSED)'
    recovery_is "$(printf '%s\n' 'recovery (parallel strategy) (STARTED)' \
        '└─ hello-0:[server] (parallel strategy) (STARTED)' '   └─ hello-0:[server] (PAUSING)')"
    [ "$(starts_of hello-0)" -eq 1 ] # its own command did not run
    run -0 dse-pod resume hello-0 --wait=30
    [ "$(dse-pod status hello-0)" = "$(printf '%s\n' hello-0 '└─ hello-0-server (RUNNING)')" ]
    retry 10 eval '[ "$(starts_of hello-0)" -eq 2 ]'
    retry 10 shows recovery 'hello-0:[server] (COMPLETE)'
    deploy_is_complete
    # Right behind another change, whatever has become of the task by then.
    id=$(id_of hello-0-server)
    dse-pod restart hello-0
    run -0 dse-pod pause hello-0 --wait=30
    [ "$(dse-pod status hello-0)" = "$(printf '%s\n' hello-0 '└─ hello-0-server (PAUSED)')" ]
    [ "$(id_of hello-0-server)" != "$id" ]
    run -0 dse-pod restart hello-0 --wait=30 # it stays paused
    run -0 dse-pod resume hello-0 --wait=30
    [ "$(dse-pod status hello-0)" = "$(printf '%s\n' hello-0 '└─ hello-0-server (RUNNING)')" ]
}

@test "a canary roll-out waits for two releases" {
    export HELLO_STRATEGY=serial-canary HELLO_COUNT=3
    start_scheduler
    retry 20 shows deploy '   ├─ hello-0:[server] (WAITING)'
    run -0 dse-plan resume deploy hello-deploy --wait=10
    retry 20 shows deploy '   ├─ hello-0:[server] (COMPLETE)'
    shows deploy '   ├─ hello-1:[server] (WAITING)'
    # A restart in between holds nothing more back.
    stop_bg scheduler
    start_scheduler
    retry 20 eval 'dse-plan resume deploy hello-deploy --wait=5'
    wait_complete
}

@test "scaled in: killed, unreserved, erased" {
    deployed
    dse-render "$TOP/tests/data/hello/svc.yml" |
        jq '."pod-specs"[0] |= (.count = 1 | ."allow-decommission" = true)' |
        dse-plan update --wait=20
    retry 30 eval '[ "$(dse-plan show decommission | head -1)" = "decommission (serial strategy) (COMPLETE)" ]'
    dse-plan show decommission >"$BATS_TEST_TMPDIR/tree"
    grep -qxF '└─ hello-1 (serial strategy) (COMPLETE)' "$BATS_TEST_TMPDIR/tree"
    grep -qxF '   ├─ kill-hello-1-server (COMPLETE)' "$BATS_TEST_TMPDIR/tree"
    grep -qxF '   └─ erase-hello-1-server (COMPLETE)' "$BATS_TEST_TMPDIR/tree"
    [ "$(dse-pod list)" = hello-0 ]
    deploy_is_complete
    retry 20 nothing_leaked
    [ "$(starts_of hello-0)" -eq 1 ]
}

@test "more of a resource: the pods restart one by one on grown reservations" {
    deployed
    HELLO_CPUS=0.7 dse-render "$TOP/tests/data/hello/svc.yml" >"$BATS_TEST_TMPDIR/spec.json"
    run -1 dse-plan diff "$BATS_TEST_TMPDIR/spec.json"
    [[ $output == *$'steps to be done, in order:\n  hello-0:[server]\n  hello-1:[server]' ]]
    dse-plan update --wait=20 "$BATS_TEST_TMPDIR/spec.json"
    wait_complete
    dse-state task hello-1-server | jq -e '[.resources[] | select(.name == "cpus") | .scalar.value] | add == 0.7'
    [ "$(starts_of hello-1)" -eq 2 ]
    nothing_leaked
}
