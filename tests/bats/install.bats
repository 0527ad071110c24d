# make install into an empty folder: what is there, and that it works there.
load helpers

setup() {
    ROOT=$BATS_TEST_TMPDIR/root
    mkdir -p "$BATS_TEST_TMPDIR/build/bin"
    cp "$BUILD/tools/opt_demo" "$BATS_TEST_TMPDIR/build/bin/dse-demo"
    cp -r "$BUILD/man" "$BATS_TEST_TMPDIR/build"
}

@test "programs, manuals by section, completions; missing programs are left out" {
    "$TOP/tools/install-files" "$BATS_TEST_TMPDIR/build" "$ROOT/usr" install dse-demo dse-absent
    [ -x "$ROOT/usr/bin/dse-demo" ]
    [ ! -e "$ROOT/usr/bin/dse-absent" ]
    [ -f "$ROOT/usr/share/man/man7/dse.7" ]
    for page in "$TOP"/man/*.[1-8] "$BUILD"/man/*.5; do
        cmp "$page" "$ROOT/usr/share/man/man${page##*.}/$(basename "$page")"
    done
    cmp "$TOP/completions/dse.bash" "$ROOT/usr/share/bash-completion/completions/dse-demo"
    [ -f "$ROOT/usr/share/fish/vendor_completions.d/dse-demo.fish" ]
    [ -f "$ROOT/usr/share/zsh/site-functions/_dse" ]
    [ ! -e "$ROOT/usr/share/bash-completion/completions/dse-absent" ]
    # Readable for all, whatever the umask; nothing points out of the folder.
    [ -z "$(find "$ROOT" -type f ! -perm -444)" ]
    [ -z "$(find "$ROOT" -type l -lname '/*')" ]
}

@test "an installed program runs, and installing twice is fine" {
    for i in 1 2; do
        "$TOP/tools/install-files" "$BATS_TEST_TMPDIR/build" "$ROOT" install dse-demo
    done
    "$ROOT/bin/dse-demo" --version | grep -q '^opt_demo [0-9]'
    MANPATH=$ROOT/share/man man -w dse >/dev/null 2>&1 || mandoc "$ROOT/share/man/man7/dse.7" >/dev/null
}

@test "Universe packages go to share/dse-toolkit" {
    [ -d "$TOP/universe" ] || skip 'no packages in this tree yet'
    "$TOP/tools/install-files" "$BATS_TEST_TMPDIR/build" "$ROOT" install dse-demo
    # Names, and which of them are scripts.
    (cd "$TOP/universe" && find . -type f \( -perm -100 -printf '%p x\n' -o -print \) | sort) \
        >"$BATS_TEST_TMPDIR/ours"
    (cd "$ROOT/share/dse-toolkit/universe" &&
        find . -type f \( -perm -100 -printf '%p x\n' -o -print \) | sort) >"$BATS_TEST_TMPDIR/theirs"
    diff -u "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs"
}

@test "the packages name the archives below the prefix" {
    local fetched
    for prefix in '' /usr; do
        PREFIX=$prefix "$TOP/tools/install-files" "$BATS_TEST_TMPDIR/build" "$ROOT" install dse-demo
        fetched=$(jq -r '.assets.uris["bootstrap-tar-gz"]' \
            "$ROOT/share/dse-toolkit/universe/datastax-dse/resource.json")
        [ "$fetched" = "file://${prefix:-/usr/local}/share/dse-toolkit/bootstrap.tar.gz" ]
    done
}
