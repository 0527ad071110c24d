# dse-http over stores made by fixtures and by dse-offers: paths, codes and bodies of the REST API.
load helpers

DATA=$TOP/tests/data/offers
CONFIG=11111111-1111-4111-8111-111111111111

setup() {
    export DSE_STORE=dir:$BATS_TEST_TMPDIR/state FRAMEWORK_LOG_LEVEL=OFF
    body=$BATS_TEST_TMPDIR/body headers=$BATS_TEST_TMPDIR/headers
}
teardown() { stop_all; }

# fill SERVICE FIXTURE: a store with that service in the middle of its life.
fill() {
    dse-render --no-environment "$DATA/$1.yml" >"$BATS_TEST_TMPDIR/spec.json"
    "$BUILD/tools/fixture" load "$DSE_STORE" "$2" "$BATS_TEST_TMPDIR/spec.json"
}
# task NAME INDEX SPEC STATE [READY]: one entry of a fixture, as dse-offers records a launch.
task() {
    jq -nc --arg pod "$1" --arg index "$2" --arg spec "$3" --arg state "$4" --argjson ready "${5:-true}" \
        --arg config "$CONFIG" '($pod + "-" + $index + "-" + $spec) as $name | {state: $state, ready: $ready, info: {
            name: $name, task_id: {value: "data__dse__\($name)__2b0c5a8e-9f3d-4c1a-8a55-6d1b1f0e0\($index)aa"},
            agent_id: {value: "S1"}, labels: {labels: [
              {key: "index", value: $index}, {key: "offer_attributes", value: ""},
              {key: "offer_hostname", value: "agent1.local"}, {key: "target_configuration", value: $config},
              {key: "task_type", value: $pod}]}}}'
}
# fixture FRAMEWORK_ID TASK...: writes fixture.json; an empty id: none yet.
fixture() {
    local id=$1
    shift
    printf '%s\n' "$@" | jq -sc --arg id "$id" --arg config "$CONFIG" \
        '{target: $config, tasks: .} + (if $id == "" then {} else {"framework-id": $id} end)' \
        >"$BATS_TEST_TMPDIR/fixture.json"
    fill "${SERVICE:-http}" "$BATS_TEST_TMPDIR/fixture.json"
}
deployed() { # [STATE of dse-1-node]
    fixture F "$(task dse 0 node TASK_RUNNING)" "$(task dse 0 agent TASK_RUNNING)" \
        "$(task dse 1 node "${1:-TASK_RUNNING}")" "$(task dse 1 agent TASK_RUNNING)"
}
# request VERB ARGS: left in the store and carried out.
request() {
    "$BUILD/tools/fixture" post "$DSE_STORE" "$@" >"$BATS_TEST_TMPDIR/id"
    env PORT_API=1 BOOTSTRAP_URI=https://example.com/b.zip dse-offers </dev/null >/dev/null
    dse-state get "Toolkit/requests/$(cat "$BATS_TEST_TMPDIR/id")" | jq -r .result.code
}

serve() { # [OPTION...]
    start_bg http dse-http --port 0 --port-file "$BATS_TEST_TMPDIR/port" "$@"
    retry 10 test -s "$BATS_TEST_TMPDIR/port"
    URL=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")
}
# get PATH [CURL OPTION...]: status in $code, body in the file $body, headers in $headers.
get() {
    local path=$1
    shift
    : >"$body"
    code=$(curl -s --path-as-is --max-time 10 -o "$body" -D "$headers" -w '%{http_code}' "$@" "$URL$path")
}
# is CODE: shows what came when it is another.
is() { [ "$code" = "$1" ] || { echo "status $code, wanted $1" && cat "$headers" "$body" && return 1; }; }
content_type() { tr -d '\r' <"$headers" | sed -n 's/^[Cc]ontent-[Tt]ype: //p'; }

# ---- plans ----

@test "http: plans in their order" {
    fixture F
    serve
    get /v1/plans
    is 200
    [ "$(content_type)" = application/json ]
    diff "$body" <(printf '[\n  "deploy",\n  "recovery",\n  "backup-s3",\n  "restore-s3"\n]')
}

