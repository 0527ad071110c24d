#!/usr/bin/env bats
# The DSE package: options -> Marathon app -> environment -> svc.yml -> Service Spec (see service-spec 10).

load helpers

P=$TOP/universe/datastax-dse
PUB=$PUBLISHED/datastax-dse

setup() {
    # Nothing of the tests' own environment may reach the template.
    clean=(env -i "PATH=$PATH" LC_ALL=C.UTF-8)
}

# app [OPTIONS_JSON]: the app goes to app.json.
app() {
    printf '%s' "${1:-{\}}" >options.json
    dse-render app "$P" --options options.json >app.json
}

# spec [OPTIONS_JSON] [NAME=VALUE...]: app.json, then the Service Spec to spec.json.
spec() {
    app "${1:-}"
    shift $(($# > 0))
    # A credential is an object that Marathon puts a secret in for.
    jq -r '.env | map_values(strings) | to_entries[] | "\(.key)=\(.value)"' app.json >env.txt
    mapfile -t vars <env.txt
    "${clean[@]}" "${vars[@]}" "$@" dse-render "$P/svc.yml" >spec.json
}

# Lines `path|type|default|enum|minimum|required` of the options in a config.json.
options_of() {
    jq -r 'def walk_options($p; $required):
        to_entries[] | (.key as $k | ($p + [$k]) as $q
        | if .value.type == "object" then .value | .required as $r | .properties | walk_options($q; $r // [])
          else "\($q | join("."))|\(.value.type)|\(.value.default | tojson)|\(.value.enum | tojson)|\(.value.minimum | tojson)|\(.value.media | tojson)|\($required | index($k) != null)"
          end);
      .properties | walk_options([]; [])' "$1" | sort
}

# Lines `VARIABLE option` of a marathon.json.mustache.
variables_of() {
    sed -E 's/"\{\{#dse\.ldap\.[a-z_]+\}\}/"/' "$1" | grep -oE '"[A-Z_0-9]+": *"?\{\{\{?(service|cluster|dsenode|cassandra|dse|opscenter)\.[a-zA-Z_.]+' |
        sed -E 's/[": {]+/ /g; s/^ //' | sort -u
}

@test "defaults: a valid app that starts dse-scheduler with a tenth of a CPU and 32 MB" {
    app
    json '.id == "datastax-dse" and .cpus == 0.1 and .mem == 32 and .instances == 1' app.json
    json '.cmd | test("exec dse-toolkit/bin/dse-scheduler ")' app.json
    json '.fetch[0].uri | endswith("/dse-toolkit.tar.gz")' app.json
    json '.labels.DCOS_SERVICE_NAME == "datastax-dse" and .labels.MARATHON_SINGLE_INSTANCE_APP == "true"' app.json
    json '.env | .DSE_NODE_POD_COUNT == "3" and .DSE_NODE_CPUS == "2" and .DSE_NODE_AGENT_CPUS == "0.5"
        and .DSE_NODE_PLACEMENT == "[[\"hostname\", \"MAX_PER\", \"1\"]]"
        and .DSE_SEARCH_ENABLED == "true" and .READINESS_CHECK_DELAY == "30"
        and (has("SERVICE_REGION") or has("SERVICE_TLD") or has("DSE_COMMIT_LOG_DISK")
             or has("ENABLE_VIRTUAL_NETWORK") or has("MESOS_MODULES") | not)
        and all(.[]; type == "string")' app.json
    json 'has("secrets") | not' app.json
}

@test "every combination of the boolean options of service, cluster and node gives valid JSON" {
    jq -c '.properties |= {service, cluster, dsenode} | [paths(type == "object" and .type? == "boolean") | map(select(. != "properties"))] as $paths
        | range(pow(2; $paths | length)) as $n
        | reduce range($paths | length) as $i ({};
            setpath($paths[$i]; ($n / pow(2; $i) | floor) % 2 == 1))' "$P/config.json" >combinations
    [ "$(wc -l <combinations)" -eq 256 ]
    # The options that add lines when they are not empty go with every second one.
    while read -r options; do
        n=$((${n:-0} + 1))
        [ $((n % 2)) -eq 0 ] || options=$(jq -c '.service += {service_secret_name: "s", region: "r"}
            | .service.security.custom_domain = "d" | .dsenode += {data_volume_profile: "p",
            commit_log_volume_profile: "p", cdc_log_volume_profile: "p", log_volume_profile: "p",
            install_volume_profile: "p", solr_volume_profile: "p"}' <<<"$options")
        printf '%s\n' "$options" >options.json
        dse-render app "$P" --options options.json
    done <combinations >apps.json
    [ "$(jq -s length apps.json)" -eq 256 ]
    # Each option shows where it should, in half of the apps or in as many as the conditions leave.
    [ "$(jq -s 'map(select(.env.ENABLE_VIRTUAL_NETWORK == "yes")) | length' apps.json)" -eq 128 ]
    [ "$(jq -s 'map(select(.env.DSE_SEARCH_ENABLED == "true")) | length' apps.json)" -eq 128 ]
    [ "$(jq -s 'map(select(.env.DSE_GRAPH_ENABLED == "false")) | length' apps.json)" -eq 128 ]
    [ "$(jq -s 'map(select(.env.DSE_CDC_LOG_DISK == "10000")) | length' apps.json)" -eq 128 ]
    [ "$(jq -s 'map(select(.env.TASKCFG_ALL_SECURITY_TRANSPORT_ENCRYPTION_ALLOW_PLAINTEXT)) | length' apps.json)" -eq 64 ]
    [ "$(jq -s 'map(select(.env.DCOS_SERVICE_ACCOUNT_CREDENTIAL.secret == "serviceCredential"
        and .secrets.serviceCredential.source == "s" and (.env.MESOS_MODULES | fromjson.libraries | length) == 1))
        | length' apps.json)" -eq 128 ]
}

@test "options have the names, types, defaults and limits of the published package" {
    requires published
    options_of "$PUB/config.json" >theirs
    options_of "$P/config.json" >ours
    [ "$(wc -l <theirs)" -eq 495 ]
    diff theirs ours
}

@test "each option sets the variable of the published package" {
    requires published
    variables_of "$PUB/marathon.json.mustache" >theirs
    variables_of "$P/marathon.json.mustache" >ours
    # An option that the published package forgot to declare; here its variable is empty.
    sed -i '/cassandra.commitlog_archiving_restore_point_in_time$/d' theirs
    [ "$(wc -l <theirs)" -ge 480 ]
    diff theirs ours
}

@test "the variables of both packages have the same values, with defaults and without" {
    requires published
    for options in '{}' '{"service": {"name": "/a/b", "service_secret_name": "s", "region": "r", "virtual_networks": true,
        "security": {"custom_domain": "d.e", "transport_encryption": {"enabled": true}}},
        "cluster": {"dse_search": false, "dse_graph": false, "external_seeds": "x,y"},
        "dsenode": {"count": 5, "separate_commit_log_disk": true, "separate_cdc_log_disk": true, "data_volume_profile": "p"}}'; do
        printf '%s' "$options" >options.json
        # A trailing comma is missing in the published template when both switches are on; one is.
        options=$(jq -c 'del(.service.security.transport_encryption)' options.json)
        printf '%s' "$options" >options.json
        dse-render app "$PUB" --options options.json >theirs.json
        dse-render app "$P" --options options.json >ours.json
        jq -n --slurpfile a theirs.json --slurpfile b ours.json '
            ["PACKAGE_VERSION", "PACKAGE_BUILD_TIME_EPOCH_MS", "PACKAGE_BUILD_TIME_STR", "MESOS_MODULES",
             "BOOTSTRAP_URI", "DATASTAX_SCRIPTS_URI", "JAVA_URI", "DSE_DOCKER_IMAGE"] as $own
            | $a[0].env as $a | $b[0].env as $b
            | [$b | keys[] | select(. as $k | $own | index($k) | not)
               | select($a[.] != $b[.]) | "\(.): \($a[.]) \($b[.])"]' >differences
        json '. == ["DATASTAX_AGENT_ARCHIVE_URI: null ", "DSE_ARCHIVE_URI: null "]' differences
    done
}

@test "svc.yml takes the environment of the published package, too" {
    requires published
    dse-render app "$PUB" >theirs.json
    "${clean[@]}" dse-render --env-from theirs.json "$P/svc.yml" >theirs_spec.json
    json '."pod-specs"[0] | .count == 3 and (.image | test("^dspn/")) and (.uris | length) == 3' theirs_spec.json
    json '."pod-specs"[0]."task-specs"[0]."command-spec".environment.DSE_DOCKER_IMAGE | test("^dspn/")' theirs_spec.json
    # But for images and archives it is the same service.
    spec
    jq 'walk(if type == "object" then del(.image, .uris, .DSE_DOCKER_IMAGE) else . end)' theirs_spec.json >theirs
    jq 'walk(if type == "object" then del(.image, .uris, .DSE_DOCKER_IMAGE) else . end)' spec.json | diff theirs -
}

@test "no template value is missing, none is changed by escaping" {
    for options in '{}' '{"cluster": {"dse_search": false, "dse_graph": false, "dse_analytics": false}}'; do
        app "$options"
        "${clean[@]}" dse-render --strict --env-from app.json "$P/svc.yml" 2>warnings >strict.json
        [ ! -s warnings ] || { cat warnings; return 1; }
    done
}

@test "an unknown option is refused" {
    printf '{"cassandra": {"num_token": 16}}' >options.json
    run -3 dse-render app "$P" --options options.json
    [[ $output == *num_token* ]]
    printf '{"dsenode": {"cout": 16}}' >options.json
    run -3 dse-render app "$P" --options options.json
    [[ $output == *cout* ]]
}

@test "svc.yml: pod, tasks and their resources" {
    spec
    json '.name == "datastax-dse" and .user == "nobody" and .principal == "datastax-dse-service-account"
        and .role == "datastax-dse-role"' spec.json
    json '."pod-specs" | length == 1' spec.json
    json '."pod-specs"[0] | .type == "dse" and .count == 3 and .user == "nobody" and .image == null and .networks == []' spec.json
    json '."pod-specs"[0].uris | map(split("/")[-1]) == ["bootstrap.tar.gz", "datastax-scripts.tar.gz"]' spec.json
    json '[."pod-specs"[0].rlimits[] | [.name, .soft, .hard]]
        == [["RLIMIT_MEMLOCK", -1, -1], ["RLIMIT_NOFILE", 100000, 100000], ["RLIMIT_NPROC", 32768, 32768]]' spec.json
    json '[."pod-specs"[0]."task-specs"[] | [.name, .goal, .essential, ."resource-set".id]]
        == [["node", "RUNNING", false, "node-resources"], ["agent", "RUNNING", false, "agent-resources"],
            ["nodetool", "ONCE", true, "nodetool-resources"]]' spec.json
    json '[."pod-specs"[0]."task-specs"[]."resource-set"."resource-specifications"
           | [.[] | select(.name != "ports") | .value.scalar.value]] == [[2, 8000], [0.5, 500], [0.5, 256]]' spec.json
    json '."pod-specs"[0]."placement-rule" | tojson
        | contains("{\"@type\":\"MaxPerHostnameRule\",\"max\":1,\"task-filter\":{\"@type\":\"RegexMatcher\",\"pattern\":\"dse-.*\"}}")' spec.json
}

