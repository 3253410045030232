"""What is not a pretraining checkpoint, or does not fit, is refused with both sides in the message."""

import logging
import os

import pytest
import torch

from dos_mm3d.errors import UserError
from dos_mm3d.export.backbone import export_backbone, read_export
from dos_mm3d.export.config_text import read_entry
from dos_mm3d.export.loading import fit_report, require_fit
from tests.test_export.conftest import BACKBONE_TEXT


def altered(checkpoint, **changes):
    """The checkpoint with some of its entries replaced."""
    content = torch.load(checkpoint, weights_only=True)
    torch.save(content | changes, checkpoint)
    return content


def test_checkpoint_of_something_else(tmp_path):
    path = tmp_path / 'resnet.pth'
    torch.save({'state_dict': {'layer1.0.conv1.weight': torch.zeros(2, 2)}, 'meta': {}}, path)
    with pytest.raises(ValueError, match=r'resnet.pth.*Found layer1.0.conv1.*wanted teacher\.backbone\.'):
        export_backbone(path, tmp_path / 'out.pth')
    assert not (tmp_path / 'out.pth').exists()


@pytest.mark.parametrize('content', [{'weights': 1}, {'state_dict': {'a': 'text'}}, {'state_dict': [1, 2]}])
def test_file_without_tensors(tmp_path, content):
    torch.save(content, tmp_path / 'odd.pth')
    with pytest.raises(ValueError, match=r"odd.pth: no 'state_dict' of tensors"):
        export_backbone(tmp_path / 'odd.pth', tmp_path / 'out.pth')


