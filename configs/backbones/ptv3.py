"""DOS with Point Transformer V3 against its own baselines: random networks of its shape, raw input, pillar statistics.

Command:   python tools/ablate.py configs/backbones/ptv3.py --seeds 3 --steps 600 --split test
Hardware:  2 CPU cores, no GPU.
Expected:  docs/results/backbone_ptv3_test.json

A file per backbone, because random networks are those of the row's own encoder.
"""

rows = [
    dict(name='ptv3', config='configs/dos/dos_ptv3_synthetic.py', title='DOS with Point Transformer V3', above=None)
]
