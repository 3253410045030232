"""From nothing to a fine-tuned CenterPoint: data, converter, DOS pretraining, export, linear probe, detection, report.

python tools/quickstart.py [--fresh] [--tiny] [--detection-seeds N]

Every stage calls the tool that a user would call, and prints its command. A stage that is finished and whose inputs
have not changed is not done again; an interrupted pretraining goes on where it was. Stages that do not wait for each
other run side by side: the detector from scratch beside pretraining, the one from DOS weights beside the probe."""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # for all tools below: threads that spin starve loader workers
sys.path.insert(0, str(ROOT))

from mmengine.config import Config, DictAction

from dos_mm3d.evaluation.logged_command import StageFailed
from dos_mm3d.evaluation.quickstart_report import RunFolders, write_report
from dos_mm3d.evaluation.stages import Stage, StageRunner

PRETRAIN_CONFIG = 'configs/dos/dos_second_synthetic.py'
DETECTION_CONFIG = 'configs/centerpoint/centerpoint_small_synthetic.py'
TRAINING_CODE = ('functional', 'structures', 'datasets', 'models', 'engine', 'export', 'compat.py')
SEED = 0


@dataclass(frozen=True)
class Size:
    """How much is done: the whole thing, or just enough to see that all parts fit together."""

    data: Path
    create: tuple[str, ...] = ()
    pretrain: tuple[str, ...] = ()
    detect: tuple[str, ...] = ()
    probe: tuple[str, ...] = ()


def full_size() -> Size:
    """The configs as they stand."""
    return Size(Path('data/synthetic_nuscenes'))


def tiny_size(work: Path) -> Size:
    """3 + 2 scenes of one second, a few steps: the numbers mean nothing."""
    data = work / 'data'
    steps = (
        'default_hooks.logger.interval=1',
        'train_dataloader.persistent_workers=False',
        'train_dataloader.num_workers=0',
    )
    return Size(
        data,
        create=('--train-scenes', '3', '--val-scenes', '2', '--seconds', '1.0'),
        pretrain=(
            f'train_dataloader.dataset.data_root={data}/',
            'train_cfg.max_iters=4',
            'custom_hooks.1.interval=1',
            'param_scheduler.0.total_steps=4',
            'default_hooks.checkpoint.interval=2',
            *steps,
        ),
        detect=(
            *(
                f'{key}.data_root={data}/'
                for key in ('train_dataloader.dataset', 'test_dataloader.dataset', 'test_evaluator')
            ),
            f'test_evaluator.ann_file={data}/nuscenes_infos_val.pkl',
            'train_dataloader.dataset.labelled_scenes=2',
            'train_cfg.max_iters=2',
            'param_scheduler.0.total_steps=2',
            'default_hooks.checkpoint.interval=2',
            *steps,
        ),
        probe=('--scans', '2', '--draws', '2', '--seeds', '2', '--bn-scans', '2'),
    )


