# The worked traces of the reference (plans-and-recovery 11) as DIFFERENCES.md amends them, on real
# processes: the printed tree at every step. Nothing goes on before the test lets it: agents come when
# they are started, tasks when the gate opens, readiness when its file is there.
load helpers
load service

setup() {
    hello_env
    export GATE=$BATS_TEST_TMPDIR/gate
    export FRAMEWORK_NAME=steps DSE_COUNT=3 WORLD_COUNT='' COLOUR=red DSE_STRATEGY=serial
    export PAUSE_OVERRIDE_CMD='exec sleep 100001' BOOTSTRAP_URI=file:///dev/null
    mkdir -p "$GATE"
    start_bg gate python3 "$TOP/tests/tools/gate.py" "$GATE/open" "$GATE/port"
    retry 10 test -s "$GATE/port"
    export GATE_URI=http://127.0.0.1:$(cat "$GATE/port")/launch
    start_local --agent-timeout 1s
}
teardown() { stop_bg scheduler; stop_bg local; stop_all; }

scheduler() { start_bg scheduler dse-scheduler "$TOP/tests/data/steps/svc.yml"; }
# Tasks that are launched meanwhile wait for their URI.
close_gate() { rm -f "$GATE/open"; }
open_gate() { : >"$GATE/open"; }
ready() { local task; for task; do : >"$GATE/$task"; done; }
unready() { (cd "$GATE" && rm -f "$@"); }
tree_is() { [ "$(dse-plan show --exit-zero "$1" 2>&1)" = "$2" ]; }
shows() { retry 20 tree_is "$@" || { echo 'what is:'; dse-plan show --exit-zero "$1"; dse-plan why; return 1; }; }
id_of() { dse-state task "$1" | jq -r '.task_id.value'; }
host_of() { dse-state task "$1" | jq -r '.labels.labels[] | select(.key == "offer_hostname") | .value'; }
update() { dse-render "$TOP/tests/data/steps/svc.yml" 2>/dev/null | dse-plan update --wait=20; }

