#!/usr/bin/env bats
# The DSE package's 495 options: where they arrive in the tasks, and that their variables are the published ones.

load helpers
load options

# All that switches other options on.
EVERYTHING='{"cluster": {"dse_analytics": false}, "cassandra": {"commitlog_archiving_enabled": true}, "dse": {"dsefs_enabled": true, "dsefs_data_disk_type": "MOUNT", "enable_index_disk_failure_policy": true,
    "solr_field_cache_enabled": true, "spark_history_fs_cleaner_enabled": true, "ldap": {"enabled": true}, "advanced_replication": {"enabled": true}}}'

@test "datastax-dse: each option of cassandra, dse and opscenter arrives where the reviewed list says" {
    where "$TOP/universe/datastax-dse" "$EVERYTHING" 'node agent' cassandra dse opscenter >datastax-dse
    [ "$(wc -l <datastax-dse)" -eq 424 ]
    run ! grep ': $' datastax-dse
    compare datastax-dse
}

@test "datastax-dse: the variables are those of the published package, for defaults and for each option" {
    requires published
    P=$TOP/universe/datastax-dse
    options "$P/config.json" cluster dsenode cassandra dse opscenter >all
    jq -sc 'to_entries | map(.value + {token: (.key + 22000)})[]' all >numbered
    # All values at once, then each switch and choice alone, with and without the rest.
    jq -sc --argjson b "$EVERYTHING" 'reduce (.[] | select((.enum or .type == "boolean") | not)) as $o ($b;
            setpath($o.path; if ($o.pattern // "" | startswith("^[0-9]")) then "\($o.token)"
                elif $o.type == "string" then "v\($o.token)" else $o.token end))' numbered >cases
    echo '{}' >>cases
    for base in '{}' "$EVERYTHING"; do
        jq -c --argjson b "$base" 'select(.enum or .type == "boolean") | . as $o
            | ($o.enum // [true, false])[] as $v | $b | setpath($o.path; $v)' numbered >>cases
    done
    [ "$(wc -l <cases)" -gt 250 ]
    while read -r options; do
        printf '%s\n' "$options" >options.json
        dse-render app "$PUBLISHED/datastax-dse" --options options.json 2>>duplicates >>theirs
        dse-render app "$P" --options options.json >>ours 2>warnings
        [ ! -s warnings ] # no duplicate member, nothing else
    done <cases
    # Other archives and images; nothing of libmesos; archives that the published package has in its image.
    for side in theirs ours; do
        jq -c '.env | del(.PACKAGE_VERSION, .PACKAGE_BUILD_TIME_EPOCH_MS, .PACKAGE_BUILD_TIME_STR, .MESOS_MODULES,
            .BOOTSTRAP_URI, .DATASTAX_SCRIPTS_URI, .JAVA_URI, .LIBMESOS_URI, .DSE_DOCKER_IMAGE,
            .DSE_ARCHIVE_URI, .DATASTAX_AGENT_ARCHIVE_URI)' $side >$side.env
        jq -S . $side.env >$side.sorted
    done
    diff theirs.sorted ours.sorted
}

@test "datastax-dse: what switches options gives valid JSON and a valid spec in every combination" {
    P=$TOP/universe/datastax-dse
    for n in $(seq 0 31); do
        jq -nc --argjson n "$n" 'def bit($b): ($n / pow(2; $b) | floor) % 2 == 1;
            {cluster: {dse_analytics: bit(0)}, cassandra: {commitlog_archiving_enabled: bit(1)},
             dse: {dsefs_enabled: bit(2), ldap: {enabled: bit(3)}, advanced_replication: {enabled: bit(4)}}}
            * if [range(5) | select(bit(.))] | length % 2 == 0 then {} else
                {dse: {solr_data_dir: "/a b", performance_max_threads: 5, max_memory_to_lock_mb: 1, dsefs_data_path: "d"}} end' >options.json
        dse-render app "$P" --options options.json >app.json 2>warnings
        "${clean[@]}" dse-render --strict --env-from app.json "$P/svc.yml" 2>>warnings >spec.json
        [ ! -s warnings ] || { cat warnings options.json; return 1; }
        jq -c '[.env | has("COMMITLOG_ARCHIVING_ENABLED"), .DSE_DSEFS_ENABLED, has("LDAP_ENABLED"), has("ADV_REPLICATION_ENABLED"), .PERFORMANCE_MAX_THREADS]' app.json >>seen
    done
    [ "$(grep -c '"5"' seen)" -eq 16 ]
    [ "$(grep -c null seen)" -eq 8 ] # DSEFS runs unless it and analytics are off
}

