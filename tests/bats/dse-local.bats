#!/usr/bin/env bats
# dse-local: protocol, offers, and tasks that are real processes.
load helpers
load local

setup() {
    DIR=$BATS_TEST_TMPDIR
    cd "$DIR"
}
teardown() {
    stop_all
}

# ---- the protocol ----------------------------------------------------------------------------

post() { # CONTENT-TYPE BODY [CURL OPTION...]: prints status and body
    local type=$1 body=$2
    shift 2
    curl -s -m 5 -w '\n%{http_code}' -H "Content-Type: $type" --data-binary "$body" "$@" \
        "$MASTER/api/v1/scheduler"
}

@test "wrong requests get the master's status and words" {
    start_local
    run post text/plain '{}'
    [ "${lines[1]}" = 415 ]
    run post application/json '{'
    [[ ${lines[0]} == 'Failed to parse body into JSON: '* ]] && [ "${lines[1]}" = 400 ]
    run post application/json '{"type":"KILL"}'
    [ "${lines[0]}" = "Failed to validate scheduler::Call: Expecting 'framework_id' to be present" ]
    run post application/json '{"type":"REVIVE","framework_id":{"value":"x"}}'
    [ "$output" = $'Framework cannot be found\n400' ]
    run post application/x-protobuf 'nonsense'
    [ "$output" = $'Failed to parse body into Call protobuf\n400' ]
    run post application/json '{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}' \
        -H 'Accept: text/html'
    [ "${lines[1]}" = 406 ]
    run post application/json '{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}' \
        -H 'Mesos-Stream-Id: 1'
    [ "${lines[1]}" = 400 ]
    run curl -s -o /dev/null -w '%{http_code}' "$MASTER/api/v1/scheduler"
    [ "$output" = 405 ]
    run curl -s -o /dev/null -w '%{http_code}' "$MASTER/nothing"
    [ "$output" = 404 ]
    run curl -s "$MASTER/version"
    json '.version == "1.12.0"' <(echo "$output")
}

