# Options of a package, and where each of them arrives in its tasks: options -> Marathon app -> Service Spec -> the
# files that bootstrap renders in the task. `load options` behind `load helpers`. The reviewed lists are in
# tests/golden/package, one line an option.
GOLDEN=$TOP/tests/golden/package

setup() {
    cd "$BATS_TEST_TMPDIR" || exit 70
    clean=(env -i "PATH=$PATH" LC_ALL=C.UTF-8)
}

# render PACKAGE OPTIONS_JSON DIR TASK...: the spec goes to spec.json, what the tasks' bootstrap renders below DIR.
render() {
    local package=$1 dir=$3 task
    printf '%s' "$2" >options.json
    dse-render app "$package" --options options.json >app.json
    "${clean[@]}" dse-render --env-from app.json --spec-only "$package/svc.yml" >spec.json
    shift 3
    if [ ! -d sandbox ]; then # the templates are the same each time
        mkdir -p sandbox/config-templates
        jq -r '."pod-specs"[0]."task-specs"[]."config-files"[]? | "\(.name) \(."template-content" | @base64)"' \
            spec.json | while read -r name content; do
            base64 -d <<<"$content" >"sandbox/config-templates/$name"
        done
    fi
    mkdir -p "$dir/conf"
    for task in "$@"; do
        jq -r --arg t "$task" '."pod-specs"[0]."task-specs"[] | select(.name == $t)
            | (."command-spec".environment | to_entries[] | "\(.key)=\(.value)"),
              (."config-files"[]? | "CONFIG_TEMPLATE_\(.name | ascii_upcase | gsub("-"; "_"))=config-templates/\(.name),\(."relative-path")")' \
            spec.json >task.env
        mapfile -t vars <task.env
        (cd "$dir" && "${clean[@]}" "${vars[@]}" MESOS_SANDBOX="$BATS_TEST_TMPDIR/sandbox" MESOS_CONTAINER_IP=10.0.0.1 ZONE=z1 \
            FRAMEWORK_HOST=dse.example PLACEMENT_REFERENCED_ZONE=false \
            dse-bootstrap -resolve=false -print-env=false -install-certs=false 2>../bootstrap.err) ||
            { cat bootstrap.err; return 1; }
    done
}

# lines FILE: lines `file place=value` of a rendered file or of spec.json.
lines() {
    local name
    name=$(basename "$1")
    case $name in
    *.yaml)
        "$BUILD/tools/yaml2json" "$1" | jq -r --arg f "$name" \
            'paths(scalars) as $p | "\($f) \($p | map(tostring) | join("."))=\(getpath($p))"'
        ;;
    spec.json)
        jq -r 'walk(if type == "object" then del(."template-content") else . end)
            | paths(scalars) as $p | "spec \($p | map(tostring) | join("."))=\(getpath($p))"' "$1"
        ;;
    *) grep -v '^ *#\|^ *$' "$1" | sed "s/^/$name /" ;;
    esac
}

# Lines of JSON: path, schema of each option of the named sections.
options() { # CONFIG SECTION...
    local config=$1
    shift
    jq -c --args 'def each($p): to_entries[] | .key as $k | .value
            | if .type == "object" then .properties | each($p + [$k]) else {path: ($p + [$k])} + . end;
        .properties | with_entries(select(.key | IN($ARGS.positional[]))) | each([])' "$@" <"$config"
}

# where PACKAGE BASE TASKS SECTION...: lines `option: place` of all options of the sections. Those that take any
# text or number get values of their own, all at once; the others are changed one after the other.
where() {
    local package=$1 base=$2 tasks=$3 file path change
    shift 3
    options "$package/config.json" "$@" >all
    jq -sc 'to_entries | map(.value + {token: (.key + 22000)})[]' all >numbered
    jq -sc --argjson b "$base" 'reduce (.[] | select((.enum or .type == "boolean") | not)) as $o ($b;
            setpath($o.path; if $o.path[-1] == "cni_plugin_labels" then "k:v\($o.token)"
                elif ($o.pattern // "" | startswith("^[0-9]")) then "\($o.token)"
                elif $o.type == "string" then "v\($o.token)" else $o.token end))' numbered >tokens.json
    # shellcheck disable=SC2086
    render "$package" "$(cat tokens.json)" tokens $tasks
    for file in tokens/conf/* spec.json; do lines "$file"; done >token-lines
    jq -rn --slurpfile o numbered --rawfile l token-lines '($l | split("\n") | map(select(startswith("spec ") | not))) as $l
        | $o[] | select((.enum or .type == "boolean") | not) | (.token | tostring) as $t
        | ([$l[] | select(contains($t)) | gsub("v?" + $t; "*")] | unique) as $found | select($found != [])
        | "\(.path | join(".")): \($found | join(" ; "))"' >found
    # The others alone.
    # shellcheck disable=SC2086
    render "$package" "$base" base $tasks
    cp spec.json base/spec.json
    for file in base/conf/* base/spec.json; do lines "$file" >"base/$(basename "$file").lines"; done
    jq -c --rawfile f found '(.path | join(".")) as $p
        | select($f | split("\n") | any(startswith($p + ": ")) | not)' numbered >alone
    jq -c --argjson b "$base" '. as $o | (($b | getpath($o.path)) // $o.default) as $now | $b | setpath($o.path;
        if $o.enum then (($o.enum - [$now])[0]) elif $o.type == "boolean" then ($now | not)
        elif $o.path[-1] == "cni_plugin_labels" then "k:v"
        elif ($o.pattern // "" | startswith("^[0-9]")) then "\($o.token)"
        elif $o.type == "string" then "v\($o.token)" else $o.token end)' alone >changes
    jq -r '.path | join(".")' alone | paste -d'\t' - changes | while IFS=$'\t' read -r path change; do
        # shellcheck disable=SC2086
        render "$package" "$change" changed $tasks
        for file in changed/conf/*; do
            cmp -s "$file" "base/conf/$(basename "$file")" || difference "$file"
        done >places
        [ -s places ] || difference spec.json >places
        printf '%s: %s\n' "$path" "$(sort -u places | head -4 | paste -sd';' | sed 's/;/ ; /g')"
    done >>found
    sort found | sed "s,$BATS_TEST_TMPDIR,,"
}

# Places of the lines that a file has other than in the base.
difference() {
    { lines "$1" | diff "base/$(basename "$1").lines" - || true; } | sed -n 's/^[<>] //p' | sed 's/=[^=]*$//; s/ \(true\|false\)$//'
}

compare() { # NAME
    [ "${UPDATE_GOLDEN:-}" != 1 ] || { mkdir -p "$GOLDEN" && cp "$1" "$GOLDEN/$1"; }
    diff "$GOLDEN/$1" "$1"
}
