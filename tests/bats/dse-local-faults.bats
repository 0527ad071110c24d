#!/usr/bin/env bats
# dse-local: what goes wrong on command, or does for schedulers that may not come in.
load helpers
load local

setup() {
    DIR=$BATS_TEST_TMPDIR
    cd "$DIR"
}
teardown() {
    stop_all
}

reservations() { curl -s "$MASTER/state" | jq -c '[.agents[].reservations[] | .name] | sort'; }

@test "drop-operation: dropped without a word, or with OPERATION_ERROR when it carries an id" {
    start_local
    export DSE_MASTER=$MASTER
    subscribe s
    retry 5 an_offer
    dse-local drop-operation
    dse-local drop-operation CREATE
    local volume
    volume=$(reserved r2 disk 64 '{"persistence":{"id":"v1","principal":"dse-principal"},"volume":{"mode":"RW","container_path":"data"}}')
    # The first of any type, and the first CREATE.
    accept "$(jq -nc --argjson mem "$(reserved r1 mem 32)" --argjson disk "$(reserved r2 disk 64)" --argjson volume "$volume" '[
        {type: "RESERVE", reserve: {resources: [$mem]}}, {type: "RESERVE", reserve: {resources: [$disk]}},
        {type: "CREATE", id: {value: "c1"}, create: {volumes: [$volume]}},
        {type: "CREATE", id: {value: "c2"}, create: {volumes: [$volume]}}]')"
    [ "$STATUS" = 202 ]
    retry 5 has s 'select(.update_operation_status.status.operation_id.value == "c2")'
    events s | jq -r 'select(.update_operation_status).update_operation_status.status |
        "\(.operation_id.value) \(.state) \(has("uuid"))"' >got
    printf 'c1 OPERATION_ERROR false\nc2 OPERATION_FINISHED true\n' | diff - got
    [ "$(reservations)" = '["disk"]' ]
    # What was dropped is offered again, as it was.
    retry 5 offer_with '[.resources[] | select(.name == "mem") | [.scalar.value, has("reservations")]] == [[8192, false]]'
    run -1 dse-local drop-operation LAUNCH_GROUP
    [ "$output" = "dse-local: cannot do 'drop-operation': 'LAUNCH_GROUP': only RESERVE, UNRESERVE, CREATE and DESTROY can be dropped" ]
}

@test "rescind: the offers of one agent, or all, are void and made again" {
    start_local --agents 2
    subscribe s
    retry 5 an_offer agent1.local
    retry 5 an_offer agent2.local
    local one two
    one=$(offered agent1.local | jq -r .id.value) two=$(offered agent2.local | jq -r .id.value)
    # The control path is also found by the port file.
    dse-local --port-file port rescind agent2
    retry 5 has s 'select(.rescind.offer_id.value == "'"$two"'")'
    again() { [ "$(offered "$1" | jq -r .id.value)" != "$2" ]; }
    retry 5 again agent2.local "$two"
    [ "$(offered agent1.local | jq -r .id.value)" = "$one" ]
    dse-local --port-file port rescind
    retry 5 has s 'select(.rescind.offer_id.value == "'"$one"'")'
    retry 5 again agent1.local "$one"
    echo x >wrong
    run -3 dse-local --port-file wrong rescind
    [ "$output" = 'dse-local: wrong: not a port' ]
    run -4 dse-local --port-file missing rescind
}

@test "fail-executor: all its tasks fail, by the agent's word, and their processes are gone" {
    start_local
    export DSE_MASTER=$MASTER
    subscribe s
    launch t1 'sleep 600'
    wait_state t1 TASK_RUNNING
    retry 5 offer_with '.executor_ids == [{"value":"e-t1"}]'
    accept "[$(group t2 'sleep 600' | jq -c '.launch_group.executor.executor_id.value = "e-t1"')]"
    wait_state t2 TASK_RUNNING
    local pids pid
    pids=$(curl -s "$MASTER/state" | jq '.frameworks[0].tasks[].pid')
    [ "$(wc -l <<<"$pids")" -eq 2 ]
    dse-local fail-executor e-t1
    for task in t1 t2; do
        wait_state $task TASK_FAILED '.reason == "REASON_EXECUTOR_TERMINATED" and .source == "SOURCE_AGENT"
            and .message == "Executor terminated" and has("uuid")'
    done
    retry 5 has s 'select(.failure | .executor_id.value == "e-t1" and .status == 9)'
    for pid in $pids; do retry 5 gone "$pid"; done
    free() { curl -s "$MASTER/state" | jq -e '.agents[0] | .executors == [] and .reservations == []' >/dev/null; }
    retry 5 free
    run -1 dse-local fail-executor e-t1
}

