"""Whole numbers and paths of command lines: what is none is said by the parser, not made into another."""

import argparse

import pytest

from dos_mm3d.engine.arguments import Gathered, at_least, number
from dos_mm3d.files import home_path
from dos_mm3d.parallel import parallel_map


@pytest.mark.parametrize(('option', 'said'), [('--n=-3', '1 or more'), ('--n=two', '1 or more'), ('--path=', 'empty')])
def test_the_parser_says_what_is_wanted(capsys, option, said):
    parser = argparse.ArgumentParser()
    parser.add_argument('--n', type=at_least(1))
    parser.add_argument('--path', type=home_path)
    assert parser.parse_args(['--n', '7']).n == 7
    with pytest.raises(SystemExit, match='2'):
        parser.parse_args([option])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize('text', ['nan', 'inf', '-0.1', '0', '90.5', 'much'])
def test_a_number_that_cannot_be_is_said_by_the_parser(capsys, text):
    parser = argparse.ArgumentParser()
    parser.add_argument('--x', type=number(above=0, most=90))
    assert parser.parse_args(['--x', '1e-3']).x == 0.001
    with pytest.raises(SystemExit, match='2'):
        parser.parse_args([f'--x={text}'])
    assert f'wanted a finite number above 0, up to 90, got {text!r}' in capsys.readouterr().err


def test_a_list_has_the_values_of_every_time_that_it_is_given(capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument('--one', action=Gathered, nargs=1)
    parser.add_argument('--several', action=Gathered, nargs='*', default=['x'])
    assert vars(parser.parse_args([])) == dict(one=None, several=['x'])
    twice = parser.parse_args(['--one', 'a', '--several', 'b', '--several', 'c', 'd'])
    assert vars(twice) == dict(one=['a'], several=list('bcd'))
    assert parser.parse_args(['--several']).several == []
    with pytest.raises(SystemExit, match='2'):
        parser.parse_args(['--one', 'a', '--one', 'b'])
    assert '--one is given twice, a and b; wanted one' in capsys.readouterr().err


def test_fewer_than_one_process_is_no_way_to_say_one():
    with pytest.raises(ValueError, match='workers must be 1 or more, got -3'):
        parallel_map(abs, [1, -2], what='numbers', unit='number', workers=-3)