@test "protobuf on the wire both ways says what JSON says" {
    requires captures
    recorded_topology
    start_local --topology topology.json
    # The first recorded call, without its frame, is a SUBSCRIBE.
    len=$(head -1 "$CAPTURES/lifecycle-protobuf-calls.recordio")
    tail -c +$((${#len} + 2)) "$CAPTURES/lifecycle-protobuf-calls.recordio" | head -c "$len" >subscribe.pb
    start_bg pb curl -sN -D pb.headers -H 'Content-Type: application/x-protobuf' \
        -H 'Accept: application/x-protobuf' --data-binary @subscribe.pb "$MASTER/api/v1/scheduler"
    retry 5 grep -q 'agent2.local' pb.out
    grep -qi '^content-type: application/x-protobuf' pb.headers
    # The same to a JSON subscriber that takes the framework over: the same first offers.
    F=$(curl -s "$MASTER/state" | jq -r '.frameworks[0].id')
    [ -n "$F" ]
    subscribe json '.framework_id = {value: "'"$F"'"} | .subscribe.framework_info.id = .framework_id'
    retry 5 an_offer agent2.local
    retry 5 grep -q 'Framework failed over' pb.out
}

@test "a subscriber that is not heard of again is removed after its failover time" {
    start_local
    subscribe one '.subscribe.framework_info.failover_timeout = 0.3'
    launch t1 'sleep 600'
    wait_state t1 TASK_RUNNING
    pid=$(curl -s "$MASTER/state" | jq '.frameworks[0].tasks[0].pid')
    stop_bg one
    retry 5 gone "$pid"
    run curl -s "$MASTER/state"
    [ "$(jq '.frameworks | length' <<<"$output")" = 0 ]
    [ "$(jq -c '.agents[0] | .resources == .free' <<<"$output")" = true ]
    first=$F
    subscribe two '.framework_id = {value: "'"$first"'"} | .subscribe.framework_info.id = .framework_id'
    [ "$(events two | jq -r .error.message)" = 'Framework has been removed' ]
}

@test "a framework's roles and principal are checked" {
    start_local
    subscribe a '.subscribe.framework_info.role = "x"'
    [ "$(events a | jq -r .error.message)" = \
        "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable" ]
    subscribe b '.subscribe.framework_info.roles = ["a//b"]'
    [[ $(events b | jq -r .error.message) == *"two adjacent slashes" ]]
    subscribe c '.subscribe.suppressed_roles = ["other"]'
    [[ $(events c | jq -r .error.message) == *"not contained in the set of roles" ]]
    subscribe d
    id=$F
    subscribe e '.framework_id = {value: "'"$id"'"} | .subscribe.framework_info.id = .framework_id
        | .subscribe.framework_info.principal = "other"'
    [ "$(events e | jq -r .error.message)" = "Changing framework's principal is not allowed." ]
    run post application/json '{"type":"SUBSCRIBE","framework_id":{"value":"x"},"subscribe":{"framework_info":{"user":"u","name":"n"}}}'
    [ "${lines[0]}" = "Failed to validate scheduler::Call: 'framework_id' differs from 'subscribe.framework_info.id'" ]
}

@test "heartbeats come in the interval that was told" {
    start_local --heartbeat 0.2
    subscribe s
    json '.subscribed.heartbeat_interval_seconds == 0.2' <(events s | jq -c 'select(.subscribed)')
    beats() { [ "$(events s | grep -c HEARTBEAT)" -ge 4 ]; }
    retry 5 beats
}

# ---- offers ----------------------------------------------------------------------------------

@test "declined resources stay away until the filter ends, anything more breaks through" {
    start_local
    subscribe s
    retry 5 an_offer
    id=$(offered | jq -r .id.value)
    call '{"type":"DECLINE","decline":{"offer_ids":[{"value":"'"$id"'"}],"filters":{"refuse_seconds":1}}}'
    [ "$STATUS" = 202 ]
    declined_at=$(date +%s%N)
    another() { [ "$(offered | jq -r .id.value)" != "$id" ]; }
    retry 5 another
    took=$((($(date +%s%N) - declined_at) / 1000000))
    [ "$took" -ge 1000 ] && [ "$took" -le 2500 ]
    # For an hour: nothing, until REVIVE.
    id=$(offered | jq -r .id.value)
    call '{"type":"DECLINE","decline":{"offer_ids":[{"value":"'"$id"'"}],"filters":{"refuse_seconds":3600}}}'
    run ! retry 1 another
    call '{"type":"REVIVE"}'
    retry 2 another
}

@test "filters end with a connection, not with its being taken over; nor do they survive the end of suppression" {
    start_local
    subscribe one
    id=$F
    again='.framework_id = {value: "'"$id"'"} | .subscribe.framework_info.id = .framework_id'
    decline() {
        retry 5 an_offer
        call "$(jq -c '{type: "DECLINE", decline: {offer_ids: .ids, filters: {refuse_seconds: 3600}}}' <<<"$(offered)")"
        forget
    }
    decline
    subscribe two "$again"
    retry 5 grep -q 'Framework failed over' one.out
    call '{"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"x"}}]}}'
    retry 5 has two 'select(.type == "UPDATE")' # so much later
    ! an_offer
    call '{"type":"REVIVE","revive":{}}'
    decline
    stop_bg two
    disconnected() { [ "$(curl -s "$MASTER/state" | jq '.frameworks[0].connected')" = false ]; }
    retry 5 disconnected
    subscribe three "$again"
    decline
    call '{"type":"SUPPRESS","suppress":{}}'
    subscribe four "$again"
    retry 5 an_offer
}

@test "a suppressed role gets no offers until it is revived" {
    start_local
    subscribe s '.subscribe.suppressed_roles = ["dse-role"]'
    run ! retry 1 an_offer
    call '{"type":"REVIVE","revive":{"roles":["dse-role"]}}'
    retry 2 an_offer
    id=$(offered | jq -r .id.value)
    call '{"type":"SUPPRESS","suppress":{}}'
    call '{"type":"DECLINE","decline":{"offer_ids":[{"value":"'"$id"'"}],"filters":{"refuse_seconds":0}}}'
    another() { [ "$(offered | jq -r .id.value)" != "$id" ]; }
    run ! retry 1 another
}

@test "offers that nobody takes are rescinded after the offer time-out" {
    start_local --offer-timeout 0.3
    subscribe s
    retry 5 has s 'select(.type == "RESCIND")'
    id=$(events s | jq -r 'select(.rescind).rescind.offer_id.value' | head -1)
    has s 'select(.type == "OFFERS" and .offers.offers[0].id.value == "'"$id"'")'
}

@test "static and refined reservations, attributes and domains are as the topology says" {
    cat >topology.json <<'END'
{"agents": [{"name": "pub", "hostname": "pub.example", "ip": "127.0.0.9", "cpus": 2, "mem": 1024, "disk": 4096,
  "ports": "[100-110]", "region": "r1", "zone": "z1", "attributes": {"rack": "a", "size": 3, "free": "[1-5]"},
  "roles": {"slave_public": {"cpus": 1, "mem": 512, "ports": "[80-81]"}}}]}
END
    start_local --topology topology.json
    subscribe s '.subscribe.framework_info.roles = ["slave_public/dse-role"]'
    retry 5 an_offer pub.example
    offered pub.example >offer.json
    json '.domain.fault_domain.zone.name == "z1" and .url.address.ip == "127.0.0.9"' offer.json
    json '[.attributes[] | .type] == ["TEXT","SCALAR","RANGES"]' offer.json
    json '[.resources[] | select(.reservations == [{"type":"STATIC","role":"slave_public"}]) | .name] | sort
        == ["cpus","mem","ports"]' offer.json
    accept '[{"type":"RESERVE","reserve":{"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.5},
        "reservations":[{"type":"STATIC","role":"slave_public"},
        {"type":"DYNAMIC","role":"slave_public/dse-role","principal":"dse-principal"}]}]}}]' pub.example
    refined() { offer_with '[.resources[] | select(.reservations | length == 2) | .scalar.value] == [0.5]' pub.example; }
    retry 5 refined
    # Another role does not see what is reserved.
    stop_bg s
    subscribe other
    retry 5 an_offer pub.example
    [ "$(offered pub.example | jq '[.resources[] | select(.reservations)] | length')" = 0 ]
}

