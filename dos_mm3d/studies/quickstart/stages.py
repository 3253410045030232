"""The stages of tools/quickstart.py, each the tools that a user would call, for one of the backbones."""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config, DictAction

from .stage_runner import Stage

# of other runs: what changes there changes nothing here
OTHER_CONFIGS = ('ablations', 'backbones')
TRAINING_CODE = ('functional', 'structures', 'cpu', 'datasets', 'models', 'engine', 'export', 'compat.py')
SEED = 0


@dataclass(frozen=True)
class Choice:
    """What is pretrained, and on what its weights are fine-tuned: `detection` (mAP) or `segmentation` (mIoU)."""

    pretrain_config: str
    finetune_config: str
    task: str
    model: str


BACKBONES = {
    'second': Choice(
        'configs/dos/dos_second_synthetic.py',
        'configs/centerpoint/centerpoint_small_synthetic.py',
        'detection',
        'CenterPoint',
    ),
    'minkunet': Choice(
        'configs/dos/dos_minkunet_synthetic.py',
        'configs/segmentation/minkunet_small_synthetic.py',
        'segmentation',
        'MinkUNet',
    ),
    'ptv3': Choice(
        'configs/dos/dos_ptv3_synthetic.py',
        'configs/centerpoint/centerpoint_ptv3_small_synthetic.py',
        'detection',
        'CenterPoint over PTv3',
    ),
}


@dataclass(frozen=True)
class Size:
    """How much is done: the whole thing, or just enough to see that all parts fit together."""

    data: Path
    create: tuple[str, ...] = ()
    pretrain: tuple[str, ...] = ()
    finetune: tuple[str, ...] = ()
    probe: tuple[str, ...] = ()


def full_size() -> Size:
    """The configs as they stand."""
    return Size(Path('data/synthetic_nuscenes'))


def tiny_size(work: Path, task: str) -> Size:
    """3 + 2 scenes of one second, a few steps: the numbers mean nothing."""
    data = work / 'data'
    steps = (
        'default_hooks.logger.interval=1',
        'train_dataloader.persistent_workers=False',
        'train_dataloader.num_workers=0',
    )
    roots = [f'{key}.data_root={data}/' for key in ('train_dataloader.dataset', 'test_dataloader.dataset')]
    if task == 'detection':
        roots += [f'test_evaluator.data_root={data}/', f'test_evaluator.ann_file={data}/nuscenes_infos_val.pkl']
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
        finetune=(
            *roots,
            'train_dataloader.dataset.labelled_scenes=2',
            'train_cfg.max_iters=2',
            'param_scheduler.0.total_steps=2',
            'default_hooks.checkpoint.interval=2',
            *steps,
        ),
        probe=('--scans', '2', '--draws', '2', '--seeds', '2', '--bn-scans', '2'),
    )


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
        sources('miniatures'),
        [size.data / 'synthetic.json'],
    )
    convert = Stage(
        'convert',
        "mmdet3d's nuScenes converter",
        [tool('create_data', 'nuscenes', '--root-path', size.data)],
        [*sources('datasets/nuscenes/convert.py'), Path('tools/create_data.py')],
        [size.data / f'nuscenes_infos_{split}.pkl' for split in ('train', 'val')],
        after=['data'],
    )
    return [write, convert]


def pretrain_stage(choice: Choice, size: Size, work: Path) -> Stage:
    """Pretrain without labels; goes on from the last checkpoint where it was interrupted."""
    folder = work / 'pretrain'
    return Stage(
        'pretrain',
        'DOS pretraining of the encoder, without labels',
        [tool('train', choice.pretrain_config, '--work-dir', folder, '--resume', *pretrain_options(size))],
        [*sources(*TRAINING_CODE), *configs()],
        [folder / 'last_checkpoint'],
        folder,
        after=['convert'],
    )


def pretrain_options(size: Size) -> list[str]:
    """What differs from the pretraining config, for training and for the probe alike."""
    return options((f'randomness.seed={SEED}', *size.pretrain))


