# kill -9 at every durable step of a deployment on a directory store, counted up until a run finishes, and at
# some of an update: each cut resumes and converges, starts nothing twice, and nothing stays reserved that no
# record holds. The same on ZooKeeper is in zk.bats.
load helpers
load service

setup() {
    hello_env
    cut_env
    CUT_STORE=dir:$BATS_TEST_TMPDIR/state-
    start_local --allocation-interval 20ms --cpus 256 --mem 262144 --disk 1048576
}
teardown() { stop_pipe; stop_bg local; stop_all; }

@test "a deployment cut at each crash point resumes, converges and leaks nothing" {
    cut_all deploy 1 40
}

@test "an update cut at its crash points resumes, converges and leaks nothing" {
    cut_all update 7 40
}