@test "agent-leave: LOST for everybody, and it never returns" {
    start_local --agents 2
    export DSE_MASTER=$MASTER
    subscribe s
    launch t1 'sleep 600'
    wait_state t1 TASK_RUNNING
    local agent
    agent=$(agent_id agent1)
    dse-local agent-leave agent1
    wait_state t1 TASK_LOST '.reason == "REASON_AGENT_REMOVED" and .source == "SOURCE_MASTER" and (has("uuid") | not)
        and .message == "Agent agent1.local removed: the agent unregistered"'
    retry 5 has s 'select(.failure.agent_id.value == "'"$agent"'" and (.failure | has("executor_id") | not))'
    call '{"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"t1"},"agent_id":{"value":"'"$agent"'"}}]}}'
    wait_state t1 TASK_UNKNOWN
    run -1 dse-local agent-up agent1
    [ "$output" = "dse-local: cannot do 'agent-up': 'agent1': that agent never returns" ]
    # The other one still makes offers.
    dse-local rescind agent2
    retry 5 an_offer agent2.local
}

@test "gone: by the operator API too; tasks of both kinds of framework hear it, others do not" {
    start_local --agents 2
    subscribe s
    launch t1 'sleep 600'
    wait_state t1 TASK_RUNNING
    local agent pid
    agent=$(agent_id agent1) pid=$(curl -s "$MASTER/state" | jq '.frameworks[0].tasks[0].pid')
    run curl -s -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' "$MASTER/api/v1" \
        -d '{"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"nobody"}}}'
    [ "$output" = 404 ]
    run curl -s -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' "$MASTER/api/v1" \
        -d '{"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"'"$agent"'"}}}'
    [ "$output" = 200 ]
    wait_state t1 TASK_GONE_BY_OPERATOR '.reason == "REASON_AGENT_REMOVED_BY_OPERATOR"'
    retry 5 gone "$pid"
    call '{"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"t1"},"agent_id":{"value":"'"$agent"'"}}]}}'
    retry 5 has s 'select(.update.status | .state == "TASK_GONE_BY_OPERATOR" and .reason == "REASON_RECONCILIATION")'
}

@test "an agent that is unreachable: only who names it hears of its tasks; others know no better state than LOST" {
    start_local --agents 2 --agent-timeout 0.2
    subscribe s
    launch t1 'sleep 600'
    wait_state t1 TASK_RUNNING
    agent=$(agent_id agent1)
    dse-local --port-file port agent-down agent1
    wait_state t1 TASK_UNREACHABLE
    call '{"type":"RECONCILE","reconcile":{}}'
    call '{"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"t1"}},{"task_id":{"value":"t1"},"agent_id":{"value":"'"$agent"'"}}]}}'
    call '{"type":"KILL","kill":{"task_id":{"value":"t1"}}}'
    call '{"type":"KILL","kill":{"task_id":{"value":"t1"},"agent_id":{"value":"'"$agent"'"}}}'
    answers() { updates | jq -r 'select(.reason == "REASON_RECONCILIATION") | "\(.state) \(has("unreachable_time"))"' | paste -sd,; }
    four() { [ "$(answers)" = 'TASK_UNKNOWN false,TASK_UNREACHABLE true,TASK_UNKNOWN false,TASK_UNREACHABLE true' ]; }
    retry 5 four
    # Gone: a framework that knows no such state hears that the agent was removed.
    call '{"type":"SUPPRESS","suppress":{}}'
    dse-local --port-file port rescind agent2
    CAPABILITIES='["MULTI_ROLE","RESERVATION_REFINEMENT"]'
    subscribe old '.subscribe.framework_info.roles = ["old"]'
    retry 5 an_offer agent2.local
    accept "[$(group t2 'sleep 600' | jq -c --arg a "$(agent_id agent2)" '.launch_group.task_group.tasks[0].agent_id.value = $a')]" agent2.local
    wait_state t2 TASK_RUNNING
    dse-local --port-file port agent-gone agent2
    wait_state t2 TASK_LOST '.reason == "REASON_AGENT_REMOVED" and .message == "Agent has been marked gone"'
}

@test "operations are reconciled: what is not acknowledged, and what is not known by where it was" {
    start_local --agents 2 --agent-timeout 0.2 --resend 600
    subscribe s
    retry 5 an_offer
    accept "[{\"type\":\"RESERVE\",\"id\":{\"value\":\"one\"},\"reserve\":{\"resources\":[$(reserved r1 mem 64)]}}]"
    one=$(agent_id agent1) two=$(agent_id agent2)
    told() { events s | jq -r 'select(.type == "UPDATE_OPERATION_STATUS").update_operation_status.status
        | "\(.operation_id.value) \(.state) \(has("uuid")) \(.message // "-")"'; }
    has_told() { [ "$(told | wc -l)" -ge "$1" ]; }
    retry 5 has_told 1
    dse-local --port-file port agent-down agent2
    unreachable() { curl -s "$MASTER/state" | jq -e '.agents[1].presence == "unreachable"' >/dev/null; }
    retry 5 unreachable
    call '{"type":"RECONCILE_OPERATIONS","reconcile_operations":{}}'
    call '{"type":"RECONCILE_OPERATIONS","reconcile_operations":{"operations":[{"operation_id":{"value":"one"}},
        {"operation_id":{"value":"x1"},"agent_id":{"value":"'"$one"'"}},
        {"operation_id":{"value":"x2"},"agent_id":{"value":"'"$two"'"}},
        {"operation_id":{"value":"x3"},"agent_id":{"value":"nowhere"}},{"operation_id":{"value":"x4"}}]}}'
    retry 5 has_told 7
    told | diff - <(cat <<'END'
one OPERATION_FINISHED true -
one OPERATION_FINISHED false -
one OPERATION_FINISHED false -
x1 OPERATION_UNKNOWN false Reconciliation: Operation is unknown
x2 OPERATION_UNREACHABLE false Reconciliation: Agent is unreachable
x3 OPERATION_UNKNOWN false Reconciliation: Both operation and agent are unknown
x4 OPERATION_UNKNOWN false Reconciliation: Operation is unknown and no 'agent_id' was provided
END
)
    # It is sent again when its agent was away, until acknowledged under its agent's name.
    dse-local --port-file port agent-down agent1
    dse-local --port-file port agent-up agent1
    retry 5 has_told 8
    [ "$(told | tail -1)" = 'one OPERATION_FINISHED true -' ]
    events s | jq -c 'select(.type == "UPDATE_OPERATION_STATUS").update_operation_status.status | select(.uuid)
        | {uuid: .uuid.value, operation_id, agent_id}' | head -1 >status
    call "$(jq -c '{type: "ACKNOWLEDGE_OPERATION_STATUS", acknowledge_operation_status: (.agent_id.value = "nowhere")}' status)"
    call "$(jq -c '{type: "ACKNOWLEDGE_OPERATION_STATUS", acknowledge_operation_status: .}' status)"
    call '{"type":"RECONCILE_OPERATIONS","reconcile_operations":{"operations":[{"operation_id":{"value":"one"}}]}}'
    retry 5 has_told 9
    [ "$(told | tail -1 | cut -d' ' -f1,2)" = 'one OPERATION_UNKNOWN' ]
}