@test "datastax-dse: text with quotes, colons and equals signs arrives unchanged in the files" {
    text='a=b '\''c'\'' "d": & <e> \f `g` # {0}'
    render "$TOP/universe/datastax-dse" "$(jq -nc --arg t "$text" --argjson b "$EVERYTHING" '$b * {
        cluster: {cluster_name: ("  *" + $t)}, cassandra: {commitlog_archiving_archive_command: $t}, opscenter: {metrics_ignored_keyspaces: $t},
        dse: {solr_data_dir: $t, audit_logging_options_included_keyspaces: $t, ldap: {search_password: $t, user_search_filter: $t}}}')" out node agent
    "$BUILD/tools/yaml2json" out/conf/cassandra.yaml >cassandra.json
    json ".cluster_name == $(jq -n --arg t "$text" '"  *" + $t')" cassandra.json
    "$BUILD/tools/yaml2json" out/conf/dse.yaml >dse.json
    json ".solr_data_dir == $(jq -n --arg t "$text" '$t') and .ldap_options.search_password == .solr_data_dir
        and .ldap_options.user_search_filter == .solr_data_dir and .audit_logging_options.included_keyspaces == .solr_data_dir" dse.json
    "$BUILD/tools/yaml2json" out/conf/address.yaml >address.json
    json ".metrics_ignored_keyspaces == $(jq -n --arg t "$text" '$t')" address.json
    grep -qxF "archive_command=$text" out/conf/commitlog_archiving.properties
}

# What YAML, the template engines or a shell could read something into, at the beginning of a text.
BEGINS='["", "-", "- ", "?", "? ", ",", "[", "]", "{", "}", "# ", "&a ", "*", "!", "!!int ", "|", ">", "\u0027", "\"", "%", "@",
    "`", "~", "$(d)", " ", "   ", "\t", "=", "<<", "---", "...", ":", ": ", "a: ", "a #", "{{x}}", "{{{x}}}", "</X>", "ä\u3042\ud83d\ude00"]'

# texts JSON ROUND: tokens become such texts, another one each round.
texts() {
    jq -S --argjson r "$2" --argjson begins "$BEGINS" 'def text: .t as $t | $begins[(($t | tonumber) + 7 * $r) % ($begins | length)]
            + ": # \u0027a\u0027 \"b\" \\c $(d) {e} [f] !g %h @i `j &k *l <m>, - ? | n  " + $t + "  ";
        walk(if type == "string" then gsub("v(?<t>22[0-9]{3})w"; text) else . end)' "$1"
}