@test "svc.yml: ports in the order of the original, endpoints, VIP" {
    ports='[."pod-specs"[0]."task-specs"[0]."resource-set"."resource-specifications"[] | select(.name == "ports")]'
    spec
    json "$ports"' | map(.value.ranges.range[0].begin) == [9042, 7000, 7001, 8609, 8182, 7199, 21621, 8983, 7077, 7080, 7081]' spec.json
    json "$ports"' | map(select(.visibility == "EXTERNAL")."port-name")
        == ["native-client", "gremlin-agent", "solr-admin", "spark-master-webui", "spark-worker-webui"]' spec.json
    json "$ports"' | map(select(."@type" == "NamedVIPSpec") | [."vip-name", ."vip-port"]) == [["native-client", 9042]]' spec.json
    spec '{"cluster": {"dse_search": false, "dse_analytics": false, "dse_graph": false}, "dsenode": {"native_ssl_port": "9142"}}'
    json "$ports"' | map(.value.ranges.range[0].begin) == [9042, 9142, 7000, 7001, 8609, 7199, 21621]' spec.json
}

@test "svc.yml: volumes, with separate disks, with mounts and profiles" {
    volumes='[."pod-specs"[0]."task-specs"[0]."resource-set"."volume-specifications"[] | [."container-path", .type, .value.scalar.value, .profiles]]'
    spec
    json "$volumes"' == [["dse-data", "ROOT", 10240, []], ["log-data", "ROOT", 1000, []], ["install", "ROOT", 1000, []],
        ["solr-data", "ROOT", 10240, []], ["dsefs-data", "ROOT", 10, []]]' spec.json
    json '."pod-specs"[0]."task-specs"[0]."command-spec".environment
        | .COMMIT_LOG_DIR == "dse-data/commitlog" and .CDC_LOG_DIR == "dse-data/cdc_raw"' spec.json
    spec '{"dsenode": {"separate_commit_log_disk": true, "separate_cdc_log_disk": true, "cdc_log_disk_type": "MOUNT",
        "cdc_log_volume_profile": "fast", "solr_disk_type": "MOUNT", "solr_volume_profile": "slow"}}'
    json "$volumes"' == [["dse-data", "ROOT", 10240, []], ["log-data", "ROOT", 1000, []], ["install", "ROOT", 1000, []],
        ["solr-data", "MOUNT", 10240, ["slow"]], ["dsefs-data", "ROOT", 10, []], ["commitlog-data", "ROOT", 10000, []], ["cdclog-data", "MOUNT", 10000, ["fast"]]]' spec.json
    json '."pod-specs"[0]."task-specs"[0]."command-spec".environment
        | .COMMIT_LOG_DIR == "commitlog-data" and .CDC_LOG_DIR == "cdclog-data"' spec.json
}

