#!/usr/bin/env bats
# Operations that the master drops: noticed by its feedback, and without a word of it by what is not
# offered; made again under their ids, nothing left over.
load helpers
load service

setup() {
    start_local --agents 2
    export FRAMEWORK_NAME=dropped GROWN='' BARE='' DSE_STORE=dir:$BATS_TEST_TMPDIR/state
    export DSE_RUN_DIR=$BATS_TEST_TMPDIR/run DSE_REVIVE_INTERVAL_MS=50 DSE_API_HOST=127.0.0.1 PORT_API=0
}
teardown() {
    stop_bg scheduler
    stop_all
}
scheduler() { start_bg scheduler dse-scheduler "$TOP/tests/data/dropped/svc.yml"; }
no_doubts() { [ -z "$(dse-state dump | grep '"Toolkit/launches/')" ]; }
settled() {
    wait_complete 12
    retry 10 no_doubts
    retry 10 nothing_leaked
    local volumes='first-data second-data'
    [ -z "$BARE" ] || volumes=second-data
    # The volumes are there, each once, on the agent of the pod.
    [ "$(dse-offers reservations -o json | jq -r '[.[] | select(.path) | .path] | sort | join(" ")')" = \
        "$volumes" ]
    [ "$(dse-offers reservations -o json | jq '[.[].hostname] | unique | length')" -eq 1 ]
}

@test "dropped: the first RESERVE of a new pod" {
    dse-local drop-operation RESERVE
    scheduler
    settled
}

@test "dropped: the volume of the task that is launched first" {
    dse-local drop-operation CREATE
    scheduler
    settled
}

@test "dropped: the volumes of both tasks" {
    dse-local drop-operation CREATE
    dse-local drop-operation CREATE
    scheduler
    settled
}

# later_volume: the volume of a task that is launched later is dropped.
later_volume() {
    export BARE=true
    dse-local drop-operation CREATE
    scheduler
    settled
    [ "$(cat "$BATS_TEST_TMPDIR"/mesos/*/volumes/roles/*/*/starts)" = x ]
    grep -q 'reservations of pod-0:\[second\] were never made' "$BATS_TEST_TMPDIR/scheduler.err"
}

@test "dropped: the volume of a task that is launched later" {
    later_volume
    grep -q "the operation on resource '[-0-9a-f]*' was dropped: dropped on command" \
        "$BATS_TEST_TMPDIR/scheduler.err"
}

@test "dropped: the same without feedback" {
    export DSE_OPERATION_FEEDBACK=false
    later_volume
    run grep -q 'was dropped' "$BATS_TEST_TMPDIR/scheduler.err"
    [ "$status" -eq 1 ]
}

@test "dropped: what an update adds to a running pod" {
    scheduler
    settled
    stop_bg scheduler
    dse-offers reservations -o name | sort >"$BATS_TEST_TMPDIR/before"
    dse-local drop-operation RESERVE
    export GROWN=yes
    scheduler
    grown() { dse-offers reservations -o json | jq -e 'any(.name == "ports" and .amount == "8123")'; }
    retry 20 grown
    settled
    # What was there is the same as before, data and all.
    dse-offers reservations -o name | sort >"$BATS_TEST_TMPDIR/after"
    [ "$(comm -13 "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after" | wc -l)" -eq 1 ]
    [ -z "$(comm -23 "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after")" ]
    grep -qx yes "$BATS_TEST_TMPDIR"/mesos/*/volumes/roles/*/*/starts
}
