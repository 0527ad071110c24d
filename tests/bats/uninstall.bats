load helpers
load service
load zookeeper

setup() {
    hello_env
    start_local --agent-timeout 1s
}
teardown() { stop_pipe; stop_bg scheduler; stop_bg local; stop_all; }

# Tasks of the local Mesos that have not ended.
live_tasks() {
    curl -sf "$DSE_MASTER/state" |
        jq '[.. | objects | select(.state? == "TASK_RUNNING" or .state? == "TASK_STAGING")] | length'
}
is_gone() { dse-uninstall status | grep -q 'nothing is installed'; }
answers() { [ "$(curl -s -o /dev/null -w '%{http_code}' "$2")" -eq "$1" ]; }
# What the original leaves: the root and the lock's own nodes.
wiped() { [ -z "$(find "$BATS_TEST_TMPDIR/state" -mindepth 1 -type d ! -path '*/lock*')" ]; }
no_reservation() { [ -z "$(reserved_ids)" ]; }

@test "an uninstall leaves no task, no reservation, no framework and no state" {
    start_scheduler
    wait_complete
    [ -n "$(reserved_ids)" ]
    run -1 dse-uninstall status
    [ "$output" = 'no uninstall is under way' ]
    stop_bg scheduler
    export SDK_UNINSTALL=
    start_scheduler
    retry 30 is_gone
    retry 10 no_reservation
    [ "$(live_tasks)" -eq 0 ]
    run -1 dse-state framework-id
    wiped
    kill -0 "$(cat "$BATS_TEST_TMPDIR/scheduler.pid")"
}

