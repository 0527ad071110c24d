# dse-offers on recorded and made-up streams: what it answers, what it refuses, what it leaves in the
# store. The reviewed answers to the recorded traffic are in tests/golden/offers.
load helpers

DATA=$TOP/tests/data/offers
GOLDEN=$TOP/tests/golden/offers

setup() {
    export DSE_STORE=dir:$BATS_TEST_TMPDIR/state FRAMEWORK_LOG_LEVEL=OFF
}
teardown() { stop_all; }

# fill SERVICE FIXTURE: a store with that service in the middle of its life.
fill() {
    dse-render --no-environment "$DATA/$1.yml" >"$BATS_TEST_TMPDIR/spec.json"
    "$BUILD/tools/fixture" load "$DSE_STORE" "$DATA/$2.json" "$BATS_TEST_TMPDIR/spec.json"
}
# events NAME: the event lines of a capture, with the link's records where its streams begin and end.
events() {
    jq -c 'if .event.type == "SUBSCRIBED" then {type: "DSE_CONNECTED"}, .event
           elif .event then .event
           elif .stream then {type: "DSE_DISCONNECTED"} else empty end' "$CAPTURES/$1.ndjson"
}
# offers [OPTION...]: a reproducible run; no variable of the tester's gets in.
offers() {
    env -i PATH="$PATH" DSE_STORE="$DSE_STORE" FRAMEWORK_LOG_LEVEL=OFF PORT_API=15063 \
        BOOTSTRAP_URI=https://example.com/bootstrap.zip dse-offers --seed 1 \
        --now 1795366829000 "$@"
}
dump() { dse-state dump >"$BATS_TEST_TMPDIR/$1.dump"; }
unchanged() { dump after && diff "$BATS_TEST_TMPDIR/before.dump" "$BATS_TEST_TMPDIR/after.dump"; }
types() { jq -r .type | paste -sd ' '; }

# golden NAME STATUS: the run's calls are those of the reviewed file. UPDATE_GOLDEN=1 writes it anew.
golden() {
    echo "$stderr"
    [ "$status" -eq "$2" ]
    if [ "${UPDATE_GOLDEN:-}" = 1 ]; then
        printf '%s\n' "$output" >"$GOLDEN/$1.calls"
    fi
    diff "$GOLDEN/$1.calls" <(printf '%s\n' "$output")
}

# holds ARGUMENT...: asserts that jq -e accepts.
holds() { jq -e "$@" >/dev/null || { echo "jq $* does not hold"; return 1; }; }

connected='{"type":"DSE_CONNECTED"}'
subscribed='{"type":"SUBSCRIBED","subscribed":{"framework_id":{"value":"F"},"heartbeat_interval_seconds":15}}'
offer() { # ID AGENT
    jq -nc --arg id "$1" --arg agent "$2" '{type: "OFFERS", offers: {offers: [{id: {value: $id},
        framework_id: {value: "F"}, agent_id: {value: $agent}, hostname: "\($agent).local",
        allocation_info: {role: "dse-role"}, resources: (
          [{name: "cpus", type: "SCALAR", scalar: {value: 4}},
           {name: "mem", type: "SCALAR", scalar: {value: 4096}},
           {name: "disk", type: "SCALAR", scalar: {value: 10000}}]
          | map(. + {allocation_info: {role: "dse-role"}}))}]}}'
}
status_update() { # TASK_ID STATE
    jq -nc --arg id "$1" --arg state "$2" '{type: "UPDATE", update: {status: {task_id: {value: $id},
        state: $state, source: "SOURCE_EXECUTOR", agent_id: {value: "A"},
        uuid: "AAAAAAAAAAAAAAAAAAAAAQ=="}}}'
}

# ---- recorded traffic ----

@test "offers: lifecycle, from an empty store" {
    requires captures
    fill lifecycle empty
    events lifecycle >"$BATS_TEST_TMPDIR/events"
    run --separate-stderr offers <"$BATS_TEST_TMPDIR/events"
    golden lifecycle-deploy 6
    [[ $stderr == "dse-offers: the master ended the subscription: Framework failed over" ]]
    dse-state check
}

@test "offers: lifecycle, with the recorded launch in the store" {
    requires captures
    fill lifecycle lifecycle
    events lifecycle >"$BATS_TEST_TMPDIR/events"
    run --separate-stderr offers <"$BATS_TEST_TMPDIR/events"
    golden lifecycle 6
    dse-state check
}

