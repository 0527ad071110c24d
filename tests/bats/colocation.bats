#!/usr/bin/env bats
# Three agents with two MOUNT disks each, two services: the colocation scenario of the documentation
# (see offer-cycle 3.5). X places a node with one volume on two agents; Y, whose nodes need two volumes,
# places one on the third agent and is then stuck until there is something new.
load helpers
load service

setup() {
    jq -n '{agents: [range(1; 5) | {name: "a\(.)", cpus: 4, mem: 4096, disk: 8192,
        mounts: [("A", "B") as $disk | {root: "disk-\($disk)", size: 1024}]}]}' >topology.json
    port=$BATS_TEST_TMPDIR/port
    start_bg local dse-local --topology topology.json --port 0 --port-file "$port" \
        --work-dir "$BATS_TEST_TMPDIR/mesos" --no-switch-user --allocation-interval 0.05
    retry 10 test -s "$port"
    export DSE_MASTER=http://127.0.0.1:$(cat "$port")
    dse-local agent-down a4 # it comes later
    export DSE_REVIVE_INTERVAL_MS=50 DSE_API_HOST=127.0.0.1 PORT_API=0
}
teardown() {
    stop_bg x
    stop_bg y
    stop_all
}

# service NAME COMMAND...: runs it with the environment of that service.
service() {
    local name=$1 two=
    shift
    [ "$name" = y ] && two=true
    FRAMEWORK_NAME=$name TWO_VOLUMES=$two DSE_STORE=dir:$BATS_TEST_TMPDIR/state-$name \
        DSE_RUN_DIR=$BATS_TEST_TMPDIR/run-$name "$@"
}
start_service() {
    service "$1" start_bg "$1" dse-scheduler "$TOP/tests/data/colocation/svc.yml"
}
plan_of() { service "$1" dse-plan show deploy; }
complete() { [ "$(plan_of "$1" 2>/dev/null | head -1)" = 'deploy (serial strategy) (COMPLETE)' ]; }
step_is() { plan_of "$1" | grep -qF "$2"; }
state() { curl -sf "$DSE_MASTER/state"; }
# Agent, disk and service of each volume that is there, one a line, as the master has it.
placed() {
    state | jq -r '.agents[] | .name as $agent | .reservations[] | select(.disk.persistence)
        | "\($agent) \(.disk.source.mount.root | split("/") | last) \(.reservations[-1].role)"' | sort
}
# Agents on which the service has volumes.
agents_of() { placed | sed -n "s/ .* $1-role\$//p" | sort -u; }

@test "X with one volume a node and Y with two: Y places one node and is stuck; a fourth agent sets it free" {
    start_service x
    retry 20 complete x
    # Two nodes on two agents, each on the first disk of its agent.
    [ "$(agents_of x | wc -l)" -eq 2 ]
    [ "$(placed | cut -d' ' -f2,3 | sort -u)" = 'disk-A x-role' ]
    [ "$(placed | wc -l)" -eq 2 ]

    # Y's first node finds both disks on the agent that X did not take, and only there.
    start_service y
    retry 20 step_is y 'y-0:[node] (COMPLETE)'
    third=$(agents_of y)
    [ "$(wc -l <<<"$third")" -eq 1 ]
    ! agents_of x | grep -qx "$third"
    [ "$(placed | grep "^$third ")" = "$third disk-A y-role
$third disk-B y-role" ]
    # Each volume is the disk itself: the task wrote into it.
    for disk in disk-A disk-B; do
        retry 5 grep -qx y-0-node "mesos/$third/$disk/owner"
    done

    # The second one is stuck: every offer was seen and declined, nothing of it was reserved.
    retry 10 step_is y 'y-1:[node] (PREPARED)'
    idle() { state | jq -e '[.frameworks[].offers[]] == []' >/dev/null; } # all were declined
    retry 10 idle
    state | jq -S '[.agents[] | .reservations] ' >before
    PATIENCE=1 run ! retry 2 step_is y 'y-1:[node] (COMPLETE)'
    step_is y 'y-1:[node] (PREPARED)'
    state | jq -S '[.agents[] | .reservations]' >after
    diff before after
    [ "$(placed | wc -l)" -eq 4 ]

    # Why: one disk is left with each node of X, none where Y's first node is.
    stuck='2 of 3 agents: MOUNT volumes 1 of 2; 1: max per hostname'
    explains() {
        [ "$(service y dse-offers explain y-1 2>&1)" = "$stuck" ]
    }
    retry 5 explains
    run --separate-stderr service y dse-offers explain y-1 --tree
    [ "$status" -eq 1 ]
    # The first disk is found on X's agents, the second on none.
    [ "$(grep -c 'FAIL(VolumeEvaluationStage): Failed to find MOUNT volume' <<<"$output")" -eq 4 ]
    [ "$(grep -c 'PASS(VolumeEvaluationStage)' <<<"$output")" -eq 2 ]
    service y dse-offers log y-1 | grep -q 'y-1:\[node\] .*: MOUNT volumes 1 of 2$'
    service y dse-offers reservations -o json |
        jq -e 'map(select(.path)) | length == 2 and all(.task == "y-0-node" and .role == "y-role")'
    # Offline: the same from files, and what another disk would change.
    service y dse-state dump >y.dump
    env -u DSE_STORE dse-offers explain y-1 --dump y.dump --offers run-y/offers.ndjson >offline || true
    diff offline - <<<"$stuck"
    jq -c 'select(any(.resources[]; .disk)) | .hostname = "new" | .agent_id.value = "new" | .resources |= map(
        if .disk then ., (.disk.source.mount.root |= . + "-2") else . end)' run-y/offers.ndjson |
        head -1 >more.ndjson
    cat run-y/offers.ndjson >>more.ndjson
    dse-offers explain y-1 --dump y.dump --offers more.ndjson >offline
    diff offline <(echo 'fits 1 of 4 agents: new; 2: MOUNT volumes 1 of 2; 1: max per hostname')

    # Another agent is something novel, so that it reaches Y despite its long filters.
    dse-local agent-up a4
    retry 20 complete y
    [ "$(placed | grep "^a4 ")" = 'a4 disk-A y-role
a4 disk-B y-role' ]
    [ "$(placed | wc -l)" -eq 6 ]
}
