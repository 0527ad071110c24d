# dse-render: templates to specs, packages to apps.
load helpers

GOLDEN=$TOP/tests/golden/render

setup() {
    unset DSE_CLUSTER_VERSION
}

# small [KEYS]: writes svc.yml, a smallest service with KEYS in the pod.
small() {
    cat >svc.yml <<EOF
name: {{NAME}}
pods:
  p:
    count: {{COUNT}}
    tasks: { t: { goal: RUNNING, cmd: "{{{CMD}}}", cpus: 1 } }
    ${1:-}
EOF
}

render() { run --separate-stderr dse-render svc.yml --no-environment -e NAME=s -e COUNT=2 -e CMD=run "$@"; }

# newline at the end aside, `got` is the golden file.
same() { printf '\n' | cat "$GOLDEN/$1" - | diff - "$2"; }

# The files are the same, but for a newline at the end.
same_text() { diff <(cat "$1"; echo) <(cat "$2"; echo) | grep '^[<>] .' && return 1 || return 0; }

@test "the worked example of the reference, byte for byte" {
    cd "$GOLDEN/worked"
    dse-render svc.yml --no-environment --env-file env --cluster-version 1.10 --spec-only \
        >"$BATS_TEST_TMPDIR/got" 2>"$BATS_TEST_TMPDIR/err"
    same worked/spec.json "$BATS_TEST_TMPDIR/got"
    # The example's secrets are in the folder of another service; there is nothing else to say.
    [ "$(grep -c "warning: svc.yml:1[34]:12: .* the service cannot read 'dse/" "$BATS_TEST_TMPDIR/err")" -eq 2 ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -eq 2 ]
}

@test "plans are the last member, --spec-only leaves them out" {
    small
    printf 'plans: { deploy: { phases: { f: { pod: p } } } }\n' >>svc.yml
    render
    [ "$status" -eq 0 ]
    printf '%s' "$output" >got
    json '(keys_unsorted | last) == "plans" and .plans == {deploy: {phases: {f: {pod: "p"}}}}' got
    render --spec-only
    printf '%s' "$output" >got
    json 'has("plans") | not' got
    json '.["pod-specs"][0].count == 2' got
}

@test "without plans the member is empty" {
    small
    render
    printf '%s' "$output" >got
    json '.plans == {}' got
}

@test "variables: own environment, then app, then files, then --env" {
    small
    echo '{"env":{"NAME":"app","COUNT":"3","S":{"secret":"x"},"CMD":"app"}}' >app.json
    printf '# comment\n\nNAME=file\nCMD=a=b # not a comment\n' >env
    NAME=own COUNT=1 CMD=own dse-render svc.yml >got
    json '.name == "own" and .["pod-specs"][0].count == 1' got
    NAME=own COUNT=1 CMD=own dse-render svc.yml --env-from app.json >got
    json '.name == "app" and .["pod-specs"][0].count == 3' got
    NAME=own dse-render svc.yml --env-from app.json --env-file env >got
    json '.name == "file" and .["pod-specs"][0]["task-specs"][0]["command-spec"].value == "a=b # not a comment"' got
    NAME=own dse-render svc.yml --env-from app.json --env-file env -e NAME=given >got
    json '.name == "given"' got
    NAME=own run --separate-stderr dse-render svc.yml --no-environment
    [ "$status" -eq 3 ]
}

@test "--cluster-version and DSE_CLUSTER_VERSION decide the region rule" {
    small
    render
    printf '%s' "$output" >got
    json '.["pod-specs"][0]["placement-rule"] == {"@type": "IsLocalRegionRule"}' got
    render --cluster-version 1.10.2
    printf '%s' "$output" >got
    json '.["pod-specs"][0]["placement-rule"] == null' got
    DSE_CLUSTER_VERSION=1.9 render
    printf '%s' "$output" >got
    json '.["pod-specs"][0]["placement-rule"] == null' got
    render -e SERVICE_REGION=us --cluster-version 1.11-dev
    printf '%s' "$output" >got
    json '.region == "us" and .["pod-specs"][0]["placement-rule"]["@type"] == "RegionRule"' got
    render --cluster-version x
    [ "$status" -eq 3 ]
    [[ $stderr == *"cannot read cluster version 'x'"* ]]
}

@test "missing values are warnings, with --strict an error" {
    small "image: 'x{{GONE}}'"
    render
    [ "$status" -eq 0 ]
    [ "$stderr" = "dse-render: warning: svc.yml:6:14: there is no value for 'GONE'" ]
    render --strict
    [ "$status" -eq 3 ]
    [ -z "$output" ]
    [[ $stderr == *"dse-render: svc.yml:6:14: 1 value is missing, 'GONE' first"* ]]
}

@test "a value that HTML escaping changed is mentioned" {
    small "image: '{{IMAGE}}'"
    render -e 'IMAGE=a=b'
    [ "$status" -eq 0 ]
    [[ $stderr == *"svc.yml:6:13: HTML escaping changed the value of 'IMAGE'"* ]]
    printf '%s' "$output" >got
    json '.["pod-specs"][0].image == "a&#61;b"' got
}

@test "--check prints nothing, and refuses what an update would refuse" {
    small
    render --check
    [ "$status" -eq 0 ]
    [ -z "$output$stderr" ]
    small "placement: 'hostname:FOO'"
    render
    [ "$status" -eq 0 ]
    [[ $stderr == *"warning: svc.yml:6:5: pods.p.placement: validation will refuse this rule"* ]]
    render --check
    [ "$status" -eq 3 ]
    [[ $stderr == *"dse-render: svc.yml:6:5: pods.p.placement: "*"Unsupported operator: 'FOO'"* ]]
}

@test "--check refuses what the validation of a new service, or of an update, would refuse" {
    small 'rlimits: {RLIMIT_NOFILE: {soft: 5, hard: 5}}'
    render --check --cluster-version 1.8
    [ "$status" -eq 3 ]
    [[ $stderr == *"dse-render: svc.yml: validation will refuse this: Field: 'pod:p'; Value: 'rlimits'; Message: 'This DC/OS cluster does not support setting rlimits'; Fatal: false" ]]
    render --cluster-version 1.8
    [ "$status" -eq 0 ]
    render --check --cluster-version 1.9
    [ "$status" -eq 0 ]
    render --check -e NAME="$(printf 'n%.0s' $(seq 64))"
    [ "$status" -eq 3 ]
    [[ $stderr == *"Service name (without slashes) exceeds 63 characters"* ]]
    # As an update of what runs.
    dse-render svc.yml -e NAME=s -e COUNT=2 -e CMD=c --spec-only >target.json
    render --check --target target.json -e COUNT=3 -e NAME=s
    [ "$status" -eq 0 ]
    render --check --target target.json -e COUNT=1 -e NAME=s
    [ "$status" -eq 3 ]
    [[ $stderr == *"Field: 'PodSpec[name:p]'; Transition: '2' => '1'; Message: 'New config's PodSpec named 'p' has 1 tasks, expected >=2 tasks'; Fatal: false" ]]
    render --check --target svc.yml
    [ "$status" -eq 3 ]
    [[ $stderr == *"target 'svc.yml': "* ]]
    render --target target.json
    [ "$status" -eq 2 ]
}

@test "secrets that the platform would not hand out are named, each; --check refuses them" {
    small "secrets: { a: { secret: s/ok, env-key: A }, b: { secret: other/x, env-key: B }, c: { secret: s/__dcos_base64__k, env-key: C } }"
    render
    [ "$status" -eq 0 ]
    [ "$stderr" = "dse-render: warning: svc.yml:6:54: pods.p.secrets.b.secret: the service cannot read 'other/x': secrets of the folder 'other' are for the service '/other' and those below it, this one is '/s'
dse-render: warning: svc.yml:6:90: pods.p.secrets.c.secret: the service cannot read 's/__dcos_base64__k': binary secrets (__dcos_base64__...) come as files only: use 'file' in place of 'env-key'" ]
    render --check
    [ "$status" -eq 3 ]
    [ -z "$output" ]
    [ "$(grep -c 'warning: .* cannot read' <<<"$stderr")" -eq 2 ]
    [[ $stderr == *$'\n'"dse-render: svc.yml:6:54: pods.p.secrets.b.secret: the service cannot read 'other/x'"*", and 1 more" ]]
    # The id of the app may be another than the name.
    render --check -e MARATHON_APP_ID=/other
    [[ $stderr != *"'other/x'"* ]]
    [[ $stderr == *"'s/ok'"* ]]
    small "secrets: { a: { secret: /s/x } }"
    render --check
    [[ $stderr == *"'/s/x' cannot be the name of its file too: add the key 'file'" ]]
}

@test "steps that cannot launch, and variables that the scheduler would refuse" {
    cat >svc.yml <<'EOF'
name: s
pods:
  p:
    count: 1
    resource-sets: { r: { cpus: 1 }, q: { cpus: 1 } }
    tasks:
      a: { goal: RUNNING, cmd: c, resource-set: r, discovery: { prefix: x } }
      b: { goal: ONCE, cmd: c, resource-set: r }
      c: { goal: ONCE, cmd: c, resource-set: q, discovery: { prefix: x }, memory: 5 }
EOF
    cat >plans <<'EOF'
plans:
  deploy: { phases: { f: { pod: p, steps: [ { default: [[a], [b, c], [c, a], [b, a]] } ] } } }
EOF
    run --separate-stderr dse-render --check --no-environment svc.yml
    [ "$status" -eq 3 ]
    [ "$stderr" = "dse-render: warning: svc.yml:9:75: pods.p.tasks.c.memory: has no effect beside 'resource-set'
dse-render: warning: svc.yml:3:3: pods.p: a step cannot launch 'a' and 'b' together: both use the resource set 'r'
dse-render: warning: svc.yml:3:3: pods.p: a step cannot launch 'a' and 'c' together: both have the DNS name 'x'
dse-render: svc.yml:3:3: pods.p: a step cannot launch 'a' and 'b' together: both use the resource set 'r', and 1 more" ]
    cat plans >>svc.yml
    run --separate-stderr dse-render --no-environment svc.yml
    [ "$status" -eq 0 ]
    [ "$(grep -o 'default.*' <<<"$stderr")" = "default[2]: a step cannot launch 'c' and 'a' together: both have the DNS name 'x'
default[3]: a step cannot launch 'b' and 'a' together: both use the resource set 'r'" ]
    small
    run --separate-stderr dse-render --check svc.yml --no-environment -e NAME=s -e COUNT=1 -e CMD=c -e PORT_API=x \
        -e EXECUTOR_CPUS=.5 -e EXECUTOR_MEM_MB= -e ENABLE_BACKOFF=1 -e SDK_UNINSTALL=no -e API_SERVER_TIMEOUT_S=5000000000
    [ "$status" -eq 3 ]
    [ "$(grep -o 'warning.*' <<<"$stderr" | sort)" = "warning: environment variable API_SERVER_TIMEOUT_S: '5000000000' is not a whole number
warning: environment variable ENABLE_BACKOFF: '1' is not true or false
warning: environment variable EXECUTOR_MEM_MB: '' is not a number
warning: environment variable PORT_API: 'x' is not a whole number" ]
    run dse-render --explain EXECUTOR_CPUS
    [[ $output == "EXECUTOR_CPUS, a variable of the scheduler"*"default  0.1" ]]
}

@test "--explain tells type, default and allowed values of each key" {
    run dse-render --explain pods.NAME.tasks.NAME.goal
    [ "$status" -eq 0 ]
    [ "$output" = "pods.NAME.tasks.NAME.goal
  meaning  keep running; end once per configuration; end once
  type     text
  default  none: the key is required
  allowed  RUNNING, FINISH or ONCE" ]
    run dse-render --explain pods.dse.tasks.node.kill-grace-period
    [[ $output == *"type     integer s"*"default  0"*"allowed  0 to 3600"* ]]
    run dse-render --explain pods.dse.resource-sets.x.ports.y.ranges[1].end
    [[ $output == *"default  65535"* ]]
    run dse-render --explain .
    [[ $output == "a service"*"keys:"*"pods "*"(required)"* ]]
    run dse-render --explain pods.x.rlimits.y
    [[ $output == *"soft"*"hard"* ]]
    run --separate-stderr dse-render --explain pods.x.cuont
    [ "$status" -eq 3 ]
    [ "$stderr" = "dse-render: no key 'cuont' below pods.x: did you mean 'count'?" ]
    run --separate-stderr dse-render --explain goal
    [ "$stderr" = "dse-render: no key 'goal' in a service: 'pods.NAME.tasks.NAME.goal' has it" ]
    run --separate-stderr dse-render --explain pods.x.count.y
    [ "$stderr" = "dse-render: no key 'y' below pods.x.count: its type is integer" ]
    run dse-render --explain pods --example
    [ "$status" -eq 2 ]
    run dse-render --example svc.yml
    [ "$status" -eq 2 ]
}

@test "--example has every key, and renders" {
    dse-render --example >svc.yml
    dse-render --check --strict --no-environment svc.yml 2>err
    [ ! -s err ]
    dse-render svc.yml --no-environment -e SERVICE_NAME=/a/b >got
    json '.name == "/a/b" and (.plans | keys_unsorted) == ["deploy", "backup"]' got
    # Walks the schema: each key that --explain knows stands in the example.
    walk() { # PATH
        local key
        dse-render --explain "${1:-.}" | sed '1,/^keys/d' | while read -r key _; do
            grep -q "\b$key:" svc.yml || echo "${1:+$1.}$key"
            case ${1##*.}.$key in
            .pods | .plans | *.tasks | *.networks | *.rlimits | *.resource-sets | *.volumes | *.secrets | \
                *.host-volumes | *.external-volumes | *.ports | *.configs | *.phases) walk "${1:+$1.}$key.x" ;;
            *.scheduler | *.volume | *.resource-limits | *.vip | *-check | *.discovery) walk "${1:+$1.}$key" ;;
            *.ranges | *.transport-encryption) walk "$1.$key[0]" ;;
            esac
            echo "${1:+$1.}$key" >>walked
        done
    }
    run walk ""
    [ "$output" = "" ]
    [ "$(wc -l <walked)" -gt 120 ]
}

@test "mistakes are named with place, key and remedy, status 3" {
    small 'scheduler: {usr: a}'
    sed -i 's/^    scheduler/scheduler/' svc.yml
    render
    [ "$status" -eq 3 ]
    [ "$stderr" = "dse-render: svc.yml:6:13: scheduler.usr: unknown key: did you mean 'user'?" ]
    [ -z "$output" ]
    small
    render -e COUNT=many
    [ "$status" -eq 3 ]
    [ "$stderr" = "dse-render: svc.yml:4:12: pods.p.count: 'many' is no whole number: a whole number such as 3 is wanted" ]
    small "{{#NAME}}"
    render
    [ "$status" -eq 3 ]
    [ "$stderr" = "dse-render: svc.yml:6:5: the section 'NAME' is not closed: {{/NAME}} is missing" ]
}

@test "unknown keys of a pod pass, as in the original, but no check" {
    local why="svc.yml:6:5: pods.p.plcement: unknown key, ignored: did you mean 'placement'?"
    small "plcement: 1"
    render
    [ "$status" -eq 0 ]
    [ "$stderr" = "dse-render: warning: $why" ]
    render --strict
    [ "$status" -eq 3 ]
    [[ $stderr == *"dse-render: $why" ]]
    render --check
    [ "$status" -eq 3 ]
    # The original understands this one by accident: passed over, it would be another spec.
    small "allowDecommission: true"
    render
    [ "$status" -eq 3 ]
    [ "$stderr" = "dse-render: svc.yml:6:5: pods.p.allowDecommission: unknown key: did you mean 'allow-decommission'?" ]
}

@test "config templates stand beside the file, whatever the working folder" {
    mkdir -p there/conf
    printf 'x: {{Y}}\n' >there/conf/a.yaml
    small
    sed 's/cpus: 1/cpus: 1, configs: { c: { template: conf\/a.yaml, dest: d } }/' svc.yml >there/svc.yml
    dse-render there/svc.yml -e NAME=s -e COUNT=1 -e CMD=c >got
    json '.["pod-specs"][0]["task-specs"][0]["config-files"][0]["template-content"] == "x: {{Y}}\n"' got
    (cd there && dse-render - -e NAME=s -e COUNT=1 -e CMD=c <svc.yml >../stdin)
    cmp got stdin
    rm there/conf/a.yaml
    run --separate-stderr dse-render there/svc.yml -e NAME=s -e COUNT=1 -e CMD=c
    [ "$status" -eq 3 ]
    [[ $stderr == *"there/svc.yml:5:"*"pods.p.tasks.t.configs.c.template: "*"No such file"* ]]
}

@test "usage and missing files" {
    run --separate-stderr dse-render
    [ "$status" -eq 2 ]
    run --separate-stderr dse-render none.yml
    [ "$status" -eq 4 ]
    [[ $stderr == "dse-render: cannot "*"'none.yml'"* ]]
    small
    render -e nothing
    [ "$status" -eq 3 ]
    [ "$stderr" = "dse-render: --env: not of the form NAME=VALUE" ]
    printf 'A=1\nodd\n' >env
    render --env-file env
    [ "$status" -eq 3 ]
    [ "$stderr" = "dse-render: env:2:1: not of the form NAME=VALUE" ]
    echo '{}' >app.json
    render --env-from app.json
    [ "$status" -eq 3 ]
    [[ $stderr == *"'app.json' is no Marathon app"* ]]
}

@test "the region rule stands before the pod's own" {
    cd "$GOLDEN/worked"
    dse-render svc.yml --no-environment --env-file env >"$BATS_TEST_TMPDIR/a"
    json '.["pod-specs"][0]["placement-rule"] | ."@type" == "AndRule" and
        [.rules[]."@type"] == ["IsLocalRegionRule", "AndRule"]' "$BATS_TEST_TMPDIR/a"
}

@test "a service in the published package's environment (the reference's skeleton)" {
    requires published
    dse-render app "$PUBLISHED/datastax-dse" >app.json
    dse-render "$GOLDEN/skeleton/svc.yml" --no-environment --env-from app.json >got 2>err
    diff "$GOLDEN/skeleton/spec.json" got
    [ "$(cat err)" = "" ]
    # The virtual network and TLS are behind sections.
    dse-render "$GOLDEN/skeleton/svc.yml" --no-environment --env-from app.json -e ENABLE_VIRTUAL_NETWORK=yes \
        -e DSE_NODE_VIRTUAL_NETWORK_NAME=dcos -e DSE_NODE_CNI_PLUGIN_LABELS= \
        -e TASKCFG_ALL_SECURITY_TRANSPORT_ENCRYPTION_ENABLED=true >got
    json '.["pod-specs"][0].networks[0]["network-name"] == "dcos"' got
    json '.["pod-specs"][0]["task-specs"][0]["transport-encryption"] == [{name: "node", type: "KEYSTORE"}]' got
    json '[.["pod-specs"][0]["task-specs"][]["command-spec"].environment.SECURITY_TRANSPORT_ENCRYPTION_ENABLED] ==
        ["true", "true", "true"]' got
}

@test "what dse-plan update stores is the rendered spec, byte for byte" {
    export DSE_STORE=dir:$BATS_TEST_TMPDIR/state FRAMEWORK_LOG_LEVEL=OFF
    dse-render --example >example.yml
    local file
    cp "$GOLDEN"/worked/* .
    sed -i '/transport-encryption/d' svc.yml # refused by the update
    for file in example.yml svc.yml "$TOP"/tests/data/offers/*.yml; do
        rm -rf state
        dse-render --spec-only --no-environment --env-file env "$file" >spec.json
        dse-render --no-environment --env-file env "$file" | dse-plan update >/dev/null
        env -i PATH="$PATH" DSE_STORE="$DSE_STORE" FRAMEWORK_LOG_LEVEL=OFF PORT_API=15063 \
            BOOTSTRAP_URI=https://example.com/bootstrap.zip dse-offers </dev/null
        dse-state config show --raw >stored.json
        same_text spec.json stored.json || { echo "$file"; false; }
    done
}

# ---- packages ----

package() { # TEMPLATE
    mkdir -p pack
    cat >pack/config.json <<'EOF'
{"type": "object", "properties": {"service": {"type": "object", "additionalProperties": false, "properties": {
  "name": {"type": "string", "default": "dse"},
  "count": {"type": "integer", "default": 3, "minimum": 1},
  "text": {"type": "string"},
  "on": {"type": "boolean", "default": false}}}}}
EOF
    echo '{"assets": {"uris": {"x-zip": "http://h/x.zip?a=1&b=2"}}}' >pack/resource.json
    printf '%s\n' "$1" >pack/marathon.json.mustache
}

@test "app: defaults, options over them, resources" {
    package '{"id": "{{service.name}}", "n": {{service.count}}, "u": "{{resource.assets.uris.x-zip}}"{{#service.text}},
"t": "{{{service.text}}}"{{/service.text}}}'
    dse-render app pack >got
    [ "$(cat got)" = '{
  "id": "dse",
  "n": 3,
  "u": "http://h/x.zip?a=1&b=2"
}' ]
    echo '{"service": {"text": "[[\"a\"]]\n", "count": 4}}' >options.json
    dse-render app pack --options options.json >got
    json '.n == 4 and .t == "[[\"a\"]]\n" and .id == "dse"' got
}

@test "app: numbers are printed as the packaging service does, or exactly" {
    mkdir pack
    echo '{"properties": {"n": {"default": [0, 7, -2147483648, 2147483648, 3.0, 1e3, 0.5, 0.0001, 12345678.5, 10000000000]}}}' >pack/config.json
    echo '{"n": [{{#n}}"{{.}}",{{/n}}"end"]}' >pack/marathon.json.mustache
    dse-render app pack >got
    json '.n == ["0", "7", "-2147483648", "2147483648", "3", "1000", "0.5", "1.0E-4", "1.23456785E7", "10000000000", "end"]' got
    dse-render app --exact-numbers pack >got
    json '.n == ["0", "7", "-2147483648", "2147483648", "3.0", "1000.0", "0.5", "0.0001", "12345678.5", "10000000000", "end"]' got
}

@test "app: an array outside of quotes is a JSON array" {
    mkdir pack
    echo '{"properties": {"c": {"default": [["a\"b", "UNIQUE"], [], 1]}}}' >pack/config.json
    echo '{"c": {{c}}, "d": [{{#c}}{{.}},{{/c}}0]}' >pack/marathon.json.mustache
    dse-render app pack >got
    json '.c == [["a\"b", "UNIQUE"], [], 1] and .d == [["a\"b", "UNIQUE"], [], 1, 0]' got
}

@test "app: of a key that stands twice in the package the last value counts, with a warning" {
    mkdir pack
    echo '{"properties": {"n": {"default": 1}, "n": {"default": 2}}}' >pack/config.json
    echo '{"n": {{n}}}' >pack/marathon.json.mustache
    run --separate-stderr dse-render app pack
    [ "$status" -eq 0 ]
    [ "$(jq -c . <<<"$output")" = '{"n":2}' ]
    [[ $stderr == "dse-render: warning: pack/config.json:1:"*": duplicate object key"* ]]
    echo '{"n": 1, "n": 2}' >options.json
    run --separate-stderr dse-render app pack --options options.json
    [ "$status" -eq 3 ]
    echo '{' >pack/config.json
    run --separate-stderr dse-render app pack
    [ "$status" -eq 3 ]
}

@test "app: without config.json there are no options" {
    mkdir pack
    echo '{"a": 1}' >pack/marathon.json.mustache
    echo '{"x": 1}' >options.json
    dse-render app pack >got
    json '.a == 1' got
    run --separate-stderr dse-render app pack --options options.json
    [ "$status" -eq 3 ]
    [ "$stderr" = "dse-render: options.json: the package has no config.json: it takes no options" ]
}

@test "app: options that the schema refuses are named by path" {
    package '{}'
    while read -r options wanted; do
        echo "$options" >options.json
        run --separate-stderr dse-render app pack --options options.json
        [ "$status" -eq 3 ]
        [ "$stderr" = "dse-render: options.json: $wanted" ]
        [ -z "$output" ]
    done <<'EOF'
{"service":{"count":"3"}} /service/count: must be integer, is string "3"
{"service":{"count":0}} /service/count: must be at least 1, is 0
{"service":{"on":"true"}} /service/on: must be boolean, is string "true"
{"service":{"nmae":"x"}} /service/nmae: is no option of this package: did you mean 'name'?
{"service":{"colour":"x"}} /service/colour: is no option of this package
[1] options must be a JSON object
EOF
    echo '{"more": 1}' >options.json
    run --separate-stderr dse-render app pack --options options.json
    [ "$status" -eq 0 ]
    [ "$stderr" = "dse-render: warning: options.json: /more: the package has no such option" ]
    echo '{"sevrice": {}}' >options.json
    run --separate-stderr dse-render app pack --options options.json
    [ "$stderr" = "dse-render: warning: options.json: /sevrice: the package has no such option: did you mean 'service'?" ]
}

@test "app: a template that yields no JSON is refused with its place" {
    package '{
  "a": "1"
  {{#service.count}}
  "b": {{service.count}}
  {{/service.count}}
}'
    run --separate-stderr dse-render app pack
    [ "$status" -eq 3 ]
    [ "$stderr" = "dse-render: pack/marathon.json.mustache:4:3: the rendered text is not JSON: '}' expected near '\"b\"' (what stands before ends at 2:10)" ]
}

@test "app: values that are missing are warnings, with --strict an error" {
    package '{"a": "{{service.text}}"}'
    run --separate-stderr dse-render app pack
    [ "$status" -eq 0 ]
    [ "$stderr" = "dse-render: warning: pack/marathon.json.mustache:1:8: there is no value for 'service.text'" ]
    run --separate-stderr dse-render app pack --strict
    [ "$status" -eq 3 ]
}

@test "app: a folder without template" {
    mkdir empty
    run --separate-stderr dse-render app empty
    [ "$status" -eq 4 ]
    [[ $stderr == *"'empty/marathon.json.mustache'"* ]]
}

@test "app: the published package with its defaults, and what its environment is for" {
    requires published
    dse-render app "$PUBLISHED/datastax-dse" >app.json
    json '.id == "datastax-dse" and .env.DSE_NODE_PLACEMENT == "[[\"hostname\", \"MAX_PER\", \"1\"]]"' app.json
    json '.env.DSE_NODE_POD_COUNT == "3" and .env.DSE_SEARCH_ENABLED == "true"' app.json
    json '.env.OPSCENTER_UNTHROTTLED_DEFAULT == "10000000000"' app.json # its option is a text
    dse-render app --exact-numbers "$PUBLISHED/datastax-dse" | diff app.json -
    json '.env.DSE_NODE_JVM_OPTS | startswith("-XX:+UseG1GC -XX:G1RSet")' app.json
    json '(.env | length) == 407 and (.env | map(type) | unique) == ["string"]' app.json
}

@test "app: each boolean option of the published package, flipped" {
    requires published
    local config=$PUBLISHED/datastax-dse/config.json flips=0 line
    # {"section":{...{"option":value}}} with the opposite of its default, one a line
    jq -c '. as $config | [paths(type == "object" and .type == "boolean")] | .[] as $p |
        ([$p[] | select(. != "properties")]) as $path |
        {} | setpath($path; ($config | getpath($p) | .default) != true)' "$config" >flips
    while read -r line; do
        flips=$((flips + 1))
        printf '%s' "$line" >options.json
        dse-render app "$PUBLISHED/datastax-dse" --options options.json >app.json 2>err || { echo "$line"; cat err; false; }
        jq -e '.env | length > 380' app.json >/dev/null
    done <flips
    [ "$flips" -eq 81 ]
}

@test "app: TLS and plaintext together lack a comma in the published package" {
    requires published
    echo '{"service":{"security":{"transport_encryption":{"enabled":true,"allow_plaintext":true}}}}' >options.json
    run --separate-stderr dse-render app "$PUBLISHED/datastax-dse" --options options.json
    [ "$status" -eq 3 ]
    [[ $stderr == *"marathon.json.mustache:62:5: the rendered text is not JSON"*"ends at 54:"* ]]
}
