# What operators do to a running service, on real processes: data in volumes, reservations, what does not
# restart. The worked traces step by step are in steps.bats.
load helpers
load service

setup() {
    hello_env
    export FRAMEWORK_NAME=ops WORLD_COUNT=1 WORLD_CPUS=0.1 COLOUR=red DSE_COUNT=2 DSE_STRATEGY=serial
    export PAUSE_OVERRIDE_CMD='exec sleep 100001' BOOTSTRAP_URI=file:///dev/null
    start_local --agent-timeout 1s
    start_bg scheduler dse-scheduler "$TOP/tests/data/ops/svc.yml"
}
teardown() { stop_bg scheduler; stop_bg local; stop_all; }

# Lines of a file that tasks keep in their volumes, over all agents.
kept() { cat "$BATS_TEST_TMPDIR"/mesos/*/volumes/roles/*/*/"$1" 2>/dev/null; }
is_kept() { [ "$(kept "$1" | grep -cx "$2")" -eq "$3" ]; }
status_is() { [ "$(dse-pod status "$1" | grep -- "$2 (" | sed 's/.*(\(.*\))/\1/')" = "$3" ]; }
plan_is() { [ "$(dse-plan show "$1" | head -1)" = "$1 ($2 strategy) ($3)" ]; }
task_id() { dse-state task "$1" | jq -r '.task_id.value'; }
update() { dse-render "$TOP/tests/data/ops/svc.yml" 2>/dev/null | dse-plan update --wait=20 "$@"; }

@test "deployment, then a restart in place: data stays, the deploy plan stays complete (11.1, 11.3)" {
    wait_complete
    run -0 dse-plan show deploy
    [ "$output" = 'deploy (serial strategy) (COMPLETE)
├─ dse-phase (serial strategy) (COMPLETE)
│  ├─ dse-0:[node, agent] (COMPLETE)
│  └─ dse-1:[node, agent] (COMPLETE)
└─ world (serial strategy) (COMPLETE)
   └─ world-0:[server] (COMPLETE)' ]
    local other
    other=$(task_id dse-0-node)
    run -0 dse-pod restart --wait=30 dse-1
    is_kept starts dse-1-node 2
    [ "$(task_id dse-0-node)" = "$other" ]
    run -0 dse-plan show recovery
    [ "$output" = 'recovery (parallel strategy) (COMPLETE)
└─ dse-1:[node, agent] (parallel strategy) (COMPLETE)
   └─ dse-1:[node, agent] (COMPLETE)' ]
    plan_is deploy serial COMPLETE
    nothing_leaked
}

@test "replace places the pod anew: old data gone, old reservations freed (11.5)" {
    wait_complete
    local before
    before=$(recorded_ids | sort)
    run -2 dse-pod replace dse-1
    run -0 dse-pod replace --yes --wait=30 dse-1
    retry 20 is_kept starts dse-1-node 1
    retry 20 nothing_leaked
    # another pod's reservations are the same, this one's are all new
    [ -n "$(comm -12 <(echo "$before") <(recorded_ids | sort))" ]
    [ -n "$(comm -13 <(echo "$before") <(recorded_ids | sort))" ]
    plan_is deploy serial COMPLETE
}

@test "a change of one pod type rolls through that type alone (11.4)" {
    wait_complete
    local node
    node=$(task_id dse-0-node)
    COLOUR=blue run -0 update
    retry 20 is_kept starts 'world-0-server blue' 1
    wait_complete
    [ "$(task_id dse-0-node)" = "$node" ]
    is_kept starts 'world-0-server red' 1
    # the reservation grows in place
    COLOUR=blue WORLD_CPUS=0.3 run -0 update
    retry 20 is_kept starts 'world-0-server blue' 2
    wait_complete
    [ "$(dse-state task world-0-server | jq '.resources[] | select(.name == "cpus") | .scalar.value')" = 0.3 ]
    nothing_leaked
}

@test "a refused update leaves the old plan going, with the reason shown" {
    wait_complete
    run ! env DSE_COUNT=1 bash -c 'dse-render "$1" 2>/dev/null | dse-plan update --wait=20' sh "$TOP/tests/data/ops/svc.yml"
    [[ $output == *"expected >=2 tasks"* ]]
    run -1 dse-plan show deploy
    [ "${lines[0]}" = 'deploy (serial strategy) (ERROR)' ]
    [[ $output == *'Errors:'* ]]
    status_is dse-1 dse-1-node RUNNING
    run -0 update
    plan_is deploy serial COMPLETE
}

@test "scale out, then decommission (11.8)" {
    wait_complete
    WORLD_COUNT=2 run -0 update
    retry 20 is_kept starts 'world-1-server red' 1
    wait_complete
    WORLD_COUNT=1 run -0 update
    retry 30 sh -c '! dse-pod status world-1 >/dev/null 2>&1'
    retry 20 nothing_leaked
    [ -z "$(kept starts | grep world-1)" ]
    status_is world-0 world-0-server RUNNING
}
