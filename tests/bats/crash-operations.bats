# kill -9 at the durable steps of an update, a restart, a replacement and a decommission, counted up until a run is
# not cut any more: each cut is resumed by the next start, converges, leaks nothing and launches at most
# one task more than an uncut run. Every $DSE_CUT_STRIDE-th step is cut; DSE_CUT_STRIDE=1 cuts at each.
# One service on a directory store, with DSE_CUT_STORE=zk on ZooKeeper; uninstall.bats and crash.bats cut
# the rest.
load helpers
load service
load zookeeper

setup() {
    hello_env
    if [ "${DSE_CUT_STORE:-dir}" = zk ]; then
        requires zookeeper
        export DSE_ZK_SESSION_MS=1000
        start_zk
        DSE_STORE=zk://$ZK/dcos-service-hello
    fi
    export HELLO_STRATEGY=parallel HELLO_PORT=0 HELLO_CPUS=0.1 DSE_REVIVE_INTERVAL_MS=20
    start_local --allocation-interval 20ms
    mkdir -p "$DSE_RUN_DIR"
    hand_over 2 red
    start_pipe DSE_CRASH_AT=
    retry 20 is_settled 2 red
    stop_pipe
}
teardown() { stop_pipe; stop_bg local; stop_all; }

hand_over() { # COUNT COLOUR
    HELLO_COUNT=$1 HELLO_COLOUR=$2 dse-render "$TOP/tests/data/hello/svc.yml" |
        jq '."pod-specs"[0]."allow-decommission" = true' | dse-plan update >/dev/null
}
# Pods, each running with that colour; no request and no plan is left.
is_settled() { # COUNT COLOUR
    local view=$BATS_TEST_TMPDIR/view n
    dse-state dump >"$view"
    ! grep -q '"queued' "$view" || return 1
    [ "$(dse-pod list | wc -l)" -eq "$1" ] || return 1
    [ "$(dse-plan why)" = '' ] || return 1
    for n in $(seq 0 $(($1 - 1))); do
        dse-state task "hello-$n-server" | grep -q "\"value\": \"$2\"" || return 1
        [ "$(dse-pod status "hello-$n" -o json | jq -r '.tasks[0].status')" = RUNNING ] || return 1
    done
}
# How often the pods' commands have been started on the volumes that are there.
launches() { cat "$BATS_TEST_TMPDIR"/mesos/*/volumes/roles/*/*/starts | grep -c '^hello-.-server'; }
ended_or() { ! kill -0 "$pipe" 2>/dev/null || "$@"; }

starts_of() { cat "$BATS_TEST_TMPDIR"/mesos/*/volumes/roles/*/*/starts | grep -c "^$1-server"; }

# every_cut LAUNCHES ASK SETTLED: asks and cuts until a run is not cut; both are called with the
# number of the cut.
every_cut() {
    local n before gone extra more=0 points=0 most=$1 ask=$2 settled=$3
    for n in $(seq 1 "${DSE_CUT_STRIDE:-11}" 999); do
        gone=0
        "$ask" "$n"
        before=$(($(launches) - gone))
        start_pipe DSE_CRASH_AT="$n"
        retry 30 ended_or "$settled" "$n" || { echo "cut $n hangs"; dse-plan why; return 1; }
        if kill -0 "$pipe" 2>/dev/null; then
            stop_pipe
            [ $(($(launches) - before)) -eq "$most" ] || { echo "$n: $(launches) starts, had $before"; return 1; }
            [ "$n" -gt 20 ] # there are that many durable steps
            echo "# $points cuts of $((n - 1)), all converged, none leaked; $more launched a task once more" >&3
            return
        fi
        wait "$pipe" || true
        start_pipe DSE_CRASH_AT=
        retry 30 "$settled" "$n" || { echo "cut $n did not converge"; dse-plan why; return 1; }
        retry 10 nothing_leaked || { echo "cut $n leaked"; return 1; }
        extra=$(($(launches) - before - most))
        [ "$extra" -le 1 ] || { echo "cut $n: $(launches) starts, had $before"; return 1; }
        points=$((points + 1)) more=$((more + (extra > 0)))
        stop_pipe
    done
    echo "no run finished"
    return 1
}

ask_colour() { hand_over 2 "colour$1"; }
has_colour() { is_settled 2 "colour$1"; }
@test "an update cut at each crash point" { every_cut 2 ask_colour has_colour; }

ask_restart() {
    old=$(dse-state task hello-1-server | jq -r '.task_id.value')
    dse-pod restart hello-1 >/dev/null
}
is_restarted() { is_settled 2 red && [ "$(dse-state task hello-1-server | jq -r '.task_id.value')" != "$old" ]; }
@test "a restart in place cut at each crash point" { every_cut 1 ask_restart is_restarted; }

ask_replace() {
    old=$(dse-state task hello-1-server | jq -r '.task_id.value')
    volumes=$(recorded_ids | sort)
    gone=$(starts_of hello-1)
    dse-pod replace --yes hello-1 >/dev/null
}
is_replaced() {
    is_settled 2 red && [ "$(dse-state task hello-1-server | jq -r '.task_id.value')" != "$old" ] &&
        [ "$(comm -12 <(echo "$volumes") <(recorded_ids | sort) | wc -l)" -eq 8 ] && nothing_leaked
}
@test "a replacement cut at each crash point" { every_cut 1 ask_replace is_replaced; }

ask_less() {
    hand_over 2 red
    start_pipe DSE_CRASH_AT=
    retry 20 is_settled 2 red
    stop_pipe
    hand_over 1 red
    gone=$(starts_of hello-1)
}
is_less() { is_settled 1 red && nothing_leaked; }
@test "a decommission cut at each crash point" { every_cut 0 ask_less is_less; }
