#!/usr/bin/env bats
# dse-local: the same answers as a stock Mesos gave when it was recorded.
load helpers
load local

setup() {
    DIR=$BATS_TEST_TMPDIR
    cd "$DIR"
}
teardown() {
    stop_all
}

@test "life cycle, failover and removed framework are as recorded" {
    replay lifecycle lifecycle-failover lifecycle-removed
}

@test "what a master refuses is refused in its words" {
    replay rejections
}

@test "task groups are as recorded" {
    replay task-groups
}

@test "operations with an id and a master that fails over are as recorded" {
    OPTIONS='--reregister 1' replay operations-and-master-failover
}

@test "an agent that is lost, returns and is marked gone is as recorded" {
    OPTIONS='--agent-timeout 0.5 --offer-timeout 4' replay agent-loss
}