# deploy STATUS PHASE-STATUS STEP-STATUS...: the tree of a service with no `world`.
deploy() {
    printf 'deploy (serial strategy) (%s)\n└─ dse-phase (%s strategy) (%s)\n' "$1" "$DSE_STRATEGY" "$2"
    shift 2
    local i=0
    while [ $# -gt 1 ]; do
        printf '   ├─ dse-%d:[node, agent] (%s)\n' "$i" "$1"
        i=$((i + 1))
        shift
    done
    printf '   └─ dse-%d:[node, agent] (%s)' "$i" "$1"
}
recovery() { # POD STATUS [STEP-STATUS]
    printf 'recovery (parallel strategy) (%s)\n└─ %s (parallel strategy) (%s)\n   └─ %s (%s)' "$2" "$1" "$2" "$1" "${3:-$2}"
}
nothing_to_recover='recovery (parallel strategy) (COMPLETE)'
deployed() {
    open_gate
    ready dse-0-node dse-1-node dse-2-node world-0-server world-1-server
    scheduler
    wait_complete
}

@test "11.1: deployment, serial" {
    local n
    for n in 1 2 3; do dse-local agent-down agent$n; done
    scheduler
    shows deploy "$(deploy IN_PROGRESS IN_PROGRESS PREPARED PENDING PENDING)"
    shows recovery "$nothing_to_recover"
    dse-plan why | head -1 | grep -qx 'deploy dse-phase dse-0:\[node, agent\]: no offer fits yet; to see why: dse-offers explain dse-0'
    for n in 1 2 3; do dse-local agent-up agent$n; done
    shows deploy "$(deploy STARTING STARTING STARTING PENDING PENDING)"
    dse-plan why | head -1 | grep -q 'dse-0-agent has been launched and does not run yet$'
    run -1 dse-state property get last-completed-update-type
    # a scheduler that dies here neither launches anew nor shows anything else
    kill -9 "$(pid_of dse-offers)"
    retry 20 pid_of dse-offers
    shows deploy "$(deploy STARTING STARTING STARTING PENDING PENDING)"
    open_gate
    shows deploy "$(deploy STARTED STARTED STARTED PENDING PENDING)"
    dse-plan why | head -1 | grep -q 'dse-0-node runs, its readiness check has not passed yet$'
    close_gate
    ready dse-0-node
    shows deploy "$(deploy IN_PROGRESS IN_PROGRESS COMPLETE STARTING PENDING)"
    open_gate
    shows deploy "$(deploy IN_PROGRESS IN_PROGRESS COMPLETE STARTED PENDING)"
    ready dse-1-node dse-2-node
    shows deploy "$(deploy COMPLETE COMPLETE COMPLETE COMPLETE COMPLETE)"
    [ -z "$(dse-plan why)" ]
    [ "$(dse-state property get last-completed-update-type)" = DEPLOY ]
    [ "$(cat "$BATS_TEST_TMPDIR"/mesos/*/volumes/roles/*/*/starts | sort)" = "$(printf '%s\n' dse-0-node dse-1-node dse-2-node)" ]
}

@test "11.1: deployment, serial-canary" {
    export DSE_STRATEGY=serial-canary
    open_gate
    scheduler
    shows deploy "$(deploy WAITING WAITING WAITING WAITING PENDING)"
    dse-plan why | head -1 | grep -q "held back as a canary step; to release it: dse-plan resume deploy 'dse-phase'$"
    run -0 dse-plan resume --wait=20 deploy dse-phase
    shows deploy "$(deploy WAITING WAITING STARTED WAITING PENDING)"
    # the phase stands at the second step, after a restart too
    ready dse-0-node
    shows deploy "$(deploy WAITING WAITING COMPLETE WAITING PENDING)"
    stop_bg scheduler KILL
    scheduler
    shows deploy "$(deploy WAITING WAITING COMPLETE WAITING PENDING)"
    run -0 dse-plan resume --wait=20 deploy dse-phase
    shows deploy "$(deploy IN_PROGRESS IN_PROGRESS COMPLETE STARTED PENDING)"
    run -1 dse-plan resume --wait=20 deploy dse-phase
    ready dse-1-node dse-2-node
    shows deploy "$(deploy COMPLETE COMPLETE COMPLETE COMPLETE COMPLETE)"
}

@test "11.2: an agent is lost, comes back, is lost again and replaced" {
    export DSE_COUNT=2
    deployed
    local complete host
    complete=$(deploy COMPLETE COMPLETE COMPLETE COMPLETE)
    host=$(host_of dse-1-node)
    dse-local agent-down "${host%.local}"
    shows recovery "$(recovery 'dse-1:[node, agent]' IN_PROGRESS PREPARED)"
    tree_is deploy "$complete"
    dse-plan why | grep -q "agent $host of dse-1-[a-z]* is unreachable; .*: dse-pod replace dse-1$"
    # (d) a scheduler that restarts meanwhile sees the same
    stop_bg scheduler KILL
    tree_is recovery "$(recovery 'dse-1:[node, agent]' IN_PROGRESS PREPARED)"
    scheduler
    retry 20 pid_of dse-offers
    shows recovery "$(recovery 'dse-1:[node, agent]' IN_PROGRESS PREPARED)"
    tree_is deploy "$complete"
    # (a) back: launched in place
    dse-local agent-up "${host%.local}"
    retry 30 eval '[ "$(dse-pod status dse-1 -o json | jq -r ".tasks[].status // empty" | sort -u)" = RUNNING ]'
    retry 20 eval 'dse-plan show recovery | head -1 | grep -qxF "$nothing_to_recover"'
    [ "$(host_of dse-1-node)" = "$host" ]
    # (b) lost again, given up by the operator: any other agent, an empty volume
    dse-local agent-down "${host%.local}"
    retry 20 tree_is recovery "$(recovery 'dse-1:[node, agent]' IN_PROGRESS PREPARED)"
    run -0 dse-pod replace --yes --wait=30 dse-1
    shows recovery "$(recovery 'dse-1:[node, agent]' COMPLETE)"
    tree_is deploy "$complete"
    [ "$(host_of dse-1-node)" != "$host" ]
    dse-local agent-up "${host%.local}"
    retry 20 nothing_leaked
}

@test "11.3: a task that fails while it is deployed, without and with back-off" {
    open_gate
    ready dse-0-node
    scheduler
    shows deploy "$(deploy IN_PROGRESS IN_PROGRESS COMPLETE STARTED PENDING)"
    local id
    id=$(id_of dse-1-node)
    close_gate
    dse-local fail-task "$id"
    shows deploy "$(deploy IN_PROGRESS IN_PROGRESS COMPLETE STARTING PENDING)"
    [ "$(id_of dse-1-node)" != "$id" ]
    tree_is recovery "$nothing_to_recover"
    stop_bg scheduler
    export ENABLE_BACKOFF=true FRAMEWORK_INITIAL_BACKOFF=500
    open_gate
    scheduler
    shows deploy "$(deploy IN_PROGRESS IN_PROGRESS COMPLETE STARTED PENDING)"
    dse-local fail-task "$(id_of dse-1-node)"
    shows deploy "$(deploy DELAYED DELAYED COMPLETE DELAYED PENDING)"
    tree_is recovery "$nothing_to_recover"
    dse-plan why dse-1 | grep -Eq "dse-1-node failed, the next attempt is in (500|49.) s; to try now: dse-plan force-restart deploy 'dse-phase' 'dse-1:\[node, agent\]'$"
    # the delay is on record
    stop_bg scheduler KILL
    tree_is deploy "$(deploy DELAYED DELAYED COMPLETE DELAYED PENDING)"
    scheduler
    retry 20 pid_of dse-offers
    run -0 dse-plan force-restart --wait=20 deploy dse-phase 'dse-1:[node, agent]'
    shows deploy "$(deploy IN_PROGRESS IN_PROGRESS COMPLETE STARTED PENDING)"
    ready dse-1-node dse-2-node
    shows deploy "$(deploy COMPLETE COMPLETE COMPLETE COMPLETE COMPLETE)"
    # ready once, then failed: at once; failed before it is ready: delayed
    unready dse-2-node
    dse-local fail-task "$(id_of dse-2-node)"
    shows recovery "$(recovery 'dse-2:[node, agent]' STARTED)"
    dse-local fail-task "$(id_of dse-2-node)"
    shows recovery "$(recovery 'dse-2:[node, agent]' DELAYED)"
    tree_is deploy "$(deploy COMPLETE COMPLETE COMPLETE COMPLETE COMPLETE)"
    # other pods are not held up by it
    dse-local fail-task "$(id_of dse-0-agent)"
    shows recovery 'recovery (parallel strategy) (DELAYED)
├─ dse-0:[node, agent] (parallel strategy) (COMPLETE)
│  └─ dse-0:[node, agent] (COMPLETE)
└─ dse-2:[node, agent] (parallel strategy) (DELAYED)
   └─ dse-2:[node, agent] (DELAYED)'
}

worlds() { # STATUS PHASE-STATUS STEP-STATUS STEP-STATUS
    printf '%s\n' "deploy (serial strategy) ($1)" '├─ dse-phase (serial strategy) (COMPLETE)' \
        '│  └─ dse-0:[node, agent] (COMPLETE)' "└─ world (serial strategy) ($2)" \
        "   ├─ world-0:[server] ($3)" "   └─ world-1:[server] ($4)"
}

@test "11.4: the environment changes of one of two pod types" {
    export DSE_COUNT=1 WORLD_COUNT=2
    deployed
    local node old new
    node=$(id_of dse-0-node) old=$(dse-state config target)
    unready world-0-server world-1-server
    COLOUR=blue run -0 update
    new=$(dse-state config target)
    [ "$new" != "$old" ]
    shows deploy "$(worlds IN_PROGRESS STARTED STARTED PENDING)"
    config_of() { dse-state task "$1" | jq -r '.labels.labels[] | select(.key == "target_configuration") | .value'; }
    [ "$(config_of dse-0-node) $(config_of world-0-server) $(config_of world-1-server)" = "$new $new $old" ]
    [ "$(dse-state config list | cut -d' ' -f1 | sort)" = "$(printf '%s\n' "$old" "$new" | sort)" ]
    # one that dies before its turn is launched as it was, and updated in its turn
    dse-local fail-task "$(id_of world-1-server)"
    shows recovery "$(recovery 'world-1:[server]' STARTED)"
    [ "$(config_of world-1-server)" = "$old" ]
    ready world-1-server
    shows recovery "$(recovery 'world-1:[server]' COMPLETE)"
    ready world-0-server
    shows deploy "$(worlds COMPLETE COMPLETE COMPLETE COMPLETE)"
    [ "$(config_of world-1-server)" = "$new" ]
    [ "$(id_of dse-0-node)" = "$node" ]
    nothing_leaked
}

@test "11.5: replace" {
    deployed
    local complete id
    complete=$(deploy COMPLETE COMPLETE COMPLETE COMPLETE COMPLETE)
    id=$(id_of dse-2-node)
    unready dse-2-node
    close_gate
    dse-plan pause recovery --wait=20 || true # idle: there is nothing to pause
    run -0 dse-pod replace --yes dse-2
    shows recovery "$(recovery 'dse-2:[node, agent]' STARTING)"
    tree_is deploy "$complete"
    open_gate
    shows recovery "$(recovery 'dse-2:[node, agent]' STARTED)"
    [ "$(dse-plan show recovery -o json --exit-zero | jq -r '.phases[0].steps[0].message' | sed 's/.*RecoveryType: //')" = PERMANENT ]
    ready dse-2-node
    shows recovery "$(recovery 'dse-2:[node, agent]' COMPLETE)"
    tree_is deploy "$complete"
    [ "$(id_of dse-2-node)" != "$id" ]
    retry 20 nothing_leaked
    [ "$(cat "$BATS_TEST_TMPDIR"/mesos/*/volumes/roles/*/*/starts | grep -c dse-2)" -eq 1 ]
}

@test "11.6: pause and resume" {
    export DSE_COUNT=2
    deployed
    run -0 dse-pod pause --wait=30 dse-0
    # the sidecar was never launched, so it has no record to be marked
    tree_is deploy "$(deploy COMPLETE COMPLETE PAUSED COMPLETE)"
    tree_is recovery "$(recovery 'dse-0:[node, agent]' STARTED PAUSING)"
    [ "$(dse-pod status dse-0 | grep -c PAUSED)" -ge 2 ]
    dse-plan why | grep -q 'dse-0-[a-z]* is paused; to go on: dse-pod resume dse-0$'
    kill -9 "$(pid_of dse-offers)"
    tree_is recovery "$(recovery 'dse-0:[node, agent]' STARTED PAUSING)"
    retry 20 pid_of dse-offers
    unready dse-0-node
    run -0 dse-pod resume dse-0
    shows recovery "$(recovery 'dse-0:[node, agent]' STARTED)"
    tree_is deploy "$(deploy COMPLETE COMPLETE COMPLETE COMPLETE)"
    ready dse-0-node
    shows recovery "$(recovery 'dse-0:[node, agent]' COMPLETE)"
}

@test "11.8: decommission, with its agent lost" {
    export DSE_COUNT=1 WORLD_COUNT=2
    deployed
    local host
    host=$(host_of world-1-server)
    dse-local agent-down "${host%.local}"
    retry 20 eval '[ "$(dse-pod status world-1 -o json | jq -r ".tasks[0].status")" = UNREACHABLE ]'
    WORLD_COUNT=1 run -0 update
    outline() { dse-plan show --exit-zero decommission 2>&1 | sed -E 's/unreserve-[0-9a-f-]{36}/unreserve-ID/'; }
    outline_is() { [ "$(outline | uniq)" = "$1" ]; }
    retry 20 outline_is 'decommission (serial strategy) (IN_PROGRESS)
└─ world-1 (serial strategy) (IN_PROGRESS)
   ├─ kill-world-1-server (COMPLETE)
   ├─ unreserve-ID (PREPARED)
   ├─ unreserve-ID (PENDING)
   └─ erase-world-1-server (PENDING)'
    [ "$(dse-pod status world-1 | tail -1)" = '└─ world-1-server (DECOMMISSIONING)' ]
    dse-plan why | grep 'decommission world-1 unreserve-' | head -1 | grep -q 'the resource has not been offered yet'
    stop_bg scheduler KILL
    export WORLD_COUNT=1
    scheduler
    retry 20 pid_of dse-offers
    outline | head -1 | grep -qx 'decommission (serial strategy) (IN_PROGRESS)'
    dse-local agent-up "${host%.local}"
    retry 30 outline_is 'decommission (serial strategy) (COMPLETE)
└─ world-1 (serial strategy) (COMPLETE)
   ├─ kill-world-1-server (COMPLETE)
   ├─ unreserve-ID (COMPLETE)
   └─ erase-world-1-server (COMPLETE)'
    run -1 dse-pod status world-1
    retry 20 nothing_leaked
}

side() { # STATUS PHASE STEP STEP
    printf '%s\n' "side (serial strategy) ($1)" "└─ side-phase (serial strategy) ($2)" \
        "   ├─ dse-0:[side] ($3)" "   └─ dse-1:[side] ($4)"
}

@test "11.9: a side plan with parameters, started twice, stopped" {
    export DSE_COUNT=2
    deployed
    shows side "$(side WAITING PENDING PENDING PENDING)"
    [ -z "$(dse-plan why)" ]
    run -0 dse-plan start side -p WORD=first --wait=20
    [ "$(jq -r .message <<<"$output")" = 'Received cmd: start side with parameters: {WORD=first}' ]
    shows side "$(side STARTED STARTED STARTED PENDING)"
    dse-plan why | head -1 | grep -q 'dse-0-side runs and has not finished yet$'
    ready dse-0-side
    shows side "$(side IN_PROGRESS IN_PROGRESS COMPLETE STARTED)"
    # parameters and progress outlive the scheduler
    stop_bg scheduler KILL
    tree_is side "$(side IN_PROGRESS IN_PROGRESS COMPLETE STARTED)"
    scheduler
    retry 20 pid_of dse-offers
    ready dse-1-side
    shows side "$(side COMPLETE COMPLETE COMPLETE COMPLETE)"
    unready dse-0-side dse-1-side
    run -0 dse-plan start side -p WORD=second --wait=20
    shows side "$(side STARTED STARTED STARTED PENDING)"
    run -0 dse-plan stop side --wait=20
    shows side "$(side WAITING PENDING PENDING PENDING)"
    # the running task is not killed, and its end changes nothing
    ready dse-0-side
    said() { [ "$(cat "$BATS_TEST_TMPDIR"/mesos/*/volumes/roles/*/*/side | sort | tr '\n' ' ')" = "$1" ]; }
    retry 20 said 'first first second '
    tree_is side "$(side WAITING PENDING PENDING PENDING)"
    tree_is deploy "$(deploy COMPLETE COMPLETE COMPLETE COMPLETE)"
}