@test "MOUNT disks with profiles and roles, gpus, and regions out of reach are as the topology says" {
    cat >topology.json <<'END'
{"master": {"region": "here", "zone": "z"},
 "agents": [{"name": "disks", "region": "here", "zone": "z1", "mounts": [
   {"root": "a", "size": 100}, {"root": "b", "size": 100, "profile": "fast"},
   {"root": "c", "size": 200, "role": "dse-role"}, {"root": "d", "size": 300, "role": "other"}]},
  {"name": "gpu", "region": "here", "zone": "z2", "gpus": 2}, {"name": "far", "region": "there", "zone": "z1"}]}
END
    start_local --topology topology.json
    subscribe s
    for agent in disks gpu far; do retry 5 an_offer $agent.local; done
    offered disks.local >offer.json
    # Two of one size stay two; what is reserved for another role is not shown.
    json '[.resources[] | select(.disk) | [(.disk.source.mount.root | split("/") | last), .scalar.value,
        .disk.source.profile, .disk.source.type, .reservations[0].type, .reservations[0].role]] | sort == [
        ["a", 100, null, "MOUNT", null, null], ["b", 100, "fast", "MOUNT", null, null],
        ["c", 200, null, "MOUNT", "STATIC", "dse-role"]]' offer.json
    [ -d work/disks/a ]
    offer_with '[.resources[] | select(.name == "gpus") | .scalar.value] == [2]' gpu.local
    offer_with '.domain.fault_domain.region.name == "there"' far.local
    # A MOUNT disk is reserved whole or not at all.
    accept "$(jq -nc --argjson d "$(jq -c '.resources[] | select(.disk.source.profile == "fast")' offer.json)" '
        def mine(n): $d * {scalar: {value: n}, reservations: [{type: "DYNAMIC", role: "dse-role", principal: "dse-principal"}]};
        [{type: "RESERVE", id: {value: "half"}, reserve: {resources: [mine(50)]}},
         {type: "RESERVE", id: {value: "whole"}, reserve: {resources: [mine(100)]}}]')" disks.local
    retry 5 has s 'select(.update_operation_status.status | .operation_id.value == "half" and .state == "OPERATION_ERROR")'
    retry 5 has s 'select(.update_operation_status.status | .operation_id.value == "whole" and .state == "OPERATION_FINISHED")'
    stop_bg s
    # Without the capabilities whole agents are out of reach.
    subscribe plain '.subscribe.framework_info.capabilities |= map(select(.type | . != "GPU_RESOURCES" and . != "REGION_AWARE"))'
    retry 5 an_offer disks.local
    [ -z "$(offered gpu.local)$(offered far.local)" ]
}

@test "a framework without the new capabilities sees the old format" {
    start_local
    subscribe s '.subscribe.framework_info |= (del(.roles) | .role = "old" | .capabilities = [])'
    retry 5 an_offer
    [ "$(offered | jq -c '[.. | objects | select(has("allocation_info"))] | length')" = 0 ]
    accept '[{"type":"RESERVE","reserve":{"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1},
        "role":"old","reservation":{"principal":"dse-principal"}}]}}]'
    old_format() { offer_with '[.resources[] | select(.role == "old" and .reservation.principal == "dse-principal"
        and (has("reservations") | not))] | length == 1'; }
    retry 5 old_format
    # Not partition aware: what is unknown is lost.
    call '{"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"nobody"}}]}}'
    retry 5 has s 'select(.update.status.state == "TASK_LOST" and .update.status.reason == "REASON_RECONCILIATION")'
}

@test "two services share the agents, each offered what is its own" {
    start_local --agents 2
    subscribe one
    retry 5 an_offer agent1.local
    retry 5 an_offer agent2.local
    accept "[{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[$(reserved r1 cpus 1)]}}]" agent1.local
    retry 5 offer_with '[.resources[] | select(.reservations)] | length == 1'
    stop_bg one
    subscribe two '.subscribe.framework_info.roles = ["second"]'
    retry 5 an_offer agent1.local
    offered agent1.local >offer.json
    json '[.resources[] | select(.name == "cpus") | .scalar.value] == [3]' offer.json
}

# ---- tasks -----------------------------------------------------------------------------------

@test "a task is a process in its sandbox with Mesos's environment" {
    start_local
    subscribe s
    launch t1 'echo out; echo err >&2; env >env; sleep 600' \
        '.command.environment.variables = [{name: "COLOUR", value: "blue"}]'
    wait_state t1 TASK_RUNNING
    box=$(sandbox t1)
    retry 5 test -s "$box/env"
    [ "$(cat "$box/stdout")" = out ] && [ "$(cat "$box/stderr")" = err ]
    grep -qx "MESOS_SANDBOX=$box" "$box/env"
    grep -qx 'COLOUR=blue' "$box/env"
    grep -qx 'MESOS_CONTAINER_IP=127.0.0.2' "$box/env"
    grep -qx "MESOS_FRAMEWORK_ID=$F" "$box/env"
    grep -qx 'MESOS_EXECUTOR_ID=e-t1' "$box/env"
    grep -qx 'MESOS_ALLOCATION_ROLE=dse-role' "$box/env"
    ! grep -q '^BATS' "$box/env"
    status=$(update_of t1 TASK_RUNNING)
    [ "$(jq -r '.container_status.network_infos[0].ip_addresses[0].ip_address' <<<"$status")" = 127.0.0.2 ]
    kill -0 "$(jq .container_status.executor_pid <<<"$status")"
}

