"""ScanNet's download -> the files that mmdet3d's ScanNetSegDataset reads, ScanNet200's labels and normals beside them.

mmdet3d's own script for this is not in its package. Here as there: points/, semantic_mask/ (NYU40 numbers),
instance_mask/, seg_info/ and `<tag>_infos_{train,val,test}.pkl`; two things differ. The points are axis-aligned, so the
infos' `axis_align_matrix` is the identity, and mmdet3d's GlobalAlignment changes nothing. And there are normals/ and
semantic_mask_200/ (ScanNet200's numbers), made in the same reading."""

from dataclasses import dataclass
from pathlib import Path

from ...errors import MissingFileError
from ...parallel import parallel_map
from .check import FOLDERS, check_scan, find_file, present_scans
from .infos import write_scannet_infos
from .raw import Category, read_categories
from .scan_files import convert_scan, is_done, read_stamp

LABEL_MAP = 'scannetv2-labels.combined.tsv'
OFFICIAL_COUNTS = {'train': 1201, 'val': 312, 'test': 100}


@dataclass(frozen=True)
class Job:
    """One scan: where it is, where its files go, whether it has labels, and the label map."""

    folder: Path
    out: Path
    label_map: Path
    labelled: bool


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
    scans = {split: present_scans(root, split, allow_partial) for split in FOLDERS}
    label_map = find_file(root, LABEL_MAP, 'Download it with download-scannet.py --label_map')
    read_categories(label_map)
    jobs = {
        split: [Job(folder, out, label_map, split != 'test') for folder in folders] for split, folders in scans.items()
    }
    every = [job for split_jobs in jobs.values() for job in split_jobs]
    if not every:
        raise MissingFileError(f'{root}: none of the scans of the official splits is in scans/ or scans_test/')
    left = [job for job in every if not is_done(job.folder, job.out, job.label_map, job.labelled)]
    if len(left) < len(every):
        print(f'{len(every) - len(left)} of {len(every)} scans were converted before, and are kept')
    parallel_map(_check, left, what='checking', unit='scan', workers=workers)
    parallel_map(_convert, left, what='converting', unit='scan', workers=workers)
    stamps = {split: [read_stamp(job.folder.name, out) for job in of_split] for split, of_split in jobs.items()}
    write_scannet_infos(out, extra_tag, stamps)
    for split, found in stamps.items():
        print(f'{split}: {len(found)} of {OFFICIAL_COUNTS[split]} official scans' + ('' if found else '; no info file'))
    return out


def _check(job: Job) -> None:
    check_scan(job.folder, _categories(job))


def _convert(job: Job) -> None:
    convert_scan(job.folder, job.out, job.label_map, _categories(job))


def _categories(job: Job) -> dict[str, Category] | None:
    return read_categories(job.label_map) if job.labelled else None
