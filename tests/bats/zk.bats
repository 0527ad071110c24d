# The state in a real ZooKeeper server: contract, lock, sessions, fail-over.
load helpers
load zookeeper
load service

setup() {
    requires zookeeper
    hello_env
    export DSE_ZK_SESSION_MS=4000
}
teardown() { stop_bg scheduler; stop_bg local; stop_all; }

one_server() {
    start_zk
    export DSE_STORE=zk://$ZK/dcos-service-hello
}
# hold NAME PREFIX DATA: a lock node as the original makes it, until stop_bg NAME.
hold() {
    start_bg "$1" "$BUILD/tools/zk" "$ZK" hold "/dcos-service-hello/$2" "$3"
    retry 10 test -s "$BATS_TEST_TMPDIR/$1.out"
}
tasks_run() { [ "$(dse-state tasks | grep -c 'TASK_RUNNING *yes')" -eq "$1" ]; }
holder_is_not() { local holder; holder=$(dse-state lock) && [[ $holder == "dse-offers "* && $holder != *" $1" ]]; }
offers_pid() { pid_of dse-offers; }
# script_ends_with STATUS: what its caller, who would start it again, sees.
script_ends_with() {
    local script status=0
    script=$(cat "$BATS_TEST_TMPDIR/scheduler.pid")
    rm "$BATS_TEST_TMPDIR/scheduler.pid"
    wait "$script" || status=$?
    [ $status -eq "$1" ]
}
err_has() { grep -q "$1" "$BATS_TEST_TMPDIR/scheduler.err"; }

@test "the contract of stores holds on a server" {
    one_server
    local test
    for test in state_store state_snapshot; do
        DSE_TEST_ZK=$ZK run -0 "$BUILD/unit/$test"
        [[ $output != *"not ok"* ]]
    done
}

@test "deploys; the tree goes to a directory and back, byte by byte" {
    one_server
    start_local
    start_scheduler
    wait_complete
    run -0 dse-state lock
    [[ $output == "dse-offers "* ]]
    run -5 dse-state put Properties/file-x </dev/null
    [[ $output == *"is held by 'dse-offers "* ]]
    [ "$(dse-state property get last-completed-update-type)" = DEPLOY ]
    nothing_leaked
    stop_bg scheduler
    run -1 dse-state lock
    dse-state dump >"$BATS_TEST_TMPDIR/dump"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/dump")" -gt 20 ]
    dse-state -s "dir:$BATS_TEST_TMPDIR/copy" load "$BATS_TEST_TMPDIR/dump"
    dse-state -s "dir:$BATS_TEST_TMPDIR/copy" dump | diff "$BATS_TEST_TMPDIR/dump" -
    dse-state -s "zk://$ZK/chroot/dcos-service-again" load "$BATS_TEST_TMPDIR/dump"
    dse-state -s "zk://$ZK/chroot/dcos-service-again" dump >"$BATS_TEST_TMPDIR/again"
    diff "$BATS_TEST_TMPDIR/dump" "$BATS_TEST_TMPDIR/again"
}

