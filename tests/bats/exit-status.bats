# Exit statuses, one of each (dse(7), EXIT STATUS), and bad input at each program: a message with place and
# cause, nothing changed.
load helpers

setup() {
    export DSE_STORE=dir:$PWD/state FRAMEWORK_LOG_LEVEL=OFF
    local data=$TOP/tests/data/offers
    dse-render --no-environment "$data/lifecycle.yml" >spec.json
    "$BUILD/tools/fixture" load "$DSE_STORE" "$data/lifecycle.json" spec.json
}
teardown() { stop_all; }

# ends STATUS MESSAGE COMMAND...: that status, one line on stderr that begins so, nothing on stdout.
ends() {
    local want=$1 message=$2
    shift 2
    run --separate-stderr timeout 30 "$@"
    echo "$* ends with $status: $stderr"
    [ "$status" -eq "$want" ]
    [[ $stderr == "$message"* ]]
    [ "$want" -eq 1 ] || [ -z "$output" ]
}

@test "0: done, or yes" {
    run -0 dse-state framework-id
    run -0 dse-plan show deploy --exit-zero
}

@test "1: the answer is no" {
    ends 1 '' dse-plan show deploy
    ends 1 "dse-plan: no such plan 'x'; there are: " dse-plan show x
    ends 1 "dse-state: no such node 'x'" dse-state get x
}

@test "2: wrong command line, in each program alike" {
    local program
    for program in "$BUILD"/bin/dse-*; do
        [ -f "$program" ] || continue
        program=$(basename "$program")
        case $program in dse-bootstrap) continue ;; esac # the original's flags
        ends 2 "$program: unknown option '--nonsense'" "$program" --nonsense
        [[ $stderr == *"try '$program --help'" ]]
    done
    ends 2 'dse-bootstrap: ' dse-bootstrap -nonsense
    ends 2 "dse-pod: " dse-pod replace dse-0 # what is lost is named, --yes is missing
}

@test "3: invalid input, with its place, and nothing is changed" {
    dse-state dump >before
    printf 'name: x\npods:\n  a: { count: one }\n' >svc.yml
    ends 3 'dse-render: svc.yml:3:15: pods.a.count: ' dse-render svc.yml
    printf '{"name": \n' >bad.json
    ends 3 'dse-plan: bad.json:' dse-plan update bad.json
    ends 3 'dse-plan: bad.json:' dse-plan diff bad.json
    ends 3 'dse-offers: ' sh -c 'echo "{\"type\": " | dse-offers'
    [[ $stderr == *'line 1'* || $stderr == *':1:'* ]]
    ends 3 'dse-offers: bad.json:' dse-offers explain --offers bad.json
    ends 3 'dse-state: bad.json:' dse-state load --force bad.json
    ends 3 'dse-state: bad.json:' dse-state --store "dir:$PWD/other" load bad.json
    [ ! -e other/Tasks ]
    ends 3 'dse-pod: bad.json:' dse-pod --dump bad.json list
    ends 3 'dse-local: bad.json:' dse-local --topology bad.json --port 0
    : >token
    ends 3 "dse-http: " dse-http --port 0 --token-file token
    dse-state dump | diff before -
}

@test "4: a store, a master, a file that cannot be reached" {
    local program
    # Each waits for ten seconds: all at a time.
    for program in 'dse-plan list' 'dse-pod list' 'dse-state tasks' 'dse-offers reservations' 'dse-uninstall status'; do
        # shellcheck disable=SC2086 # program and verb
        { $program --store zk://127.0.0.1:1/dcos-service-x 2>&1 || echo "status $?"; } >"${program% *}.said" 3>&- &
    done
    ends 4 "dse-render: cannot open 'nowhere.yml': No such file or directory" dse-render nowhere.yml
    ends 4 'dse-state: ' sh -c 'dse-state dump >/dev/full'
    run --separate-stderr -4 dse-mesos --master http://127.0.0.1:1 \
        <<<'{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}'
    [ "$(jq -r .type <<<"$output")" = DSE_CALL_FAILED ]
    wait
    for program in dse-plan dse-pod dse-state dse-offers dse-uninstall; do
        [ "$(cat "$program.said")" = "$program: no answer from store 'zk://127.0.0.1:1/dcos-service-x' within 10 s: no server of '127.0.0.1:1' answers
status 4" ]
    done
}

@test "5: the lock is held" {
    start_bg holder "$BUILD/tools/store-hold" "$DSE_STORE" 'dse-offers host 77'
    retry 10 sh -c 'dse-state lock | grep -q host'
    dse-state dump >before
    ends 5 'dse-state: the lock of ' dse-state put Properties/x
    ends 5 'dse-offers: ' dse-offers --lock-wait 0
    dse-state dump | diff before -
}

@test "6: not authorised" {
    echo 'me secret' >credentials
    start_bg local dse-local --port 0 --port-file port --work-dir "$PWD/mesos" --credentials credentials
    retry 10 test -s port
    run --separate-stderr -6 timeout 30 dse-mesos --master "http://127.0.0.1:$(cat port)" \
        <<<'{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}'
    [[ $stderr == *401* ]]
}

@test "70: a bug of the toolkit, or no memory, which it does not survive either" {
    [[ $BUILD != *san* ]] || skip 'sanitizers need the addresses'
    yes 'bbbbbbbbbbbbbbbbbbbbbbbb: 1' | head -n 30000 | awk '{ print "a" NR $0 }' >big.yml
    local kb seen=''
    for kb in 24000 16000 12000 10000 8000; do
        run --separate-stderr sh -c "ulimit -v $kb; exec dse-render big.yml"
        echo "$kb KB: $status $stderr"
        [ "$status" -ne 70 ] || [ "$stderr" = 'out of memory' ]
        seen="$seen $status"
    done
    # Enough for the answer that the input is wrong, then not.
    [[ $seen == ' 3 '*' 70' ]]
    [ -z "$(tr -d ' 370' <<<"$seen")" ]
}

@test "124: --wait ran out" {
    ends 124 'dse-plan: ' dse-plan stop deploy --wait=0.2
    run --separate-stderr -124 dse-plan show deploy --wait=0.1
}
