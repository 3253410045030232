"""KITTI on disk -> what mmdet3d trains on: infos, sweeps cut to the camera's view, box database.

mmdet3d's own converter does it, piece by piece: here of the frames that are there, with or without images, and into any
folder."""

import contextlib
import io
import pickle
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import mmengine
import numpy as np
from mmdet3d.datasets import KittiDataset
from mmengine.registry import DefaultScope

from ...errors import InputError
from ...files import write_pickle
from ...parallel import parallel_map
from ..converting import converting
from ..info_pickle import with_trainval, write_infos
from ..mmdet3d_converter import mmdet3d_converter
from .check import check_frames, find_frames, image_size
from .layout import IMAGE_SIZE, SPLITS

REDUCED = 'velodyne_reduced'
READ = ('velodyne', 'calib', 'label_2', 'image_2')
_tools: dict[str, ModuleType] = {}  # of mmdet3d; forked processes inherit them

Job = tuple[Path, str, str]
"""The folder that is converted, split, name of a frame."""


def prepare_kitti(
    root: str | Path, *, out_dir: str | Path | None = None, extra_tag: str = 'kitti', workers: int | None = None
) -> Path:
    """Check the frames of `root` and write into out_dir (default: root), and nowhere else: `root` may be read-only.
    Gives out_dir, which is all that training a detector reads.

    Written are `<tag>_infos_{train,val,trainval,test}.pkl`, `<tag>_dbinfos_train.pkl`, `<tag>_gt_database/` and
    `{training,testing}/velodyne_reduced/`, the points of every sweep that the left colour camera sees. A split without
    a list in ImageSets/ gets no file, and its older one is removed. Where an image is not there its size is IMAGE_SIZE,
    which is printed and stands in the infos (`default_image_size`, `images_absent`). All is made in a hidden folder of
    out_dir, and moves out of it when it is complete.

    workers: processes, default one for each CPU.
    MissingFileError and InputError, naming the file and the remedy, before anything long begins."""
    root, out = Path(root), Path(root if out_dir is None else out_dir)
    frames = find_frames(root)
    names = [str(path.relative_to(out)) for path in _results(out, extra_tag)]
    with converting(out, folders=names[:3], files=names[3:]):
        check_frames(root, frames, workers)
        with (
            _view_of(root, out / f'.{extra_tag}.partial') as view,
            mmdet3d_converter(view) as converter,
            DefaultScope.overwrite_default_scope('mmdet3d'),
            _at_hand(converter),
        ):
            jobs = [(view, split, name) for split, names in frames.items() for name in names]
            found = parallel_map(_convert_frame, jobs, what='infos', unit='frame', workers=workers)
            infos: dict[str, list[dict]] = {split: [] for split in SPLITS}
            for (_, split, _), info in zip(jobs, found, strict=True):
                infos[split].append(info)
            write_infos(view, extra_tag, _metainfo(root, frames), with_trainval(infos))
            if infos['train']:
                _write_database(converter, view, extra_tag, infos['train'])
            _publish(view, out, extra_tag)
        _report(root, frames, infos)
    return out


@contextmanager
def _view_of(root: Path, view: Path) -> Iterator[Path]:
    """A folder of links to what is read of `root`: the converter writes into the folder that it reads."""
    shutil.rmtree(view, ignore_errors=True)  # of a killed run; links are removed, not what they point to
    try:
        for part in sorted(set(SPLITS.values())):
            (view / part / REDUCED).mkdir(parents=True)
            for kind in READ:
                if (root / part / kind).is_dir():
                    (view / part / kind).symlink_to((root / part / kind).resolve())
        yield view
    finally:
        shutil.rmtree(view)


@contextmanager
def _at_hand(converter: ModuleType) -> Iterator[None]:
    """mmdet3d's modules where the processes find them, told to go on without images and to draw no bar for a frame."""
    kitti = converter.kitti
    utils = kitti.get_kitti_image_info.__globals__
    _tools.update(kitti=kitti, update=converter.update_pkl_infos)
    anyway = partial(utils['get_image_path'], exist_check=False)
    with patch.dict(utils, get_image_path=anyway), patch.object(mmengine, 'track_iter_progress', iter):
        try:
            yield
        finally:
            _tools.clear()


