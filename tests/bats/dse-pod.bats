# dse-pod over stores made by fixtures; requests are carried out by dse-offers without a master.
load helpers

DATA=$TOP/tests/data/plan
CONFIG=11111111-1111-4111-8111-111111111111

setup() {
    export DSE_STORE=dir:$BATS_TEST_TMPDIR/state FRAMEWORK_LOG_LEVEL=OFF
    export PORT_API=1 BOOTSTRAP_URI=https://example.com/b.zip
}
teardown() { stop_all; }

# task INDEX SPEC STATE: one stored task of the target; `node` has a volume and an open port.
task() {
    jq -nc --arg index "$1" --arg spec "$2" --arg state "$3" --arg config "$CONFIG" \
        '("dse-" + $index + "-" + $spec) as $name | {state: $state, info: ({
            name: $name, task_id: {value: "data.dse__\($name)__2b0c5a8e-9f3d-4c1a-8a55-6d1b1f0e0\($index)aa"},
            agent_id: {value: "S1"}, labels: {labels: [
              {key: "index", value: $index}, {key: "offer_attributes", value: ""},
              {key: "offer_hostname", value: "agent1.local"}, {key: "target_configuration", value: $config},
              {key: "task_type", value: "dse"}]}} + if $spec != "node" then {} else {
            resources: [{name: "disk", type: "SCALAR", scalar: {value: 64}, role: "dse-role",
              disk: {persistence: {id: "v\($index)"}, volume: {mode: "RW", container_path: "dse-data"}}}],
            command: {value: "x", environment: {variables: [
              {name: "PW", type: "SECRET", secret: {type: "VALUE", value: {data: "aHVudGVyMg=="}}}]}},
            discovery: {visibility: "CLUSTER", ports: {ports: [{number: 9042, name: "native", protocol: "tcp",
              visibility: "EXTERNAL", labels: {labels: [{key: "VIP_1", value: "cql:9042"}]}}]}}} end)}'
}
deployed() {
    dse-render --no-environment "$DATA/svc.yml" >"$BATS_TEST_TMPDIR/spec.json"
    printf '%s\n' "$(task 0 node TASK_RUNNING)" "$(task 0 agent TASK_RUNNING)" \
        "$(task 1 node "${1:-TASK_RUNNING}")" "$(task 1 agent TASK_RUNNING)" |
        jq -sc --arg config "$CONFIG" '{target: $config, tasks: ., "framework-id": "F"}' \
            >"$BATS_TEST_TMPDIR/fixture.json"
    "$BUILD/tools/fixture" load "$DSE_STORE" "$BATS_TEST_TMPDIR/fixture.json" "$BATS_TEST_TMPDIR/spec.json"
}
carry_out() { dse-offers </dev/null >/dev/null; }
scheduler() {
    mkfifo "$BATS_TEST_TMPDIR/events"
    start_bg offers sh -c 'exec dse-offers <>"$1"' sh "$BATS_TEST_TMPDIR/events"
    retry 10 sh -c 'dse-state lock | grep -q dse-offers'
}

@test "dse-pod: list and status" {
    deployed TASK_STAGING
    [ "$(dse-pod list)" = $'dse-0\ndse-1' ]
    [ "$(dse-pod list --json | jq -c .)" = '["dse-0","dse-1"]' ]
    run -0 dse-pod status
    [ "$output" = "$(printf '%s\n' '/data/dse' '└─ dse' \
        '   ├─ dse-0' '   │  ├─ dse-0-agent (RUNNING)' '   │  └─ dse-0-node (RUNNING)' \
        '   └─ dse-1' '      ├─ dse-1-agent (RUNNING)' '      └─ dse-1-node (STAGING)')" ]
    run -0 dse-pod status dse-1
    [ "$output" = "$(printf '%s\n' 'dse-1' '├─ dse-1-agent (RUNNING)' '└─ dse-1-node (STAGING)')" ]
    LC_ALL=C run -0 dse-pod status dse-1
    [ "${lines[2]}" = '`- dse-1-node (STAGING)' ]
    dse-pod status -o json >"$BATS_TEST_TMPDIR/all"
    json 'keys_unsorted == ["service","pods"] and .service == "/data/dse"
        and (.pods[0] | keys_unsorted == ["instances","name"] and .name == "dse")
        and (.pods[0].instances[1] | keys_unsorted == ["name","tasks"])
        and .pods[0].instances[1].tasks[1].status == "STAGING"' "$BATS_TEST_TMPDIR/all"
    dse-pod status dse-1 -o ndjson >"$BATS_TEST_TMPDIR/one"
    json '.name == "dse-1" and (.tasks | map(.name) == ["dse-1-agent","dse-1-node"])' "$BATS_TEST_TMPDIR/one"
    run -1 --separate-stderr dse-pod status dse-7
    [ "$stderr" = "dse-pod: no such pod 'dse-7'; there are: dse-0, dse-1" ]
}

@test "dse-pod: info, without secrets" {
    deployed
    dse-pod info dse-0 >"$BATS_TEST_TMPDIR/info"
    json 'length == 2 and (.[1].info | .name == "dse-0-node" and .slaveId.value == "S1"
        and .discovery.ports.ports[0].number == 9042) and .[1].status.state == "TASK_RUNNING"' "$BATS_TEST_TMPDIR/info"
    run ! grep -q -e aHVudGVyMg -e hunter2 "$BATS_TEST_TMPDIR/info"
    run -1 dse-pod info dse-9
}

