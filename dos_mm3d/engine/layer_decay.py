"""Learning rates that fall from the head down to the layer that takes the points."""

from collections import defaultdict
from collections.abc import Iterator

from mmdet3d.models.backbones import MinkUNetBackbone
from mmdet3d.models.middle_encoders import SparseEncoder
from mmdet3d.registry import OPTIM_WRAPPER_CONSTRUCTORS
from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from ..errors import InputError
from ..models.backbones.ptv3 import PTv3

LAYERED = (PTv3, SparseEncoder, MinkUNetBackbone)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecay(DefaultOptimWrapperConstructor):
    """Parameters at depth d learn at ``lr * layer_decay ** (deepest - d)``, one parameter group a depth.

    Depth 0 takes the points; then come, in the order of computation, the blocks of PTv3's encoder (a pooling belongs to
    the block after it), the stages of a SparseEncoder, or those of MinkUNet's encoder and decoder, which is pretrained
    too. All else, which starts untrained, is the deepest and has the full rate. Frozen parameters are left out.

    ``optim_wrapper = dict(constructor='LayerDecay', paramwise_cfg=dict(layer_decay=0.8), optimizer=...)``

    mmengine's OneCycleLR sets one ``eta_max`` in all groups and so undoes this; ProportionalOneCycleLR, LinearLR and
    CosineAnnealingLR with ``eta_min_ratio`` scale each group's own rate.
    """

    def _validate_cfg(self) -> None:
        decay = self.paramwise_cfg.get('layer_decay')
        if set(self.paramwise_cfg) != {'layer_decay'} or not 0 < decay <= 1:
            raise InputError(f'paramwise_cfg is {dict(self.paramwise_cfg)}, wanted dict(layer_decay=x), 0 < x <= 1')
        if self.base_lr is None:
            raise InputError('optim_wrapper.optimizer has no lr: the rate of the head must be stated')

    def add_params(self, params: list[dict], module: nn.Module, **kwargs: object) -> None:
        """Append one group for each depth that has trainable parameters, the first layer's first."""
        prefix, backbone = find_backbone(module)
        layers = list(layers_of(backbone))
        groups = defaultdict(list)
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                inside = name.removeprefix(prefix) if name.startswith(prefix) else ''
                groups[depth_of(inside, layers)].append(parameter)
        decay = self.paramwise_cfg['layer_decay']
        params.extend(
            dict(params=groups[depth], lr=self.base_lr * decay ** (len(layers) - depth), depth=depth)
            for depth in sorted(groups)
        )


def find_backbone(model: nn.Module) -> tuple[str, nn.Module]:
    """The one backbone of LAYERED in a model and the prefix of its parameters' names; InputError for another number."""
    found = [
        (f'{name}.' if name else '', module) for name, module in model.named_modules() if isinstance(module, LAYERED)
    ]
    if len(found) != 1:
        raise InputError(
            f'{type(model).__name__} has {len(found)} of {", ".join(kind.__name__ for kind in LAYERED)}, wanted one to '
            'give its layers their rates'
        )
    return found[0]


def depth_of(name: str, layers: list[tuple[str, ...]]) -> int:
    """Number of the layer that a parameter of the backbone lies in; that of the head for all others."""
    return next((depth for depth, prefixes in enumerate(layers) if name.startswith(prefixes)), len(layers))


def layers_of(backbone: nn.Module) -> Iterator[tuple[str, ...]]:
    """Prefixes of the names of the parameters of each layer, in the order of computation; what is left out starts
    untrained."""
    if isinstance(backbone, PTv3):
        yield ('embedding.',)
        for stage_name, stage in backbone.enc.named_children():
            before: tuple[str, ...] = ()
            for part_name, _ in stage.named_children():
                name = f'enc.{stage_name}.{part_name}.'
                if part_name == 'down':
                    before = (name,)
                else:
                    yield (*before, name)
                    before = ()
        return
    yield ('conv_input.',)
    if isinstance(backbone, SparseEncoder):
        yield from ((f'encoder_layers.{name}.',) for name, _ in backbone.encoder_layers.named_children())
        yield ('conv_out.',)
    else:
        for half in ('encoder', 'decoder'):
            yield from ((f'{half}.{name}.',) for name, _ in getattr(backbone, half).named_children())