@test "svc.yml: readiness check, plans" {
    spec
    json '[."pod-specs"[0]."task-specs"[] | ."readiness-check-spec"]
        == [{"command": "./ready", "delay": 30, "interval": 5, "timeout": 120}, null, null]' spec.json
    json '.plans | tojson | test("\"dse-phase\"") and test("\"nodetool-phase\"")' spec.json
    spec '{"dsenode": {"deploy_strategy": "serial-canary"}}'
    json '.plans | tojson | test("\"serial-canary\"")' spec.json
}

@test "svc.yml: every option reaches the environment of a task or the shape of the pod" {
    spec
    cp spec.json before.json
    # One option after the other takes another value; what is stored must differ.
    jq -c 'def other: if .enum then ((.enum - [.default])[0]) elif .type == "boolean" then .default | not
            elif .type == "string" then "7" else (.default + 1) end;
        def each($p): to_entries[] | .key as $k | .value
            | if .type == "object" then .properties | each($p + [$k])
              else {path: ($p + [$k]), value: other} end;
        .properties | {cluster, dsenode} | each([])' "$P/config.json" >each
    [ "$(wc -l <each)" -eq 54 ]
    while read -r line; do
        path=$(jq -r '.path | join(".")' <<<"$line")
        options=$(jq -c '. as $o | {} | setpath($o.path; $o.value)' <<<"$line")
        case $path in
        dsenode.virtual_network | dsenode.cni_plugin_labels)
            [ "$path" = dsenode.virtual_network ] || options='{"dsenode": {"cni_plugin_labels": "a:b"}}'
            base='{"service": {"virtual_networks": true}}' ;;
        dsenode.commit_log_*) base='{"dsenode": {"separate_commit_log_disk": true, "commit_log_disk_type": "MOUNT"}}' ;;
        dsenode.cdc_log_*) base='{"dsenode": {"separate_cdc_log_disk": true, "cdc_log_disk_type": "MOUNT"}}' ;;
        dsenode.*_volume_profile)
            disk=${path#dsenode.}
            base=$(printf '{"dsenode": {"%s_disk_type": "MOUNT"}}' "${disk%_volume_profile}") ;;
        *) base='{}' ;;
        esac
        # With these, 7001 would be there twice, or a soft limit above the hard one.
        [ "$path" != dsenode.internode_port ] || options='{"dsenode": {"internode_port": 17000}}'
        [ "$path" != dsenode.spark_master_webui_port ] || options='{"dsenode": {"spark_master_webui_port": 17080}}'
        case $path in dsenode.*_log_disk_type) base=${base/MOUNT/ROOT}; options=${options/ROOT/MOUNT} ;; esac
        spec "$base"
        cp spec.json before.json
        spec "$(jq -c --argjson b "$base" '$b * .' <<<"$options")"
        ! cmp -s before.json spec.json || { echo "no effect: $path $options"; return 1; }
    done <each
}

