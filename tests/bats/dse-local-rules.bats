#!/usr/bin/env bats
# dse-local: each rule of a master about launches, operations and calls (see offer-cycle 10.5-10.10), with
# the words in which it refuses.
load helpers
load local

setup() {
    DIR=$BATS_TEST_TMPDIR
    cd "$DIR"
}
teardown() {
    stop_all
}

# ---- launches ----------------------------------------------------------------------------------

# The rows of a table `TASK :: JQ on the LAUNCH_GROUP :: message`, all in one ACCEPT: every one must end in
# TASK_ERROR with that message, in order, and nothing may be launched.
refused_launches() {
    local row task change message sep=
    retry 5 an_offer
    group @ 'sleep 1' >group.json
    : >program
    : >wanted
    while read -r row; do
        task=${row%% :: *} message=${row##* :: } change=${row#* :: }
        change=${change%% :: *}
        printf '%s(at("%s") | .launch_group |= (%s))\n' "$sep" "$task" "$change" >>program
        echo "$task TASK_ERROR REASON_TASK_GROUP_INVALID SOURCE_MASTER false ${message//AGENT/$(agent_id agent1)}" >>wanted
        sep=,
    done
    accept "$(jq -c 'def at(t): walk(if type == "string" then sub("@"; t) else . end); ['"$(cat program)"']' group.json)"
    [ "$STATUS" = 202 ]
    all() { [ "$(updates | wc -l)" -ge "$(wc -l <wanted)" ]; }
    retry 5 all
    updates | jq -r '"\(.task_id.value) \(.state) \(.reason) \(.source) \(has("uuid")) \(.message)"' >got
    diff wanted got
    # After all that the agent is as it was.
    json '.agents[0] | .executors == [] and .reservations == []' <(curl -s "$MASTER/state")
}

@test "launches that a master refuses: tasks" {
    start_local
    subscribe s
    local long
    long=$(printf 'x%.0s' $(seq 256))
    refused_launches <<END
noname :: .task_group.tasks[0].resources[0].name = "" :: Resource ':0.1' is invalid: Empty resource name
negative :: .task_group.tasks[0].resources[0].scalar.value = -1 :: Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0
tiny :: .task_group.tasks[0].resources[0].scalar.value = 0.0001 :: Resource 'cpus:0.0001' is invalid: Invalid scalar resource: value <= 0
kind :: .task_group.tasks[0].resources[0].ranges = {range: []} :: Resource 'cpus:0.1' is invalid: Invalid scalar resource
begin :: .task_group.tasks[0].resources += [{name: "ports", type: "RANGES", ranges: {range: [{begin: 2000, end: 1999}]}}] :: Resource 'ports:[2000-1999]' is invalid: Invalid ranges resource: begin > end
overlap :: .task_group.tasks[0].resources += [{name: "ports", type: "RANGES", ranges: {range: [{begin: 2000, end: 2010}, {begin: 2010, end: 2020}]}}] :: Resource 'ports:[2000-2010, 2010-2020]' is invalid: Invalid ranges resource: overlapping ranges
set :: .task_group.tasks[0].resources += [{name: "s", type: "SET", set: {item: ["a", "a"]}}] :: Resource 's:{a, a}' is invalid: Invalid set resource: duplicated elements
formats :: .task_group.tasks[0].resources[0] += {role: "a", reservations: [{type: "STATIC", role: "b"}]} :: Resource 'cpus(reservations: [(STATIC,b)]):0.1' is invalid: Invalid resource format: 'Resource.role' field with 'a' does not match the role 'b' in 'Resource.reservations'
bottom :: .task_group.tasks[0].resources[0].reservations = [{type: "DYNAMIC", role: "a"}, {type: "STATIC", role: "a/b"}] :: Resource 'cpus(reservations: [(DYNAMIC,a),(STATIC,a/b)]):0.1' is invalid: Invalid refined reservation: A refined reservation cannot be STATIC
subrole :: .task_group.tasks[0].resources[0].reservations = [{type: "STATIC", role: "a"}, {type: "DYNAMIC", role: "ab"}] :: Resource 'cpus(reservations: [(STATIC,a),(DYNAMIC,ab)]):0.1' is invalid: Invalid refined reservation: role 'ab' is not a refinement of 'a'
executor :: .executor.resources[2].disk = {source: {type: "RAW", mount: {root: "/x"}}} :: Resource 'disk[RAW]:8' is invalid: Mount should not be set for RAW disk source
two :: .task_group.tasks[0].resources[0] += {role: "a", reservations: [{type: "STATIC", role: "a"}, {type: "DYNAMIC", role: "a/b"}]} :: Resource 'cpus(reservations: [(STATIC,a),(DYNAMIC,a/b)]):0.1' is invalid: Invalid resource format: 'Resource.role' must not be set if there is more than one reservation in 'Resource.reservations'
half :: .task_group.tasks[0].resources[0] += {role: "a", reservations: [{type: "DYNAMIC", role: "a"}]} :: Resource 'cpus(reservations: [(DYNAMIC,a)]):0.1' is invalid: Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both set or both not set if the single reservation in 'Resource.reservations' is DYNAMIC
oldtype :: .task_group.tasks[0].resources[0] += {role: "a", reservation: {type: "DYNAMIC"}} :: Resource 'cpus:0.1' is invalid: 'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field
nothing :: .task_group.tasks[0].resources = [] :: Task 'nothing' is invalid: Task uses no resources
elsewhere :: .task_group.tasks[0].agent_id.value = "other" :: Task 'elsewhere' is invalid: Task uses invalid agent other while agent AGENT is expected
grace :: .task_group.tasks[0].kill_policy = {grace_period: {nanoseconds: -1}} :: Task 'grace' is invalid: Task's 'kill_policy.grace_period' must be non-negative
limit :: .task_group.tasks[0].max_completion_time = {nanoseconds: -1} :: Task 'limit' is invalid: Task's \`max_completion_time\` must be non-negative
gpus :: .task_group.tasks[0].resources += [{name: "gpus", type: "SCALAR", scalar: {value: 0.5}}] :: Task 'gpus' is invalid: Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer
tworoles :: .task_group.tasks[0].resources[0].allocation_info = {role: "a"} :: Task 'tworoles' is invalid: Invalid task resources: The resources have multiple allocation roles ('dse-role' and 'a') but only one allocation role is allowed
mixed :: .task_group.tasks[0].resources += [.task_group.tasks[0].resources[0] + {revocable: {}}] :: Task 'mixed' is invalid: Task mixes revocable and non-revocable resources: Cannot use both revocable and non-revocable 'cpus' at the same time
slash :: .task_group.tasks[0].task_id.value = "slash" | .task_group.tasks[0].check = {type: "HTTP", http: {port: 1, path: "x"}} :: Task 'slash' is invalid: Task uses invalid check: The path 'x' of HTTP check must start with '/'
checkcmd :: .task_group.tasks[0].check = {type: "COMMAND", command: {command: {}}} :: Task 'checkcmd' is invalid: Task uses invalid check: Command check must contain 'shell command'
interval :: .task_group.tasks[0].check = {type: "TCP", tcp: {port: 1}, interval_seconds: -1} :: Task 'interval' is invalid: Task uses invalid check: Expecting 'interval_seconds' to be non-negative
tcp :: .task_group.tasks[0].health_check = {type: "TCP"} :: Task 'tcp' is invalid: Task uses invalid health check: Expecting 'tcp' to be set for TCP health check
gracesec :: .task_group.tasks[0].health_check = {type: "TCP", tcp: {port: 1}, grace_period_seconds: -2} :: Task 'gracesec' is invalid: Task uses invalid health check: Expecting 'grace_period_seconds' to be non-negative
secretenv :: .task_group.tasks[0].command.environment.variables = [{name: "P", type: "SECRET"}] :: Task 'secretenv' is invalid: Task's \`CommandInfo\` is invalid: Environment variable 'P' of type 'SECRET' must have a secret set
bothenv :: .task_group.tasks[0].command.environment.variables = [{name: "P", type: "VALUE", value: "v", secret: {type: "VALUE", value: {data: ""}}}] :: Task 'bothenv' is invalid: Task's \`CommandInfo\` is invalid: Environment variable 'P' of type 'VALUE' must not have a secret set
volume :: .task_group.tasks[0].container = {type: "MESOS", volumes: [{mode: "RW", container_path: "a"}]} :: Task 'volume' is invalid: Task's \`ContainerInfo\` is invalid: Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'
docker :: .task_group.tasks[0].container = {type: "DOCKER", docker: {image: "i"}} :: Task 'docker' is invalid: Docker ContainerInfo is not supported on the task
httppath :: .task_group.tasks[0].health_check = {type: "HTTP", http: {port: 1, path: "x"}} :: Task 'httppath' is invalid: Task uses invalid health check: The path 'x' of HTTP health check must start with '/'
delay :: .task_group.tasks[0].health_check = {type: "TCP", tcp: {port: 1}, delay_seconds: -1} :: Task 'delay' is invalid: Task uses invalid health check: Expecting 'delay_seconds' to be non-negative
cpulimit :: .task_group.tasks[0].limits = {cpus: {value: 0.05}} :: Task 'cpulimit' is invalid: The cpu limit must be greater than or equal to the cpu request
limits :: .task_group.tasks[0].limits = {disk: {value: 10}} :: Task 'limits' is invalid: Only cpus and mem may be included in a task's resource limits
low :: .task_group.tasks[0].limits = {mem: {value: 10}} :: Task 'low' is invalid: The memory limit must be greater than or equal to the memory request
shared :: .task_group.tasks[0].limits = {mem: {value: 64}} :: Task 'shared' is invalid: Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to 'false'.
network :: .task_group.tasks[0] |= (.container = {type: "MESOS", network_infos: [{name: "n"}]} | .health_check = {type: "TCP", tcp: {port: 1}}) :: Task 'network' is invalid: HTTP and TCP health checks are not supported for nested containers not joining parent's network
nul :: .task_group.tasks[0].command.environment.variables = [{name: "P", type: "SECRET", secret: {type: "VALUE", value: {data: "AGEA"}}}] :: Task 'nul' is invalid: Task's \`CommandInfo\` is invalid: Environment variable 'P' specifies a secret containing null bytes, which is not allowed in the environment
csi :: .task_group.tasks[0].container = {type: "MESOS", volumes: [{mode: "RW", container_path: "a", source: {type: "CSI_VOLUME"}}]} :: Task 'csi' is invalid: Task's \`ContainerInfo\` is invalid: Invalid volume: 'source.csi_volume' is not set for CSI volume
static :: .task_group.tasks[0].container = {type: "MESOS", volumes: [{mode: "RW", container_path: "a", source: {type: "CSI_VOLUME", csi_volume: {plugin_name: "p"}}}]} :: Task 'static' is invalid: Task's \`ContainerInfo\` is invalid: Invalid volume: 'source.csi_volume.static_provisioning' is not set for CSI volume
order :: .task_group.tasks[0] |= (.container = {type: "DOCKER", docker: {image: "i"}, network_infos: [{name: "n"}]} | .health_check = {type: "TCP", tcp: {port: 1}}) :: Task 'order' is invalid: HTTP and TCP health checks are not supported for nested containers not joining parent's network
revocable :: .task_group.tasks[0].resources[0] += {revocable: {}, reservations: [{type: "DYNAMIC", role: "dse-role"}]} :: Task 'revocable' is invalid: Task uses invalid resources: Invalid ReservationInfo: Dynamically reserved resource cpus(allocated: dse-role)(reservations: [(DYNAMIC,dse-role)]){REV}:0.1 cannot be created from revocable resources
$long :: . :: Task '$long' is invalid: ID must not be greater than 255 characters
END
}

@test "launches that a master refuses: executors and sums" {
    start_local
    subscribe s
    refused_launches <<END
notype :: del(.executor.type) :: 'ExecutorInfo.type' must be set
foreign :: .executor.framework_id.value = "other" :: ExecutorInfo has an invalid FrameworkID (Actual: other vs Expected: $F)
orphan :: del(.executor.framework_id) :: 'ExecutorInfo.framework_id' must be set
docker :: .executor.container = {type: "DOCKER", docker: {image: "i"}} :: 'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor
image :: .executor.container = {type: "MESOS", mesos: {image: {type: "DOCKER", docker: {name: "i"}}}} :: 'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor
cpus :: .executor.resources[0].scalar.value = 0.009 :: Executor 'e-cpus' uses less CPUs (0.009) than the minimum required (0.01)
mem :: .executor.resources[1].scalar.value = 31 :: Executor 'e-mem' uses less memory (31MB) than the minimum required (32MB)
disk :: .executor.resources |= .[:2] :: Executor 'e-disk' uses no disk
id :: .executor.executor_id.value = "a/b" :: 'a/b' contains invalid characters
cgroups :: .executor.container = {type: "MESOS", linux_info: {share_cgroups: true}} :: The 'share_cgroups' field cannot be set to 'true' on executor containers
ports :: .executor.resources += [{name: "ports", type: "RANGES", ranges: {range: [{begin: 2000, end: 2000}]}}] | .task_group.tasks[0].resources += [.executor.resources[-1]] :: There are overlapping resources in the task group's task resources [ cpus(allocated: dse-role):0.1; mem(allocated: dse-role):32; ports(allocated: dse-role):[2000-2000] ] and/or executor resources cpus(allocated: dse-role):0.1; mem(allocated: dse-role):32; disk(allocated: dse-role):8; ports(allocated: dse-role):[2000-2000]
little :: .executor.resources[1].scalar.value = 31.9 :: Executor 'e-little' uses less memory (31MB) than the minimum required (32MB)
mixed :: .executor.resources[0].revocable = {} :: Task group and executor mix revocable and non-revocable resources: Cannot use both revocable and non-revocable 'cpus' at the same time
END
}

@test "a group whose tasks differ in sharing the cgroup, or that asks for too much, is refused whole" {
    start_local --cpus 1 --mem 256
    subscribe s
    retry 5 an_offer
    accept "[$(group one 'sleep 1' | jq -c '.launch_group.task_group.tasks |= (. + [.[0] | .task_id.value = "two"
        | .container = {type: "MESOS", linux_info: {share_cgroups: false}}])'),
        $(group big 'sleep 1' | jq -c '.launch_group.task_group.tasks[0].resources[1].scalar.value = 225')]"
    wait_state two TASK_ERROR
    [ "$(update_of one TASK_ERROR | jq -r .message)" = "$(update_of two TASK_ERROR | jq -r .message)" ]
    [[ $(update_of one TASK_ERROR | jq -r .message) == "If set, the value of 'share_cgroups' must be the same for all tasks"* ]]
    wait_state big TASK_ERROR '.message | startswith("Total resources ") and contains("mem(allocated: dse-role):257")'
    # One MB less is not too much; and nothing of the refused ones is in use.
    retry 5 an_offer
    accept "[$(group big 'sleep 1' | jq -c '.launch_group.task_group.tasks[0].resources[1].scalar.value = 224')]"
    wait_state big TASK_RUNNING
}