@test "offers: the protobuf lifecycle, read as it came" {
    requires captures
    fill lifecycle lifecycle-protobuf
    { echo "$connected" && cat "$CAPTURES/lifecycle-protobuf-events.recordio"; } \
        >"$BATS_TEST_TMPDIR/events"
    run --separate-stderr offers <"$BATS_TEST_TMPDIR/events"
    golden lifecycle-protobuf 6
}

@test "offers: an agent lost, back, and gone" {
    requires captures
    fill two-nodes agent-loss
    events agent-loss >"$BATS_TEST_TMPDIR/events"
    run --separate-stderr offers <"$BATS_TEST_TMPDIR/events"
    golden agent-loss 0
    dse-state check
}

@test "offers: a master that fails over" {
    requires captures
    fill two-nodes operations-and-master-failover
    events operations-and-master-failover >"$BATS_TEST_TMPDIR/events"
    run --separate-stderr offers <"$BATS_TEST_TMPDIR/events"
    golden operations-and-master-failover 0
    dse-state check
}

@test "offers: task groups of somebody else" {
    requires captures
    fill group empty
    events task-groups >"$BATS_TEST_TMPDIR/events"
    run --separate-stderr offers <"$BATS_TEST_TMPDIR/events"
    golden task-groups 0
    dse-state check
}

@test "offers: the calls do not depend on how the bytes come in" {
    requires captures
    events agent-loss >"$BATS_TEST_TMPDIR/events"
    local size
    for size in 61 5000; do
        rm -rf "${DSE_STORE#dir:}"
        fill two-nodes agent-loss
        dd if="$BATS_TEST_TMPDIR/events" bs=$size status=none | offers >"$BATS_TEST_TMPDIR/calls"
        diff "$GOLDEN/agent-loss.calls" "$BATS_TEST_TMPDIR/calls"
    done
}

@test "offers: calls as RecordIO are the same calls" {
    requires captures
    fill two-nodes agent-loss
    events agent-loss | offers --output recordio >"$BATS_TEST_TMPDIR/calls"
    [[ $(head -c 1 "$BATS_TEST_TMPDIR/calls") =~ [0-9] ]]
    "$BUILD/tools/records" calls <"$BATS_TEST_TMPDIR/calls" | diff "$GOLDEN/agent-loss.calls" -
}

@test "offers: only ids depend on the seed" {
    fill two-nodes empty
    { echo "$connected" && echo "$subscribed" && offer O A; } >"$BATS_TEST_TMPDIR/events"
    cp -r "${DSE_STORE#dir:}" "$BATS_TEST_TMPDIR/again"
    offers <"$BATS_TEST_TMPDIR/events" >"$BATS_TEST_TMPDIR/one"
    DSE_STORE=dir:$BATS_TEST_TMPDIR/again offers --seed 2 <"$BATS_TEST_TMPDIR/events" \
        >"$BATS_TEST_TMPDIR/two"
    grep -q LAUNCH_GROUP "$BATS_TEST_TMPDIR/one"
    run diff "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
    [ "$status" -eq 1 ]
    diff <(sed 's/[0-9a-f]\{8\}-[-0-9a-f]\{27\}/ID/g' "$BATS_TEST_TMPDIR/one") \
        <(sed 's/[0-9a-f]\{8\}-[-0-9a-f]\{27\}/ID/g' "$BATS_TEST_TMPDIR/two")
}

# ---- bad input ----

@test "offers: a bad record ends with 3 and its number, and changes nothing" {
    fill two-nodes agent-loss
    dump before
    bad() { # TEXT MESSAGE: as the second record
        run --separate-stderr offers <<<"$connected
$1"
        echo "$1: $status: $stderr"
        [ "$status" -eq 3 ]
        [[ $stderr == "dse-offers: cannot read "*"$2"* ]]
        [ "$(types <<<"$output")" = SUBSCRIBE ]
        unchanged
    }
    bad '{"type":"HEARTBEAT"' "event 2:1:19: '}' expected"
    bad 'HEARTBEAT' "record 2: starts with 'H', neither a JSON object nor a record length"
    bad '{"type":"UPDATE","update":{"status":{}}}' "event 2: update.status.task_id: "
    bad '{"type":"OFFERS","offers":{"offers":{}}}' "event 2: offers.offers: "
    bad '{"type":"UPDATE","update":{"status":{"task_id":{"value":"a"},"state":"TASK_RUNNING","uuid":"?"}}}' \
        "event 2: update.status.uuid: "
    bad '3 {}' 'record 2: its length is not a number'
    bad '99999999999 {}' 'record 2: longer than 64 MiB'
    bad '4
ABCD' 'event 2: '
}