@test "http: a plan is 200 when complete, 202 before" {
    fixture F "$(task dse 0 node TASK_RUNNING)" "$(task dse 0 agent TASK_RUNNING)" \
        "$(task dse 1 node TASK_STAGING)" "$(task dse 1 agent TASK_RUNNING)"
    serve
    get /v1/plans/deploy
    is 202
    [ "$(content_type)" = application/json ]
    json '[.phases[].steps[].status] == ["COMPLETE", "STARTING"] and .status == "IN_PROGRESS"' "$body"
    # layout and order of members (api-and-cli 1.3); ids are a function of path and target
    sed 's/[0-9a-f]\{8\}-[-0-9a-f]\{27\}/ID/g' "$body" | diff - <(printf '%s' '{
  "phases" : [ {
    "id" : "ID",
    "name" : "dse-phase",
    "steps" : [ {
      "id" : "ID",
      "status" : "COMPLETE",
      "name" : "dse-0:[node, agent]",
      "message" : "com.mesosphere.sdk.scheduler.plan.DeploymentStep: dse-0:[node, agent] [ID] with status: COMPLETE"
    }, {
      "id" : "ID",
      "status" : "STARTING",
      "name" : "dse-1:[node, agent]",
      "message" : "com.mesosphere.sdk.scheduler.plan.DeploymentStep: dse-1:[node, agent] [ID] with status: STARTING"
    } ],
    "strategy" : "dependency",
    "status" : "IN_PROGRESS"
  } ],
  "strategy" : "serial",
  "errors" : [ ],
  "status" : "IN_PROGRESS"
}')
    get /v1/plan
    is 202
    get /v1/plans/recovery
    is 200
    json '.phases == [] and .status == "COMPLETE"' "$body"
    get /v1/plans/backup-s3
    is 202
    json '.status == "WAITING"' "$body"
    get /v1/plans/Deploy
    is 404
    [ "$(content_type)" = text/plain ]
    [ "$(cat "$body")" = "Plan Deploy not found" ]
    get /v1/plans/a%20b
    [ "$(cat "$body")" = "Plan a b not found" ]
}

@test "http: a complete plan, seen as soon as it is stored" {
    deployed TASK_STAGING
    serve
    get /v1/plans/deploy
    is 202
    dse-state status --raw dse-0-node | sed "s/dse-0-node__\(.*\)0aa/dse-1-node__\11aa/" |
        dse-state put Tasks/dse-1-node/TaskStatus
    complete() { get /v1/plans/deploy && is 200; }
    retry 5 complete
    json '.status == "COMPLETE"' "$body"
}

# ---- pods ----

@test "http: pods and their status" {
    fixture F "$(task dse 10 node TASK_FINISHED)" "$(task dse 2 node TASK_LOST)" \
        "$(task dse 0 node TASK_RUNNING)" "$(task dse 0 agent TASK_RUNNING)" \
        "$(task dse 1 node null | jq -c 'del(.state)')" \
        "$(task abc 0 node TASK_RUNNING)" "$(task x 0 odd TASK_FAILED | jq -c 'del(.info.labels)')"
    [ "$(request pod-pause '{"pod":"dse-0","tasks":["node"]}')" = 200 ]
    serve
    get /v1/pod
    is 200
    [ "$(content_type)" = application/json ]
    json '. == ["abc-0", "dse-0", "dse-1", "dse-10", "dse-2", "UNKNOWN_POD_x-0-odd"]' "$body"
    get /v1/pod/status
    is 200
    json '.service == "/data/dse" and [.pods[].name] == ["abc", "dse", "UNKNOWN_POD"] and
          [.pods[1].instances[].name] == ["dse-0", "dse-1", "dse-2", "dse-10"] and
          .pods[2].instances[0].name == "UNKNOWN_POD-0" and
          .pods[1].instances[1].tasks[0].status == "FAILED"' "$body" # repaired at the start
    jq -c 'keys_unsorted, (.pods[0] | keys_unsorted, (.instances[0] | keys_unsorted, (.tasks[0] | keys_unsorted)))' \
        "$body" | diff - <(printf '%s\n' '["service","pods"]' '["instances","name"]' '["name","tasks"]' '["name","id","status"]')
    get /v1/pod/dse-0/status
    is 200
    diff "$body" <(printf '%s' '{
  "name": "dse-0",
  "tasks": [
    {
      "name": "dse-0-agent",
      "id": "data__dse__dse-0-agent__2b0c5a8e-9f3d-4c1a-8a55-6d1b1f0e00aa",
      "status": "RUNNING"
    },
    {
      "name": "dse-0-node",
      "id": "data__dse__dse-0-node__2b0c5a8e-9f3d-4c1a-8a55-6d1b1f0e00aa",
      "status": "PAUSING"
    }
  ]
}')
    local pod
    for pod in dse-3 dse-00 dse dse- -0 dse-0-node UNKNOWN_POD_y dse-99999999999999999999; do
        get "/v1/pod/$pod/status"
        is 404
        [ "$(content_type)" = text/plain ]
        [ "$(cat "$body")" = "Pod $pod not found" ]
        get "/v1/pod/$pod/info"
        is 404
    done
    get /v1/pod/dse-0
    is 404
}