def parse_args() -> argparse.Namespace:
    """Where to work, and how much to do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--fresh', action='store_true', help='do finished stages again')
    parser.add_argument(
        '--tiny', action='store_true', help='a few steps on a few scenes: tests the chain, not the method'
    )
    parser.add_argument(
        '--detection-seeds', type=int, default=1, help='pairs of fine-tuning runs, about 10 minutes each'
    )
    parser.add_argument(
        '--work-dir', type=Path, help='default work_dirs/quickstart, with --tiny work_dirs/quickstart_tiny'
    )
    return parser.parse_args()


def tool(name: str, *arguments: str | Path) -> list[str]:
    """The command line of one of our tools."""
    return [sys.executable, f'tools/{name}.py', *map(str, arguments)]


def options(values: tuple[str, ...]) -> list[str]:
    """--cfg-options, where there is something to override."""
    return ['--cfg-options', *values] if values else []


def sources(*names: str) -> list[Path]:
    """Code and configs that decide what a stage computes."""
    return [Path('dos_mm3d') / name for name in names]


def data_stages(size: Size) -> list[Stage]:
    """Write the embedded data set, convert it."""
    write = Stage(
        'data',
        'writing the embedded data set',
        [tool('create_synthetic', '--out', size.data, '--seed', '0', *size.create, '--force')],
        sources('datasets/synthetic'),
        [size.data / 'synthetic.json'],
    )
    convert = Stage(
        'convert',
        "mmdet3d's nuScenes converter",
        [tool('create_data', 'nuscenes', '--root-path', size.data)],
        [*sources('datasets/nuscenes_prep.py'), Path('tools/create_data.py')],
        [size.data / f'nuscenes_infos_{split}.pkl' for split in ('train', 'val')],
        after=['data'],
    )
    return [write, convert]


def pretrain_stage(size: Size, work: Path) -> Stage:
    """Pretrain without labels; goes on from the last checkpoint where it was interrupted."""
    folder = work / 'pretrain'
    return Stage(
        'pretrain',
        'DOS pretraining of the encoder, without labels',
        [tool('train', PRETRAIN_CONFIG, '--work-dir', folder, '--resume', *pretrain_options(size))],
        [*sources(*TRAINING_CODE), *configs()],
        [folder / 'last_checkpoint'],
        folder,
        after=['convert'],
    )


def pretrain_options(size: Size) -> list[str]:
    """What differs from the pretraining config, for training and for the probe alike."""
    return options((f'randomness.seed={SEED}', *size.pretrain))


def configs() -> list[Path]:
    """The configs that the stages read, bases included."""
    return [Path('configs/_base_'), Path(PRETRAIN_CONFIG), Path(DETECTION_CONFIG)]


def export_stage(checkpoint: Path, work: Path) -> Stage:
    """The teacher as plain mmdet3d weights."""
    exported = work / 'export' / 'dos_backbone.pth'
    command = tool('export_backbone', checkpoint, exported)
    title = 'export of the teacher for mmdet3d'
    return Stage('export', title, [command], [checkpoint], [exported], exported.parent, after=['pretrain'])


def probe_stage(size: Size, checkpoint: Path, work: Path) -> Stage:
    """Linear probe of teacher and student beside every baseline."""
    out = work / 'probe' / 'probe.json'
    command = tool('linear_probe', PRETRAIN_CONFIG, checkpoint, '--out', out, *size.probe, *pretrain_options(size))
    inputs = [checkpoint, *sources('evaluation'), Path('tools/linear_probe.py')]
    return Stage('probe', 'linear probe on frozen features', [command], inputs, [out], out.parent, after=['pretrain'])


def detection_stage(size: Size, start: str, work: Path, seeds: range, exported: Path | None = None) -> Stage:
    """Fine-tune and test CenterPoint for every seed; `start` is 'scratch', or 'dos' with the exported weights."""
    commands, outputs, children = [], [], []
    for seed in seeds:
        folder = work / f'detection_{start}' / f'seed{seed}'
        child = work / 'detection_configs' / f'{start}_seed{seed}.py'
        write_child_config(child, seed, exported)
        children.append(child)
        commands += detection_commands(size, child, folder)
        outputs.append(folder / 'test' / 'pred_instances_3d' / 'metrics_summary.json')
    inputs = [*children, *configs(), *sources(*TRAINING_CODE, 'evaluation/start_record.py')]
    title = f'CenterPoint with few labels, {"from DOS weights" if exported else "from scratch"}, {len(seeds)} seed(s)'
    folder, after = work / f'detection_{start}', ['export' if exported else 'convert']
    return Stage(f'detection_{start}', title, commands, inputs, outputs, folder, after)


def detection_commands(size: Size, config: Path, folder: Path) -> list[list[str]]:
    """Train, then test with the official devkit; the checkpoint is named after the last step of the config."""
    steps = Config.fromfile(config).train_cfg.max_iters
    overrides = dict(value.split('=', 1) for value in size.detect)
    checkpoint = folder / f'iter_{overrides.get("train_cfg.max_iters", steps)}.pth'
    test = options((*size.detect, f'test_evaluator.jsonfile_prefix={folder / "test"}'))
    return [
        tool('train', config, '--work-dir', folder, *options(size.detect)),
        tool('test', config, checkpoint, '--work-dir', folder / 'test_log', *test),
    ]


def write_child_config(path: Path, seed: int, weights: Path | None) -> None:
    """The detection config with a seed, a record of how it starts, and the weights that it starts from, if any."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = (
        f'_base_ = {os.path.relpath(DETECTION_CONFIG, path.parent)!r}\n'
        "custom_imports = dict(imports=['dos_mm3d', 'dos_mm3d.evaluation.start_record'], allow_failed_imports=False)\n"
        "custom_hooks = [dict(type='StartRecordHook')]\n"
        f'randomness = dict(seed={seed})\n'
    )
    path.write_text(text + (f'load_from = {str(weights)!r}\n' if weights else ''))


def run_all(args: argparse.Namespace, work: Path) -> None:
    """All stages, then the report."""
    size = tiny_size(work) if args.tiny else full_size()
    runner = StageRunner(work / 'stages.json', work / 'logs', total=8, fresh=args.fresh)
    seeds = range(SEED, SEED + args.detection_seeds)
    pretrain_config = Config.fromfile(PRETRAIN_CONFIG)
    pretrain_config.merge_from_dict(parsed(size.pretrain))
    folders = RunFolders(work, pretrain_config, list(seeds))

    seconds = {'all': 0.0}

    def run(*stages: Stage) -> None:
        part = runner.run(*stages)
        seconds.update(part, all=seconds['all'] + max(part.values()))

    for stage in data_stages(size):
        run(stage)
    run(pretrain_stage(size, work), detection_stage(size, 'scratch', work, seeds))
    export = export_stage(folders.checkpoint(), work)
    run(export)
    from_dos = detection_stage(size, 'dos', work, seeds, export.outputs[0])
    run(probe_stage(size, folders.checkpoint(), work), from_dos)
    runner.announce('report')
    print(write_report(folders, seconds=seconds, seed=SEED))


def parsed(values: tuple[str, ...]) -> dict:
    """KEY=VALUE strings as --cfg-options understands them."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    return parser.parse_args(options(values)).cfg_options


def main() -> int:
    """Run; what stops it is one message with the log to look at."""
    args = parse_args()
    os.chdir(ROOT)
    work = args.work_dir or Path('work_dirs') / ('quickstart_tiny' if args.tiny else 'quickstart')
    try:
        run_all(args, work)
    except (StageFailed, ValueError, OSError) as error:
        print(f'quickstart: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('\nquickstart: interrupted; the same command goes on from here', file=sys.stderr)
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
