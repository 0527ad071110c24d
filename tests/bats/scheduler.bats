load helpers
load service

setup() {
    hello_env
    start_local
}
teardown() { stop_bg scheduler; stop_bg local; stop_all; }

# kill -9 of the scheduler's process of that name; fails while there is none.
kill_one() {
    local pid
    pid=$(pid_of "$1") && kill -9 "$pid"
}

@test "deploys, one pod after the other, and says so" {
    start_scheduler
    wait_complete
    run -0 dse-plan show deploy
    [ "$output" = 'deploy (serial strategy) (COMPLETE)
└─ hello-deploy (serial strategy) (COMPLETE)
   ├─ hello-0:[server] (COMPLETE)
   └─ hello-1:[server] (COMPLETE)' ]
    run -0 dse-pod status
    [ "$output" = 'hello
└─ hello
   ├─ hello-0
   │  └─ hello-0-server (RUNNING)
   └─ hello-1
      └─ hello-1-server (RUNNING)' ]
    [ "$(starts)" -eq 2 ]
    nothing_leaked
    [ "$(dse-state property get last-completed-update-type)" = DEPLOY ]
}

@test "SIGTERM stops the scheduler and leaves the tasks and nothing in the run folder" {
    start_scheduler
    wait_complete
    local pid
    pid=$(cat "$BATS_TEST_TMPDIR/scheduler.pid")
    kill -TERM "$pid"
    wait "$pid"
    rm "$BATS_TEST_TMPDIR/scheduler.pid"
    [ ! -e "$DSE_RUN_DIR/calls" ]
    [ ! -e "$DSE_RUN_DIR/life" ]
    curl -sf "$DSE_MASTER/state" >"$BATS_TEST_TMPDIR/master.json"
    [ "$(jq '[.. | objects | select(.state? == "TASK_RUNNING")] | length' "$BATS_TEST_TMPDIR/master.json")" -ge 2 ]
    [ "$(starts)" -eq 2 ]
}

@test "the plan prints the same with and without a scheduler" {
    start_scheduler
    wait_complete
    dse-plan show deploy -o json >"$BATS_TEST_TMPDIR/live"
    stop_bg scheduler
    dse-plan show deploy -o json >"$BATS_TEST_TMPDIR/dead"
    diff "$BATS_TEST_TMPDIR/live" "$BATS_TEST_TMPDIR/dead"
}

@test "kill -9 of each process in turn: resumes, nothing is launched twice" {
    export HELLO_COUNT=3 PORT_API=0
    start_scheduler
    local name
    for name in dse-mesos dse-offers dse-mesos dse-offers; do
        retry 30 kill_one "$name"
    done
    wait_complete 60
    dse-plan show deploy -o json >"$BATS_TEST_TMPDIR/before"
    retry 30 kill_one dse-offers
    dse-plan show deploy -o json >"$BATS_TEST_TMPDIR/after"
    diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
    [ "$(starts)" -eq 3 ]
    nothing_leaked
}

@test "kill -9 of the script ends all of it; started again, it resumes" {
    export HELLO_COUNT=3
    local i pid
    for i in 1 2 3; do
        start_scheduler
        retry 10 pid_of dse-offers
        [ "$i" -eq 1 ] || retry 10 test -d "$BATS_TEST_TMPDIR/state/Tasks"
        local children
        children=$(pgrep -P "$(cat "$BATS_TEST_TMPDIR/scheduler.pid")" | tr '\n' ' ')
        pid=$(cat "$BATS_TEST_TMPDIR/scheduler.pid")
        kill -9 "$pid"
        wait "$pid" || true
        for pid in $children; do retry 10 sh -c "! kill -0 $pid 2>/dev/null"; done
    done
    start_scheduler
    wait_complete 60
    [ "$(starts)" -eq 3 ]
    nothing_leaked
}

@test "a failed task is relaunched in place on its volume" {
    start_scheduler
    wait_complete
    local pid
    for pid in $(pgrep -x sleep); do
        case $(readlink "/proc/$pid/cwd") in "$BATS_TEST_TMPDIR"/*) kill -9 "$pid"; break ;; esac
    done
    retry 20 sh -c '[ "$(cat '"$BATS_TEST_TMPDIR"'/mesos/*/volumes/roles/*/*/starts | grep -c hello)" -eq 3 ]'
    retry 20 sh -c 'dse-plan show recovery | head -1 | grep -q COMPLETE'
    [ "$(dse-plan show deploy | head -1)" = "deploy (serial strategy) (COMPLETE)" ]
    # one volume has two starts of the same pod: its data survived
    cat "$BATS_TEST_TMPDIR"/mesos/*/volumes/roles/*/*/starts | sort | uniq -c >"$BATS_TEST_TMPDIR/counts"
    grep -q '^ *2 hello-[01]-server red$' "$BATS_TEST_TMPDIR/counts"
    nothing_leaked
}

@test "a changed environment is rolled out live, pod by pod, in place" {
    start_scheduler
    wait_complete
    HELLO_COLOUR=blue dse-render "$TOP/tests/data/hello/svc.yml" | dse-plan update --wait=10
    retry 30 sh -c '[ "$(cat '"$BATS_TEST_TMPDIR"'/mesos/*/volumes/roles/*/*/starts | grep -c blue)" -eq 2 ]'
    wait_complete
    [ "$(starts)" -eq 4 ]
    nothing_leaked
}

@test "bad template: status 1 with the original's code, nothing stored" {
    export HELLO_COUNT=minus
    run -1 --separate-stderr dse-scheduler "$TOP/tests/data/hello/svc.yml"
    [[ $output == *'INITIALIZATION_FAILURE[1]'* ]]
    [[ $stderr == *'count'* ]]
    [ ! -d "$BATS_TEST_TMPDIR/state/Toolkit" ]
}

@test "wrong command lines are refused" {
    run -2 dse-scheduler
    run -2 dse-scheduler --frobnicate
    run -0 dse-scheduler --help
    [[ $output == usage:* ]]
}

# The script with programs that do nothing: dse-render prints a spec, dse-plan and dse-state note how they
# were called, the others wait for the end of their life line.
fake_programs() {
    local program
    rm -rf "$BATS_TEST_TMPDIR/bin"
    mkdir "$BATS_TEST_TMPDIR/bin"
    cp "$BUILD/bin/dse-scheduler" "$BATS_TEST_TMPDIR/bin"
    fake dse-render 'printf "{\n  \"name\" : \"/a/b\",\n  \"zookeeper\" : \"zk1:2181,zk2\",\n}\n"'
    for program in dse-plan dse-state; do
        fake "$program" 'echo "${0##*/} $* $DSE_STORE $DSE_MASTER" >>"$DSE_RUN_DIR/called"'
    done
    for program in dse-http dse-mesos dse-offers dse-uninstall; do fake "$program" 'read -r end <&8 || exit 0'; done
}
fake() { printf '#!/bin/sh\n%s\n' "$2" >"$BATS_TEST_TMPDIR/bin/$1" && chmod +x "$BATS_TEST_TMPDIR/bin/$1"; }

# The worker sees the end of the link in its input and that of the API in descriptor 7.
fake_worker_of() {
    case $1 in
    dse-mesos) fake dse-offers 'cat' ;;
    dse-http) fake dse-offers 'cat <&7' ;;
    esac
}

