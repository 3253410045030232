"""mmdet3d's own converter of data sets, for a data set in any folder."""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from ..errors import MissingFileError


@contextmanager
def mmdet3d_converter(root: str | Path) -> Iterator[ModuleType]:
    """mmdet3d's `create_data` module, usable on a nuScenes data set in any folder `root`, as long as the context lasts.

    mmdet3d 1.4.0 imports `tools.dataset_converters`, which its wheel carries as data in `mmdet3d/.mim` and which a
    project's own `tools` shadows; importing it parses the command line; and `update_infos_to_v2` opens
    './data/nuscenes' whatever it was told. Here `tools` means that folder, and its NuScenes opens `root`.
    MissingFileError without that folder.
    """
    folder = Path(find_spec('mmdet3d').origin).parent / '.mim' / 'tools'
    if not (folder / 'create_data.py').is_file():
        raise MissingFileError(f'{folder}/create_data.py: not found; install the wheel of mmdet3d 1.4.0, which has it')
    package = ModuleType('tools')
    package.__path__ = [str(folder)]
    own_tools = _pop_tools()
    sys.modules['tools'] = package
    try:
        with patch.object(sys, 'argv', ['create_data.py', 'nuscenes']):
            create_data = importlib.import_module('tools.create_data')
            updater = importlib.import_module('tools.dataset_converters.update_infos_to_v2')
        with patch.object(updater, 'NuScenes', _opening(updater.NuScenes, root)):
            yield create_data
    except BaseException:
        print(flush=True)  # its bar has not ended its line, on which the error would stand
        raise
    finally:
        _pop_tools()
        sys.modules.update(own_tools)


def _pop_tools() -> dict[str, ModuleType]:
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.split('.')[0] == 'tools'}


def _opening(reader: Callable[..., Any], root: str | Path) -> Callable[..., Any]:
    def open_root(*args: Any, **kwargs: Any) -> Any:
        return reader(*args, **{**kwargs, 'dataroot': str(root)})

    return open_root
