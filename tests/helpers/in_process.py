"""A tool of tools/, which is no package, run in this process."""

import importlib.util
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dos_mm3d.engine import launch

ROOT = Path(__file__).resolve().parents[2]


def tool_in_process(name: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Calls it with arguments; folder and signal handler are left as they were."""
    spec = importlib.util.spec_from_file_location(f'tool_{name}', ROOT / 'tools' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def call(*arguments: object) -> None:
        monkeypatch.chdir(Path.cwd())
        monkeypatch.setattr(sys, 'argv', [f'{name}.py', *map(str, arguments)])
        handler = signal.getsignal(signal.SIGTERM)
        try:
            launch.run_tool(module.main)
        finally:
            signal.signal(signal.SIGTERM, handler)

    return call