@test "a task id is free again only when its end is acknowledged; that of an unreachable task is not" {
    start_local --agent-timeout 0.2 --agents 2
    export DSE_MASTER=$MASTER
    subscribe s
    launch t1 'exit 0'
    ended() { [ "$(curl -s "$MASTER/state" | jq -r '.frameworks[0].tasks[0].state')" = TASK_FINISHED ]; }
    retry 5 ended
    retry 5 an_offer
    accept "[$(group t1 'sleep 600')]"
    retry 5 has s 'select(.update.status.message == "Task '"'t1'"' is invalid: Task has duplicate ID: t1")'
    wait_state t1 TASK_FINISHED
    forgotten() { acknowledge && curl -s "$MASTER/state" | jq -e '.frameworks[0].tasks == []' >/dev/null; }
    retry 5 forgotten
    launch t1 'sleep 600'
    retry 5 has s 'select(.update.status.state == "TASK_RUNNING")'
    dse-local agent-down agent1
    wait_state t1 TASK_UNREACHABLE
    retry 5 an_offer agent2.local
    accept "[$(group t1 'sleep 600' | jq -c --arg a "$(agent_id agent2)" \
        '.launch_group.task_group.tasks[0].agent_id.value = $a')]" agent2.local
    retry 5 has s 'select(.update.status.message ==
        "Task '"'t1'"' is invalid: Task reuses the ID of an unreachable task: t1")'
}