@test "offers: a stream that ends inside a record" {
    fill two-nodes agent-loss
    dump before
    local whole
    whole=$(jq -nc '{type: "HEARTBEAT"}' | "$BUILD/tools/records" -events | wc -c)
    jq -nc '{type: "HEARTBEAT"}' | "$BUILD/tools/records" -events | head -c $((whole - 1)) \
        >"$BATS_TEST_TMPDIR/cut"
    printf '{"type":"HEARTBEAT"}\n{"type":"HEAR' >"$BATS_TEST_TMPDIR/line"
    run --separate-stderr offers <"$BATS_TEST_TMPDIR/cut"
    [ "$status" -eq 3 ]
    [ "$stderr" = "dse-offers: cannot read events: they end in the middle of record 1" ]
    run --separate-stderr offers <"$BATS_TEST_TMPDIR/line"
    [ "$status" -eq 3 ]
    [ "$stderr" = "dse-offers: cannot read events: they end in the middle of record 2" ]
    unchanged
}

@test "offers: a line longer than the limit" {
    fill two-nodes agent-loss
    dump before
    run --separate-stderr offers < <(printf '{"type":"HEARTBEAT"}\n{"x":"' && head -c 68000000 /dev/zero | tr '\0' x)
    [ "$status" -eq 3 ]
    [ "$stderr" = "dse-offers: cannot read events: record 2: line longer than 64 MiB" ]
    unchanged
}

@test "offers: what came before a bad record is finished" {
    fill two-nodes empty
    run --separate-stderr offers < <(echo "$connected" && echo "$subscribed" && offer O A && echo '{')
    [ "$status" -eq 3 ]
    [[ $stderr == "dse-offers: cannot read event 4:1:"* ]]
    [ "$(types <<<"$output")" = "SUBSCRIBE RECONCILE ACCEPT" ]
    [ "$(dse-state tasks -o name)" = dse-0-node ]
    [ "$(dse-state framework-id)" = F ]
}

