"""The exported encoder of AsymDSD says of patches what the teacher's says; nothing in a checkpoint is run."""

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config

from dos_mm3d.errors import InputError, OutputExistsError
from dos_mm3d.export.asymdsd import convert_asymdsd
from dos_mm3d.export.object_encoder import FORMAT, export_object_encoder, holds_object_encoder
from tests.helpers import asymdsd_nets as nets

LOADER = dict(
    dataset=dict(pipeline=[dict(type='DrawObjectCrops', whole=dict(points=40, patches=8, points_per_patch=4))])
)


def checkpoint(path, form='dual', **changes):
    """What a training writes; the teacher differs from the student."""
    model = nets.build(form)
    with torch.no_grad():
        for value in model.teacher.parameters():
            value.add_(0.01)
    text = Config(dict(model={**nets.settings(form), **changes}, train_dataloader=LOADER)).pretty_text
    torch.save(dict(state_dict=model.state_dict(), meta=dict(cfg=text, iter=7)), path)
    return model


@pytest.mark.parametrize('form', ['dual', 'mpm', 'cls'])
@pytest.mark.parametrize('branch', ['teacher', 'student'])
def test_the_file_is_what_an_encoder_starts_from(tmp_path, form, branch):
    model = checkpoint(tmp_path / 'iter_7.pth', form)
    report = export_object_encoder(tmp_path / 'iter_7.pth', tmp_path / 'encoder.pth', branch=branch)
    meta = torch.load(tmp_path / 'encoder.pth', weights_only=True)['meta']
    assert meta['format'] == FORMAT and meta['whole'] == dict(points=40, patches=8, points_per_patch=4)
    assert report['iteration'] == 7 and report['parameters'] == sum(
        p.numel() for p in model.student.encoder.parameters()
    )
    encoder = MODELS.build(
        {**meta['encoder'], 'init_cfg': dict(type='Pretrained', checkpoint=str(tmp_path / 'encoder.pth'))}
    )
    encoder.init_weights()
    views = nets.batch(model, form)
    wanted = getattr(model, branch).encoder
    pairs = [one(*one.embed(views.whole.patches, views.whole.centres)).rows for one in (encoder, wanted)]
    assert torch.equal(*pairs)
    other = model.student.encoder if branch == 'teacher' else model.teacher.encoder
    assert not torch.equal(pairs[0], other(*other.embed(views.whole.patches, views.whole.centres)).rows)


def test_a_converted_checkpoint_is_exported_too(tmp_path):
    torch.save(dict(state_dict=nets.public_state('dual')), tmp_path / 'public.ckpt')
    convert_asymdsd(tmp_path / 'public.ckpt', tmp_path / 'ours.pth', heads=3, predictor_heads=2)
    assert holds_object_encoder(tmp_path / 'ours.pth')
    report = export_object_encoder(tmp_path / 'ours.pth', tmp_path / 'encoder.pth')
    assert report['whole'] is None and report['encoder']['channels'] == 12


def test_what_is_none_or_does_not_fit_is_refused(tmp_path):
    path, out = tmp_path / 'iter_7.pth', tmp_path / 'encoder.pth'
    checkpoint(path, encoder=dict(type='PatchEncoder', channels=16, depth=2, heads=2))
    with pytest.raises(InputError, match=r'tensors of its encoder are not those that its config makes'):
        export_object_encoder(path, out)
    checkpoint(path, encoder=dict(type='os.system', command='true'))
    with pytest.raises(InputError, match=r"made of \['os.system'\]"):
        export_object_encoder(path, out)
    with pytest.raises(InputError, match='wanted one of'):
        export_object_encoder(path, out, branch='both')
    torch.save(dict(state_dict={'student.backbone.x': torch.zeros(1)}, meta={}), path)
    assert not holds_object_encoder(path)
    with pytest.raises(InputError, match=r'no tensor begins with teacher\.encoder\.'):
        export_object_encoder(path, out)
    checkpoint(path)
    with pytest.raises(OutputExistsError, match='would replace the checkpoint'):
        export_object_encoder(path, path)