def test_missing_truncated_and_executable_files(checkpoint, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nowhere\.pth'):
        export_backbone(tmp_path / 'nowhere.pth', tmp_path / 'out.pth')
    torch.save({'state_dict': {}, 'hook': print}, tmp_path / 'code.pth')
    with pytest.raises(ValueError, match=r'code.pth.*Unsupported global: GLOBAL print.*not loaded'):
        export_backbone(tmp_path / 'code.pth', tmp_path / 'out.pth')
    checkpoint.write_bytes(checkpoint.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r'iter_7.pth.*truncated'):
        export_backbone(checkpoint, tmp_path / 'out.pth')


def test_diverged_weights(checkpoint, tmp_path):
    tensors = altered(checkpoint)['state_dict']
    tensors['teacher.backbone.middle_encoder.conv_input.1.running_var'][3] = float('nan')
    altered(checkpoint, state_dict=tensors)
    with pytest.raises(ValueError, match=r'1 of 126 tensors hold NaN.*conv_input.1.running_var'):
        export_backbone(checkpoint, tmp_path / 'out.pth')


def test_variances_below_zero_are_neither_exported_nor_loaded(checkpoint, tmp_path):
    tensors = altered(checkpoint)['state_dict']
    tensors['teacher.backbone.middle_encoder.conv_input.1.running_var'][3] = -0.1
    altered(checkpoint, state_dict=tensors)
    with pytest.raises(ValueError, match=r'1 of 21 running variances are negative somewhere.*conv_input.1.running_var'):
        export_backbone(checkpoint, tmp_path / 'out.pth')
    assert not (tmp_path / 'out.pth').exists()


@pytest.mark.parametrize(('value', 'message'), [(-1.0, 'variances are negative'), (float('nan'), 'hold NaN')])
def test_weights_that_give_nan_are_not_loaded(tmp_path, value, message):
    model = torch.nn.BatchNorm1d(2)
    weights = {**model.state_dict(), 'running_var': torch.tensor([1.0, value]), 'of_another': torch.tensor(value)}
    torch.save({'state_dict': {f'module.{name}': tensor for name, tensor in weights.items()}}, tmp_path / 'x.pth')
    with pytest.raises(UserError, match=rf'x\.pth: 1 of \d .*{message}.* first running_var'):
        require_fit(model, tmp_path / 'x.pth')


def test_tensors_without_a_place_in_centerpoint(checkpoint, tmp_path):
    tensors = altered(checkpoint)['state_dict']
    altered(checkpoint, state_dict=tensors | {'teacher.backbone.extra.weight': torch.zeros(1)})
    with pytest.raises(ValueError, match=r'no place for: extra.weight'):
        export_backbone(checkpoint, tmp_path / 'out.pth')


def test_a_kernel_without_dimensions(checkpoint, tmp_path):
    name = 'teacher.backbone.middle_encoder.conv_input.0.weight'
    tensors = altered(checkpoint)['state_dict']
    altered(checkpoint, state_dict=tensors | {name: tensors[name].sum()})
    with pytest.raises(ValueError, match=r'first kernel has the shape \[\], which no layer has'):
        export_backbone(checkpoint, tmp_path / 'out.pth')


def test_config_that_lacks_or_contradicts_the_input(checkpoint, tmp_path):
    meta = altered(checkpoint)['meta']
    altered(checkpoint, meta=meta | {'cfg': meta['cfg'].replace('voxel_layer', 'other')})
    with pytest.raises(ValueError, match=r'no entry model\.data_preprocessor\.loss_grid\.point_cloud_range or model'):
        export_backbone(checkpoint, tmp_path / 'out.pth')
    altered(checkpoint, meta=meta | {'cfg': meta['cfg'].replace(", 'time lag [s]'", '')})
    with pytest.raises(ValueError, match=r'first kernel takes 5 channels, its config names 4'):
        export_backbone(checkpoint, tmp_path / 'out.pth')


@pytest.mark.parametrize(
    ('adapter', 'encoder', 'message'),
    [
        (
            'PillarBackbone',
            'in_channels=4',
            r'model\.backbone\.voxel_encoder\.in_channels takes 4 channels, .* names 5',
        ),
        ('Cylinder3DAdapter', 'in_channels=6', r'voxel_encoder\.in_channels takes 4 channels, .* names 5'),
    ],
)
def test_what_a_learnt_first_layer_takes_is_read_in_the_model_and_not_in_the_variable(
    checkpoint, tmp_path, adapter, encoder, message
):
    content = altered(checkpoint)
    text = content['meta']['cfg'].replace(BACKBONE_TEXT, f"dict(type='{adapter}', voxel_encoder=dict({encoder}))")
    tensors = {
        'teacher.backbone.voxel_encoder.weight': torch.ones(2),
        'teacher.backbone.backbone.weight': torch.ones(2),
    }
    altered(checkpoint, meta=content['meta'] | {'cfg': text}, state_dict=tensors)
    with pytest.raises(UserError, match=message):
        export_backbone(checkpoint, tmp_path / 'out.pth')
    right = text.replace(encoder, f'in_channels={int(encoder[-1]) + 1}')
    altered(checkpoint, meta=content['meta'] | {'cfg': right}, state_dict=tensors)
    with pytest.raises(UserError) as later:  # of what its two tensors are of
        export_backbone(checkpoint, tmp_path / 'out.pth')
    assert 'channels' not in str(later.value)


LOST = 'teacher.backbone.middle_encoder.encoder_layers.encoder_layer1.0.conv1.weight'


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda tensors: tensors.pop(LOST), r'lacks 1 of 126 tensors .*encoder_layer1\.0\.conv1\.weight'),
        (
            lambda tensors: tensors.update({LOST: tensors[LOST][..., :3]}),
            r'1 tensors do not fit .*\(16, 3, 3, 3, 3\), ',
        ),
        (lambda tensors: tensors.update({LOST: tensors[LOST].int()}), r'1 tensors are whole numbers'),
        (
            lambda tensors: tensors.update({LOST.replace('layer1', 'layer5'): torch.ones(1)}),
            r'1 of 127 tensors are none of the backbone that its config makes, first .*layer5',
        ),
    ],
    ids=['one lost', 'another shape', 'whole numbers', 'one more'],
)
def test_tensors_that_are_not_those_of_its_own_config(checkpoint, tmp_path, change, message):
    tensors = altered(checkpoint)['state_dict']
    change(tensors)
    altered(checkpoint, state_dict=tensors)
    with pytest.raises(UserError, match=message):
        export_backbone(checkpoint, tmp_path / 'out.pth')
    assert not (tmp_path / 'out.pth').exists()


def test_a_class_that_is_registered_nowhere_is_not_looked_up(checkpoint, tmp_path):
    meta = altered(checkpoint)['meta']
    altered(checkpoint, meta=meta | {'cfg': meta['cfg'].replace('HardSimpleVFE', 'os.system')})
    with pytest.raises(UserError, match=r"names the classes \['os.system'\], which are registered nowhere"):
        export_backbone(checkpoint, tmp_path / 'out.pth')


