"""nuScenes on disk -> what mmdet3d trains on: infos, sweeps, box database, per-point labels. mmdet3d's own converter
does it."""

import os
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.registry import DefaultScope

from ...files import write_pickle
from ..converting import converting
from ..mmdet3d_converter import mmdet3d_converter
from .check import LABEL_FILES, check_nuscenes

READ = ('samples', 'sweeps', 'maps', *LABEL_FILES)


def prepare_nuscenes(
    root: str | Path,
    version: str = 'v1.0-trainval',
    *,
    out_dir: str | Path | None = None,
    extra_tag: str = 'nuscenes',
    max_sweeps: int = 10,
) -> Path:
    """Run mmdet3d's `nuscenes_data_prep` on `root` and give the folder that then holds the results.

    Writes `<tag>_infos_{train,val}.pkl`, `<tag>_dbinfos_train.pkl` and `<tag>_gt_database/` into out_dir (default:
    root), and nothing anywhere else: `root` may be read-only. The infos carry `pts_semantic_mask_path` where the data
    set has lidarseg labels. The converter works in a hidden folder of out_dir; its results move out of it when all are
    complete, so a killed run leaves none that looks whole. Raises MissingFileError for a folder that is no nuScenes,
    InputError for tables that contradict each other, another version or a negative max_sweeps, all before it begins."""
    root = Path(root)
    out = root if out_dir is None else Path(out_dir)
    check_nuscenes(root, version, max_sweeps)
    database, *made = (path.name for path in _results(out, extra_tag))
    with (
        converting(out, folders=[database], files=made),
        _view_of(root, version, out / f'.{extra_tag}.partial') as view,
        mmdet3d_converter(view) as converter,
        DefaultScope.overwrite_default_scope('mmdet3d'),
    ):
        converter.nuscenes_data_prep(
            root_path=str(view),
            info_prefix=extra_tag,
            version=version,
            dataset_name='NuScenesDataset',
            out_dir=str(view),
            max_sweeps=max_sweeps,
        )
        _name_root(view, root, extra_tag)
        _publish(view, out, extra_tag)
    return out


@contextmanager
def _view_of(root: Path, version: str, view: Path) -> Iterator[Path]:
    """A folder of links to what is read of `root`: the converter writes into the folder that it reads."""
    shutil.rmtree(view, ignore_errors=True)  # of a killed run; links are removed, not what they point to
    view.mkdir(parents=True)
    try:
        for name in (version, *READ):
            if (root / name).is_dir():
                (view / name).symlink_to((root / name).resolve())
        yield view
    finally:
        shutil.rmtree(view)


def _results(folder: Path, tag: str) -> list[Path]:
    """What the converter writes under a name, of whatever splits there are; the training infos come last."""
    infos = [folder / f'{tag}_infos_{split}.pkl' for split in ('test', 'val', 'train')]
    return [folder / f'{tag}_gt_database', folder / f'{tag}_dbinfos_train.pkl', *infos]


def _name_root(view: Path, root: Path, tag: str) -> None:
    """Let the infos name their sweeps below `root`, relative where the converter would have done so; seal them."""
    here = f'{os.getcwd()}/'

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: renamed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [renamed(item) for item in value]
        if isinstance(value, str) and f'{view.name}/' in value:
            return os.path.join(root, value.partition(f'{view.name}/')[2]).split(here)[-1]
        return value

    for path in _results(view, tag)[1:]:
        if path.exists():
            content = renamed(pickle.loads(path.read_bytes()))  # written by this process just before
            write_pickle(path, content)


def _publish(view: Path, out: Path, tag: str) -> None:
    """Put the results in the place of those of an earlier run of the same name; those of a version that was not
    converted now stay, and of links what they lead to."""
    made = [(result, named) for result, named in zip(_results(view, tag), _results(out, tag)) if result.exists()]
    for _, named in reversed(made):
        if named.is_dir() and not named.is_symlink():
            shutil.rmtree(named)
        else:
            named.unlink(missing_ok=True)
    for result, named in made:
        result.rename(named)
