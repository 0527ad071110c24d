# dse-mesos against a scripted master (tests/tools/fakemaster.py).
load helpers
load zookeeper

wire() { "$BUILD/tools/wire" "$@"; }

setup() {
    T=$BATS_TEST_TMPDIR
    MASTERS=0
    SUBSCRIBE='{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}'
    SUBSCRIBED='{"type":"SUBSCRIBED","subscribed":{"framework_id":{"value":"F"},"heartbeat_interval_seconds":15.0}}'
    HEARTBEAT='{"type":"HEARTBEAT"}'
    UPDATE='{"type":"UPDATE","update":{"status":{"task_id":{"value":"t"},"state":"TASK_RUNNING","uuid":"AAECAwQFBgcICQoLDA0ODw=="}}}'
}

teardown() {
    exec 7>&- 2>/dev/null || true
    stop_all
}

# events NAME LINE...: an event stream for the master, protobuf and JSON.
events() {
    local name=$1
    shift
    printf '%s\n' "$@" | wire encode event >"$T/$name.pb"
    local line
    for line in "$@"; do printf '%s\n%s' "${#line}" "$line"; done >"$T/$name.json"
}

# master NAME SCRIPT [ADDRESS]: starts a scripted master with files of $T; its URL goes to $URL_NAME.
master() {
    mkdir "$T/$1"
    printf '%s' "$2" >"$T/$1/script.json"
    ln -s "$T"/*.pb "$T"/*.json "$T/$1/" 2>/dev/null || true
    start_bg "$1" python3 "$TOP/tests/tools/fakemaster.py" "$T/$1" "${3:-127.0.0.1}"
    retry 10 test -s "$T/$1/port"
    printf -v "URL_$1" 'http://%s:%s' "${3:+[}${3:-127.0.0.1}${3:+]}" "$(cat "$T/$1/port")"
}

# link OPTION...: starts dse-mesos with calls from descriptor 7 and events in $T/events.
link() {
    mkfifo "$T/calls"
    dse-mesos --backoff 0.05 --backoff-max 0.1 "$@" <"$T/calls" >"$T/events" 2>"$T/link.err" 3>&- &
    echo $! >"$T/link.pid"
    exec 7>"$T/calls"
}
call() { printf '%s\n' "$@" >&7; }
# leaves STATUS: end of input; the link ends with that status.
leaves() {
    exec 7>&-
    gone "$1"
}
gone() {
    local pid status=0
    pid=$(cat "$T/link.pid")
    timeout 20 tail --pid="$pid" -f /dev/null || { echo "still running"; return 1; }
    wait "$pid" || status=$?
    rm -f "$T/link.pid"
    [ "$status" -eq "$1" ] || { echo "status $status"; cat "$T/link.err"; return 1; }
}
types() { jq -r .type "$T/events" | paste -sd' '; }
has_types() { [ "$(types)" = "$1" ] || { types; return 1; }; }
has_events() { [ "$(grep -c . "$T/events")" -ge "$1" ]; }
has_bytes() { [ "$(wc -c <"$T/events")" -ge "$1" ]; }
requests() { [ "$(cat "$T/$1/requests" 2>/dev/null | wc -l)" -ge "$2" ]; }
tries() { [ "$(grep -c 'connecting again' "$T/link.err")" -ge "$1" ]; }
leads_again() { [ "$(grep -cx "dse-mesos: .* info: leading master: $1" "$T/link.err")" -eq "$2" ]; }
header() { sed -n "$2p" "$T/$1/requests" | jq -r ".headers[\"$3\"]"; }

@test "dse-mesos: subscribes with protobuf and writes events as lines" {
    events s "$SUBSCRIBED" "$HEARTBEAT" "$UPDATE"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]]}'
    link --master "$URL_m"
    retry 10 has_types DSE_CONNECTED
    call "$SUBSCRIBE"
    retry 10 has_types "DSE_CONNECTED SUBSCRIBED HEARTBEAT UPDATE"
    [ "$(jq -r .master <(head -1 "$T/events"))" = "$URL_m" ]
    diff <(tail -n +2 "$T/events" | jq -cS .) <(printf '%s\n' "$SUBSCRIBED" "$HEARTBEAT" "$UPDATE" | jq -cS .)
    [ "$(jq -r '.method + " " + .target' "$T/m/requests")" = "POST /api/v1/scheduler" ]
    [ "$(header m 1 content-type)" = application/x-protobuf ]
    [ "$(header m 1 accept)" = application/x-protobuf ]
    [ "$(header m 1 mesos-stream-id)" = null ]
    [ "$(header m 1 expect)" = null ]
    diff <(wire decode call <"$T/m/body-1" | jq -S .) <(jq -S . <<<"$SUBSCRIBE")
    leaves 0
}

@test "dse-mesos: the same with JSON on the wire, the call's bytes as they came" {
    events s "$SUBSCRIBED" "$UPDATE"
    master m '{"subscribe":[[{"open":"application/json"},{"file":"s.json"},{"hold":1}]]}'
    link --master "$URL_m" --wire json
    call '{"type": "SUBSCRIBE", "later": 1, "subscribe":{"framework_info":{"user":"u","name":"n"}}}'
    retry 10 has_types "DSE_CONNECTED SUBSCRIBED UPDATE"
    diff <(tail -n +2 "$T/events") <(printf '%s\n' "$SUBSCRIBED" "$UPDATE")
    [ "$(header m 1 content-type)" = application/json ]
    [ "$(header m 1 accept)" = application/json ]
    tail -n +2 "$T/m/body-1" | grep -qF '"type": "SUBSCRIBE", "later": 1'
    leaves 0
}

@test "dse-mesos: RecordIO protobuf calls are read too" {
    events s "$SUBSCRIBED"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],"calls":[[{"status":202}]]}'
    link --master "$URL_m"
    { printf '%s\n' "$SUBSCRIBE" '{"type":"TEARDOWN"}' | wire encode call; } >&7
    retry 10 requests m 2
    cmp "$T/m/body-2" <(wire encode call <<<'{"type":"TEARDOWN"}')
    leaves 0
}

@test "dse-mesos: chunks and reads may split records anywhere" {
    events s "$SUBSCRIBED" "$HEARTBEAT" "$UPDATE" "$UPDATE" "$HEARTBEAT"
    local split
    for split in 1 2 3 7 50; do
        rm -rf "$T/m" "$T/calls" "$T/events"
        master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb","split":'$split',"tear":'$split'},{"hold":1}]]}'
        link --master "$URL_m"
        call "$SUBSCRIBE"
        retry 10 has_types "DSE_CONNECTED SUBSCRIBED HEARTBEAT UPDATE UPDATE HEARTBEAT"
        leaves 0
        stop_bg m
    done
}

@test "dse-mesos: --output recordio hands the master's bytes on untouched" {
    # An event with a field that we do not know, and one of an unknown type.
    events s "$SUBSCRIBED" "$UPDATE"
    printf '7\n\x08\x08\x9a\x3f\x02hi2\n\x08\x63' >>"$T/s.pb"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb","split":3},{"await":"go"},{"end":1}]]}'
    link --master "$URL_m" --output recordio
    call "$SUBSCRIBE"
    retry 10 grep -qa DSE_CONNECTED "$T/events"
    size=$(($(head -1 "$T/events" | wc -c) + $(wc -c <"$T/s.pb")))
    retry 10 has_bytes "$size"
    touch "$T/m/go"
    retry 10 grep -qa DSE_DISCONNECTED "$T/events"
    cmp <(head -1 "$T/events"; cat "$T/s.pb") <(head -c "$size" "$T/events")
    tail -c +$((size + 1)) "$T/events" | head -1 | jq -e '.type == "DSE_DISCONNECTED"'
    leaves 0
}

@test "dse-mesos: calls go in order, one at a time, on one kept connection with the stream id" {
    events s "$SUBSCRIBED"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],"calls":[[{"delay":0.2},{"status":202}],[{"status":202}]]}'
    link --master "$URL_m"
    # All at once: what waits for the subscription is not lost.
    call "$SUBSCRIBE"
    for i in 1 2 3 4 5 6 7 8 9; do
        call "{\"type\":\"DECLINE\",\"framework_id\":{\"value\":\"F\"},\"decline\":{\"offer_ids\":[{\"value\":\"O$i\"}]}}"
    done
    leaves 0
    [ "$(grep -c . "$T/m/requests")" -eq 10 ]
    for i in 1 2 3 4 5 6 7 8 9; do
        wire decode call <"$T/m/body-$((i + 1))" | jq -e ".decline.offer_ids[0].value == \"O$i\""
        [ "$(header m $((i + 1)) mesos-stream-id)" = stream-1 ]
    done
    # One connection for all of them, another one than the stream's.
    [ "$(tail -n +2 "$T/m/requests" | jq .connection | sort -u | wc -l)" -eq 1 ]
    [ "$(head -1 "$T/m/requests" | jq .connection)" -ne "$(tail -1 "$T/m/requests" | jq .connection)" ]
}

@test "dse-mesos: a big call goes out whole" {
    events s "$SUBSCRIBED"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],"calls":[[{"status":202}]]}'
    link --master "$URL_m"
    call "$SUBSCRIBE"
    head -c 3000000 /dev/zero | tr '\0' x >"$T/big"
    printf '{"type":"MESSAGE","message":{"agent_id":{"value":"%s"},"executor_id":{"value":"e"},"data":""}}\n' "$(cat "$T/big")" >"$T/call"
    cat "$T/call" >&7
    leaves 0
    cmp <(wire encode call <"$T/call") "$T/m/body-2"
}

@test "dse-mesos: a refused call is reported with its status, and the next one goes out" {
    events s "$SUBSCRIBED"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],
        "calls":[[{"status":400,"body":"Failed to validate scheduler::Call"}],[{"status":500}],[{"status":202}]]}'
    link --master "$URL_m"
    call "$SUBSCRIBE" '{"type":"REVIVE"}' '{"type":"SUPPRESS","suppress":{}}' '{"type":"TEARDOWN"}'
    leaves 0
    has_types "DSE_CONNECTED SUBSCRIBED DSE_CALL_FAILED DSE_CALL_FAILED"
    sed -n 3p "$T/events" | jq -e '. == {type:"DSE_CALL_FAILED",call:{type:"REVIVE"},status:400,sent:"no",message:"Failed to validate scheduler::Call"}'
    sed -n 4p "$T/events" | jq -e '.call == {type:"SUPPRESS",suppress:{}} and .status == 500 and .sent == "unknown"'
    [ "$(grep -c . "$T/m/requests")" -eq 4 ]
}

@test "dse-mesos: a POST is not repeated when its kept connection dies" {
    events s "$SUBSCRIBED"
    # The second call is read whole on the kept connection, which then closes without an answer.
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],
        "calls":[[{"status":202}],[{"cut":1}],[{"status":202}]]}'
    link --master "$URL_m"
    call "$SUBSCRIBE" '{"type":"REVIVE"}' '{"type":"ACCEPT","accept":{"offer_ids":[{"value":"O"}]}}' '{"type":"SUPPRESS"}'
    leaves 0
    for n in 1 2 3 4; do wire decode call <"$T/m/body-$n" | jq -r .type; done | paste -sd' ' | tee "$T/order"
    [ "$(cat "$T/order")" = "SUBSCRIBE REVIVE ACCEPT SUPPRESS" ]
    [ "$(grep -c . "$T/m/requests")" -eq 4 ]
    [ "$(jq .connection "$T/m/requests" | sed -n 2,3p | uniq | wc -l)" -eq 1 ]
    has_types "DSE_CONNECTED SUBSCRIBED DSE_CALL_FAILED"
    tail -1 "$T/events" | jq -e '.call.type == "ACCEPT" and .status == 0 and .sent == "unknown"'
}

@test "dse-mesos: nor is a big one, cut while it is sent" {
    events s "$SUBSCRIBED"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],
        "calls":[[{"status":202}],[{"cut":1}],[{"status":202}]]}'
    link --master "$URL_m"
    head -c 3000000 /dev/zero | tr '\0' x >"$T/big"
    call "$SUBSCRIBE" '{"type":"REVIVE"}'
    printf '{"type":"MESSAGE","message":{"agent_id":{"value":"%s"},"executor_id":{"value":"e"},"data":""}}\n' "$(cat "$T/big")" >&7
    leaves 0
    [ "$(grep -c . "$T/m/requests")" -eq 3 ]
    tail -1 "$T/events" | jq -e '.call.type == "MESSAGE" and .sent == "unknown"'
}

@test "dse-mesos: a kept connection that was closed while idle is replaced in silence" {
    events s "$SUBSCRIBED"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],
        "calls":[[{"status":202},{"touch":"answered"},{"cut":1}],[{"status":202}]]}'
    link --master "$URL_m"
    call "$SUBSCRIBE" '{"type":"REVIVE"}'
    retry 10 test -e "$T/m/answered"
    call '{"type":"SUPPRESS"}'
    leaves 0
    has_types "DSE_CONNECTED SUBSCRIBED"
    [ "$(grep -c . "$T/m/requests")" -eq 3 ]
}

@test "dse-mesos: an answer that does not come in time is reported as unknown" {
    events s "$SUBSCRIBED"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],
        "calls":[[{"await":"never"}],[{"status":202}]]}'
    link --master "$URL_m" --call-timeout 0.2
    call "$SUBSCRIBE" '{"type":"REVIVE"}' '{"type":"SUPPRESS"}'
    leaves 0
    has_types "DSE_CONNECTED SUBSCRIBED DSE_CALL_FAILED"
    tail -1 "$T/events" | jq -e '.call.type == "REVIVE" and .status == 0 and .sent == "unknown"'
    [ "$(grep -c . "$T/m/requests")" -eq 3 ]
}

@test "dse-mesos: lost heartbeats end the stream; a new one follows behind the same pipe" {
    events s "${SUBSCRIBED/15.0/0.05}" "$HEARTBEAT"
    events long "$SUBSCRIBED" "$UPDATE"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}],
        [{"open":"application/x-protobuf"},{"file":"long.pb"},{"hold":1}]],"calls":[[{"status":202}]]}'
    link --master "$URL_m"
    call "$SUBSCRIBE"
    retry 10 has_types "DSE_CONNECTED SUBSCRIBED HEARTBEAT DSE_DISCONNECTED DSE_CONNECTED"
    jq -r 'select(.type == "DSE_DISCONNECTED") | .reason' "$T/events" | grep -qx 'no event for 0.250 s'
    call "$SUBSCRIBE" '{"type":"REVIVE"}'
    retry 10 has_types "DSE_CONNECTED SUBSCRIBED HEARTBEAT DSE_DISCONNECTED DSE_CONNECTED SUBSCRIBED UPDATE"
    retry 10 requests m 3
    [ "$(header m 3 mesos-stream-id)" = stream-2 ]
    leaves 0
}

@test "dse-mesos: any event counts as a heartbeat" {
    events s "${SUBSCRIBED/15.0/0.1}"
    events u "$UPDATE"
    local steps='{"open":"application/x-protobuf"},{"file":"s.pb"}'
    for i in 1 2 3 4 5 6 7 8 9 10; do steps+=',{"delay":0.1},{"file":"u.pb"}'; done
    master m '{"subscribe":[['"$steps"',{"touch":"done"},{"hold":1}]]}'
    link --master "$URL_m" --heartbeats 4
    call "$SUBSCRIBE"
    retry 10 test -e "$T/m/done"
    run ! grep -q DSE_DISCONNECTED "$T/events"
    retry 10 grep -q DSE_DISCONNECTED "$T/events"
    [ "$(grep -c '"UPDATE"' "$T/events")" -eq 10 ]
}

@test "dse-mesos: calls of a stream that ended are dropped and reported" {
    events s "$SUBSCRIBED"
    # The stream is cut while the first call waits for its answer.
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"await":"called"},{"cut":1}],
        [{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],
        "calls":[[{"touch":"called"},{"await":"never"}],[{"status":202}]]}'
    link --master "$URL_m"
    call "$SUBSCRIBE" '{"type":"REVIVE"}' '{"type":"KILL","kill":{"task_id":{"value":"1"}}}' '{"type":"SUPPRESS"}'
    retry 10 has_types "DSE_CONNECTED SUBSCRIBED DSE_CALL_FAILED DSE_CALL_FAILED DSE_CALL_FAILED DSE_DISCONNECTED DSE_CONNECTED"
    [ "$(jq -r 'select(.call) | .call.type + " " + .sent' "$T/events" | paste -sd,)" = "REVIVE unknown,KILL no,SUPPRESS no" ]
    # Written before the end was known, read after it: not for the next stream either.
    call '{"type":"TEARDOWN"}' "$SUBSCRIBE" '{"type":"REVIVE"}'
    leaves 0
    [ "$(tail -2 "$T/events" | jq -r '.type + " " + (.call.type // "") + (.sent // "")' | paste -sd,)" = "DSE_CALL_FAILED TEARDOWNno,SUBSCRIBED " ]
    [ "$(grep -c . "$T/m/requests")" -eq 4 ]
}

@test "dse-mesos: an answer about the stream id ends the stream" {
    events s "$SUBSCRIBED"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],
        "calls":[[{"status":400,"body":"The stream ID '"'x'"' included in this request didn'"'"'t match the stream ID currently associated with framework ID F"}],[{"status":202}]]}'
    link --master "$URL_m"
    call "$SUBSCRIBE" '{"type":"REVIVE"}' '{"type":"SUPPRESS"}'
    retry 10 has_types "DSE_CONNECTED SUBSCRIBED DSE_CALL_FAILED DSE_CALL_FAILED DSE_DISCONNECTED DSE_CONNECTED"
    sed -n 3p "$T/events" | jq -e '.call.type == "REVIVE" and .status == 400 and .sent == "no"'
    sed -n 4p "$T/events" | jq -e '.call.type == "SUPPRESS" and .status == 0 and .sent == "no"'
    leaves 0
}

@test "dse-mesos: the end of a stream, clean or not, is a new connection; ERROR is passed on" {
    events s "$SUBSCRIBED"
    events e '{"type":"ERROR","error":{"message":"Framework has been removed"}}'
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"end":1}],
        [{"open":"application/x-protobuf"},{"file":"s.pb"},{"cut":1}],
        [{"open":"application/x-protobuf"},{"file":"e.pb"},{"end":1},{"cut":1}],[{"cut":1}]]}'
    link --master "$URL_m"
    call "$SUBSCRIBE"
    retry 10 has_types "DSE_CONNECTED SUBSCRIBED DSE_DISCONNECTED DSE_CONNECTED"
    call "$SUBSCRIBE"
    retry 10 has_events 7
    call "$SUBSCRIBE"
    retry 10 has_events 10
    call "$SUBSCRIBE"
    retry 10 has_types "DSE_CONNECTED SUBSCRIBED DSE_DISCONNECTED DSE_CONNECTED SUBSCRIBED DSE_DISCONNECTED DSE_CONNECTED ERROR DSE_DISCONNECTED DSE_CONNECTED DSE_CALL_FAILED DSE_DISCONNECTED DSE_CONNECTED"
    sed -n 8p "$T/events" | jq -e '.error.message == "Framework has been removed"'
    sed -n 11p "$T/events" | jq -e '.call.type == "SUBSCRIBE" and .sent == "unknown" and .status == 0'
    leaves 0
}

@test "dse-mesos: what is no event stream is refused with a reason" {
    printf 'hello' >"$T/bad.pb"
    printf '2\n\xff\xff' >"$T/worse.pb"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"bad.pb"},{"hold":1}],
        [{"open":"application/x-protobuf"},{"file":"worse.pb"},{"hold":1}],
        [{"open":"text/html"},{"file":"bad.pb"},{"hold":1}],
        [{"status":503,"body":"No leader elected"}]]}'
    link --master "$URL_m"
    for i in 1 2 3 4; do
        retry 10 has_events $((i * 3 - 2))
        call "$SUBSCRIBE"
    done
    retry 10 has_events 13
    jq -r 'select(.type == "DSE_DISCONNECTED") | .reason' "$T/events" | tee "$T/reasons"
    grep -q "record 1: its length is not a number" "$T/reasons"
    grep -q "not a Event message (2 bytes): broken at byte 0" "$T/reasons"
    grep -q "answers with 'text/html' instead of application/x-protobuf" "$T/reasons"
    grep -q "cannot subscribe: status 503: No leader elected" "$T/reasons"
    leaves 0
}

@test "dse-mesos: a redirect leads to the leader, and back to the start when that fails" {
    events s "$SUBSCRIBED"
    master leader '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"await":"go"},{"cut":1}]]}'
    master m '{"subscribe":[[{"status":307,"headers":{"Location":"'"${URL_leader#http:}"'/api/v1/scheduler"}}]]}'
    link --master "$URL_m"
    call "$SUBSCRIBE"
    retry 10 has_types "DSE_CONNECTED DSE_CALL_FAILED DSE_DISCONNECTED DSE_CONNECTED"
    sed -n 2p "$T/events" | jq -e '.status == 307 and .sent == "no"'
    [ "$(sed -n 4p "$T/events" | jq -r .master)" = "$URL_leader" ]
    call "$SUBSCRIBE"
    retry 10 grep -q '"SUBSCRIBED"' "$T/events"
    touch "$T/leader/go"
    retry 10 has_types "DSE_CONNECTED DSE_CALL_FAILED DSE_DISCONNECTED DSE_CONNECTED SUBSCRIBED DSE_DISCONNECTED DSE_CONNECTED"
    [ "$(tail -1 "$T/events" | jq -r .master)" = "$URL_m" ]
    leaves 0
}

@test "dse-mesos: a connection that ends with its answer is not used again" {
    local i
    events s "$SUBSCRIBED"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],
        "calls":[[{"raw":"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n","last":1}]]}'
    link --master "$URL_m"
    call "$SUBSCRIBE"
    for i in 1 2 3 4 5 6; do call '{"type":"REVIVE"}'; done
    leaves 0
    has_types "DSE_CONNECTED SUBSCRIBED"
    [ "$(grep -c . "$T/m/requests")" -eq 7 ]
    [ "$(jq -s 'map(.connection) | unique | length' "$T/m/requests")" -eq 7 ]
}

@test "dse-mesos: HTTP in other words: 1.0, an interim answer, capitals, extensions of chunks" {
    events s "$SUBSCRIBED"
    local json=${#SUBSCRIBED}$'\n'$SUBSCRIBED
    jq -n --arg r "$json" --arg size "$(printf '%x' "${#json}")" '
        "Content-Type: Application/JSON; charset=utf-8\r\nmesos-stream-id:  right \r\n" as $head |
        {subscribe: [[{raw: "HTTP/1.0 200 OK\r\n\($head)\r\n\($r)"}, {await: "go"}, {cut: 1}],
            [{raw: ("HTTP/1.1 100 Continue\r\nMesos-Stream-Id: wrong\r\n\r\nHTTP/1.1 200 OK\r\n\($head)" +
                "Transfer-Encoding: chunked\r\n\r\n\($size);x=\"y\"\r\n\($r)\r\n")}, {hold: 1}]],
         calls: [[{raw: "HTTP/1.0 202 Accepted\r\n\r\n", last: 1}]]}' >"$T/script"
    master m "$(cat "$T/script")"
    link --wire json --master "$URL_m"
    call "$SUBSCRIBE" '{"type":"REVIVE"}' '{"type":"SUPPRESS"}'
    retry 10 requests m 3
    touch "$T/m/go"
    retry 10 has_types "DSE_CONNECTED SUBSCRIBED DSE_DISCONNECTED DSE_CONNECTED"
    call "$SUBSCRIBE"
    retry 10 has_events 5
    call '{"type":"REVIVE"}'
    leaves 0
    has_types "DSE_CONNECTED SUBSCRIBED DSE_DISCONNECTED DSE_CONNECTED SUBSCRIBED"
    [ "$(header m 5 mesos-stream-id)" = right ]
}

@test "dse-mesos: a redirect without a port is to port 80; one that leads nowhere is named" {
    master m '{"subscribe":[[{"status":307,"headers":{"Location":"//127.0.0.99/api/v1/scheduler"}}],
        [{"status":307,"headers":{"Location":"https://127.0.0.99:5050/api/v1/scheduler"}}],
        [{"status":307}]]}'
    link --master "$URL_m"
    local i
    for i in 1 2 3; do
        retry 10 has_events $((3 * i - 2))
        call "$SUBSCRIBE"
    done
    retry 10 has_events 10
    jq -r 'select(.type == "DSE_DISCONNECTED") | .reason' "$T/events" >"$T/reasons"
    diff "$T/reasons" - <<'END'
http://127.0.0.99:80 leads
cannot subscribe: status 307: it sends us to 'https://127.0.0.99:5050/api/v1/scheduler', which is not http://HOST:PORT
cannot subscribe: status 307: it does not say who leads
END
    leaves 0
}

@test "dse-mesos: a reader that stops pauses the subscription, not the calls" {
    events s "${SUBSCRIBED/15.0/0.05}"
    printf '%s\n' "${UPDATE/TASK_RUNNING\"/TASK_RUNNING\",\"message\":\"$(head -c 10000 /dev/zero | tr '\0' m)\"}" |
        wire encode event >"$T/u.pb"
    # 40 MB, more than all buffers between hold; then silence.
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"repeat":"u.pb","count":4000},{"touch":"sent"},{"hold":1}]],
        "calls":[[{"status":202}]]}'
    mkfifo "$T/calls" "$T/out"
    dse-mesos --master "$URL_m" --backoff 0.05 <"$T/calls" >"$T/out" 2>"$T/link.err" 3>&- &
    echo $! >"$T/link.pid"
    exec 7>"$T/calls" 8<"$T/out"
    call "$SUBSCRIBE"
    # Nothing is read. Calls go through for far longer than the watchdog's 0.25 s.
    for i in $(seq 2 12); do
        call '{"type":"REVIVE"}'
        retry 10 requests m "$i"
        sleep 0.1
    done
    [ ! -e "$T/m/sent" ]
    kill -0 "$(cat "$T/link.pid")"
    cat <&8 >"$T/events" 7>&- 3>&- &
    echo $! >"$T/cat.pid"
    # All of it arrives; then the silence counts again.
    retry 20 grep -q DSE_DISCONNECTED "$T/events"
    [ "$(grep -c '"UPDATE"' "$T/events")" -eq 4000 ]
    [ "$(grep -c DSE_CALL_FAILED "$T/events")" -eq 0 ]
    exec 8<&-
    leaves 0
}

@test "dse-mesos: the reader's end is the link's end" {
    events s "$SUBSCRIBED"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]]}'
    mkfifo "$T/calls" "$T/out"
    dse-mesos --master "$URL_m" <"$T/calls" >"$T/out" 2>"$T/link.err" 3>&- &
    echo $! >"$T/link.pid"
    exec 7>"$T/calls" 8<"$T/out"
    call "$SUBSCRIBE"
    retry 10 requests m 1
    exec 8<&-
    gone 0
}

@test "dse-mesos: TERM ends it" {
    events s "$SUBSCRIBED"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]]}'
    link --master "$URL_m"
    call "$SUBSCRIBE"
    retry 10 grep -q '"SUBSCRIBED"' "$T/events"
    kill -TERM "$(cat "$T/link.pid")"
    gone 0
}

@test "dse-mesos: calls without a subscription, and a second one, are refused" {
    events s "$SUBSCRIBED"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]]}'
    link --master "$URL_m"
    call '{"type":"REVIVE"}' "$SUBSCRIBE"
    retry 10 grep -q '"SUBSCRIBED"' "$T/events"
    call "$SUBSCRIBE"
    leaves 0
    [ "$(jq -r 'select(.call) | .call.type + " " + .sent + " " + .message' "$T/events" | paste -sd,)" = \
        "REVIVE no there is no subscription,SUBSCRIBE no there is a subscription already" ]
    [ "$(grep -c . "$T/m/requests")" -eq 1 ]
}

@test "dse-mesos: records that are no calls are refused, and the rest is sent" {
    events s "$SUBSCRIBED"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],"calls":[[{"status":202}]]}'
    link --master "$URL_m"
    call "$SUBSCRIBE" 'hello' '{"type":"KILL","kill":{"task_id":{}}}' '{"type":"FLY"}' '{"type":' '{"type":"REVIVE"}'
    leaves 3
    grep -q "record 2: starts with 'h', neither a JSON object nor a record length" "$T/link.err"
    grep -q 'record 3: call: kill.task_id.value: required, but missing' "$T/link.err"
    grep -q 'record 4: call: it has no type that is known' "$T/link.err"
    [ "$(jq -c 'select(.type == "DSE_CALL_FAILED") | .call' "$T/events" | paste -sd' ')" = \
        '{"type":"KILL","kill":{"task_id":{}}} {"type":"FLY"} null' ]
    [ "$(grep -c . "$T/m/requests")" -eq 2 ]
    # An end inside a record.
    run -3 --separate-stderr dse-mesos --master "$URL_m" < <(printf '10\nabc')
    [[ $stderr == *"ends inside record 1"* ]]
    # Broken framing is final.
    run -3 --separate-stderr dse-mesos --master "$URL_m" < <(printf '1x\n%s\n' "$SUBSCRIBE")
    [[ $stderr == *"its length is not a number"* ]]
}

@test "dse-mesos: credentials come from a file and are shown nowhere" {
    events s "$SUBSCRIBED"
    echo 'dse-principal geheim' >"$T/plain"
    echo '{"principal":"dse-principal","secret":"geheim"}' >"$T/object"
    master m '{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],"calls":[[{"status":202}]]}'
    local file
    for file in plain object; do
        rm -f "$T/calls" "$T/m/requests"
        FRAMEWORK_LOG_LEVEL=DEBUG link --master "$URL_m" --credentials "$T/$file"
        call "$SUBSCRIBE" '{"type":"REVIVE"}'
        retry 10 requests m 2
        run ! grep -qa geheim "/proc/$(cat "$T/link.pid")/cmdline"
        leaves 0
        [ "$(header m 1 authorization)" = "Basic $(printf dse-principal:geheim | base64)" ]
        [ "$(header m 2 authorization)" = "Basic $(printf dse-principal:geheim | base64)" ]
        run ! grep -qE "geheim|$(printf dse-principal:geheim | base64)" "$T/events" "$T/link.err"
    done
    echo 'geheim' >"$T/broken"
    run -3 --separate-stderr dse-mesos --master "$URL_m" --credentials "$T/broken" </dev/null
    [[ $stderr == *"'$T/broken': its first line is not 'PRINCIPAL SECRET'"* ]]
    [[ $stderr != *geheim* ]]
    run -4 dse-mesos --master "$URL_m" --credentials "$T/none" </dev/null
}

@test "dse-mesos: refused credentials end it with status 6" {
    master m '{"subscribe":[[{"status":401,"body":"who are you"}]]}'
    link --master "$URL_m"
    call "$SUBSCRIBE"
    gone 6
    has_types "DSE_CONNECTED DSE_CALL_FAILED DSE_DISCONNECTED"
    grep -q "dse-mesos: cannot subscribe at '$URL_m': status 401: who are you" "$T/link.err"
}

@test "dse-mesos: a master that is not there is tried again; at the end of input that is status 4" {
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    link --master "http://127.0.0.1:$port"
    retry 10 tries 3
    [ ! -s "$T/events" ]
    call "$SUBSCRIBE"
    leaves 4
    jq -e '.type == "DSE_CALL_FAILED" and .call.type == "SUBSCRIBE" and .sent == "no"' "$T/events"
    # Nothing to do: nothing wrong.
    run -0 dse-mesos --master "http://127.0.0.1:$port" </dev/null
    [ -z "${lines[1]}" ] || [[ ${lines[*]} == *"leading master"* ]]
}

@test "dse-mesos: a master that takes the connection and says nothing is given up" {
    master m '{"subscribe":[[{"hold":1}]]}'
    link --master "$URL_m" --heartbeat 0.05 --heartbeats 3
    call "$SUBSCRIBE" '{"type":"REVIVE"}'
    retry 10 has_types "DSE_CONNECTED DSE_CALL_FAILED DSE_CALL_FAILED DSE_DISCONNECTED DSE_CONNECTED"
    [ "$(jq -r 'select(.call) | .call.type + " " + .sent + " " + .message' "$T/events" | paste -sd,)" = \
        "SUBSCRIBE unknown no event for 0.150 s,REVIVE no no event for 0.150 s" ]
    leaves 0
}

@test "dse-mesos: usage" {
    run -2 dse-mesos </dev/null
    [[ $output == *"no master: give --master URL or set DSE_MASTER"* ]]
    run -2 dse-mesos --master ftp://x </dev/null
    [[ $output == *"'ftp://x' is neither http://HOST:PORT nor zk://"* ]]
    run -2 dse-mesos --master http://u:secret@x </dev/null
    [[ $output != *secret* ]]
    run -2 dse-mesos --master http://x --wire json --output recordio </dev/null
    run -2 dse-mesos --master http://x operand </dev/null
}

# info URL: what a master writes into ZooKeeper.
info() { printf '{"address":{"hostname":"h","ip":"127.0.0.1","port":%s},"pid":"master@127.0.0.1:1"}' "${1##*:}"; }

@test "dse-mesos: follows the leader in ZooKeeper" {
    requires zookeeper
    events s "$SUBSCRIBED"
    local script='{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],"calls":[[{"status":202}]]}'
    master one "$script"
    master two "$script"
    start_zk
    # Before there is a server, a directory, a master: it waits.
    link --master "zk://$ZK/mesos"
    zk create /mesos/log_replicas/0 ''
    sleep 0.3
    [ ! -s "$T/events" ]
    zk create /mesos/json.info_ "$(info "$URL_one")" >"$T/first"
    retry 10 has_types DSE_CONNECTED
    [ "$(jq -r .master "$T/events")" = "$URL_one" ]
    call "$SUBSCRIBE" '{"type":"REVIVE"}'
    retry 10 requests one 2
    # A second master does not lead yet.
    zk create /mesos/json.info_ "$(info "$URL_two")" >"$T/second"
    sleep 0.3
    has_types "DSE_CONNECTED SUBSCRIBED"
    zk delete "$(cat "$T/first")"
    retry 10 has_types "DSE_CONNECTED SUBSCRIBED DSE_DISCONNECTED DSE_CONNECTED"
    [ "$(tail -1 "$T/events" | jq -r .master)" = "$URL_two" ]
    [ "$(sed -n 3p "$T/events" | jq -r .reason)" = "$URL_two leads" ]
    call "$SUBSCRIBE"
    retry 10 requests two 1
    # No leader: what is open stands.
    zk delete "$(cat "$T/second")"
    retry 10 grep -q 'leading master: none' "$T/link.err"
    has_types "DSE_CONNECTED SUBSCRIBED DSE_DISCONNECTED DSE_CONNECTED SUBSCRIBED"
    call '{"type":"REVIVE"}'
    retry 10 requests two 2
    # A node that cannot be read is said.
    zk create /mesos/other_ x >"$T/third"
    retry 10 grep -q "cannot read the leading master's node 'other_0000000003': unknown label" "$T/link.err"
    zk delete "$(cat "$T/third")"
    leaves 0
}

@test "dse-mesos: IPv6: a master's address, and servers of ZooKeeper among names" {
    requires zookeeper ipv6
    events s "$SUBSCRIBED"
    local script='{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]],"calls":[[{"status":202}]]}' n=0 master
    master one "$script" ::1
    start_zk "$T/zookeeper" ::1
    zk create /masters/mesos/json.info_ '{"address":{"ip":"::1","port":'"${URL_one##*:}"'},"pid":"x"}' >/dev/null
    for master in "$URL_one" "zk://$ZK/masters/mesos" "zk://localhost:1,$ZK/masters/mesos"; do
        DSE_MASTER=$master link
        retry 20 has_types DSE_CONNECTED
        [ "$(jq -r .master "$T/events")" = "$URL_one" ]
        call "$SUBSCRIBE" '{"type":"REVIVE"}'
        retry 10 has_types "DSE_CONNECTED SUBSCRIBED"
        retry 10 requests one $((n += 2))
        leaves 0
        rm "$T/calls"
    done
    [ "$(header one 1 host)" = "[::1]:${URL_one##*:}" ]
}

@test "dse-mesos: a master that is elected again is tried at once, also at the same address" {
    requires zookeeper
    events s "$SUBSCRIBED"
    master one '{"subscribe":[[{"status":503,"body":"No leader elected"}],[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]]}'
    start_zk
    zk create /mesos/json.info_ "$(info "$URL_one")" >"$T/first"
    link --master "zk://$ZK/mesos" --backoff 3600 --backoff-max 3600
    call "$SUBSCRIBE"
    retry 10 tries 1
    # Restarted before its old session is over: the node changes, and no moment is without a leader.
    zk create /mesos/json.info_ "$(info "$URL_one")" >/dev/null
    zk delete "$(cat "$T/first")"
    retry 10 has_types "DSE_CONNECTED DSE_CALL_FAILED DSE_DISCONNECTED DSE_CONNECTED"
    call "$SUBSCRIBE"
    leaves 0
}

@test "dse-mesos: ZooKeeper gone and back" {
    requires zookeeper
    events s "$SUBSCRIBED"
    local script='{"subscribe":[[{"open":"application/x-protobuf"},{"file":"s.pb"},{"await":"go"},{"cut":1}],[{"open":"application/x-protobuf"},{"file":"s.pb"},{"hold":1}]]}'
    master one "$script"
    master two "$script"
    start_zk
    zk create /mesos/json.info_ "$(info "$URL_one")" >"$T/first"
    link --master "zk://$ZK/mesos"
    call "$SUBSCRIBE"
    retry 10 has_types "DSE_CONNECTED SUBSCRIBED"
    stop_bg zookeeper KILL
    # The last answer stands: a lost stream is made anew at the same master.
    touch "$T/one/go"
    retry 10 has_types "DSE_CONNECTED SUBSCRIBED DSE_DISCONNECTED DSE_CONNECTED"
    [ "$(tail -1 "$T/events" | jq -r .master)" = "$URL_one" ]
    call "$SUBSCRIBE"
    retry 10 has_types "DSE_CONNECTED SUBSCRIBED DSE_DISCONNECTED DSE_CONNECTED SUBSCRIBED"
    restart_zk 7>&-
    zk create /mesos/json.info_ "$(info "$URL_two")" >/dev/null
    zk delete "$(cat "$T/first")"
    retry 20 has_types "DSE_CONNECTED SUBSCRIBED DSE_DISCONNECTED DSE_CONNECTED SUBSCRIBED DSE_DISCONNECTED DSE_CONNECTED"
    [ "$(tail -1 "$T/events" | jq -r .master)" = "$URL_two" ]
    # A server that lost its data refuses the old session: a new one is made.
    stop_bg zookeeper KILL
    rm -rf "$T/zookeeper/data"
    restart_zk 7>&-
    zk create /mesos/json.info_ "$(info "$URL_one")" >/dev/null
    retry 20 leads_again "$URL_one" 2
    leaves 0
}