@test "http: a status of another launch is none" {
    deployed
    dse-state status --raw dse-0-node | dse-state put Tasks/dse-1-node/TaskStatus
    serve
    get /v1/pod/dse-1/status
    is 200
    json '[.tasks[] | [.name, .status]] == [["dse-1-agent", "RUNNING"], ["dse-1-node", null]]' "$body"
    json '.tasks[1] | has("status") | not' "$body"
    get /v1/pod/dse-1/info
    json '[.[].status == null] == [false, true]' "$body"
}

@test "http: pods of a service that has none" {
    fixture F
    serve
    get /v1/pod
    is 200
    [ "$(cat "$body")" = "[]" ]
    get /v1/pod/status
    is 200
    [ "$(cat "$body")" = '{"service": "/data/dse"}' ]
}

@test "http: a pod's whole records" {
    fixture F "$(task dse 0 node TASK_RUNNING)" "$(task dse 0 agent null | jq -c 'del(.state)')"
    serve
    get /v1/pod/dse-0/info
    is 200
    [ "$(content_type)" = application/json ]
    # Jackson's layout, names in lower camel case in the order of declaration, empty lists shown
    json '[.[].info.name] == ["dse-0-agent", "dse-0-node"] and .[0].status == null and
          .[1].info.slaveId.value == "S1" and .[1].info.resources == [] and
          .[1].info.labels.labels[0] == {key: "index", value: "0"} and
          .[1].status.state == "TASK_RUNNING" and .[1].status.slaveId.value == "S1"' "$body"
    diff <(head -3 "$body") <(printf '%s\n' '[ {' '  "info" : {' '    "name" : "dse-0-agent",')
    # no status, no member
    get /v1/pod/dse-0/status
    json '(.tasks[0] | has("status") | not) and .tasks[1].status == "RUNNING"' "$body"
    printf x | dse-state put Tasks/dse-0-node/TaskStatus
    # a damaged record shows as none (dse-state check names it), and the rest is served
    damaged() { get /v1/pod/dse-0/info && is 200 && json '.[1].status == null' "$body"; }
    retry 5 damaged
    json '.[1].info.name == "dse-0-node"' "$body"
}

# ---- health ----

# reasons: the verbose answer's.
reasons() { get "/v1/health?verbose=true" && jq -r '.reasons[]' "$body"; }

@test "http: health before registration" {
    fixture ""
    serve
    get /v1/health
    is 318
    [ "$(content_type)" = application/json ]
    [ "$(cat "$body")" = '{"value": 318}' ]
    diff <(reasons) - <<'END_OF_BODY'
Priority 1. Status Code 500 is FALSE. No errors found in plans.
Priority 1. Status Code 318 is TRUE. Mesos registration pending, no Framework ID found.
Priority 2. Status Code 207 is FALSE. Service deploy plan does NOT need user input.
Priority 1. Status Code 200 is FALSE. Service still initializing.
Priority 2. Status Code 204 is TRUE, Steps: Total(2) Pending(0) Prepared(2) Starting(0) Started(0) Completed(0) Delayed(0)
Priority 3. Status Code 206 is FALSE, Not implemented yet.
Priority 4. Status Code 203 and 205 is FALSE. Recovery plan is complete.
Priority 5. Status Code 320 is FALSE. Following backup plans not running: backup-s3
Priority 5. Status Code 321 is FALSE. Following restore plans not running: restore-s3
Priority 6. Status Code 326 is FALSE, Not implemented yet.
END_OF_BODY
    is 318
}

@test "http: health while deploying" {
    fixture F "$(task dse 0 node TASK_RUNNING)" "$(task dse 0 agent TASK_RUNNING)"
    serve
    # 204 carries no body, and the connection stays in step
    run curl -s --max-time 10 -w '<%{http_code} %{size_download} %{num_connects}>' "$URL/v1/health" "$URL/v1/plans/x"
    [ "$output" = "<204 0 1>Plan x not found<404 16 0>" ]
}

