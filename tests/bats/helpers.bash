# Helpers of all suites: `load helpers` at the top of a file. Programs are found in PATH, which
# tests/run sets. Every test runs in a folder of its own, $BATS_TEST_TMPDIR, so that it leaves nothing
# elsewhere; what it starts it stops, by pid, in teardown (start_bg, stop_all).
bats_require_minimum_version 1.5.0

TOP=${DSE_TEST_TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
BUILD=${DSE_TEST_BUILD:-$TOP/build}
case :$PATH: in *:"$BUILD/bin":*) ;; *) PATH=$BUILD/bin:$PATH ;; esac
CAPTURES=${DSE_CAPTURES:-$TOP/../shared/captures}
PUBLISHED=${DSE_PUBLISHED:-$TOP/../shared/data/universe}
unset DSE_STORE DSE_MASTER DSE_RUN_DIR NO_COLOR
export LC_ALL=C.UTF-8
cd "${BATS_TEST_TMPDIR:-${BATS_FILE_TMPDIR:-.}}" || exit 70

# start_bg NAME COMMAND...: starts it in the background with output in NAME.out and NAME.err, pid in
# NAME.pid, all below the test's folder.
start_bg() {
    local name=$1
    shift
    "$@" >"$BATS_TEST_TMPDIR/$name.out" 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- </dev/null &
    echo $! >"$BATS_TEST_TMPDIR/$name.pid"
}
stop_bg() { # NAME [SIGNAL]
    local file=$BATS_TEST_TMPDIR/$1.pid pid
    [ -f "$file" ] || return 0
    pid=$(cat "$file")
    rm -f "$file"
    kill -"${2:-TERM}" "$pid" 2>/dev/null || return 0
    wait "$pid" 2>/dev/null || true
    # What setup_file started is no child of a test's shell: wait returns at once for it.
    retry 30 has_ended "$pid"
}
has_ended() { ! kill -0 "$1" 2>/dev/null || [ "$(ps -o stat= -p "$1" | cut -c1)" = Z ]; }
stop_all() {
    local file
    for file in "$BATS_TEST_TMPDIR"/*.pid; do
        [ -f "$file" ] && stop_bg "$(basename "$file" .pid)" TERM
    done
    return 0
}

# retry SECONDS COMMAND...: polls an observable until it holds; shows the last output on failure. SECONDS
# are those of a quiet machine; $PATIENCE (4) times as long on one that is busy with other things.
retry() {
    local end=$((SECONDS + ${PATIENCE:-4} * $1)) output
    shift
    while ! output=$("$@" 2>&1); do
        if [ $SECONDS -ge $end ]; then
            printf 'gave up waiting for: %s\n%s\n' "$*" "$output" >&2
            return 1
        fi
        sleep 0.05
    done
}

# requires captures|published|zookeeper: a named skip when something is missing.
requires() {
    local word
    for word in "$@"; do
        case $word in
        captures) [ -d "$CAPTURES" ] || skip "no recorded traffic beside the checkout" ;;
        published) [ -d "$PUBLISHED" ] || skip "no published package beside the checkout" ;;
        zookeeper) [ -e /usr/share/java/zookeeper.jar ] || skip "no ZooKeeper server installed" ;;
        ipv6) [ -e /proc/net/if_inet6 ] && grep -q '^0\{31\}1 ' /proc/net/if_inet6 || skip "no IPv6 on loopback" ;;
        *) echo "requires: unknown word $word" >&2; return 1 ;;
        esac
    done
}

# json FILTER FILE: asserts that jq -e accepts.
json() { jq -e "$1" "$2" >/dev/null || { echo "jq: $1 does not hold in:"; cat "$2"; return 1; }; }
