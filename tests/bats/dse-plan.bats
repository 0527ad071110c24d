# dse-plan over stores made by fixtures; requests are carried out by dse-offers without a master.
load helpers

DATA=$TOP/tests/data/plan
CONFIG=11111111-1111-4111-8111-111111111111

setup() {
    export DSE_STORE=dir:$BATS_TEST_TMPDIR/state FRAMEWORK_LOG_LEVEL=OFF
    export PORT_API=1 BOOTSTRAP_URI=https://example.com/b.zip
}
teardown() { stop_all; }

# task POD INDEX SPEC STATE [READY]: one stored task of the target.
task() {
    jq -nc --arg pod "$1" --arg index "$2" --arg spec "$3" --arg state "$4" --argjson ready "${5:-true}" \
        --arg config "$CONFIG" '($pod + "-" + $index + "-" + $spec) as $name | {state: $state, ready: $ready, info: {
            name: $name, task_id: {value: "http__\($name)__2b0c5a8e-9f3d-4c1a-8a55-6d1b1f0e0\($index)aa"},
            agent_id: {value: "S1"}, labels: {labels: [
              {key: "index", value: $index}, {key: "offer_attributes", value: ""},
              {key: "offer_hostname", value: "agent1.local"}, {key: "target_configuration", value: $config},
              {key: "task_type", value: $pod}]}}}'
}
spec() { dse-render --no-environment "$DATA/svc.yml" >"$BATS_TEST_TMPDIR/spec.json"; }
# stored TASK...: a store that holds the target and these tasks.
stored() {
    spec
    printf '%s\n' "$@" | jq -sc --arg config "$CONFIG" \
        '{target: $config, tasks: ., "framework-id": "F"}' >"$BATS_TEST_TMPDIR/fixture.json"
    "$BUILD/tools/fixture" load "$DSE_STORE" "$BATS_TEST_TMPDIR/fixture.json" "$BATS_TEST_TMPDIR/spec.json"
}
deployed() { # [STATE of dse-1-node]
    stored "$(task dse 0 node TASK_RUNNING)" "$(task dse 0 agent TASK_RUNNING)" \
        "$(task dse 1 node "${1:-TASK_RUNNING}")" "$(task dse 1 agent TASK_RUNNING)"
}
# What is queued is carried out by a scheduler that ends at once, or by one that stays.
carry_out() { dse-offers </dev/null >/dev/null; }
scheduler() {
    mkfifo "$BATS_TEST_TMPDIR/events"
    start_bg offers sh -c 'exec dse-offers <>"$1"' sh "$BATS_TEST_TMPDIR/events"
    retry 10 sh -c 'dse-state lock | grep -q dse-offers'
}

@test "dse-plan: an update, handed over before the first start" {
    spec
    run -1 --separate-stderr dse-plan show deploy
    [[ $stderr == "dse-plan: nothing is deployed in"* ]]
    run -0 dse-plan update "$BATS_TEST_TMPDIR/spec.json"
    [[ $output =~ ^request\ [0-9a-f-]{36}\ is\ queued\;\ no\ scheduler\ runs\ at\ the\ moment$ ]]
    carry_out
    run -1 dse-plan show deploy
    [ "$output" = "$(printf '%s\n' 'deploy (serial strategy) (IN_PROGRESS)' \
        '└─ dse-phase (serial strategy) (IN_PROGRESS)' \
        '   ├─ dse-0:[node, agent] (PREPARED)' '   └─ dse-1:[node, agent] (PENDING)')" ]
    # The same from standard input is the same target.
    target=$(dse-state config target)
    dse-plan update <"$BATS_TEST_TMPDIR/spec.json"
    carry_out
    [ "$(dse-state config target)" = "$target" ]
}

