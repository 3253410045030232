"""Waymo's frame records -> the infos that mmdet3d's WaymoDataset reads, of the frames that are there.

mmdet3d's own converter needs TensorFlow, reads the raw records and drops difficulty and no-label zones; the first stage
(tools/create_data.py waymo --stage records) has written the frame records instead, see frame_record.py."""

from functools import partial
from pathlib import Path

from ...errors import InputError
from ...parallel import parallel_map
from ..converting import converting
from ..info_pickle import info_files, with_trainval, write_infos
from .check import RECORDS_AGAIN, check_frame_files, find_segments
from .frame_record import SPLIT_DIGITS, frame_path, read_record
from .infos import frame_info

SPLIT_OF_INFOS = {'train': 'training', 'val': 'validation', 'test': 'testing'}
METAINFO = {'dataset': 'waymo', 'version': 'waymo_v1.4', 'info_version': 'mmdet3d_v1.4'}
"""What mmdet3d's converter writes; WaymoDataset needs the key to be there."""
OFFICIAL_SEGMENTS = {'training': 798, 'validation': 202, 'testing': 150}


def prepare_waymo(
    root: str | Path,
    *,
    out_dir: str | Path | None = None,
    extra_tag: str = 'waymo',
    max_sweeps: int = 10,
    workers: int | None = None,
) -> Path:
    """Check the frames below `root` (data/waymo/kitti_format) and write `<tag>_infos_{train,val,trainval,test}.pkl`
    into out_dir (default: root); gives that folder.

    A split none of whose segments is there gets no file, and its older one is removed; 'trainval' needs both. The
    files get their names when all are complete. What is missing of the official splits is printed.

    max_sweeps: earlier frames listed for each. workers: processes, default one for each CPU.
    FileNotFoundError and ValueError, naming the file and the remedy, where something is missing, cut off or wrong."""
    root, out = Path(root), Path(root if out_dir is None else out_dir)
    if max_sweeps < 0:
        raise InputError(f'max_sweeps must be 0 or more, got {max_sweeps}')
    segments = find_segments(root)
    with converting(out, files=info_files(extra_tag, *SPLIT_OF_INFOS, 'trainval')):
        infos: dict[str, list[dict]] = {split: [] for split in SPLIT_DIGITS}
        work, names = partial(segment_infos, root, max_sweeps), list(segments.values())
        found = parallel_map(work, names, what='infos', unit='frame', sizes=list(map(len, names)), workers=workers)
        for (split, _), entries in zip(segments, found, strict=True):
            infos[split] += entries
        files = {name: infos[split] for name, split in SPLIT_OF_INFOS.items()}
        write_infos(out, extra_tag, METAINFO, with_trainval(files))
    _report(segments, infos)
    return out


def segment_infos(root: Path, max_sweeps: int, names: list[str]) -> list[dict]:
    """Entries of the frames of one segment, in order, their files checked."""
    labelled = names[0][0] != SPLIT_DIGITS['testing']
    entries: list[dict] = []
    segment = None
    for name in names:
        path = frame_path(root, 'record', name)
        record = read_record(path)
        segment = segment or record.segment
        if (record.segment, record.frame) != (segment, int(name[4:])):
            raise InputError(
                f'{path}: found frame {record.frame} of segment {record.segment}, wanted frame {int(name[4:])} of '
                f'{segment}, as its name and the frames before it say. Frames of two conversions are mixed: delete '
                f'those of segment {name[:4]}. {RECORDS_AGAIN}.'
            )
        check_frame_files(root, name, record)
        earlier = entries[: -max_sweeps - 1 : -1] if max_sweeps else []
        entries.append(frame_info(name, record, earlier, labelled=labelled))
    return entries


def _report(segments: dict[tuple[str, str], list[str]], infos: dict[str, list[dict]]) -> None:
    """Print what was found, and how much of the official split that is."""
    for split, official in OFFICIAL_SEGMENTS.items():
        found = sum(of == split for of, _ in segments)
        boxes = sum(len(info.get('instances', ())) for info in infos[split])
        print(
            f'{split}: {len(infos[split])} frames of {found} of {official} segments, {boxes} boxes'
            + ('' if found else '; no info file')
        )
