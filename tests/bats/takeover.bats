# A service that the original deployed is taken over with its tasks running, and handed back.
load helpers
load zookeeper
load service

setup() {
    requires zookeeper
    hello_env
    export DSE_ZK_SESSION_MS=4000
    start_zk
    start_local
}
teardown() { stop_bg scheduler; stop_bg local; stop_all; }

# as_original SDK: deploys, and leaves in $DSE_STORE and $BATS_TEST_TMPDIR/theirs what the original
# would have written.
as_original() {
    export DSE_STORE=zk://$ZK/dcos-service-ours
    start_scheduler
    wait_complete
    stop_bg scheduler
    dse-state dump | jq -c --arg sdk "$1" -f "$TOP/tests/data/takeover/original.jq" >"$BATS_TEST_TMPDIR/theirs"
    export DSE_STORE=zk://$ZK/dcos-service-hello
    dse-state load "$BATS_TEST_TMPDIR/theirs"
    curl -sf "$DSE_MASTER/state" | jq -S '[.. | objects | select(.state? == "TASK_RUNNING").id] | unique' \
        >"$BATS_TEST_TMPDIR/running"
}
same_tasks_run() {
    curl -sf "$DSE_MASTER/state" | jq -S '[.. | objects | select(.state? == "TASK_RUNNING").id] | unique' |
        diff "$BATS_TEST_TMPDIR/running" -
    [ "$(starts)" -eq 2 ]
}
# What the original looks at, without statuses, which reconciliation may renew.
originals_view() { jq -c 'select(.path | test("^Toolkit|:?task-status$|/TaskStatus$|^$") | not)' "$1"; }
has_toolkit() { dse-state get Toolkit/requests >/dev/null; }

take_over_and_back() {
    as_original "$1"
    run -0 dse-state check --takeover
    [[ $output == *'note: the original stores no plans'* ]]
    [[ $output == *'take-over is possible: 2 tasks go on, none is restarted' ]]
    start_bg scheduler dse-scheduler --keep-target
    retry 20 has_toolkit
    wait_complete
    # It serves: a request is carried out by the new scheduler.
    retry 20 dse-plan stop deploy --wait=5
    same_tasks_run
    nothing_leaked
    stop_bg scheduler
    dse-state dump >"$BATS_TEST_TMPDIR/after"
    originals_view "$BATS_TEST_TMPDIR/theirs" >"$BATS_TEST_TMPDIR/theirs.view"
    originals_view "$BATS_TEST_TMPDIR/after" | diff "$BATS_TEST_TMPDIR/theirs.view" -
    same_tasks_run
}

@test "take-over from SDK 0.57 and hand-back: no task restarted, the tree as before" {
    take_over_and_back 0.57
}

@test "take-over from SDK 0.42: its shapes differ from ours in nothing that restarts a task" {
    take_over_and_back 0.42
    # The same service, rendered anew by us, is no change for the running tasks either.
    start_scheduler
    wait_complete
    same_tasks_run
}

@test "check --takeover refuses what cannot be taken over, and names what would change" {
    as_original 0.57
    start_bg holder "$BUILD/tools/zk" "$ZK" hold /dcos-service-hello/lock/leases/_c_0-lease- 10.0.1.5
    retry 10 dse-state lock
    run -1 dse-state check --takeover
    [[ $output == *"refused: the lock is held by '10.0.1.5': stop that scheduler first"* ]]
    [[ $output == *'take-over is not possible' ]]
    stop_bg holder KILL
    retry 15 sh -c '! dse-state lock'
    dse-state rm --yes Tasks/hello-1-server/TaskStatus
    run -1 dse-state check --takeover
    [[ $output == *'change: Tasks/hello-1-server/TaskStatus is missing'* ]]
    [[ $output == *"step 'hello-1:[server]'"* ]]
    [[ $output == *'take-over is possible, with the changes above'* ]]
    printf true | dse-state put Properties/uninstalling
    dse-state rm --yes FrameworkID
    dse-state check --takeover -o json >"$BATS_TEST_TMPDIR/report" || true
    json '.possible == false and (.refusals | any(test("uninstalled")) and any(test("FrameworkID")))' \
        "$BATS_TEST_TMPDIR/report"
}

@test "watch prints each change, config diff what differs, migrate moves once and for all" {
    as_original 0.57
    start_bg watch dse-state watch --changes 3
    retry 10 grep -q watching "$BATS_TEST_TMPDIR/watch.err"
    printf red | dse-state put Properties/colour
    retry 10 grep -q red "$BATS_TEST_TMPDIR/watch.out"
    printf blue | dse-state put Properties/colour
    retry 10 grep -q blue "$BATS_TEST_TMPDIR/watch.out"
    dse-state rm --yes Properties/colour
    wait "$(cat "$BATS_TEST_TMPDIR/watch.pid")"
    [ "$(jq -c 'del(.time)' "$BATS_TEST_TMPDIR/watch.out")" = '{"change":"created","path":"Properties/colour","value":"red"}
{"change":"changed","path":"Properties/colour","value":"blue"}
{"change":"deleted","path":"Properties/colour"}' ]

    local id
    id=$(dse-state config target)
    run -0 dse-state config diff "$id"
    dse-state config show --raw | sed 's/nothing//; s/"name":"hello"/"name":"other"/' |
        dse-state put Configurations/00000000-0000-4000-8000-000000000000
    run -1 dse-state config diff 00000000-0000-4000-8000-000000000000
    [[ $output == *'- /name: "other"'*'+ /name: "hello"'* ]]

    run -2 dse-state migrate
    dse-state migrate --yes
    [ "$(dse-state get SchemaVersion)" = 2 ]
    run -1 dse-state get Tasks
    dse-state get Services/hello/Tasks/hello-0-server/TaskInfo | jq -e '.name == "hello-0-server"'
    dse-state dump >"$BATS_TEST_TMPDIR/moved"
    # Cut off before the version was stored: the next one ends with the same.
    printf 1 | dse-state put SchemaVersion
    dse-state migrate --yes
    dse-state dump | diff "$BATS_TEST_TMPDIR/moved" -
}

# In several transactions, since it is large; another point each time.
@test "a migration that is cut off is begun anew and ends with the same" {
    local big n=$((1 + RANDOM % 12))
    echo "cut: $n"
    big=$(head -c 300000 /dev/zero | tr '\0' x)
    DSE_TEST_TOP=$TOP "$BUILD/tools/state-example" >"$BATS_TEST_TMPDIR/dump"
    printf '{"path":"Configurations/%s1111111-2222-4333-8444-555555555555","text":"'"$big"'"}\n' 1 2 >>"$BATS_TEST_TMPDIR/dump"
    moved() { dse-state dump | sed 's/^{"path":"backup-[0-9-]*/{"path":"backup/'; }
    export DSE_STORE=zk://$ZK/dcos-service-whole
    dse-state load "$BATS_TEST_TMPDIR/dump"
    dse-state migrate --yes
    moved >"$BATS_TEST_TMPDIR/whole"
    export DSE_STORE=zk://$ZK/dcos-service-cut
    dse-state load "$BATS_TEST_TMPDIR/dump"
    DSE_ZK_SESSION_MS=1000 DSE_CRASH_AT=$n run -137 dse-state migrate --yes
    retry 20 sh -c '! dse-state lock'
    dse-state migrate --yes
    moved | diff "$BATS_TEST_TMPDIR/whole" - >/dev/null
    run -1 dse-state get Tasks
}
