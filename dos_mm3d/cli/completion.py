"""What completes words after Tab: a script for the shell, made once, so that no key press waits for torch."""

import argparse
from importlib import import_module

import shtab

from .dos_mm3d_entry import COMMANDS, make_parser


def completion(shell: str) -> str:
    """The script that knows every command with its options. shell: one of `SHELLS`."""
    return shtab.complete(whole_parser(), shell=shell)


def whole_parser() -> argparse.ArgumentParser:
    """The parser of `dos-mm3d` with those of all commands below it."""
    root = argparse.ArgumentParser(prog='dos-mm3d', description=make_parser().description)
    groups = {'': root.add_subparsers()}
    for name, command in COMMANDS.items():
        group, _, word = name.rpartition(' ')
        if group not in groups:
            groups[group] = groups[''].add_parser(group, help=f'{group} ...').add_subparsers()
        own = import_module(f'dos_mm3d.cli.{command.module}').make_parser(add_help=False)
        groups[group].add_parser(word, help=command.help, description=own.description, parents=[own])
    return root
