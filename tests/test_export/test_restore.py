"""What ships is probed: an exported backbone comes back tensor for tensor, by its own config, and runs nothing."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from dos_mm3d.errors import InputError
from dos_mm3d.export.backbone import export_backbone
from dos_mm3d.export.files import tensors_sha256, to_spconv1, to_spconv2
from dos_mm3d.export.restore import backbone_of_export, config_of_export, is_export
from dos_mm3d.probe.pretrained import load_pretrained
from dos_mm3d.studies.protocols.downstream import export_once
from dos_mm3d.studies.protocols.sources import read_sources
from dos_mm3d.studies.runner.config_file import write_config
from tests.helpers.round_trip import pretraining_model, save_as_runner_does

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/dos'


def exported_for(name: str, folder: Path, task: str | None = None) -> tuple[torch.nn.Module, Path]:
    config = CONFIGS / f'{name}.py'
    model = pretraining_model(config)
    checkpoint = save_as_runner_does(model, Config.fromfile(config).pretty_text, folder / 'iter_7.pth')
    export_backbone(checkpoint, folder / 'backbone.pth', task=task)
    return model, folder / 'backbone.pth'


def rewrite(path: Path, out: Path, **meta: str) -> Path:
    """The same file with other entries of its meta, its sha256 right."""
    export = torch.load(path, weights_only=True)
    export['meta'] |= {**meta, 'sha256': tensors_sha256(export['state_dict'])}
    torch.save(export, out)
    return out


@pytest.mark.parametrize(
    ('name', 'task'),
    [
        ('dos_second_synthetic', None),
        ('dos_minkunet_synthetic', None),
        ('dos_ptv3_synthetic', 'detection'),
        ('dos_ptv3_synthetic', 'segmentation'),
    ],
)
def test_every_tensor_comes_back_by_the_config_in_the_file(name, task, tmp_path):
    model, exported = exported_for(name, tmp_path, task)
    assert is_export(exported) and not is_export(tmp_path / 'iter_7.pth')
    write_config(tmp_path / 'config.py', config_of_export(exported))
    restored = load_pretrained(Config.fromfile(tmp_path / 'config.py'), exported)
    wanted, found = model.teacher.backbone.state_dict(), restored.teacher.backbone.state_dict()
    assert wanted.keys() == found.keys()
    assert all(torch.equal(wanted[key], found[key]) for key in wanted)
    assert not restored.training


@pytest.fixture(scope='module')
def second(tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.nn.Module, Path]:
    return exported_for('dos_second_synthetic', tmp_path_factory.mktemp('second'))


def test_half_precision_becomes_float32(second, tmp_path):
    export = torch.load(second[1], weights_only=True)
    export['state_dict'] = {key: value.half() for key, value in export['state_dict'].items()}
    torch.save(export, tmp_path / 'half.pth')
    found = backbone_of_export(rewrite(tmp_path / 'half.pth', tmp_path / 'whole.pth'))
    for key, value in second[0].teacher.backbone.state_dict().items():
        if value.is_floating_point():
            assert found[key].dtype == torch.float32
            assert torch.equal(found[key], value.half().float())


def test_kernels_go_there_and_back():
    kernel = torch.arange(2 * 3 * 4 * 5 * 6).view(2, 3, 4, 5, 6)
    assert torch.equal(to_spconv2(to_spconv1(kernel)), kernel)
    assert to_spconv2(to_spconv1(kernel)).is_contiguous()


def test_a_config_that_would_call_something_is_refused(second, tmp_path):
    """mmengine imports what a `type` with dots names, and calls it with the other entries."""
    text = torch.load(second[1], weights_only=True)['meta']['config']
    for evil in ('os.system', 'Unheard'):
        wrong = rewrite(second[1], tmp_path / 'wrong.pth', config=text.replace("'HardSimpleVFE'", repr(evil)))
        with pytest.raises(
            InputError, match=rf"wrong\.pth: its config names the classes \['{evil}'\], .*--config PATH"
        ):
            config_of_export(wrong)
    more = rewrite(second[1], tmp_path / 'more.pth', config=f"custom_imports = dict(imports=['this'])\n{text}")
    assert set(config_of_export(more)) <= {'model', 'input_channels', 'train_dataloader', 'train_cfg', 'randomness'}


def test_a_source_of_the_command_line_may_be_an_exported_file(second, tmp_path):
    (source,) = read_sources([f'synthetic={second[1]}'], [], None, {})
    assert source.exported and source.config_file == second[1]
    assert source.input.channels[3:] == ('intensity 0-255', 'time lag [s]')
    assert (source.input.num_sweeps, source.input.forward, source.input.ground_z_m) == (2, 'y', -1.84)
    assert source.record['exported'] and source.record['steps'] == 2000
    assert export_once(source, 'detection', tmp_path) == second[1], 'it is what a detector loads'
    with pytest.raises(InputError, match=r'of its .* tensors are not those of the backbone that the config makes'):
        read_sources([f'synthetic={second[1]}'], [str(CONFIGS / 'dos_second_folder.py')], None, {})


def test_an_altered_file_is_refused(second, tmp_path):
    export = torch.load(second[1], weights_only=True)
    next(iter(export['state_dict'].values())).view(-1)[0] += 1
    torch.save(export, tmp_path / 'altered.pth')
    with pytest.raises(InputError, match=r'altered\.pth: its tensors hash to'):
        backbone_of_export(tmp_path / 'altered.pth')


@pytest.mark.parametrize('name', ['dos_cylinder3d_synthetic', 'dos_pillars_synthetic', 'dos_spvcnn_synthetic'])
def test_configs_of_all_backbones_name_registered_classes_only(name, second, tmp_path):
    """A file of any of them can be probed without a config beside it."""
    text = Config.fromfile(CONFIGS / f'{name}.py').pretty_text
    assert config_of_export(rewrite(second[1], tmp_path / 'other.pth', config=text))['model']['type'] == 'DOS'