@test "failover: streams break, offers are void, reservations and tasks survive, RECONCILE waits for the agents" {
    start_local --reregister 600 --resend 600
    export DSE_MASTER=$MASTER
    subscribe s
    retry 5 an_offer
    accept "[{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[$(reserved r1 mem 64)]}}]"
    retry 5 offer_with '[.resources[] | select(.reservations)] | length == 1'
    launch t1 'sleep 600'
    wait_state t1 TASK_RUNNING
    local pid old id
    pid=$(curl -s "$MASTER/state" | jq '.frameworks[0].tasks[0].pid')
    old=$(curl -s "$MASTER/state" | jq -r .id) id=$F
    dse-local failover
    closed() { ! kill -0 "$(cat s.pid)" 2>/dev/null; }
    retry 5 closed
    [ "$(curl -s "$MASTER/state" | jq -r .id)" != "$old" ]
    subscribe again '.framework_id = {value: "'"$id"'"} | .subscribe.framework_info.id = .framework_id'
    [ "$F" = "$id" ]
    call '{"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"t1"}},{"task_id":{"value":"t2"}}]}}'
    call '{"type":"RECONCILE","reconcile":{}}'
    [ "$(curl -s "$MASTER/state" | jq -r '.agents[0].presence')" = expected ]
    [ -z "$(updates)" ]
    # The agent is back: offers, the reservation, and answers.
    dse-local agent-up agent1
    retry 10 offer_with '[.resources[] | select(.reservations) | .scalar.value] == [64]'
    call '{"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"t1"}},{"task_id":{"value":"t2"}}]}}'
    wait_state t1 TASK_RUNNING '.reason == "REASON_RECONCILIATION"'
    wait_state t2 TASK_UNKNOWN
    kill -0 "$pid"
}

