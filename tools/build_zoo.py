"""Add a trained checkpoint to the weights that ship: file, index, and the page docs/model_zoo.md.

    python tools/build_zoo.py second_small work_dirs/zoo_second_small/iter_20000.pth
    python tools/build_zoo.py second_small --probe embedded_nuscenes=docs/results/RECORD.json

The config of the name is one of configs/zoo; the sweeps that it was trained on must be there, as half precision is
checked on them. An entry of the same name is replaced. Nothing is trained here. Without a checkpoint the file stays,
and records of run_protocol.py --checkpoint zoo=weights/NAME.pth take the place of older ones.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dos_mm3d.engine.launch import run_tool
from dos_mm3d.errors import InputError
from dos_mm3d.files import home_path
from dos_mm3d.studies.runner.tool import named_path
from dos_mm3d.studies.zoo import WEIGHTS, ZOO, add_probes, add_to_zoo
from dos_mm3d.units import file_size


def parse_args() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('name', choices=ZOO, help='which weights')
    words = 'of the pretraining, in its work_dir; none: the file stays, with other --probe'
    parser.add_argument('checkpoint', type=home_path, nargs='?', help=words)
    parser.add_argument(
        '--probe',
        nargs='+',
        default=[],
        metavar='TITLE=RECORD',
        help='record of tools/run_protocol.py for this checkpoint, or without one for the file, alone',
    )
    parser.add_argument(
        '--weights', type=home_path, default=ROOT / WEIGHTS, help='folder of files and index (default: weights)'
    )
    return parser.parse_args()


def named_probes(texts: list[str]) -> dict[str, Path]:
    """Title -> record; InputError for one without a title, or two with the same."""
    pairs = list(map(named_path, texts))
    titles = [title for title, _ in pairs]
    if None in titles or len(set(titles)) < len(titles):
        raise InputError(f'--probe {" ".join(texts)}: wanted TITLE=RECORD for each, with different titles')
    return dict(pairs)


def main() -> None:
    """Export, describe, add."""
    args = parse_args()
    args.weights = args.weights.resolve()
    args.probe = {title: path.resolve() for title, path in named_probes(args.probe).items()}
    if args.checkpoint is None:
        if not args.probe:
            raise InputError(f'{args.name}: neither a checkpoint nor --probe; wanted one of them')
        entry = add_probes(args.name, args.probe, args.weights)
        print(f'{args.weights / entry["file"]}: has the probes {", ".join(entry["probes"])}')
    else:
        checkpoint = args.checkpoint.resolve()
        os.chdir(ROOT)  # configs are relative to it
        entry = add_to_zoo(args.name, checkpoint, args.probe, args.weights)
        difference = entry['exported']['half_difference']
        print(f'wrote {args.weights / entry["file"]}: {file_size(entry["bytes"])}, features differ by {difference:.1e}')
    print('now the page: python tools/build_tables.py')


if __name__ == '__main__':
    run_tool(main)
