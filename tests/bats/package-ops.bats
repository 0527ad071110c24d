#!/usr/bin/env bats
# The OpsCenter package's options: what is known of them, and where they arrive in the task.

load helpers
load options

@test "datastax-ops: 13, 104 and 7 options with the defaults that are known" {
    O=$TOP/universe/datastax-ops
    for section in service:13 opscenter:104 dse:7; do
        [ "$(options "$O/config.json" "${section%:*}" | wc -l)" -eq "${section#*:}" ]
    done
    dse-render app "$O" >app.json 2>warnings
    [ ! -s warnings ]
    json '.id == "datastax-ops" and .env.SERVICE_PRINCIPAL == "datastax-ops-service-account" and .env.OPSCENTER_CPUS == "2"
        and .env.OPSCENTER_MEM == "4000" and .env.OPSCENTER_HEAP == "2000" and .env.OPSCENTER_DISK == "10240" and .env.OPSCENTER_PLACEMENT == "[]"
        and .env.OPSCENTER_GUI_PORT == "8888" and .env.OPSCENTER_STOMP_PORT == "31620" and .env.OPSCENTER_SPARK_MASTER_PROXY_PORT == "17080"
        and .env.DSE_SEED_NODE_HOSTNAME1 == "dse-1-node.datastax-dse.autoip.dcos.thisdcos.directory"
        and .env.OPSC_REPAIR_SERVICE_IGNORE_KEYSPACES == "OpsCenter" and .env.OPSC_AGENTS_TMP_DIR == ""
        and (.env | has("OPSC_LDAP_ENABLED") or has("OPSC_AUTHENTICATION_ENABLED") or has("OPSCENTER_VOLUME_PROFILE") | not)
        and ([.env | keys[] | select(startswith("OPSC_"))] | length) == 69' app.json
    # With TLS the web interface has another port.
    echo '{"service": {"security": {"transport_encryption": {"enabled": true}}}, "opscenter": {"ldap": {"enabled": true}, "authentication": {"enabled": true}}}' >options.json
    dse-render app "$O" --options options.json >app.json 2>warnings
    [ ! -s warnings ]
    json '.env.OPSCENTER_GUI_PORT == "8443" and .env.OPSC_LDAP_ENABLED == "DEFINITELY" and .env.OPSC_AUTHENTICATION_ENABLED == "DEFINITELY"
        and .env.OPSC_AUTHENTICATION_LOGIN_USER == "admin" and .env.OPSC_LDAP_GROUP_SEARCH_FILTER_WITH_DN == "(member={0})"' app.json
    "${clean[@]}" dse-render --strict --env-from app.json "$O/svc.yml" >spec.json
    json '."pod-specs"[0]."task-specs"[0]."resource-set"."resource-specifications"[] | select(."vip-name" == "opscenter") | ."vip-port" == 8443' spec.json
}

@test "datastax-ops: each option of opscenter and dse arrives where the reviewed list says" {
    where "$TOP/universe/datastax-ops" '{"service": {"virtual_networks": true}, "opscenter": {"disk_type": "MOUNT", "ldap": {"enabled": true},
        "authentication": {"enabled": true}, "repair_service": {"snapshot_override": true}}}' node opscenter dse >datastax-ops
    [ "$(wc -l <datastax-ops)" -eq 111 ]
    run ! grep -v 'webserver.ssl_port' <(grep ': $' datastax-ops)
    compare datastax-ops
}

@test "datastax-ops: switches give valid JSON and a valid spec in every combination" {
    O=$TOP/universe/datastax-ops
    for n in $(seq 0 63); do
        jq -nc --argjson n "$n" 'def bit($b): ($n / pow(2; $b) | floor) % 2 == 1;
            {service: {virtual_networks: bit(0), security: {transport_encryption: {enabled: bit(1)}}, service_secret_name: (if bit(2) then "s" else "" end)},
             opscenter: ({ldap: {enabled: bit(3)}, authentication: {enabled: bit(4)}}
                + (if bit(5) then {disk_type: "MOUNT", volume_profile: "p", jvm_opts: "-Da=b -Dc=d"} else {} end))}' >options.json
        dse-render app "$O" --options options.json >app.json 2>warnings
        "${clean[@]}" dse-render --strict --env-from app.json "$O/svc.yml" 2>>warnings >spec.json
        [ ! -s warnings ] || { cat warnings options.json; return 1; }
        jq -c '[.env | keys]' app.json >>seen
    done
    [ "$(sort -u seen | wc -l)" -eq 64 ]
}
