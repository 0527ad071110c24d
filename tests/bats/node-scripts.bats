#!/usr/bin/env bats
# The scripts of the package's tasks and the stand-in, run by hand in a sandbox such as Mesos makes.

load helpers

setup() {
    mkdir sandbox
    cd sandbox || exit 70
    tar xzf "$BUILD/share/bootstrap.tar.gz"
    tar xzf "$BUILD/share/datastax-scripts.tar.gz"
    mkdir conf
    for file in cassandra.yaml cassandra-rackdc.properties commitlog_archiving.properties dse.yaml address.yaml \
        spark-env.sh spark-defaults.conf spark-daemon-defaults.conf; do
        echo "$file" >"conf/$file"
    done
    # What svc.yml and Mesos give to the task.
    export MESOS_SANDBOX=$PWD MESOS_CONTAINER_IP=127.0.0.1 TASK_NAME=dse-0-node \
        COMMIT_LOG_DIR=dse-data/commitlog CDC_LOG_DIR=dse-data/cdc_raw \
        CASSANDRA_LOG_DIR=log-data/cassandra/ TOMCAT_LOG_DIR=log-data/tomcat/ \
        DSE_NODE_HEAP=4000 DSE_NODE_JVM_OPTS='-XX:+UseG1GC -Da=b' DSE_JMX_PORT=7199 \
        DSE_SEARCH_ENABLED=true DSE_ANALYTICS_ENABLED=false DSE_GRAPH_ENABLED=true \
        SPARK_WORKER_DIR=dse-data/data/spark/worker SPARK_LOCAL_DIRS=dse-data/data/spark/rdd \
        SPARK_EXECUTOR_DIRS=dse-data/data/spark/rdd SPARK_WORKER_LOG_DIR=log-data/spark/worker \
        SPARK_MASTER_LOG_DIR=log-data/spark/master ALWAYSON_SQL_LOG_DIR=log-data/spark/alwayson_sql \
        OPSCENTER_ENABLED=true OPSCENTER_HOSTNAME=ops.example OPSCENTER_GUI_PORT=8888 \
        DSE_AGENT_RESTART_DELAY_SECONDS=60
    unset SOLR_DATA_DIR
    unset DSE_DOCKER_IMAGE DSE_ARCHIVE_URI DATASTAX_AGENT_ARCHIVE_URI NODETOOL_IGNORE_ERRORS NODETOOL_CONNECTION_OPTS
    DSE_NATIVE_PORT=$(free_port)
    DSE_AGENT_PORT=$(free_port)
    export DSE_NATIVE_PORT DSE_AGENT_PORT
}
teardown() { stop_all; }

# A port that was free a moment ago.
free_port() {
    local port
    start_bg probe dse-node-standin serve --port 0
    retry 10 grep -q listening "$BATS_TEST_TMPDIR/probe.out"
    port=$(sed 's/.*://' "$BATS_TEST_TMPDIR/probe.out")
    stop_bg probe
    echo "$port"
}

# A tree with the layout of DSE's archive, whose programs tell what they were called with.
imitate_dse() { # FOLDER
    mkdir -p "$1/bin" "$1/resources/cassandra/conf"
    printf '#!/bin/sh\necho "$0 $*"; echo "$JVM_EXTRA_OPTS"; cat "${0%%/bin/dse}/resources/cassandra/conf/cassandra.yaml"\n' \
        >"$1/bin/dse"
    printf '#!/bin/sh\necho "DN  10.0.0.9 x"; echo "UN  127.0.0.1 x"; echo "called: $*"; exit "${NODETOOL_EXIT:-0}"\n' \
        >"$1/bin/nodetool"
    chmod +x "$1/bin/dse" "$1/bin/nodetool"
    export DSE_ARCHIVE_URI=file:///dse.tar.gz
}

@test "the archives hold what the commands of svc.yml call" {
    for f in bootstrap start-dse start-agent ready nodetool dse-node-standin; do [ -x "$f" ]; done
    [ -f node-env ]
}

@test "start-dse: the stand-in answers at the address of the container and stops on TERM" {
    run -4 ./ready
    start_bg node ./start-dse
    retry 10 ./ready
    [ "$(./ready)" = "UN 127.0.0.1 dse-0-node starts=1" ]
    pid=$(cat "$BATS_TEST_TMPDIR/node.pid")
    kill -TERM "$pid"
    wait "$pid"
    run -4 ./ready
}

