# Completion in real shells, on tests/tools/opt_demo.c. A shell that is not installed is skipped.
load helpers

setup() {
    PATH=$BUILD/tools:$PATH
    mkdir folder
    touch file1 'file 2'
}

# bash_words LINE: what bash would offer at the end of LINE, one a line.
bash_words() {
    bash --norc -c '
        source "$1"
        line=$2
        program=${line%% *}
        # Split as readline does: at blanks, with = and : as words of their own.
        COMP_WORDBREAKS=$'"' \t\n\"\\'><=;|&(:'"'
        COMP_LINE=$line COMP_POINT=${#line}
        spaced=$(printf "%s" "$line" | sed "s/[=:][=:]*/ & /g")
        read -ra COMP_WORDS <<<"$spaced"
        case $spaced in *" ") COMP_WORDS+=("") ;; esac
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _dse "$program" "${COMP_WORDS[COMP_CWORD]}" ""
        printf "%s\n" "${COMPREPLY[@]}"' bash "$TOP/completions/dse.bash" "$1"
}

@test "bash: verbs, options, values, live words, files" {
    [ "$(bash_words 'opt_demo ')" = $'start\nconfig\nread\nhelp' ]
    [ "$(bash_words 'opt_demo st')" = start ]
    [ "$(bash_words 'opt_demo config ')" = $'list\nshow' ]
    [ "$(bash_words 'opt_demo config list --')" = $'--store=\n--output=\n--file=\n--help\n--version' ]
    [ "$(bash_words 'opt_demo config list --out')" = --output= ]
    [ "$(bash_words 'opt_demo config list -o ')" = $'text\njson\nndjson\nname' ]
    [ "$(bash_words 'opt_demo config list --output=j')" = json ]
    [ "$(bash_words 'opt_demo --store zk://h:1/x start ')" = $'plan-of-zk://h:1/x\nplan:two' ]
    [ "$(bash_words 'opt_demo --store=zk://h:1/x start ')" = $'plan-of-zk://h:1/x\nplan:two' ]
    [ "$(bash_words 'opt_demo start p ')" = $'phase-of-mem:\nphase:two' ]
    # Only what stands behind the colon is replaced.
    [ "$(bash_words 'opt_demo start plan:t')" = two ]
    [ "$(bash_words 'opt_demo read fil' | sort)" = $'file 2\nfile1' ]
    [ "$(bash_words 'opt_demo config list --file=fol')" = folder ]
    [ -z "$(bash_words 'opt_demo nonsense ')" ]
}

@test "bash: every program has the completion" {
    local program
    for program in $(sed -n 's/^PROGRAMS := //p; s/^SCRIPTS := //p; /^PROGRAMS/,/^FLOORS/s/^\t//p' "$TOP/Makefile" | tr -d '\\'); do
        grep -qw "$program" "$TOP/completions/dse.bash"
        grep -qw "$program" "$TOP/completions/_dse"
        grep -qw "$program" "$TOP/completions/dse.fish"
    done
}

