# The API beside a running scheduler: commands that wait for their effect, and what is read besides
# plans and pods.
load helpers
load service

setup_file() {
    load service
    export BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
    hello_env
    start_local
    start_scheduler
    wait_complete
    start_bg statsd python3 -u -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
open(sys.argv[1], "w").write(str(s.getsockname()[1]))
while True: print(s.recv(65536).decode())' "$BATS_FILE_TMPDIR/statsd-port"
    retry 10 test -s "$BATS_FILE_TMPDIR/statsd-port"
    STATSD_UDP_HOST=127.0.0.1 STATSD_UDP_PORT=$(cat "$BATS_FILE_TMPDIR/statsd-port") STATSD_POLL_INTERVAL_S=1 \
        start_bg api dse-http --port 0 --port-file "$BATS_FILE_TMPDIR/api-port"
    retry 10 test -s "$BATS_FILE_TMPDIR/api-port"
    API=http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/api-port")
    export API
}
teardown_file() {
    export BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
    stop_bg api
    stop_bg statsd
    stop_bg scheduler
    stop_bg local
}

setup() { export DSE_STORE=dir:$BATS_FILE_TMPDIR/state; }

# call METHOD PATH [CURL OPTION...]: body in $output, code in $code.
call() {
    local method=$1 path=$2
    shift 2
    code=$(curl -s -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' -X "$method" "$@" "$API$path")
    output=$(cat "$BATS_TEST_TMPDIR/body")
}
starts_of_all() { cat "$BATS_FILE_TMPDIR"/mesos/*/volumes/roles/*/*/starts | grep -c hello; }
has_starts() { [ "$(starts_of_all)" -eq "$1" ]; }

@test "plan commands: 200 with the message, 208 when repeated, 404" {
    call POST /v1/plans/recovery/interrupt
    [ "$code" -eq 208 ]
    [ "$output" = 'Command has already been reported or completed' ]
    call POST /v1/plans/nothing/continue
    [ "$code $output" = '404 Plan nothing not found' ]
    call POST '/v1/plans/deploy/restart?step=x'
    [ "$code $output" = '400 Missing phase' ]
    call POST '/v1/plans/deploy/continue?phase='
    [ "$code $output" = '404 Phase  not found' ]
    call POST '/v1/plans/deploy/continue?phase'
    [ "$code $output" = '404 Phase  not found' ]
    # For these two a blank one counts as absent, and the message repeats it.
    call POST '/v1/plans/deploy/forceComplete?phase=&step=%20'
    [ "$code" -eq 208 ]
    call POST '/v1/plans/deploy/restart?phase=&step=x'
    [ "$code $output" = '400 Missing phase' ]
    call POST '/v1/plans/recovery/restart?phase=&step='
    [ "$code $output" = '200 {"message": "Received cmd: restart for Plan: recovery, Phase: , Step: "}' ]
    call POST /v1/plans/recovery/restart
    [ "$code $output" = '200 {"message": "Received cmd: restart for Plan: recovery, Phase: null, Step: null"}' ]
    call POST /v1/plans/deploy/start
    [ "$code" -eq 415 ]
    call POST /v1/plans/deploy/start -H 'Content-Type: application/json' -d '{"1x":"v"}'
    [ "$code" -eq 400 ]
    [ "$output" = "Couldn't parse parameters: 1x is not a valid environment variable name" ]
    call POST /v1/plans/deploy/start -H 'Content-Type: application/jsonx' -d '{}'
    [ "$code" -eq 415 ]
    call POST /v1/plans/recovery/start -H 'content-type: Application/JSON; charset=utf-8' -d '{"A":1,"B":true,"C":"x"}'
    [ "$code $output" = '200 {"message": "Received cmd: start recovery with parameters: {A=1, B=true, C=x}"}' ]
    call POST /v1/plans/recovery/start -H 'Content-Type: application/json' -d '{"A":{}}'
    [ "$code" -eq 400 ]
}

@test "pod restart: 200 with the tasks, then the pod is back in place" {
    local before
    before=$(starts_of_all)
    call POST /v1/pod/hello-1/restart
    [ "$code" -eq 200 ]
    [ "$(jq -c . <<<"$output")" = '{"pod":"hello-1","tasks":["hello-1-server"]}' ]
    retry 20 has_starts $((before + 1))
    call POST /v1/pod/hello-9/restart
    [ "$code $output" = '404 Pod hello-9 not found' ]
    call POST /v1/pod/hello-0/pause -d 'not json'
    [ "$code" -eq 400 ]
    call POST /v1/pod/hello-0/pause -d '{}'
    [ "$code" -eq 400 ]
    call POST /v1/pod/hello-0/pause -d '[1]'
    [ "$code $output" = '404 Pod hello-0 not found' ]
}

@test "endpoints, configurations, state" {
    call GET /v1/endpoints
    [ "$code $(jq -c . <<<"$output")" = '200 []' ]
    call GET /v1/endpoints/none
    [ "$code" -eq 404 ]
    call GET /v1/configurations
    local id
    id=$(jq -r '.[0]' <<<"$output")
    call GET /v1/configurations/targetId
    [ "$output" = "[\"$id\"]" ]
    call GET /v1/configurations/target
    [ "$code" -eq 200 ]
    [ "$output" = "$(dse-state get --raw "Configurations/$id")" ]
    call GET /v1/configurations/nonsense
    [ "$code" -eq 400 ]
    call GET /v1/configurations/00000000-0000-4000-8000-000000000000
    [ "$code" -eq 404 ]
    call GET /v1/state/frameworkId
    [ "$(jq -r '.[0]' <<<"$output")" = "$(dse-state framework-id)" ]
    call GET /v1/state/properties
    jq -e 'index("last-completed-update-type")' <<<"$output"
    call GET /v1/state/properties/last-completed-update-type
    [ "$code $output" = '200 DEPLOY' ]
    call PUT /v1/state/refresh
    [ "$output" = '{"message": "Received cmd: refresh"}' ]
}

@test "files: put, list, get, and their limit" {
    printf 'a small file\n' >"$BATS_TEST_TMPDIR/small"
    call PUT /v1/state/files/notes -F "file=@$BATS_TEST_TMPDIR/small" -D "$BATS_TEST_TMPDIR/headers"
    [ "$code" -eq 200 ]
    ! grep -qi ^content-type: "$BATS_TEST_TMPDIR/headers"
    call PUT /v1/state/files/notes -d 'no form'
    [ "$code" -eq 415 ]
    call PUT /v1/state/files/notes -F other=x
    [ "$code $output" = '400 Missing payload' ]
    call GET /v1/state/files
    [ "$output" = '[notes]' ]
    call GET /v1/state/files/notes
    [ "$code $output" = '200 a small file' ]
    call GET /v1/state/files/none
    [ "$code $output" = '404 Failed to get the file' ]
    head -c 1025 /dev/zero >"$BATS_TEST_TMPDIR/large"
    call PUT /v1/state/files/large -F "file=@$BATS_TEST_TMPDIR/large"
    [ "$code $output" = '400 Stream exceeds 1024 byte size limit' ]
    call PUT /v1/state/files/none -H 'Content-Type: multipart/form-data; boundary=x' -d 'broken'
    [ "$code" -eq 400 ]
}

@test "debug: plans, statuses, reservations, offers" {
    call GET '/v1/debug/plans?plan=deploy'
    jq -e '.plans | length == 1 and .[0].totalSteps == 2 and .[0].completedSteps == 2' <<<"$output"
    jq -e '.schedulerState == "DEPLOYED"' <<<"$output"
    call GET '/v1/debug/plans?phase=x'
    [ "$code $(jq -r '."invalid-input"' <<<"$output")" = '200 Phase specified without parent Plan.' ]
    call GET '/v1/debug/plans?plan=DEPLOY&phase=hello-deploy&step=HELLO-1:%5bserver%5d&sync=true'
    jq -e '.plans[0] | .totalSteps == 2 and (.phases[0].steps == [{name: "hello-1:[server]", errors: [], status: "COMPLETE"}])' <<<"$output"
    jq -e '.serviceTopology[0].children[0].children[0] == {children: null, name: "hello-0:[server]", type: "step"}' <<<"$output"
    local reason
    while IFS='|' read -r query reason; do
        call GET "/v1/debug/plans?$query"
        [ "$code $output" = "200 {\"invalid-input\": \"$reason\"}" ]
    done <<'END'
step=a&plan=deploy|Step specified without parent Phase and Plan values.
plan=a|Supplied plan not found in list of all available plans!
plan=|Supplied plan not found in list of all available plans!
plan=deploy&phase=a|Supplied phase not found in set of possible phases with supplied plan!
plan=deploy&phase=hello-deploy&step=a|Supplied step not found in set of possible steps with supplied plan and phase!
END
    call GET /v1/debug/taskStatuses
    jq -e '.[0].phases[0].steps[0].taskStatus[0] | .taskStatus == "TASK_RUNNING" and .name == "hello-0-server"' <<<"$output"
    call GET '/v1/debug/taskStatuses?plan=deploy&phase=hello-deploy&step=hello-1:%5bserver%5d'
    jq -e '[.[].phases[].steps[].name] == ["hello-1:[server]"]' <<<"$output"
    call GET '/v1/debug/taskStatuses?phase=none'
    jq -e '.[0] == {name: "deploy", phases: []}' <<<"$output"
    call GET /v1/debug/reservations
    [ "$(jq -r '[.[][]] | sort | .[]' <<<"$output")" = "$(dse-state tasks -o name | while read -r t; do dse-state task "$t"; done | jq -r '.. | objects | select(.key? == "resource_id") | .value' | sort -u)" ]
    call GET /v2/debug/offers
    jq -e '.acceptedCount >= 2 and (.offers | length > 0)' <<<"$output"
    jq -e 'keys_unsorted == ["offers", "acceptedCount", "failureReasons", "rejectedCount", "rejectedAgents"]' <<<"$output"
    jq -e '.offers[0] | keys_unsorted == ["offer", "pod-instance-name", "explanation", "outcome", "timestamp"]' <<<"$output"
    jq -e '.offers[0] | (.explanation[0] | startswith("PASS(ExecutorEvaluationStage):No Executor ID required")) and
        (.offer | test("\\nslave_id \\{\\n  value: "))' <<<"$output"
    local newest
    newest=$(jq -c '.offers[-1] | [.timestamp, ."pod-instance-name"]' <<<"$output")
    call GET '/v1/debug/offers?json=true'
    [ "$(jq -c '.outcomes[0] | [.timestamp, ."pod-instance-name"]' <<<"$output")" = "$newest" ]
    jq -e '.outcomes[0].explanation | startswith("  PASS(ExecutorEvaluationStage): No Executor ID required")' <<<"$output"
    call GET /v1/debug/offers -D "$BATS_TEST_TMPDIR/headers"
    grep -qi '^content-type: text/html' "$BATS_TEST_TMPDIR/headers"
    [[ $output == *'<th>Time</th><th>Pod Instance</th><th>Outcome</th><th>Explanation</th><th>Offer</th>'*'<td>PASS</td>'* ]]
}

@test "status and alive: usual codes beside those of health" {
    call GET /v1/status
    [ "$code" -eq 200 ]
    jq -e '.service == "hello" and .state == "running" and .health == 200 and .scheduler and .errors == []' <<<"$output"
    jq -e '.plans == {deploy: {status: "COMPLETE", steps: 2, complete: 2}, recovery: .plans.recovery}' <<<"$output"
    [ "$(jq -r .framework_id <<<"$output")" = "$(dse-state framework-id)" ]
    local target
    target=$(jq -c '[.target]' <<<"$output")
    call GET /v1/configurations/targetId
    [ "$output" = "$target" ]
    call GET /v1/alive
    [ "$code $(jq -c . <<<"$output")" = '200 {"alive":true}' ]
}

@test "a socket file in the place of a port: its owner's alone, replaced when left over" {
    local socket=$BATS_TEST_TMPDIR/api.sock
    start_bg file dse-http --address "unix:$socket"
    retry 10 test -S "$socket"
    [ "$(stat -c %a "$socket")" = 600 ]
    [ "$(curl -s --unix-socket "$socket" http://any/v1/plans | jq -c .)" = '["deploy","recovery"]' ]
    run dse-http --address "unix:$socket"
    [ "$status" -eq 4 ]
    [[ $output == *"cannot listen on unix:$socket: "* ]]
    stop_bg file KILL
    [ -S "$socket" ]
    start_bg file dse-http --address "unix:$socket"
    answers() { curl -sf --unix-socket "$socket" http://any/v1/plans >/dev/null; }
    retry 10 answers
    stop_bg file
    [ ! -e "$socket" ]
    echo mine >"$socket"
    run dse-http --address "unix:$socket"
    [ "$status" -eq 4 ]
    [ "$(cat "$socket")" = mine ]
}

@test "metrics: JSON with all counters, Prometheus text" {
    call GET /v1/metrics
    jq -e '.version == "3.1.3" and .counters["operation.launch_group"].count >= 2' <<<"$output"
    jq -e '.gauges["plan_status.deploy"].value == 0' <<<"$output"
    jq -e 'keys_unsorted == ["version", "gauges", "counters", "histograms", "meters", "timers"]' <<<"$output"
    jq -e '.timers["offers.process"] | keys_unsorted == ["count", "max", "mean", "min", "p50", "p75", "p95", "p98",
        "p99", "p999", "stddev", "m15_rate", "m1_rate", "m5_rate", "mean_rate", "duration_units", "rate_units"]' <<<"$output"
    jq -e '.timers["offers.process"] | .count > 0 and .max > 0 and .max < 5 and .duration_units == "seconds"
        and .rate_units == "calls/second"' <<<"$output"
    jq -e '.meters["http.2xx-responses"] | .count > 0 and .units == "events/second"' <<<"$output"
    jq -e '.timers | .["state.write"].count > 0 and .["offers.evaluate"].count > 0' <<<"$output"
    # those of the link to the master
    jq -e '.counters["calls.accepted"].count as $n | $n > 5 and .timers["calls.post"].count == $n
        and .counters["calls.failed"].count == 0 and .timers["calls.post"].p50 > 0' <<<"$output"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/body")" -eq 0 ]
    call GET '/v1/metrics?pretty=true' -D "$BATS_TEST_TMPDIR/headers"
    grep -qx '  "version" : "3.1.3",' <<<"$output"
    grep -qi '^cache-control: must-revalidate,no-cache,no-store' "$BATS_TEST_TMPDIR/headers"
    call GET /v1/metrics/prometheus
    grep -qx 'operation_launch_group [0-9]*\.0' <<<"$output"
    grep -qx '# TYPE is_suppressed gauge' <<<"$output"
    grep -qx '# HELP declines_long Generated from Dropwizard metric import (metric=declines.long, type=com.codahale.metrics.Counter)' <<<"$output"
    grep -qx 'offers_process{quantile="0.999",} [0-9.E-]*' <<<"$output"
    grep -qx 'http_2xx_responses_total [0-9.]*' <<<"$output"
    promtool check metrics <<<"$output"
    call POST '/v1/metrics/prometheus?name%5b%5d=offers_process_count&name[]=rounds'
    [ "$(sed 's/ [0-9.]*$//' <<<"$output")" = "$(printf '%s\n' \
        '# HELP rounds Generated from Dropwizard metric import (metric=rounds, type=com.codahale.metrics.Counter)' \
        '# TYPE rounds gauge' rounds \
        '# HELP offers_process Generated from Dropwizard metric import (metric=offers.process, type=com.codahale.metrics.Timer)' \
        '# TYPE offers_process summary' offers_process_count)" ]
}

@test "metrics: pushed to StatsD, each value a datagram" {
    local sent=$BATS_FILE_TMPDIR/statsd.out
    twice() { [ "$(grep -c '^rounds:' "$sent")" -ge 2 ]; }
    retry 10 twice
    grep -qx 'plan_status.deploy:0|g' "$sent"
    grep -qx 'operation.launch_group:[0-9]*|g' "$sent"
    grep -qx 'offers.process.p999:[0-9]*\.[0-9][0-9]|g' "$sent"
    grep -qx 'offers.process.samples:[0-9]*|g' "$sent"
    grep -qx 'http.2xx-responses.m15_rate:[0-9]*\.[0-9][0-9]|g' "$sent"
    ! grep -q is_suppressed "$sent"
    ! grep -vE '^[^ :]+:-?[0-9.]+\|g$' "$sent"
    run env STATSD_UDP_HOST=127.0.0.1 STATSD_UDP_PORT=x dse-http --port 0
    [ "$status" -eq 2 ]
    [[ $output == *"STATSD_UDP_PORT 'x' is no port number"* ]]
}

@test "without a scheduler: reading works, commands answer 503 and leave nothing behind" {
    BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR stop_bg scheduler
    call GET /v1/plans/deploy
    [ "$code" -eq 200 ]
    local before
    before=$(dse-state ls Toolkit/requests | wc -l)
    call POST /v1/pod/hello-0/restart -D "$BATS_TEST_TMPDIR/headers"
    [ "$code" -eq 503 ]
    grep -qi '^retry-after: 5' "$BATS_TEST_TMPDIR/headers"
    [ "$(dse-state ls Toolkit/requests | wc -l)" -eq "$before" ]
}
