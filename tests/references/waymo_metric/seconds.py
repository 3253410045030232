"""Seconds of the Waymo detection metric on realistic boxes.

python -m tests.references.waymo_metric.seconds [--frames 10000] [--json FILE]
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from dos_mm3d.engine.launch import run_tool
from dos_mm3d.files import write_json
from dos_mm3d.metrics.waymo import waymo_detection_metrics
from dos_mm3d.studies.runner import describe_machine
from tools.benchmarks.measure import seconds

from .scenes import realistic_frames


def run(arguments: argparse.Namespace) -> dict:
    """Print the seconds of every number of threads; the record."""
    sides = realistic_frames(np.random.default_rng(0), arguments.frames, arguments.ground_truths, arguments.predictions)
    boxes = [len(side['frame']) for side in sides]
    print(f'{arguments.frames} frames, {boxes[0]} predictions, {boxes[1]} ground truths; compilation is not counted')
    waymo_detection_metrics(*realistic_frames(np.random.default_rng(1), 2, 5, 5))
    rows, result = [], {}
    for threads in arguments.threads:

        def measured(threads=threads) -> None:
            result.update(waymo_detection_metrics(*sides, threads=threads))

        wall, cpu = seconds(measured, torch.device('cpu'))
        rows.append(dict(threads=threads, seconds=wall, cpu_seconds=cpu))
        ap, aph = result['OBJECT_TYPE_TYPE_VEHICLE_LEVEL_2']
        print(f'{threads} thread(s): {wall:.1f} s, {cpu:.1f} s of CPU (vehicle LEVEL_2 AP {ap:.3f}, APH {aph:.3f})')
    return dict(frames=arguments.frames, predictions=boxes[0], ground_truths=boxes[1], rows=rows)


def main() -> None:
    """Measure, and write the record where one was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--frames', type=int, default=10_000, help='(default: 10000)')
    parser.add_argument('--ground-truths', type=int, default=40, help='a frame (default: 40)')
    parser.add_argument('--predictions', type=int, default=150, help='a frame (default: 150)')
    parser.add_argument('--threads', type=int, nargs='+', default=[1, 2], help='(default: 1 2)')
    parser.add_argument('--json', type=Path, help='write the record to this file')
    arguments = parser.parse_args()
    record = run(arguments)
    if arguments.json:
        write_json(arguments.json, record | describe_machine())


if __name__ == '__main__':
    run_tool(main)