@test "killing: TERM to the group, KILL after the grace period, which a second call may shorten" {
    start_local
    subscribe s
    launch t1 'trap "echo term" TERM; echo ready; while :; do sleep 0.05; done' \
        '.kill_policy.grace_period.nanoseconds = 600000000000'
    wait_state t1 TASK_RUNNING
    box=$(sandbox t1)
    retry 5 grep -q ready "$box/stdout"
    call '{"type":"KILL","kill":{"task_id":{"value":"t1"}}}'
    wait_state t1 TASK_KILLING
    retry 5 grep -q term "$box/stdout"
    [ -z "$(update_of t1 TASK_KILLED)" ]
    call '{"type":"KILL","kill":{"task_id":{"value":"t1"},"kill_policy":{"grace_period":{"nanoseconds":0}}}}'
    wait_state t1 TASK_KILLED
    [ "$(update_of t1 TASK_KILLED | jq -r .message)" = 'Command terminated with signal Killed' ]
    retry 5 has s 'select(.type == "FAILURE" and .failure.executor_id.value == "e-t1")'
}

@test "a KILL of a task that is being launched has no effect; one that never reached its executor is killed by the agent" {
    start_local
    subscribe s
    start_bg slow python3 -c '
import http.server, os, time
class Slow(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        open("asked", "w").close()
        while not os.path.exists("go"): time.sleep(0.05)
        self.send_response(200); self.end_headers()
s = http.server.HTTPServer(("127.0.0.1", 0), Slow)
open("slow.new", "w").write(str(s.server_port)); os.rename("slow.new", "slow.port")
s.serve_forever()'
    retry 10 test -s slow.port
    launch t1 'sleep 600' '.command.uris = [{value: "http://127.0.0.1:'"$(cat slow.port)"'/file"}]'
    retry 10 test -e asked
    call '{"type":"KILL","kill":{"task_id":{"value":"t1"}}}'
    touch go
    wait_state t1 TASK_RUNNING
    [ -z "$(update_of t1 TASK_KILLING)" ]
    retry 5 an_offer
    # Both calls in one go, so that the launch has not begun when the KILL comes.
    local kill head
    jq -c --arg f "$F" '.framework_id = {value: $f}' <<<"$(jq -nc --argjson o "$(offered)" --argjson g "$(group t2 'sleep 600')" \
        '{type: "ACCEPT", accept: {offer_ids: $o.ids, operations: [$g]}}')" >accept.json
    kill='{"type":"KILL","framework_id":{"value":"'"$F"'"},"kill":{"task_id":{"value":"t2"}}}'
    head="POST /api/v1/scheduler HTTP/1.1"$'\r\n'"Host: x"$'\r\n'"Content-Type: application/json"$'\r\n'"Mesos-Stream-Id: $(stream_id)"$'\r\n'
    { printf '%sContent-Length: %s\r\n\r\n' "$head" "$(wc -c <accept.json)" && cat accept.json &&
        printf '%sContent-Length: %s\r\nConnection: close\r\n\r\n%s' "$head" "${#kill}" "$kill"; } >both
    python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1]))); s.sendall(open("both", "rb").read())
while s.recv(4096): pass' "$PORT"
    wait_state t2 TASK_KILLED '.source == "SOURCE_AGENT" and .reason == "REASON_TASK_KILLED_DURING_LAUNCH"
        and .message == "A task within the task group was killed before delivery to the executor"'
}

@test "what goes down with its group has 3 s, whatever its own kill policy says" {
    start_local
    subscribe s
    retry 5 an_offer
    accept "[$(group t1 'while ! test -e fail; do sleep 0.05; done; exit 1' | jq -c '.launch_group.task_group.tasks |= (. + [.[0]
        | .task_id.value = "t2" | .kill_policy.grace_period.nanoseconds = 600000000000
        | .command.value = "trap \"\" TERM; touch ready; while :; do sleep 0.05; done"])')]"
    wait_state t2 TASK_RUNNING
    retry 5 test -e "$(sandbox t2)/ready"
    touch "$(sandbox t1)/fail"
    wait_state t2 TASK_KILLED '.message == "Command terminated with signal Killed"'
}

@test "resource limits of the process and the time it may take" {
    start_local
    subscribe s
    launch t1 'ulimit -n >limit; trap "" TERM; while :; do sleep 0.05; done' '.max_completion_time.nanoseconds = 500000000
        | .kill_policy.grace_period.nanoseconds = 600000000000
        | .container = {type: "MESOS", rlimit_info: {rlimits: [{type: "RLMT_NOFILE", soft: 77, hard: 99}]}}'
    wait_state t1 TASK_RUNNING
    retry 5 grep -qx 77 "$(sandbox t1)/limit"
    wait_state t1 TASK_FAILED '.reason == "REASON_MAX_COMPLETION_TIME_REACHED"'
    [ -z "$(update_of t1 TASK_KILLING)" ]
}

