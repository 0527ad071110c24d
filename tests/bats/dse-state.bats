# dse-state over a directory that holds the worked example.
load helpers

TARGET=7c1f8e0a-52d4-4b7e-9a55-0b6f0f6a9d21

setup() {
    export DSE_STORE=dir:$BATS_TEST_TMPDIR/store DSE_TEST_TOP=$TOP
}
teardown() {
    stop_all
}
example() {
    "$BUILD/tools/state-example" "$@" | dse-state load
}

@test "dse-state: single values" {
    example
    run -0 dse-state framework-id
    [ "$output" = 5d7b1a52-3c1e-4e0b-9f6a-2f6b8d0c4e11-0007 ]
    run -0 dse-state config target
    [ "$output" = $TARGET ]
    run -0 dse-state config list
    [ "$output" = "$TARGET (target)" ]
    run -0 dse-state config list -o name
    [ "$output" = $TARGET ]
    run -0 dse-state config show -o ndjson
    [ "$output" = '{"name":"datastax-dse"}' ]
    run -0 dse-state config show --raw $TARGET
    [ "$output" = $'{\n  "name" : "datastax-dse"\n}' ]
    run -0 dse-state property list
    [ "$output" = $'dse-0-node:task-status\nlast-completed-update-type' ]
    run -0 dse-state property get last-completed-update-type
    [ "$output" = DEPLOY ]
    dse-state framework-id | od -c | tail -2 | grep -q '\\n' # a whole line
    dse-state get --raw FrameworkID | od -An -tx1 | head -1 | grep -q '^ 0a 29 35 64 37 62'
}

