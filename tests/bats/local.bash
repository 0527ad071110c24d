# dse-local and a scheduler in curl and jq: `load local` behind `load helpers`, in tests that have
# cd'ed into $DIR, their own folder.
# start_local [OPTION...]: a master with work folder $DIR/work; its URL is in MASTER, its port in PORT.
start_local() {
    rm -f port
    start_bg local dse-local --port 0 --port-file "$DIR/port" --work-dir "$DIR/work" \
        --allocation-interval 0.2 "$@"
    retry 10 test -s port
    PORT=$(cat port)
    MASTER=http://127.0.0.1:$PORT
}

# The cluster that the traffic was recorded on.
recorded_topology() {
    cat >topology.json <<'END'
{"master": {"region": "region-1", "zone": "zone-a"},
 "agents": [
  {"name": "agent1", "ip": "127.0.0.1", "cpus": 4, "mem": 8192, "disk": 20480,
   "ports": "[9000-9200,31000-32000]", "region": "region-1", "zone": "zone-a",
   "attributes": {"rack": "r1", "os": "linux"},
   "mounts": [{"root": "MOUNTS/disk-a", "size": 1024}, {"root": "MOUNTS/disk-b", "size": 2048}]},
  {"name": "agent2", "ip": "127.0.0.1", "cpus": 4, "mem": 8192, "disk": 20480,
   "ports": "[9000-9200,31000-32000]", "region": "region-1", "zone": "zone-b",
   "attributes": {"rack": "r2", "os": "linux"}}]}
END
    sed -i "s,MOUNTS,$DIR/mnt,g" topology.json
}

# ---- recorded traffic -------------------------------------------------------------------------

# The recorded cluster and traffic, changed alike.
vary() { python3 "$TOP/tests/bats/vary.py" <"$1" >varied && mv varied "$1"; }

# replay CAPTURE...: the recorded calls against dse-local; every difference is an error.
replay() {
    local name files=()
    OPTIONS=${OPTIONS:-}
    requires captures
    recorded_topology
    for name; do
        sed "s,/mnt/disk-,$DIR/mnt/disk-,g" "$CAPTURES/$name.ndjson" >"$name.ndjson"
        [ -z "${VARY:-}" ] || vary "$name.ndjson"
        files+=("$name.ndjson")
    done
    [ -z "${VARY:-}" ] || vary topology.json
    start_local --topology topology.json $OPTIONS
    run timeout 120 python3 "$TOP/tests/bats/replay.py" "$PORT" "${files[@]}"
    cut -c1-1500 <<<"$output"
    [ "$status" -eq 0 ] && [ "${lines[-1]}" = '0 differences' ]
}

# ---- a scheduler in curl and jq --------------------------------------------------------------

CAPABILITIES='["MULTI_ROLE","RESERVATION_REFINEMENT","PARTITION_AWARE","GPU_RESOURCES","REGION_AWARE","TASK_KILLING_STATE"]'