# ---- operations --------------------------------------------------------------------------------

# The rows of a table `TYPE :: JQ making the resource from $plain, $mine and $volume :: part of the message`, all with an id
# in one ACCEPT. "-" means that it is carried out.
operations() {
    local row type change message n=0
    retry 5 an_offer
    : >program
    : >wanted
    while read -r row; do
        type=${row%% :: *} message=${row##* :: } change=${row#* :: }
        change=${change%% :: *}
        n=$((n + 1))
        printf ', operation("op%s"; "%s"; [%s])\n' "$n" "$type" "$change" >>program
        printf '%s\n' "op$n $type $message" >>wanted
    done
    accept "$(jq -nc --argjson mine "$(reserved r1 disk 64)" --argjson volume "$(
        reserved r1 disk 64 '{"persistence":{"id":"v1","principal":"dse-principal"},"volume":{"mode":"RW","container_path":"data"}}')" '
        def operation(id; type; r): {type: type, id: {value: id}}
            + if type == "CREATE" or type == "DESTROY" then {(type | ascii_downcase): {volumes: r}}
              elif type | endswith("RESERVE") then {(type | ascii_downcase): {resources: r}} else {} end;
        {name: "disk", type: "SCALAR", scalar: {value: 64}} as $plain | [empty'"$(cat program)"']')"
    [ "$STATUS" = 202 ]
    statuses() { events s | jq -c 'select(.type == "UPDATE_OPERATION_STATUS").update_operation_status.status'; }
    all() { [ "$(statuses | wc -l)" -ge "$(wc -l <wanted)" ]; }
    retry 5 all
    statuses | jq -r '.operation_id.value + " " + if .state == "OPERATION_FINISHED" and has("uuid") and has("agent_id")
        then "-" elif .state == "OPERATION_ERROR" and (has("uuid") | not) then .message else tojson end' >got
    local id rest answer
    while read -r id type rest; do
        answer=$(sed -n "s/^$id //p" got)
        rest=${rest//AGENT/$(agent_id agent1)}
        [ "$rest" = - ] && [ "$answer" = - ] && continue
        [[ $answer != - && $rest != - && $answer == *"$rest"* ]] ||
            { echo "$id $type"; echo "wanted $rest"; echo "got    $answer"; return 1; }
    done <wanted
}

@test "operations that a master drops, in its words, between those that it carries out" {
    start_local
    subscribe s
    operations <<'END'
RESERVE :: $plain :: Resource disk(allocated: dse-role):64 is not dynamically reserved
RESERVE :: $mine | del(.reservations[0].principal) :: A reserve operation was attempted by principal 'dse-principal', but there is a reserved resource in the request with no principal set
RESERVE :: $mine | .reservations[0].principal = "other" :: attempted by authenticated principal 'dse-principal', which does not match a reserved resource in the request with principal 'other'
RESERVE :: $mine | .reservations[0].role = "other" :: A reserve operation was attempted for a resource with role 'other', but the resource was allocated to role 'dse-role'; on agent AGENT at slave(1)@127.0.0.2:5051 (agent1.local)
RESERVE :: $mine | .allocation_info.role = "other" | .reservations[0].role = "other" :: A reserve operation was attempted for a resource allocated to role 'other', but the framework only has roles '{ dse-role }'; on agent AGENT
RESERVE :: $mine | .reservations[0].role = "*" :: Operation attempted with invalid resources: Resource 'disk(reservations: [(DYNAMIC,*,dse-principal,{resource_id: r1})]):64' is invalid: Invalid reservation: role "*" cannot be reserved
RESERVE :: $mine | del(.reservations[0].type) :: 'Resource.ReservationInfo.type' field must be set
RESERVE :: $mine | .scalar.value = 99999 :: does not contain disk(allocated: dse-role):99999
GROW_VOLUME :: $plain :: not supported by dse-local
RESERVE :: $mine, ($mine | .reservations[0].labels.labels[0].value = "r2" | .scalar.value = 20480) :: does not contain disk(allocated: dse-role):20544
RESERVE :: empty :: Invalid resources: The resources have multiple resource providers: ; on agent AGENT
DESTROY :: empty :: Invalid resources: The resources have multiple resource providers: ; on agent AGENT
CREATE :: $volume :: does not contain
RESERVE :: $mine :: -
UNRESERVE :: $mine | .scalar.value = 65 :: does not contain
UNRESERVE :: $mine | .reservations[0].labels.labels[0].value = "other" :: does not contain
UNRESERVE :: $mine | .allocation_info.role = "other" :: does not contain disk(allocated: other)(reservations: 
UNRESERVE :: $plain :: Resource disk(allocated: dse-role):64 is not dynamically reserved
CREATE :: $mine :: Not a persistent volume: Resource disk
CREATE :: $plain * {disk: $volume.disk} :: Persistent volumes cannot be created from unreserved resources
CREATE :: $volume | del(.disk.volume) :: Expecting 'volume' to be set for persistent volume
CREATE :: $volume * {disk: {volume: {mode: "RO"}}} :: Not a persistent volume: Read-only persistent volume not supported
CREATE :: $volume * {disk: {volume: {host_path: "/tmp"}}} :: Expecting 'host_path' to be unset for persistent volume
CREATE :: $volume * {disk: {persistence: {id: "a/b"}}} :: Invalid persistence ID for persistent volume: 'a/b' contains invalid characters
CREATE :: $volume * {disk: {persistence: {principal: "other"}}} :: attempted by authenticated principal 'dse-principal', which does not match a volume
CREATE :: $volume | del(.disk.persistence.principal) :: attempted by principal 'dse-principal', but there is a volume in the operation with no principal set
DESTROY :: $volume :: Persistent volumes not found
CREATE :: $volume :: -
CREATE :: $volume :: Persistence ID 'v1' is not unique
UNRESERVE :: $volume :: A dynamically reserved persistent volume disk
UNRESERVE :: $mine :: does not contain
DESTROY :: $mine :: Not a persistent volume: Resource disk
DESTROY :: $volume :: -
DESTROY :: $volume :: Persistent volumes not found
UNRESERVE :: $mine | .scalar.value = 14 :: -
UNRESERVE :: $mine | .scalar.value = 50 :: -
UNRESERVE :: $mine | .scalar.value = 1 :: does not contain
END
    json '.agents[0] | .reservations == [] and .volumes == []' <(curl -s "$MASTER/state")
}

@test "operations that are none are answered before any other runs; their ids are checked" {
    start_local
    subscribe s
    retry 5 an_offer
    accept "[$(group first 'sleep 600'), {\"type\":\"RESERVE\",\"id\":{\"value\":\"bare\"}},
        {\"type\":\"RESERVE\",\"id\":{\"value\":\"again\"},\"reserve\":{\"resources\":[$(reserved r1 mem 64)],\"source\":[$(reserved r2 mem 64)]}},
        $(group named 'sleep 600' | jq -c '.id = {value: "x"}')]"
    wait_state first TASK_RUNNING
    events s | jq -r 'if .type == "UPDATE" then .update.status | "\(.task_id.value) \(.state) \(.message)"
        elif .type == "UPDATE_OPERATION_STATUS" then .update_operation_status.status | "\(.operation_id.value) \(.message)"
        else empty end' | head -4 | diff - <(cat <<'END'
bare Operation attempted with invalid resources: A RESERVE offer operation must have the Offer.Operation.reserve field set.
again Operation attempted with invalid resources: Reservation updates are not yet implemented for the scheduler API.
named TASK_ERROR The `id` field cannot be set on LAUNCH_GROUP operations
first TASK_STARTING null
END
)
    # What comes too late is answered too.
    call "$(jq -nc --argjson r "$(reserved r1 mem 64)" '{type: "ACCEPT", accept: {offer_ids: [{value: "none"}],
        operations: [{type: "RESERVE", id: {value: "late"}, reserve: {resources: [$r]}}]}}')"
    retry 5 has s 'select(.update_operation_status.status | .operation_id.value == "late"
        and .message == "Operation attempted with invalid offers: Offer none is no longer valid")'
}

