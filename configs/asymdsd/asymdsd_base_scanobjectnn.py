"""AsymDSD, base, on ScanObjectNN's three variants, without labels.

Command:   python tools/create_data.py scanobjectnn
           python tools/train.py configs/asymdsd/asymdsd_base_scanobjectnn.py
Hardware:  one GPU.
Expected:  not run.
"""

_base_ = './asymdsd_small_scanobjectnn.py'

model = dict(_delete_=True, **_base_.asymdsd.base)