@test "dse-plan: trees, JSON, names, status" {
    deployed
    run -0 dse-plan show deploy
    [ "$output" = "$(printf '%s\n' 'deploy (serial strategy) (COMPLETE)' \
        '└─ dse-phase (serial strategy) (COMPLETE)' \
        '   ├─ dse-0:[node, agent] (COMPLETE)' '   └─ dse-1:[node, agent] (COMPLETE)')" ]
    LC_ALL=C run -0 dse-plan status deploy
    [ "${lines[1]}" = '`- dse-phase (serial strategy) (COMPLETE)' ]
    [ "${lines[2]}" = '   |- dse-0:[node, agent] (COMPLETE)' ]
    dse-plan show deploy -o json >"$BATS_TEST_TMPDIR/plan"
    json '(keys_unsorted == ["phases","strategy","errors","status"]) and .status == "COMPLETE"
        and (.phases[0] | keys_unsorted == ["id","name","steps","strategy","status"])
        and (.phases[0].steps[1] | keys_unsorted == ["id","status","name","message"]
             and .name == "dse-1:[node, agent]"
             and (.message | startswith("com.mesosphere.sdk.scheduler.plan.DeploymentStep: dse-1:[node, agent] [")))
        ' "$BATS_TEST_TMPDIR/plan"
    [ "$(dse-plan show deploy -o ndjson | wc -l)" -eq 1 ]
    [ "$(dse-plan show deploy -o name)" = "$(printf '%s\n' 'dse-0:[node, agent]' 'dse-1:[node, agent]')" ]
    run -0 dse-plan list
    [ "${lines[0]}" = 'deploy (COMPLETE)' ]
    [ "${lines[1]}" = 'recovery (COMPLETE)' ]
    [ "$(dse-plan list --json | jq -c .)" = '["deploy","recovery","nodetool"]' ]
    [ "$(dse-plan list -o name | head -1)" = deploy ]
}

@test "dse-plan: what is not complete has status 1" {
    deployed TASK_STAGING
    run -1 dse-plan show deploy
    [ "${lines[3]}" = '   └─ dse-1:[node, agent] (STARTING)' ]
    run -0 dse-plan show deploy --exit-zero
    run -124 --separate-stderr dse-plan show deploy --wait=0.1
    [ "$stderr" = "dse-plan: plan 'deploy' is not complete yet" ]
    run -1 --separate-stderr dse-plan show nothing
    [ "$stderr" = "dse-plan: no such plan 'nothing'; there are: deploy, recovery, nodetool" ]
    run -0 dse-plan why
    [ "$output" = 'deploy dse-phase dse-1:[node, agent]: dse-1-node has been launched and does not run yet' ]
    run -0 dse-plan why dse-0
    [ "$output" = '' ]
}

@test "dse-plan: a failed node is recovery's, and says what it waits for" {
    deployed
    dse-plan show deploy -o json >"$BATS_TEST_TMPDIR/before"
    dse-plan force-restart deploy dse-phase 'dse-1:[node, agent]' >/dev/null
    carry_out
    run -1 dse-plan show deploy
    [ "${lines[3]}" = '   └─ dse-1:[node, agent] (PENDING)' ]
    run -0 dse-plan why dse-1
    [ "$output" = 'deploy dse-phase dse-1:[node, agent]: its old tasks have not ended yet' ]
}

@test "dse-plan: from a dump, without a store" {
    deployed
    dse-state dump >"$BATS_TEST_TMPDIR/dump"
    dse-plan show deploy >"$BATS_TEST_TMPDIR/tree"
    unset DSE_STORE
    dse-plan show deploy --dump "$BATS_TEST_TMPDIR/dump" | diff "$BATS_TEST_TMPDIR/tree" -
    run -2 --separate-stderr dse-plan stop deploy --dump "$BATS_TEST_TMPDIR/dump"
    [[ $stderr == "dse-plan: --dump only shows"* ]]
    echo nonsense >"$BATS_TEST_TMPDIR/bad"
    run -3 --separate-stderr dse-plan list --dump "$BATS_TEST_TMPDIR/bad"
    [[ $stderr == "dse-plan: $BATS_TEST_TMPDIR/bad:1:"* ]]
}

