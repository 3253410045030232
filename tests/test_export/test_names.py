"""Whose tensors a checkpoint holds, and how they are called downstream."""

import pytest
import torch

from dos_mm3d.export.backbone import backbone_class, downstream_name, renamed
from dos_mm3d.export.config_text import read_entry
from dos_mm3d.models.backbones import MinkUNetAdapter, SparseEncoderBackbone

TEXT = """
model = dict(backbone=dict(type='MinkUNetAdapter', deep={'a': {'b': [1, 2]}}), data_preprocessor=build('x'))
"""


def test_entries_of_nested_dicts_are_read_and_nothing_is_run():
    assert read_entry(TEXT, 'model.backbone.type', source='x') == 'MinkUNetAdapter'
    assert read_entry(TEXT, 'model.backbone.deep.a.b', source='x') == [1, 2]
    for absent in ('model.neck.type', 'other', 'model.backbone.type.more', 'model.data_preprocessor.x'):
        with pytest.raises(ValueError, match=rf'x: its config has no entry {absent}'):
            read_entry(TEXT, absent, source='x')
    with pytest.raises(ValueError, match='wanted a literal'):
        read_entry(TEXT, 'model.data_preprocessor', source='x')


def test_the_class_is_found_by_name():
    assert backbone_class('MinkUNetAdapter', 'x') is MinkUNetAdapter
    assert backbone_class('SparseEncoderBackbone', 'x') is SparseEncoderBackbone


@pytest.mark.parametrize('name', ['Nothing', 'antigravity.thing', 'ResNet', 'MinkUNetBackbone', None])
def test_other_classes_are_refused_and_no_module_is_imported(name):
    import sys

    with pytest.raises(ValueError, match=r'x: its config names the backbone .*, wanted one .*MinkUNetAdapter'):
        backbone_class(name, 'x')
    assert 'antigravity' not in sys.modules


def test_the_longest_prefix_counts():
    names = {'a.': 'x.', 'a.b.': 'y.', 'c.': ''}
    assert [downstream_name(name, names) for name in ('a.w', 'a.b.w', 'c.w', 'd.w')] == ['x.w', 'y.w', 'w', None]
    assert downstream_name('any.w', {'': ''}) == 'any.w'


def test_tensors_without_a_place_or_with_a_shared_one_are_errors():
    tensors = {'a.w': torch.zeros(1), 'b.w': torch.ones(1)}
    assert renamed(tensors, {'a.': 'x.', 'b.': 'b.'}, 'file') == {'x.w': tensors['a.w'], 'b.w': tensors['b.w']}
    with pytest.raises(ValueError, match=r'file: .*no place for: b\.w; wanted only a\.'):
        renamed(tensors, {'a.': 'x.'}, 'file')
    with pytest.raises(ValueError, match='two tensors the same name'):
        renamed(tensors, {'a.': 'x.', 'b.': 'x.'}, 'file')