@test "http: health while the last steps start" {
    deployed TASK_STAGING
    serve
    get "/v1/health?verbose=true"
    is 202
    json '.value == 202 and (.reasons | length) == 10 and
          .reasons[4] == "Priority 2. Status Code 202 is TRUE, Steps: Total(2) Pending(0) Prepared(0) Starting(1) Started(0) Completed(1) Delayed(0)"' "$body"
}

@test "http: health of a service at rest" {
    SERVICE=lifecycle fill lifecycle "$DATA/lifecycle.json"
    serve
    get /v1/health
    is 202
    stop_bg http
    rm -r "${DSE_STORE#dir:}"
    deployed
    rm "$BATS_TEST_TMPDIR/port"
    serve
    get "/v1/health?verbose=true"
    is 200
    json '.reasons[1] == "Priority 1. Status Code 318 is FALSE. Registered with Framework ID F." and
          .reasons[3] == "Priority 1. Status Code 200 is TRUE. Service deploy plan is complete." and
          .reasons[4] == "Priority 2. Status Code 204 and 202 are both FALSE Steps: Total(2) Pending(0) Prepared(0) Starting(0) Started(0) Completed(2) Delayed(0)" and
          .value == 200' "$body"
    get "/v1/health?verbose=no"
    [ "$(cat "$body")" = '{"value": 200}' ]
}

@test "http: health of an interrupted deployment" {
    # an interrupted plan keeps its steps PENDING, which comes first
    fixture F
    [ "$(request plan-interrupt '{"plan":"deploy"}')" = 200 ]
    serve
    get /v1/health
    is 204
    get /v1/plans/deploy
    is 202
    json '.status == "WAITING"' "$body"
    # the steps that a canary holds back wait themselves
    stop_bg http
    rm -r "${DSE_STORE#dir:}" "$BATS_TEST_TMPDIR/port"
    dse-render --no-environment "$DATA/http.yml" |
        jq '.plans.deploy.phases["dse-phase"].strategy = "parallel-canary"' >"$BATS_TEST_TMPDIR/spec.json"
    "$BUILD/tools/fixture" load "$DSE_STORE" "$BATS_TEST_TMPDIR/fixture.json" "$BATS_TEST_TMPDIR/spec.json"
    serve
    get "/v1/health?verbose=true"
    is 207
    json '.reasons[2] == "Priority 2. Status Code 207 is TRUE. Service deploy plan is awaiting user input to proceed."' "$body"
}

@test "http: health while a pod recovers" {
    deployed
    # the writer marks the deployment as done; what fails later is recovery's
    [ "$(request plan-continue '{"plan":"deploy"}')" = 208 ]
    dse-state status --raw dse-1-node >"$BATS_TEST_TMPDIR/status"
    serve
    get /v1/health
    is 200
    update F TASK_FAILED
    recovering() { get "/v1/health?verbose=true" && is 203; }
    retry 5 recovering
    json '.reasons[6] == "Priority 4. Status Code 203 is TRUE, Steps: Total(1) Pending(1) Prepared(0) Starting(0) Started(0) Completed(0) Delayed(0)"' "$body"
    get /v1/plans/recovery
    is 202
    json '.phases[0].steps[0].name == "dse-1:[node]" or .phases[0].steps[0].name == "dse-1:[node, agent]"' "$body"
}

# update FRAMEWORK STATE: of dse-1-node, by dse-offers.
update() {
    {
        echo '{"type":"DSE_CONNECTED"}'
        echo "{\"type\":\"SUBSCRIBED\",\"subscribed\":{\"framework_id\":{\"value\":\"$1\"}}}"
        jq -nc --arg state "$2" '{type: "UPDATE", update: {status: {state: $state, agent_id: {value: "S1"},
            task_id: {value: "data__dse__dse-1-node__2b0c5a8e-9f3d-4c1a-8a55-6d1b1f0e01aa"}}}}'
    } | env PORT_API=1 BOOTSTRAP_URI=https://example.com/b.zip "${@:3}" dse-offers >/dev/null
}

@test "http: health while a failed launch is delayed" {
    fixture F "$(task dse 0 node TASK_RUNNING)" "$(task dse 0 agent TASK_RUNNING)" \
        "$(task dse 1 node TASK_STAGING)" "$(task dse 1 agent TASK_RUNNING)"
    update F TASK_FAILED ENABLE_BACKOFF=true
    serve
    get "/v1/health?verbose=true"
    is 208
    json '.reasons[4] | startswith("Priority 2. Status Code 208 is TRUE, Steps: Total(2) ")' "$body"
}

