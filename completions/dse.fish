# fish completion of the dse-* programs: each program knows its own words (dse(7), COMPLETION).

function __dse_words
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l prefix (string match -r -- '^--[^=]*=' $current)
    set -q prefix[1]; or set prefix ''
    set -l value (string replace -r -- '^--[^=]*=' '' $current)
    for line in ($words[1] --dse-complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :file
                for path in (__fish_complete_path "$value")
                    echo -- $prefix$path
                end
            case :dir
                for path in (__fish_complete_directories "$value")
                    echo -- $prefix$path
                end
            case '*'
                echo -- $prefix$line
        end
    end
end

for program in dse-render dse-plan dse-offers dse-uninstall dse-pod dse-state dse-mesos dse-http \
    dse-bootstrap dse-local dse-node-standin dse-scheduler
    complete -c $program -f -a '(__dse_words)'
end
