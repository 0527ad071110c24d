# A real ZooKeeper server for tests: `load zookeeper` behind `load helpers`.

# start_zk [DIR [ADDRESS]]: a server on a free loopback port with its data in DIR (default: the test's
# folder); $ZK is HOST:PORT. It is stopped by stop_all like everything that start_bg started.
start_zk() {
    local dir=${1:-$BATS_TEST_TMPDIR/zookeeper} address=${2:-127.0.0.1} port
    mkdir -p "$dir"
    port=$(python3 -c '
import socket, sys
s = socket.create_server((sys.argv[1], 0), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
print(s.getsockname()[1])' "$address")
    ZK=$address:$port
    [[ $address != *:* ]] || ZK=[$address]:$port
    cat >"$dir/zoo.cfg" <<END
tickTime=500
dataDir=$dir/data
clientPort=$port
clientPortAddress=$address
minSessionTimeout=1000
admin.enableServer=false
4lw.commands.whitelist=*
END
    restart_zk "$dir"
}
# restart_zk [DIR]: the same server again, after stop_bg zookeeper KILL.
restart_zk() {
    start_bg zookeeper java -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -cp /usr/share/java/zookeeper.jar \
        org.apache.zookeeper.server.ZooKeeperServerMain "${1:-$BATS_TEST_TMPDIR/zookeeper}/zoo.cfg"
}
# start_ensemble: three servers, $ZK is all of them; zk_mode N says what server N is. Stop one with
# stop_bg zookeeperN KILL.
start_ensemble() {
    local ports i dir
    read -ra ports < <(python3 -c '
import socket
all = [socket.socket() for _ in range(9)]
[s.bind(("127.0.0.1", 0)) for s in all]
print(*[s.getsockname()[1] for s in all])')
    ZK=127.0.0.1:${ports[0]},127.0.0.1:${ports[1]},127.0.0.1:${ports[2]}
    for i in 1 2 3; do
        dir=$BATS_TEST_TMPDIR/zookeeper$i
        mkdir -p "$dir/data"
        echo $i >"$dir/data/myid"
        cat >"$dir/zoo.cfg" <<END
tickTime=500
initLimit=10
syncLimit=4
dataDir=$dir/data
clientPort=${ports[i - 1]}
clientPortAddress=127.0.0.1
minSessionTimeout=1000
admin.enableServer=false
4lw.commands.whitelist=*
server.1=127.0.0.1:${ports[3]}:${ports[6]}
server.2=127.0.0.1:${ports[4]}:${ports[7]}
server.3=127.0.0.1:${ports[5]}:${ports[8]}
END
        start_member $i
    done
}
start_member() { # N, also again
    start_bg "zookeeper$1" java -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -cp /usr/share/java/zookeeper.jar \
        org.apache.zookeeper.server.quorum.QuorumPeerMain "$BATS_TEST_TMPDIR/zookeeper$1/zoo.cfg"
}
# zk_says PORT FIELD: of the statistics of a server; nothing when it does not answer.
zk_says() { (exec 9<>"/dev/tcp/127.0.0.1/$1" && echo srvr >&9 && sed -n "s/^$2: //p" <&9) 2>/dev/null; }
zk_mode() { # N: leader, follower or nothing
    zk_says "$(sed -n 's/^clientPort=//p' "$BATS_TEST_TMPDIR/zookeeper$1/zoo.cfg")" Mode
}
# The client library wants an address without its brackets.
zk() { "$BUILD/tools/zk" "${ZK//[][]/}" "$@"; }