@test "exit codes: those of the original, by what ended how" {
    export PORT_API=1
    local program code want
    while read -r program code want; do
        fake_programs
        fake_worker_of "$program"
        fake "$program" "exit $code"
        [ "$want" != 'LOCK_UNAVAILABLE[8]' ] || fake dse-state 'exit 1'
        echo "$program ends with $code"
        run --separate-stderr timeout 10 "$BATS_TEST_TMPDIR/bin/dse-scheduler" x
        echo "got $status: $stderr"
        [ "$output" = "Process exiting immediately with code: $want" ]
        [[ $stderr == *"Process exiting immediately with code: $want" ]]
        [ "$status" = "$(tr -dc 0-9 <<<"$want")" ]
        [ -z "$(ls "$DSE_RUN_DIR" | grep -v called)" ] # nothing is left
    done <<'END'
dse-render 3 INITIALIZATION_FAILURE[1]
dse-plan 4 INITIALIZATION_FAILURE[1]
dse-plan 3 INITIALIZATION_FAILURE[1]
dse-plan 5 LOCK_UNAVAILABLE[8]
dse-offers 2 INITIALIZATION_FAILURE[1]
dse-offers 3 INITIALIZATION_FAILURE[1]
dse-offers 5 LOCK_UNAVAILABLE[8]
dse-offers 5 SCHEDULER_ALREADY_UNINSTALLING[11]
dse-offers 6 ERROR[6]
dse-mesos 3 INITIALIZATION_FAILURE[1]
dse-mesos 6 ERROR[6]
dse-http 2 API_SERVER_ERROR[9]
dse-http 4 API_SERVER_ERROR[9]
END
}

