#!/usr/bin/env bats
# dse-local --simulate: many agents and tasks, no processes.
load helpers
load local

setup() {
    DIR=$BATS_TEST_TMPDIR
    cd "$DIR"
}
teardown() {
    stop_bg scheduler
    stop_all
}

# CPU time that a process has used, in hundredths of a second.
cpu_of() { awk '{print $14 + $15}' "/proc/$1/stat"; }

@test "1 000 pods on 1 000 agents, with a volume and a check each: the scheduler is the slower one" {
    start_local --simulate --agents 1000
    export DSE_MASTER=$MASTER DSE_STORE=dir:$DIR/state DSE_RUN_DIR=$DIR/run DSE_REVIVE_INTERVAL_MS=50
    export FRAMEWORK_NAME=hello SERVICE_USER=root HELLO_COUNT=1000 HELLO_CPUS=0.5 HELLO_COLOUR=red HELLO_CHECK=true
    export HELLO_PLACEMENT='[["hostname","MAX_PER","1"]]' HELLO_STRATEGY=parallel HELLO_PORT=8180
    start_bg scheduler dse-scheduler "$TOP/tests/data/hello/svc.yml"
    complete() { [ "$(dse-plan show deploy 2>&1 | head -1)" = 'deploy (serial strategy) (COMPLETE)' ]; }
    retry 50 complete
    curl -s "$MASTER/state" >state.json
    json '[.frameworks[].tasks[] | select(.state == "TASK_RUNNING") | .agent_id] | unique | length == 1000' state.json
    json '[.agents[] | .volumes | length] | unique == [2]' state.json
    # Nothing was made on the disk, and no process runs.
    [ ! -e work/agent1 ]
    json '[.frameworks[].tasks[] | select(.pid)] == []' state.json
    local offers
    offers=$(pgrep -P "$(cat scheduler.pid)" -x dse-offers)
    echo "dse-local $(cpu_of "$(cat local.pid)"), dse-offers $(cpu_of "$offers")"
    [ "$(cpu_of "$(cat local.pid)")" -lt "$(cpu_of "$offers")" ]
}

@test "the life of a task can be scripted" {
    start_local --simulate
    subscribe s
    launch ends 'exit 9' '.command.environment.variables = [{name: "SIMULATED_LIFE", value: "0.2"}]'
    wait_state ends TASK_FINISHED '.message == "Command exited with status 0"'
    launch fails 'true' '.command.environment.variables = [{name: "SIMULATED_LIFE", value: "0:3"}]'
    wait_state fails TASK_FAILED '.message == "Command exited with status 3"'
    [ "$(updates | jq -r 'select(.task_id.value == "fails").state' | uniq | paste -sd' ')" = \
        'TASK_STARTING TASK_RUNNING TASK_FAILED' ]
    launch killed 'true' '.command.environment.variables = [{name: "SIMULATED_LIFE", value: "600"}]'
    wait_state killed TASK_RUNNING
    call '{"type":"KILL","kill":{"task_id":{"value":"killed"}}}'
    wait_state killed TASK_KILLED
}

@test "agents fail on command also when simulated; 20 000 of them start at once" {
    start_local --simulate --agents 20000 --agent-timeout 0.2
    export DSE_MASTER=$MASTER
    subscribe s '.subscribe.suppressed_roles = ["dse-role"]'
    dse-local agent-gone agent20000
    retry 5 has s 'select(.failure.agent_id.value | endswith("-S19999"))'
    call '{"type":"REVIVE"}'
    count() { [ "$(events s | jq -s '[.[].offers.offers[]?] | length')" = 19999 ]; }
    retry 20 count
}