@test "an agent that is away while the master fails over: no answers, no memory of a KILL, then unreachable" {
    start_local --agents 2 --reregister 0.1 --agent-timeout 10
    export DSE_MASTER=$MASTER
    subscribe s
    launch t1 'sleep 600'
    wait_state t1 TASK_RUNNING
    local id=$F agent
    agent=$(agent_id agent1)
    dse-local agent-down agent1
    call '{"type":"KILL","kill":{"task_id":{"value":"t1"}}}'
    dse-local failover
    subscribe again '.framework_id = {value: "'"$id"'"} | .subscribe.framework_info.id = .framework_id'
    call '{"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"t1"},"agent_id":{"value":"'"$agent"'"}}]}}'
    call '{"type":"KILL","kill":{"task_id":{"value":"t1"}}}'
    retry 5 an_offer agent2.local
    [ -z "$(updates)" ]
    # Nobody tells of its tasks, which the new master never knew; asked by agent, it knows the agent.
    retry 10 has again 'select(.failure.agent_id.value == "'"$agent"'")'
    [ -z "$(updates)" ]
    call '{"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"t1"},"agent_id":{"value":"'"$agent"'"}}]}}'
    wait_state t1 TASK_UNREACHABLE '.reason == "REASON_RECONCILIATION"'
    # It returns with the task, whose kill both masters have forgotten.
    dse-local agent-up agent1
    wait_state t1 TASK_RUNNING '.reason == "REASON_AGENT_REREGISTERED"'
    [ -z "$(update_of t1 TASK_KILLING)" ]
}

@test "an executor whose tasks have ended stays until the framework has acknowledged it" {
    start_local
    subscribe s
    launch t1 'exit 0'
    ended() { [ "$(curl -s "$MASTER/state" | jq -r '.frameworks[0].tasks[0].state')" = TASK_FINISHED ]; }
    retry 5 ended
    # The task's resources are back, the executor's are not.
    without_executor() { offer_with '[.resources[] | select(.name == "cpus").scalar.value] | add == 3.9'; }
    retry 5 without_executor
    [ "$(curl -s "$MASTER/state" | jq -c '[.agents[0].executors[].id]')" = '["e-t1"]' ]
    # A group for an executor that is about to leave is dropped.
    accept "[$(group t2 'sleep 600' | jq -c '.launch_group.executor.executor_id.value = "e-t1"')]"
    wait_state t2 TASK_DROPPED '.reason == "REASON_EXECUTOR_TERMINATED"'
    wait_state t1 TASK_FINISHED
    left() { acknowledge && has s 'select(.failure.executor_id.value == "e-t1")'; }
    retry 5 left
}

@test "a command without a value cannot be launched" {
    start_local
    subscribe s
    launch t1 x 'del(.command.value)'
    wait_state t1 TASK_FAILED '.reason == "REASON_CONTAINER_LAUNCH_FAILED"
        and (.message | endswith("Shell specified but no command value provided"))'
}

