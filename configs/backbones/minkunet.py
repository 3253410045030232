"""DOS with MinkUNet against its own baselines: random networks of its shape, raw input, pillar statistics.

Command:   python tools/ablate.py configs/backbones/minkunet.py --seeds 3 --steps 600 --split test
Hardware:  2 CPU cores, no GPU.
Expected:  docs/results/backbone_minkunet_test.json

A file per backbone, because random networks are those of the row's own encoder.
"""

rows = [dict(name='minkunet', config='configs/dos/dos_minkunet_synthetic.py', title='DOS with MinkUNet', above=None)]