@test "http: health with a refused configuration" {
    deployed
    dse-render --no-environment "$DATA/http.yml" |
        jq -c '{spec: (."pod-specs"[0].count = 1), plans: .plans}' >"$BATS_TEST_TMPDIR/args"
    [ "$(request update "$(cat "$BATS_TEST_TMPDIR/args")")" = 409 ]
    serve
    get "/v1/health?verbose=true"
    is 500
    json '.reasons[0] == "Priority 1. Status Code 500 is TRUE. Errors found in plans."' "$body"
    get /v1/plans/deploy
    is 417
    json '.status == "ERROR" and (.errors | length) == 1 and (.errors[0] | startswith("Field: "))' "$body"
    # the old target is in force, and an acceptable one ends the error
    dse-render --no-environment "$DATA/http.yml" | jq -c '{spec: ., plans: .plans}' >"$BATS_TEST_TMPDIR/args"
    [ "$(request update "$(cat "$BATS_TEST_TMPDIR/args")")" = 200 ]
    healthy() { get /v1/health && is 200; }
    retry 5 healthy
}

# running PLAN CODE: the code once the plan has launched something.
running() {
    deployed
    [ "$(request plan-start "{\"plan\":\"$1\"}")" = 200 ]
    offer
    serve
    get "/v1/health?verbose=true"
    is "$2"
    stop_bg http
    rm -r "${DSE_STORE#dir:}" "$BATS_TEST_TMPDIR/port"
}

@test "http: health while backup and restore plans run" {
    running backup-s3 320
    json '.reasons[7] == "Priority 5. Status Code 320 is TRUE. Following backup plans found running: backup-s3" and
          .reasons[8] == "Priority 5. Status Code 321 is FALSE. Following restore plans not running: restore-s3"' "$body"
    running restore-s3 321
    json '.reasons[8] == "Priority 5. Status Code 321 is TRUE. Following restore plans found running: restore-s3"' "$body"
}

# offer: everything that dse-0 might want, with answers to reconciliation before it.
offer() {
    {
        echo '{"type":"DSE_CONNECTED"}'
        echo '{"type":"SUBSCRIBED","subscribed":{"framework_id":{"value":"F"}}}'
        dse-state tasks -o json | jq -c '.[] | select(.id) | {type: "UPDATE", update: {status: {task_id: {value: .id},
            agent_id: {value: "S1"}, state: (.state // "TASK_RUNNING")}}}'
        jq -nc '{type: "OFFERS", offers: {offers: [{id: {value: "O"}, framework_id: {value: "F"},
            agent_id: {value: "S1"}, hostname: "agent1.local", allocation_info: {role: "data__dse-role"}, resources: (
              [{name: "cpus", type: "SCALAR", scalar: {value: 4}}, {name: "mem", type: "SCALAR", scalar: {value: 4096}},
               {name: "disk", type: "SCALAR", scalar: {value: 10000}}]
              | map(. + {allocation_info: {role: "data__dse-role"}}))}]}}'
    } | env PORT_API=1 BOOTSTRAP_URI=https://example.com/b.zip dse-offers >/dev/null
}

@test "http: health while uninstalling is 318" {
    deployed
    printf true | dse-state put Properties/uninstalling
    serve
    get /v1/health
    is 318
}

@test "http: what is served while uninstalling, and once uninstalled" {
    deployed
    export SDK_UNINSTALL=
    serve
    local path
    # The plans of the service are not those of an uninstall: a complete one would be taken for its end.
    for path in /v1/plans/deploy /v1/plan; do
        get $path
        is 503
        grep -qi '^retry-after: 1' "$headers"
    done
    get /v1/plans/deploy/restart -X POST
    is 503
    get /v1/health
    is 318
    printf true | dse-state put Properties/uninstalling
    begun() { get /v1/plans/deploy && is 202; }
    retry 5 begun
    for path in /v1/plans /v1/plans/deploy /v1/plan /v1/health /v1/status /v1/metrics /v1/metrics/prometheus; do
        get $path
        [[ $code == [23]* ]]
    done
    get /v1/plans
    json '. == ["deploy"]' "$body"
    get /v1/status
    json '.state == "uninstalling" and .health == 318 and .plans.deploy.complete == 0' "$body"
    for path in /v1/pod /v1/pod/status /v1/endpoints /v1/configurations /v1/state/frameworkId /v1/debug/plans \
        /v2/debug/offers /v1/artifacts/template/$CONFIG/dse/node/yaml; do
        get $path
        is 404
    done
    get /v1/alive
    is 503
    dse-state ls -o name | while read -r path; do dse-state rm --yes "$path"; done
    gone() { get /v1/status && json '.state == "uninstalled" and .service == null' "$body" 2>/dev/null; }
    retry 5 gone
    get /v1/plans/deploy
    is 200
    json '. == {phases: [], strategy: "serial", errors: [], status: "COMPLETE"}' "$body"
    get /v1/plans/deploy/interrupt -X POST
    is 208
    get /v1/plans/recovery
    is 404
    get /v1/health
    is 318
}

