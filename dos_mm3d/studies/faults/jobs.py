"""The six kinds of work that are disturbed, each a tool's call whose result is a function of its inputs."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..runner import file_sha256
from .results import content_of, results_of
from .world import FORMATS, INTERVAL, SIZES, STEPS, pretraining, writing

Call = Callable[[Path, Path], list[str]]
"""(world, folder) -> script and arguments."""


def place(world: Path, folder: Path, name: str) -> Path:
    """What a case has of its own, damaged or mounted otherwise, else the world's, which no case may change."""
    own = folder / name
    return own if own.exists() else world / name


@dataclass(frozen=True)
class Job:
    """One call of a tool, in a folder of its own.

    Args:
        name: unique.
        first: the call.
        results: patterns of the files below the folder whose content counts.
        again: the call that goes on after an end; None: the very same one.
        prepare: (world, folder) -> None, what is in the folder before.
        kept: (world, folder) -> file in the folder -> file of the world that it must stay equal to.
        own: what the case gets a copy of before a part of it vanishes; '' where it has one anyway.
        points: pattern of the point files that are read, below the case's folder.
        out: folder below the case's that it writes to.
        whole_steps: folder -> steps that must not be done again, as a whole checkpoint holds them.
        failures: folder -> what the tool recorded of parts that failed; '' for none.
    """

    name: str
    first: Call
    results: Sequence[str]
    again: Call | None = None
    prepare: Callable[[Path, Path], None] = lambda world, folder: None
    kept: Callable[[Path, Path], dict[Path, Path]] = lambda world, folder: {}
    own: str = ''
    points: str = ''
    out: str = 'out'
    whole_steps: Callable[[Path], int] = lambda folder: 0
    failures: Callable[[Path], str] = lambda folder: ''

    def call(self, world: Path, folder: Path, *, again: bool) -> list[str]:
        """Script and arguments, for the first time or to go on."""
        return (self.again if again and self.again else self.first)(world, folder)

    def found(self, world: Path, folder: Path) -> dict[str, str]:
        """Hashes of the results that are there; paths in them are those of a case, absolute or from where we are."""
        roots = [Path(form(root)) for root in (folder, world) for form in (os.path.abspath, os.path.relpath)]
        return results_of(folder / self.out, self.results, roots)

    def lost_inputs(self, world: Path, folder: Path) -> list[str]:
        """Files of the user's that are not as they were."""
        pairs = self.kept(world, folder).items()
        return [str(own) for own, origin in pairs if not own.is_file() or file_sha256(own) != file_sha256(origin)]


POINTS_OF = {
    'nuscenes': 'samples/LIDAR_TOP/*.bin',
    'semantickitti': 'sequences/*/velodyne/*.bin',
    'waymo': '*/frame_record/*',
    'scannet': 'scans/*/*.ply',
}


def write_job(kind: str) -> Job:
    """Writing an embedded data set."""
    return Job(
        name=f'write_{kind}', first=lambda world, folder: writing(kind, folder / 'out' / 'data'), results=['data/**/*']
    )


def convert_job(kind: str) -> Job:
    """Converting one, with all its raw files in the folder that is written to."""
    workers = [] if kind == 'nuscenes' else ['--workers', '1']

    def copy_raw(world: Path, folder: Path) -> None:
        shutil.copytree(world / 'raw' / kind, folder / 'out' / 'data', dirs_exist_ok=True)

    def kept(world: Path, folder: Path) -> dict[Path, Path]:
        raw = world / 'raw' / kind
        return {folder / 'out' / 'data' / path.relative_to(raw): path for path in raw.rglob('*') if path.is_file()}

    return Job(
        name=f'convert_{kind}',
        first=lambda world, folder: [
            *('tools/create_data.py', kind, '--root-path', str(folder / 'out' / 'data')),
            *workers,
        ],
        results=['data/**/*'],
        prepare=copy_raw,
        kept=kept,
        points=f'out/data/{POINTS_OF[kind]}',
    )


def pretrain_job() -> Job:
    """Pretraining; --resume goes on."""

    def call(world: Path, folder: Path, *, resume: bool = False) -> list[str]:
        config, data = place(world, folder, 'pretraining.py'), place(world, folder, 'nuscenes')
        return pretraining(config, data, folder / 'out', resume=resume)

    return Job(
        name='pretrain',
        first=call,
        again=lambda world, folder: call(world, folder, resume=True),
        results=['iter_*.pth'],
        own='nuscenes',
        points='nuscenes/sweeps/LIDAR_TOP/*.bin',
        whole_steps=newest_whole,
    )


def newest_whole(folder: Path) -> int:
    """Steps of the newest checkpoint that loads."""
    steps = [0]
    for path in (folder / 'out').glob('iter_*.pth'):
        with contextlib.suppress(Exception):
            content_of(path)
            steps.append(int(path.stem.removeprefix('iter_')))
    return max(steps)