@test "what is reserved for one purpose is not taken for another: labels and principals are part of it" {
    start_local
    subscribe s
    retry 5 an_offer
    accept "[{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[$(reserved r1 mem 64),$(reserved r2 mem 64)]}}]"
    retry 5 offer_with '[.resources[] | select(.reservations) | .scalar.value] == [64, 64]'
    accept "[$(group t1 'sleep 600' | jq -c --argjson r "$(reserved r1 mem 65)" \
        '.launch_group.task_group.tasks[0].resources += [$r]')]"
    wait_state t1 TASK_ERROR '.message | startswith("Total resources ")'
}

# ---- calls -------------------------------------------------------------------------------------

@test "REVIVE and SUPPRESS of a role that is not the framework's have no effect at all" {
    start_local
    subscribe s '.subscribe.framework_info.roles = ["one", "two"] | .subscribe.suppressed_roles = ["one", "two"]'
    call '{"type":"REVIVE","revive":{"roles":["one","other"]}}'
    [ "$STATUS" = 202 ]
    suppressed() { [ "$(curl -s "$MASTER/state" | jq -c '.frameworks[0].suppressed_roles | sort')" = "$1" ]; }
    suppressed '["one","two"]'
    call '{"type":"REVIVE","revive":{"roles":["one"]}}'
    retry 5 suppressed '["two"]'
    call '{"type":"SUPPRESS","suppress":{"roles":["one","other"]}}'
    suppressed '["two"]'
    call '{"type":"SUPPRESS","suppress":{}}'
    retry 5 suppressed '["one","two"]'
}

