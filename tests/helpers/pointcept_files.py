"""Files as Pointcept writes them, around tiny networks."""

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor

from dos_mm3d.export.pointcept import Conversion, convert_pointcept
from dos_mm3d.models.backbones.ptv3 import PTv3

CHANNELS = dict(m1=(16, 32), m2=(16, 32), m3=(18, 36))
HEADS = [1, 2]


def network(variant: str = 'm2', *, decoder: bool = False, **settings) -> PTv3:
    torch.manual_seed(len(variant) + decoder)
    widths = CHANNELS[variant]
    net = PTv3(
        6,
        dict(channels=widths, depths=(2, 1), heads=HEADS),
        dict(channels=widths[:1], depths=(1,), heads=HEADS[:1]) if decoder else None,
        variant=variant,
        **settings,
    )
    for name, value in net.state_dict().items():
        if value.is_floating_point() and 'inv_freq' not in name:
            value.uniform_(0.1, 1)
    return net.eval()


def tensors(net: PTv3, prefix: str = '') -> OrderedDict[str, Tensor]:
    """A plain state dict as Pointcept writes it: kernels (out, k, k, k, in)."""
    return OrderedDict((prefix + name, value.clone()) for name, value in net.state_dict().items())


def published_config(variant: str = 'm2', **changes) -> dict:
    return dict(
        in_channels=6,
        order=('z', 'hilbert'),
        stride=(2,),
        enc_depths=(2, 1),
        enc_channels=CHANNELS[variant],
        enc_num_head=(2, 4),
        enc_patch_size=(48, 64),
        mlp_ratio=4,
        qkv_bias=True,
        drop_path=0.1,
        enc_mode=True,
        traceable=True,
        freeze_encoder=False,
        **changes,
    )


def head(prefix: str = '') -> dict[str, Tensor]:
    return {f'{prefix}seg_head.weight': torch.ones(3, 16), f'{prefix}seg_head.bias': torch.ones(3)}


def trainer_file(state_dict: dict) -> dict:
    return dict(
        epoch=7,
        state_dict=state_dict,
        optimizer=dict(state={0: dict(step=torch.tensor(1.0))}, param_groups=[dict(lr=0.1, params=[0])]),
        scheduler=dict(last_epoch=3),
        scaler=None,
        best_metric_value=0.5,
    )


def pretraining(student: PTv3, teacher: PTv3, module: str = 'module.') -> dict:
    state = {**tensors(student, f'{module}student.backbone.'), **tensors(teacher, f'{module}teacher.backbone.')}
    for branch in ('student', 'teacher'):
        state[f'{module}{branch}.mask_head.mlp.0.weight'] = torch.ones(4, 4)
        state[f'{module}{branch}.unmask_head.prototype.parametrizations.weight.original0'] = torch.ones(4, 1)
    return trainer_file(state)


SAID = dict(enc_num_head=HEADS, dec_num_head=HEADS[:1], enc_patch_size=1024)
"""What nobody can see in the tensors of `network`, under the names of published configs."""


def convert(content: dict, tmp_path: Path, given: dict | None = None, **settings) -> Conversion:
    """Convert a file; where neither it nor the test says anything of its settings, SAID does."""
    if given is None and not (isinstance(content, dict) and content.get('config')):
        given = SAID
    torch.save(content, tmp_path / 'in.pth')
    return convert_pointcept(tmp_path / 'in.pth', tmp_path / 'out.pth', given=given, **settings)