@test "a server on IPv6: alone, among names and servers that are gone, with a chroot" {
    requires ipv6
    start_zk "$BATS_TEST_TMPDIR/zookeeper" ::1
    local port=${ZK##*:} servers n=0 test
    zk create /chroot/deep/dcos-service-six/lock ''
    for servers in "[::1]:$port" "[0:0:0:0:0:0:0:1]:$port" "127.0.0.1:1,[::1]:$port" \
        "[::1]:1,localhost:1,[::1]:$port" "[::1]:$port,[::1]:1,localhost"; do
        export DSE_STORE=zk://$servers/chroot/deep/dcos-service-six
        dse-state put "Properties/file-$((n += 1))" <<<"$servers"
        [ "$(dse-state get --raw "Properties/file-$n")" = "$servers" ]
        [ "$(dse-state ls Properties | wc -l)" -eq $n ]
    done
    for test in state_store state_snapshot; do
        DSE_TEST_ZK=$ZK run -0 "$BUILD/unit/$test"
        [[ $output != *"not ok"* ]]
    done
    # An address that the brackets are missing of is none.
    run -2 dse-state -s "zk://::1:$port/x" lock
    [[ $output == *"'::1:$port' is no HOST:PORT"* ]]
    run -2 dse-state -s "zk://[]:$port/x" lock
    run -2 dse-state -s "zk://[host]:$port/x" lock
    run -2 dse-state -s "zk://[::1:$port/x" lock
}

@test "locks that the original holds, by either recipe, are respected and shown" {
    one_server
    zk create /dcos-service-hello/lock/leases
    zk create /dcos-service-hello/lock/locks
    hold new lock/leases/_c_3f0d3c0b-7b51-4f43-a6f5-2a2f0f0b7f11-lease- 10.0.1.5
    [ "$(dse-state lock -o json | jq -r '"\(.held) \(.ours) \(.holder)"')" = "true false 10.0.1.5" ]
    run -5 dse-state put x </dev/null
    [[ $output == *"is held by '10.0.1.5'"* ]]
    # For a holder that cannot be stopped.
    run -0 --separate-stderr dse-state put --force Properties/x <<<1
    [[ $stderr == *"is held by '10.0.1.5': writing without it" ]]
    [ "$(dse-state lock)" = 10.0.1.5 ]
    run -0 dse-state rm --yes --force Properties
    run -1 dse-state get Properties/x
    dse-render "$TOP/tests/data/hello/svc.yml" >"$BATS_TEST_TMPDIR/spec"
    run -5 dse-plan update "$BATS_TEST_TMPDIR/spec"
    # Newer clients make container nodes of the parents, which the server removes when they are empty.
    zk delete /dcos-service-hello/lock/locks
    run -5 dse-offers --lock-wait 1 </dev/null
    [[ $output == *"is held by '10.0.1.5'"* ]]
    stop_bg new KILL
    hold old lock/_c_3f0d3c0b-7b51-4f43-a6f5-2a2f0f0b7f11-lock- 10.0.1.6
    retry 15 sh -c 'dse-state lock | grep -x 10.0.1.6'
    run -5 dse-offers --lock-wait 1 </dev/null
    [[ $output == *"is held by '10.0.1.6'"* ]]
    # When the session of the dead holder ends, the one that waits gets it.
    stop_bg old KILL
    dse-offers </dev/null 2>"$BATS_TEST_TMPDIR/offers.err"
    dse-state dump >"$BATS_TEST_TMPDIR/dump"
    run ! grep -e '_c_' "$BATS_TEST_TMPDIR/dump"
}

@test "the original finds our lock held, by either recipe" {
    one_server
    start_bg holder "$BUILD/tools/store-hold" "$DSE_STORE" 'dse-offers test 1'
    retry 10 dse-state lock
    # What its recipes look at: more than one lease with its own; a lower number than its own.
    hold lease lock/leases/_c_0-lease- 10.0.1.5
    hold old lock/_c_0-lock- 10.0.1.5
    [[ $(cat "$BATS_TEST_TMPDIR/lease.out") == */lock/leases/_c_0-lease-0000000001 ]]
    [[ $(cat "$BATS_TEST_TMPDIR/old.out") == */lock/_c_0-lock-* ]]
    local number
    number=$(sed 's/.*-lock-0*//' "$BATS_TEST_TMPDIR/old.out")
    [ "$number" -gt 2 ]
    [ "$(dse-state lock)" = "dse-offers test 1" ]
    [ "$(dse-state lock -o json | jq .ours)" = true ]
}

@test "a scheduler that was stopped longer than its session writes nothing any more" {
    export DSE_ZK_SESSION_MS=2000
    one_server
    start_local
    start_scheduler
    wait_complete
    local pid
    pid=$(offers_pid)
    kill -STOP "$pid"
    retry 20 sh -c '! dse-state lock'
    start_bg holder "$BUILD/tools/store-hold" "$DSE_STORE" 'second host 2'
    retry 10 dse-state lock
    dse-pod restart hello-0
    dse-state dump >"$BATS_TEST_TMPDIR/before"
    kill -CONT "$pid"
    retry 10 err_has 'lock'
    retry 10 sh -c "! kill -0 $pid 2>/dev/null"
    dse-state dump | diff "$BATS_TEST_TMPDIR/before" -
    [ "$(dse-state lock)" = 'second host 2' ]
    # Started again, as its caller does, it resumes when the other one is gone.
    script_ends_with 8
    stop_bg holder KILL
    start_scheduler
    retry 30 sh -c 'dse-state lock | grep -q dse-offers'
    retry 30 sh -c '[ "$(cat '"$BATS_TEST_TMPDIR"'/mesos/*/volumes/roles/*/*/starts | grep -c hello)" -eq 3 ]'
    nothing_leaked
}

@test "the server is killed and started again: the scheduler goes on" {
    one_server
    start_local
    start_scheduler
    wait_complete
    stop_bg zookeeper KILL
    restart_zk
    HELLO_COLOUR=blue dse-render "$TOP/tests/data/hello/svc.yml" | dse-plan update --wait=30
    retry 30 sh -c '[ "$(cat '"$BATS_TEST_TMPDIR"'/mesos/*/volumes/roles/*/*/starts | grep -c blue)" -eq 2 ]'
    wait_complete
    [ "$(starts)" -eq 4 ]
    nothing_leaked
}

@test "a server that is silent for longer than the session: the scheduler gives up by its own clock" {
    export DSE_ZK_SESSION_MS=2000
    one_server
    start_local
    start_scheduler
    wait_complete
    local pid server
    pid=$(offers_pid)
    server=$(cat "$BATS_TEST_TMPDIR/zookeeper.pid")
    kill -STOP "$server"
    # What it wants to write meanwhile is on its way, and what it must not write comes with the next.
    start_bg fail dse-local fail-task hello-0-server
    retry 20 has_ended "$pid"
    err_has 'no sign of the server for'
    script_ends_with 8
    kill -CONT "$server"
    start_scheduler
    retry 30 holder_is_not "$pid"
    retry 30 tasks_run 2
    HELLO_COLOUR=blue dse-render "$TOP/tests/data/hello/svc.yml" | dse-plan update --wait=30
    retry 30 sh -c '[ "$(cat '"$BATS_TEST_TMPDIR"'/mesos/*/volumes/roles/*/*/starts | grep -c blue)" -eq 2 ]'
    wait_complete
    nothing_leaked
}

@test "the leader of three servers is killed during a deployment: it goes on; without a majority it waits" {
    start_ensemble
    export DSE_STORE=zk://$ZK/dcos-service-hello HELLO_COUNT=3
    start_local
    retry 30 zk create /ready
    start_scheduler
    retry 30 dse-state task hello-0-server
    local n
    for n in 1 2 3; do
        if [ "$(zk_mode $n)" = leader ]; then stop_bg zookeeper$n KILL; break; fi
    done
    [ -z "$(zk_mode $n)" ]
    wait_complete 60
    [ "$(starts)" -eq 3 ]
    nothing_leaked
    # One of three left: nothing can be written, and the lock counts as lost.
    local left dead=$n pid
    pid=$(offers_pid)
    for left in 1 2 3; do
        if [ $left -ne "$dead" ]; then stop_bg zookeeper$left KILL; break; fi
    done
    retry 30 has_ended "$pid"
    script_ends_with 8
    start_member "$dead"
    start_scheduler
    retry 60 holder_is_not "$pid"
    HELLO_COLOUR=blue dse-render "$TOP/tests/data/hello/svc.yml" | dse-plan update --wait=30
    retry 60 sh -c '[ "$(cat '"$BATS_TEST_TMPDIR"'/mesos/*/volumes/roles/*/*/starts | grep -c blue)" -eq 3 ]'
    wait_complete
    nothing_leaked
}

@test "changes of many small nodes are cut, however long the path before them" {
    start_zk
    export DSE_STORE=zk://$ZK/a/chroot/that/is/long/enough/to/count/dcos-service-hello
    printf '%s\n' '{"path":"","text":""}' '{"path":"servicename","text":"hello"}' '{"path":"Many","text":""}' \
        >"$BATS_TEST_TMPDIR/many"
    seq -f '{"path":"Many/%06.0f","text":""}' 20000 >>"$BATS_TEST_TMPDIR/many"
    dse-state load "$BATS_TEST_TMPDIR/many"
    [ "$(dse-state ls Many | wc -l)" -eq 20000 ]
    dse-state rm --yes Many
    [ "$(dse-state ls)" = $'lock\nservicename' ]
}

@test "access lists: open, for the creator and readers, for the creator alone" {
    one_server
    echo test | dse-state put Properties/a 2>"$BATS_TEST_TMPDIR/err" || true
    "$BUILD/tools/zk" "$ZK" create /dcos-service-hello
    echo test | dse-state put Properties/a
    [ "$(zk acl /dcos-service-hello/Properties/a)" = world:anyone:31 ]
    echo 'me:secret' >"$BATS_TEST_TMPDIR/auth"
    export DSE_STORE_AUTH_FILE=$BATS_TEST_TMPDIR/auth
    echo test | dse-state put Properties/b
    run -0 zk acl /dcos-service-hello/Properties/b
    [ "$output" = 'digest:me:x:31
world:anyone:1' ] # the server hides the digest from those who are not admitted
    run -6 env -u DSE_STORE_AUTH_FILE dse-state put Properties/b <<<other
    [[ $output == *"cannot change 'Properties/b'"*"not authenticated"* ]]
    echo test | DSE_STORE_ACL=creator dse-state put Properties/c
    run -1 zk acl /dcos-service-hello/Properties/c
    DSE_STORE_ACL=creator dse-state --store "zk://$ZK/closed/dcos-service-hello" load <<<'{"path":"a","text":""}'
    [ "$(zk acl /closed)" = world:anyone:31 ] # others may live there
    run -1 zk acl /closed/dcos-service-hello
    unset DSE_STORE_AUTH_FILE
    run -6 dse-state get Properties/c
    [[ $output == *"cannot read 'Properties/c'"*"not authenticated"* ]]
    run -2 env DSE_STORE_ACL=creator dse-state get Properties/b
    echo nocolon >"$BATS_TEST_TMPDIR/auth"
    DSE_STORE_AUTH_FILE=$BATS_TEST_TMPDIR/auth run -3 dse-state get Properties/b
    [[ $output == *"username and password must both be provided"* ]]
}

@test "no server, a change too large: told as such" {
    one_server
    head -c 600000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/large"
    zk create /dcos-service-hello
    cat "$BATS_TEST_TMPDIR/large" "$BATS_TEST_TMPDIR/large" >"$BATS_TEST_TMPDIR/larger"
    run -3 dse-state put Configurations/x <"$BATS_TEST_TMPDIR/larger"
    [[ $output == *"its largest node 'Configurations/x' has 1200000 bytes"* ]]
    # One node may be as large as the original's.
    dse-state put Configurations/x <"$BATS_TEST_TMPDIR/large"
    dse-state get --raw Configurations/x | cmp - "$BATS_TEST_TMPDIR/large"
    # A configuration grows by its templates: the one to blame is named, before anything is sent.
    dse-render "$TOP/tests/data/hello/svc.yml" |
        jq --rawfile text "$BATS_TEST_TMPDIR/large" '."pod-specs"[0]."task-specs"[0]."config-files" +=
            [{name: "big.conf", "relative-path": "big.conf", "template-content": $text}]' >"$BATS_TEST_TMPDIR/spec"
    run -3 dse-plan update "$BATS_TEST_TMPDIR/spec"
    [[ $output == *"its largest template is 'big.conf' of task 'server' of pod 'hello' with 600000 bytes"* ]]
    run -4 dse-state -s zk://127.0.0.1:1/dcos-service-x lock
    [[ $output == *"no server of '127.0.0.1:1' answers"* ]]
}

# A sample of the crash points, in other places each time.
@test "a deployment and an update killed between transactions resume, converge and leak nothing" {
    cut_env
    export DSE_ZK_SESSION_MS=1000
    start_zk
    CUT_STORE=zk://$ZK/dcos-service-
    start_local --allocation-interval 20ms --cpus 64 --mem 65536 --disk 262144
    cut_all deploy 5 10
    cut_all update 7 10
}
