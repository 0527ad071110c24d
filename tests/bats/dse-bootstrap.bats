#!/usr/bin/env bats
# dse-bootstrap: what a task does before its command (see service-spec 4.4).

load helpers

setup() {
    mkdir sandbox work
    export MESOS_SANDBOX=$PWD/sandbox MESOS_CONTAINER_IP=127.0.0.7
    unset LIBPROCESS_IP TASK_NAME FRAMEWORK_HOST
    cd work || exit 70
}

# A quiet run of the templates only.
render() { dse-bootstrap -resolve=false -print-env=false "$@"; }

template() { # NAME TEXT: config template NAME with that text, to NAME.out
    printf '%s' "$2" >"$MESOS_SANDBOX/$1.in"
    export "CONFIG_TEMPLATE_$1=$1.in,$1.out"
}

@test "the address is that of MESOS_CONTAINER_IP, without a newline" {
    LIBPROCESS_IP=127.0.0.9 dse-bootstrap -get-task-ip >out
    [ "$(od -c out | head -1 | tr -d ' ')" = "$(printf %s 127.0.0.7 | od -c | head -1 | tr -d ' ')" ]
}

@test "LIBPROCESS_IP comes second, the host name last" {
    unset MESOS_CONTAINER_IP
    [ "$(LIBPROCESS_IP=127.0.0.9 dse-bootstrap --get-task-ip)" = 127.0.0.9 ]
    [ "$(MESOS_CONTAINER_IP=0.0.0.0 LIBPROCESS_IP=::1 dse-bootstrap -get-task-ip)" = ::1 ]
}

@test "an address that is none is refused" {
    MESOS_CONTAINER_IP=here run -3 dse-bootstrap -get-task-ip
    [ "$output" = "dse-bootstrap: MESOS_CONTAINER_IP: 'here' is not an address" ]
}

@test "templates see the container's address" {
    template A '{{LIBPROCESS_IP}} {{MESOS_CONTAINER_IP}}'
    LIBPROCESS_IP=0.0.0.0 render
    [ "$(cat A.out)" = "127.0.0.7 127.0.0.7" ]
}

@test "secrets are masked in the printed environment" {
    MY_PassWord=hunter2 a_token_of=hunter3 PLAIN=shown run -0 dse-bootstrap -resolve=false
    [[ $output == *$'\nMY_PassWord=********\n'* ]]
    [[ $output == *$'\na_token_of=********\n'* ]]
    [[ $output == *$'\nPLAIN=shown\n'* ]]
    [[ $output != *hunter* ]]
    PLAIN=shown run -0 dse-bootstrap -resolve=false -print-env=false
    [[ $output != *PLAIN* ]]
}

@test "a template is rendered from the environment, by the rules of that program" {
    template A $'a={{X}}\nb={{{X}}}\n{{#OFF}}\nno\n{{/OFF}}\n  {{^OFF}}  \nyes {{OFF}}\n{{/OFF}}\n[{{NONE}}]\n'
    X='<"a=b`&'"'" OFF=False render
    printf '%s\n' 'a=&lt;&#34;a=b`&amp;&#39;' "b=<\"a=b\`&'" 'yes false' '[]' >expected
    diff expected A.out
}

@test "blank counts as false" {
    template A '{{#B}}true{{/B}}{{^B}}false{{/B}}'
    B='  ' render
    [ "$(cat A.out)" = false ]
}

@test "a value is inserted once" {
    template A '{{{X}}}'
    X='{{HOME}}' render
    [ "$(cat A.out)" = '{{HOME}}' ]
}

@test "the destination is overwritten in place, keeping its mode" {
    template A new
    echo something longer >A.out
    chmod 600 A.out
    render
    [ "$(cat A.out)" = new ]
    [ "$(stat -c %a A.out)" = 600 ]
}

@test "several templates, destinations in folders" {
    mkdir conf "$MESOS_SANDBOX/config-templates"
    echo one >"$MESOS_SANDBOX/config-templates/one"
    echo two >"$MESOS_SANDBOX/config-templates/two"
    CONFIG_TEMPLATE_ONE=config-templates/one,conf/1 CONFIG_TEMPLATE_TWO=config-templates/two,conf/2,x render
    [ "$(cat conf/1 conf/2,x)" = $'one\ntwo' ]
}

