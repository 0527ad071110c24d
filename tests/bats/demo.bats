# The demo: make demo once all is built.
load helpers

# A Ctrl-C is ignored by what a shell starts in the background; this takes it, in a group of its own.
# start_demo [SHARE]: its pid, and its folder's, in DEMO.
start_demo() {
    local share=${1:-$BUILD/share}
    DSE_SHARE=$share start_bg demo python3 -c 'if 1:
        import os, signal, sys
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.setsid()
        os.execvp(sys.argv[1], sys.argv[1:])' "$TOP/tools/demo" "$BUILD"
    DEMO=$(cat "$BATS_TEST_TMPDIR/demo.pid")
}
folder() { printf '%s\n' "${TMPDIR:-/tmp}/dse-demo.$DEMO"; }
# Processes whose command line or environment names the demo's folder.
processes() { grep -sla "/dse-demo[.]$DEMO/" /proc/[0-9]*/cmdline /proc/[0-9]*/environ; }
no_process() { [ -z "$(processes)" ]; }
gone() { ! kill -0 "$DEMO" 2>/dev/null; }

teardown() { stop_all; }

@test "deploys three nodes, shows plan and pods, and leaves nothing; others may not enter the build" {
    # Tasks run as nobody, who cannot enter root's home either.
    mkdir -m 700 "$BATS_TEST_TMPDIR/closed"
    cp -r "$BUILD/share" "$BATS_TEST_TMPDIR/closed"
    umask 077
    start_demo "$BATS_TEST_TMPDIR/closed/share"
    wait "$DEMO" || { cat "$BATS_TEST_TMPDIR"/demo.*; false; }
    no_process
    [ ! -e "$(folder)" ]
    sed -n '/^\$ dse-plan show deploy/,$p' "$BATS_TEST_TMPDIR/demo.out" >"$BATS_TEST_TMPDIR/end"
    [ "$(cat "$BATS_TEST_TMPDIR/end")" = '$ dse-plan show deploy
deploy (serial strategy) (COMPLETE)
└─ dse-phase (serial strategy) (COMPLETE)
   ├─ dse-0:[node, agent] (COMPLETE)
   ├─ dse-1:[node, agent] (COMPLETE)
   └─ dse-2:[node, agent] (COMPLETE)

$ dse-pod status
datastax-dse
└─ dse
   ├─ dse-0
   │  ├─ dse-0-agent (RUNNING)
   │  ├─ dse-0-node (RUNNING)
   │  └─ dse-0-nodetool (<UNKNOWN>)
   ├─ dse-1
   │  ├─ dse-1-agent (RUNNING)
   │  ├─ dse-1-node (RUNNING)
   │  └─ dse-1-nodetool (<UNKNOWN>)
   └─ dse-2
      ├─ dse-2-agent (RUNNING)
      ├─ dse-2-node (RUNNING)
      └─ dse-2-nodetool (<UNKNOWN>)

stopping and removing everything' ]
}

@test "installed elsewhere, and from the unpacked archive, it runs from there alone" {
    local names root
    names=$(cd "$BUILD/bin" && ls -d dse-*)
    # shellcheck disable=SC2086 # names of programs
    "$TOP/tools/install-files" "$BUILD" "$PWD/in stalled" install $names
    [ ! -s "$BUILD/share/dse-toolkit.tar.gz" ] || tar xzf "$BUILD/share/dse-toolkit.tar.gz"
    mkdir -p script/tools
    cp "$TOP/tools/demo" script/tools
    for root in "$PWD/in stalled" "$PWD/dse-toolkit"; do
        [ -d "$root" ] || continue # sanitizer builds have no archive
        env PATH=/usr/bin:/bin DSE_PACKAGE="$root/share/dse-toolkit/universe/datastax-dse" \
            DSE_SHARE="$root/share/dse-toolkit" script/tools/demo "$root" >out 2>err || { cat out err; return 1; }
        grep -q '^deploy (serial strategy) (COMPLETE)' out
        [ "$(grep -c '(RUNNING)' out)" -eq 6 ]
    done
}

@test "Ctrl-C before anything runs in the background leaves no file" {
    local jq
    jq=$(command -v jq)
    mkdir shims
    printf '#!/bin/sh\nkill -INT 0\nexec %s "$@"\n' "$jq" >shims/jq
    chmod +x shims/jq
    PATH=$PWD/shims:$PATH start_demo
    wait "$DEMO" && false
    [ ! -e "$(folder)" ] || { cat demo.err; ls -R "$(folder)"; return 1; }
}

@test "Ctrl-C at any moment leaves no process and no file" {
    local seconds
    for seconds in 0.05 0.2 0.5 1 2 3.5; do
        start_demo
        retry 5 kill -0 -- "-$DEMO"
        sleep "$seconds"
        kill -INT -- "-$DEMO"
        retry 15 gone
        no_process || { ps -p "$(processes | grep -o '[0-9][0-9]*' | paste -sd,)"; return 1; }
        [ ! -e "$(folder)" ] || { ls -R "$(folder)"; return 1; }
    done
}