@test "what ends otherwise is started again, all of it" {
    export PORT_API=1
    local program status
    while read -r program status; do
        rm -rf "$DSE_RUN_DIR"
        fake_programs
        fake_worker_of "$program"
        fake "$program" 'echo x >>"$DSE_RUN_DIR/lives"; [ $(wc -l <"$DSE_RUN_DIR/lives") -eq 1 ] || touch "$DSE_RUN_DIR/again"
            kill -9 $$'
        start_bg scheduler "$BATS_TEST_TMPDIR/bin/dse-scheduler" x
        retry 10 test -e "$DSE_RUN_DIR/again"
        grep -qF "dse-scheduler: the pipe ended ($status): again in 1 s" "$BATS_TEST_TMPDIR/scheduler.err"
        stop_bg scheduler
    done <<'END'
dse-offers worker 137, link 0, http 0
dse-mesos worker 0, link 137, http 0
dse-http worker 0, link 0, http 137
END
}

@test "the store and the master are those of the template, else of the environment" {
    called() { # WORDS: with what a start calls the program that looks at the store first
        unset DSE_STORE DSE_MASTER
        start_bg scheduler env "$@"
        retry 10 grep -q . "$DSE_RUN_DIR/called"
        stop_bg scheduler
        cat "$DSE_RUN_DIR/called"
        rm "$DSE_RUN_DIR/called"
    }
    fake_programs
    local script=$BATS_TEST_TMPDIR/bin/dse-scheduler
    [ "$(called "$script" x)" = "dse-plan update $DSE_RUN_DIR/spec.json zk://zk1:2181,zk2/dcos-service-a__b zk://zk1:2181,zk2/mesos" ]
    [ "$(called DSE_STORE=dir:/s DSE_MASTER=http://m:1 "$script" x)" = "dse-plan update $DSE_RUN_DIR/spec.json dir:/s http://m:1" ]
    [ "$(called FRAMEWORK_NAME=/x/y "$script" --keep-target)" = \
        'dse-state config target zk://master.mesos:2181/dcos-service-x__y zk://master.mesos:2181/mesos' ]
    [ "$(called FRAMEWORK_NAME=x FRAMEWORK_ZOOKEEPER=h:1 "$script" --keep-target)" = \
        'dse-state config target zk://h:1/dcos-service-x zk://h:1/mesos' ]
    # To uninstall, a template that cannot be rendered any more does not matter.
    fake dse-uninstall 'echo "$DSE_STORE $DSE_MASTER" >>"$DSE_RUN_DIR/called"; exit 3'
    [ "$(called SDK_UNINSTALL= "$script" x)" = 'zk://zk1:2181,zk2/dcos-service-a__b zk://zk1:2181,zk2/mesos' ]
    fake dse-render 'exit 3'
    [ "$(called SDK_UNINSTALL=false FRAMEWORK_NAME=x "$script" x)" = 'zk://master.mesos:2181/dcos-service-x zk://master.mesos:2181/mesos' ]
    unset DSE_STORE FRAMEWORK_NAME
    run -1 --separate-stderr "$script" --keep-target
    [[ $stderr == 'dse-scheduler: neither DSE_STORE nor FRAMEWORK_NAME is set: which service is it?'* ]]
}