# ---- artifacts ----

@test "http: a config template as it is stored" {
    fixture F
    serve
    get /v1/artifacts/template/$CONFIG/dse/node/yaml
    is 200
    [ "$(content_type)" = text/plain ]
    cmp "$body" "$DATA/http.mustache"
    get /v1/artifacts/template/not-a-uuid/dse/node/yaml
    is 400
    [ ! -s "$body" ]
    local path
    for path in 22222222-1111-4111-8111-111111111111/dse/node/yaml $CONFIG/other/node/yaml \
        $CONFIG/dse/other/yaml $CONFIG/dse/node/other $CONFIG/dse/dse-0-node/yaml $CONFIG/dse/agent/yaml \
        $CONFIG/dse/node $CONFIG/dse/node/yaml/more $CONFIG/dse/node/ ""; do
        get "/v1/artifacts/template/$path"
        is 404
        [ ! -s "$body" ]
    done
}

@test "http: a configuration that cannot be read is 500 and says so" {
    fixture F
    echo '{"name": 1}' | dse-state put Configurations/33333333-1111-4111-8111-111111111111
    serve
    get /v1/artifacts/template/33333333-1111-4111-8111-111111111111/dse/node/yaml
    is 500
    echo '{' | dse-state put Configurations/$CONFIG
    broken() { get /v1/plans && is 500; }
    retry 5 broken
    grep -q "the target configuration '$CONFIG' cannot be read" "$body"
}

# ---- methods, paths, limits ----

@test "http: wrong methods and unknown paths" {
    fixture F
    serve
    local method path
    for method in POST PUT DELETE PATCH; do
        get /v1/plans -X $method
        is 405
        grep -qi $'^allow: GET, HEAD, OPTIONS\r$' "$headers"
    done
    # OPTIONS asks for those alone.
    for path in /v1/plans /v1/health /v1/plans/none /v1/pod/none/status /v1/metrics; do
        get "$path" -X OPTIONS
        is 200
        grep -qi $'^allow: GET, HEAD, OPTIONS\r$' "$headers"
        grep -qi $'^content-length: 0\r$' "$headers"
    done
    get /v1/plans/deploy/start -X OPTIONS
    grep -qi $'^allow: POST, OPTIONS\r$' "$headers"
    get /v1/state/files/x -X OPTIONS
    grep -qi $'^allow: GET, HEAD, PUT, OPTIONS\r$' "$headers"
    get /v1/none -X OPTIONS
    is 404
    get /v1/plans/deploy/start -I
    is 405
    for path in / /v1 /v1/ /v1/plans// /v2/plans /v1/plan/x /v1/tasks "/v1/plans/a/b" //v1/plans /V1/plans; do
        get "$path"
        is 404
        [ ! -s "$body" ]
    done
}

@test "http: a slash at the end, an absolute form, ids as Java reads them" {
    fixture F
    serve
    get /v1/plans
    cp "$body" "$BATS_TEST_TMPDIR/plans"
    get /v1/plans/
    is 200
    cmp "$body" "$BATS_TEST_TMPDIR/plans"
    get /v1/plans/deploy/
    is 202
    get /v1/plans --request-target http://anywhere/v1/plans
    is 200
    cmp "$body" "$BATS_TEST_TMPDIR/plans"
    get "/v1/configurations/$(tr a-f A-F <<<$CONFIG)"
    is 200
    get /v1/configurations/1-2-3-4-5
    is 404
    for path in 1-2-3-4 1-2-3-4-5-6 g-2-3-4-5 -2-3-4-5 11111111-1111-4111-8111-1111111111111111111; do
        get "/v1/configurations/$path"
        is 400
        get "/v1/artifacts/template/$path/dse/node/yaml"
        is 400
    done
}

