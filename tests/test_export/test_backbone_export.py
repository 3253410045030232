"""The exported file carries the teacher into mmdet3d's unmodified CenterPoint, tensor for tensor."""

from pathlib import Path

import pytest
import torch
from torch import nn

from dos_mm3d.export.backbone import export_backbone, read_export
from dos_mm3d.export.config_text import portable_text
from dos_mm3d.export.files import tensors_sha256, to_spconv1
from dos_mm3d.export.loading import fit_report
from tests.helpers.forked import run_forked
from tests.helpers.round_trip import load_through_runner

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def exported(checkpoint, tmp_path) -> Path:
    out = tmp_path / 'backbone.pth'
    export_backbone(checkpoint, out)
    return out


def load_through_init_cfg(new_detector, path: Path) -> nn.Module:
    detector = new_detector(5, init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    detector.init_weights()
    return detector


def features(encoder: nn.Module, detector: nn.Module, scan: torch.Tensor) -> torch.Tensor:
    """BEV features of one scan by `encoder`, in eval mode, so that the BatchNorm statistics count."""
    voxels = detector.data_preprocessor({'inputs': {'points': [scan]}, 'data_samples': []})['inputs']['voxels']
    mean = detector.pts_voxel_encoder(voxels['voxels'], voxels['num_points'], voxels['coors'])
    with torch.no_grad():
        output = encoder.eval()(mean, voxels['coors'], 1)
    return output[0] if encoder.return_middle_feats else output


def assert_same_encoder(detector: nn.Module, encoder: nn.Module) -> None:
    wanted, found = encoder.state_dict(), detector.pts_middle_encoder.state_dict()
    assert list(found) == list(wanted) and len(wanted) == 126
    different = [name for name in wanted if not torch.equal(found[name], wanted[name])]
    assert different == []


def test_load_from_gives_every_tensor_and_the_same_features(exported, pretrained, new_detector, scan, tmp_path):
    detector = load_through_runner(new_detector(5), exported, tmp_path / 'run')
    teacher = pretrained.teacher.backbone.middle_encoder
    assert_same_encoder(detector, teacher)
    wanted = features(teacher, detector, scan)
    assert wanted.abs().max() > 0
    assert torch.equal(features(detector.pts_middle_encoder, detector, scan), wanted)
    assert not torch.equal(features(new_detector(5).pts_middle_encoder, detector, scan), wanted)


def test_init_cfg_gives_every_tensor_and_the_same_features(exported, pretrained, new_detector, scan):
    detector = load_through_init_cfg(new_detector, exported)
    teacher = pretrained.teacher.backbone.middle_encoder
    assert_same_encoder(detector, teacher)
    assert torch.equal(features(detector.pts_middle_encoder, detector, scan), features(teacher, detector, scan))


def test_nothing_but_the_encoder_changes(exported, new_detector, tmp_path):
    before, after = new_detector(5), load_through_runner(new_detector(5), exported, tmp_path / 'run')
    wanted = before.state_dict()
    changed = {name for name, value in after.state_dict().items() if not torch.equal(value, wanted[name])}
    assert changed == {name for name in wanted if name.startswith('pts_middle_encoder.')}


def test_every_exported_name_has_a_place_and_nothing_is_left_over(exported, new_detector):
    report = fit_report(new_detector(5), read_export(exported)['state_dict'])
    assert len(report.matched) == 126 and not report.unexpected and not report.wrong_shape
    assert not any(name.startswith('pts_middle_encoder') for name in report.missing)


def test_a_plain_dict_in_spconv2_layout_leaves_the_kernels_random(exported, pretrained, new_detector, tmp_path):
    """Why the export permutes: without it no kernel loads, and mmengine only warns."""
    obvious = {
        f'pts_middle_encoder.{name}': value.clone()
        for name, value in pretrained.teacher.backbone.middle_encoder.state_dict().items()
    }
    path = tmp_path / 'obvious.pth'
    torch.save({'state_dict': obvious}, path)
    found = load_through_runner(new_detector(5), path, tmp_path / 'run').state_dict()
    equal = {name for name, value in obvious.items() if torch.equal(found[name], value)}
    kernels = {name for name, value in obvious.items() if value.ndim == 5}
    assert len(kernels) == 21 and equal == set(obvious) - kernels


def test_student_is_exported_on_request(checkpoint, pretrained, new_detector, tmp_path):
    report = export_backbone(checkpoint, tmp_path / 'student.pth', branch='student')
    detector = load_through_init_cfg(new_detector, tmp_path / 'student.pth')
    assert report['branch'] == 'student'
    assert_same_encoder(detector, pretrained.student.backbone.middle_encoder)


def test_meta_says_what_the_encoder_was_fed(exported):
    export = read_export(exported)
    meta = export['meta']
    assert type(export['state_dict']) is dict and not hasattr(export['state_dict'], '_metadata')
    assert meta['input_channels'] == ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]']
    assert meta['point_cloud_range'] == [-51.2, -51.2, -5.0, 51.2, 51.2, 3.0] and meta['voxel_size'] == [0.1, 0.1, 0.2]
    assert (meta['iteration'], meta['branch']) == (7, 'teacher') and "type='DOS'" in meta['config']
    assert meta['sha256'] == tensors_sha256(export['state_dict'])


def test_hash_sees_values_shapes_and_names():
    base = {'a': torch.arange(6.0).reshape(2, 3)}
    others = [{'a': base['a'] + 1e-6}, {'a': base['a'].reshape(3, 2)}, {'b': base['a']}, {'a': base['a'].double()}]
    hashes = {tensors_sha256(tensors) for tensors in [base, *others]}
    assert len(hashes) == 5
    assert tensors_sha256({'a': base['a'].t().contiguous().t()}) == tensors_sha256(base)


def test_same_checkpoint_same_hash_and_an_altered_file_is_refused(checkpoint, exported, tmp_path):
    again = export_backbone(checkpoint, tmp_path / 'again.pth')
    export = read_export(exported)
    assert again['sha256'] == export['meta']['sha256']
    export['state_dict']['pts_middle_encoder.conv_out.0.weight'][0, 0, 0, 0, 0] += 1
    torch.save(export, exported)
    with pytest.raises(ValueError, match='export again'):
        read_export(exported)


def test_a_kernel_of_spconv1_has_its_output_channel_last():
    kernel = torch.randn(7, 3, 1, 2, 5)
    there = to_spconv1(kernel)
    assert there.shape == (3, 1, 2, 5, 7) and there.is_contiguous()
    assert there[2, 0, 1, 4, 6] == kernel[6, 2, 0, 1, 4]
    assert torch.equal(there.permute(4, 0, 1, 2, 3), kernel)


def test_tool_exports_and_refuses_with_one_line(checkpoint, tmp_path):
    out = tmp_path / 'out.pth'
    good = run_forked('export_backbone', checkpoint, out)
    assert good.returncode == 0 and read_export(out)['meta']['sha256'] in good.stdout
    bad = run_forked('export_backbone', out, tmp_path / 'twice.pth')
    assert bad.returncode == 1 and 'already what mmdet3d loads' in bad.stderr and 'Traceback' not in bad.stderr
    assert not (tmp_path / 'twice.pth').exists()


def test_absolute_paths_stay_on_their_machine():
    text = "data_root = '/home/a b/data/sweeps'\nload_from = \"/x/y/it's.pth\"\nann_file = 'data/infos.pkl'\n"
    wanted = "data_root = '.../data/sweeps'\nload_from = \".../y/it's.pth\"\nann_file = 'data/infos.pkl'\n"
    assert portable_text(text) == wanted and portable_text(wanted) == wanted