# subscribe NAME [JQ]: opens a subscription in the background; JQ changes the SUBSCRIBE call.
subscribe() {
    jq -n --argjson able "$CAPABILITIES" '{type: "SUBSCRIBE", subscribe: {framework_info: {
        user: "root", name: "dse", principal: "dse-principal", failover_timeout: 3600,
        roles: ["dse-role"], capabilities: [$able[] | {type: .}]}}} | '"${2:-.}" >"$1.json"
    rm -f "$1.headers"
    start_bg "$1" curl -sN -D "$1.headers" -H 'Content-Type: application/json' \
        -H 'Accept: application/json' --data-binary "@$1.json" "$MASTER/api/v1/scheduler"
    retry 5 has "$1" 'select(.type == "SUBSCRIBED" or .type == "ERROR")'
    S=$1
    F=$(events "$1" | jq -r 'select(.type == "SUBSCRIBED").subscribed.framework_id.value')
}
# events NAME: what came so far, one JSON object a line.
events() { sed -nE 's/^(\{.*\})[0-9]*$/\1/p' "$1.out"; }
# has NAME JQ: some event is selected.
has() { [ -n "$(events "$1" 2>/dev/null | jq -c "$2" 2>/dev/null)" ]; }
stream_id() { tr -d '\r' <"$S.headers" | sed -n 's/^Mesos-Stream-Id: //p'; }
# call JSON: sends a call of the present framework; STATUS gets the status, the file body the answer.
call() {
    jq -c --arg f "$F" '. + {framework_id: {value: $f}}' <<<"$1" >call.json
    STATUS=$(curl -s -o body -w '%{http_code}' -H 'Content-Type: application/json' \
        -H "Mesos-Stream-Id: $(stream_id)" --data-binary @call.json "$MASTER/api/v1/scheduler")
}
updates() { events "$S" | jq -c 'select(.type == "UPDATE").update.status'; }
# Acknowledges each update that came since the last time, repeated ones too.
acknowledge() {
    local line done=0
    [ -f "$S.acknowledged" ] && done=$(cat "$S.acknowledged")
    updates | jq -c 'select(.uuid) | {agent_id, task_id, uuid}' | tail -n +$((done + 1)) >unacknowledged
    while read -r line; do
        done=$((done + 1))
        call "$(jq -c '{type: "ACKNOWLEDGE", acknowledge: .}' <<<"$line")"
    done <unacknowledged
    echo "$done" >"$S.acknowledged"
}
# reached TASK STATE [JQ]: such an update has come; everything is acknowledged on the way.
reached() {
    acknowledge
    [ -n "$(updates | jq -c "select(.task_id.value == \"$1\" and .state == \"$2\") | select(${3:-true})")" ]
}
wait_state() { retry 15 reached "$@" && acknowledge; }
update_of() { updates | jq -c "select(.task_id.value == \"$1\" and .state == \"$2\")" | tail -1; }
# offered HOST: all outstanding offers of that agent as one: the newest one, with the resources of all
# and their ids. Nothing when there is none.
offered() {
    touch used
    events "$S" | jq -cs --arg h "${1:-agent1.local}" --rawfile used used '
        (($used | split("\n")) + [.[] | select(.type == "RESCIND").rescind.offer_id.value]) as $gone |
        [.[] | select(.type == "OFFERS").offers.offers[] | select(.hostname == $h
            and ([.id.value] | inside($gone) | not))] | select(length > 0) |
        last + {resources: map(.resources[]), ids: map(.id)}'
}
# agent_id NAME: of an agent.
agent_id() { curl -s "$MASTER/state" | jq -r --arg n "${1:-agent1}" '.agents[] | select(.name == $n).id'; }
# forget: the offers are answered, so not outstanding any more.
forget() { offered "$@" | jq -r '.ids[].value' >>used; }
an_offer() { [ -n "$(offered "$@")" ]; }
# offer_with JQ [HOST]: what is offered satisfies JQ.
offer_with() { # jq -e would accept no offer at all
    offered "${2:-agent1.local}" >offer.now
    [ -s offer.now ] && jq -e "$1" offer.now >/dev/null
}
# reserved RESOURCE_ID NAME MB [DISK JSON]: a dynamically reserved scalar.
reserved() {
    jq -nc --arg id "$1" --arg name "$2" --argjson n "$3" --argjson disk "${4:-null}" '
        {name: $name, type: "SCALAR", scalar: {value: $n}, reservations: [{type: "DYNAMIC",
         role: "dse-role", principal: "dse-principal",
         labels: {labels: [{key: "resource_id", value: $id}]}}]}
        | if $disk then .disk = $disk else . end'
}
# accept OPERATIONS [HOST]: accepts all outstanding offers of that agent.
accept() {
    local offers
    offers=$(offered "${2:-agent1.local}")
    forget "${2:-agent1.local}"
    call "$(jq -nc --argjson o "$offers" --argjson ops "$1" '{type: "ACCEPT",
        accept: {offer_ids: $o.ids, operations: $ops, filters: {refuse_seconds: 0}}}')"
}
# group TASK COMMAND [JQ]: a LAUNCH_GROUP on unreserved resources of agent1, with executor e-TASK.
group() {
    jq -nc --arg t "$1" --arg c "$2" --arg f "$F" --arg a "$(agent_id agent1)" '
        def r(n; v): {name: n, type: "SCALAR", scalar: {value: v}};
        {type: "LAUNCH_GROUP", launch_group: {
         executor: {type: "DEFAULT", executor_id: {value: "e-\($t)"}, framework_id: {value: $f},
                    resources: [r("cpus"; 0.1), r("mem"; 32), r("disk"; 8)]},
         task_group: {tasks: [{name: $t, task_id: {value: $t}, agent_id: {value: $a},
                    resources: [r("cpus"; 0.1), r("mem"; 32)], command: {value: $c}}]}}}
        | .launch_group.task_group.tasks[0] |= ('"${3:-.}"')'
}
launch() {
    retry 5 an_offer
    accept "[$(group "$@")]"
    [ "$STATUS" = 202 ]
}
sandbox() { curl -s "$MASTER/state" | jq -r ".frameworks[].tasks[] | select(.id == \"$1\").directory"; }
gone() { ! kill -0 "$1" 2>/dev/null; }