# refused WORDS COMMAND...: status 1, with those words first.
refused() {
    local words=$1
    shift
    run --separate-stderr timeout 20 "$@"
    echo "$stderr"
    [ "$status" -eq 1 ]
    [[ $stderr == *"$words"*'INITIALIZATION_FAILURE[1]'* ]]
}

@test "what is missing or in the way is named" {
    local svc=$TOP/tests/data/hello/svc.yml
    # Beside a script that was copied alone there are no programs.
    mkdir alone
    cp "$BUILD/bin/dse-scheduler" alone
    refused "dse-scheduler: cannot find dse-render dse-plan dse-state dse-mesos dse-offers dse-uninstall dse-http, neither in '$PWD/alone' nor in PATH" \
        env PATH=/usr/bin:/bin alone/dse-scheduler "$svc"
    # A link to it is not a copy: the programs are where it points.
    ln -s "$BUILD/bin/dse-scheduler" linked
    env PATH=/usr/bin:/bin ./linked --version | grep '^dse-scheduler [0-9]'
    touch file
    refused 'mkdir: ' env DSE_RUN_DIR="$PWD/file/run" dse-scheduler "$svc"
    mkdir -p blocked/life
    refused "dse-scheduler: cannot make pipes in the run directory '$PWD/blocked'" env DSE_RUN_DIR="$PWD/blocked" dse-scheduler "$svc"
    refused "no target configuration is stored in 'dir:$PWD/nothing'" env DSE_STORE="dir:$PWD/nothing" dse-scheduler --keep-target
    [ ! -e nothing ]
    refused 'unknown kind of store' env DSE_STORE=zoo:x dse-scheduler "$svc"
    refused "the master's URL 'ftp://x'" env DSE_MASTER=ftp://x dse-scheduler "$svc"
    refused 'DCOS_SERVICE_ACCOUNT_CREDENTIAL' env DCOS_SERVICE_ACCOUNT_CREDENTIAL=secrets/service-account.json dse-scheduler "$svc"
    # The run directory of a scheduler that lives is left alone.
    start_scheduler
    wait_complete
    refused "run directory '$DSE_RUN_DIR' is that of a running scheduler, pid $(cat "$BATS_TEST_TMPDIR/scheduler.pid")" dse-scheduler "$svc"
    [ -p "$DSE_RUN_DIR/life" ]
    [ "$(stat -c %a "$DSE_RUN_DIR/spec.json")" = 600 ]
}

@test "a port in use is the original's API_SERVER_ERROR" {
    start_bg holder dse-http --port 0 --port-file port.file
    retry 10 test -s port.file
    PORT_API=$(cat port.file) run --separate-stderr dse-scheduler "$TOP/tests/data/hello/svc.yml"
    echo "$stderr"
    [ "$status" -eq 9 ]
    [[ $stderr == *'Address already in use'* ]]
    [ "$(starts)" -eq 0 ]
    run -4 dse-http --check-port --port "$(cat port.file)"
    # Noticed before the worker begins: a task that is launched stays.
    fake_programs
    ln -sf "$BUILD/bin/dse-http" "$BATS_TEST_TMPDIR/bin/dse-http"
    fake dse-offers 'touch "$DSE_RUN_DIR/called-worker"; cat <&7'
    PORT_API=$(cat port.file) run -9 --separate-stderr timeout 10 "$BATS_TEST_TMPDIR/bin/dse-scheduler" x
    [ ! -e "$DSE_RUN_DIR/called-worker" ]
    stop_bg holder
    run -0 dse-http --check-port --port "$(cat port.file)"
    fake dse-offers 'touch "$DSE_RUN_DIR/called-worker"; exit 6'
    PORT_API=$(cat port.file) run -6 --separate-stderr timeout 10 "$BATS_TEST_TMPDIR/bin/dse-scheduler" x
    [ -e "$DSE_RUN_DIR/called-worker" ]
}

