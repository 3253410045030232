"""`python -m dos_mm3d` is `dos-mm3d`."""

import os
import sys

from .cli.dos_mm3d_entry import COMMANDS, NVML, command_of, main

if (name := command_of(sys.argv[1:])) and COMMANDS[name].forks and NVML not in os.environ:
    os.environ[NVML] = '1'  # too late for this process: the package, which loads torch, comes before this file
    os.execv(sys.executable, [sys.executable, '-m', 'dos_mm3d', *sys.argv[1:]])
main()