@test "text with quotes, ampersands and equals signs reaches the task unchanged" {
    text='a=b '\''c'\'' "d" & <e> \f `g`: # {x}'
    options=$(jq -nc --arg t "$text" '{cluster: {cluster_name: $t, dc_name: $t}, dsenode: {jvm_opts: $t}}')
    spec "$options"
    jq -r '."pod-specs"[0]."task-specs"[0]."command-spec".environment
        | .DSE_CLUSTER_NAME, .DSE_DC_NAME, .DSE_NODE_JVM_OPTS' spec.json >got
    printf '%s\n' "$text" "$text" "$text" | diff - got
}

@test "empty text options leave a valid service" {
    spec '{"cluster": {"cluster_name": "", "dc_name": ""}, "dsenode": {"placement_constraint": "", "jvm_opts": ""}}'
    json '."pod-specs"[0]."task-specs"[0]."command-spec".environment | .DSE_CLUSTER_NAME == "" and .DSE_NODE_JVM_OPTS == ""' spec.json
    json '."pod-specs"[0]."placement-rule" | tojson | contains("MaxPer") | not' spec.json
}

@test "an archive, an image, Java and bootstrap flags come in by the environment" {
    spec '{}' DSE_ARCHIVE_URI='http://x/dse.tar.gz?a=1&b=2' JAVA_URI=http://x/jre.tgz DSE_DOCKER_IMAGE=r/dse:6 \
        DATASTAX_AGENT_ARCHIVE_URI=http://x/agent.tgz TASKCFG_ALL_BOOTSTRAP_FLAGS='-resolve=false -verbose'
    json '."pod-specs"[0].uris[2:] == ["http://x/dse.tar.gz?a=1&b=2", "http://x/agent.tgz", "http://x/jre.tgz"]' spec.json
    json '."pod-specs"[0].image == "r/dse:6"' spec.json
    json '[."pod-specs"[0]."task-specs"[]."command-spec" | .environment.BOOTSTRAP_FLAGS] == ["-resolve=false -verbose", "-resolve=false -verbose", "-resolve=false -verbose"]' spec.json
    json '[."pod-specs"[0]."task-specs"[]."command-spec".value | contains("./bootstrap $BOOTSTRAP_FLAGS ")] | all' spec.json
    json '."pod-specs"[0]."task-specs"[0]."command-spec".environment.DSE_ARCHIVE_URI == "http://x/dse.tar.gz?a=1&b=2"' spec.json
}

