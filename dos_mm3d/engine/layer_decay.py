"""Learning rates that fall from the head down to the stem of Point Transformer V3."""

from collections import defaultdict

from mmdet3d.registry import OPTIM_WRAPPER_CONSTRUCTORS
from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from ..errors import InputError
from ..models.backbones.ptv3 import PTv3


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class PTv3LayerDecay(DefaultOptimWrapperConstructor):
    """Parameters at depth d learn at ``lr * layer_decay ** (deepest - d)``, one parameter group a depth.

    The stem is depth 0; the encoder's blocks are 1, 2, ... in the order of computation, a pooling belongs to the block
    after it; decoder and head, which start untrained, are the deepest and have the full rate. Frozen parameters are
    left out.

    ``optim_wrapper = dict(constructor='PTv3LayerDecay', paramwise_cfg=dict(layer_decay=0.8), optimizer=...)``

    mmengine's OneCycleLR sets one ``eta_max`` in all groups and so undoes this; LinearLR and CosineAnnealingLR with
    ``eta_min_ratio`` scale each group's own rate.
    """

    def _validate_cfg(self) -> None:
        decay = self.paramwise_cfg.get('layer_decay')
        if set(self.paramwise_cfg) != {'layer_decay'} or not 0 < decay <= 1:
            raise InputError(f'paramwise_cfg is {dict(self.paramwise_cfg)}, wanted dict(layer_decay=x), 0 < x <= 1')
        if self.base_lr is None:
            raise InputError('optim_wrapper.optimizer has no lr: the rate of the head must be stated')

    def add_params(self, params: list[dict], module: nn.Module, **kwargs: object) -> None:
        """Append one group for each depth that has trainable parameters, stem first."""
        prefix, backbone = find_ptv3(module)
        depths = parameter_depths(backbone)
        deepest = sum(backbone.encoder.depths) + 1
        groups = defaultdict(list)
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                inside = name.removeprefix(prefix) if name.startswith(prefix) else None
                groups[depths.get(inside, deepest)].append(parameter)
        decay = self.paramwise_cfg['layer_decay']
        params.extend(
            dict(params=groups[depth], lr=self.base_lr * decay ** (deepest - depth), depth=depth)
            for depth in sorted(groups)
        )


def find_ptv3(model: nn.Module) -> tuple[str, PTv3]:
    """The one PTv3 of a model and the prefix of its parameters' names; ValueError for none or several."""
    found = [(f'{name}.' if name else '', module) for name, module in model.named_modules() if isinstance(module, PTv3)]
    if len(found) != 1:
        raise InputError(f'{type(model).__name__} has {len(found)} PTv3, wanted one to give its layers their rates')
    return found[0]


def parameter_depths(backbone: PTv3) -> dict[str, int]:
    """Depth of the parameters of stem and encoder, by name in PTv3."""
    depths = {f'embedding.{name}': 0 for name, _ in backbone.embedding.named_parameters()}
    depth = 1
    for stage_name, stage in backbone.enc.named_children():
        for part_name, part in stage.named_children():
            depths |= {f'enc.{stage_name}.{part_name}.{name}': depth for name, _ in part.named_parameters()}
            depth += part_name != 'down'
    return depths