@test "dse-state: tasks, TaskInfo and TaskStatus" {
    example
    run -0 dse-state tasks
    [[ ${lines[0]} =~ ^NAME\ +STATE\ +READY\ +HOST\ +ID$ ]]
    [[ ${lines[1]} =~ ^dse-0-node\ +TASK_RUNNING\ +yes\ +10.0.1.17\ +datastax-dse__dse-0-node__ ]]
    [ ${#lines[@]} -eq 2 ]
    dse-state tasks -o json >"$BATS_TEST_TMPDIR/tasks"
    json '.[0] | .name == "dse-0-node" and .state == "TASK_RUNNING" and .ready
        and .config == "'$TARGET'" and .override == null' "$BATS_TEST_TMPDIR/tasks"
    dse-state task dse-0-node >"$BATS_TEST_TMPDIR/info"
    jq -e --slurpfile e "$TOP/tests/data/state-example.json" '. == $e[0].info' "$BATS_TEST_TMPDIR/info"
    dse-state status dse-0-node >"$BATS_TEST_TMPDIR/status"
    jq -e --slurpfile e "$TOP/tests/data/state-example.json" '. == $e[0].status' "$BATS_TEST_TMPDIR/status"
    [ "$(dse-state task --raw dse-0-node | wc -c)" -eq 3652 ]
    dse-state property get dse-0-node:task-status | cmp - "$BATS_TEST_TMPDIR/status"
}

@test "dse-state: secrets are not shown" {
    example secrets
    dse-state task dse-0-node >"$BATS_TEST_TMPDIR/info"
    dse-state get Tasks/dse-0-node/TaskInfo -o ndjson >>"$BATS_TEST_TMPDIR/info"
    run ! grep -q -e hunter2 -e "$(printf hunter2 | base64)" "$BATS_TEST_TMPDIR/info"
    [ "$(grep -o redacted "$BATS_TEST_TMPDIR/info" | wc -l)" -ge 6 ]
    # Nor elsewhere.
    start_bg api dse-http --port 0 --port-file "$BATS_TEST_TMPDIR/port"
    retry 10 test -s "$BATS_TEST_TMPDIR/port"
    curl -sf "127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")/v1/pod/dse-0/info" >"$BATS_TEST_TMPDIR/pod"
    dse-pod info dse-0 >>"$BATS_TEST_TMPDIR/pod"
    run ! grep -q -e hunter2 -e "$(printf hunter2 | base64)" "$BATS_TEST_TMPDIR/pod"
    [ "$(grep -o redacted "$BATS_TEST_TMPDIR/pod" | wc -l)" -ge 6 ]
}

@test "dse-state: ls and get" {
    example
    run -0 dse-state ls
    [ "$output" = $'ConfigTarget\nConfigurations\nFrameworkID\nProperties\nSchemaVersion\nTasks\nlock\nservicename' ]
    run -0 dse-state ls -R Tasks
    [ "$output" = $'Tasks/dse-0-node\nTasks/dse-0-node/TaskInfo\nTasks/dse-0-node/TaskStatus' ]
    run -0 dse-state ls Tasks/dse-0-node -o ndjson
    [ "${lines[0]}" = '{"name":"TaskInfo","bytes":3652,"children":0}' ]
    run -0 dse-state get Tasks
    [ "$output" = 10.0.1.5 ]
    run -0 dse-state get Tasks --json
    [ "$output" = '"10.0.1.5"' ]
}

@test "dse-state: --watch shows lists, tasks and the lock again when they change" {
    example
    start_bg tasks dse-state tasks -w
    start_bg names dse-state tasks --watch -o name
    start_bg properties dse-state property list --watch -o ndjson
    start_bg configs dse-state config list --watch
    start_bg nodes dse-state ls -R Tasks -w
    start_bg lock dse-state lock --watch
    local name
    for name in tasks names properties configs nodes lock; do
        retry 10 test -s "$BATS_TEST_TMPDIR/$name.out"
    done
    printf x | dse-state put Properties/more
    printf '' | dse-state put ConfigTarget
    retry 10 grep -q more "$BATS_TEST_TMPDIR/properties.out"
    retry 10 grep -qx "$TARGET" "$BATS_TEST_TMPDIR/configs.out"
    dse-state rm --yes Tasks/dse-0-node/TaskStatus
    retry 10 grep -q '^dse-0-node  -  ' "$BATS_TEST_TMPDIR/tasks.out"
    both() { [ "$(grep -c '^Tasks/dse-0-node$' "$BATS_TEST_TMPDIR/nodes.out")" -eq 2 ]; }
    retry 10 both
    start_bg holder "$BUILD/tools/store-hold" "$DSE_STORE" "dse-offers host 77"
    retry 10 grep -qx 'dse-offers host 77' "$BATS_TEST_TMPDIR/lock.out"
    # Nothing is printed twice: the names of the tasks are as they were.
    [ "$(cat "$BATS_TEST_TMPDIR/names.out")" = dse-0-node ]
    [ "$(cat "$BATS_TEST_TMPDIR/configs.out")" = "$TARGET (target)"$'\n\n'"$TARGET" ]
    [ "$(tail -n 3 "$BATS_TEST_TMPDIR/properties.out" | jq -r .name)" = $'dse-0-node:task-status\nlast-completed-update-type\nmore' ]
    [ "$(cat "$BATS_TEST_TMPDIR/nodes.out")" = $'Tasks/dse-0-node\nTasks/dse-0-node/TaskInfo\nTasks/dse-0-node/TaskStatus\n\nTasks/dse-0-node\nTasks/dse-0-node/TaskInfo' ]
    [ "$(head -n 2 "$BATS_TEST_TMPDIR/lock.out")" = free ]
    # What it shows is gone: it says so.
    start_bg gone dse-state ls Tasks/dse-0-node -w
    retry 10 test -s "$BATS_TEST_TMPDIR/gone.out"
    stop_bg holder KILL
    dse-state rm --yes Tasks/dse-0-node
    retry 10 grep -qx "dse-state: no such node 'Tasks/dse-0-node'" "$BATS_TEST_TMPDIR/gone.err"
    run -2 dse-state task dse-0-node --watch
}

@test "dse-state: what is not there is status 1" {
    run -1 --separate-stderr dse-state framework-id
    [ "$stderr" = "dse-state: nothing is stored there: check --store and DSE_STORE" ]
    run -1 dse-state dump
    run -1 dse-state get x
    example
    run -1 --separate-stderr dse-state task dse-1-node
    [ "$stderr" = "dse-state: no such task 'dse-1-node'" ]
    [ -z "$output" ]
    run -1 dse-state status dse-1-node
    run -1 dse-state property get none
    run -1 dse-state config show 11111111-2222-4333-8444-555555555555
    run -1 dse-state get Tasks/none
    run -1 dse-state rm --yes Tasks/none
}

@test "dse-state: usage errors are status 2" {
    run -2 dse-state
    run -2 dse-state task
    run -2 dse-state task a b
    run -2 dse-state -o table tasks
    run -2 dse-state --store zk://h:2181 tasks
    [[ $output == *'give zk://HOST:PORT'* ]]
    run -2 dse-state --store zk://h:1,h:99999/x tasks
    [[ $output == *"'h:99999' is no HOST:PORT"* ]]
    run -2 dse-state --store zk://h:1,/x tasks
    run -4 dse-state --store zk://127.0.0.1,[::1]:1/x lock
    [[ $output == *"no server of '127.0.0.1:2181,::1:1' answers"* ]]
    DSE_STORE='' run -2 --separate-stderr dse-state tasks
    [[ $stderr == "dse-state: no store given: use --store URL or set DSE_STORE"* ]]
}

@test "dse-state: put and rm" {
    example
    printf DEPLOYX | dse-state put Properties/other
    [ "$(dse-state get Properties/other)" = DEPLOYX ]
    dse-state put --null Properties/other
    [ "$(dse-state get Properties/other)" = null ]
    [ -d "$BATS_TEST_TMPDIR/store/Properties/other" ]
    [ ! -e "$BATS_TEST_TMPDIR/store/Properties/other/.data" ]
    printf '\0\1' | dse-state put new/deep/node
    [ "$(dse-state get new/deep/node -o ndjson)" = '{"base64":"AAE="}' ]
    [ "$(dse-state get new/deep)" = "" ]
    run -2 --separate-stderr dse-state rm new
    [[ $stderr == "dse-state: this deletes 'new' and 2 nodes below it for good: add --yes"* ]]
    dse-state get new >/dev/null
    run -0 dse-state rm --yes new
    run -1 dse-state get new
    run -2 dse-state put lock/x </dev/null
    run -3 dse-state put a//b </dev/null
    run -3 dse-state put a/.data </dev/null
}

@test "dse-state: dump and load give the same bytes" {
    example
    dse-state put --null empty
    printf '' | dse-state put empty/zero
    dse-state dump >"$BATS_TEST_TMPDIR/a"
    dse-state --store "dir:$BATS_TEST_TMPDIR/second" load "$BATS_TEST_TMPDIR/a"
    dse-state --store "dir:$BATS_TEST_TMPDIR/second" dump | cmp - "$BATS_TEST_TMPDIR/a"
    grep -q '^{"path":"empty","data":null}$' "$BATS_TEST_TMPDIR/a"
    grep -q '^{"path":"empty/zero","text":""}$' "$BATS_TEST_TMPDIR/a"
    diff -r -x .lock -x .journal "$BATS_TEST_TMPDIR/store" "$BATS_TEST_TMPDIR/second"
    run -5 dse-state load "$BATS_TEST_TMPDIR/a"
    [[ $output == *'is not empty'*'add --force'* ]]
    printf x | dse-state put Properties/more
    dse-state rm --yes SchemaVersion
    dse-state load --force "$BATS_TEST_TMPDIR/a"
    dse-state dump | cmp - "$BATS_TEST_TMPDIR/a"
}

@test "dse-state: a bad dump changes nothing and is named" {
    local bad
    for bad in '{' '[]' '{"path":"a"}' '{"path":"a","text":"x","data":null}' '{"path":"a/../b","text":""}' \
        '{"path":"a","data":"*"}' '{"path":"a","text":1}' '{"path":1,"text":""}'; do
        printf '{"path":"good","text":"1"}\n%s\n' "$bad" >"$BATS_TEST_TMPDIR/bad"
        run -3 --separate-stderr dse-state load "$BATS_TEST_TMPDIR/bad"
        [[ $stderr == "dse-state: $BATS_TEST_TMPDIR/bad:2:"* ]] || { echo "$stderr"; false; }
        [ ! -e "$BATS_TEST_TMPDIR/store" ]
    done
    run -3 dse-state load /dev/null
    run -4 dse-state load "$BATS_TEST_TMPDIR/none"
}

@test "dse-state: the lock keeps others from changing, not from reading" {
    example
    run -1 dse-state lock
    [ "$output" = free ]
    start_bg holder "$BUILD/tools/store-hold" "$DSE_STORE" "dse-offers host 77"
    retry 5 dse-state lock
    run -0 dse-state lock
    [ "$output" = "dse-offers host 77" ]
    dse-state lock --json >"$BATS_TEST_TMPDIR/lock"
    json '. == {"held":true,"ours":true,"holder":"dse-offers host 77"}' "$BATS_TEST_TMPDIR/lock"
    run -5 --separate-stderr dse-state put x </dev/null
    [[ $stderr == *"is held by 'dse-offers host 77': stop the scheduler first" ]]
    run -5 dse-state rm --yes Tasks
    run -5 dse-state load --force <<<'{"path":"a","text":""}'
    run -5 --separate-stderr dse-state put --force x </dev/null
    [[ $stderr == *'can only be written by the holder of its lock: stop it' ]]
    run -5 dse-state check --repair
    [[ $output == *"is held by 'dse-offers host 77': stop the scheduler first" ]]
    run -0 dse-state task dse-0-node
    stop_bg holder KILL
    run -1 dse-state lock
    run -0 dse-state put x </dev/null
}

@test "dse-state: check finds what is inconsistent, --repair repairs it" {
    example
    printf '{"name":"datastax-dse"}' | dse-state put Configurations/11111111-2222-4333-8444-555555555555
    dse-state check -o ndjson >"$BATS_TEST_TMPDIR/found" || [ $? -eq 1 ]
    # Only that the example's configurations are no whole specs.
    run ! grep -v "is no Service Spec" "$BATS_TEST_TMPDIR/found"
    dse-state rm --yes Tasks/dse-0-node/TaskStatus
    printf PAUSED | dse-state put Tasks/dse-9-node/Metadata/goal-state-override
    printf x | dse-state put Configurations/x
    printf UPDATE2 | dse-state put Properties/last-completed-update-type
    run -1 dse-state check
    [[ $output == *"Tasks/dse-0-node/TaskStatus: is missing, though the task has an id (repair: store TASK_FAILED)"* ]]
    [[ $output == *"Tasks/dse-9-node: has no TaskInfo (repair: delete the node)"* ]]
    [[ $output == *"Tasks/dse-9-node/Metadata: has only one of goal-state-override and override-status"* ]]
    [[ $output == *"Configurations/x: is not named by a UUID (no scheduler starts on this)"* ]]
    [[ $output == *"Properties/last-completed-update-type: is 'UPDATE2'"* ]]
    run -3 dse-state check --repair
    dse-state rm --yes Configurations/x
    run -1 dse-state check --repair
    [[ $output != *TaskStatus* ]]
    [[ $output != *dse-9* ]]
    [ "$(dse-state status dse-0-node | jq -r .state)" = TASK_FAILED ]
    run -1 dse-state get Tasks/dse-9-node
}

@test "dse-state: a journal that was not emptied is read, and cut when torn" {
    example
    DSE_CRASH_AT=1000 dse-state put Properties/a <<<x # not reached
    # The third point is behind the journal's sync: nothing is in the files yet.
    run -137 env DSE_CRASH_AT=3 dse-state put Properties/b <<<y
    [ ! -e "$BATS_TEST_TMPDIR/store/Properties/b" ]
    [ "$(dse-state get Properties/b)" = y ]
    truncate -s -1 "$BATS_TEST_TMPDIR/store/.journal"
    run -1 dse-state get Properties/b
    run -0 dse-state put Properties/c <<<z
    [ "$(dse-state get Properties/c)" = z ]
    run -1 dse-state get Properties/b
    printf rubbish >"$BATS_TEST_TMPDIR/store/.journal"
    run -3 dse-state get Properties/c
}

# faulty FILTER: a service of three tasks in which jq's FILTER broke something.
faulty() {
    jq -n --arg id "$TARGET" '
        def pair(k; v): {key: k, value: v};
        def resource(id): {name: "cpus", type: "SCALAR", scalar: {value: 1}, reservations: [{type: "DYNAMIC",
            role: "r", principal: "p", labels: {labels: [pair("resource_id"; id)]}}]};
        def task(pod; name): {info: {name: "a-\(pod)-\(name)", task_id: {value: "s__a-\(pod)-\(name)__1"},
            agent_id: {value: "S"}, resources: [resource("r\(pod)")], executor: {executor_id: {value: "e\(pod)"},
                framework_id: {value: "f"}, type: "DEFAULT", name: "a", resources: [resource("x\(pod)")]},
            labels: {labels: [pair("task_type"; "a"), pair("index"; pod), pair("target_configuration"; $id),
                pair("offer_hostname"; "h"), pair("offer_attributes"; "")]}}, state: "TASK_RUNNING"};
        {"framework-id": "f", target: $id, tasks: [task("0"; "one"), task("0"; "two"), task("1"; "one")],
            nodes: {}, properties: {}} | '"$1" >"$BATS_TEST_TMPDIR/fixture"
    rm -rf "$BATS_TEST_TMPDIR/store"
    "$BUILD/tools/fixture" load "$DSE_STORE" "$BATS_TEST_TMPDIR/fixture" "$BATS_TEST_TMPDIR/spec"
}

@test "dse-state: check names each inconsistency, and only that" {
    FRAMEWORK_NAME=s dse-render - >"$BATS_TEST_TMPDIR/spec" <<'END'
name: s
pods: {a: {count: 2, tasks: {one: {goal: RUNNING, cmd: x, cpus: 1, memory: 1}}}}
END
    faulty .
    run -0 dse-state check
    [ -z "$output" ]
    local filter finding wrong=0
    while IFS='|' read -r filter finding; do
        faulty "${filter//;;/|}"
        run -1 dse-state check
        [ "$output" = "$finding" ] || { echo "$filter: $output"; wrong=1; }
    done <<'END'
.tasks[2].info.resources[0].reservations[0].labels.labels[0].value = "r0"|Tasks/a-1-one/TaskInfo: resource_id 'r0' is that of a resource of 'a-0-one' too
.tasks[0].info.resources += .tasks[0].info.resources|Tasks/a-0-one/TaskInfo: resource_id 'r0' is listed twice
.tasks[2].info.resources[0].reservations[0].labels.labels = []|Tasks/a-1-one/TaskInfo: resource 0 ('cpus') has no resource_id
del(.tasks[2].info.resources[0].reservations)|Tasks/a-1-one/TaskInfo: resource 0 ('cpus') is not reserved
.tasks[2].info.resources[0].reservations[0].labels.labels += [{key: "framework_id", value: "g"}]|Tasks/a-1-one/TaskInfo: resource 0 ('cpus') belongs to framework 'g'
.tasks[2].info.executor.framework_id.value = "g"|Tasks/a-1-one/TaskInfo: the executor belongs to framework 'g'
del(.tasks[2].info.executor.framework_id)|Tasks/a-1-one/TaskInfo: the executor has no framework_id
.tasks[2].info.executor.type = "CUSTOM"|Tasks/a-1-one/TaskInfo: the executor is not of type DEFAULT
del(.tasks[2].info.executor)|Tasks/a-1-one/TaskInfo: has no executor
.tasks[2].info.task_id.value = "s__b-1-one__1"|Tasks/a-1-one/TaskInfo: the task id 's__b-1-one__1' is not one of this task
.tasks[2].info.labels.labels[1].value = "x"|Tasks/a-1-one/TaskInfo: label 'index' is 'x', no number
.tasks[2].info.labels.labels[1].value = "2"|Tasks/a-1-one/TaskInfo: the name does not begin with pod type and index 'a-2'
del(.tasks[2].info.labels.labels[3])|Tasks/a-1-one/TaskInfo: label 'offer_hostname' is missing
.tasks[2].info.labels.labels[2].value = "none"|Tasks/a-1-one/TaskInfo: its configuration 'none' is not stored
del(.tasks[2].state)|Tasks/a-1-one/TaskStatus: is missing, though the task has an id (repair: store TASK_FAILED)
.properties.uninstalling = "maybe"|Properties/uninstalling: is neither true nor false (no scheduler starts on this)
.properties["a-0-one:task-status"] = "maybe"|Properties/a-0-one:task-status: does not decode: Properties/a-0-one:task-status: not a TaskStatus message (5 bytes): field 'container_status' at byte 0 has the wrong type
.properties["last-completed-update-type"] = "SOME"|Properties/last-completed-update-type: is 'SOME': the deploy plan would be used
.nodes.SchemaVersion = "2"|SchemaVersion: is '2', only 1 is supported (no scheduler starts on this)
.nodes.servicename = ""|servicename: is empty (no scheduler starts on this)
.nodes.FrameworkID = ""|FrameworkID: is empty (no scheduler starts on this)
del(.["framework-id"])|FrameworkID: is missing while tasks are stored: their reservations could not be used (no scheduler starts on this)
.nodes.ConfigTarget = "other"|ConfigTarget: names 'other', which is not stored (no scheduler starts on this)
.nodes["Configurations/x"] = "{}"|Configurations/x: is not named by a UUID (no scheduler starts on this)
.nodes["Configurations/00000000-0000-4000-8000-000000000000"] = "{}"|Configurations/00000000-0000-4000-8000-000000000000: is no Service Spec: name: is missing or null, must be a string
.nodes["Configurations/00000000-0000-4000-8000-000000000000"] = "{"|Configurations/00000000-0000-4000-8000-000000000000: does not parse: JSON:1:1: string or '}' expected near end of file
.nodes["Tasks/none/TaskStatus"] = "x"|Tasks/none: has no TaskInfo (repair: delete the node)
.nodes["Tasks/none/TaskInfo"] = ""|Tasks/none/TaskInfo: does not decode: it is empty (no scheduler starts on this)
.nodes["Tasks/a-0-one/Metadata/override-status"] = "PENDING"|Tasks/a-0-one/Metadata: has only one of goal-state-override and override-status
.nodes["Tasks/a-0-one/Metadata/override-status"] = "PENDING" ;; .nodes["Tasks/a-0-one/Metadata/goal-state-override"] = "X"|Tasks/a-0-one/Metadata: has the unknown override 'X'
.nodes["Tasks/a-0-one/Metadata/override-status"] = "X" ;; .nodes["Tasks/a-0-one/Metadata/goal-state-override"] = "PAUSED"|Tasks/a-0-one/Metadata: has the unknown progress 'X'
.nodes["Toolkit/requests/x"] = "{}"|Toolkit/requests/x: request 'x' is not named by a UUID
END
    [ $wrong -eq 0 ]
    # Two at a time: the copies of one executor differ.
    faulty '.tasks[0].info.executor.name = "b"'
    run -1 dse-state check
    [ "$output" = "Tasks/a-0-one/TaskInfo: the executor 'e0' differs from the copy in 'a-0-two'
Tasks/a-0-two/TaskInfo: the executor 'e0' differs from the copy in 'a-0-one'" ]
}

@test "dse-state: what is no message is not shown, it may hold secrets" {
    example
    printf 'hunter2' | dse-state put Properties/x:task-status
    run -0 dse-state property get x:task-status -o ndjson
    [ "$output" = '{"undecodable":"Properties/x:task-status: not a TaskStatus message (7 bytes): field '\''container_status'\'' at byte 0 has the wrong type","bytes":7}' ]
    [ "$(dse-state property get --raw x:task-status)" = hunter2 ]
}

@test "dse-state: what lies in the directory and is no node is passed over" {
    example
    dse-state dump >"$BATS_TEST_TMPDIR/before"
    local d=$BATS_TEST_TMPDIR/store
    mkdir "$d"/$'\xff\xfe' "$d/two"$'\n'lines "$d"/$'\e[31m' "$d/$(printf 'n%.0s' {1..255})"
    ln -s /etc "$d/link"
    mkfifo "$d/fifo"
    touch "$d/file"
    rmdir "$d"/n*n
    dse-state dump | cmp - "$BATS_TEST_TMPDIR/before"
    dse-state ls -R -o json >/dev/null
    run -3 dse-state put $'a\xff' </dev/null
    [[ $output == *'has a part that is not UTF-8' ]]
    run -3 dse-state put $'a\nb' </dev/null
    mkdir "$d/fifonode"
    mkfifo "$d/fifonode/.data"
    run -3 timeout 10 dse-state dump
    [[ $output == *"the data of node 'fifonode' is no regular file" ]]
}
