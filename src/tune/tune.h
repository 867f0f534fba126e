/* tune.h - searches over configurations, as a `tune:` block says (tune_space.h).
 *
 * Trials run one after another, each with all threads, in DIR/trial-N: a killed search goes on where it was.
 * A trial's figure is train.monitor on the validation part; the test part is never evaluated. */
#pragma once

#include "tune/tune_trial.h"

/* Serial; one run or search at a time in a process. *out is filled also where it fails half way;
 * freed by tune_result_fini. PT_EINTERRUPTED: the same call with `resume` goes on. */
int tune_run(const struct tune_options *o, struct tune_result *out, struct error *err);
void tune_result_fini(struct tune_result *r);