@test "datastax-dse: any text for any option that takes text arrives unchanged" {
    P=$TOP/universe/datastax-dse
    options "$P/config.json" service cluster dsenode cassandra dse opscenter >all
    # Without those that the scheduler itself knows what to do with: it refuses what they cannot be.
    jq -sc 'to_entries | map(.value + {token: (.key + 22000)} | select(.type == "string" and (.enum | not)
        and (.pattern | startswith("^[^")) and (.path | join(".") | IN("service.name", "service.region",
            "service.mesos_api_version", "dsenode.placement_constraint", "dsenode.cni_plugin_labels", "dse.dsefs_data_path") | not)
        and (.path[-1] | endswith("volume_profile") | not)))[]' all >free
    [ "$(wc -l <free)" -eq 115 ]
    jq -sc --argjson b "$EVERYTHING" 'reduce .[] as $o ($b * {service: {virtual_networks: true}};
        setpath($o.path; "v\($o.token)w"))' free >plain.json
    render "$P" "$(cat plain.json)" plain node agent
    mv spec.json plain/conf
    for file in plain/conf/*.yaml; do "$BUILD/tools/yaml2json" "$file" >"${file%.yaml}.json"; done
    for round in 1 2 3 4 5; do
        render "$P" "$(texts plain.json $round)" hostile node agent
        for file in cassandra dse address; do
            "$BUILD/tools/yaml2json" "hostile/conf/$file.yaml" | jq -S . >"$file.json"
        done
        for file in cassandra dse address spec; do
            jq -S . "$file.json" | diff <(texts "plain/conf/$file.json" $round) -
        done
        # A shell reads this one; folders are in the sandbox unless they are absolute.
        for file in plain hostile; do
            sh -c '. "$1" && printf "%s\n" "$SPARK_WORKER_DIR" "$SPARK_LOCAL_DIRS" "$SPARK_EXECUTOR_DIRS" "$SPARK_WORKER_LOG_DIR" \
                "$SPARK_MASTER_LOG_DIR" "$ALWAYSON_SQL_LOG_DIR" "$SPARK_DRIVER_MEMORY"' sh "$file/conf/spark-env.sh" | jq -R . >"$file.shell"
        done
        [ "$(wc -l <plain.shell)" -eq 7 ]
        diff <(texts plain.shell $round) hostile.shell
    done
}

@test "datastax packages: options that take text take one line of it; some take a number or NAME: VALUE" {
    for P in "$TOP"/universe/*; do
        # shellcheck disable=SC2046
        options "$P/config.json" $(jq -r '.properties | keys[]' "$P/config.json") | jq -c 'select(.type == "string" and (.enum | not))' >all
        run -0 jq -rs '[.[] | select(.pattern | startswith("^[^") | not) | .path | join(".")] | join(" ")' all
        case $P in
        *-dse)
            [ "$(wc -l <all)" -eq 133 ]
            [ "$output" = "dsenode.native_ssl_port cassandra.hints_compression_parameter cassandra.commitlog_compression_parameter opscenter.unthrottled_default opscenter.slow_query_past" ]
            ;;
        *-ops) [ "$(wc -l <all)" -eq 54 ] && [ -z "$output" ] ;;
        esac
        while IFS= read -r option; do
            for bad in 'a\nb' 'a\n' 'a\rb' 'a\u0085b' 'a\u2028b' 'a\u2029b' 'a\u0001b' 'a\u007fb' 'a\ufeffb'; do
                jq -c --argjson v "\"$bad\"" '.path as $p | {} | setpath($p; $v)' <<<"$option" >options.json
                run -3 dse-render app "$P" --options options.json
                [[ $output == *"/$(jq -r '.path | join("/")' <<<"$option"): must match the pattern "* ]]
            done
        done < <(jq -sc 'unique_by(.pattern)[]' all)
    done
    P=$TOP/universe/datastax-dse
    for good in '' LZ4 'chunk_length_kb: 64' 'level: -1' 'a.b-c: x/y+z'; do
        render "$P" "$(jq -n --arg v "$good" '{cassandra: {hints_compression_class: "C", hints_compression_parameter: $v, commitlog_compression_parameter: $v}}')" out node
        "$BUILD/tools/yaml2json" out/conf/cassandra.yaml >is.json
        json "$(jq -n --arg v "$good" '(if $v == "" then null elif $v == "LZ4" then [$v] else [$v | split(": ") | {(.[0]): .[1]}] end)') as \$e
            | .hints_compression[0].parameters == \$e and .commitlog_compression[0].parameters == \$e" is.json
    done
    for bad in 'a: b: c' 'a: #b' '- a' '*a' 'a: ' ': a' '-' '[' 'a: -'; do
        jq -n --arg v "$bad" '{cassandra: {hints_compression_parameter: $v}}' >options.json
        run -3 dse-render app "$P" --options options.json
    done
    for option in dsenode.native_ssl_port opscenter.unthrottled_default opscenter.slow_query_past; do
        jq -n --arg o "$option" '{} | setpath($o / "."; "12s")' >options.json
        run -3 dse-render app "$P" --options options.json
        [[ $output == *"must match the pattern '^[0-9]*\$', is \"12s\""* ]]
    done
}

@test "datastax-dse: without values options are left out; switches that are off say so" {
    render "$TOP/universe/datastax-dse" '{"opscenter": {"metrics_enabled": false, "enabled": false}}' out node agent
    for file in out/conf/*.yaml; do "$BUILD/tools/yaml2json" "$file" >"${file%.yaml}.json"; done
    json '[has("initial_token", "tpc_cores", "hints_compression", "counter_cache_size_in_mb", "commitlog_sync_batch_window_in_ms")] | any | not' out/conf/cassandra.json
    json '.commitlog_compression == [{"class_name": "LZ4Compressor"}] and .commitlog_sync_period_in_ms == "10000"' out/conf/cassandra.json
    json '[has("ldap_options", "advanced_replication_options", "max_memory_to_lock_mb")] | any | not' out/conf/dse.json
    json '.dsefs_options.enabled == "true" and (.dsefs_options.data_directories[0].dir | endswith("/sandbox/dsefs-data"))
        and (.solr_data_dir | endswith("/sandbox/solr-data")) and .performance_max_threads == "32"' out/conf/dse.json
    json '.metrics_enabled == "false" and (has("stomp_interface") | not) and .api_port == "21621"' out/conf/address.json
    [ "$(grep -v '^#' out/conf/commitlog_archiving.properties | tail -1)" = precision=MICROSECONDS ]
    # The shell reads what was rendered.
    [ "$(cd out && sh -c '. ./conf/spark-env.sh && echo "$SPARK_WORKER_DIR $SPARK_MASTER_WEBUI_PORT"')" = "$PWD/sandbox/dse-data/data/spark/worker 7080" ]
}
