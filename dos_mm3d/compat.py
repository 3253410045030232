"""Every fix of an upstream bug, one function each: symptom, version, test, when it can go. Applied once, at import."""

import importlib
import importlib.util
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.device import get_device
from mmengine.dist import utils as mmengine_dist
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook, checkpoint_hook
from mmengine.logging import HistoryBuffer, print_log
from mmengine.model import MMDistributedDataParallel
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler, _ParamScheduler
from mmengine.runner import checkpoint as mmengine_checkpoint
from torch import nn

from dos_mm3d.cpu.scatter import scatter_points
from dos_mm3d.cpu.sparse_conv import patch_mmcv, patch_spconv
from dos_mm3d.files import open_whole, write_bytes

from .errors import InputError, MissingFileError

_applied = False


def allow_checkpoint_classes() -> None:
    """Let mmengine's checkpoints load with weights_only.

    Symptom: since torch 2.6, resuming raises "Unsupported global: HistoryBuffer" (mmengine 0.10.7, which never passes
    weights_only). The message hub holds HistoryBuffers, which are numpy arrays beside their own methods, and numpy
    scalars, the metainfo of a segmentation data set ConfigDicts; these classes are allowed by name and weights_only
    stays on. torch < 2.4 has no list of allowed classes: there, mmengine's loading is left as it is.
    Test: test_compat.py, resume of a toy Runner. Can go when mmengine allows its own classes.
    """
    if not hasattr(torch.serialization, 'add_safe_globals'):
        return
    array_parts = [np.ndarray, np.dtype, np.zeros(0).__reduce__()[0], np.float64(0).__reduce__()[0]]
    dtypes = {type(np.dtype(code)) for code in '?bBhHiIlLqQefdU'}
    torch.serialization.add_safe_globals([HistoryBuffer, ConfigDict, _statistics_method(), *array_parts, *dtypes])
    mmengine_checkpoint.CheckpointLoader.register_scheme(prefixes='', loader=_load_from_local, force=True)


def _statistics_method() -> Callable[[type, str], Any]:
    """What stands for builtins.getattr in a checkpoint: gives the statistics methods of HistoryBuffer, nothing else."""

    def statistics_method(owner: type, name: str) -> Any:
        if owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
            raise InputError(f'refused to look up {name!r} of {owner!r} while loading a checkpoint: it is not ours')
        return getattr(owner, name)

    # torch finds what is allowed by this name
    statistics_method.__module__, statistics_method.__name__ = 'builtins', 'getattr'
    statistics_method.__qualname__ = 'getattr'
    return statistics_method


def _load_from_local(filename: str, map_location: Any) -> Any:
    """mmengine's loader of local files, with weights_only said aloud: torch 2.4 and 2.5 would default to False."""
    path = Path(filename).expanduser()
    if not path.is_file():
        raise MissingFileError(f'{path}: no such checkpoint; give the path of a .pth file')
    return torch.load(path, map_location=map_location, weights_only=True)


def write_files_atomically() -> None:
    """Write checkpoints whole or not at all, and remove an old one only when its successor is there.

    Symptom: mmengine 0.10.7 writes checkpoints and `last_checkpoint` in place, and CheckpointHook removes the oldest
    checkpoint (max_keep_ckpts) or the former best one before it writes the next: a kill in between leaves a run with
    nothing to resume from. Files now go through a temporary file of the same folder, fsync and rename.
    Test: test_compat.py, crash while saving. Can go when mmengine does the same.
    """
    LocalBackend.put = _put
    checkpoint_hook.open = open_whole  # found before the builtin; the hook opens one file, last_checkpoint
    for name in ('_save_checkpoint_with_step', '_save_best_checkpoint'):
        setattr(CheckpointHook, name, _removing_afterwards(getattr(CheckpointHook, name)))


def _put(self: LocalBackend, obj: bytes, filepath: str | Path) -> None:
    write_bytes(filepath, obj)


