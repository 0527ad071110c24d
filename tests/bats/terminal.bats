# What people see on a terminal: colour, what is watched, progress; and that none of it is in a pipe.
load helpers

DATA=$TOP/tests/data/plan
CONFIG=11111111-1111-4111-8111-111111111111
ESC=$'\e'

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export DSE_STORE=dir:$BATS_TEST_TMPDIR/state FRAMEWORK_LOG_LEVEL=OFF TERM=xterm
    export PORT_API=1 BOOTSTRAP_URI=https://example.com/b.zip
    dse-render --no-environment "$DATA/svc.yml" >spec.json
    jq -nc --arg config "$CONFIG" '{target: $config, "framework-id": "F", tasks: [
        ["dse", "0", "node", "TASK_RUNNING"], ["dse", "0", "agent", "TASK_FAILED"]
        | .[0] as $pod | .[1] as $index | .[2] as $spec | ($pod + "-" + $index + "-" + $spec) as $name
        | {state: .[3], ready: true, info: {
            name: $name, task_id: {value: "http__\($name)__2b0c5a8e-9f3d-4c1a-8a55-6d1b1f0e0\($index)aa"},
            agent_id: {value: "S1"}, labels: {labels: [
              {key: "index", value: $index}, {key: "offer_attributes", value: ""},
              {key: "offer_hostname", value: "agent1.local"}, {key: "target_configuration", value: $config},
              {key: "task_type", value: $pod}]}}}]}' >fixture.json
    "$BUILD/tools/fixture" load "$DSE_STORE" fixture.json spec.json
}
teardown() { stop_all; }

terminal() { python3 "$BATS_TEST_DIRNAME/terminal.py" "$@"; }
without_escapes() { sed "s/$ESC\[[0-9;]*[A-Za-z]//g"; }

@test "terminal: statuses are coloured, and only there" {
    run -0 terminal dse-pod status dse-0
    [ "${lines[1]}" = "├─ dse-0-agent ($ESC[31mFAILED$ESC[0m)" ]
    [ "${lines[2]}" = "└─ dse-0-node ($ESC[32mRUNNING$ESC[0m)" ]
    [ "$(without_escapes <<<"$output")" = "$(dse-pod status dse-0)" ]
    run -1 terminal dse-plan show deploy
    [[ ${lines[0]} == "deploy (serial strategy) ($ESC[3"*m*"$ESC[0m)" ]]
    [ "$(without_escapes <<<"$output")" = "$(dse-plan show deploy)" ]
    # a status is a whole word in parentheses at the end
    run -0 terminal dse-plan list
    [[ $output == *"recovery ($ESC[3"*m* ]]
    local quiet
    for quiet in NO_COLOR=1 TERM=dumb; do
        run -0 terminal env "$quiet" dse-pod status
        [[ $output != *"$ESC"* ]]
    done
    run -0 terminal env NO_COLOR= dse-pod status
    [[ $output == *"$ESC[32m"* ]]
    run -0 terminal dse-pod status -o json
    [[ $output != *"$ESC"* ]]
    ! dse-pod status | grep -q "$ESC"
    ! dse-plan show deploy | grep -q "$ESC"
}

@test "terminal: --watch writes in the place of what stood there" {
    start_bg watch python3 "$BATS_TEST_DIRNAME/terminal.py" dse-pod status dse-0 --watch
    retry 10 grep -q RUNNING watch.out
    "$BUILD/tools/fixture" post "$DSE_STORE" pod-pause '{"pod":"dse-0","tasks":["node"]}' >/dev/null
    dse-offers </dev/null >/dev/null
    retry 10 grep -q PAUSING watch.out
    # up three lines, to the left, the rest away
    grep -q "^$ESC\[3A" watch.out
    grep -q "$ESC\[J" watch.out
    stop_bg watch
}

@test "terminal: no more lines than it is high, none longer than it is wide" {
    jq -c '.tasks[0] as $t | .tasks = [range(0; 12) | . as $i | $t
        | .info.name = "dse-0-\("x" * 60)\($i)" | .info.task_id.value = "http__\(.info.name)__2b0c5a8e-9f3d-4c1a-8a55-6d1b1f0e00aa"]' \
        fixture.json >many.json
    rm -rf state
    "$BUILD/tools/fixture" load "$DSE_STORE" many.json spec.json
    start_bg watch python3 "$BATS_TEST_DIRNAME/terminal.py" env NO_COLOR=1 dse-pod status dse-0 --watch
    lines() { [ "$(wc -l <watch.out)" -eq 7 ]; }
    retry 10 lines
    [ "$(without_escapes <watch.out | wc -L)" -le 60 ]
    stop_bg watch
}

