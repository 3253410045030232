"""What to paste into a report of a problem: `dos-mm3d env`."""

import argparse
from typing import Any

from ..studies.environment import describe_environment


def make_parser(**more: Any) -> argparse.ArgumentParser:
    """There are no arguments but --help. more: arguments of ArgumentParser."""
    return argparse.ArgumentParser(description=__doc__, **more)


def main() -> int:
    """Print the facts, a line each, and the conflicts last; status 1 where there is one."""
    make_parser().parse_args()
    facts = describe_environment()
    for name, value in facts.items():
        if name == 'conflicts':
            print('conflicts:', *(value or ['none known']), sep='\n  ')
        elif isinstance(value, dict):
            print(f'{name}:', *(f'{key} {entry}' for key, entry in value.items()), sep='\n  ')
        else:
            print(f'{name}: {", ".join(value) or "none" if isinstance(value, list) else value}')
    return bool(facts['conflicts'])
