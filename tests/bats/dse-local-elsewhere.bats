#!/usr/bin/env bats
# dse-local: what was recorded, on another cluster: other and more agents, sizes, ports, roles,
# principals and ids. Canned answers would not stand this (see vary.py).
load helpers
load local

setup() {
    DIR=$BATS_TEST_TMPDIR
    cd "$DIR"
}
teardown() {
    stop_all
}

@test "life cycle, failover and removed framework" {
    VARY=1 replay lifecycle lifecycle-failover lifecycle-removed
}

@test "refusals" {
    VARY=1 OPTIONS='--resend 2' replay rejections
}

@test "task groups" {
    VARY=1 replay task-groups
}

@test "operations with an id and a master that fails over" {
    VARY=1 OPTIONS='--reregister 1' replay operations-and-master-failover
}

@test "an agent that is lost, returns and is marked gone" {
    VARY=1 OPTIONS='--agent-timeout 0.5 --offer-timeout 4' replay agent-loss
}
