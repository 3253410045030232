"""Runs in the environment of waymo-open-dataset, knows nothing of dos_mm3d: SCENES.npz -> OUT.npz.

SCENES.npz: the arrays of both sides as prediction_<name> and ground_truth_<name>, and prediction_scene and
ground_truth_scene (N,), the scene that each row belongs to; n_scenes. OUT.npz: names (B,), ap and aph (S, B),
counts (S, B, cutoffs, 3): true positives, false positives, misses; versions.
"""

import os
import platform
import sys
from importlib import metadata

os.environ |= {'TF_CPP_MIN_LOG_LEVEL': '3', 'GLOG_minloglevel': '2'}  # a warning for each tiny box otherwise

import numpy as np
import tensorflow as tf
from waymo_open_dataset.metrics.ops import py_metrics_ops
from waymo_open_dataset.metrics.python import config_util_py
from waymo_open_dataset.metrics.python.wod_detection_evaluator import WODDetectionEvaluator

PACKAGES = ('waymo-open-dataset-tf-2-12-0', 'tensorflow-cpu', 'numpy')
# of one side: the op's name, the array's name, its type
COMMON = (('frame_id', 'frame', tf.int64), ('bbox', 'box', tf.float32), ('type', 'type', tf.uint8))
ONLY = {
    'prediction': (('score', 'score', tf.float32), ('overlap_nlz', 'overlap_nlz', tf.bool)),
    'ground_truth': (('difficulty', 'difficulty', tf.uint8),),
}


def main(scenes_path: str, out_path: str) -> None:
    """Evaluate every scene by itself with the op's default configuration."""
    config = WODDetectionEvaluator()._get_default_config()
    with np.load(scenes_path, allow_pickle=False) as file:
        scenes = dict(file)
    results = []
    for scene in range(int(scenes['n_scenes'])):
        results.append(evaluate(scenes, scene, config.SerializeToString()))
        if sys.stderr.isatty() or scene % 50 == 0:
            print(f'\rofficial op: scene {scene + 1} of {int(scenes["n_scenes"])}', end='', file=sys.stderr, flush=True)
    print(file=sys.stderr)
    ap, aph, counts = (np.stack(column) for column in zip(*results))
    versions = [f'python {platform.python_version()}', *(f'{name} {metadata.version(name)}' for name in PACKAGES)]
    names = config_util_py.get_breakdown_names_from_config(config)
    np.savez(out_path, names=names, ap=ap, aph=aph, counts=counts, versions=versions)


def evaluate(scenes: dict, scene: int, config: bytes) -> tuple:
    """AP (B,), APH (B,) and counts (B, cutoffs, 3) of one scene."""
    tensors = {}
    for side, only in ONLY.items():
        rows = scenes[f'{side}_scene'] == scene
        for op_name, name, kind in (*COMMON, *only):
            tensors[f'{side}_{op_name}'] = tf.constant(scenes[f'{side}_{name}'][rows], kind)
    result = py_metrics_ops.detection_metrics(config=config, **tensors)
    return result[0].numpy(), result[1].numpy(), result[3].numpy()[..., 2:]


if __name__ == '__main__':
    main(*sys.argv[1:])