# ---- who may come in -----------------------------------------------------------------------------

ask() { # [CURL OPTION...]: a SUBSCRIBE; prints status and the named headers
    curl -s -m 2 -D headers -o answer -w '%{http_code}' -H 'Content-Type: application/json' "$@" "$MASTER/api/v1/scheduler" -d '{"type":"SUBSCRIBE",
        "subscribe":{"framework_info":{"user":"u","name":"n","principal":"dse-principal"}}}' || true
}

@test "credentials: without them 401, with them only one's own principal" {
    printf 'dse-principal s3cret\n\nother  word\n' >credentials
    start_local --credentials credentials
    [ "$(ask)" = 401 ]
    [ "$(head -1 headers | tr -d '\r')" = 'HTTP/1.1 401 Unauthorized' ]
    grep -qi '^WWW-Authenticate: Basic realm="mesos-master-scheduler"' headers
    [ "$(ask -u dse-principal:wrong)" = 401 ]
    [ "$(ask -u other:word)" = 400 ]
    [ "$(cat answer)" = "Failed to validate scheduler::Call: Authenticated principal 'other' does not match principal 'dse-principal' set in \`FrameworkInfo\`" ]
    [ "$(ask -u dse-principal:s3cret)" = 200 ]
    ! grep -q s3cret local.err
    # Who proves to be somebody is that one, said or not.
    curl -sN -m 60 -u dse-principal:s3cret -H 'Content-Type: application/json' "$MASTER/api/v1/scheduler" -D anonymous.headers \
        -d '{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"anonymous"}}}' >anonymous 2>&1 3>&- &
    echo $! >anonymous.pid
    retry 5 grep -q SUBSCRIBED anonymous
    F=$(curl -s "$MASTER/state" | jq -r '.frameworks[] | select(.name == "anonymous").id')
    run curl -s -u dse-principal:s3cret -H 'Content-Type: application/json' "$MASTER/api/v1/scheduler" \
        -H "Mesos-Stream-Id: $(tr -d '\r' <anonymous.headers | sed -n 's/^Mesos-Stream-Id: //p')" \
        -d '{"type":"UPDATE_FRAMEWORK","framework_id":{"value":"'"$F"'"},"update_framework":{"framework_info":{"id":{"value":"'"$F"'"},"user":"u","name":"n"}}}'
    [ "$output" = "FrameworkInfo update is not valid: Changing framework's principal is not allowed." ]
    echo '{"credentials": [{"principal": "dse-principal", "secret": "json"}]}' >credentials
    stop_bg local
    start_local --credentials credentials
    [ "$(ask -u dse-principal:json)" = 200 ]
    echo 'nobody' >credentials
    run -3 dse-local --port 0 --credentials credentials
    [[ $output == "dse-local: credentials: a line is not 'PRINCIPAL SECRET'"* ]]
}

@test "another master leads, or none, or this one still recovers" {
    start_local --leader 127.0.0.1:4444
    [ "$(ask)" = 307 ]
    [ "$(head -1 headers | tr -d '\r')" = 'HTTP/1.1 307 Temporary Redirect' ]
    grep -qi '^Location: //127.0.0.1:4444/api/v1/scheduler' headers
    run curl -s -o /dev/null -w '%{redirect_url}' -X POST "$MASTER/master/api/v1/scheduler"
    [ "$output" = http://127.0.0.1:4444/master/api/v1/scheduler ]
    stop_bg local
    start_local --leader ''
    [ "$(ask)" = 503 ] && [ "$(cat answer)" = 'No leader elected' ]
    [ "$(head -1 headers | tr -d '\r')" = 'HTTP/1.1 503 Service Unavailable' ]
    stop_bg local
    start_local --recovery 1
    [ "$(ask)" = 503 ] && [ "$(cat answer)" = 'Master has not finished recovery' ]
    recovered() { [ "$(ask)" = 200 ]; }
    retry 5 recovered
    dse-local --port-file port failover
    [ "$(ask)" = 503 ]
    retry 5 recovered
}