@test "nothing of a task outlives it: daemons it left behind die with it" {
    start_local
    subscribe s
    launch t1 'setsid sh -c "echo \$\$ >daemon; sleep 600" & while ! test -s daemon; do sleep 0.05; done; exit 4'
    wait_state t1 TASK_FAILED '.message == "Command exited with status 4"'
    daemon=$(cat work/agent1/slaves/*/frameworks/*/executors/e-t1/runs/*/tasks/t1/daemon)
    retry 5 gone "$daemon"
}

@test "the work folder has one user; a temporary one that was left behind goes with the next start" {
    export TMPDIR=$DIR/tmp
    mkdir -p tmp/dse-local.abcdef tmp/dse-local.mine12 # without a lock: nobody knows whose
    touch tmp/dse-local.mine12/.lock
    folders() { find tmp -mindepth 1 -maxdepth 1 -name 'dse-local.*' | wc -l; }
    start_bg one dse-local --port 0 --port-file one.port
    retry 5 test -s one.port
    [ -d tmp/dse-local.abcdef ] && [ ! -e tmp/dse-local.mine12 ]
    [ "$(folders)" = 2 ]
    start_bg two dse-local --port 0 --port-file two.port
    retry 5 test -s two.port
    [ "$(folders)" = 3 ] # one runs
    stop_bg one KILL
    stop_bg two
    [ "$(folders)" = 2 ]
    start_bg three dse-local --port 0 --port-file three.port
    retry 5 test -s three.port
    grep -q 'which a dse-local that was killed left behind' three.err
    stop_bg three
    [ "$(folders)" = 1 ]
    # A named one stays, and is refused to a second user.
    start_local
    run -5 dse-local --port 0 --work-dir work
    [ "$output" = "dse-local: the work folder '$DIR/work' is in use by another dse-local" ]
    stop_bg local KILL
    start_local
    stop_bg local
    [ -d work/agent1 ] && [ ! -e work/.lock ]
}

@test "SIGKILL of dse-local kills all tasks, SIGTERM too and removes the work folder when told" {
    start_local
    subscribe s
    launch t1 'sleep 600 & sleep 601 & echo $! >second; wait'
    wait_state t1 TASK_RUNNING
    box=$(sandbox t1)
    retry 5 test -s "$box/second"
    second=$(cat "$box/second") pid=$(curl -s "$MASTER/state" | jq '.frameworks[0].tasks[0].pid')
    stop_bg local KILL
    retry 5 gone "$second"
    retry 5 gone "$pid"
    stop_bg s
    rm -f s.acknowledged used
    start_local --rm-work-dir
    subscribe s
    launch t2 'sleep 600'
    wait_state t2 TASK_RUNNING
    pid=$(curl -s "$MASTER/state" | jq '.frameworks[0].tasks[0].pid')
    stop_bg local TERM
    gone "$pid"
    [ ! -e work ]
}

@test "the statuses of a task come in order and again until acknowledged" {
    start_local --resend 0.3
    subscribe s
    launch t1 'true'
    twice() { [ "$(updates | jq -r .state | grep -c TASK_STARTING)" -ge 2 ]; }
    retry 5 twice
    # Nothing else, although the task has long ended.
    [ "$(updates | jq -r .state | sort -u)" = TASK_STARTING ]
    # The same update, not a new one.
    [ "$(updates | jq -r .uuid | sort -u | wc -l)" = 1 ]
    wait_state t1 TASK_FINISHED '.message == "Command exited with status 0"'
    acknowledge
    [ "$(updates | jq -r .state | uniq | paste -sd' ')" = 'TASK_STARTING TASK_RUNNING TASK_FINISHED' ]
    no_task() { [ "$(curl -s "$MASTER/state" | jq '.frameworks[0].tasks | length')" = 0 ]; }
    retry 5 no_task
}

@test "after a re-subscription unacknowledged statuses come at once" {
    start_local --resend 600
    subscribe s
    launch t1 'sleep 600'
    retry 5 has s 'select(.update.status.state == "TASK_STARTING")'
    stop_bg s
    subscribe again '.framework_id = {value: "'"$F"'"} | .subscribe.framework_info.id = .framework_id'
    retry 5 has again 'select(.update.status.state == "TASK_STARTING")'
    wait_state t1 TASK_RUNNING
}

@test "reconciliation answers what is known, gone and unknown" {
    start_local
    subscribe s
    launch t1 'sleep 600'
    wait_state t1 TASK_RUNNING
    agent=$(agent_id agent1)
    call '{"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"t1"}},
        {"task_id":{"value":"t2"},"agent_id":{"value":"'"$agent"'"}},
        {"task_id":{"value":"t3"},"agent_id":{"value":"elsewhere"}}]}}'
    reconciled() { updates | jq -r 'select(.reason == "REASON_RECONCILIATION") | "\(.task_id.value) \(.state) \(has("uuid"))"' | paste -sd,; }
    three() { [ "$(reconciled)" = 't1 TASK_RUNNING false,t2 TASK_GONE false,t3 TASK_UNKNOWN false' ]; }
    retry 5 three
    call '{"type":"RECONCILE","reconcile":{}}'
    four() { [ "$(reconciled)" = 't1 TASK_RUNNING false,t2 TASK_GONE false,t3 TASK_UNKNOWN false,t1 TASK_RUNNING false' ]; }
    retry 5 four
    # A KILL of a task that is not known is answered the same way.
    call '{"type":"KILL","kill":{"task_id":{"value":"t9"}}}'
    retry 5 has s 'select(.update.status | .task_id.value == "t9" and .state == "TASK_UNKNOWN")'
}

# ---- volumes, files --------------------------------------------------------------------------

VOLUME='{"persistence":{"id":"v1","principal":"dse-principal"},"volume":{"container_path":"data","mode":"RW"}}'

# volume_group TASK COMMAND: a LAUNCH_GROUP whose executor holds the volume v1.
volume_group() {
    group "$1" "$2" '.container = {type: "MESOS", volumes: [{mode: "RW", container_path: "data",
        source: {type: "SANDBOX_PATH", sandbox_path: {type: "PARENT", path: "data"}}}]}' |
        jq -c --argjson v "$(reserved r1 disk 64 "$VOLUME")" '.launch_group.executor.resources += [$v]'
}

@test "a volume and its data survive the relaunch, not the DESTROY" {
    start_local
    subscribe s
    retry 5 an_offer
    accept "[{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[$(reserved r1 disk 64)]}},
        {\"type\":\"CREATE\",\"create\":{\"volumes\":[$(reserved r1 disk 64 "$VOLUME")]}},
        $(volume_group t1 'echo kept >data/file; exit 3')]"
    wait_state t1 TASK_FAILED
    [ "$(cat work/agent1/volumes/roles/dse-role/v1/file)" = kept ]
    volume_back() { offer_with '[.resources[] | select(.disk.persistence.id == "v1")] | length == 1'; }
    retry 5 volume_back
    accept "[$(volume_group t2 'cat data/file; sleep 600')]"
    wait_state t2 TASK_RUNNING
    retry 5 grep -qx kept "$(sandbox t2)/stdout"
    # In use: not offered.
    retry 5 offer_with '[.resources[] | select(.disk)] | length == 0'
    call '{"type":"KILL","kill":{"task_id":{"value":"t2"}}}'
    wait_state t2 TASK_KILLED
    retry 5 volume_back
    accept "[{\"type\":\"DESTROY\",\"destroy\":{\"volumes\":[$(reserved r1 disk 64 "$VOLUME")]}},
        {\"type\":\"UNRESERVE\",\"unreserve\":{\"resources\":[$(reserved r1 disk 64)]}}]"
    clean() { curl -s "$MASTER/state" | jq -e '.agents[0] | .reservations == [] and .volumes == []' >/dev/null; }
    retry 5 clean
    [ ! -e work/agent1/volumes/roles/dse-role/v1 ]
}

@test "a task's own volume is in its sandbox too" {
    start_local
    subscribe s
    retry 5 an_offer
    accept "[{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[$(reserved r1 disk 64)]}},
        {\"type\":\"CREATE\",\"create\":{\"volumes\":[$(reserved r1 disk 64 "$VOLUME")]}},
        $(group t1 'echo mine >data/file; sleep 600' |
            jq -c --argjson v "$(reserved r1 disk 64 "$VOLUME")" '.launch_group.task_group.tasks[0].resources += [$v]')]"
    wait_state t1 TASK_RUNNING
    retry 5 test -s work/agent1/volumes/roles/dse-role/v1/file
    [ "$(cat "$(sandbox t1)/../../data/file")" = mine ]
}

@test "URIs are fetched, extracted and made executable" {
    mkdir www && echo hello >www/plain && printf '#!/bin/sh\necho ran\n' >www/tool
    (mkdir tree && echo inside >tree/inner && tar -czf www/tree.tar.gz tree)
    start_bg www python3 -u -m http.server --bind 127.0.0.1 --directory www 0
    retry 5 grep -q 'port [0-9]' www.out
    web=http://127.0.0.1:$(sed -nE 's/.*port ([0-9]+).*/\1/p' www.out)
    start_local
    subscribe s
    launch t1 'cat plain sub/dir/renamed tree/inner; ./tool; ls; sleep 600' '.command.uris = [
        {value: "'"$web"'/plain?x=1"}, {value: "'"$web"'/plain", output_file: "sub/dir/renamed", extract: false},
        {value: "file://'"$DIR"'/www/tree.tar.gz"}, {value: "'"$DIR"'/www/tool", executable: true}]'
    wait_state t1 TASK_RUNNING
    box=$(sandbox t1)
    retry 5 grep -q tree.tar.gz "$box/stdout"
    [ "$(head -4 "$box/stdout" | paste -sd' ')" = 'hello hello inside ran' ]
    # One that cannot be had fails the task.
    launch t2 'true' '.command.uris = [{value: "'"$web"'/missing"}]'
    wait_state t2 TASK_FAILED '.reason == "REASON_CONTAINER_LAUNCH_FAILED"'
    [[ $(update_of t2 TASK_FAILED | jq -r .message) == *'Failed to fetch all URIs for container'* ]]
    grep -q "Failed to fetch '$web/missing': unexpected HTTP response code: 404" \
        work/agent1/slaves/*/frameworks/*/executors/e-t2/runs/*/tasks/t2/stderr
    # Nor may a name leave the sandbox.
    launch t3 'true' '.command.uris = [{value: "'"$web"'/plain", output_file: "../../plain"}]'
    wait_state t3 TASK_FAILED
}

@test "users: switched to, or refused when unknown; the sandbox is theirs, in a temporary folder too" {
    [ "$(id -u)" -eq 0 ] || skip 'not root'
    chmod 711 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$DIR"
    mkdir tmp
    TMPDIR=$DIR/tmp start_bg local dse-local --port 0 --port-file port --allocation-interval 0.2
    retry 5 test -s port
    MASTER=http://127.0.0.1:$(cat port)
    subscribe s '.subscribe.framework_info.user = "nobody"'
    launch t1 'id -un >who; touch "$MESOS_DIRECTORY/mine"; echo more >>stdout; sleep 600'
    wait_state t1 TASK_RUNNING
    retry 5 grep -qx more "$(sandbox t1)/stdout"
    [ "$(cat "$(sandbox t1)/who")" = nobody ]
    [ "$(stat -c '%U %a' tmp/dse-local.*)" = 'root 711' ]
    [ "$(stat -c %U "$(sandbox t1)"/../../mine)" = nobody ]
    launch t2 'true' '.command.user = "no-such-user"'
    wait_state t2 TASK_FAILED '.reason == "REASON_CONTAINER_LAUNCH_FAILED"'
    [[ $(update_of t2 TASK_FAILED | jq -r .message) == *"Failed to get user information for 'no-such-user'"* ]]
}

@test "secrets come as variables and files" {
    echo '{"/dse/password": "s3cret", "dse/__dcos_base64__key": "AAEC"}' >secrets.json
    start_local --secrets secrets.json
    subscribe s
    launch t1 'echo "$PASSWORD"; od -An -tx1 keys/k; sleep 600' '
        .command.environment.variables = [{name: "PASSWORD", type: "SECRET",
            secret: {type: "REFERENCE", reference: {name: "/dse/password"}}}]
        | .container = {type: "MESOS", volumes: [{mode: "RO", container_path: "keys/k", source: {type: "SECRET",
            secret: {type: "REFERENCE", reference: {name: "dse/__dcos_base64__key"}}}}]}'
    wait_state t1 TASK_RUNNING
    retry 5 grep -q '00 01 02' "$(sandbox t1)/stdout"
    grep -qx s3cret "$(sandbox t1)/stdout"
    ! grep -q s3cret local.err
    launch t2 'true' '.command.environment.variables = [{name: "P", type: "SECRET",
            secret: {type: "REFERENCE", reference: {name: "/dse/none"}}}]'
    wait_state t2 TASK_FAILED '.message | endswith("secret '"'/dse/none'"' is not known")'
}

# ---- checks ----------------------------------------------------------------------------------

@test "a check reports each change of its result, and only changes" {
    start_local
    subscribe s
    launch t1 'sleep 600' '.check = {type: "COMMAND", delay_seconds: 0, interval_seconds: 0.1, timeout_seconds: 5,
        command: {command: {value: "test -e go || exit $CODE", environment: {variables: [{name: "CODE", value: "7"}]}}}}'
    wait_state t1 TASK_RUNNING '.check_status.command.exit_code == 7'
    touch "$(sandbox t1)/go"
    wait_state t1 TASK_RUNNING '.check_status.command.exit_code == 0'
    [ "$(updates | jq -c '[.state, .reason, .check_status]' | paste -sd' ')" = \
        "$(printf '%s ' '["TASK_STARTING",null,{"type":"COMMAND","command":{}}]' \
            '["TASK_RUNNING",null,{"type":"COMMAND","command":{}}]' \
            '["TASK_RUNNING","REASON_TASK_CHECK_STATUS_UPDATED",{"type":"COMMAND","command":{"exit_code":7}}]')$(
            echo '["TASK_RUNNING","REASON_TASK_CHECK_STATUS_UPDATED",{"type":"COMMAND","command":{"exit_code":0}}]')" ]
}

@test "a health check that keeps failing kills the task; a time-out is a failure" {
    start_local
    subscribe s
    launch t1 'sleep 600' '.health_check = {type: "COMMAND", command: {value: "sleep 60"}, delay_seconds: 0,
        interval_seconds: 0.1, timeout_seconds: 0.2, grace_period_seconds: 0, consecutive_failures: 2}'
    wait_state t1 TASK_KILLED '.healthy == false'
    [ "$(updates | jq -c 'select(.reason == "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED") | .healthy' | paste -sd' ')" = \
        'false false' ]
}

@test "failures in the grace period do not count, TCP and HTTP checks connect to the agent's address" {
    start_local
    subscribe s
    launch t1 'python3 -c "
import http.server, socketserver, os
class H(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        self.send_response(302 if self.path == \"/moved\" else 404)
        self.send_header(\"Location\", \"/none\")
        self.end_headers()
s = http.server.ThreadingHTTPServer((os.environ[\"MESOS_CONTAINER_IP\"], 18643), H)
s.serve_forever()"' '
        .health_check = {type: "TCP", tcp: {port: 18643}, delay_seconds: 0, interval_seconds: 0.1, timeout_seconds: 5,
            grace_period_seconds: 60, consecutive_failures: 1}
        | .check = {type: "HTTP", http: {port: 18643, path: "/moved"}, delay_seconds: 0, interval_seconds: 0.1,
            timeout_seconds: 5}'
    wait_state t1 TASK_RUNNING '.check_status.http.status_code == 404'
    wait_state t1 TASK_RUNNING '.healthy == true'
}

# ---- executors -------------------------------------------------------------------------------

@test "a second group uses the running executor, whose info must be the same" {
    start_local
    subscribe s
    launch t1 'sleep 600'
    wait_state t1 TASK_RUNNING
    retry 5 offer_with '.executor_ids == [{"value":"e-t1"}]'
    more() { group "$1" 'sleep 600' | jq -c '.launch_group.executor.executor_id.value = "e-t1" | '"$2"; }
    accept "[$(more t2 '.launch_group.executor.labels = {labels: [{key: "new", value: "label"}]}'),
        $(more t3 '.launch_group.executor.resources[1].scalar.value = 64')]"
    wait_state t2 TASK_RUNNING
    wait_state t3 TASK_ERROR '.message | startswith("ExecutorInfo is not compatible")'
    # One executor's overhead only.
    [ "$(curl -s "$MASTER/state" | jq -c '[.agents[0].executors[].id]')" = '["e-t1"]' ]
    agent=$(agent_id agent1)
    call '{"type":"SHUTDOWN","shutdown":{"executor_id":{"value":"e-t1"},"agent_id":{"value":"'"$agent"'"}}}'
    wait_state t1 TASK_KILLED
    wait_state t2 TASK_KILLED
    retry 5 has s 'select(.failure.executor_id.value == "e-t1")'
    all_free() { curl -s "$MASTER/state" | jq -e '[.agents[0].executors, .frameworks[0].tasks] == [[], []]' >/dev/null; }
    acknowledge
    retry 5 all_free
}

@test "TEARDOWN kills the tasks and leaves the reservations" {
    start_local
    subscribe s
    retry 5 an_offer
    accept "[{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[$(reserved r1 mem 64)]}}]"
    retry 5 offer_with '[.resources[] | select(.reservations)] | length == 1'
    launch t1 'sleep 600'
    wait_state t1 TASK_RUNNING
    pid=$(curl -s "$MASTER/state" | jq '.frameworks[0].tasks[0].pid')
    call '{"type":"TEARDOWN"}'
    [ "$STATUS" = 202 ]
    retry 5 gone "$pid"
    json '.agents[0] | (.reservations | length == 1) and .resources == .free' <(curl -s "$MASTER/state" |
        jq '.agents[0].resources |= sort_by(.name) | .agents[0].free |= sort_by(.name)')
}

# ---- things that go wrong on command ---------------------------------------------------------

@test "agents go and return, tasks fail and streams break on command" {
    start_local --agent-timeout 0.3 --resend 600
    export DSE_MASTER=$MASTER
    subscribe s '.subscribe.framework_info.capabilities |= map(select(.type != "PARTITION_AWARE"))'
    launch t1 'while ! test -e end; do sleep 0.05; done; exit 5'
    wait_state t1 TASK_RUNNING
    box=$(sandbox t1)
    dse-local agent-down agent1
    # Not partition aware: LOST, and the time of it all the same.
    wait_state t1 TASK_LOST '.reason == "REASON_AGENT_REMOVED" and .unreachable_time.nanoseconds > 0'
    retry 5 has s 'select(.failure.agent_id and (.failure | has("executor_id") | not))'
    run ! an_offer
    # What it has to say waits; then it is killed, having been told lost.
    dse-local agent-up agent1
    wait_state t1 TASK_KILLED
    launch t2 'sleep 600'
    wait_state t2 TASK_RUNNING
    dse-local fail-task t2
    wait_state t2 TASK_FAILED '.message == "Command terminated with signal Killed"'
    dse-local disconnect dse
    closed() { ! kill -0 "$(cat s.pid)" 2>/dev/null; }
    retry 5 closed
    run -1 dse-local agent-down nobody
    [ "$output" = "dse-local: cannot do 'agent-down': 'nobody': no such agent" ]
    run -2 dse-local explode
    run -2 dse-local agent-up
    run -4 dse-local --master http://127.0.0.1:1 failover
}

@test "a task that ends while its agent is away says so when it is back; a kill is remembered" {
    start_local --agent-timeout 600 --resend 600
    export DSE_MASTER=$MASTER
    subscribe s
    launch t1 'while ! test -e end; do sleep 0.05; done; exit 5'
    wait_state t1 TASK_RUNNING
    launch t2 'sleep 600'
    wait_state t2 TASK_RUNNING
    box=$(sandbox t1)
    dse-local agent-down agent1
    call '{"type":"KILL","kill":{"task_id":{"value":"t2"}}}'
    touch "$box/end"
    ended() { curl -s "$MASTER/state" | jq -e '.frameworks[0].tasks[] | select(.id == "t1").state == "TASK_FAILED"' >/dev/null; }
    retry 5 ended
    [ -z "$(update_of t1 TASK_FAILED)$(update_of t2 TASK_KILLING)" ]
    dse-local agent-up agent1
    wait_state t1 TASK_FAILED '.message == "Command exited with status 5"'
    wait_state t2 TASK_KILLED
}

@test "simulated tasks live without processes" {
    start_local --simulate --agents 2000
    subscribe s
    retry 10 an_offer agent2000.local
    [ "$(events s | jq -s '[.[].offers.offers[]?] | length')" = 2000 ]
    launch t1 'exit 1' '.check = {type: "COMMAND", delay_seconds: 0, command: {command: {value: "exit 2"}}}'
    wait_state t1 TASK_RUNNING '.check_status.command.exit_code == 0'
    [ ! -e work/agent1 ]
    call '{"type":"KILL","kill":{"task_id":{"value":"t1"}}}'
    wait_state t1 TASK_KILLED
    retry 5 has s 'select(.failure.executor_id.value == "e-t1")'
}

# ---- usage -----------------------------------------------------------------------------------

@test "a bad topology or option is refused with its place" {
    echo '{"agents": [{"name": "a", "cpuss": 1}]}' >t.json
    run -3 dse-local --topology t.json --port 0
    [ "$output" = "dse-local: t.json: agents[0]: unknown member 'cpuss'" ]
    echo '{"agents": [{"ports": "[5-1]"}]}' >t.json
    run -3 dse-local --topology t.json --port 0
    [[ $output == "dse-local: t.json: agents[0]: not a list of ranges: '[5-1]'"* ]]
    run -2 dse-local --agents 0
    run -2 dse-local --cpus lots
    run -2 dse-local --agents 1 --topology t.json
    run -4 dse-local --topology missing.json
    start_local
    run -4 dse-local --port "$PORT"
    [[ $output == *"cannot listen on '127.0.0.1:$PORT'"* ]]
}

@test "the manual's synopsis names every option" {
    dse-local --help >help
    for name in $(grep -oE -- '--[a-z-]+' help | sort -u); do
        case $name in --help | --version) continue ;; esac
        grep -qF -- "Fl ${name#-}" "$TOP/man/dse-local.1" || { echo "not in the manual: $name"; false; }
    done
}