def export_job() -> Job:
    """Exporting the pretrained backbone."""
    return Job(
        name='export',
        first=lambda world, folder: [
            'tools/export_backbone.py',
            str(place(world, folder, f'run/iter_{STEPS}.pth')),
            str(folder / 'out' / 'backbone.pth'),
        ],
        results=['backbone.pth'],
        prepare=lambda world, folder: (folder / 'out').mkdir(parents=True, exist_ok=True),
    )


SEGMENTATION = 'configs/segmentation/minkunet_small_synthetic.py'


def test_job() -> Job:
    """Testing a segmentor."""
    return Job(
        name='test',
        first=lambda world, folder: [
            *('tools/test.py', SEGMENTATION, str(place(world, folder, 'segmentor.pth'))),
            *('--work-dir', str(folder / 'out'), '--metrics', str(folder / 'out' / 'metrics.json')),
            *('--cfg-options', f'data_root={place(world, folder, "nuscenes")}/'),
        ],
        results=['metrics.json'],
        own='nuscenes',
        points='nuscenes/samples/LIDAR_TOP/*.bin',
    )


def protocol_job() -> Job:
    """A linear probe of the pretrained encoder; its parts are processes of their own."""

    def call(world: Path, folder: Path) -> list[str]:
        sizes = '--seeds 1 --scans 1 --draws 1 --bn-scans 1 --scored-scans 1 --split test --retry-failed'
        return [
            *('tools/run_protocol.py', 'linear_probe', '--dataset', 'synthetic', '--out', str(folder / 'out')),
            *('--data-root', f'synthetic={place(world, folder, "nuscenes")}'),
            *('--checkpoint', str(place(world, folder, f'run/iter_{STEPS}.pth'))),
            *('--config', str(place(world, folder, 'pretraining.py')), *sizes.split()),
        ]

    return Job(
        name='protocol',
        first=call,
        results=['linear_probe_*.json'],
        own='nuscenes',
        points='nuscenes/samples/LIDAR_TOP/*.bin',
        failures=lost_cells,
    )


def lost_cells(folder: Path) -> str:
    """What a study recorded of its failed cells, with their logs, as a tool would print it."""
    texts = []
    for path in sorted((folder / 'out').glob('cells/*/result.json')):
        record = json.loads(path.read_text())
        if record['status'] != 'finished':
            log = path.with_name('log').read_text(errors='replace')
            texts.append(f'{log}\nerror: {record["message"]}')
    return '\n'.join(texts)


def convert_elsewhere_job(kind: str) -> Job:
    """Converting raw files of one folder into another."""
    workers = [] if kind == 'nuscenes' else ['--workers', '1']
    return Job(
        name=f'convert_{kind}_elsewhere',
        first=lambda world, folder: [
            *('tools/create_data.py', kind, '--root-path', str(place(world, folder, f'raw/{kind}'))),
            *('--out-dir', str(folder / 'out' / 'data'), *workers),
        ],
        results=['data/**/*'],
        own=f'raw/{kind}',
    )


def resume_job() -> Job:
    """Going on from the only checkpoint of a run."""
    checkpoint = f'run/iter_{STEPS - INTERVAL}.pth'

    def copy_run(world: Path, folder: Path) -> None:
        shutil.copy(place(world, folder, checkpoint), folder / 'out')
        (folder / 'out' / 'last_checkpoint').write_text(str(folder / 'out' / Path(checkpoint).name))

    return Job(
        name='resume',
        first=lambda world, folder: pretraining(
            world / 'pretraining.py', world / 'nuscenes', folder / 'out', resume=True
        ),
        results=[f'iter_{STEPS}.pth'],
        prepare=copy_run,
    )


def start_job() -> Job:
    """Fine-tuning that starts from weights."""
    options = 'max_iters=1 train_dataloader.batch_size=1 train_dataloader.dataset.labelled_scenes=1'
    return Job(
        name='start',
        first=lambda world, folder: [
            *('tools/train.py', SEGMENTATION, '--work-dir', str(folder / 'out'), '--cfg-options'),
            *(f'data_root={world / "nuscenes"}/', f'load_from={place(world, folder, "segmentor.pth")}'),
            *options.split(),
        ],
        results=['iter_1.pth'],
    )


def folder_job(suffix: str) -> Job:
    """Pretraining on a folder of sweeps in one format."""
    return Job(
        name=f'sweeps_{suffix}',
        first=lambda world, folder: [
            *('tools/train.py', str(world / 'folder.py'), '--work-dir', str(folder / 'out'), '--cfg-options'),
            *(f'data_root={place(world, folder, f"sweeps/{suffix}")}', 'max_iters=2'),
        ],
        results=['iter_2.pth'],
    )


def all_jobs() -> dict[str, Job]:
    """Name -> job."""
    jobs = [make(kind) for make in (write_job, convert_job) for kind in SIZES]
    jobs += [convert_elsewhere_job(kind) for kind in SIZES if kind != 'waymo']
    jobs += [pretrain_job(), export_job(), test_job(), protocol_job(), resume_job(), start_job()]
    jobs += [folder_job(suffix) for suffix in FORMATS]
    return {job.name: job for job in jobs}
