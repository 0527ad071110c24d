/* Parts of dse-plan. */
#ifndef DSE_PLAN_CMD_H
#define DSE_PLAN_CMD_H

#include "base/opt.h"
#include "base/output.h"
#include "plan/client.h"

struct settings {
    struct client client;
    struct output output;
    bool exit_zero, yes;
    bool wait;    /* --wait was given */
    long wait_ms; /* -1: as long as it takes */
    const char *if_target;
    const char *cluster_version; /* diff: decides which features are refused */
    struct opt_list params;
};
extern struct settings settings;

/* ---- show.c ---- */
run_fn list_plans, show_plan, why_steps;

/* ---- control.c ---- */
run_fn start_plan, stop_plan, pause_plan, resume_plan, force_restart, force_complete;

/* ---- update.c ---- */
run_fn update_target, diff_target;

#endif