def _convert_frame(job: Job) -> dict[str, Any]:
    """The entry of a frame as mmdet3d 1.4's infos have it; its points in the camera's view are written."""
    view, split, name = job
    kitti, labelled = _tools['kitti'], split != 'test'
    (info,) = kitti.get_kitti_image_info(
        str(view),
        training=labelled,
        label_info=labelled,
        velodyne=True,
        calib=True,
        image_ids=[int(name)],
        num_worker=1,
        with_imageshape=False,
    )
    width, height = image_size(view / SPLITS[split], name) or IMAGE_SIZE
    info['image']['image_shape'] = np.array((height, width), np.int32)
    if labelled:
        kitti._calculate_num_points_in_gt(str(view), [info], relative_path=True)
    with tempfile.TemporaryDirectory(dir=view) as raw, tempfile.TemporaryDirectory(dir=view) as updated:
        path = Path(raw, f'{name}.pkl')
        path.write_bytes(pickle.dumps([info]))
        kitti._create_reduced_point_cloud(str(view), str(path))
        if not (view / SPLITS[split] / REDUCED / f'{name}.bin').stat().st_size:
            raise InputError(
                f'{view / SPLITS[split] / "calib" / name}.txt: by it no point of the sweep is in the view of the '
                'camera. Is it of another sensor, in another unit than metres, or of another frame?'
            )
        with contextlib.redirect_stdout(io.StringIO()):
            _tools['update']('kitti', out_dir=updated, pkl_path=str(path))
        (entry,) = pickle.loads(Path(updated, path.name).read_bytes())['data_list']  # written by this process
    return entry


def _metainfo(root: Path, frames: Mapping[str, list[str]]) -> dict[str, Any]:
    """What mmdet3d's converter writes, and what was taken for images that are not there. It names DontCare, whose
    boxes its metric looks for, only where the last frame has one."""
    absent = _absent_images(root, frames)
    categories = {name: label for label, name in enumerate(KittiDataset.METAINFO['classes'])}
    return {
        'categories': {**categories, 'DontCare': -1},
        'dataset': 'kitti',
        'info_version': '1.1',
        'default_image_size': list(IMAGE_SIZE),
        'images_absent': len(absent),
    }


def _absent_images(root: Path, frames: Mapping[str, list[str]]) -> list[Path]:
    paths = (root / SPLITS[split] / 'image_2' / f'{name}.png' for split, names in frames.items() for name in names)
    return [path for path in paths if not path.is_file()]


def _write_database(converter: ModuleType, view: Path, tag: str, infos: list[dict]) -> None:
    """The points in every box of the training frames; frames without one are left out, as the converter wants one."""
    with_boxes = [info for info in infos if any(box['bbox_label_3d'] >= 0 for box in info['instances'])]
    dbinfos = view / f'{tag}_dbinfos_train.pkl'
    if with_boxes:
        write_infos(view, f'.{tag}', {'dataset': 'kitti', 'info_version': '1.1'}, {'boxes': with_boxes})
        converter.create_groundtruth_database('KittiDataset', str(view), tag, f'.{tag}_infos_boxes.pkl')
        write_pickle(dbinfos, pickle.loads(dbinfos.read_bytes()))  # written by this process just before; sealed
    else:
        (view / f'{tag}_gt_database').mkdir()
        write_pickle(dbinfos, {})


def _results(folder: Path, tag: str) -> list[Path]:
    """What is written under a name, of whatever splits there are; the training infos come last."""
    reduced = [folder / part / REDUCED for part in sorted(set(SPLITS.values()))]
    infos = [folder / f'{tag}_infos_{split}.pkl' for split in ('test', 'trainval', 'val', 'train')]
    return [*reduced, folder / f'{tag}_gt_database', folder / f'{tag}_dbinfos_train.pkl', *infos]


def _publish(view: Path, out: Path, tag: str) -> None:
    """Put the results in the place of those of an earlier run of the same name; reduced sweeps of frames that were not
    converted now stay, as infos of another name may list them, and of links what they lead to."""
    pairs = list(zip(_results(view, tag), _results(out, tag), strict=True))
    for result, named in reversed(pairs):
        if named.name == REDUCED and not (named.is_symlink() and any(result.iterdir())):
            continue
        if named.is_dir() and not named.is_symlink():
            shutil.rmtree(named)
        else:
            named.unlink(missing_ok=True)
    for result, named in pairs:
        named.parent.mkdir(exist_ok=True)
        if named.is_dir():
            for file in result.iterdir():
                file.replace(named / file.name)
        elif result.is_file() or (result.is_dir() and any(result.iterdir())):
            result.rename(named)


def _report(root: Path, frames: Mapping[str, list[str]], infos: Mapping[str, list[dict]]) -> None:
    """Print what was found, and what was taken for images that are not there."""
    for split in SPLITS:
        boxes = [box for info in infos[split] for box in info.get('instances', ()) if box['bbox_label_3d'] >= 0]
        said = f'{len(infos[split])} frames, {len(boxes)} boxes' if split != 'test' else f'{len(infos[split])} frames'
        print(f'{split}: {said}' if split in frames else f'{split}: no ImageSets/{split}.txt; no info file')
    if absent := _absent_images(root, frames):
        print(
            f'{len(absent)} of {sum(map(len, frames.values()))} images are not there, the first is {absent[0]}: '
            f'{IMAGE_SIZE[0]} x {IMAGE_SIZE[1]} was taken for their size, which the view of the camera is cut to'
        )