@test "dse-pod: endpoints" {
    deployed
    [ "$(dse-pod endpoints)" = native ]
    dse-pod endpoints native >"$BATS_TEST_TMPDIR/native"
    json '. == {"address": ["agent1.local:9042","agent1.local:9042"],
        "dns": ["dse-0-node.datadse.autoip.dcos.thisdcos.directory:9042",
                "dse-1-node.datadse.autoip.dcos.thisdcos.directory:9042"],
        "vip": "cql.datadse.l4lb.thisdcos.directory:9042"}' "$BATS_TEST_TMPDIR/native"
    [ "$(dse-pod endpoints native --format vip)" = cql.datadse.l4lb.thisdcos.directory:9042 ]
    [ "$(SERVICE_TLD=x dse-pod endpoints native --format dns | head -1)" = dse-0-node.datadse.x:9042 ]
    run -1 dse-pod endpoints nothing
}

@test "dse-pod: restart is carried out by the next scheduler" {
    deployed
    run -0 dse-pod restart dse-1
    [[ $output =~ ^dse-1:\ request\ [0-9a-f-]{36}\ is\ queued\;\ no\ scheduler ]]
    carry_out
    id=$(dse-state ls Toolkit/requests | head -1)
    dse-state get "Toolkit/requests/$id" >"$BATS_TEST_TMPDIR/request"
    json '.state == "done" and .result.code == 200
        and .result.body == {"pod": "dse-1", "tasks": ["dse-1-agent","dse-1-node"]}' "$BATS_TEST_TMPDIR/request"
    run -1 dse-pod restart dse-9
}

@test "dse-pod: replace names what is lost and wants --yes" {
    deployed
    dse-state dump >"$BATS_TEST_TMPDIR/before"
    run -2 --separate-stderr dse-pod replace dse-1
    [[ $stderr == "dse-pod: replacing 'dse-1' gives up volume 'dse-data' (64 MB) of dse-1-node, its place on agent1.local: add --yes"* ]]
    dse-state dump | diff "$BATS_TEST_TMPDIR/before" -
    run -0 dse-pod replace dse-1 --yes
    carry_out
    run -1 dse-plan show recovery
    [ "${lines[1]}" = '└─ dse-1:[node, agent] (parallel strategy) (IN_PROGRESS)' ]
    [ "$(dse-plan show deploy | head -1)" = 'deploy (serial strategy) (COMPLETE)' ]
    dse-state task dse-1-node | jq -e '.labels.labels | any(.key == "permanently-failed" and .value == "true")'
}

@test "dse-pod: pause and resume show at once" {
    deployed
    dse-pod pause dse-0 >/dev/null
    carry_out
    [ "$(dse-pod status dse-0 | tail -1)" = '└─ dse-0-node (PAUSING)' ]
    dse-pod resume dse-0 -t node >/dev/null
    carry_out
    [ "$(dse-pod status dse-0 | tail -2)" = "$(printf '%s\n' '├─ dse-0-agent (PAUSING)' '└─ dse-0-node (STARTING)')" ]
}

@test "dse-pod: --wait ends with its time, and says where to look" {
    deployed
    scheduler
    run -124 --separate-stderr dse-pod restart dse-1 --wait=1
    [[ $stderr == *"'dse-1' is not back yet: \`dse-plan why dse-1\` says what it waits for" ]]
    run -1 --separate-stderr dse-pod pause dse-1 -t nothing --wait=5
    [ "$stderr" = "dse-pod: pod 'dse-1' has no task 'nothing'; there are: agent, node" ]
}

@test "dse-pod: --wait right behind another change waits for the launch that is to come" {
    deployed TASK_KILLED # dse-1-node, by the change before
    scheduler
    run -124 --separate-stderr dse-pod pause dse-1 -t node --wait=1
    [[ $stderr == *"'dse-1' is not back yet: \`dse-plan why dse-1\` says what it waits for" ]]
    run -124 --separate-stderr dse-pod resume dse-1 -t node --wait=1
}

@test "dse-pod: a request about another launch is refused" {
    deployed
    # The pod changes between the request and the scheduler that takes it up.
    dse-pod restart dse-1 >/dev/null
    dse-state rm --yes Tasks/dse-1-node
    carry_out
    dse-state get "Toolkit/requests/$(dse-state ls Toolkit/requests | head -1)" >"$BATS_TEST_TMPDIR/request"
    json '.result.code == 409' "$BATS_TEST_TMPDIR/request"
}

@test "dse-pod: from a dump; wrong command lines" {
    deployed
    dse-state dump >"$BATS_TEST_TMPDIR/dump"
    unset DSE_STORE
    [ "$(dse-pod list --dump "$BATS_TEST_TMPDIR/dump")" = $'dse-0\ndse-1' ]
    run -2 dse-pod restart dse-0 --dump "$BATS_TEST_TMPDIR/dump"
    run -2 dse-pod restart
    run -2 dse-pod info
    run -2 dse-pod pause dse-0 dse-1
}
