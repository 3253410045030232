"""SemanticKITTI on disk -> the infos that mmdet3d trains on, of the frames that are there.

mmdet3d's own converter writes the frame numbers of the complete data set without looking at the disk."""

from pathlib import Path

from ..converting import converting
from ..info_pickle import info_files, with_trainval, write_infos
from .check import check_files, find_sequences, frame_names
from .classes import SPLITS


def prepare_semantickitti(
    root: str | Path,
    *,
    out_dir: str | Path | None = None,
    extra_tag: str = 'semantickitti',
    allow_partial: bool = False,
    workers: int | None = None,
) -> Path:
    """Check the sequences below `root` and write `<tag>_infos_{train,val,trainval,test}.pkl` into out_dir (default:
    root); gives that folder.

    A split none of whose sequences is there gets no file, and its older one is removed; 'trainval' needs both. A
    subset of the sequences is fine, and what is missing is printed. The files get their names when all are complete.

    allow_partial: take sequences that have fewer scans than their times.txt, for those who keep only some on purpose.
    workers: processes that read the labels, default one for each CPU.
    FileNotFoundError and ValueError, naming the file and the remedy, where something is missing, cut off or wrong."""
    root = Path(root)
    out = root if out_dir is None else Path(out_dir)
    frames = {number: frame_names(folder, allow_partial) for number, folder in find_sequences(root).items()}
    with converting(out, files=info_files(extra_tag, *SPLITS, 'trainval')):
        infos = {
            split: [info for number in numbers for info in _infos(number, frames.get(number, ()))]
            for split, numbers in SPLITS.items()
        }
        check_files(root, [info for of_split in infos.values() for info in of_split], workers)
        write_infos(out, extra_tag, {'DATASET': 'SemanticKITTI'}, with_trainval(infos))
    _report(frames, infos)
    return out


def _infos(number: str, names: list[str]) -> list[dict]:
    """Entries of a sequence as mmdet3d's converter writes them; those of the test split name no labels."""
    infos = []
    for name in names:
        lidar = {'lidar_path': f'sequences/{number}/velodyne/{name}.bin', 'num_pts_feats': 4}
        info = {'lidar_points': lidar, 'sample_id': f'{int(number)}{int(name)}'}
        if number not in SPLITS['test']:
            info['pts_semantic_mask_path'] = f'sequences/{number}/labels/{name}.label'
        infos.append(info)
    return infos


def _report(frames: dict[str, list[str]], infos: dict[str, list[dict]]) -> None:
    """Print what was found, and what is missing from the official split."""
    for split, numbers in SPLITS.items():
        missing = [number for number in numbers if number not in frames]
        print(
            f'{split}: {len(infos[split])} scans of {len(numbers) - len(missing)} of {len(numbers)} sequences'
            + (f'; missing: {", ".join(missing)}' if missing else '')
            + ('' if infos[split] else '; no info file')
        )