# raw REQUEST...: sends the bytes (printf %b) on one connection each; first lines of the answers.
raw() {
    python3 -c '
import socket, sys
for text in sys.argv[2:]:
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
    got = b""
    try:
        s.sendall(text.encode().decode("unicode_escape").encode("latin-1"))
        s.shutdown(socket.SHUT_WR)
        while data := s.recv(65536): got += data
    except OSError: # it was closed with bytes of ours unread
        got = got or b"reset"
    print(got.split(b"\r\n")[0].decode("latin-1"), got.count(b"HTTP/1.1 "))' "$(cat "$BATS_TEST_TMPDIR/port")" "$@"
}

@test "http: malformed and ambiguous requests" {
    fixture F
    serve
    local get='GET /v1/plans HTTP/1.1\r\nHost: x\r\n' post='POST /v1/plans HTTP/1.1\r\nHost: x\r\n'
    # three of them in one go are answered in order
    [ "$(raw "$get\r\n$post"'Content-Length: 0\r\n\r\n'"$get\r\n")" = 'HTTP/1.1 200 OK 3' ]
    run -0 raw 'GET /v1/plans HTTP/1.1\r\n\r\n' "$get"'Content-Length: -5\r\n\r\n' "$post"'Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n' \
        "$post"'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/plans HTTP/1.1\r\nHost: x\r\n\r\n'
    local line
    for line in "${lines[@]}"; do [[ $line == 'HTTP/1.1 400 Bad Request '[12] ]]; done
    [ "${lines[3]}" = 'HTTP/1.1 400 Bad Request 1' ]
    run -0 raw 'GET /v1/plans HTTP/9.9\r\nHost: x\r\n\r\n'
    [[ $output == 'HTTP/1.1 505 '* ]]
    run -0 raw "${get}X: $(head -c 40000 /dev/zero | tr '\0' a)\r\n\r\n"
    [[ $output == 'HTTP/1.1 431 '* || $output == 'reset '* ]]
    get /v1/health
    is 204
}

@test "http: HEAD is GET without its body" {
    fixture F
    serve
    get /v1/plans
    local length
    length=$(wc -c <"$body")
    get /v1/plans -I
    is 200
    [ "$(content_type)" = application/json ]
    grep -qi "^content-length: $length" "$headers"
    get /v1/plans/none -I
    is 404
}

@test "http: hostile paths" {
    fixture F
    serve
    local path
    for path in /v1/artifacts/template/../../../etc/passwd /v1/artifacts/template/%2e%2e/%2e%2e/%2e%2e/etc/passwd \
        "/v1/artifacts/template/$CONFIG/dse/node/../../../../etc/passwd" "/v1/artifacts/template/$CONFIG/dse/node/..%2fyaml" \
        /v1/health%00 /v1/plans/deploy%00.txt /v1/plans/%ff%fe /v1/plans/%zz "/v1/plans/%0d%0aX-Injected:%201" \
        "/v1/plans/<script>" "/v1/plans/$(head -c 6000 /dev/zero | tr '\0' a)" "/v1/plans?$(head -c 60000 /dev/zero | tr '\0' a)"; do
        get "$path"
        echo "${path:0:100}: $code"
        [[ $code == 4* ]]
        ! grep -qi '^x-injected' "$headers"
    done
    get /v1/health
    is 204
}

@test "http: bodies over the limit" {
    fixture F
    serve
    head -c 65536 /dev/zero >"$BATS_TEST_TMPDIR/fits"
    head -c 65537 /dev/zero >"$BATS_TEST_TMPDIR/large"
    get /v1/plans -X POST --data-binary @"$BATS_TEST_TMPDIR/fits" -H Expect:
    is 405
    get /v1/plans -X POST --data-binary @"$BATS_TEST_TMPDIR/large" -H Expect:
    is 413
    # also when its length is not told
    get /v1/plans -X POST --data-binary @"$BATS_TEST_TMPDIR/large" -H Expect: -H 'Transfer-Encoding: chunked'
    is 413
    get /v1/health
    is 204
}

@test "http: many connections at a time" {
    fixture F
    serve
    run --separate-stderr curl -s --parallel --parallel-max 40 --max-time 20 -o /dev/null -w '%{http_code}\n' "$URL/v1/plans?[1-400]"
    [ "$(sort <<<"$output" | uniq -c | tr -s ' ')" = " 400 200" ]
}

