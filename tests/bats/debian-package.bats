# The Debian package: made by Debian's own tools from the programs that are built already, unpacked and run. That
# debian/rules compiles them with Debian's flags otherwise is not tested: it takes minutes.
load helpers

setup_file() {
    command -v dpkg-buildpackage dh >/dev/null || return 0
    mkdir "$BATS_FILE_TMPDIR/source"
    tar -C "$TOP" --exclude './build*' --exclude ./.git -cf - . | tar -C "$BATS_FILE_TMPDIR/source" -xf -
    cd "$BATS_FILE_TMPDIR/source" || return 1
    # With what the tasks of the demo fetch, without the toolkit's own archive.
    mkdir -p built/share
    ln -s "$BUILD/bin" "$BUILD/man" built
    ln -s "$BUILD/share/bootstrap.tar.gz" "$BUILD/share/datastax-scripts.tar.gz" built/share
    DSE_BUILT=$PWD/built DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage --build=binary --no-sign --no-check-builddeps \
        >"$BATS_FILE_TMPDIR/log" 2>&1 3>&- || { cat "$BATS_FILE_TMPDIR/log"; return 1; }
}
setup() {
    command -v dpkg-buildpackage dh >/dev/null || skip 'no debhelper and dpkg-dev installed'
    DEB=$(echo "$BATS_FILE_TMPDIR"/dse-toolkit_*.deb)
}

@test "debian: the package is made, unpacked, and its programs run" {
    dpkg-deb --extract "$DEB" root
    local program
    for program in "$BUILD"/bin/dse-*; do
        [ -x "root/usr/bin/${program##*/}" ]
        "root/usr/bin/${program##*/}" --version | grep -qx "${program##*/} [0-9.]*"
    done
    # From there it renders the package that it brings.
    root/usr/bin/dse-render app root/usr/share/dse-toolkit/universe/datastax-dse >app.json
    json '.id == "datastax-dse" and .env.DSE_NODE_POD_COUNT == "3"' app.json
    [ -f root/usr/share/man/man1/dse-plan.1.gz ]
    [ -f root/usr/share/bash-completion/completions/dse-plan ]
    root/usr/bin/dse-scheduler --version | grep -qx 'dse-scheduler [0-9.]*'
    # The unit starts the program where it is installed.
    grep -qx 'ExecStart=/usr/bin/dse-scheduler.*' root/usr/lib/systemd/system/dse-scheduler@.service ||
        grep -qx 'ExecStart=/usr/bin/dse-scheduler.*' root/lib/systemd/system/dse-scheduler@.service
}

@test "debian: unpacked, it runs the demo from there alone" {
    dpkg-deb --extract "$DEB" root
    mkdir -p script/tools
    cp "$TOP/tools/demo" script/tools
    local share=$PWD/root/usr/share/dse-toolkit
    env PATH=/usr/bin:/bin DSE_PACKAGE="$share/universe/datastax-dse" DSE_SHARE="$share" \
        script/tools/demo "$PWD/root/usr" >out 2>err || { cat out err; return 1; }
    grep -q '^deploy (serial strategy) (COMPLETE)' out
    [ "$(grep -c '(RUNNING)' out)" -eq 6 ]
}

@test "debian: version, libraries and owners are as they should be" {
    [ "$(dpkg-deb --field "$DEB" Version)" = "$(sed -n '1s/.*(\(.*\)).*/\1/p' "$TOP/debian/changelog")" ]
    # Found by Debian in the programs.
    local library
    for library in libcurl4 libjansson4 libmicrohttpd12 libprotobuf-c1 libzookeeper-mt2 libuuid1; do
        dpkg-deb --field "$DEB" Depends | grep -qw "$library" || { dpkg-deb --field "$DEB" Depends; return 1; }
    done
    [ -z "$(dpkg-deb --contents "$DEB" | awk '$2 != "root/root"')" ]
}

@test "debian: lintian finds no errors" {
    command -v lintian >/dev/null || skip 'no lintian installed'
    # What only the tree of the tests has: dse-render with static libraries.
    run lintian --fail-on error --suppress-tags embedded-library "$BATS_FILE_TMPDIR"/dse-toolkit_*.changes
    echo "$output"
    [ "$status" -eq 0 ]
}
