"""Which weights ship."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ZooModel:
    """One of them.

    Args:
        title: for the reader.
        pretraining: its config.
        fits: the models of mmdet3d that its backbone is a part of.
        downstream: configs that start from it.
        limits: what a user should know, beside what is true of all.
    """

    title: str
    pretraining: str
    fits: str
    downstream: tuple[str, ...]
    limits: str


ZOO = {
    'second_small': ZooModel(
        'SparseEncoder, voxels of 0.2 m',
        'configs/zoo/zoo_second_small.py',
        "SparseEncoder of mmdet3d's CenterPoint voxel-0.1 model at voxels of 0.2 x 0.2 x 0.2 m, with BatchNorm's "
        'momentum of 0.1',
        (
            'configs/centerpoint/centerpoint_small_kitti_zoo.py',
            'configs/centerpoint/centerpoint_small_synthetic_zoo.py',
        ),
        'Made for experiments on a CPU: detectors of real data have finer voxels. The run changed from one state of '
        'the code to the next at step 1500; its world was written by generator 1 (`--scenes 1500 --frames 1 --sweeps '
        '1 2 --most-points 100000`, stopped at 801); the present generator draws other scenes.',
    ),
    'second_voxel01': ZooModel(
        'SparseEncoder, voxels of 0.1 x 0.1 x 0.2 m',
        'configs/zoo/zoo_second_voxel01.py',
        "mmdet3d's CenterPoint, `centerpoint_voxel01_second_secfpn_8xb4-cyclic-20e_nus-3d.py`, unchanged",
        ('configs/centerpoint/centerpoint_voxel01_nuscenes_zoo.py',),
        'Began from second_small, which has larger voxels and saw the world of generator 1; the steps are those that '
        'came after. Views were the nearest 16384 points of a scan at most, not whole ones: statistics of BatchNorm '
        'are those of parts.',
    ),
    'minkunet': ZooModel(
        'MinkUNet, width 16, voxels of 0.1 m',
        'configs/zoo/zoo_minkunet.py',
        "mmdet3d's MinkUNet with the sizes w16_10 in `configs/minkunet/_base_sizes.py` and four columns",
        (
            'configs/segmentation/minkunet_nuscenes_zoo.py',
            'configs/segmentation/minkunet_semantickitti_zoo.py',
            'configs/segmentation/minkunet_synthetic_zoo.py',
        ),
        "A thirteenth of the parameters of mmdet3d's MinkUNet-34 (width 32), so that the file stays small. Far fewer "
        'steps and scenes than the config asks for, and views of 16384 points at most. The run of three seeds that '
        'docs/results.md fine-tunes is an earlier one, of 800 steps.',
    ),
    'ptv3': ZooModel(
        'Point Transformer V3, 3 M, grid of 0.1 m',
        'configs/zoo/zoo_ptv3.py',
        'our PTv3 with the sizes zoo in `configs/ptv3/_base_sizes.py`; mmdet3d has none',
        ('configs/segmentation/ptv3_finetune_nuscenes_zoo.py',),
        'Far smaller than published ones (39 to 137 M). The decoder is not pretrained. Far fewer steps and scenes than '
        'the config asks for, views of 16384 points at most, and a run that was stopped at step 200 of 450, before its '
        'rate had fallen. A whole one of 700 steps over more scenes probed no better (docs/diary.md).',
    ),
}
