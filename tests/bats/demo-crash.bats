# kill -9 in the demo's own deployment: the DSE package with its default options, three nodes one after
# the other, on a directory store. One cut in a fresh cluster each, so only every $DSE_CUT_STRIDE-th
# point is cut here; DSE_CUT_STRIDE=1 cuts at each. crash.bats cuts a small service everywhere.
load helpers
load service

api() {
    local BATS_TEST_TMPDIR=$1
    start_bg api dse-http --port 0 --port-file "$1/api-port"
    retry 10 test -s "$1/api-port"
    PORT_API=$(cat "$1/api-port")
    export PORT_API
}
deployed() { [ "$(dse-state property get last-completed-update-type 2>/dev/null)" = DEPLOY ]; }
# What each node has counted in its own data volume: one start of each.
node_starts() { cat "$BATS_TEST_TMPDIR"/mesos/agent*/volumes/roles/*/*/starts | sort | tr '\n' ' '; }

# cut DIR N: the worker is killed at its N-th durable step; the next one ends the deployment.
cut() (
    BATS_TEST_TMPDIR=$1
    mkdir -p "$1"
    trap 'stop_pipe; stop_all' EXIT
    cluster "$1" "$2"
    dse-render "$TOP/universe/datastax-dse/svc.yml" | dse-plan update >/dev/null
    api "$1"
    start_pipe DSE_CRASH_AT="$2" DSE_CRASH_COUNT="$1/count"
    retry 60 ended_or_deployed || { tail -n 5 "$1"/run/*.log; return 1; }
    stop_pipe
    start_pipe DSE_CRASH_AT=
    retry 60 deployed || { tail -n 5 "$1"/run/*.log; return 1; }
    retry 10 nothing_leaked || { cat "$1/recorded" "$1/reserved"; return 1; }
    [ "$(node_starts)" = '1 1 1 ' ] || { echo "starts: $(node_starts)"; return 1; }
)
ended_or_deployed() { ! kill -0 "$pipe" 2>/dev/null || deployed; }

teardown() { stop_all; }

@test "the demo's deployment cut at its crash points resumes, converges, leaks nothing, starts no node twice" {
    dse_env
    local n running=0 last
    # Point 0 does not come: nothing is cut, and the points are counted.
    cut "$BATS_TEST_TMPDIR/0" 0
    last=$(cat "$BATS_TEST_TMPDIR/0/count")
    [ "$last" -gt 60 ]
    for n in $(seq 1 "${DSE_CUT_STRIDE:-17}" "$last"); do
        [ $((running += 1)) -le "${DSE_CUT_JOBS:-3}" ] || wait -n
        { cut "$BATS_TEST_TMPDIR/$n" "$n" && rm -rf "${BATS_TEST_TMPDIR:?}/$n" || touch "$BATS_TEST_TMPDIR/$n.failed"; } \
            >"$BATS_TEST_TMPDIR/$n.log" 2>&1 &
    done
    wait
    for n in "$BATS_TEST_TMPDIR"/*.failed; do
        [ ! -e "$n" ] || { echo "cut ${n##*/}"; cat "${n%.failed}.log"; return 1; }
    done
}

kill_one() { local pid; pid=$(pid_of "$1") && kill -9 "$pid"; }
nobody_listens() { curl -s -o /dev/null --max-time 1 "http://127.0.0.1:$PORT_API/"; [ $? -eq 7 ]; }
tasks_seen() {
    curl -sf "$DSE_MASTER/state" |
        jq '[.. | objects | select(has("framework_id") and has("state")) | .id] | unique | length'
}

@test "kill -9 of each process of the demo: resumes, no node starts twice, the plan prints the same" {
    dse_env
    cluster "$BATS_TEST_TMPDIR" 999
    export PORT_API=$((20000 + RANDOM % 12000)) # below those that connections get
    start_bg scheduler dse-scheduler "$TOP/universe/datastax-dse/svc.yml"
    local name round
    for round in 1 2; do
        for name in dse-offers dse-mesos dse-http; do retry 30 kill_one "$name"; done
        # its caller starts the script anew, when its processes have ended, too
        stop_bg scheduler KILL
        retry 10 nobody_listens
        start_bg scheduler dse-scheduler "$TOP/universe/datastax-dse/svc.yml"
    done
    retry 90 deployed
    [ "$(node_starts)" = '1 1 1 ' ]
    dse-plan show deploy -o json >"$BATS_TEST_TMPDIR/before"
    local tasks
    tasks=$(tasks_seen)
    for name in dse-offers dse-mesos dse-http; do
        retry 30 kill_one "$name"
        dse-plan show deploy -o json | diff "$BATS_TEST_TMPDIR/before" -
    done
    retry 30 pid_of dse-offers
    dse-plan show deploy -o json | diff "$BATS_TEST_TMPDIR/before" -
    [ "$(tasks_seen)" -eq "$tasks" ]
    [ "$(node_starts)" = '1 1 1 ' ]
    nothing_leaked
}