@test "offers: what is unknown passes" {
    fill two-nodes agent-loss
    dump before
    run --separate-stderr offers <<<"$connected
{\"type\":\"LATER_THAN_US\",\"later_than_us\":{\"x\":[1]}}
{\"type\":\"DSE_LATER\",\"x\":1}
{\"type\":\"HEARTBEAT\",\"more\":{}}
{}"
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ "$(types <<<"$output")" = SUBSCRIBE ]
    unchanged
}

@test "offers: bad settings and a bad store" {
    run env EXECUTOR_CPUS=some dse-offers </dev/null
    [ "$status" -eq 3 ]
    [[ $output == *"EXECUTOR_CPUS: 'some' is not an amount"* ]]
    run dse-offers --cluster-version one </dev/null
    [ "$status" -eq 3 ] || [ "$status" -eq 2 ]
    run dse-offers --store file:/x </dev/null
    [ "$status" -eq 2 ]
    : >"$BATS_TEST_TMPDIR/file"
    run dse-offers --store "dir:$BATS_TEST_TMPDIR/file/state" </dev/null
    [ "$status" -eq 4 ]
    run dse-offers operand </dev/null
    [ "$status" -eq 2 ]
    fill two-nodes agent-loss
    echo '{' | dse-state put Configurations/11111111-1111-4111-8111-111111111111
    run dse-offers </dev/null
    echo "$output"
    [ "$status" -eq 3 ]
    [[ $output == *"the target configuration '11111111-1111-4111-8111-111111111111' is missing or unreadable: "* ]]
}

# ---- start and end ----

@test "offers: nothing to read, nothing to do" {
    run --separate-stderr offers </dev/null
    [ "$status" -eq 0 ]
    [ -z "$output$stderr" ]
}

held() { [ "$(dse-state lock 2>/dev/null | grep -c dse-offers)" -ge 1 ]; }

@test "offers: one writer at a time" {
    fill two-nodes agent-loss
    mkfifo "$BATS_TEST_TMPDIR/in"
    sleep 60 >"$BATS_TEST_TMPDIR/in" 3>&- &
    echo $! >"$BATS_TEST_TMPDIR/sleep.pid"
    dse-offers <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/first.out" 2>&1 3>&- &
    echo $! >"$BATS_TEST_TMPDIR/first.pid"
    retry 10 held
    run --separate-stderr dse-offers --lock-wait 0 </dev/null
    [ "$status" -eq 5 ]
    [[ $stderr == "dse-offers: "*"dse-offers"* ]]
    # the lock goes with its holder
    stop_bg first KILL
    run dse-offers --lock-wait 0 </dev/null
    [ "$status" -eq 0 ]
}

@test "offers: TERM ends with 0, the end of the life line with 4" {
    fill two-nodes agent-loss
    mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/life"
    sleep 60 >"$BATS_TEST_TMPDIR/in" 3>&- &
    echo $! >"$BATS_TEST_TMPDIR/sleep.pid"
    dse-offers <"$BATS_TEST_TMPDIR/in" >/dev/null 2>&1 3>&- &
    local pid=$!
    retry 10 held
    kill -TERM $pid
    wait $pid
    sleep 60 >"$BATS_TEST_TMPDIR/life" 3>&- &
    echo $! >"$BATS_TEST_TMPDIR/life.pid"
    DSE_LIFE_LINE=7 dse-offers 7<"$BATS_TEST_TMPDIR/life" <"$BATS_TEST_TMPDIR/in" >/dev/null 2>&1 3>&- &
    pid=$!
    retry 10 held
    stop_bg life
    local end=0
    wait $pid || end=$?
    [ $end -eq 4 ]
}

@test "offers: a link that is gone ends it in order, with 4" {
    fill two-nodes agent-loss
    mkfifo "$BATS_TEST_TMPDIR/calls"
    exec 7<>"$BATS_TEST_TMPDIR/calls" 8>"$BATS_TEST_TMPDIR/calls" 7>&- # nobody will read
    local end=0
    offers <<<"$connected" >&8 2>"$BATS_TEST_TMPDIR/err" 3>&- || end=$?
    exec 8>&-
    [ $end -eq 4 ] # not 141, killed, which would leave commands of replacements behind
    [ "$(cat "$BATS_TEST_TMPDIR/err")" = 'dse-offers: cannot write calls: Broken pipe' ]
}

@test "offers: a service being uninstalled is not taken up" {
    fill two-nodes agent-loss
    printf true | dse-state put Properties/uninstalling
    dump before
    run --separate-stderr offers <<<"$connected"
    [ "$status" -eq 5 ]
    [ -z "$output" ]
    [[ $stderr == *"go on with dse-uninstall" ]]
    unchanged
}

@test "offers: metrics and evaluation records" {
    fill two-nodes empty
    mkdir "$BATS_TEST_TMPDIR/run"
    local long
    long=$(printf 'é%.0s' {1..60})
    # too little memory, a name that is cut inside a character, then a match; another step must wait
    {
        echo "$connected" && echo "$subscribed"
        offer M B | jq -c '.offers.offers[0].resources[1].scalar.value = 64'
        offer N C | jq -c --arg long "x$long" '.offers.offers[0] |= (.hostname = $long | .resources[0].scalar.value = 0.05)'
        offer O A && offer P A
    } | offers --run-dir "$BATS_TEST_TMPDIR/run" >/dev/null
    json '.counters["offers.received"] == 4 and .counters["operation.launch_group"] == 1
          and .counters["operation.reserve"] == 6 and .counters["declines.long"] == 3
          and .counters["task_status.task_lost"] == 0 and .gauges["plan_status.deploy"] == 2
          and .gauges.is_suppressed == false' "$BATS_TEST_TMPDIR/run/metrics.json"
    jq -c '[.offer, .outcome, .shortfall, .what, .have, .want]' "$BATS_TEST_TMPDIR/run/evaluations.ndjson" |
        diff - <(printf '%s\n' '["M","fail","scalar","mem",64,160]' '["N","fail","scalar","cpus",0.05,0.6]' \
            '["O","pass",null,null,null,null]')
    head -1 "$BATS_TEST_TMPDIR/run/evaluations.ndjson" | holds -c 'del(.stages, .offer_text) == {kind: "evaluation",
        time: 1795366829000, step: "dse-0:[node]", offer: "M", agent: "B", hostname: "B.local", outcome: "fail",
        shortfall: "scalar", what: "mem", text: "mem 64.0 of 160.0", have: 64, want: 160}'
    head -1 "$BATS_TEST_TMPDIR/run/evaluations.ndjson" | holds -r '(.stages | map(select(test("^  FAIL"))))
        == ["  FAIL(ResourceEvaluationStage): Offer lacks sufficient unreserved '"'mem'"' with role '"'*'"' for new reservation: '"'mem: 128.0'"' (available: 32.0)"]
        and (.offer_text | startswith("id {\n  value: \"M\"\n}\n"))
        and (.offer_text | contains("\nslave_id {\n  value: \"B\"\n}\nhostname: \"B.local\"\n"))'
    json '.evaluations == {accepted: 1, rejected: 2, agents: {B: 1, C: 1},
              reasons: {ResourceEvaluationStage: 3}}
          and .timers["offers.process"].count == .counters.rounds and .histograms["offers.per_round"].max == 1
          and .timers["offers.evaluate"].count == 3 and .timers["state.write"].count > 0' \
        "$BATS_TEST_TMPDIR/run/metrics.json"
    # every member and metric is described
    local word
    for word in $(jq -r keys_unsorted[] "$BATS_TEST_TMPDIR/run/evaluations.ndjson" | sort -u) \
        $(jq -r 'keys[], (.gauges, .counters, .histograms, .timers, .evaluations | keys[])' \
            "$BATS_TEST_TMPDIR/run/metrics.json" |
            sed 's/^task_status\..*/task_status.STATE/; s/^plan_status\..*/plan_status.PLAN/' | sort -u); do
        grep -qF "\`$word\`" "$TOP/doc/records.md" || { echo "not in doc/records.md: $word" && return 1; }
    done
}

