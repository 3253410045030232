"""A tool of tools/ as a user calls it, in a fork of this process: all it needs is imported there already, which spares
the many seconds that a new Python takes for torch and mmdet3d."""

import os
import runpy
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import NoReturn, TextIO

import torch
from mmengine.registry import DefaultScope

from dos_mm3d.studies.runner.children import Child

ROOT = Path(__file__).resolve().parents[2]


def run_forked(
    tool: str, *arguments: object, cwd: Path | None = None, environment: Mapping[str, str] = {}, limit_s: float = 600
) -> subprocess.CompletedProcess[str]:
    """What `python tools/TOOL.py ARGUMENTS` prints and ends with.

    Args:
        tool: name, without .py.
        arguments: of the command line.
        cwd: where it is called; None: here.
        environment: variables beside those of this process; PYTHONPATH is searched, too.
        limit_s: TimeoutError after that.
    """
    argv = [str(ROOT / 'tools' / f'{tool}.py'), *map(str, arguments)]
    with TemporaryFile('w+') as out, TemporaryFile('w+') as err:
        child = Child(lambda: _become(argv, cwd, environment, out, err), out, None)
        if (status := child.wait(limit_s)) is None:
            child.end()
            raise TimeoutError(f'{argv} took longer than {limit_s:g} s')
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(argv, status, out.read(), err.read())


def _become(
    argv: Sequence[str], cwd: Path | None, environment: Mapping[str, str], out: TextIO, err: TextIO
) -> NoReturn:
    """In the fork: run the tool, and end without what pytest does at its end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.environ.update(environment)
    os.chdir(cwd or Path.cwd())
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    for file in (out, err):
        file.reconfigure(line_buffering=True)  # what was printed before a kill is there
    sys.stdout, sys.stderr = out, err
    sys.path[:0] = [str(ROOT / 'tools'), *filter(None, environment.get('PYTHONPATH', '').split(os.pathsep))]
    sys.argv = list(argv)
    DefaultScope._instance_dict.clear()  # as in a new process
    torch.set_num_threads(1)  # a forked child waits for ever for OpenMP threads that this process had
    status = 0
    try:
        runpy.run_path(argv[0], run_name='__main__')
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
