"""Seconds of the Waymo detection metric on realistic boxes."""

import argparse
import time
from pathlib import Path

import numpy as np

from dos_mm3d.files import write_json
from dos_mm3d.metrics.waymo import waymo_detection_metrics
from dos_mm3d.studies.runner.facts import commit, machine, versions
from tools.waymo_metric.scenes import realistic_frames

ROOT = Path(__file__).resolve().parents[2]


def run(arguments: argparse.Namespace) -> None:
    """Print the seconds of every number of threads, and write the record where one was asked for."""
    sides = realistic_frames(np.random.default_rng(0), arguments.frames, arguments.ground_truths, arguments.predictions)
    boxes = [len(side['frame']) for side in sides]
    print(f'{arguments.frames} frames, {boxes[0]} predictions, {boxes[1]} ground truths; compilation is not counted')
    waymo_detection_metrics(*realistic_frames(np.random.default_rng(1), 2, 5, 5))
    rows = []
    for threads in arguments.threads:
        wall, cpu = time.perf_counter(), time.process_time()
        result = waymo_detection_metrics(*sides, threads=threads)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        rows.append(dict(threads=threads, seconds=wall, cpu_seconds=cpu))
        ap, aph = result['OBJECT_TYPE_TYPE_VEHICLE_LEVEL_2']
        print(f'{threads} thread(s): {wall:.1f} s, {cpu:.1f} s of CPU (vehicle LEVEL_2 AP {ap:.3f}, APH {aph:.3f})')
    if arguments.json:
        facts = dict(frames=arguments.frames, predictions=boxes[0], ground_truths=boxes[1], rows=rows)
        write_json(arguments.json, facts | dict(versions=versions(), machine=machine(), commit=commit(ROOT)))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `benchmark.py waymo`."""
    parser.add_argument('--frames', type=int, default=10_000, help='(default: 10000)')
    parser.add_argument('--ground-truths', type=int, default=40, help='a frame (default: 40)')
    parser.add_argument('--predictions', type=int, default=150, help='a frame (default: 150)')
    parser.add_argument('--threads', type=int, nargs='+', default=[1, 2], help='(default: 1 2)')
    parser.add_argument('--json', type=Path, help='write the record to this file')
    parser.set_defaults(run=run)