@test "TERM ends it at once also while it waits for a store out of reach" {
    DSE_STORE=zk://127.0.0.1:1/dcos-service-hello start_scheduler
    retry 10 pid_of dse-plan
    local pid began=$EPOCHREALTIME
    pid=$(cat "$BATS_TEST_TMPDIR/scheduler.pid")
    kill -TERM "$pid"
    wait "$pid"
    [ $((${EPOCHREALTIME/./} - ${began/./})) -lt 3000000 ]
    [ -z "$(ls "$DSE_RUN_DIR")" ]
}

# alive GROUP: some process of the group runs; those that ended and wait for their parent do not count.
alive() { ps -e -o pgid=,stat= | awk -v g="$1" '$1 == g && $2 !~ /^Z/ {found = 1} END {exit !found}'; }
ended() { ! alive "$1"; }

@test "a signal or kill -9 at any moment of the start ends it and leaves no process" {
    export PORT_API=1
    RANDOM=${SEED:=$$}
    echo "SEED=$SEED"
    fake_programs
    local i group signal
    for i in $(seq 60); do
        signal=TERM
        [ $((i % 2)) -eq 0 ] || signal=KILL
        setsid "$BATS_TEST_TMPDIR/bin/dse-scheduler" x >/dev/null 2>&1 3>&- &
        group=$!
        sleep "0.0$((10 + RANDOM % 60))"
        kill -$signal "$group"
        retry 5 ended "$group" || {
            echo "after $signal:"
            ps -e -o pgid,pid,stat,args | grep "^ *$group "
            kill -KILL -- "-$group"
            return 1
        }
        wait "$group" 2>/dev/null || true
    done
}

@test "a state that no scheduler starts on: each ends with its code and says why" {
    local id=7c1f8e0a-52d4-4b7e-9a55-0b6f0f6a9d21 node text code why
    dse-render "$TOP/tests/data/hello/svc.yml" >"$BATS_TEST_TMPDIR/spec"
    echo '{"framework-id": "f", "target": "'$id'"}' >"$BATS_TEST_TMPDIR/fixture"
    "$BUILD/tools/fixture" load "$DSE_STORE" "$BATS_TEST_TMPDIR/fixture" "$BATS_TEST_TMPDIR/spec"
    dse-state dump >"$BATS_TEST_TMPDIR/good"
    while IFS='|' read -r node text code why; do
        dse-state load --force "$BATS_TEST_TMPDIR/good"
        printf %s "$text" | dse-state put "$node"
        run -"${code%%[!0-9]*}" timeout 30 dse-scheduler --keep-target
        [[ $output == *"$why"* ]] || { echo "$node: $output"; return 1; }
        [[ $output == *"Process exiting immediately with code: ${code#* }[${code% *}]"* ]]
    done <<END
servicename|other|1 INITIALIZATION_FAILURE|Collision between similar service names: Expected name 'hello', but stored name is 'other'.
servicename||1 INITIALIZATION_FAILURE|the stored service name is empty
SchemaVersion|2|1 INITIALIZATION_FAILURE|Storage schema version 2 is not supported by this software (expected: 1)
SchemaVersion|x|1 INITIALIZATION_FAILURE|the stored schema version 'x' is not a number
Properties/uninstalling|true|11 SCHEDULER_ALREADY_UNINSTALLING|which cannot be reversed
Properties/uninstalling|maybe|1 INITIALIZATION_FAILURE|Properties/uninstalling is neither true nor false
ConfigTarget|00000000-0000-4000-8000-000000000000|1 INITIALIZATION_FAILURE|which is not stored
Configurations/$id|{|1 INITIALIZATION_FAILURE|is missing or unreadable
FrameworkID||1 INITIALIZATION_FAILURE|FrameworkID is empty
Tasks/hello-0-server/TaskInfo||1 INITIALIZATION_FAILURE|TaskInfo is empty
END
}