# ---- for people ----

@test "offers: explain says in one line what each agent lacks, best first" {
    fill two-nodes empty
    {
        echo "$connected" && echo "$subscribed"
    } | offers >/dev/null
    {
        offer A a && offer B b && offer C c && offer D d && offer E e && offer F f
        echo '{"type":"RESCIND","rescind":{"offer_id":{"value":"F"}}}'
    } | jq -c '(.offers.offers[0]? // empty) |= (
        if .id.value == "A" or .id.value == "B" or .id.value == "C" then .resources[0].scalar.value = 0.2
        elif .id.value == "D" then .resources[1].scalar.value = 64
        else .resources[].allocation_info.role = "other" end
        | if .id.value == "B" then .resources[0].scalar.value = 0.55 else . end)' >offers.ndjson
    run --separate-stderr dse-offers explain dse-0 --offers offers.ndjson
    [ "$status" -eq 1 ]
    [ "$output" = '3 of 5 agents: cpus 0.55 of 0.6; 1: mem 64.0 of 160.0; 1: role' ]
    [ -z "$stderr" ]
    # A task, a step, a pod type and nothing at all name the same step.
    for name in dse-0-node 'dse-0:[node]' dse ''; do
        diff <(echo "$output") <(dse-offers explain ${name:+"$name"} --offers offers.ndjson)
    done
    # All stages of all agents.
    run --separate-stderr dse-offers explain dse-0 --offers offers.ndjson --tree
    [ "$(grep -c ' failed [1-9][0-9]* of ' <<<"$output")" -eq 5 ]
    grep -qF "FAIL(ResourceEvaluationStage): Offer lacks sufficient unreserved 'mem'" <<<"$output"
    dse-offers explain dse-0 --offers offers.ndjson --json >json || [ $? -eq 1 ]
    json '.[0] | .fit == 0 and (.agents | length) == 5 and .agents[3].shortfall == "mem 64.0 of 160.0"
        and (.agents[3].explanation | map(select(startswith("FAIL(ResourceEvaluationStage):"))) | length) >= 1' json
    # An offer that fits, as a plain Offer; two parts of it on two lines; the store as a dump.
    offer G g | jq -c '.offers.offers[0]' >fits.json
    [ "$(dse-offers explain dse-0 --offers fits.json)" = 'fits 1 of 1 agents: g.local' ]
    [ "$(dse-offers explain dse-0 --offers fits.json -o name)" = g.local ]
    jq -c '(.resources[:1], .resources[1:]) as $part | .resources = $part' fits.json >parts.ndjson
    dse-state dump >store.dump
    [ "$(env -u DSE_STORE dse-offers explain dse-0 --dump store.dump --offers parts.ndjson)" = \
        'fits 1 of 1 agents: g.local' ]
    # A pod whose turn has not come is explained too; an unknown one is refused by name.
    [ "$(dse-offers explain dse-1 --offers fits.json)" = 'fits 1 of 1 agents: g.local' ]
    run --separate-stderr dse-offers explain dse-2 --offers fits.json
    [ "$status" -eq 1 ]
    [ "$stderr" = "dse-offers: no such pod 'dse-2'; there are: dse-0 to dse-1" ]
    run --separate-stderr dse-offers explain dse-0
    [ "$status" -eq 2 ]
    [[ $stderr == "dse-offers: no offers: give --offers FILE, or --run-dir of the scheduler"* ]]
    echo '{"resources":[]}' >broken.ndjson
    run --separate-stderr dse-offers explain dse-0 --offers broken.ndjson
    [ "$status" -eq 3 ]
}

