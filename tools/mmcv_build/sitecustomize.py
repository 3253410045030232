"""Lets mmcv 2.1.0 be built on Python 3.13: Python reads this file at its start where the folder is on PYTHONPATH.

mmcv's setup.py says exec(...) in a function and looks for the result in locals(), which since Python 3.13 (PEP 667) is
another copy at every call: KeyError: '__version__'. Here a plain exec(...) writes where the caller's locals() look.
tools/install.sh sets the path while it builds mmcv; this can go with the first pin of mmcv whose setup.py does without.
"""

import builtins
import sys

_exec = builtins.exec


def _exec_in_caller(*arguments, **more):
    if len(arguments) == 1 and not more:
        caller = sys._getframe(1)
        arguments = (*arguments, caller.f_globals, caller.f_locals)
    return _exec(*arguments, **more)


builtins.exec = _exec_in_caller
