# A dump of this toolkit as the original would have left the same service: without Toolkit/, with the
# scheduler's address in interior nodes, its layout of JSON. $sdk: "0.57" or "0.42", whose
# configurations lack what came later (service-spec 6.7).
def old_task: del(."task-labels", ."ipc-mode", ."shm-size")
    | ."resource-set"."volume-specifications"[]? |= del(.profiles);
def old_pod: del(."host-volumes", ."seccomp-unconfined", ."seccomp-profile-name", ."ipc-mode", ."shm-size")
    | ."task-specs"[] |= old_task;
def old_spec: del(.goal) | ."pod-specs"[] |= old_pod;
def newer_spec: ."pod-specs"[] |= (del(."external-volumes") | ."task-specs"[]."resource-set" |= del(."resource-limits"));
select(.path | startswith("Toolkit") | not)
| if .path | test("^Tasks(/[^/]+(/Metadata)?)?$") then {path, text: "10.0.1.5"}
  elif .path | startswith("Configurations/") then
    .text |= (fromjson | newer_spec | if $sdk == "0.42" then old_spec else . end | tojson)
  else . end
