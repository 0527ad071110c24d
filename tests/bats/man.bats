# Manuals and programs agree: synopsis, options, exit statuses; manuals are clean.
load helpers

# The programs that are built and have a manual.
documented() {
    local program
    for program in "$BUILD"/bin/dse-*; do
        [ -f "$program" ] && [ -f "$TOP/man/$(basename "$program").1" ] && basename "$program"
    done
    return 0
}

# The comparable form of a usage text: no line breaks, no blanks at all, without the line on --help
# and --version that manuals of scripts leave out.
squeezed() { sed '/--help | --version/d' | tr -d ' \n\t'; }

usage_of() { # PROGRAM: what --help says, up to the first empty line
    "$1" --help | sed -n '/^usage: /,/^$/p' | sed 's/^usage: //' | squeezed
}

page_text() { mandoc -T ascii -O width=78 "$1" | sed 's/.\x08//g'; }

synopsis_of() { # PAGE
    page_text "$1" | awk '/^[A-Z]/ { on = /^SYNOPSIS/; next } on' | squeezed
}

@test "the synopsis of each manual is the usage of --help" {
    local program bad=0
    [ -n "$(documented)" ]
    for program in $(documented); do
        usage=$(usage_of "$program")
        synopsis=$(synopsis_of "$TOP/man/$program.1")
        [ -n "$usage" ]
        if [ "$usage" != "$synopsis" ]; then
            printf '%s --help: %s\n%s(1):   %s\ntry: tools/man-synopsis %s %s\n' "$program" "$usage" \
                "$program" "$synopsis" "$BUILD" "$program"
            bad=1
        fi
    done
    [ $bad -eq 0 ]
}

@test "every option of --help is in the manual, and no other" {
    local program option bad=0
    for program in $(documented); do
        "$program" --help | grep -oE '^ +(-[A-Za-z], )?--[a-z][a-z-]*' | grep -oE -- '--[a-z-]+' |
            sort -u >"$BATS_TEST_TMPDIR/options"
        page_text "$TOP/man/$program.1" >"$BATS_TEST_TMPDIR/page"
        while read -r option; do
            # Those that all programs have are in dse(7).
            case $option in --help | --version) continue ;; esac
            grep -qE -- "(^|[^a-z-])$option([^a-z-]|\$)" "$BATS_TEST_TMPDIR/page" || {
                echo "$program(1) does not mention $option"
                bad=1
            }
        done <"$BATS_TEST_TMPDIR/options"
        # What the manual lists in OPTIONS or COMMANDS must exist.
        sed -n '/^\.Sh OPTIONS/,/^\.Sh /p; /^\.Sh COMMANDS/,/^\.Sh /p' "$TOP/man/$program.1" |
            grep '^\.It' | grep -oE 'Fl -[a-z][a-z-]*' | sed 's/Fl -/--/' | sort -u |
            while read -r option; do
                case $option in --help | --version) continue ;; esac
                grep -qxe "$option" "$BATS_TEST_TMPDIR/options" ||
                    echo "$program has no option $option"
            done >"$BATS_TEST_TMPDIR/extra"
        [ ! -s "$BATS_TEST_TMPDIR/extra" ] || {
            cat "$BATS_TEST_TMPDIR/extra"
            bad=1
        }
    done
    [ $bad -eq 0 ]
}

@test "the checks find what they look for" {
    cp "$TOP/man/dse.7" "$BATS_TEST_TMPDIR/page"
    { printf '.Dd November 22, 2026\n.Dt X 1\n.Os\n.Sh NAME\n.Nm opt_demo\n.Nd demo\n.Sh SYNOPSIS\n'
      "$BUILD/tools/opt_demo" --dse-synopsis
      printf '.Sh DESCRIPTION\nText.\n'; } >"$BATS_TEST_TMPDIR/demo.1"
    mandoc -T lint -W warning "$BATS_TEST_TMPDIR/demo.1"
    [ "$(synopsis_of "$BATS_TEST_TMPDIR/demo.1")" = "$(usage_of "$BUILD/tools/opt_demo")" ]
    sed -i '/Fl -force/d' "$BATS_TEST_TMPDIR/demo.1"
    [ "$(synopsis_of "$BATS_TEST_TMPDIR/demo.1")" != "$(usage_of "$BUILD/tools/opt_demo")" ]
}

@test "all manuals are clean" {
    local page out bad=0
    for page in "$TOP"/man/*.[1-8] "$BUILD"/man/*.5; do
        out=$(mandoc -T lint -W warning "$page" 2>&1 | grep -v 'referenced manual not found') || true
        [ -z "$out" ] || { echo "$out"; bad=1; }
    done
    [ $bad -eq 0 ]
}

@test "section 5 has a page for each of doc/, whose tables of keys are those of dse-render" {
    local page
    for page in "$TOP"/doc/*.md; do
        page=$(basename "$page" .md)
        page_text "$BUILD/man/dse-$page.5" >page
        grep -q "^ *dse-$page - " page
        grep -q '^SEE ALSO' page
        ! grep '`\|^ *|\|\*\*' page
        grep -q "^\.Xr dse-$page 5" "$TOP/man/dse.7"
    done
    # tools/doc-keys would change nothing.
    mkdir -p copy/doc copy/tools
    cp "$TOP/doc/spec.md" copy/doc
    cp "$TOP/tools/doc-keys" copy/tools
    run -0 copy/tools/doc-keys "$BUILD"
    [ -z "$output" ]
    grep -q '^| `memory` | integer MB | memory |' copy/doc/spec.md
    sed -i '/^| `memory`/d' copy/doc/spec.md
    run -0 copy/tools/doc-keys "$BUILD"
    [ "$output" = 'changed: doc/spec.md' ]
}

@test "exit statuses: the header and dse(7) are one list" {
    # EXIT_NO = 1, /* the answer is no */  becomes  1|the answer is no
    sed -nE 's;^ *EXIT_[A-Z]+ = ([0-9]+), */\* (.*) \*/$;\1|\2;p' "$TOP/lib/base/exit.h" \
        >"$BATS_TEST_TMPDIR/header"
    # Numbers and texts of the table: sources lines, without macros, first letter and full stop.
    awk '/^\.Sh/ { on = /EXIT STATUS/ } on' "$TOP/man/dse.7" | sed '/^\.El/q' |
        sed -e '/^\.Sh/d; /^\.Bl/d; /^\.El/d; s/^\.Fl -/--/' |
        awk '/^\.It/ { if (n != "") print n "|" t; n = $2; t = ""; next }
             { t = t (t == "" ? "" : " ") $0 }
             END { print n "|" t }' | sed -e 's/\.$//' |
        awk -F'|' '{ print $1 "|" tolower(substr($2, 1, 1)) substr($2, 2) }' \
        >"$BATS_TEST_TMPDIR/manual"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/header")" -eq 9 ]
    diff -u "$BATS_TEST_TMPDIR/header" "$BATS_TEST_TMPDIR/manual"
}

@test "dse(7) names every program, and every manual it points to is ours" {
    local program
    for program in "$BUILD"/bin/dse-*; do
        [ -f "$program" ] || continue
        grep -q "^\.It Xr $(basename "$program") 1" "$TOP/man/dse.7"
    done
    for program in $(grep -h '^\.Xr dse-\|^\.It Xr dse-' "$TOP"/man/*.[1-8] | grep -oE 'dse-[a-z-]+' |
        sort -u); do
        grep -qw "$program" "$TOP/Makefile" || [ -f "$TOP/man/$program.7" ] || [ -f "$BUILD/man/$program.5" ]
    done
}