@test "names of plans, phases, steps, pods and tasks come from the store, fast or not at all" {
    export DSE_STORE=dir:$PWD/state
    local data=$TOP/tests/data/offers
    dse-render --no-environment "$data/lifecycle.yml" >spec.json
    "$BUILD/tools/fixture" load "$DSE_STORE" "$data/lifecycle.json" spec.json
    words() { "$@" | cut -f1 | paste -sd ' '; }
    [ "$(words dse-plan --dse-complete show '')" = 'deploy recovery' ]
    [ "$(words dse-plan --dse-complete pause deploy '')" = dse ]
    [ "$(words dse-plan --dse-complete force-restart deploy dse '')" = 'dse-0:[node]' ]
    [ "$(words dse-pod --dse-complete restart '')" = dse-0 ]
    [ "$(words dse-state --dse-complete task '')" = dse-0-node ]
    dse-state put Properties/colour </dev/null
    [ "$(words dse-state --dse-complete property get '')" = colour ]
    [ "$(words dse-plan --dse-complete why '')" = dse-0 ]
    [ "$(words dse-offers --dse-complete explain '')" = dse-0 ]
    [ "$(words dse-uninstall --dse-complete forget-agent '')" = "$(dse-state tasks -o json | jq -r '.[0].host')" ]
    # Of two options of a name only the verb's, with its words, wherever it stands.
    [ "$(words dse-uninstall --dse-complete status --)" = '--watch --output= --json --store= --run-dir= --service= --lock-wait= --help --version' ]
    [ "$(words dse-uninstall --dse-complete verify -o '')" = 'json ndjson' ]
    [ "$(words dse-uninstall --dse-complete status --output '')" = 'json ndjson name' ]
    [ "$(words dse-uninstall --dse-complete --output '')" = 'json recordio' ]
    [ "$(words dse-uninstall --dse-complete --output json verify --)" = "$(words dse-uninstall --dse-complete verify -o json --)" ]
    [ "$(bash_words 'dse-pod replace d')" = dse-0 ]
    [ "$(words dse-scheduler --dse-complete --)" = '--keep-target --plans= --help --version' ]
    [ "$(words dse-scheduler --dse-complete --plans '')" = :file ]
    # Nobody waits for a store that does not answer.
    local began=$EPOCHREALTIME
    [ -z "$(dse-plan --store zk://127.0.0.1:1/dcos-service-x --dse-complete show '')" ]
    [ -z "$(dse-plan --dse-complete --store=zk://127.0.0.1:1/dcos-service-x show '')" ]
    [ $((${EPOCHREALTIME/./} - ${began/./})) -lt 1000000 ]
}

# fish offers WORD<tab>DESCRIPTION.
fish_words() {
    HOME=$BATS_TEST_TMPDIR fish --no-config -c "
        source '$TOP/completions/dse.fish'
        complete -c opt_demo -f -a '(__dse_words)'
        complete -C '$1'"
}

@test "fish: verbs, options, values, live words, files" {
    command -v fish >/dev/null || skip 'no fish installed'
    [ "$(fish_words 'opt_demo st')" = $'start\tstart a plan' ]
    [ "$(fish_words 'opt_demo config ' | sort)" = $'list\tlist configurations\nshow\tshow a configuration' ]
    [ "$(fish_words 'opt_demo config list --out')" = $'--output=\tform of the output' ]
    [ "$(fish_words 'opt_demo config list --output=j')" = '--output=json' ]
    [ "$(fish_words 'opt_demo --store zk://h:1/x start plan-' )" = 'plan-of-zk://h:1/x' ]
    [ "$(fish_words 'opt_demo start p phase:')" = phase:two ]
    fish_words 'opt_demo read file1' | grep -q '^file1'
    fish_words 'opt_demo config list --file=fol' | grep -q '^--file=folder/'
}

# zsh only completes at a terminal, which its own zpty module gives it. zsh_offers LINE PATTERN...:
# types LINE and a tab, and reads until each pattern was seen.
zsh_offers() {
    cat >offers.zsh <<'END'
zmodload zsh/zpty
completions=$1 line=$2
shift 2
zpty shell "TERM=vt100 zsh -f -i"
zpty -w shell "fpath=(${(q)completions} \$fpath); autoload -Uz compinit; compinit -u -D; autoload -Uz _dse"
zpty -w shell "compdef _dse opt_demo; zstyle ':completion:*' list-separator '|'; LISTMAX=0; stty cols 200 rows 50"
zpty -w shell "print BEGIN''MARK"
zpty -r shell seen '*BEGINMARK*' || exit 1
zpty -n -w shell "$line"$'\t'
for pattern; do
    zpty -r shell seen "*$pattern*" || exit 1
    print -rn -- "$seen"
done
zpty -d shell
END
    HOME=$BATS_TEST_TMPDIR timeout 20 zsh -f offers.zsh "$TOP/completions" "$@" >out || {
        echo "zsh does not offer $*; it shows:"
        tr -d '\000' <out | cat -v
        return 1
    }
}

@test "zsh: verbs, options, values, live words" {
    command -v zsh >/dev/null || skip 'no zsh installed'
    zsh_offers 'opt_demo ' 'start*start a plan' config
    zsh_offers 'opt_demo config list --output=' ndjson
    zsh_offers 'opt_demo config list --' '--output=*form of the output'
    zsh_offers 'opt_demo --store zk://h:1/x start plan' 'plan-of-zk://h:1/x*plan:two'
    zsh_offers 'opt_demo config list --file=fol' 'der*/'
}