def configs() -> list[Path]:
    """Folders of the configs that the stages read, bases included."""
    return sorted(folder for folder in Path('configs').iterdir() if folder.name not in OTHER_CONFIGS)


def export_stage(checkpoint: Path, work: Path) -> Stage:
    """The teacher as plain mmdet3d weights."""
    exported = work / 'export' / 'dos_backbone.pth'
    command = tool('export_backbone', checkpoint, exported)
    title = 'export of the teacher for mmdet3d'
    return Stage('export', title, [command], [checkpoint], [exported], exported.parent, after=['pretrain'])


def probe_stage(choice: Choice, size: Size, checkpoint: Path, work: Path) -> Stage:
    """Linear probe of teacher and student beside every baseline."""
    out = work / 'probe' / 'probe.json'
    command = tool(
        'linear_probe', choice.pretrain_config, checkpoint, '--out', out, *size.probe, *pretrain_options(size)
    )
    inputs = [checkpoint, *sources('probe', 'metrics'), Path('tools/linear_probe.py')]
    return Stage('probe', 'linear probe on frozen features', [command], inputs, [out], out.parent, after=['pretrain'])


def finetune_stage(
    choice: Choice, size: Size, start: str, work: Path, seeds: range, exported: Path | None = None
) -> Stage:
    """Fine-tune and test with few labels for every seed; `start` is 'scratch', or 'dos' with the exported weights."""
    name = f'{choice.task}_{start}'
    commands, outputs, children = [], [], []
    for seed in seeds:
        folder = work / name / f'seed{seed}'
        child = work / f'{choice.task}_configs' / f'{start}_seed{seed}.py'
        write_child_config(child, choice.finetune_config, seed, exported)
        children.append(child)
        commands += finetune_commands(choice, size, child, folder)
        outputs.append(folder / 'metrics.json')
    inputs = [*children, *configs(), *sources(*TRAINING_CODE, 'studies/runner/start_record.py')]
    title = (
        f'{choice.model} with few labels, {"from DOS weights" if exported else "from scratch"}, {len(seeds)} seed(s)'
    )
    return Stage(name, title, commands, inputs, outputs, work / name, after=['export' if exported else 'convert'])


def finetune_commands(choice: Choice, size: Size, config: Path, folder: Path) -> list[list[str]]:
    """Train, then test; the checkpoint is named after the last step of the config."""
    steps = Config.fromfile(config).train_cfg.max_iters
    overrides = dict(value.split('=', 1) for value in size.finetune)
    checkpoint = folder / f'iter_{overrides.get("train_cfg.max_iters", steps)}.pth'
    # the devkit's own files stay, for the pictures
    keep = (f'test_evaluator.jsonfile_prefix={folder / "test"}',) if choice.task == 'detection' else ()
    test = ['--work-dir', folder / 'test_log', '--metrics', folder / 'metrics.json', *options((*size.finetune, *keep))]
    return [
        tool('train', config, '--work-dir', folder, *options(size.finetune)),
        tool('test', config, checkpoint, *test),
    ]


def write_child_config(path: Path, base: str, seed: int, weights: Path | None) -> None:
    """The fine-tuning config with a seed, a record of how it starts, and the weights that it starts from, if any."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = (
        f'_base_ = {os.path.relpath(base, path.parent)!r}\n'
        "custom_imports = dict(imports=['dos_mm3d', 'dos_mm3d.studies.runner.start_record'], "
        'allow_failed_imports=False)\n'
        "custom_hooks = [dict(type='StartRecordHook')]\n"
        f'randomness = dict(seed={seed})\n'
    )
    path.write_text(text + (f'load_from = {str(weights)!r}\n' if weights else ''))


def parsed(values: tuple[str, ...]) -> dict:
    """KEY=VALUE strings as --cfg-options understands them."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    return parser.parse_args(options(values)).cfg_options