@test "dse-plan: verbs with a running scheduler" {
    deployed
    scheduler
    run -1 --separate-stderr dse-plan pause deploy --wait=10
    [ "$stderr" = 'dse-plan: the command has already been given or the element is complete' ]
    run -0 dse-plan force-restart deploy dse-phase --wait=10
    [ "$output" = '"deploy" plan: phase "dse-phase" has been restarted.' ]
    run -0 dse-plan interrupt deploy --wait=10
    [ "$output" = '"deploy" plan has been paused.' ]
    [[ "$(dse-plan show deploy --exit-zero | head -1)" == 'deploy (serial strategy) (WAITING)' ]]
    run -0 dse-plan continue deploy --wait=10
    [ "$output" = '"deploy" plan has been resumed.' ]
    run -0 dse-plan force deploy dse-phase 'dse-0:[node, agent]' --wait=10
    [ "$output" = '"deploy" plan: step "dse-0:[node, agent]" in phase "dse-phase" has been forced to complete.' ]
    dse-plan show deploy --exit-zero >"$BATS_TEST_TMPDIR/live"
    grep -q 'dse-0:\[node, agent\] (COMPLETE)' "$BATS_TEST_TMPDIR/live"
    # What was done outlives the scheduler.
    stop_bg offers KILL
    dse-plan show deploy --exit-zero | diff "$BATS_TEST_TMPDIR/live" -
}

@test "dse-plan: a side plan with parameters" {
    deployed
    [ "$(dse-plan show nodetool --exit-zero | head -1)" = 'nodetool (serial strategy) (WAITING)' ]
    scheduler
    run -0 dse-plan start nodetool -p A=1 -p B=x=y --wait=10
    [ "$(jq -r .message <<<"$output")" = 'Received cmd: start nodetool with parameters: {A=1, B=x=y}' ]
    [ "$(dse-plan show nodetool --exit-zero | head -1)" = 'nodetool (serial strategy) (IN_PROGRESS)' ]
    run -0 dse-plan stop nodetool --wait=10 -o ndjson
    [ "$output" = '{"message":"Received cmd: stop"}' ]
    run -3 --separate-stderr dse-plan start nodetool -p 1A=x --wait=10
    [ "$stderr" = "dse-plan: Couldn't parse parameters: 1A is not a valid environment variable name" ]
    run -1 --separate-stderr dse-plan start nope --wait=10
    [ "$stderr" = 'dse-plan: Plan nope not found' ]
}

@test "dse-plan: an update beside a running scheduler, refused and accepted" {
    deployed
    scheduler
    jq '."pod-specs"[0].count = 1' "$BATS_TEST_TMPDIR/spec.json" >"$BATS_TEST_TMPDIR/fewer.json"
    run -3 --separate-stderr dse-plan update --wait=10 "$BATS_TEST_TMPDIR/fewer.json"
    [[ $stderr == *"New config's PodSpec named 'dse' has 1 tasks, expected >=2 tasks"* ]]
    run -1 dse-plan show deploy
    [ "${lines[0]}" = 'deploy (serial strategy) (ERROR)' ]
    [[ $output == *$'\nErrors:\n- Field: '* ]]
    [ "$(dse-state config target)" = $CONFIG ]

    jq '."pod-specs"[0].count = 3' "$BATS_TEST_TMPDIR/spec.json" >"$BATS_TEST_TMPDIR/more.json"
    run -5 --separate-stderr dse-plan update --wait=10 \
        --if-target 99999999-9999-4999-8999-999999999999 "$BATS_TEST_TMPDIR/more.json"
    [[ $stderr == *"the target is '$CONFIG' by now"* ]]
    run -0 dse-plan update --wait=10 --if-target $CONFIG "$BATS_TEST_TMPDIR/more.json"
    [[ $output =~ ^[0-9a-f-]{36}\ is\ the\ target\ now$ ]]
    run -1 dse-plan show deploy
    [ "${lines[2]}" = '   ├─ dse-0:[node, agent] (COMPLETE)' ]
    [ "${lines[4]}" = '   └─ dse-2:[node, agent] (PREPARED)' ]
}