@test "virtual network and encryption" {
    spec '{"service": {"virtual_networks": true, "security": {"transport_encryption": {"enabled": true, "allow_plaintext": true}}},
        "dsenode": {"cni_plugin_labels": "k:v"}}'
    json '."pod-specs"[0].networks == [{"network-name": "dcos", "port-mappings": {}, "network-labels": {"k": "v"}}]' spec.json
    json '[."pod-specs"[0]."task-specs"[]."transport-encryption"] == [[{"name": "node", "type": "KEYSTORE"}], [], []]' spec.json
    json '."pod-specs"[0]."task-specs"[0]."command-spec".environment | .SECURITY_TRANSPORT_ENCRYPTION_ALLOW_PLAINTEXT == "true"' spec.json
}

# Renders the config templates of the node as its task does: the spec's environment, the templates that
# the spec carries, the variables of the launch.
render_configs() { # NAME=VALUE...
    mkdir -p conf sandbox/config-templates
    jq -r '."pod-specs"[0]."task-specs"[0]."command-spec".environment | to_entries[] | "\(.key)=\(.value)"' spec.json >task.env
    mapfile -t task <task.env
    vars=()
    while IFS='|' read -r name dest; do
        jq -j --arg n "$name" '."pod-specs"[0]."task-specs"[0]."config-files"[] | select(.name == $n)."template-content"' \
            spec.json >"sandbox/config-templates/$name"
        vars+=("CONFIG_TEMPLATE_${name^^}=config-templates/$name,$dest")
    done < <(jq -r '."pod-specs"[0]."task-specs"[0]."config-files"[] | "\(.name)|\(."relative-path")"' spec.json)
    "${clean[@]}" "${task[@]}" "${vars[@]}" MESOS_SANDBOX="$PWD/sandbox" MESOS_CONTAINER_IP=10.0.0.1 ZONE=z1 \
        FRAMEWORK_HOST=dse.example PLACEMENT_REFERENCED_ZONE=false "$@" \
        dse-bootstrap -resolve=false -print-env=false
}