@test "start-dse: the count of starts survives on the data volume" {
    for n in 1 2 3; do
        start_bg node ./start-dse
        retry 10 ./ready
        [ "$(./ready)" = "UN 127.0.0.1 dse-0-node starts=$n" ]
        stop_bg node KILL
        [ "$(cat dse-data/starts)" = $n ]
    done
    # A new volume counts anew.
    rm -r dse-data
    start_bg node ./start-dse
    retry 10 ./ready
    [ "$(cat dse-data/starts)" = 1 ]
}

@test "start-dse makes the folders of the node on its volumes" {
    COMMIT_LOG_DIR=commitlog-data start_bg node ./start-dse
    retry 10 ./ready
    for d in dse-data/data dse-data/hints dse-data/saved_caches commitlog-data log-data/cassandra log-data/tomcat \
        solr-data dse-data/data/spark/worker dse-data/data/spark/rdd log-data/spark/master log-data/spark/alwayson_sql; do
        [ -d "$d" ]
    done
}

@test "start-agent: its stand-in answers at the agent's port, without data" {
    TASK_NAME=dse-0-agent start_bg agent ./start-agent
    retry 10 dse-node-standin ask --port "$DSE_AGENT_PORT"
    [ "$(dse-node-standin ask --port "$DSE_AGENT_PORT")" = "UN 127.0.0.1 dse-0-agent" ]
    [ ! -e dse-data ]
}

@test "start-dse: with an archive DSE runs from the install volume, with the rendered files" {
    imitate_dse dse-6.7.7
    echo 'cluster_name: x' >conf/cassandra.yaml
    run -0 ./start-dse
    as_root=
    [ "$(id -u)" -ne 0 ] || as_root=' -R'
    [ "${lines[0]}" = "$PWD/install/dse-6.7.7/bin/dse cassandra -f -s -g$as_root" ]
    [ "${lines[1]}" = "-Xms4000M -Xmx4000M -XX:+UseG1GC -Da=b -Dcassandra.jmx.local.port=7199" ]
    [ "${lines[2]}" = 'cluster_name: x' ]
    # Installed once for each version: what is there stays.
    touch install/dse-6.7.7/mark
    run -0 ./start-dse
    [ -e install/dse-6.7.7/mark ]
}

@test "start-dse: rendered files go where DSE reads them; the container's address takes the place of localhost" {
    imitate_dse dse-6.7.7
    printf 'native_transport_address: |2-\n  localhost\n  localhost\n' >conf/cassandra.yaml
    run -0 ./start-dse
    [ "$(cat install/dse-6.7.7/resources/cassandra/conf/cassandra.yaml)" = $'native_transport_address: |2-\n  127.0.0.1\n  localhost' ]
    for file in cassandra/conf/commitlog_archiving.properties cassandra/conf/cassandra-rackdc.properties dse/conf/dse.yaml \
        spark/conf/spark-env.sh spark/conf/spark-defaults.conf spark/conf/spark-daemon-defaults.conf; do
        [ "$(cat "install/dse-6.7.7/resources/$file")" = "$(basename "$file")" ]
    done
    # An address of one's own stays.
    printf 'native_transport_address: |2-\n  127.0.0.7\n' >conf/cassandra.yaml
    run -0 ./start-dse
    [ "$(cat install/dse-6.7.7/resources/cassandra/conf/cassandra.yaml)" = $'native_transport_address: |2-\n  127.0.0.7' ]
}

@test "start-agent: the agent gets its configuration; its end waits for the delay, TERM does not" {
    mkdir -p datastax-agent-6.7/bin
    printf '#!/bin/sh\ncat "${0%%/bin/*}/conf/address.yaml"\nexit 7\n' >datastax-agent-6.7/bin/datastax-agent
    chmod +x datastax-agent-6.7/bin/datastax-agent
    export DATASTAX_AGENT_ARCHIVE_URI=file:///agent.tar.gz
    DSE_AGENT_RESTART_DELAY_SECONDS=0 run -7 ./start-agent
    [ "${lines[0]}" = 'agent of OpsCenter at http://ops.example:8888' ]
    [ "${lines[1]}" = address.yaml ]
    [ "${lines[2]}" = 'the agent ended with status 7: again in 0 s' ]
    start_bg agent ./start-agent
    retry 10 grep -q 'again in 60 s' "$BATS_TEST_TMPDIR/agent.err"
    begun=$SECONDS
    pid=$(cat "$BATS_TEST_TMPDIR/agent.pid")
    kill -TERM "$pid"
    wait "$pid" || status=$?
    [ "$status" -eq 7 ]
    [ $((SECONDS - begun)) -lt 30 ]
    # TERM reaches the agent, whose status is the task's.
    printf '#!/bin/sh\ntrap "exit 3" TERM\necho up\nwhile :; do sleep 0.05; done\n' >datastax-agent-6.7/bin/datastax-agent
    start_bg agent ./start-agent
    retry 10 grep -qx up "$BATS_TEST_TMPDIR/agent.out"
    pid=$(cat "$BATS_TEST_TMPDIR/agent.pid")
    kill -TERM "$pid"
    wait "$pid" || status=$?
    [ "$status" -eq 3 ]
}

