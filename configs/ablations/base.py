"""What all rows of the ladder share: DOS on the embedded data set, with a budget of its own. Not a row itself.

Command:   python tools/ablate.py configs/ablations/ladder.py
Hardware:  2 CPU cores, no GPU.
Expected:  docs/results/ladder_test.json.
"""

_base_ = ['../dos/dos_second_synthetic.py']

max_iters = 300
train_cfg = dict(max_iters=max_iters)
param_scheduler = [dict(_base_.param_scheduler[0], total_steps=max_iters)]

# In a ladder a collapse is a result: the run goes on, the log names it, the probe measures it.
custom_hooks = [
    dict(_hook, on_collapse='warn') if _hook.type == 'CollapseMonitorHook' else _hook for _hook in _base_.custom_hooks
]

# For the rows that are not Zipf-Sinkhorn: the head's settings that all prototypes share.
_of_zipf_sinkhorn = ('type', 'alpha', 'n_iters')
prototypes = {key: value for key, value in _base_.model.head.items() if key not in _of_zipf_sinkhorn}