@test "terminal: what waits shows how it goes, on stderr, and takes it away" {
    run -124 terminal --out result dse-plan show deploy --wait=1
    # shown once, then erased
    [[ $output == *"deploy (serial strategy) ("*"$ESC["*"A"*"$ESC[J"*"plan 'deploy' is not complete yet"* ]]
    [ "$(cat result)" = "$(dse-plan show deploy)" ]
    run -124 terminal --out result dse-plan stop deploy --wait=1
    [[ $output == *"waiting for a scheduler to start and carry it out"*"$ESC[1A"*"$ESC[J"* ]]
    [ ! -s result ]
    # not in a pipe
    run -124 --separate-stderr dse-plan show deploy --wait=0
    [ "$stderr" = "dse-plan: plan 'deploy' is not complete yet" ]
    run -124 --separate-stderr dse-plan stop deploy --wait=0
    [[ $stderr != *"waiting for"* ]]
}

@test "in a pipe: --watch prints one after the other, as lines of NDJSON too" {
    start_bg text dse-pod status dse-0 --watch
    start_bg lines dse-pod status dse-0 --watch -o ndjson
    start_bg plans dse-plan list --watch -o ndjson
    retry 10 test -s text.out
    retry 10 test -s lines.out
    retry 10 test -s plans.out
    "$BUILD/tools/fixture" post "$DSE_STORE" pod-pause '{"pod":"dse-0","tasks":["node"]}' >/dev/null
    dse-offers </dev/null >/dev/null
    retry 10 grep -q PAUSING text.out
    retry 10 grep -q PAUSING lines.out
    [ "$(sed -n 4p text.out)" = "" ]
    [ "$(sed -n 5p text.out)" = dse-0 ]
    jq -es 'length == 2 and .[0].tasks[1].status == "RUNNING" and .[1].tasks[1].status == "PAUSING"' lines.out
    jq -es '.[0] == {name: "deploy", status: .[0].status}' plans.out
    ! grep -q "$ESC" text.out lines.out plans.out
    # whoever reads no more ends it
    stop_bg text
    run timeout 10 bash -c 'dse-pod status --watch | head -1 >/dev/null; exit "${PIPESTATUS[0]}"'
    [ "$status" -ne 124 ]
}

@test "dse-uninstall status: a tree, for scripts, and again when it changes" {
    run -1 dse-uninstall status
    [ "$output" = 'no uninstall is under way' ]
    run -1 dse-uninstall status -o json
    [ "$output" = null ]
    run -1 dse-uninstall status -o name
    [ "$output" = '' ]
    start_bg text dse-uninstall status --watch
    start_bg lines dse-uninstall status --watch -o ndjson
    retry 10 test -s text.out
    retry 10 test -s lines.out
    printf true | dse-state put Properties/uninstalling
    retry 10 grep -q '^deploy ' text.out
    retry 10 grep -q phases lines.out
    run -1 dse-uninstall status
    [ "$output" = "$(sed '1,2d' text.out)" ]
    [ "${lines[0]}" = 'deploy (dependency strategy) (IN_PROGRESS)' ]
    [ "${lines[1]}" = '├─ kill-tasks (parallel strategy) (PENDING)' ]
    run -1 dse-uninstall status -o json
    json '.phases[0].steps | length == 2' <(printf '%s\n' "$output")
    [ "$(jq -c . <<<"$output")" = "$(sed 1d lines.out)" ]
    [ "$(dse-uninstall status -o name | head -n 2)" = "$(jq -r '.phases[0].steps[].name' <<<"$output")" ]
    run -1 terminal dse-uninstall status
    [[ ${lines[1]} == "├─ kill-tasks (parallel strategy) ($ESC[3"* ]]
    # What is left when it has ended.
    stop_bg text
    for node in Tasks FrameworkID ConfigTarget Configurations Properties servicename; do dse-state rm --yes "$node"; done
    retry 10 grep -q '"phases":\[\]' lines.out
    run -0 dse-uninstall status
    [ "$output" = 'nothing is installed here any more' ]
    run -0 dse-uninstall status --json
    [ "$(jq -c . <<<"$output")" = '{"phases":[],"strategy":"serial","errors":[],"status":"COMPLETE"}' ]
    run -2 dse-uninstall status -o yaml
    run -2 dse-uninstall verify -o name
}

@test "forms for scripts: json a document, ndjson an item a line, name a name a line" {
    [ "$(dse-pod list -o json | jq -c .)" = '["dse-0"]' ]
    [ "$(dse-pod list -o ndjson)" = '"dse-0"' ]
    [ "$(dse-pod list -o name)" = dse-0 ]
    [ "$(dse-pod info dse-0 -o ndjson | wc -l)" -eq 2 ]
    [ "$(dse-pod status -o name)" = $'dse-0-agent\ndse-0-node' ]
    [ "$(dse-plan list -o ndjson | head -1 | jq -r 'keys_unsorted | join(" ")')" = 'name status' ]
    [ "$(dse-plan list -o name | head -1)" = deploy ]
    run -2 dse-pod list -o yaml
    run -2 dse-pod list -o json --json
}