class _DeferredRemoval:
    """A LocalBackend whose removals wait for `flush`, which spares a file that has been written anew since."""

    def __init__(self, backend: LocalBackend) -> None:
        self.backend = backend
        self.waiting: list[tuple[Path, int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def remove(self, filepath: str | Path) -> None:
        self.waiting.append((Path(filepath), os.stat(filepath).st_ino))

    def flush(self) -> None:
        for path, inode in self.waiting:
            if path.is_file() and path.stat().st_ino == inode:
                self.backend.remove(path)


def _removing_afterwards(save: Callable[..., None]) -> Callable[..., None]:
    @wraps(save)
    def save_then_remove(self: CheckpointHook, *args: Any, **kwargs: Any) -> None:
        backend = self.file_backend
        if not isinstance(backend, LocalBackend):
            return save(self, *args, **kwargs)
        self.file_backend = _DeferredRemoval(backend)
        try:
            save(self, *args, **kwargs)
            self.file_backend.flush()
        finally:
            self.file_backend = backend

    return save_then_remove


def launch_ranks_without_gpu() -> None:
    """Start torch.distributed on machines without a GPU, over gloo.

    Symptom: mmengine 0.10.7's launchers call `torch.cuda.set_device`, which raises without a GPU, and every config of
    OpenMMLab names the nccl backend, which has no CPU tensors.
    Test: test_tools/test_train_tools.py, two ranks through dist_train.sh. Can go when mmengine asks for a GPU first.
    """
    for name in ('_init_dist_pytorch', '_init_dist_slurm', '_init_dist_mpi'):
        setattr(mmengine_dist, name, _over_gloo_without_gpu(getattr(mmengine_dist, name)))


def _over_gloo_without_gpu(launch: Callable[..., None]) -> Callable[..., None]:
    @wraps(launch)
    def launch_anywhere(backend: str, **kwargs: Any) -> None:
        if get_device() != 'cpu':
            return launch(backend, **kwargs)
        with patch.object(torch.cuda, 'set_device', lambda device: None):
            launch('gloo' if backend == 'nccl' else backend, **kwargs)

    return launch_anywhere


def wrap_cpu_models_without_device_ids() -> None:
    """Let a model on the CPU be wrapped for distributed training.

    Symptom: mmengine 0.10.7 always passes `device_ids=[LOCAL_RANK]`, which DistributedDataParallel refuses for CPU
    modules. Test: test_compat.py, and two ranks in test_tools/test_train_tools.py. Can go when mmengine looks at the
    module's device.
    """
    init = MMDistributedDataParallel.__init__

    @wraps(init)
    def init_on_any_device(self: MMDistributedDataParallel, module: nn.Module, *args: Any, **kwargs: Any) -> None:
        if all(parameter.device.type == 'cpu' for parameter in module.parameters()):
            kwargs['device_ids'] = None
        init(self, module, *args, **kwargs)

    MMDistributedDataParallel.__init__ = init_on_any_device


def restore_numpy_long() -> None:
    """Let mmdet3d paste ground-truth objects into scans.

    Symptom: ObjectSample raises "module 'numpy' has no attribute 'long'" with numpy 1.24 to 1.26 (mmdet3d 1.4.0,
    datasets/transforms/dbsampler.py). numpy 2 has the name again, with this meaning.
    Test: test_configs/test_centerpoint_configs.py. Can go when mmdet3d writes np.int64, or with numpy >= 2.
    """
    if 'long' not in vars(np):  # hasattr would make numpy 1.24 to 1.26 warn
        np.long = np.int64


def place_previous_sweeps() -> None:
    """Let mmdet3d put previous sweeps where they belong while the car turns.

    Symptom: LoadPointsFromMultiSweeps (mmdet3d 1.4.0) computes p @ A - b where the inverse of `lidar2sensor` = [A | b]
    is (p - b) @ A: the way driven is left unrotated, half a metre off after 5 m and 0.1 rad. Handing it b @ A for b
    makes its formula the right one. Test: test_nuscenes_sweeps.py. Can go when upstream subtracts before it rotates.
    """
    from mmdet3d.datasets import LoadPointsFromMultiSweeps  # after the other repairs, which it may need

    transform = LoadPointsFromMultiSweeps.transform

    @wraps(transform)
    def transform_with_rotated_translation(self: LoadPointsFromMultiSweeps, results: dict) -> dict:
        if 'lidar_sweeps' in results:
            results['lidar_sweeps'] = [_with_rotated_translation(sweep) for sweep in results['lidar_sweeps']]
        return transform(self, results)

    LoadPointsFromMultiSweeps.transform = transform_with_rotated_translation


def _with_rotated_translation(sweep: dict) -> dict:
    lidar2sensor = np.array(sweep['lidar_points']['lidar2sensor'])
    lidar2sensor[:3, 3] = lidar2sensor[:3, 3] @ lidar2sensor[:3, :3]
    return {**sweep, 'lidar_points': {**sweep['lidar_points'], 'lidar2sensor': lidar2sensor}}


def score_no_predictions_as_zero() -> None:
    """Let the devkit evaluate a detector that found nothing at all.

    Symptom: with no box in any sample, filter_eval_boxes raises "Error: Invalid box type: None", as it asks the first
    box what it is (nuscenes-devkit 1.2.0, eval/common/loaders.py). Without boxes nothing is filtered: either name does.
    Test: test_datasets/test_synthetic_nuscenes.py. Can go when the devkit returns early for empty predictions.
    """
    from nuscenes.eval.common import loaders

    class_field = loaders._get_box_class_field

    @wraps(class_field)
    def class_field_of_any_boxes(eval_boxes: Any) -> str:
        return class_field(eval_boxes) if eval_boxes.all else 'detection_name'

    loaders._get_box_class_field = class_field_of_any_boxes


@contextmanager
def nuscenes_converter(root: str | Path) -> Iterator[ModuleType]:
    """mmdet3d's `create_data` module, usable on a nuScenes data set in any folder `root`, as long as the context lasts.

    Symptoms (mmdet3d 1.4.0): it imports `tools.dataset_converters`, which its wheel carries as data in `mmdet3d/.mim`
    and which a project's own `tools` shadows; importing it parses the command line; and `update_infos_to_v2` opens
    './data/nuscenes' whatever it was told. Here `tools` means that folder, and its NuScenes opens `root`.
    Raises FileNotFoundError without that folder. Called by datasets/nuscenes_prep.py and, for its box database,
    datasets/waymo/gt_database.py, not at import.
    Test: test_tools/test_create_data.py. Can go when mmdet3d packages its tools and passes its root path on.
    """
    folder = Path(find_spec('mmdet3d').origin).parent / '.mim' / 'tools'
    if not (folder / 'create_data.py').is_file():
        raise MissingFileError(f'{folder}/create_data.py: not found; install the wheel of mmdet3d 1.4.0, which has it')
    package = ModuleType('tools')
    package.__path__ = [str(folder)]
    own_tools = _pop_tools()
    sys.modules['tools'] = package
    try:
        with patch.object(sys, 'argv', ['create_data.py', 'nuscenes']):
            create_data = importlib.import_module('tools.create_data')
            updater = importlib.import_module('tools.dataset_converters.update_infos_to_v2')
        with patch.object(updater, 'NuScenes', _opening(updater.NuScenes, root)):
            yield create_data
    finally:
        _pop_tools()
        sys.modules.update(own_tools)


def _pop_tools() -> dict[str, ModuleType]:
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.split('.')[0] == 'tools'}


def _opening(reader: Callable[..., Any], root: str | Path) -> Callable[..., Any]:
    def open_root(*args: Any, **kwargs: Any) -> Any:
        return reader(*args, **{**kwargs, 'dataroot': str(root)})

    return open_root


def convolve_sparsely_on_cpu() -> None:
    """Compute the convolutions of spconv's modules on CPU tensors by our own race-free kernels.

    Symptom: spconv 2.3.8's CPU scatter-add loses updates on more than one thread, its backward asks for a CUDA stream,
    its eval path refuses a bias, and SubM convolutions without indice_key (mmdet3d's SparseBasicBlock) compute their
    index pairs again and again. CUDA tensors still go to spconv.
    Test: test_functional/test_sparse_conv.py. Can go when spconv's CPU kernels are race-free.
    """
    if importlib.util.find_spec('spconv') is None:
        return
    from cumm.tensorview.gemm import Activation
    from spconv.pytorch import functional, ops

    patch_spconv(functional, ops, Activation.None_)


def convolve_sparsely_with_mmcv_on_cpu() -> None:
    """Let mmcv's own sparse convolution modules, which mmdet3d's Cylinder3D is made of, run on CPU tensors.

    Symptom: "get_indice_pairs is not implemented on CPU" (mmcv 2.1.0; mmdet3d 1.4.0 imports these modules by name, so
    its switch to spconv does not reach them). The modules, the layout of their kernels and how they look up index pairs
    stay; pairs come from spconv, sums from our race-free kernels. spconv's own modules in their place would compute
    another network: see cpu/sparse_conv/mmcv_modules.py. CUDA tensors still go to mmcv.
    Test: test_functional/test_mmcv_modules.py. Can go when mmcv has CPU kernels for them.
    """
    if importlib.util.find_spec('spconv') is None:
        return
    from mmcv.ops import sparse_functional, sparse_ops
    from spconv.core import ConvAlgo
    from spconv.pytorch import ops

    def spconv_pairs(indices: torch.Tensor, batch_size: int, spatial_shape: list[int], *settings: Any) -> tuple:
        return ops.get_indice_pairs(indices, batch_size, spatial_shape, ConvAlgo.Native, *settings)

    patch_mmcv(sparse_functional, sparse_ops, spconv_pairs)


def scatter_points_on_cpu() -> None:
    """Let dynamic voxelisation (SegVFE, Cylinder3D's labels) reduce the points of a voxel on CPU tensors.

    Symptom: "dynamic_point_to_voxel_forward_impl: implementation for device cpu not found" (mmcv 2.1.0, and mmdet3d
    1.4.0's copy that also returns the voxel of each point). CUDA tensors still go to mmcv.
    Test: test_functional/test_scatter.py. Can go when mmcv has a CPU kernel for it.
    """
    from mmcv import ops
    from mmcv.ops import scatter_points as mmcv_scatter
    from mmdet3d.models.data_preprocessors import data_preprocessor, voxelize

    for module, name in (
        (mmcv_scatter, 'dynamic_scatter'),
        (ops, 'dynamic_scatter'),
        (voxelize, 'dynamic_scatter_3d'),
        (data_preprocessor, 'dynamic_scatter_3d'),
    ):
        setattr(module, name, _scatter_on_any_device(getattr(module, name)))


def _scatter_on_any_device(original: Callable[..., tuple]) -> Callable[..., tuple]:
    def dynamic_scatter(
        feats: torch.Tensor, coors: torch.Tensor, reduce_type: str = 'max', return_map: bool = False
    ) -> tuple[torch.Tensor, ...]:
        with_map = (return_map,) if return_map else ()
        if feats.device.type != 'cpu':
            return original(feats, coors, reduce_type, *with_map)
        reduced = scatter_points(feats, coors, reduce_type)
        return reduced if return_map else reduced[:2]

    return dynamic_scatter


def voxelize_for_minkunet_on_any_device() -> None:
    """Let the voxels of MinkUNet and SPVCNN be made where the points are.

    Symptom: Det3DDataPreprocessor.voxelize (mmdet3d 1.4.0, voxel_type 'minkunet') sends its index arrays to the
    current GPU: "Torch not compiled with CUDA enabled", or tensors on two devices. `.cuda()` is, during that call, the
    device of the points. Test: test_compat_minkunet.py. Can go when mmdet3d asks the points.
    """
    from mmdet3d.models.data_preprocessors import Det3DDataPreprocessor

    voxelize = Det3DDataPreprocessor.voxelize

    @wraps(voxelize)
    def voxelize_where_the_points_are(self: Det3DDataPreprocessor, points: list[torch.Tensor], samples: list) -> dict:
        if self.voxel_type != 'minkunet':
            return voxelize(self, points, samples)
        with patch.object(torch.Tensor, 'cuda', lambda tensor: tensor.to(points[0].device)):
            return voxelize(self, points, samples)

    Det3DDataPreprocessor.voxelize = voxelize_where_the_points_are


def build_minkunet_twice() -> None:
    """Let MinkUNetBackbone be built again, from its defaults and from one and the same config.

    Symptom: the second build raises an AssertionError without a text, as the first one inserted a number into the lists
    that it was given, its own defaults included (mmdet3d 1.4.0). It now gets copies. Subclasses (SPVCNN) read what was
    inserted, and are left alone. Test: test_compat_minkunet.py. Can go when mmdet3d copies the lists.
    """
    from mmdet3d.models.backbones import MinkUNetBackbone

    init = MinkUNetBackbone.__init__
    parameters = inspect.signature(init)

    @wraps(init)
    def init_with_lists_of_its_own(self: MinkUNetBackbone, *args: Any, **kwargs: Any) -> None:
        if type(self) is not MinkUNetBackbone:
            return init(self, *args, **kwargs)
        given = parameters.bind(self, *args, **kwargs)
        given.apply_defaults()
        init(**{name: list(value) if isinstance(value, list) else value for name, value in given.arguments.items()})

    MinkUNetBackbone.__init__ = init_with_lists_of_its_own


def store_one_cycle_as_numbers() -> None:
    """Keep the function out of the state of one-cycle schedules, so that their checkpoints hold plain data only.

    Symptom: mmengine 0.10.7's OneCycleParamScheduler stores its annealing function in its state, and a checkpoint with
    it does not load with weights_only ("Unsupported global: OneCycleParamScheduler"), hence neither resumes nor
    exports. The function follows from the config; a loaded state leaves the scheduler's own in place.
    Test: test_compat_checkpoint_content.py. Can go when mmengine stores the strategy's name.
    """

    def state_dict(self: OneCycleParamScheduler) -> dict[str, Any]:
        return {name: value for name, value in _ParamScheduler.state_dict(self).items() if name != 'anneal_func'}

    OneCycleParamScheduler.state_dict = state_dict


def name_files_in_loading_errors() -> None:
    """Name the file where a scan's points or labels cannot be used.

    Symptom (mmdet3d 1.4.0): of a point file that is cut off the loaders say "cannot reshape array of size ...", of
    labels beyond the mapping PointSegClassMapping says "index ... is out of bounds", and fewer labels than points are
    an error of whatever first needs both. Test: test_datasets/test_loading_errors.py. Can go when upstream names files.
    """
    from mmdet3d.datasets.transforms import (
        LoadAnnotations3D,
        LoadPointsFromFile,
        LoadPointsFromMultiSweeps,
        PointSegClassMapping,
    )

    for loader in (LoadPointsFromFile, LoadPointsFromMultiSweeps):
        loader._load_points = _checking_rows(loader._load_points)
    for step in (LoadAnnotations3D, PointSegClassMapping):
        step.transform = _naming_files(step.transform)


def _checking_rows(load: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    @wraps(load)
    def load_whole_rows(self: Any, pts_filename: str) -> np.ndarray:
        points = load(self, pts_filename)
        if points.size == 0 or points.size % self.load_dim:
            raise InputError(
                f'{pts_filename}: found {points.size} float32 numbers; wanted a multiple of {self.load_dim}, and not '
                '0, as load_dim states. The file is cut off: copy it again; or load_dim is of another data set.'
            )
        return points

    return load_whole_rows


def _naming_files(transform: Callable[..., dict]) -> Callable[..., dict]:
    @wraps(transform)
    def transform_naming_files(self: Any, results: dict) -> dict:
        labels_file = results.get('pts_semantic_mask_path')
        try:
            results = transform(self, results)
        except (ValueError, IndexError) as error:
            raise InputError(
                f'{labels_file}: {type(self).__name__} cannot use its labels: {error}. The file is cut off, or of '
                'another type or numbering than the config reads. Copy or unpack it again.'
            ) from error
        points, labels = results.get('points'), results.get('pts_semantic_mask')
        if points is not None and labels is not None and len(points) != len(labels):
            raise InputError(
                f'{labels_file}: found {len(labels)} labels for {len(points)} points of '
                f'{results["lidar_points"]["lidar_path"]}; wanted as many. One of them is cut off, or they are of '
                'different versions. Copy or unpack them again.'
            )
        return results

    return transform_naming_files


def balance_classes_that_are_there() -> None:
    """Let CBGS resample a data set in which a class has no box: a few labelled scenes, nuScenes' v1.0-mini.

    Symptom: ZeroDivisionError ("division by zero" or "float division by zero") in CBGSDataset (mmdet3d 1.4.0), which
    divides by the share of every class. A class without a box is drawn from never; where all have one, the indices are
    upstream's. Test: test_datasets/test_rare_classes.py. Can go when upstream leaves such classes out.
    """
    from mmdet3d.datasets import CBGSDataset

    def sample_indices(self: CBGSDataset, dataset: Any) -> list[int]:
        classes = self.metainfo['classes']
        of_class: dict[int, list[int]] = {label: [] for label in range(len(classes))}
        for index in range(len(dataset)):
            for label in dataset.get_cat_ids(index):
                if label != -1:
                    of_class[label].append(index)
        there = [found for found in of_class.values() if found]
        total = sum(map(len, there))
        if not total:
            raise InputError(f'CBGSDataset: no frame has a box of {", ".join(classes)}; wanted labels to balance')
        # upstream's order of the operations: rounded otherwise, a class may have a frame more or less
        sizes = [int(len(found) * (1 / len(classes) / (len(found) / total))) for found in there]
        return [index for found, size in zip(there, sizes) for index in np.random.choice(found, size).tolist()]

    CBGSDataset._get_sample_indices = sample_indices


def paste_only_classes_that_are_there() -> None:
    """Let ObjectSample go without a class whose data base of boxes is empty, and say so.

    Symptom: KeyError: 'construction_vehicle' of DataBaseSampler (mmdet3d 1.4.0) where the training frames have no box
    of a class that is to be filtered or pasted; ValueError of np.stack where none is left after filtering.
    Test: test_datasets/test_rare_classes.py. Can go when upstream passes over such classes.
    """
    from mmdet3d.datasets.transforms.dbsampler import DataBaseSampler

    by_points, init = DataBaseSampler.filter_by_min_points, DataBaseSampler.__init__

    def filter_by_min_points(db_infos: dict, min_gt_points_dict: dict) -> dict:
        return by_points(db_infos, {name: count for name, count in min_gt_points_dict.items() if name in db_infos})

    @wraps(init)
    def init_with_what_is_there(self: DataBaseSampler, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        groups = list(zip(self.sample_classes, self.sample_max_nums))
        kept = [(name, count) for name, count in groups if self.db_infos.get(name)]
        self.sample_classes, self.sample_max_nums = [name for name, _ in kept], [count for _, count in kept]
        if absent := [name for name, _ in groups if name not in self.sample_classes]:
            text = f'{self.info_path}: has no box of {", ".join(absent)} to paste; ObjectSample goes without'
            print_log(text, 'current', level=logging.WARNING)

    DataBaseSampler.filter_by_min_points = staticmethod(filter_by_min_points)
    DataBaseSampler.__init__ = init_with_what_is_there


FIXES = (
    store_one_cycle_as_numbers,
    restore_numpy_long,
    allow_checkpoint_classes,
    write_files_atomically,
    launch_ranks_without_gpu,
    wrap_cpu_models_without_device_ids,
    score_no_predictions_as_zero,
    convolve_sparsely_on_cpu,
    convolve_sparsely_with_mmcv_on_cpu,
    scatter_points_on_cpu,  # imports mmdet3d: after the repairs that its import needs
    # last: these import mmdet3d
    place_previous_sweeps,
    name_files_in_loading_errors,
    voxelize_for_minkunet_on_any_device,
    build_minkunet_twice,
    balance_classes_that_are_there,
    paste_only_classes_that_are_there,
)


def apply() -> None:
    """Run every fix once; a second call does nothing."""
    global _applied
    if _applied:
        return
    for fix in FIXES:
        fix()
    _applied = True
