#!/bin/bash
# tests/bench/zk.sh BUILD: what the state in ZooKeeper costs, by the counters of a real server: write
# transactions per deployed pod of one task (goal 2.1), packets of loading 1 000 tasks beside a bare
# pipelined read (goal 1.2); then the times of build/bench/state_zk.
set -euo pipefail
build=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
[ -e /usr/share/java/zookeeper.jar ] || { echo '{"bench":"zk","skipped":"no ZooKeeper server"}'; exit 0; }
export DSE_TEST_TOP=$top DSE_TEST_BUILD=$build PATH=$build/bin:$PATH
BATS_TEST_TMPDIR=$(mktemp -d)
# shellcheck disable=SC2317 # called by the helpers of the tests
bats_require_minimum_version() { :; }
# shellcheck source=/dev/null
for part in helpers zookeeper service; do . "$top/tests/bats/$part.bash"; done
trap 'stop_bg scheduler; stop_bg local; stop_all; rm -rf "$BATS_TEST_TMPDIR"' EXIT

counter() { # NAME: of the server's statistics
    zk_says "${ZK#*:}" "$1"
}
# shellcheck disable=SC2317 # by retry
serves() { [ -n "$(counter Zxid)" ]; }
start_zk
retry 20 serves

# ---- write transactions per pod: the difference of two sizes, so that what a start costs is out of it
hello_env
export HELLO_STRATEGY=parallel HELLO_PORT=0 HELLO_CPUS=0.1 HELLO_PLACEMENT='' DSE_REVIVE_INTERVAL_MS=20
deployed() { [ "$(dse-state property get last-completed-update-type 2>/dev/null)" = DEPLOY ]; }
zxids() { # PODS: transactions of one deployment
    local before after
    export FRAMEWORK_NAME=bench$1 HELLO_COUNT=$1 DSE_STORE=zk://$ZK/dcos-service-bench$1 DSE_RUN_DIR=$BATS_TEST_TMPDIR/run$1
    before=$(($(counter Zxid)))
    start_scheduler
    # Each look of ours is a session of its own, which is two transactions: one look a second.
    local looks=0
    until looks=$((looks + 1)) && deployed; do sleep 1; [ $looks -lt 120 ] || exit 1; done
    after=$(($(counter Zxid)))
    stop_bg scheduler
    echo $((after - before - 2 * looks))
}
start_local --allocation-interval 20ms --cpus 64 --mem 131072 --disk 1048576
small=$(zxids 5)
large=$(zxids 55)
stop_bg local
bad=0
awk -v a="$small" -v b="$large" 'BEGIN {
    per = (b - a) / 50
    printf "{\"bench\":\"zk_transactions\",\"pods\":50,\"transactions\":%d,\"per_pod\":%.2f,\"goal\":2.1}\n", b - a, per
    exit per > 2.1 }' || bad=1

# ---- packets of a load
export DSE_BENCH_ZK=$ZK
unset DSE_STORE
"$build/bench/state_zk" fill 1000
dse-state -s "zk://$ZK/dcos-service-bench" ls -R -o name | grep -v '^lock/' >"$BATS_TEST_TMPDIR/paths"
one=$(counter Received)
"$build/bench/state_zk" raw <"$BATS_TEST_TMPDIR/paths"
two=$(counter Received)
"$build/bench/state_zk" load
three=$(counter Received)
awk -v bare=$((two - one)) -v ours=$((three - two)) 'BEGIN {
    printf "{\"bench\":\"zk_load\",\"tasks\":1000,\"packets\":%d,\"bare_packets\":%d,\"ratio\":%.2f,\"goal\":1.2}\n", ours, bare, ours / bare
    exit ours / bare > 1.2 }' || bad=1
"$build/bench/state_zk" || bad=1
exit $bad
