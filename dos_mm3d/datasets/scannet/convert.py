"""ScanNet's download -> the files that mmdet3d's ScanNetSegDataset reads, ScanNet200's labels and normals beside them.

mmdet3d's own script for this is not in its package. Here as there: points/, semantic_mask/ (NYU40 numbers),
instance_mask/, seg_info/ and `<tag>_infos_{train,val,test}.pkl`; two things differ. The points are axis-aligned, so the
infos' `axis_align_matrix` is the identity, and mmdet3d's GlobalAlignment changes nothing. And there are normals/ and
semantic_mask_200/ (ScanNet200's numbers), made in the same reading."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import InputError, MissingFileError
from ...parallel import parallel_map
from ..converting import converting
from ..info_pickle import info_files
from .infos import SEG_INFO, write_scannet_infos
from .raw import read_categories, read_text
from .scan_files import MADE, ScanJob

LABEL_MAP = 'scannetv2-labels.combined.tsv'
FOLDERS = {'train': 'scans', 'val': 'scans', 'test': 'scans_test'}
OFFICIAL_COUNTS = {'train': 1201, 'val': 312, 'test': 100}


def prepare_scannet(
    root: str | Path,
    *,
    out_dir: str | Path | None = None,
    extra_tag: str = 'scannet',
    allow_partial: bool = False,
    workers: int | None = None,
) -> Path:
    """Check the scans below `root`, convert those that are not converted yet and write the infos into out_dir (default:
    root); gives that folder. Both label sets, ScanNet's and ScanNet200's, come from one reading.

    All scans are checked before the first is converted. A run that was stopped goes on where it was; a scan whose
    download changed is converted again. A split none of whose scans is there gets no file.

    allow_partial: take splits of which scans are missing, for those who keep only some on purpose.
    workers: processes, default one for each CPU.
    FileNotFoundError and ValueError, naming the file and the remedy, where something is missing, cut off or wrong."""
    root = Path(root)
    out = root if out_dir is None else Path(out_dir)
    scans = {split: _present_scans(root, split, allow_partial) for split in FOLDERS}
    _check_disjoint(root, scans)
    label_map = _find_file(root, LABEL_MAP, 'Download it with download-scannet.py --label_map')
    read_categories(label_map)
    with converting(out, folders=[*MADE, SEG_INFO], files=info_files(extra_tag, *FOLDERS)):
        jobs = {
            split: [ScanJob(folder, out, label_map, split != 'test') for folder in folders]
            for split, folders in scans.items()
        }
        every = [job for split_jobs in jobs.values() for job in split_jobs]
        if not every:
            raise MissingFileError(f'{root}: none of the scans of the official splits is in scans/ or scans_test/')
        left = [job for job in every if not job.is_done()]
        if len(left) < len(every):
            print(f'{len(every) - len(left)} of {len(every)} scans were converted before, and are kept')
        parallel_map(ScanJob.check, left, what='checking', unit='scan', workers=workers)
        parallel_map(ScanJob.convert, left, what='converting', unit='scan', workers=workers)
        stamps = {split: [job.stamp() for job in of_split] for split, of_split in jobs.items()}
        write_scannet_infos(out, extra_tag, stamps)
    for split, found in stamps.items():
        print(f'{split}: {len(found)} of {OFFICIAL_COUNTS[split]} official scans' + ('' if found else '; no info file'))
    return out


def _present_scans(root: Path, split: str, allow_partial: bool) -> list[Path]:
    """Folders of the scans of a split, in the order of its list; FileNotFoundError where some are missing."""
    folder = root / FOLDERS[split]
    if split == 'test' and not folder.is_dir():
        return []
    names_file = _find_file(root, f'scannetv2_{split}.txt', 'It lies in Tasks/Benchmark of github.com/ScanNet/ScanNet')
    names = read_text(names_file, 'It lies in Tasks/Benchmark of github.com/ScanNet/ScanNet').split()
    if not folder.is_dir():
        raise MissingFileError(f'{folder}: no such folder. Give the folder that holds scans/scene0000_00 and so on.')
    missing = [name for name in names if not (folder / name).is_dir()]
    if missing and not allow_partial:
        raise MissingFileError(
            f'{folder / missing[0]}: missing, the first of {len(missing)}; found {len(names) - len(missing)} of the '
            f'{len(names)} scans of {names_file.name}. Download them (download-scannet.py --id {missing[0]}), or say '
            'that you keep only some on purpose (--allow-partial).'
        )
    return [folder / name for name in names if (folder / name).is_dir()]


def _check_disjoint(root: Path, scans: Mapping[str, Sequence[Path]]) -> None:
    """InputError for a scan that is listed twice, in one list or in two: what is trained on would be scored, too."""
    lists_of: dict[str, list[str]] = {}
    for split, folders in scans.items():
        for folder in folders:
            lists_of.setdefault(folder.name, []).append(f'scannetv2_{split}.txt')
    if twice := [(name, lists) for name, lists in lists_of.items() if len(lists) > 1]:
        raise InputError(
            f'{root}: {twice[0][0]} is listed in {" and in ".join(twice[0][1])}, the first of {len(twice)}; wanted '
            'each scan once. Take them out of one of the lists.'
        )


def _find_file(root: Path, name: str, remedy: str) -> Path:
    """`name` below `root`, below meta_data/ (mmdet3d's place) or below Tasks/Benchmark/ (ScanNet's)."""
    places = [root / name, root / 'meta_data' / name, root / 'Tasks' / 'Benchmark' / name]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise MissingFileError(f'{root / name}: missing, and not in meta_data/ or Tasks/Benchmark/ either. {remedy}.')
    return found