@test "-template=false leaves CONFIG_TEMPLATE_ variables alone" {
    CONFIG_TEMPLATE_PATH=datastax-dse-scheduler run -3 render
    [[ $output == *"cannot render CONFIG_TEMPLATE_PATH: 'datastax-dse-scheduler' is not SOURCE,DESTINATION" ]]
    CONFIG_TEMPLATE_PATH=datastax-dse-scheduler run -0 render -template=false
}

@test "bad templates name file and place; nothing is written" {
    template A $'fine\n{{#X}}'
    run -3 render
    [[ $output == *"cannot render CONFIG_TEMPLATE_A: "*"/sandbox/A.in:2:"* ]]
    [ ! -e A.out ]
    CONFIG_TEMPLATE_A=none,A.out run -4 render
    [[ $output == *"cannot read template '$MESOS_SANDBOX/none': No such file"* ]]
    CONFIG_TEMPLATE_A=.,A.out run -3 render
    [[ $output == *"is not a regular file"* ]]
    CONFIG_TEMPLATE_A=A.in,no/such/folder run -3 render
    template A fine
    CONFIG_TEMPLATE_A=A.in,no/folder run -4 render
    [[ $output == *"cannot write 'no/folder': No such file"* ]]
    unset MESOS_SANDBOX
    run -3 render
    [[ $output == *"MESOS_SANDBOX is not set" ]]
}

@test "a template beyond the limit is refused" {
    template A 12345
    run -3 render -template-max-bytes=4
    [[ $output == *"has 5 bytes, more than 4: see -template-max-bytes" ]]
    [ ! -e A.out ]
    run -0 render -template-max-bytes 5
    run -0 render -template-max-bytes=0
}

@test "waits for the task's own name, which must resolve to the own address" {
    export TASK_NAME=127 FRAMEWORK_HOST=0.0.9
    run -124 dse-bootstrap -print-env=false -resolve-timeout=1ms
    [[ $output == *"time ran out while waiting for '127.0.0.9': it resolves to 127.0.0.9, not to this container's 127.0.0.7"* ]]
    MESOS_CONTAINER_IP=127.0.0.9 run -0 dse-bootstrap -print-env=false
    [[ $output == *"waiting until '127.0.0.9' resolves to 127.0.0.9"* ]]
    # Other hosts may be anywhere; the own one is looked at behind them.
    MESOS_CONTAINER_IP=127.0.0.9 run -0 dse-bootstrap -print-env=false -resolve-hosts=127.0.0.1
    [[ $output == *"'127.0.0.1' resolves to 127.0.0.1"*"'127.0.0.9' resolves to 127.0.0.9"* ]]
    run -124 dse-bootstrap -print-env=false -resolve-hosts=127.0.0.1 -resolve-timeout=1ms
    [[ $output == *"'127.0.0.1' resolves to 127.0.0.1"*"time ran out while waiting for '127.0.0.9'"* ]]
    unset TASK_NAME
    run -3 dse-bootstrap -print-env=false -resolve-hosts=127.0.0.1
    [[ $output == *"TASK_NAME and FRAMEWORK_HOST are not both set: give -self-resolve=false" ]]
    run -0 dse-bootstrap -print-env=false -resolve-hosts ' localhost,, 127.0.0.1' -self-resolve=false
    [[ $output == *"'localhost' resolves to "*"'127.0.0.1' resolves to 127.0.0.1"* ]]
}

@test "a name that does not resolve ends with status 124 in time" {
    # An empty label fails in the resolver itself, without a question to the network.
    TASK_NAME=dse-0-node FRAMEWORK_HOST=.invalid run -124 timeout 30 \
        dse-bootstrap -print-env=false --resolve-timeout 10ms
    [[ $output == *"time ran out while waiting for 'dse-0-node..invalid': it does not resolve: see "* ]]
}

@test "without the task's name there is nothing to wait for" {
    run -3 dse-bootstrap -print-env=false
    [[ $output == *"TASK_NAME and FRAMEWORK_HOST are not both set"* ]]
}

