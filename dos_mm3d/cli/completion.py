"""What completes words after Tab: a script for the shell, made once, so that no key press waits for torch."""

import argparse
import os
from importlib import import_module

import shtab

from ..files import home_path, output_path
from ..studies.project import config_file
from .dos_mm3d_entry import COMMANDS, add_options, make_parser

PATHS = (home_path, output_path, config_file, os.path.expanduser)
"""Types of arguments that are files or folders."""


def completion(shell: str) -> str:
    """The script that knows every command with its options. shell: one of `SHELLS`."""
    return shtab.complete(whole_parser(), shell=shell)


def whole_parser() -> argparse.ArgumentParser:
    """The parser of `dos-mm3d` with those of all commands below it."""
    root = argparse.ArgumentParser(prog='dos-mm3d', description=make_parser().description)
    add_options(root)
    groups = {'': root.add_subparsers()}
    for name, command in COMMANDS.items():
        group, _, word = name.rpartition(' ')
        if group not in groups:
            groups[group] = groups[''].add_parser(group, help=f'{group} ...').add_subparsers()
        own = import_module(f'dos_mm3d.cli.{command.module}').make_parser(add_help=False)
        complete_files(own)
        groups[group].add_parser(word, help=command.help, description=own.description, parents=[own])
    return root


def complete_files(parser: argparse.ArgumentParser) -> None:
    """Mark what takes a path, here and in the commands below, for shtab, which cannot know it by the type."""
    for action in parser._actions:
        if action.type in PATHS:
            action.complete = shtab.FILE
        for below in action.choices.values() if isinstance(action.choices, dict) else ():
            complete_files(below)
