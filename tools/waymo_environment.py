"""The environment of waymo-open-dataset, which pins an old numpy: is there one that does, and how to make it."""

import subprocess
import sys
from pathlib import Path

from dos_mm3d.errors import InputError, MissingFileError

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_PYTHON = ROOT / 'work_dirs' / 'waymo_env' / 'bin' / 'python'
"""Both of its users look here: tools/compare_waymo_metric.py, which needs TensorFlow, and tools/create_data.py."""
RECORDS_PINS = ROOT / 'tools' / 'waymo_records' / 'requirements.txt'
RECORDS_STATEMENT = 'import numpy; from waymo_open_dataset import dataset_pb2, label_pb2'
RECORDS_WHAT = 'the protocol buffers of the records'


def environment_problem(python: Path, statement: str, what: str) -> str | None:
    """Why that interpreter is of no use, in a sentence; None where it runs the import statement.

    what: name of what is imported, for the message."""
    if not python.is_file():
        return f'{python}: no such file, wanted the Python of an environment with waymo-open-dataset.'
    done = subprocess.run([python, '-c', statement], capture_output=True, text=True)
    if done.returncode == 0:
        return None
    return f'{python} cannot import {what}: {(done.stderr.strip().splitlines() or ["killed"])[-1]}'


def records_python(python: Path | None, *, create: bool) -> Path:
    """The interpreter that reads raw records: the given one, or else the default; made where `create` says so.

    FileNotFoundError with the way to make one where there is none that does; ValueError where making it fails.
    """
    chosen = python or DEFAULT_PYTHON
    commands = [
        [sys.executable, '-m', 'venv', chosen.parents[1]],
        [chosen, '-m', 'pip', 'install', '--no-deps', '-r', RECORDS_PINS],
    ]
    problem = environment_problem(chosen, RECORDS_STATEMENT, RECORDS_WHAT)
    if problem and create:
        try:
            for command in commands:
                print('$', *command, flush=True)
                subprocess.run(command, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise InputError(f'the environment could not be made: {error}') from error
        problem = environment_problem(chosen, RECORDS_STATEMENT, RECORDS_WHAT)
    if problem:
        recipe = '\n'.join(f'    {" ".join(map(str, command))}' for command in commands)
        raise MissingFileError(
            f"{problem}\nReading Waymo's raw records needs waymo-open-dataset, in an environment of its own "
            f'(Python 3.8 to 3.11, 0.1 GB). Name one with --waymo-python, or make it, here or with '
            f'--create-environment:\n{recipe}'
        )
    return chosen
