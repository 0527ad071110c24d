# Random sequences of configurations and operator commands on real processes, with kill -9 between: once
# pauses and interrupts are lifted, what is there equals, up to ids, agents and ports, a fresh install of
# the last configuration that was accepted. One short run here; DSE_RANDOM_RUNS=50 makes more,
# DSE_RANDOM_STEPS longer ones, DSE_TEST_SEED repeats one.
load helpers
load service

setup() {
    hello_env
    export FRAMEWORK_NAME=ops PAUSE_OVERRIDE_CMD='exec sleep 100001' BOOTSTRAP_URI=file:///dev/null
    export WORLD_COUNT=1 WORLD_CPUS=0.1 COLOUR=red DSE_COUNT=1 DSE_STRATEGY=serial
}
teardown() { stop_bg scheduler; stop_bg local; stop_all; }

svc=$TOP/tests/data/ops/svc.yml
scheduler() { start_bg scheduler dse-scheduler "$svc"; }
note() { echo "$*" >>"$BATS_TEST_TMPDIR/history"; }
pick() { shift $((RANDOM % $#)); echo "$1"; } # WORD...
pod() { pick $(dse-pod list); }

# A random configuration; one that is refused leaves everything as it was.
reconfigure() {
    local world cpus colour dse strategy
    world=$(pick 1 2 3) cpus=$(pick 0.1 0.2 0.3) colour=$(pick red green blue) dse=$(pick 1 2 3)
    strategy=$(pick serial parallel)
    note "update world=$world cpus=$cpus colour=$colour dse=$dse strategy=$strategy"
    set -- "WORLD_COUNT=$world" "WORLD_CPUS=$cpus" "COLOUR=$colour" "DSE_COUNT=$dse" "DSE_STRATEGY=$strategy"
    if env "$@" dse-render "$svc" 2>/dev/null | dse-plan update --wait=60 >"$BATS_TEST_TMPDIR/answer" 2>&1; then
        export "$@"
    else
        note "  $(cat "$BATS_TEST_TMPDIR/answer")"
        [ "$dse" -lt "$DSE_COUNT" ] # nothing else is refused
        # what the plan shows of it is history with the next start
        dse-render "$svc" 2>/dev/null | dse-plan update --wait=60 >/dev/null
    fi
}
# A command of the operator. What it says does not matter here: it may come too late or too early.
operate() {
    local words
    case $(pick restart replace pause resume plan-pause plan-resume force-restart phase) in
    restart) words="dse-pod restart $(pod)" ;;
    replace) words="dse-pod replace --yes $(pod)" ;;
    pause) words="dse-pod pause $(pod)" ;;
    resume) words="dse-pod resume $(pod)" ;;
    plan-pause) words="dse-plan pause $(pick deploy recovery)" ;;
    plan-resume) words="dse-plan resume $(pick deploy recovery)" ;;
    force-restart) words="dse-plan force-restart deploy $(pick dse-phase world)" ;;
    phase) words="dse-plan $(pick pause resume) deploy $(pick dse-phase world)" ;;
    esac
    note "$words"
    $words >/dev/null 2>&1 || true
}
disturb() {
    local victim name
    name=$(pick dse-offers dse-mesos scheduler task nothing nothing)
    note "kill $name"
    case $name in
    nothing) ;;
    scheduler)
        stop_bg scheduler KILL
        scheduler
        ;;
    task)
        victim=$(curl -sf "$DSE_MASTER/state" | jq -r '.frameworks[].tasks[] | select(.state == "TASK_RUNNING") | .id' | shuf -n 1 --random-source=<(yes))
        [ -z "$victim" ] || dse-local fail-task "$victim" >/dev/null 2>&1 || true
        ;;
    *)
        victim=$(pid_of "$name") || return 0
        kill -9 "$victim"
        ;;
    esac
}
lift() {
    local name
    for name in deploy recovery; do dse-plan resume "$name" || true; done
    for name in dse-phase world; do dse-plan resume deploy "$name" || true; done
    for name in $(dse-pod list); do dse-pod resume "$name" || true; done
} >/dev/null 2>&1

at_rest() {
    ! dse-state dump | grep -q '"queued' && [ -z "$(dse-plan why)" ] && nothing_leaked &&
        [ "$(dse-pod status -o json | jq -r '.pods[].instances[].tasks[].status // empty' | grep -c RUNNING)" -eq $((WORLD_COUNT + 2 * DSE_COUNT)) ]
}
# Everything about the tasks but what differs between two installs.
canonical() {
    local name
    dse-plan show deploy
    dse-pod status | sed 's/(<UNKNOWN>)/()/'
    dse-state config show | jq -S .
    for name in $(dse-state tasks -o name | sort); do
        echo "$name"
        dse-state task "$name" | jq -S 'walk(
            if type == "array" then sort_by(tojson)
            elif type == "string" then gsub("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"; "ID")
            elif type == "object" and .key == "offer_hostname" then .value = "HOST"
            else . end)
            # what was never launched is made anew when it is: as a paused pod left it, say
            | (if .task_id.value != "" then . else del(.check, .command) end) | del(.agent_id, .executor.framework_id)
            | del(.. | .value? | select(type == "string" and test("^S[0-9]+$")))'
    done
}

# same DIR SEED: one sequence, in a cluster of its own, against a fresh install in another.
same() (
    BATS_TEST_TMPDIR=$1
    RANDOM=$2
    trap 'stop_bg scheduler; stop_all' EXIT
    mkdir -p "$1/fresh"
    export DSE_STORE=dir:$1/state DSE_RUN_DIR=$1/run
    start_local
    scheduler
    retry 60 deploy_is_complete
    for _ in $(seq 1 "${DSE_RANDOM_STEPS:-10}"); do
        case $(pick update operate operate) in
        update) reconfigure || return 1 ;;
        operate) operate ;;
        esac
        disturb
        # sometimes what was asked for gets on
        case $(pick on on by) in on) PATIENCE=1 retry 1 deploy_is_complete || true ;; esac 2>/dev/null
    done
    lift
    retry 90 at_rest || { dse-plan why; dse-pod status; tail -n 20 "$1/scheduler.err"; return 1; }
    canonical >"$1/found"
    stop_bg scheduler
    stop_bg local

    BATS_TEST_TMPDIR=$1/fresh
    export DSE_STORE=dir:$1/fresh/state DSE_RUN_DIR=$1/fresh/run
    start_local
    scheduler
    retry 60 at_rest
    canonical >"$1/wanted"
    diff "$1/wanted" "$1/found"
)

@test "any sequence of configurations, commands and kills ends as a fresh install" {
    local seed=${DSE_TEST_SEED:-$((RANDOM * 32768 + RANDOM))} n
    for n in $(seq 1 "${DSE_RANDOM_RUNS:-1}"); do
        echo "# seed $seed" >&3
        mkdir -p "$BATS_TEST_TMPDIR/$n"
        same "$BATS_TEST_TMPDIR/$n" "$seed" || { echo "seed $seed:"; cat "$BATS_TEST_TMPDIR/$n/history"; return 1; }
        rm -rf "${BATS_TEST_TMPDIR:?}/$n"
        seed=$((seed + 1))
    done
}
