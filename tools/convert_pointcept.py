"""Convert public Point Transformer V3 weights (PTv3, Sonata, Concerto, Utonia) for the PTv3 of this package.

    python tools/convert_pointcept.py sonata.pth work_dirs/sonata.pth
    python tools/convert_pointcept.py pretraining.pth work_dirs/teacher.pth --branch teacher

Takes the published {config, state_dict} files and those that Pointcept writes while it trains or pretrains. Nothing in
the file is executed. The result is what `init_cfg=dict(type='Pretrained', checkpoint=...)` of PTv3 takes.
"""

import argparse
import pprint
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dos_mm3d.engine.launch import run_tool
from dos_mm3d.export.pointcept import BRANCHES, convert_pointcept


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Convert public Point Transformer V3 weights.')
    parser.add_argument('checkpoint', help='file of PTv3, Sonata, Concerto or Utonia')
    parser.add_argument('out', help='file to write, e.g. work_dirs/sonata.pth')
    parser.add_argument('--branch', choices=BRANCHES, help='side of a pretraining file (default student)')
    parser.add_argument('--condition', type=int, help="which training set's norms, in files of several (PPT)")
    return parser.parse_args()


def print_names(title: str, names: Sequence[str]) -> None:
    """One line per name, those of a block together."""
    print(f'{title}: {len(names)} tensors')
    groups = Counter(re.sub(r'(\.block\d+\.).*', r'\1*', name) for name in names)
    for group, count in groups.items():
        print(f'    {group}' + (f' ({count})' if count > 1 else ''))


def main() -> None:
    args = parse_args()
    done = convert_pointcept(args.checkpoint, args.out, branch=args.branch, condition=args.condition)
    print_names('used', done.used)
    print_names('unused', done.unused)
    print_names('missing', done.missing)
    if done.unused_config:
        print(f'entries of its config that are not needed: {", ".join(done.unused_config)}')
    if done.missing:
        print(
            'WARNING: the missing tensors are not in the file; they stay as the model is initialised', file=sys.stderr
        )
    print(f'wrote {args.out}: {done.parameters} numbers for this model:')
    model = {**done.model, 'init_cfg': dict(type='Pretrained', checkpoint=args.out)}
    print(pprint.pformat(model, width=110, compact=True, sort_dicts=False))


if __name__ == '__main__':
    run_tool(main)