@test "offers: the last offers of each agent, the log, the reservations" {
    fill two-nodes empty
    export DSE_RUN_DIR=$BATS_TEST_TMPDIR/run
    mkdir "$DSE_RUN_DIR"
    lack() { offer "$1" "$2" | jq -c '.offers.offers[0].resources[1].scalar.value = '"$3"; }
    {
        echo "$connected" && echo "$subscribed"
        lack O1 A 64 && lack O2 B 32 && lack O3 A 128 && lack O4 C 1
        echo '{"type":"RESCIND","rescind":{"offer_id":{"value":"O4"}}}'
    } | offers --run-dir "$DSE_RUN_DIR" >/dev/null
    # One for each agent, the newest; what was rescinded is gone.
    [ "$(jq -r .id.value "$DSE_RUN_DIR/offers.ndjson" | paste -sd ' ')" = 'O2 O3' ]
    [ "$(dse-offers explain dse-0)" = '2 of 2 agents: mem 128.0 of 160.0' ]
    [ "$(dse-offers log dse-0 | sed 's/^[^ ]* //' | paste -sd '|')" = \
'dse-0:[node] A.local: mem 64.0 of 160.0|dse-0:[node] B.local: mem 32.0 of 160.0|'\
'dse-0:[node] A.local: mem 128.0 of 160.0|dse-0:[node] C.local: mem 1.0 of 160.0' ]
    dse-offers log | head -1 | grep -qx '2026-11-22T[0-9:.]*Z dse-0:\[node\] A.local: mem 64.0 of 160.0'
    run dse-offers log dse-1
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    run dse-offers reservations
    [ "$status" -eq 1 ]
    # An accepted offer is no longer what its agent has.
    { echo "$connected" && echo "$subscribed" && lack O5 B 32 && offer O6 A; } |
        offers --run-dir "$DSE_RUN_DIR" >/dev/null
    [ "$(jq -r .id.value "$DSE_RUN_DIR/offers.ndjson" | paste -sd ' ')" = O5 ]
    dse-offers log | tail -1 | grep -q 'dse-0:\[node\] A.local placed$'
    run --separate-stderr dse-offers reservations nobody-0
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    [[ $stderr == "dse-offers: nothing is reserved for 'nobody-0'"* ]]
    dse-offers reservations -o ndjson >reservations
    jq -sc 'map([.task, .executor, .name, .amount, .hostname])[]' reservations |
        grep -qxF '["dse-0-node",true,"mem",32,"A.local"]'
    [ "$(dse-offers reservations -o name | sort -u | wc -l)" -eq 6 ]
    [ "$(dse-offers reservations dse-0 | head -1 | tr -s ' ')" = 'HOST TASK RESOURCE AMOUNT ROLE ID' ]
    [ "$(dse-offers reservations dse-0 | wc -l)" -eq 7 ]
}

# ---- the link's records ----

