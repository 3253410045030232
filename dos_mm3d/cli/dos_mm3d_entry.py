"""The command `dos-mm3d` as far as it goes without torch: what it can do, its version, and a wrong word.

setup.cfg installs this file a second time, beside the package: what lies in the package is only reached through
dos_mm3d/__init__.py, which takes ten seconds to load mmdetection3d."""

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import NoReturn


@dataclass(frozen=True)
class Command:
    """One of the commands.

    Args:
        module: of dos_mm3d.cli, and script of tools/, with `make_parser` and `main`.
        help: for the list of commands.
        in_ranks: whether several processes of a launcher may run it together.
        forks: whether forked children of its process use the GPU.
    """

    module: str
    help: str
    in_ranks: bool = False
    forks: bool = False


COMMANDS = {
    'quickstart': Command('quickstart', 'from nothing to a fine-tuned detector, on an embedded data set'),
    'synthetic': Command('create_synthetic', 'write an embedded data set, in the format of a real one'),
    'data': Command('create_data', 'convert a data set to what mmdetection3d trains on'),
    'train': Command('train', 'pretrain, or train anything else that a config describes', in_ranks=True),
    'test': Command('test', 'test a checkpoint with the metrics of a config', in_ranks=True),
    'export': Command('export_backbone', 'write a pretrained backbone as plain mmdetection3d weights'),
    'probe': Command('run_protocol', 'judge a pretraining: linear probe, few labels, fine-tuning, others'),
    'browse': Command('browse_dataset', 'draw what a config trains on'),
    'visualize': Command('visualize_features', 'pictures and a page of the features of sweeps'),
    'convert asymdsd': Command('convert_asymdsd', 'checkpoints of AsymDSD, both ways'),
    'convert pointcept': Command('convert_pointcept', 'public Point Transformer V3 weights'),
    'detections': Command('visualize_detections', 'pictures and a page of what a detector finds'),
    'configs': Command('list_configs', 'the configs that come with the package'),
    'zoo': Command('list_zoo', 'the weights that ship, and where they are'),
    'env': Command('collect_env', 'versions and devices, for a report of a problem'),
    'gpu-check': Command('gpu_check', 'does this GPU machine work? A line for each check', forks=True),
}
"""Words after `dos-mm3d` -> what they run."""
NVML = 'PYTORCH_NVML_BASED_CUDA_CHECK'
"""Variable that is 1 before torch is loaded: torch's other way to ask for a GPU takes it from forked children."""
SHELLS = ('bash', 'zsh')


def main(words: Sequence[str] | None = None) -> None:
    """Run the command of these words, by default those of the command line.

    Exit status: 0; 1 for what a user can mend and for a failure; 2 for a command line that is none; 130 after Ctrl-C.
    """
    parser = make_parser()
    args = parser.parse_args(words)
    if args.version:
        print(f'dos_mm3d {metadata.version("dos_mm3d")}')
    elif args.print_completion:
        print(import_module('dos_mm3d.cli.completion').completion(args.print_completion))
    else:
        name = command_of(args.words) or refuse(parser, args.words)
        run(name, args.words[len(name.split()) :])


def make_parser() -> argparse.ArgumentParser:
    """The words are left alone: a command has a parser of its own."""
    width = max(map(len, COMMANDS)) + 2
    listed = '\n'.join(f'  {name:<{width}}{command.help}' for name, command in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog='dos-mm3d',
        usage='dos-mm3d COMMAND [arguments] | --version | --print-completion SHELL',
        description='Self-supervised LiDAR pretraining for mmdetection3d.',
        epilog=f'commands:\n{listed}\n\n`dos-mm3d COMMAND --help` tells the arguments of one.',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    parser.add_argument('words', nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def add_options(parser: argparse.ArgumentParser) -> None:
    """What stands in place of a command."""
    parser.add_argument('--version', action='store_true', help='print the version')
    parser.add_argument('--print-completion', choices=SHELLS, help='print what completes words after Tab, for a shell')


def command_of(words: Sequence[str]) -> str | None:
    """The command that words begin with."""
    return next((name for name in COMMANDS if list(words[: len(name.split())]) == name.split()), None)


def refuse(parser: argparse.ArgumentParser, words: Sequence[str]) -> NoReturn:
    """End with status 2: what is wrong, and what was probably meant."""
    if not words:
        parser.error('which command? `dos-mm3d --help` lists them')
    if longer := [name for name in COMMANDS if name.startswith(f'{words[0]} ')]:
        parser.error(f'{words[0]!r} is no whole command; wanted {" or ".join(longer)}')
    close = difflib.get_close_matches(words[0], COMMANDS)
    meant = f'did you mean {close[0]}?' if close else f'wanted one of {", ".join(COMMANDS)}'
    parser.error(f'no command {words[0]!r}; {meant}')


def run(name: str, arguments: Sequence[str]) -> None:
    """Load the package and run one command as the script of its name in tools/ would."""
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # before libgomp loads: threads that spin starve loader workers
    os.environ.setdefault('GOMP_SPINCOUNT', '1000')  # but for a moment: docs/benchmarks.md
    if not sys.stderr.isatty():
        os.environ.setdefault('TQDM_MININTERVAL', '10')  # seconds between the lines that bars of others leave in a log
    sys.argv = [f'dos-mm3d {name}', *arguments]
    command = COMMANDS[name]
    if command.forks:
        os.environ.setdefault(NVML, '1')
    module = import_module(f'dos_mm3d.cli.{command.module}')
    import_module('dos_mm3d.engine.launch').run_tool(module.main, in_ranks=command.in_ranks)
