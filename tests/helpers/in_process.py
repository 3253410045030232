"""A tool of tools/, run in this process."""

import importlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dos_mm3d.engine import launch


def tool_in_process(name: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Calls it with arguments; folder and signal handler are left as they were."""
    module = importlib.import_module(f'tools.{name}')

    def call(*arguments: object) -> None:
        monkeypatch.chdir(Path.cwd())
        monkeypatch.setattr(sys, 'argv', [f'{name}.py', *map(str, arguments)])
        handler = signal.getsignal(signal.SIGTERM)
        try:
            launch.run_tool(module.main, in_ranks=name in ('train', 'test'))
        finally:
            signal.signal(signal.SIGTERM, handler)

    return call