@test "what a framework may be, at its subscription and later" {
    start_local
    refused() { # JQ MESSAGE
        subscribe "$(printf r%s $((N = ${N:-0} + 1)))" "$1"
        [ "$(events "$S" | jq -r .error.message)" = "$2" ] || { events "$S"; return 1; }
    }
    refused '.subscribe.framework_info.role = "*"' "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
    refused '.subscribe.framework_info.roles += ["dse-role"]' "'FrameworkInfo.roles' contains duplicate items: { dse-role }"
    refused '.framework_id.value = "a/b" | .subscribe.framework_info.id = .framework_id' "'a/b' contains invalid characters"
    refused '.subscribe.framework_info.failover_timeout = 1e10' 'The framework failover_timeout (1e+10) is invalid'
    refused '.subscribe.suppressed_roles = ["other"]' 'Suppressed roles { other } are not contained in the set of roles'
    refused '.subscribe.framework_info.offer_filters = {"dse-role": {min_allocatable_resources: {quantities: [{}]}}}' \
        'Resource quantities must contain at least one quantity'
    refused '.subscribe.framework_info.offer_filters = {"dse-role": {min_allocatable_resources: {quantities: [{quantities: {cpus: {value: -1}}}]}}}' \
        "Invalid resource quantity for 'cpus': Negative values not supported"
    refused '.subscribe.offer_constraints = {role_constraints: {"other": {}}}' \
        "Offer constraints specify \`role_constraints\` for a role 'other'not contained in the set of roles"
    refused '.subscribe.offer_constraints = {role_constraints: {"dse-role": {groups: [{}]}}}' 'offer constraints are not supported by dse-local'
    # An empty id is none, and less than no time is none.
    subscribe s '.framework_id.value = "" | .subscribe.framework_info.id = .framework_id
        | .subscribe.framework_info.failover_timeout = -5'
    [[ $F == *-0000 ]]
    update() { # JQ STATUS MESSAGE
        call "$(jq -c --arg f "$F" '.subscribe | .framework_info.id.value = $f | {type: "UPDATE_FRAMEWORK", update_framework: .}
            | .update_framework |= ('"$1"')' s.json)"
        [ "$STATUS" = "$2" ] && [ "$(cat body)" = "$3" ] || { echo "$STATUS"; cat body; return 1; }
    }
    update '.framework_info.role = "x"' 400 "Supplied FrameworkInfo is not valid: 'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
    update '.framework_info.user = "x"' 400 "FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'root' to 'x'"
    update '.framework_info.checkpoint = true' 400 "FrameworkInfo update is not valid: Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'false' to 'true'"
    update '.suppressed_roles = ["x"]' 400 "'UpdateFramework' call is not valid: Suppressed roles { x } are not contained in the set of roles"
    update '.suppressed_roles = ["dse-role"]' 200 ''
    [ "$(curl -s "$MASTER/state" | jq -c '.frameworks[0].suppressed_roles')" = '["dse-role"]' ]
    stop_bg s
    forgotten() { [ "$(curl -s "$MASTER/state" | jq '.frameworks | length')" = 0 ]; }
    retry 5 forgotten
}

