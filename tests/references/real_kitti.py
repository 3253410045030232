"""A KITTI root of the real frames that may lie beside the project, in ../shared/data/real: links, nothing is copied.

python -m tests.references.real_kitti FOLDER [--val 0052] [--root ../shared/data/real]
python tools/create_data.py kitti --root-path FOLDER

25 labelled frames: 11 of `kitti_object` and `kitti_object_more`, single moments of different drives; ten of drive 0048
and four of drive 0052 of 2011_09_26, each a few seconds of one street, under their numbers in KITTI's object data. The
drive that --val names is ImageSets/val.txt (or `object`: the single moments), the others are train.txt. All sweeps
without labels are testing/velodyne, for pretraining: none of them is of the frames that are scored, but some of the
same drives are.
"""

import argparse
import csv
import os
from collections.abc import Iterator
from pathlib import Path

from dos_mm3d.engine.launch import run_tool
from dos_mm3d.errors import InputError, MissingFileError, OutputExistsError

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / 'shared' / 'data' / 'real'
SINGLE = ('kitti_object/training', 'kitti_object_more/training')
DRIVES = {'0048': 'kitti_raw_2011_09_26_drive_0048', '0052': 'kitti_raw_2011_09_26_drive_0052'}
UNLABELLED = 'kitti_raw_unknown_drive'
GROUPS = ('object', *DRIVES)
SUFFIX = {'velodyne': '.bin', 'calib': '.txt', 'label_2': '.txt'}


def main() -> None:
    """Assemble, and say what is where."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--val', choices=GROUPS, default='0052', help='what is scored (default: 0052)')
    parser.add_argument('--root', type=Path, default=REAL, help='of the real data')
    args = parser.parse_args()
    counts = assemble(args.folder, args.root, val=args.val)
    print(f'{args.folder}: ' + ', '.join(f'{count} frames of {name}' for name, count in counts.items()))


def assemble(folder: Path, root: Path = REAL, *, val: str = '0052') -> dict[str, int]:
    """Write the links and lists into an empty folder; how many frames each list has, and how many sweeps no labels."""
    if folder.exists() and any(folder.iterdir()):
        raise OutputExistsError(f'{folder}: is there and not empty; wanted a new folder')
    if absent := [name for name in (*SINGLE, *DRIVES.values(), UNLABELLED) if not (root / name).is_dir()]:
        raise MissingFileError(
            f'{root / absent[0]}: no such folder; wanted the real frames. Say where they are: --root'
        )
    frames = list(labelled_frames(root))
    lists: dict[str, list[str]] = {'train': [], 'val': []}
    for group, name, source, frame in frames:
        lists['val' if group == val else 'train'].append(name)
        for kind, suffix in SUFFIX.items():
            link(source / kind / f'{frame}{suffix}', folder / 'training' / kind / f'{name}{suffix}')
    taken = {source / 'velodyne' / f'{frame}.bin' for _, _, source, frame in frames}
    sweeps = [
        path for name in (*DRIVES.values(), UNLABELLED) for path in sorted((root / name / 'velodyne').glob('*.bin'))
    ]
    others = [path for path in sweeps if path not in taken]
    for number, path in enumerate(others):
        link(path, folder / 'testing' / 'velodyne' / f'{number:06d}.bin')
    (folder / 'ImageSets').mkdir()
    for split, names in lists.items():
        (folder / 'ImageSets' / f'{split}.txt').write_text(''.join(f'{name}\n' for name in sorted(names)))
    return {**{split: len(names) for split, names in lists.items()}, 'testing': len(others)}


def labelled_frames(root: Path) -> Iterator[tuple[str, str, Path, str]]:
    """(group, name in KITTI's object data, folder, name there) of every labelled frame; InputError for one twice."""
    found: dict[str, tuple[str, str, Path, str]] = {}
    singles = [
        ('object', path.stem, root / part) for part in SINGLE for path in sorted((root / part).glob('label_2/*.txt'))
    ]
    rows = [(group, name, folder, name) for group, name, folder in singles]
    for group, name in DRIVES.items():
        with (root / name / 'labelled_frames.csv').open() as file:
            rows += [
                (group, row['kitti_object_training_index'], root / name, row['raw_frame'])
                for row in csv.DictReader(file)
            ]
    for row in rows:
        if row[1] in found:
            raise InputError(f'{row[2]}: frame {row[1]} is in {found[row[1]][2]}, too; wanted each once')
        found[row[1]] = row
    yield from found.values()


def link(source: Path, place: Path) -> None:
    """A link that leads to a file from wherever it is looked at."""
    place.parent.mkdir(parents=True, exist_ok=True)
    os.symlink(source.resolve(), place)


if __name__ == '__main__':
    run_tool(main)