@test "start-dse: an archive without DSE is told" {
    DSE_ARCHIVE_URI=file:///x.tar.gz run -4 ./start-dse
    [ "$output" = "start-dse: no bin/dse in what 'file:///x.tar.gz' unpacked to" ]
}

@test "an image's DSE is used, installed by the name of the image; a stand-in never takes its place" {
    export DSE_DOCKER_IMAGE=reg/dse:6.7.7
    for script in start-dse start-agent ready 'nodetool status'; do
        # shellcheck disable=SC2086
        run -4 ./$script
        [[ $output == *"no "*" in the PATH of image 'reg/dse:6.7.7', and no archive"* ]]
    done
    imitate_dse "$BATS_TEST_TMPDIR/image/opt/dse"
    unset DSE_ARCHIVE_URI
    mkdir "$BATS_TEST_TMPDIR/image/bin"
    ln -s "$BATS_TEST_TMPDIR"/image/opt/dse/bin/* "$BATS_TEST_TMPDIR/image/bin/"
    PATH=$BATS_TEST_TMPDIR/image/bin:$PATH
    run -0 ./start-dse
    [[ ${lines[0]} == "$PWD/install/reg_dse_6.7.7/bin/dse cassandra -f"* ]]
    run -0 ./ready
    run -0 ./nodetool status
    rm -r "$BATS_TEST_TMPDIR/image/opt/dse/resources"
    run -4 ./start-dse
    [[ $output == *"is not laid out as DSE's archive: no resources/cassandra/conf" ]]
}

@test "ready: with DSE the own address must be up and normal" {
    imitate_dse dse-6.7.7
    run -0 ./ready
    [ "$output" = "UN  127.0.0.1 x" ]
    MESOS_CONTAINER_IP=10.0.0.9 run -1 ./ready
    MESOS_CONTAINER_IP=10.0.0.1 run -1 ./ready
    [ "$output" = "no line for 10.0.0.1" ]
}

@test "nodetool: status of the stand-in, other subcommands refused by name" {
    start_bg node ./start-dse
    retry 10 ./ready
    run -0 ./nodetool -h 10.0.0.1 -p 1 --ssl status extra
    [ "$output" = "UN 127.0.0.1 dse-0-node starts=1" ]
    run -3 ./nodetool repair
    [ "$output" = "nodetool: the stand-in knows no 'repair': only status" ]
    run -2 ./nodetool
    [[ $output == *"no subcommand"* ]]
    run -2 ./nodetool -h
    NODETOOL_IGNORE_ERRORS=true run -0 ./nodetool repair
    [ "${lines[1]}" = "nodetool: ended with status 3, ignored" ]
}

@test "nodetool: DSE's own, at the JMX port unless options say otherwise" {
    imitate_dse dse-6.7.7
    run -0 ./nodetool status -r
    [ "${lines[2]}" = "called: -p 7199 status -r" ]
    NODETOOL_CONNECTION_OPTS='-p 1' run -0 ./nodetool -p 1 status
    [ "${lines[2]}" = "called: -p 1 status" ]
    NODETOOL_EXIT=9 run -9 ./nodetool status
    NODETOOL_EXIT=9 NODETOOL_IGNORE_ERRORS=true run -0 ./nodetool status
}

@test "the address comes from bootstrap where Mesos does not tell it" {
    unset MESOS_CONTAINER_IP
    LIBPROCESS_IP=127.0.0.1 start_bg node ./start-dse
    retry 10 env LIBPROCESS_IP=127.0.0.1 ./ready
}

@test "Java from an archive comes before the image's" {
    imitate_dse dse-6.7.7
    mkdir -p jdk-11/bin
    printf '#!/bin/sh\necho from the archive\n' >jdk-11/bin/java
    chmod +x jdk-11/bin/java
    printf '#!/bin/sh\necho "UN  127.0.0.1 $JAVA_HOME $(java)"\n' >dse-6.7.7/bin/nodetool
    run -0 ./ready
    [ "$output" = "UN  127.0.0.1 $PWD/jdk-11 from the archive" ]
}

@test "stand-in: a taken port is no start; a spoilt count is refused and kept" {
    mkdir data
    start_bg one dse-node-standin serve --port 0 --data data
    retry 10 grep -q listening "$BATS_TEST_TMPDIR/one.out"
    port=$(sed 's/.*://' "$BATS_TEST_TMPDIR/one.out")
    run -4 dse-node-standin serve --port "$port" --data data
    [[ $output == "dse-node-standin: cannot take port $port of '127.0.0.1': "* ]]
    [ "$(cat data/starts)" = 1 ]
    echo many >data/starts
    run -3 dse-node-standin serve --port 0 --data data
    [[ $output == *"'data/starts' does not hold a count of starts" ]]
    [ "$(cat data/starts)" = many ]
    run -4 dse-node-standin serve --port 0 --data none
    run -2 dse-node-standin serve
    run -2 dse-node-standin serve --port 65536
    run -2 dse-node-standin serve --port 0 --address localhost
}

@test "stand-in: a client that stays silent does not hold up the next; ask gives up in time" {
    start_bg one dse-node-standin serve --port 0 --label x
    retry 10 grep -q listening "$BATS_TEST_TMPDIR/one.out"
    port=$(sed 's/.*://' "$BATS_TEST_TMPDIR/one.out")
    exec 7<>"/dev/tcp/127.0.0.1/$port" 8<>"/dev/tcp/127.0.0.1/$port"
    run -0 dse-node-standin ask --port "$port"
    [ "$output" = "UN 127.0.0.1 x" ]
    exec 7>&- 8>&-
    # A listener that never answers: a backlog nobody takes from.
    start_bg mute python3 -c 'import socket,time; s=socket.socket(); s.bind(("127.0.0.1",0)); s.listen()
print(s.getsockname()[1], flush=True); time.sleep(60)'
    retry 10 test -s "$BATS_TEST_TMPDIR/mute.out"
    run -4 dse-node-standin ask --port "$(cat "$BATS_TEST_TMPDIR/mute.out")" --timeout 0.1
    [[ $output == *"no answer from '127.0.0.1' port "*" in time" ]]
}

# OpsCenter's scripts in a sandbox of their own.
opscenter_sandbox() {
    mkdir "$BATS_TEST_TMPDIR/ops"
    cd "$BATS_TEST_TMPDIR/ops" || return 1
    tar xzf "$BUILD/share/bootstrap.tar.gz"
    tar xzf "$BUILD/share/opscenter-scripts.tar.gz"
    mkdir conf
    echo opscenterd >conf/opscenterd.conf
    echo cluster >conf/cluster.conf
    export MESOS_SANDBOX=$PWD TASK_NAME=opscenter-0-node OPSCENTER_GUI_PORT=$DSE_NATIVE_PORT OPSCENTER_HEAP=2000 \
        OPSCENTER_JVM_OPTS=-Da=b DSE_CLUSTER_NAME='my cluster/1'
    unset OPSCENTER_ARCHIVE_URI OPSCENTER_DOCKER_IMAGE
}

@test "start-opscenter: the stand-in answers at the web interface's port and counts on the volume" {
    opscenter_sandbox
    run -4 ./ready
    start_bg ops ./start-opscenter
    retry 10 ./ready
    [ "$(./ready)" = "UN 127.0.0.1 opscenter-0-node starts=1" ]
    [ "$(cat opscenter-data/starts)" = 1 ]
}

@test "start-opscenter: with an archive OpsCenter runs from the volume, with the rendered files" {
    opscenter_sandbox
    mkdir -p opscenter-6.7/bin
    printf '#!/bin/sh\necho "$* $OPSC_JVM_OPTS"\ncat conf/opscenterd.conf conf/clusters/my_cluster_1.conf\n' >opscenter-6.7/bin/opscenter
    chmod +x opscenter-6.7/bin/opscenter
    OPSCENTER_ARCHIVE_URI=file:///ops.tar.gz run -0 ./start-opscenter
    [ "$output" = $'-f -Xms2000M -Xmx2000M -Da=b\nopscenterd\ncluster' ]
    [ -x opscenter-data/opscenter-6.7/bin/opscenter ]
    rm -r opscenter-6.7
    OPSCENTER_ARCHIVE_URI=file:///ops.tar.gz run -4 ./start-opscenter
    OPSCENTER_DOCKER_IMAGE=r/ops:1 run -4 ./start-opscenter
    [[ $output == *"no opscenter in the PATH of image 'r/ops:1'"* ]]
}
