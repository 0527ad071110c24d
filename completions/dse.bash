# bash completion of the dse-* programs: each program knows its own words (dse(7), COMPLETION).
# shellcheck shell=bash

_dse() {
    local line=${COMP_LINE:0:COMP_POINT} word words=() i

    # COMP_WORDS is split at = and : too; what stood together is put together again.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $i -eq 0 || $line == [[:space:]]* ]]; then
            line=${line#"${line%%[![:space:]]*}"}
            words+=('')
        fi
        [[ $i -lt $COMP_CWORD ]] || word=$line
        words[${#words[@]} - 1]+=$word
        line=${line#"$word"}
    done

    local current=${words[${#words[@]} - 1]} value prefix=''
    value=$current
    if [[ $current == --*=* ]]; then
        value=${current#*=}
        prefix=${current%"$value"}
    fi

    local reply candidate matches=()
    while IFS= read -r reply; do
        candidate=${reply%%$'\t'*}
        case $candidate in
        :file)
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do matches+=("$prefix$word"); done < <(compgen -f -- "$value")
            ;;
        :dir)
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do matches+=("$prefix$word"); done < <(compgen -d -- "$value")
            ;;
        "$value"*) matches+=("$prefix$candidate") ;;
        esac
    done < <("${1/#\~/$HOME}" --dse-complete "${words[@]:1}" 2>/dev/null)

    # Only what stands behind the last break is replaced by bash.
    local breaks='' cut=''
    [[ $COMP_WORDBREAKS == *=* ]] && breaks+='='
    [[ $COMP_WORDBREAKS == *:* ]] && breaks+=':'
    [[ -n $breaks && $current == *[$breaks]* ]] && cut=${current%"${current##*["$breaks"]}"}
    COMPREPLY=("${matches[@]#"$cut"}")
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}

complete -F _dse dse-render dse-plan dse-offers dse-uninstall dse-pod dse-state dse-mesos dse-http \
    dse-bootstrap dse-local dse-node-standin dse-scheduler