@test "dse-plan: diff says what would be done, and does nothing" {
    deployed
    run -0 dse-plan diff "$BATS_TEST_TMPDIR/spec.json"
    [ "$output" = 'no difference' ]
    dse-state dump >"$BATS_TEST_TMPDIR/before"
    jq '."pod-specs"[0].count = 3 | ."pod-specs"[0]."task-specs"[0]."command-spec".value = "new"' \
        "$BATS_TEST_TMPDIR/spec.json" >"$BATS_TEST_TMPDIR/new.json"
    run -1 dse-plan diff "$BATS_TEST_TMPDIR/new.json"
    [ "${lines[0]}" = 'pod-specs[0].count: 2 => 3' ]
    [[ ${lines[1]} == 'pod-specs[0].task-specs[0].command-spec.value: '*' => "new"' ]]
    [ "$(tail -4 <<<"$output")" = "$(printf '%s\n' 'steps to be done, in order:' \
        '  dse-0:[node, agent]' '  dse-1:[node, agent]' '  dse-2:[node, agent]')" ]
    jq '."pod-specs"[0].count = 1' "$BATS_TEST_TMPDIR/spec.json" >"$BATS_TEST_TMPDIR/fewer.json"
    run -1 dse-plan diff -o ndjson "$BATS_TEST_TMPDIR/fewer.json"
    [ "$(jq -r '.refused | length' <<<"$output")" -eq 1 ]
    dse-state dump | diff "$BATS_TEST_TMPDIR/before" -
}

@test "dse-plan: --watch prints the plan when it changes" {
    deployed
    start_bg watch dse-plan show deploy --watch
    retry 10 grep -q '^deploy (serial strategy) (COMPLETE)' "$BATS_TEST_TMPDIR/watch.out"
    dse-plan stop deploy >/dev/null
    carry_out
    retry 10 grep -q '^deploy (serial strategy) (WAITING)' "$BATS_TEST_TMPDIR/watch.out"
    [ "$(grep -c '^deploy' "$BATS_TEST_TMPDIR/watch.out")" -eq 2 ]
}

@test "dse-plan: show --wait waits for a service that is only just being deployed" {
    start_bg wait dse-plan show deploy --wait
    run -124 --separate-stderr dse-plan show deploy --wait=0.1
    [[ $stderr == "dse-plan: nothing is deployed in "* ]]
    run -1 dse-plan show deploy
    deployed
    retry 10 grep -q '^deploy (serial strategy) (COMPLETE)' "$BATS_TEST_TMPDIR/wait.out"
    # A plan that will never be there is an error at once.
    run -1 --separate-stderr dse-plan show deplyo --wait
    [[ $stderr == "dse-plan: no such plan 'deplyo'; there are: "* ]]
}

@test "dse-plan: bad input changes nothing" {
    deployed
    dse-state dump >"$BATS_TEST_TMPDIR/before"
    echo '{"name": ' >"$BATS_TEST_TMPDIR/bad.json"
    run -3 --separate-stderr dse-plan update "$BATS_TEST_TMPDIR/bad.json"
    [[ $stderr == "dse-plan: $BATS_TEST_TMPDIR/bad.json:2:"* ]]
    jq '."pod-specs"[0].count = "two"' "$BATS_TEST_TMPDIR/spec.json" >"$BATS_TEST_TMPDIR/bad.json"
    run -3 --separate-stderr dse-plan update "$BATS_TEST_TMPDIR/bad.json"
    [[ $stderr == *'pod-specs[0].count'* ]]
    run -4 dse-plan update "$BATS_TEST_TMPDIR/missing.json"
    run -4 dse-plan show deploy --store "dir:$BATS_TEST_TMPDIR/spec.json"
    run -2 dse-plan update --if-target x "$BATS_TEST_TMPDIR/spec.json"
    run -2 dse-plan start nodetool -p novalue
    run -2 --separate-stderr dse-plan force-complete deploy
    [[ $stderr == *"every step of plan 'deploy' would count as complete, done or not: add --yes"* ]]
    run -2 dse-plan show
    run -2 dse-plan frobnicate
    dse-state dump | diff "$BATS_TEST_TMPDIR/before" -
}