@test "an empty list of hosts waits for nothing; the own address is found before all else" {
    run -0 dse-bootstrap -print-env=false -self-resolve=false -resolve-hosts=
    run -0 dse-bootstrap -print-env=false -self-resolve=false -resolve-hosts ' , '
    # Neither names nor templates matter to -get-task-ip.
    CONFIG_TEMPLATE_A=bad run -0 dse-bootstrap -get-task-ip
    [ "$output" = 127.0.0.7 ]
    MESOS_CONTAINER_IP=here run -3 dse-bootstrap -resolve-hosts=
    [[ $output != *environment:* ]]
}

@test "the environment is printed before the wait, names come before templates" {
    template A text
    PLAIN=shown run -124 dse-bootstrap -resolve-hosts=no..such -resolve-timeout=1ms
    [[ $output == *PLAIN=shown*"waiting until 'no..such' resolves"*"time ran out"* ]]
    [ ! -e A.out ]
}

@test "a template above the sandbox's root, or by a path of its own, stays below it" {
    mkdir "$MESOS_SANDBOX/etc"
    echo inner >"$MESOS_SANDBOX/etc/hostname"
    CONFIG_TEMPLATE_A=/etc/hostname,A.out render
    [ "$(cat A.out)" = inner ]
}

@test "flags: one dash or two, values behind = or as the next word" {
    run -0 dse-bootstrap --resolve=F -print-env=0 --template=FALSE -insecure
    run -2 dse-bootstrap -resolve=no
    [ "$output" = "dse-bootstrap: flag '-resolve': 'no' is not true or false" ]
    # A switch does not take the next word.
    run -2 dse-bootstrap -resolve false
    [ "$output" = "dse-bootstrap: 'false' is no flag: write the value of a switch behind '='" ]
    # Other words have no effect, as in commands of the original: `-resolve-hosts a, b`.
    run -0 dse-bootstrap -print-env=false -self-resolve=false -resolve-hosts 127.0.0.1, no..such
    [[ $output == *"'no..such' is no flag, and has no effect"* ]]
    [[ $output != *"waiting until 'no..such'"* ]]
    run -2 dse-bootstrap -resolve-timeout
    [[ $output == *"needs a value" ]]
    run -2 dse-bootstrap -resolv=false
    [[ $output == *"unknown flag '-resolv=false'"* ]]
    run -2 dse-bootstrap ---resolve
    run -2 dse-bootstrap -=x
    for t in 5 1x s -1s 1h30 99999999999h 1.2.3s ''; do
        run -2 dse-bootstrap "-resolve-timeout=$t" -resolve=false
    done
    for t in 0 5m 1h30m 1.5s 300ms 10us 1ns .5h; do
        run -0 dse-bootstrap "-resolve-timeout=$t" -resolve=false -print-env=false
    done
    run -2 dse-bootstrap -template-max-bytes=1k
}

@test "certificates: mentioned when there, refused when asked for" {
    mkdir "$MESOS_SANDBOX/.ssl"
    touch "$MESOS_SANDBOX/.ssl/ca-bundle.crt"
    run -0 render
    [[ $output == *"ca-bundle.crt' is not imported into Java's trust store: not supported"* ]]
    run -0 render -install-certs=false
    [[ $output != *imported* ]]
    run -2 render -install-certs
    [[ $output == *"-install-certs is not supported"* ]]
}

@test "-help and -version go to standard output" {
    dse-bootstrap --help 2>err | grep -q -- '-resolve-timeout TIME'
    [ ! -s err ]
    dse-bootstrap -h | grep -q -- '-resolve-timeout TIME'
    dse-bootstrap -version 2>err | grep -qE '^dse-bootstrap [0-9.]+$'
    [ ! -s err ]
    run -4 sh -c 'dse-bootstrap -get-task-ip >/dev/full'
}

@test "completion words" {
    run -0 dse-bootstrap --dse-complete -r
    [[ $'\n'$output == *$'\n-resolve-timeout=\t'* ]]
    [[ $'\n'$output == *$'\n-resolve\t'* ]]
}
