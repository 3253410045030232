"""What to paste into a report of a problem: `python tools/collect_env.py`."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dos_mm3d.engine.launch import run_tool
from dos_mm3d.studies.environment import describe_environment


def main() -> int:
    """Print the facts, a line each, and the conflicts last; status 1 where there is one."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    facts = describe_environment()
    for name, value in facts.items():
        if name == 'conflicts':
            print('conflicts:', *(value or ['none known']), sep='\n  ')
        elif isinstance(value, dict):
            print(f'{name}:', *(f'{key} {entry}' for key, entry in value.items()), sep='\n  ')
        else:
            print(f'{name}: {", ".join(value) or "none" if isinstance(value, list) else value}')
    return bool(facts['conflicts'])


if __name__ == '__main__':
    run_tool(main)