# ---- who may ----

@test "http: a token" {
    fixture F
    echo " s3cret " | tr -d ' ' >"$BATS_TEST_TMPDIR/token"
    serve --token-file "$BATS_TEST_TMPDIR/token"
    get /v1/plans
    is 401
    grep -qi '^www-authenticate: ' "$headers"
    get /v1/none
    is 401
    local value
    for value in "Bearer wrong" "Bearer s3cre" "Bearer s3crets" "Basic s3cret" s3cret "token=" ""; do
        get /v1/plans -H "Authorization: $value"
        is 401
    done
    get /v1/plans -H "Authorization: Bearer s3cret"
    is 200
    get /v1/plans -H "Authorization: token=s3cret"
    is 200
    # the token shows in no output of ours
    ! grep -r s3cret "$BATS_TEST_TMPDIR/http.err" "/proc/$(cat "$BATS_TEST_TMPDIR/http.pid")/cmdline"
}

@test "http: bad token files" {
    : >"$BATS_TEST_TMPDIR/empty"
    run dse-http --port 0 --token-file "$BATS_TEST_TMPDIR/empty"
    [ "$status" -eq 3 ]
    [[ $output == *"the token file '$BATS_TEST_TMPDIR/empty' is empty"* ]]
    run dse-http --port 0 --token-file "$BATS_TEST_TMPDIR/none"
    [ "$status" -eq 4 ]
}

@test "http: read-only" {
    fixture F
    serve --read-only
    get /v1/plans
    is 200
    get /v1/plans -X POST
    is 405
}

# ---- the store ----

@test "http: a store that is not there yet, or empty" {
    serve
    get /v1/plans
    [[ $code == 200 || $code == 503 ]]
    get /v1/plans/deploy
    [[ $code == 404 || $code == 503 ]]
    dse-offers </dev/null
    initialising() { get /v1/health && is 318; }
    retry 5 initialising
    get /v1/plans
    is 200
    [ "$(cat "$body")" = "[]" ]
}

@test "http: a store that cannot be read is 503 for now, a damaged one 500" {
    fixture F
    serve
    mv "${DSE_STORE#dir:}/.journal" "$BATS_TEST_TMPDIR/journal"
    mkdir "${DSE_STORE#dir:}/.journal"
    answers() { get /v1/plans && is "$1"; }
    retry 5 answers 503
    grep -qi '^retry-after: 1' "$headers"
    [[ $(cat "$body") == "cannot read '.journal': "* ]]
    rmdir "${DSE_STORE#dir:}/.journal"
    echo 'something else altogether' >"${DSE_STORE#dir:}/.journal"
    retry 5 answers 500
    ! grep -qi '^retry-after' "$headers"
    cp "$BATS_TEST_TMPDIR/journal" "${DSE_STORE#dir:}/.journal"
    retry 5 answers 200
}

# ---- start and end ----

@test "http: a port in use" {
    fixture F
    serve
    run timeout 10 dse-http --port "$(cat "$BATS_TEST_TMPDIR/port")"
    [ "$status" -eq 4 ]
    [[ $output == *"cannot listen on 127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port"): "* ]]
    run dse-http --address nowhere
    [ "$status" -eq 2 ]
    run dse-http --port 65536
    [ "$status" -eq 2 ]
    run dse-http operand
    [ "$status" -eq 2 ]
}

@test "http: TERM ends with 0, and so does the end of the life line" {
    fixture F
    serve
    local pid end=0
    pid=$(cat "$BATS_TEST_TMPDIR/http.pid")
    kill -TERM "$pid"
    wait "$pid"
    mkfifo "$BATS_TEST_TMPDIR/life"
    sleep 60 >"$BATS_TEST_TMPDIR/life" 3>&- &
    echo $! >"$BATS_TEST_TMPDIR/life.pid"
    rm "$BATS_TEST_TMPDIR/port"
    DSE_LIFE_LINE=7 dse-http --port 0 --port-file "$BATS_TEST_TMPDIR/port" 7<"$BATS_TEST_TMPDIR/life" >/dev/null 2>&1 3>&- &
    pid=$!
    retry 10 test -s "$BATS_TEST_TMPDIR/port"
    stop_bg life
    wait $pid || end=$?
    [ $end -eq 0 ]
}