def test_config_text_is_parsed_and_never_run(tmp_path):
    mark = tmp_path / 'ran'
    text = f"voxel_size = [0.1]\nopen({str(mark)!r}, 'w')\nother = open({str(mark)!r}, 'w')\n"
    assert read_entry(text, 'voxel_size', source='x') == [0.1]
    with pytest.raises(ValueError, match='wanted a literal'):
        read_entry(text, 'other', source='x')
    assert not mark.exists()


def test_the_checkpoint_itself_is_never_replaced(checkpoint, tmp_path):
    before = checkpoint.read_bytes()
    (tmp_path / 'link.pth').symlink_to(checkpoint)
    for out in (checkpoint, tmp_path / 'link.pth'):
        with pytest.raises(UserError, match='would replace the checkpoint'):
            export_backbone(checkpoint, out)
    assert checkpoint.read_bytes() == before


def test_interrupted_write_keeps_the_old_file(checkpoint, tmp_path, monkeypatch):
    out = tmp_path / 'folder' / 'out.pth'
    first = export_backbone(checkpoint, out)

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, 'fsync', die)
    with pytest.raises(KeyboardInterrupt):
        export_backbone(checkpoint, out, branch='student')
    assert read_export(out)['meta']['sha256'] == first['sha256']
    assert [entry.name for entry in out.parent.iterdir()] == ['out.pth']


def test_weights_of_which_nothing_fits_list_both_sides(checkpoint, new_detector):
    with pytest.raises(ValueError) as error:
        require_fit(new_detector(5), checkpoint)
    message = str(error.value)
    assert 'student.backbone.middle_encoder.conv_input.0.weight (16, 3, 3, 3, 5)' in message
    assert 'pts_middle_encoder.conv_input.0.weight (16, 3, 3, 3, 5)' in message
    assert 'export_backbone.py' in message


def test_kernels_in_the_wrong_layout_are_an_error(pretrained, new_detector, tmp_path):
    encoder = pretrained.teacher.backbone.middle_encoder.state_dict()
    path = tmp_path / 'obvious.pth'
    torch.save({'state_dict': {f'pts_middle_encoder.{name}': value for name, value in encoder.items()}}, path)
    with pytest.raises(ValueError, match=r'21 convolution kernels.*layout'):
        require_fit(new_detector(5), path)


def test_partial_fit_is_counted_and_logged(checkpoint, new_detector, tmp_path, caplog):
    export_backbone(checkpoint, tmp_path / 'out.pth')
    content = torch.load(tmp_path / 'out.pth', weights_only=True)
    tensors = content['state_dict']
    tensors['surplus'] = torch.zeros(3)
    tensors['pts_middle_encoder.conv_out.1.bias'] = torch.zeros(7)
    torch.save({'state_dict': tensors}, tmp_path / 'partial.pth')
    with caplog.at_level(logging.INFO):
        report = require_fit(new_detector(5), tmp_path / 'partial.pth')
    assert report.unexpected == ('surplus',) and len(report.matched) == 125
    assert list(report.wrong_shape) == ['pts_middle_encoder.conv_out.1.bias']
    assert any(name.startswith('pts_backbone.') for name in report.missing)


def test_a_detectors_own_checkpoint_fits_whole(new_detector, tmp_path):
    """mmengine's checkpoints carry version-2 metadata and spconv-2 kernels: the other layout, and it fits too."""
    detector = new_detector(5)
    torch.save({'state_dict': detector.state_dict()}, tmp_path / 'epoch_1.pth')
    report = require_fit(new_detector(6), tmp_path / 'epoch_1.pth')
    assert len(report.matched) == len(detector.state_dict())
    assert not (report.missing or report.unexpected or report.wrong_shape)


def test_report_predicts_what_the_loader_does(checkpoint, new_detector, tmp_path):
    export_backbone(checkpoint, tmp_path / 'out.pth')
    tensors = torch.load(tmp_path / 'out.pth', weights_only=True)['state_dict']
    tensors['pts_middle_encoder.conv_out.0.weight'] = tensors['pts_middle_encoder.conv_out.0.weight'][..., :-1]
    detector = new_detector(5)
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    report = fit_report(detector, tensors)
    from mmengine.runner.checkpoint import load_state_dict

    load_state_dict(detector, tensors)
    changed = {name for name, value in detector.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == set(report.matched) and len(report.matched) == 125
