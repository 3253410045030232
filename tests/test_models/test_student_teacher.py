"""The teacher begins as the student's copy, whatever the configs draw or load."""

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule
from torch import nn

from dos_mm3d.models.methods.dos import Branch
from dos_mm3d.models.methods.student_teacher import StudentTeacher


class Twin(BaseModule):
    """A backbone whose weights are drawn anew by init_weights, or set by its init_cfg."""

    out_channels = 4

    def __init__(self, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.layer = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4)

    def init_weights(self) -> None:
        if self.init_cfg is None:
            nn.init.normal_(self.layer.weight)
        super().init_weights()


class Pair(StudentTeacher):
    """A method with nothing to compute."""

    def forward(self) -> None:
        raise NotImplementedError


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(MODELS._module_dict, 'Twin', Twin)

    def student_teacher(**backbone) -> StudentTeacher:
        projector = dict(type='Projector', hidden_channels=8, out_channels=5)
        return Pair(Branch(dict(type='Twin', **backbone), projector), dict(type='BaseDataPreprocessor'))

    return student_teacher


def assert_twins(model: StudentTeacher) -> None:
    student, teacher = model.student.state_dict(), model.teacher.state_dict()
    assert list(student) == list(teacher)
    assert all(torch.equal(student[name], teacher[name]) for name in student)


def test_teacher_equals_student_after_init_weights(build):
    model = build()
    before = model.student.backbone.layer.weight.clone()
    model.init_weights()
    assert not before.equal(model.student.backbone.layer.weight), 'nothing was drawn'
    assert_twins(model)
    assert not any(p.requires_grad for p in model.teacher.parameters())


def test_the_init_cfg_of_a_backbone_is_followed(build):
    model = build(init_cfg=dict(type='Constant', layer='Linear', val=0.25, bias=0.5))
    model.init_weights()
    assert (model.student.backbone.layer.weight == 0.25).all()
    assert_twins(model)


def test_a_backbone_starts_from_a_checkpoint(build, tmp_path):
    weights = {name: torch.full_like(value, 2) for name, value in Twin().state_dict().items()}
    torch.save({'state_dict': {f'encoder.{name}': value for name, value in weights.items()}}, tmp_path / 'start.pth')
    model = build(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'start.pth'), prefix='encoder.'))
    model.init_weights()
    assert all(torch.equal(value, weights[name]) for name, value in model.student.backbone.state_dict().items())
    assert_twins(model)


def test_parts_without_a_twin_are_left_alone(build):
    """The student's predictor is learnt, the teacher's centre is its own; only what both have follows."""
    model = build()
    model.student.predictor = nn.Linear(2, 2)
    model.teacher.register_buffer('centre', torch.full((3,), 7.0))
    model.init_weights()
    assert (model.teacher.centre == 7).all() and not hasattr(model.teacher, 'predictor')
    before = model.student.predictor.weight.clone()
    with torch.no_grad():
        model.student.backbone.layer.weight += 1
    expected = 0.25 * model.teacher.backbone.layer.weight + 0.75 * model.student.backbone.layer.weight
    model.update_teacher(0.25)
    torch.testing.assert_close(model.teacher.backbone.layer.weight, expected)
    assert model.student.predictor.weight.equal(before) and (model.teacher.centre == 7).all()