@test "config templates: addresses, seeds, folders, data centre and rack" {
    spec '{"cluster": {"cluster_name": "a \"b\" & c", "dc_name": "d=e"}}'
    render_configs
    grep -qxF '  a "b" & c' conf/cassandra.yaml
    grep -qxF 'listen_address: 10.0.0.1' conf/cassandra.yaml
    [ "$(grep -A1 '^native_transport_address' conf/cassandra.yaml)" = $'native_transport_address: |2-\n  localhost' ]
    grep -qxF 'native_transport_port: 9042' conf/cassandra.yaml
    grep -qxF '          dse-0-node.dse.example,dse-1-node.dse.example' conf/cassandra.yaml
    grep -qxF "commitlog_directory: '$PWD/sandbox/dse-data/commitlog'" conf/cassandra.yaml
    run ! grep -q 'native_transport_port_ssl\|^ *keystore\|{{' conf/cassandra.yaml
    [ "$(grep -v '^#' conf/cassandra-rackdc.properties)" = $'dc=d=e\nrack=rack1' ]
    render_configs PLACEMENT_REFERENCED_ZONE=true
    [ "$(grep ^rack conf/cassandra-rackdc.properties)" = rack=z1 ]
}

@test "config templates: external seeds, separate disks, encryption" {
    spec '{"cluster": {"external_seeds": "s1,s2"}, "dsenode": {"separate_commit_log_disk": true, "native_ssl_port": "9142", "internode_port": 17000},
        "service": {"security": {"transport_encryption": {"enabled": true}}}}'
    render_configs
    grep -qxF '          dse-0-node.dse.example,dse-1-node.dse.example,s1,s2' conf/cassandra.yaml
    grep -qxF "commitlog_directory: '$PWD/sandbox/commitlog-data'" conf/cassandra.yaml
    grep -qxF 'native_transport_port_ssl: 9142' conf/cassandra.yaml
    grep -qxF 'storage_port: 17000' conf/cassandra.yaml
    grep -qxF '  optional: false' conf/cassandra.yaml
    grep -qxF "  keystore: '$PWD/sandbox/node.keystore'" conf/cassandra.yaml
}

@test "local.env: what a scheduler on this machine adds" {
    while IFS='=' read -r name value; do
        case $value in file://*) value=${value//%20/ } && [ -s "${value#file://}" ] ;; esac
        names="${names:-} $name"
    done <"$BUILD/share/local.env"
    [ "$names" = " BOOTSTRAP_URI DATASTAX_SCRIPTS_URI INIT_CLUSTER_URI TASKCFG_ALL_BOOTSTRAP_FLAGS READINESS_CHECK_DELAY READINESS_CHECK_INTERVAL" ]
    mapfile -t local <"$BUILD/share/local.env"
    spec '{}' "${local[@]}"
    json '."pod-specs"[0]."task-specs"[0] | ."readiness-check-spec" | .delay == 0 and .interval == 1' spec.json
    json '."pod-specs"[0].uris | all(startswith("file:///"))' spec.json
}