@test "what is worth an offer: cpus or memory, or what the framework says" {
    start_local --cpus 1 --mem 64
    subscribe s
    retry 5 an_offer
    accept "[$(group t1 'sleep 600' | jq -c '.launch_group.task_group.tasks[0].resources = [{name: "cpus", type: "SCALAR", scalar: {value: 0.9}},
        {name: "mem", type: "SCALAR", scalar: {value: 1}}]')]"
    wait_state t1 TASK_RUNNING
    curl -s "$MASTER/state" | jq -c '.agents[0].free' >free
    json 'map(select(.name == "cpus" or .name == "mem") | [.name, .scalar.value]) == [["mem", 31]]' free
    # 31 MB and a whole disk are not enough ...
    subscribe more '.subscribe.framework_info.offer_filters = {"dse-role": {min_allocatable_resources: {quantities: [
        {quantities: {mem: {value: 32}}}, {quantities: {disk: {value: 100}, mem: {value: 31}}}]}}}'
    retry 5 an_offer # ... but for this one
    S=s
    [ -z "$(offered)" ]
}

@test "offers of two agents, of two roles or twice the same cannot be accepted together" {
    start_local --agents 2
    subscribe s '.subscribe.framework_info.roles = ["a", "b"]'
    retry 5 an_offer agent1.local
    retry 5 an_offer agent2.local
    lost() { # TASK MESSAGE OFFER-IDS
        call "$(jq -nc --argjson g "$(group "$1" true)" --argjson ids "$3" \
            '{type: "ACCEPT", accept: {offer_ids: $ids, operations: [$g]}}')"
        retry 5 has s "select(.update.status.task_id.value == \"$1\")"
        [[ $(update_of "$1" TASK_DROPPED | jq -r '"\(.reason) \(.message)"') == \
            "REASON_INVALID_OFFERS Task launched with invalid offers: $2"* ]]
    }
    one=$(offered agent1.local | jq -c .id) two=$(offered agent2.local | jq -c .id)
    if [ "$(offered agent1.local | jq -r .allocation_info.role)" = "$(offered agent2.local | jq -r .allocation_info.role)" ]; then
        lost t1 'Aggregated offers must belong to one single agent' "[$one,$two]"
    else
        lost t1 'Aggregated offers must be allocated to the same role' "[$one,$two]"
    fi
    # Both came back, unfiltered.
    anew() { [ "$(offered agent1.local | jq -c .id)" != "$one" ] && [ "$(offered agent2.local | jq -c .id)" != "$two" ]; }
    retry 5 anew
    one=$(offered agent1.local | jq -c .id)
    lost t2 'Duplicate offer' "[$one,$one]"
    lost t3 'No offers specified' '[]'
}