@test "offers: no SUBSCRIBE before there is a target" {
    run --separate-stderr offers <<<"$connected"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "offers: each connection is answered by SUBSCRIBE with the stored id" {
    fill two-nodes empty
    offers >"$BATS_TEST_TMPDIR/calls" <<<"$connected
$subscribed
{\"type\":\"DSE_DISCONNECTED\"}
$connected"
    [ "$(types <"$BATS_TEST_TMPDIR/calls")" = "SUBSCRIBE RECONCILE SUBSCRIBE" ]
    holds -s '(.[0].framework_id == null) and .[2].framework_id.value == "F"
             and .[2].subscribe.framework_info.id.value == "F"' "$BATS_TEST_TMPDIR/calls"
    # and so does the next run
    offers <<<"$connected" | json '.framework_id.value == "F"' -
}

@test "offers: offers of a lost connection are not used" {
    fill two-nodes agent-loss
    local fid
    fid=$(jq -r '."framework-id"' "$DATA/agent-loss.json")
    # not reconciled yet: held back or declined, but never accepted later
    run --separate-stderr offers < <(echo "$connected" && sed "s/\"F\"/\"$fid\"/" <<<"$subscribed" &&
        offer O A && echo '{"type":"DSE_DISCONNECTED"}' && offer P B && echo '{"type":"HEARTBEAT"}')
    [ "$status" -eq 0 ]
    [ "$(types <<<"$output")" = "SUBSCRIBE RECONCILE RECONCILE DECLINE" ]
}

@test "offers: a failed ACCEPT is found out by reconciliation" {
    fill two-nodes empty
    { echo "$connected" && echo "$subscribed" && offer O A; } >"$BATS_TEST_TMPDIR/events"
    cp -r "${DSE_STORE#dir:}" "$BATS_TEST_TMPDIR/again"
    offers <"$BATS_TEST_TMPDIR/events" >"$BATS_TEST_TMPDIR/calls"
    local accept id
    accept=$(grep '"ACCEPT"' "$BATS_TEST_TMPDIR/calls")
    id=$(jq -r '.. | .task_group? // empty | .tasks[0].task_id.value' <<<"$accept")
    [ -n "$id" ]
    {
        cat "$BATS_TEST_TMPDIR/events"
        jq -c '{type: "DSE_CALL_FAILED", call: ., status: 503, sent: "unknown"}' <<<"$accept"
        status_update "$id" TASK_GONE | jq -c '.update.status.source = "SOURCE_MASTER" | del(.update.status.uuid)'
        offer P A
    } >"$BATS_TEST_TMPDIR/more"
    export DSE_STORE=dir:$BATS_TEST_TMPDIR/again
    offers <"$BATS_TEST_TMPDIR/more" >"$BATS_TEST_TMPDIR/calls"
    [ "$(types <"$BATS_TEST_TMPDIR/calls")" = "SUBSCRIBE RECONCILE ACCEPT RECONCILE ACCEPT" ]
    holds -s --arg id "$id" '.[3].reconcile.tasks == [{task_id: {value: $id}, agent_id: {value: "A"}}]' \
        "$BATS_TEST_TMPDIR/calls"
    # placed anew, with new reservations
    holds -s '.[4].accept.operations | map(.type) | index("RESERVE") != null' "$BATS_TEST_TMPDIR/calls"
    holds -s '[.. | .resource_id? // empty] | length == 0' "$BATS_TEST_TMPDIR/calls"
    [ "$(dse-state tasks -o name)" = dse-0-node ]
}

@test "offers: a SUBSCRIBE that the master refuses" {
    fill two-nodes empty
    refused() { # HTTP_STATUS EXIT_STATUS
        run --separate-stderr offers <<<"$connected
{\"type\":\"DSE_CALL_FAILED\",\"call\":{\"type\":\"SUBSCRIBE\"},\"status\":$1,\"sent\":\"unknown\"}"
        echo "$1: $status $stderr"
        [ "$status" -eq "$2" ]
    }
    refused 401 6
    [ "$stderr" = "dse-offers: the master refused the subscription: status 401" ]
    refused 403 6
    refused 400 3
    refused 503 0
}

@test "offers: explain knows which region is the master's" {
    fill two-nodes empty
    domain() { jq -nc --arg region "$1" '{fault_domain: {region: {name: $region}, zone: {name: "z"}}}'; }
    {
        echo "$connected"
        jq -c --argjson domain "$(domain here)" \
            '.subscribed.master_info = {id: "M", ip: 0, port: 5050, domain: $domain}' <<<"$subscribed"
        offer A a | jq -c --argjson domain "$(domain there)" '.offers.offers[].domain = $domain'
    } >"$BATS_TEST_TMPDIR/events"
    run dse-offers explain dse-0 --offers "$BATS_TEST_TMPDIR/events"
    [ "$status" -eq 1 ]
    [ "$output" = '1 of 1 agents: local region rule' ]
    # a running scheduler leaves it beside the offers
    export DSE_RUN_DIR=$BATS_TEST_TMPDIR/run
    mkdir "$DSE_RUN_DIR"
    offers --run-dir "$DSE_RUN_DIR" <"$BATS_TEST_TMPDIR/events" >/dev/null
    [ "$(jq -r '.type // .id.value' "$DSE_RUN_DIR/offers.ndjson" | paste -sd ' ')" = 'SUBSCRIBED A' ]
    run dse-offers explain dse-0
    [ "$output" = '1 of 1 agents: local region rule' ]
    grep -v SUBSCRIBED "$DSE_RUN_DIR/offers.ndjson" >plain.ndjson
    [ "$(dse-offers explain dse-0 --offers plain.ndjson)" = 'fits 1 of 1 agents: a.local' ]
}

@test "offers: what a master would refuse is not launched, and told once" {
    sed 's/cpus: .*/cpus: 0.0004/' "$DATA/two-nodes.yml" >low.yml
    dse-render --no-environment low.yml | dse-plan update
    {
        echo "$connected" && echo "$subscribed" && offer A a && offer B b
    } | FRAMEWORK_LOG_LEVEL=ERROR dse-offers >calls 2>log
    [ "$(types <calls)" = 'SUBSCRIBE RECONCILE DECLINE DECLINE' ]
    local problem="cpus of resource set 'node-resource-set' is less than 0.001"
    [ "$(grep -c "cannot launch dse-0:\[node\]: $problem" log)" -eq 1 ]
    run dse-offers explain dse-0 --offers <(offer A a)
    [ "$status" -eq 1 ]
    [ "$output" = "1 of 1 agents: $problem" ]
}

# ---- requests ----

@test "offers: what dse-plan update left is carried out before SUBSCRIBE" {
    dse-render --no-environment "$DATA/two-nodes.yml" | dse-plan update
    run --separate-stderr offers <<<"$connected"
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ "$(types <<<"$output")" = SUBSCRIBE ]
    [ "$(jq -r .subscribe.framework_info.name <<<"$output")" = dse ]
    # the same one again changes nothing: no other configuration, no relaunch
    local target
    target=$(dse-state config target)
    dse-render --no-environment "$DATA/two-nodes.yml" | dse-plan update
    offers </dev/null
    [ "$(dse-state config target)" = "$target" ]
    [ "$(dse-state config list -o name | wc -l)" -eq 1 ]
    # a refused one leaves the target in force
    dse-render --no-environment "$DATA/two-nodes.yml" | jq '."pod-specs"[0].count = 1' | dse-plan update
    run --separate-stderr offers <<<"$connected"
    [ "$(types <<<"$output")" = SUBSCRIBE ]
    [ "$(dse-state config target)" = "$target" ]
    [[ $(dse-plan show deploy | head -1) == *"(ERROR)" ]]
}

@test "offers: variables shape the subscription" {
    dse-render --no-environment "$DATA/two-nodes.yml" | dse-plan update
    {
        echo "$connected" && echo "$subscribed"
    } >"$BATS_TEST_TMPDIR/events"
    ENABLE_ROLE_MIGRATION=true ALLOW_REGION_AWARENESS=false IMPLICIT_RECONCILIATION_DELAY_MS=60000 \
        dse-offers <"$BATS_TEST_TMPDIR/events" >calls
    [ "$(types <calls)" = SUBSCRIBE ]
    json '.subscribe.framework_info | .role == "dse-role" and ([.capabilities[].type] | sort
        == ["PARTITION_AWARE", "RESERVATION_REFINEMENT"])' calls
    dse-offers <"$BATS_TEST_TMPDIR/events" >calls
    # With work to do and filters that may be left of a former subscription: REVIVE.
    [ "$(types <calls)" = 'SUBSCRIBE RECONCILE REVIVE' ]
    head -1 calls | json '[.subscribe.framework_info.capabilities[].type] | index("REGION_AWARE")' -
    ENABLE_ROLE_MIGRATION=perhaps run --separate-stderr dse-offers <"$BATS_TEST_TMPDIR/events"
    [ "$status" -eq 3 ]
    [ "$stderr" = "dse-offers: ENABLE_ROLE_MIGRATION: 'perhaps' is not true or false" ]
}

# post [AGE]: a new target left in the store, as dse-plan update does.
post() {
    dse-render --no-environment "$DATA/two-nodes.yml" |
        jq -c '{spec: ., plans: .plans}' >"$BATS_TEST_TMPDIR/args"
    "$BUILD/tools/fixture" post "$DSE_STORE" update "$(cat "$BATS_TEST_TMPDIR/args")" "$@"
}

@test "offers: a queued update is carried out before SUBSCRIBE" {
    offers </dev/null # makes the store
    local id
    id=$(post)
    run --separate-stderr offers <<<"$connected"
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ "$(types <<<"$output")" = SUBSCRIBE ]
    [ "$(jq -r .subscribe.framework_info.name <<<"$output")" = dse ]
    dse-state get "Toolkit/requests/$id" >"$BATS_TEST_TMPDIR/request"
    json '.state == "done" and .result.code == 200 and .result.body.changed == true' \
        "$BATS_TEST_TMPDIR/request"
    [ "$(dse-state config target)" = "$(jq -r .result.body.target "$BATS_TEST_TMPDIR/request")" ]
}

@test "offers: an expired request is answered, not carried out" {
    dse-offers </dev/null # makes the store
    local id
    id=$(post 3700)
    run --separate-stderr dse-offers <<<"$connected"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    dse-state get "Toolkit/requests/$id" | json '.state == "done" and .result.code == 410' -
    run dse-state config target
    [ "$status" -eq 1 ]
}

requested() { dse-state get "Toolkit/requests/$1" | json '.state == "done"' -; }

@test "offers: a request that comes while it runs" {
    mkfifo "$BATS_TEST_TMPDIR/in"
    dse-offers <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/calls" 2>&1 3>&- &
    echo $! >"$BATS_TEST_TMPDIR/offers.pid"
    exec 8>"$BATS_TEST_TMPDIR/in"
    echo "$connected" >&8
    retry 10 held
    local id
    id=$(post)
    retry 10 requested "$id"
    exec 8>&-
    wait "$(cat "$BATS_TEST_TMPDIR/offers.pid")"
    [ "$(types <"$BATS_TEST_TMPDIR/calls")" = SUBSCRIBE ]
}
