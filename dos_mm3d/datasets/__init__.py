"""Data sets of unlabelled and labelled sweeps, registered into mmdet3d, and what makes them of downloads.

A data set of its own has a room: `sweeps` (unlabelled, for pretraining), `segmentation`, `classes`, `convert` (what
tools/create_data.py runs) and, where a download is looked at closely, `check`. Beside them stand a folder of sweeps,
the mixture of several streams, and what all share: the stream, the readers of file formats, the transforms, mmdet3d's
info files and the look at a config's files before a run.
"""

from . import folder, joint, kitti, label_shares, nuscenes, objects, scannet, semantickitti, stream, transforms, waymo
