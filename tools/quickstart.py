"""From nothing to a fine-tuned model: data, converter, DOS pretraining, export, linear probe, few labels, report.

python tools/quickstart.py [--backbone second|minkunet|ptv3] [--fresh] [--tiny] [--finetune-seeds N]

Every stage calls the tool that a user would call, and prints its command. A stage that is finished and whose inputs
have not changed is not done again; an interrupted pretraining goes on where it was. Stages that do not wait for each
other run side by side: the model from scratch beside pretraining, the one from DOS weights beside the probe."""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # for all tools below: threads that spin starve loader workers
sys.path.insert(0, str(ROOT))

from mmengine.config import Config

from dos_mm3d.studies.quickstart import stages as stages
from dos_mm3d.studies.quickstart.report import RunFolders, write_report
from dos_mm3d.studies.quickstart.stage_runner import Stage, StageRunner
from dos_mm3d.studies.runner.logged_command import StageFailed


def parse_args() -> argparse.Namespace:
    """What to pretrain, where to work, and how much to do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--backbone',
        choices=list(stages.BACKBONES),
        default='second',
        help='second and ptv3 end in detection, minkunet in segmentation; default second',
    )
    parser.add_argument('--fresh', action='store_true', help='do finished stages again')
    parser.add_argument(
        '--tiny', action='store_true', help='a few steps on a few scenes: tests the chain, not the method'
    )
    parser.add_argument(
        '--finetune-seeds',
        type=int,
        choices=range(1, 11),
        metavar='1..10',
        default=1,
        help='pairs of fine-tuning runs, about 10 minutes each',
    )
    parser.add_argument(
        '--work-dir', type=Path, help='default work_dirs/quickstart, with _<backbone> and _tiny where asked for'
    )
    return parser.parse_args()


def default_work_dir(args: argparse.Namespace) -> Path:
    """One folder for every kind of quickstart."""
    parts = ['quickstart', *([args.backbone] if args.backbone != 'second' else []), *(['tiny'] if args.tiny else [])]
    return Path('work_dirs') / '_'.join(parts)


def run_all(args: argparse.Namespace, work: Path) -> None:
    """All stages, then the report."""
    choice = stages.BACKBONES[args.backbone]
    size = stages.tiny_size(work, choice.task) if args.tiny else stages.full_size()
    runner = StageRunner(work / 'stages.json', work / 'logs', total=8, fresh=args.fresh)
    seeds = range(stages.SEED, stages.SEED + args.finetune_seeds)
    pretrain_config = Config.fromfile(choice.pretrain_config)
    pretrain_config.merge_from_dict(stages.parsed(size.pretrain))
    folders = RunFolders(work, pretrain_config, list(seeds), choice.task, choice.model)

    seconds = {'all': 0.0}

    def run(*some: Stage) -> None:
        part = runner.run(*some)
        seconds.update(part, all=seconds['all'] + max(part.values()))

    for stage in stages.data_stages(size):
        run(stage)
    from_scratch = stages.finetune_stage(choice, size, 'scratch', work, seeds)
    run(stages.pretrain_stage(choice, size, work), from_scratch)
    export = stages.export_stage(folders.checkpoint(), work)
    run(export)
    from_dos = stages.finetune_stage(choice, size, 'dos', work, seeds, export.outputs[0])
    run(stages.probe_stage(choice, size, folders.checkpoint(), work), from_dos)
    runner.announce('report')
    print(write_report(folders, seconds=seconds, seed=stages.SEED))


def main() -> int:
    """Run; what stops it is one message with the log to look at."""
    args = parse_args()
    os.chdir(ROOT)
    work = args.work_dir or default_work_dir(args)
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
