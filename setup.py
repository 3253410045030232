"""What setup.cfg cannot say: a wheel carries configs/ and the index of the weights inside the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

BESIDE = ('configs', 'weights/index.json')


class BuildWithConfigs(build_py):
    """Puts them into the folder .mim of the package, where OpenMMLab's have theirs. An editable install needs none."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in BESIDE:
            target = Path(self.build_lib, 'dos_mm3d', '.mim', name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if Path(name).is_dir():
                shutil.copytree(name, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns('__pycache__'))
            else:
                shutil.copy2(name, target)


setup(cmdclass={'build_py': BuildWithConfigs})
