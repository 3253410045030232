"""The home folder in the paths of a config."""

import os
from typing import Any

from mmengine.config import Config


def put_homes(cfg: Config) -> None:
    """Put the home folder in place of the `~` that texts of a config begin with: a shell leaves it in KEY=~/x, and the
    system would look for a folder of that name, or make one."""
    for key in list(cfg):
        if (with_home := _expanded(cfg[key])) != cfg[key]:
            cfg[key] = with_home


def _expanded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _expanded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_expanded, value))
    return os.path.expanduser(value) if isinstance(value, str) and value.startswith('~') else value