# The plan without what differs from run to run.
tree() { dse-uninstall status | sed -E 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/ID/; s/unreserve-resources-agent[0-9]/unreserve-resources-agentN/'; }
tree_is() { [ "$(tree)" = "$1" ]; }
steps_of() { # STATUS
    printf '│  ├─ unreserve-ID (%s)\n' "$1" "$1" "$1" "$1" "$1" "$1" "$1"
    printf '│  └─ unreserve-ID (%s)\n' "$1"
}

@test "an uninstall waits for a lost agent until it is forgotten (11.7)" {
    start_scheduler
    wait_complete
    run -0 dse-uninstall verify
    [ "$output" = '16 reserved resources on 2 agents are as recorded' ]
    stop_bg scheduler
    local host
    host=$(dse-state task hello-0-server | jq -r '.labels.labels[] | select(.key == "offer_hostname") | .value')
    dse-local agent-down "${host%.local}"
    export SDK_UNINSTALL=true
    start_scheduler
    retry 20 eval 'dse-plan why | grep -q "8 of 8 resources have not been offered yet.*forget-agent $host"'
    local kill='├─ kill-tasks (parallel strategy) (COMPLETE)
│  ├─ kill-task-hello__hello-0-server__ID (COMPLETE)
│  └─ kill-task-hello__hello-1-server__ID (COMPLETE)
'
    # hosts are in the order of their names
    local lost="├─ unreserve-resources-agentN.local (parallel strategy) (IN_PROGRESS)
$(steps_of PREPARED)
" freed="├─ unreserve-resources-agentN.local (parallel strategy) (COMPLETE)
$(steps_of COMPLETE)
" last='└─ deregister-service (serial strategy) (PENDING)
   └─ deregister (PENDING)'
    local other first second
    other=$(dse-state task hello-1-server | jq -r '.labels.labels[] | select(.key == "offer_hostname") | .value')
    if [[ $host < $other ]]; then first=$lost second=$freed; else first=$freed second=$lost; fi
    retry 20 tree_is "deploy (dependency strategy) (IN_PROGRESS)
$kill$first$second$last"
    retry 10 eval '! dse-uninstall verify' # until the master gives the agent up
    run -1 dse-uninstall verify
    [ "$(grep -c "^$host: on record, but the agent is not registered: " <<<"$output")" -eq 8 ]
    # killed and started anew, it stands where it stood
    kill -9 "$(pid_of dse-uninstall)"
    tree_is "deploy (dependency strategy) (IN_PROGRESS)
$kill$first$second$last"
    run -2 dse-uninstall forget-agent --wait=20 "$host"
    run -1 dse-uninstall forget-agent --yes --wait=20 nowhere
    [[ $output == *"agent 'nowhere' holds nothing of the service"* ]]
    run -0 dse-uninstall forget-agent --yes --wait=20 "$host"
    retry 20 is_gone
    run -2 dse-uninstall verify
    run -0 dse-uninstall verify --role hello-role
    [ "$output" = 'nothing of the service is left on 2 agents' ]
    # what was given up is still there when the agent is
    dse-local agent-up "${host%.local}"
    retry 20 eval '! dse-uninstall verify --role hello-role'
    run -1 dse-uninstall verify --role hello-role --json
    jq -e '[.agents[].not_recorded[] | select(.path)] | length == 2' <<<"$output"
}

@test "a plan completed by force is torn down at once, whatever is left" {
    start_scheduler
    wait_complete
    stop_bg scheduler
    for n in 1 2 3; do dse-local agent-down agent$n; done
    export SDK_UNINSTALL=true
    start_scheduler
    retry 20 dse-plan force-complete deploy --yes --wait=20
    retry 20 is_gone
    run -4 dse-uninstall verify --role hello-role --master http://127.0.0.1:1
    [ "$(curl -sf "$DSE_MASTER/state" | jq '.frameworks | length')" -eq 0 ]
}

@test "the packaging service sees the uninstall end: 200 on the deploy plan" {
    start_scheduler
    wait_complete
    stop_bg scheduler
    local port=20400
    while curl -s -o /dev/null --max-time 1 "http://127.0.0.1:$port/"; [ $? -ne 7 ]; do port=$((port + 1)); done
    export SDK_UNINSTALL=true PORT_API=$port
    start_scheduler
    retry 10 curl -s -o /dev/null "http://127.0.0.1:$port/v1/plans/deploy"
    # From the first answer on one comes to each question, whatever ends and begins behind it.
    start_bg poll bash -c 'while :; do curl -s -o "$1" -w "%{http_code}\n" "$2"; done' \
        poll "$BATS_TEST_TMPDIR/plan" "http://127.0.0.1:$port/v1/plans/deploy"
    retry 30 grep -q 'the service is uninstalled' "$BATS_TEST_TMPDIR/scheduler.err"
    local asked
    asked=$(wc -l <"$BATS_TEST_TMPDIR/poll.out")
    many() { [ "$(wc -l <"$BATS_TEST_TMPDIR/poll.out")" -ge $((asked + 50)) ]; }
    retry 20 many
    stop_bg poll
    [ "$(uniq "$BATS_TEST_TMPDIR/poll.out" | grep -vx 503 | paste -sd ' ')" = '202 200' ]
    json '.status == "COMPLETE" and .phases == []' "$BATS_TEST_TMPDIR/plan"
    retry 10 answers 318 "http://127.0.0.1:$port/v1/health"
    retry 10 answers 404 "http://127.0.0.1:$port/v1/pod"
}

@test "an uninstall cannot be reversed: status 11" {
    start_scheduler
    wait_complete
    stop_bg scheduler
    : | dse-state put Properties/uninstalling </dev/null || true
    printf true | dse-state put Properties/uninstalling
    run -11 dse-scheduler "$TOP/tests/data/hello/svc.yml"
    [[ $output == *'SCHEDULER_ALREADY_UNINSTALLING[11]'* ]]
}

# What the original leaves of an uninstall that was stopped: the flag, tasks whose resources are on their way
# out, nothing of Toolkit (see plans-and-recovery 9.6). And the wipe, which its TEARDOWN did not follow.
@test "an uninstall that the original began goes on, at its beginning and behind its wipe" {
    start_scheduler
    wait_complete
    stop_bg scheduler
    dse-state rm --yes Toolkit
    printf true | dse-state put Properties/uninstalling
    export SDK_UNINSTALL=
    start_scheduler
    retry 30 is_gone
    retry 10 no_reservation
    [ "$(live_tasks)" -eq 0 ]
    wiped
    stop_bg scheduler
    # Initialization of the original, without a framework id.
    printf hello | dse-state put servicename
    printf 1 | dse-state put SchemaVersion
    printf true | dse-state put Properties/uninstalling
    start_scheduler
    retry 30 wiped
}

deployed() { [ "$(dse-state property get last-completed-update-type 2>/dev/null)" = DEPLOY ]; }
pipe_ended() { ! kill -0 "$pipe" 2>/dev/null; }

# Each $DSE_CUT_STRIDE-th point, until an uninstall is not cut; DSE_CUT_STRIDE=1 cuts at each, DSE_CUT_STORE=zk
# on ZooKeeper.
@test "an uninstall cut at a crash point goes on and ends, whichever it is" {
    export HELLO_COUNT=1 HELLO_PORT=0
    if [ "${DSE_CUT_STORE:-dir}" = zk ]; then
        requires zookeeper
        export DSE_ZK_SESSION_MS=1000
        start_zk
    fi
    local n stride=${DSE_CUT_STRIDE:-7} points=0
    for ((n = 1; n < 1000; n += stride)); do
        export DSE_RUN_DIR=$BATS_TEST_TMPDIR/$n DSE_STORE=dir:$BATS_TEST_TMPDIR/$n/state FRAMEWORK_NAME=hello$n
        [ -z "${ZK:-}" ] || DSE_STORE=zk://$ZK/dcos-service-hello$n
        mkdir -p "$DSE_RUN_DIR"
        dse-render "$TOP/tests/data/hello/svc.yml" | dse-plan update >/dev/null
        WORKER=dse-offers start_pipe DSE_CRASH_AT=
        retry 20 deployed
        stop_pipe
        WORKER=dse-uninstall start_pipe DSE_CRASH_AT="$n" DSE_CRASH_COUNT="$DSE_RUN_DIR/count"
        retry 30 pipe_ended
        stop_pipe
        WORKER=dse-uninstall start_pipe DSE_CRASH_AT=
        retry 30 pipe_ended || { echo "cut $n hangs"; tail -n 5 "$DSE_RUN_DIR"/*.log; return 1; }
        stop_pipe
        dse-uninstall status | grep 'nothing is installed'
        retry 10 no_reservation || { echo "cut $n leaked"; return 1; }
        [ "$(live_tasks)" -eq 0 ]
        if [ "$(cat "$DSE_RUN_DIR/count")" -lt "$n" ]; then # not cut any more
            echo "# $points cuts of $((n - 1)), all ended, none leaked" >&3
            [ "$n" -gt 20 ] # there are that many durable steps
            return
        fi
        points=$((points + 1))
    done
    echo 'no run finished'
    return 1
}
