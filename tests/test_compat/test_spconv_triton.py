"""spconv-triton in spconv's place: what mmdet3d builds with it, and CPU tensors beside it. Its kernels need a GPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dos_mm3d.compat import spconv_triton
from tests.helpers.doc_references import ROOT

# Loads the weights of an encoder with spconv's modules into one with spconv-triton's, and computes on the CPU.
CHILD = """
import sys

import dos_mm3d
from mmengine.registry import MODELS
from tests.test_compat.test_spconv_triton import build, gradients

import torch

data = torch.load(sys.argv[1])
encoder = build()
encoder.load_state_dict(data['weights'])
convolutions = [module for module in encoder.modules() if 'Conv3d' in type(module).__name__]
print('modules of', *{type(module).__module__ for module in convolutions}, MODELS.get('SubMConv3d').__module__)
torch.save(gradients(encoder, data['features'], data['sites']), sys.argv[2])
"""


def build() -> nn.Module:
    """A small SparseEncoder of mmdet3d."""
    from mmdet3d.registry import MODELS

    channels = {'encoder_channels': ((8, 16), (16, 16)), 'encoder_paddings': ((1, 1), (1, 1)), 'output_channels': 16}
    settings = {'type': 'SparseEncoder', 'in_channels': 4, 'sparse_shape': [17, 20, 24], 'base_channels': 8} | channels
    return MODELS.build(settings | {'block_type': 'basicblock'}).eval()


def gradients(encoder: nn.Module, features: Tensor, sites: Tensor) -> dict[str, Tensor]:
    """The output and the gradient of every weight, by name."""
    out = encoder(features, sites, 2)
    out.square().sum().backward()
    return {'out': out.detach()} | {name: weight.grad for name, weight in encoder.named_parameters()}


def test_an_encoder_of_triton_has_the_same_weights_and_the_same_bits_on_the_cpu(tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = build()
    cells = torch.randperm(2 * 17 * 20 * 24)[:600]
    sites = torch.stack(torch.unravel_index(cells, (2, 17, 20, 24)), dim=1).int()
    data = {'weights': encoder.state_dict(), 'features': torch.randn(600, 4), 'sites': sites}
    torch.save(data, tmp_path / 'in.pt')
    command = [sys.executable, '-c', CHILD, str(tmp_path / 'in.pt'), str(tmp_path / 'out.pt')]
    environment = os.environ | {'DOS_SPCONV': 'triton', 'PYTHONPATH': os.pathsep.join([str(ROOT), *sys.path])}
    child = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert child.returncode == 0, child.stderr
    assert 'modules of spconv_triton.pytorch.conv spconv_triton.pytorch.conv\n' in child.stdout
    wanted, got = gradients(encoder, data['features'], sites), torch.load(tmp_path / 'out.pt')
    assert wanted.keys() == got.keys() and len(got) > 20
    assert all(torch.equal(wanted[name], got[name]) for name in wanted)


def test_models_that_were_imported_before_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DOS_SPCONV', 'triton')
    with pytest.raises(ImportError, match=r'import dos_mm3d first'):
        spconv_triton.put_triton_in_place_of_spconv()


@pytest.mark.parametrize(
    ('gpu', 'cpu_build', 'there', 'wanted'), [(1, 1, 1, 1), (0, 1, 1, 0), (1, 0, 1, 0), (1, 1, 0, 0)]
)
def test_it_is_taken_where_spconv_cannot_use_the_gpu(
    monkeypatch: pytest.MonkeyPatch, gpu: int, cpu_build: int, there: int, wanted: int
) -> None:
    from spconv import cppconstants

    monkeypatch.delenv('DOS_SPCONV', raising=False)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: bool(gpu))
    monkeypatch.setattr(cppconstants, 'CPU_ONLY_BUILD', bool(cpu_build))
    monkeypatch.setattr(spconv_triton, 'find_spec', lambda name: True if name == 'spconv' or there else None)
    assert bool(spconv_triton._is_wanted()) == bool(wanted)
